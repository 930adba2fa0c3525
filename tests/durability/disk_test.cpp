// The real server on a disk that fills up, or turns read-only, and works again: texts are refused,
// calls go on, and what was told stays true.
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "load.h"
#include "process.h"
#include "support/check_main.h"

using namespace parley::test;

namespace {

void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

// Two users and a chain of theirs on a server whose disk is to fail.
class Talk {
 public:
  Talk(const std::string& folder, const std::string& file) : server_(folder, file, "") {
    tokens_ = {server_.token("a"), server_.token("b")};
    start();
    same(ask(0, "text", "founder", R"("from":"a","to":"b","body":"hello")"), "ok");
  }
  void start() {
    ck_assert_msg(server_.start(), "%s", server_.log().c_str());
    for (std::size_t i = 0; i < 2; ++i) {
      heard_[i].clear();
      devices_[i] = std::make_unique<Device>(
          server_.port(), [this, i](const Message& message) { heard_[i].push_back(message); });
      const std::string hello = "h" + std::to_string(++asked_);
      same(ask(i, "hello", hello, R"("token":")" + tokens_[i] + "\""), "welcome");
    }
  }
  void kill() { server_.kill(); }

  // "ok", "welcome", or the code of the error.
  std::string ask(std::size_t who, const std::string& type, const std::string& id,
                  const std::string& members) {
    devices_[who]->ask(type, id, members);
    // A request may be repeated: only an answer to this one counts.
    const std::size_t begin = heard_[who].size();
    const Message answer = wait(who, begin, "answer to " + type, [&id](const Message& message) {
      return message.text("ref") == id;
    });
    last_message_ = answer.text("message");
    last_items_.clear();
    answer.each("items", [this](const Message& item) {
      last_items_ += (last_items_.empty() ? "" : " ") + item.text("id");
    });
    return answer.type() == "error" ? answer.text("code") : answer.type();
  }
  std::string text(const std::string& id) {
    return ask(0, "text", id, R"("from":"a","chainId":"founder","body":"body of )" + id + "\"");
  }
  std::string about(const std::string& type, std::size_t who, const std::string& call) {
    return ask(who, type, "r" + std::to_string(++asked_), R"("callId":")" + call + "\"");
  }
  void event(std::size_t who, const std::string& type, const std::string& call) {
    wait(who, 0, type, [&](const Message& message) {
      return message.type() == type && message.text("callId") == call;
    });
  }
  void running_call(const std::string& id) {
    same(ask(0, "call.init", id, R"("from":"a","to":"b")"), "ok");
    same(about("call.ringing", 1, id), "ok");
    same(about("call.accept", 1, id), "ok");
  }
  std::string history() {
    same(ask(1, "chain.history", "q" + std::to_string(++asked_), R"("chainId":"founder")"), "ok");
    return last_items_;
  }
  [[nodiscard]] const std::string& message() const { return last_message_; }

 private:
  Message wait(std::size_t who, std::size_t begin, const std::string& what,
               const std::function<bool(const Message&)>& good) {
    auto& heard = heard_[who];
    const auto find = [&] {
      return std::find_if(heard.begin() + static_cast<std::ptrdiff_t>(begin), heard.end(), good);
    };
    ck_assert_msg(
        run_until(server_, {devices_[0].get(), devices_[1] ? devices_[1].get() : devices_[0].get()},
                  [&] { return find() != heard.end(); }),
        "no %s: %s", what.c_str(), server_.log().c_str());
    return *find();
  }

  Parleyd server_;
  std::array<std::string, 2> tokens_;
  std::array<std::unique_ptr<Device>, 2> devices_;
  std::array<std::vector<Message>, 2> heard_;
  int asked_ = 0;
  std::string last_message_;
  std::string last_items_;
};

// The newest page of a history of these ids.
std::string newest_of(const std::vector<std::string>& ids) {
  std::string all;
  for (std::size_t i = ids.size() > 50 ? ids.size() - 50 : 0; i < ids.size(); ++i)
    all += (all.empty() ? "" : " ") + ids[i];
  return all;
}

// The disk fails while calls run, and works again.
void go_on_without_disk(Talk& talk, const std::function<void()>& fail_disk,
                        const std::function<void()>& mend_disk) {
  talk.running_call("ends-meanwhile");
  talk.running_call("outlasts-it");
  fail_disk();
  std::vector<std::string> told = {"founder"};
  std::string refused;
  std::string answer = "ok";
  // What was begun of a file's last block has room for a few more.
  for (int i = 0; i < 3000 && answer == "ok"; ++i) {
    refused = "t" + std::to_string(i);
    answer = talk.text(refused);
    if (answer == "ok") told.push_back(refused);
  }
  same(answer, "unavailable");
  ck_assert_msg(!talk.message().empty(), "no word about why");
  same(talk.ask(0, "call.init", "new", R"("from":"a","to":"b")"), "unavailable");
  same(talk.history(), newest_of(told));
  // Who talks goes on talking, and everybody hears of the end.
  same(talk.about("call.hangup", 0, "ends-meanwhile"), "ok");
  talk.event(1, "call.end", "ends-meanwhile");
  talk.event(0, "call.end", "ends-meanwhile");

  mend_disk();
  // By itself, and with the same ids: an `unavailable` is not remembered.
  for (answer = "unavailable"; answer == "unavailable";) answer = talk.text(refused);
  same(answer, "ok");
  told.push_back(refused);
  same(talk.ask(0, "call.init", "new", R"("from":"a","to":"b")"), "ok");
  same(talk.about("call.hangup", 0, "outlasts-it"), "ok");
  talk.event(1, "call.end", "outlasts-it");
  same(talk.history(), newest_of(told));
  talk.kill();
  talk.start();
  same(talk.history(), newest_of(told));
}

// Mounts seen by this process and its children only.
bool in_own_mounts() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

void skip(const char* what) {
  std::fprintf(stderr, "skipped: %s (%s)\n", what, std::strerror(errno));
}

// Whether nothing may be written to the file any more, not even by who has it open.
bool freeze(const std::string& path, bool frozen) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  int flags = 0;
  bool done = ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
  flags = frozen ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  done = done && ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
  close(fd);
  return done;
}

// On some file systems who has a frozen file open may go on writing.
bool freezing_works(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const bool works = freeze(path, true) && write(fd, "x", 1) < 0;
  freeze(path, false);
  close(fd);
  return works;
}

}  // namespace

START_TEST(a_full_disk_refuses_texts_and_lets_calls_go_on) {
  const Folder folder;
  const std::string disk = folder.path() + "/disk";
  mkdir(disk.c_str(), 0700);
  if (!in_own_mounts() || mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=2m") != 0)
    return skip("a full disk needs the right to mount a tmpfs");
  {
    Talk talk(folder.path(), disk + "/parley.db");
    go_on_without_disk(
        talk,
        [&disk] {
          std::ofstream filler(disk + "/filler");
          while (filler << std::string(4096, 'x') << std::flush) {
          }
        },
        [&disk] { std::filesystem::remove(disk + "/filler"); });
  }
  ck_assert_int_eq(umount2(disk.c_str(), MNT_DETACH), 0);
}
END_TEST

START_TEST(a_disk_turned_read_only_refuses_texts_and_lets_calls_go_on) {
  const Folder folder;
  if (!freezing_works(folder.path() + "/probe"))
    return skip("no file here can be made read-only for who has it open");
  static std::string file;
  file = folder.path() + "/parley.db";
  const auto freeze_all = [](bool frozen) {
    for (const char* suffix : {"", "-wal"}) ck_assert(freeze(file + suffix, frozen));
  };
  // A test that fails leaves without unwinding, and a frozen file cannot be removed.
  std::atexit([] {
    for (const char* suffix : {"", "-wal"}) freeze(file + suffix, false);
  });
  Talk talk(folder.path(), file);
  go_on_without_disk(
      talk, [&] { freeze_all(true); }, [&] { freeze_all(false); });
}
END_TEST

int main() {
  setenv("CK_TIMEOUT_MULTIPLIER", "10", 0);  // for hangs
  return parley::test::run("disk", {a_full_disk_refuses_texts_and_lets_calls_go_on,
                                    a_disk_turned_read_only_refuses_texts_and_lets_calls_go_on});
}
