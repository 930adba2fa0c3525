// Where participants get their access tokens: from a command, or made here with a shared key.
#pragma once

#include <map>
#include <string>

namespace parley::load {

struct Options;

// Single-threaded; running the command blocks.
class TokenSource {
 public:
  explicit TokenSource(const Options& options) : options_(options) {}
  // The token of `profile`, asked for once. False with `error` set when there is none; without a
  // command or key all tokens are empty.
  [[nodiscard]] bool token_for(const std::string& profile, std::string& token, std::string& error);

 private:
  [[nodiscard]] bool run_command(const std::string& profile, std::string& token,
                                 std::string& error) const;
  [[nodiscard]] bool make_token(const std::string& profile, std::string& token,
                                std::string& error) const;

  const Options& options_;
  std::map<std::string, std::string> tokens_;
};

}  // namespace parley::load
