// Two devices of a receiver accept at the same moment, 200 times, over real sockets to one server.
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "load.h"
#include "process.h"
#include "support/check_main.h"

using namespace parley::test;

namespace {

constexpr int kRounds = 200;

void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

// A device, and what it heard in this round.
struct Party {
  std::unique_ptr<Device> device;
  std::string connection;
  std::vector<Message> heard;

  Party(Parleyd& server, const std::string& profile)
      : device(std::make_unique<Device>(server.port(), [this](const Message& message) {
          if (message.type() == "welcome")
            connection = message.text("connectionId");
          else
            heard.push_back(message);
        })) {
    device->ask("hello", "hello", R"("token":")" + server.token(profile) + "\"");
    ck_assert(run_until(server, {device.get()}, [this] { return !connection.empty(); }));
  }
  [[nodiscard]] int count(const std::string& type) const {
    return static_cast<int>(std::count_if(heard.begin(), heard.end(), [&](const Message& message) {
      return message.type() == type;
    }));
  }
  [[nodiscard]] const Message* find(const std::string& member, const std::string& value) const {
    for (const Message& message : heard)
      if (message.text(member.c_str()) == value) return &message;
    return nullptr;
  }
};

struct Race {
  Folder folder;
  Parleyd server{folder.path(), folder.path() + "/parley.db", ""};
  std::unique_ptr<Party> caller;
  std::array<std::unique_ptr<Party>, 2> receivers;

  Race() {
    ck_assert_msg(server.start(), "%s", server.log().c_str());
    caller = std::make_unique<Party>(server, "a");
    for (auto& receiver : receivers) receiver = std::make_unique<Party>(server, "b");
  }
  template <class Condition>
  void until(Condition done) {
    ck_assert_msg(
        run_until(server,
                  {caller->device.get(), receivers[0]->device.get(), receivers[1]->device.get()},
                  done),
        "%s", server.log().c_str());
  }
  [[nodiscard]] bool all(const std::string& type) const {
    return caller->count(type) > 0 && receivers[0]->count(type) > 0 &&
           receivers[1]->count(type) > 0;
  }

  void ring(const std::string& call, const std::string& about) {
    for (Party* party : {caller.get(), receivers[0].get(), receivers[1].get()})
      party->heard.clear();
    caller->device->ask("call.init", call, R"("from":"a","to":"b")");
    until([&] { return receivers[0]->count("call.init") + receivers[1]->count("call.init") == 2; });
    for (std::size_t i = 0; i < 2; ++i)
      receivers[i]->device->ask("call.ringing", call + "r" + std::to_string(i), about);
    until([&] { return caller->count("call.ringing") == 2; });
  }

  // Which of the two won.
  std::size_t accept(const std::string& call, const std::string& about, std::size_t first) {
    for (std::size_t i = 0; i < 2; ++i)
      receivers[i]->device->ask("call.accept", call + "a" + std::to_string(i), about);
    receivers[first]->device->flush();
    receivers[1 - first]->device->flush();
    std::array<const Message*, 2> answers{};
    until([&] {
      for (std::size_t i = 0; i < 2; ++i)
        answers[i] = receivers[i]->find("ref", call + "a" + std::to_string(i));
      return answers[0] != nullptr && answers[1] != nullptr && caller->count("call.accept") > 0;
    });
    for (std::size_t i = 0; i < 2; ++i)
      answers[i] = receivers[i]->find("ref", call + "a" + std::to_string(i));
    const std::size_t winner = answers[0]->type() == "ok" ? 0 : 1;
    check(*answers[winner], *answers[1 - winner], *receivers[winner]);
    return winner;
  }

  void check(const Message& won, const Message& lost, const Party& winner) {
    same(won.type(), "ok");
    same(won.text("role"), "active receiver");
    same(lost.type(), "error");
    same(lost.text("code"), "already_accepted");
    same(lost.text("connectionId").c_str(), winner.connection.c_str());
    ck_assert_int_eq(caller->count("call.accept"), 1);
    same(caller->find("type", "call.accept")->text("connectionId"), winner.connection);
  }

  void hang_up(const std::string& call, const std::string& about, std::size_t winner) {
    caller->device->ask("call.hangup", call + "h", about);
    until([&] { return all("call.end"); });
    // The loser learns who won, the winner does not hear of itself.
    ck_assert_int_eq(receivers[winner]->count("call.accept"), 0);
    ck_assert_int_eq(receivers[1 - winner]->count("call.accept"), 1);
    ck_assert_int_eq(caller->count("call.accept"), 1);
    same(how_it_ended(*caller->find("type", "call.end")).substr(0, 10), "completed ");
  }
};

}  // namespace

START_TEST(one_device_wins_and_the_other_is_told_who_did) {
  Race race;
  int firsts = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string call = "call" + std::to_string(round);
    const std::string about = R"("callId":")" + call + "\"";
    const std::size_t first = static_cast<std::size_t>(round) % 2;
    race.ring(call, about);
    const std::size_t winner = race.accept(call, about, first);
    if (winner == first) ++firsts;
    race.hang_up(call, about, winner);
  }
  std::fprintf(stderr, "%d rounds; the one written first won %d\n", kRounds, firsts);
  ck_assert_int_eq(race.server.stop(), 0);
}
END_TEST

int main() {
  setenv("CK_TIMEOUT_MULTIPLIER", "10", 0);  // for hangs
  return parley::test::run("accept race", {one_device_wins_and_the_other_is_told_who_did});
}
