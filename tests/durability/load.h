// Users with two devices each who write and call one another without a pause, and a ledger of what
// the server has told them, which must stay true whatever happens to it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "device.h"
#include "process.h"

namespace parley::test {

// Of all runs of the server on one file.
struct Ledger {
  struct Text {
    std::string chain;
    std::string from;
    std::string body;
    std::int64_t at = 0;  // as acknowledged; 0: it was not
  };
  std::map<std::string, Text> texts;                     // every one that was sent
  std::set<std::string> calls;                           // whose call.init was acknowledged
  std::map<std::string, std::string> ends;               // call -> what call.end said
  std::map<std::string, std::set<std::string>> members;  // of chains that a text founded
  // For each connection the texts it was sent, (chain, id), in that order.
  std::vector<std::vector<std::pair<std::string, std::string>>> heard;
  std::vector<std::string> wrong;  // what cannot be

  void note_text(const std::string& id, const std::string& chain, const std::string& from,
                 const std::string& body, std::int64_t at);
  void note_end(const std::string& call, const std::string& how);
};

// "reason durationMs a=x b=y", as call.end and history have it.
[[nodiscard]] std::string how_it_ended(const Message& message);

// Runs until `done`, handling what comes to these devices; false when nothing came for long.
[[nodiscard]] bool run_until(Parleyd& server, const std::vector<Device*>& devices,
                             const std::function<bool()>& done);

class Load {
 public:
  static constexpr std::size_t kUsers = 4;

  Load(Parleyd& server, Ledger& ledger, std::mt19937& random,
       const std::array<std::string, kUsers>& tokens);
  // Connects every device.
  [[nodiscard]] bool connect();
  // Plays until so many messages have come in.
  [[nodiscard]] bool play(std::size_t messages);
  // The server is dead: takes what it still said.
  void take_the_rest();

 private:
  // How a call goes. The id of a call names it, so that every device plays along.
  enum class Plot { kAccepted, kContested, kRejected, kCancelled, kLeftRinging, kLeftRunning };
  struct User {
    std::string profile;
    std::array<std::unique_ptr<Device>, 2> devices;
    std::size_t welcomed = 0;
    std::vector<std::string> chains;  // it may write into
    std::set<Plot> left;              // of calls that go on until the server dies
  };

  void heard(User& user, std::size_t device, std::size_t connection, const Message& message);
  void heard_ok(User& user, std::size_t device, const Message& message);
  void heard_error(const User& user, const Message& message);
  void heard_init(User& user, std::size_t device, const Message& message);
  void heard_of_own_call(User& user, const Message& message);
  void write_text(User& user, std::size_t device);
  void begin_call(User& user);
  [[nodiscard]] static Plot plot_of(const std::string& call);
  [[nodiscard]] std::string next_id(const std::string& prefix);
  [[nodiscard]] std::size_t below(std::size_t bound);
  [[nodiscard]] std::vector<Device*> devices() const;

  Parleyd& server_;
  Ledger& ledger_;
  std::mt19937& random_;
  std::array<User, kUsers> users_;
  const std::array<std::string, kUsers> tokens_;
  std::size_t messages_ = 0;
  bool dead_ = false;
};

}  // namespace parley::test
