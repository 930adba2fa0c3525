#include "token_source.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base.h"
#include "json.h"
#include "options.h"

namespace parley::load {
namespace {

constexpr const char* kAudience = "parley";
constexpr std::uint64_t kLifeSeconds = 21'600;

std::string base64url(const unsigned char* data, std::size_t size) {
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), data, static_cast<int>(size));
  text.resize(static_cast<std::size_t>(length));
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

std::string base64url(const std::string& text) {
  return base64url(reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

void trim_end(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
}

}  // namespace

bool TokenSource::token_for(const std::string& profile, std::string& token, std::string& error) {
  if (const auto it = tokens_.find(profile); it != tokens_.end()) {
    token = it->second;
    return true;
  }
  if (!options_.token_command.empty() && !run_command(profile, token, error)) return false;
  if (options_.token_command.empty() && !options_.token_key_file.empty() &&
      !make_token(profile, token, error)) {
    return false;
  }
  tokens_[profile] = token;
  return true;
}

bool TokenSource::run_command(const std::string& profile, std::string& token,
                              std::string& error) const {
  std::string command = options_.token_command;
  const std::size_t at = command.find("{}");
  if (at == std::string::npos) {
    error = "--token-command has no {} for the profile id";
    return false;
  }
  command.replace(at, 2, profile);
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) {
    error = "cannot run: " + command;
    return false;
  }
  token.clear();
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    token.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  trim_end(token);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !token.empty()) return true;
  error = "this printed no token: " + command;
  return false;
}

bool TokenSource::make_token(const std::string& profile, std::string& token,
                             std::string& error) const {
  std::ifstream file(options_.token_key_file, std::ios::binary);
  std::string key{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  trim_end(key);
  if (key.empty()) {
    error = "cannot read a key from " + options_.token_key_file;
    return false;
  }
  Json header{{"alg", "HS256"}, {"typ", "JWT"}};
  if (!options_.token_key_id.empty()) header["kid"] = options_.token_key_id;
  const std::uint64_t now_s = realtime_ns() / kSecondNs;
  const Json claims{
      {"sub", profile}, {"profiles", {profile}}, {"aud", kAudience}, {"exp", now_s + kLifeSeconds}};
  token = base64url(header.dump()) + "." + base64url(claims.dump());
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(token.data()), token.size(), mac.data(), &size);
  token += "." + base64url(mac.data(), size);
  return true;
}

}  // namespace parley::load
