// What a job may touch: the list for each kind of it, and that the kernel holds a process to it.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "job/confine.h"
#include "job/sandbox_rules.h"
#include "support/check_main.h"

namespace {

using namespace parley::job;
using May = PathRule::May;
namespace fs = std::filesystem;

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

std::vector<std::string> with(const std::vector<PathRule>& rules, May may) {
  std::vector<std::string> paths;
  for (const PathRule& rule : rules)
    if (rule.may == may) paths.push_back(rule.path);
  return paths;
}

Spec spec_of(std::variant<Record, Mix, Out, In> work) {
  Spec spec;
  spec.pipelines = {"/etc/parley/pipelines", "/usr/share/parley/pipelines"};
  spec.work = std::move(work);
  return spec;
}

START_TEST(a_job_may_touch_what_it_is_for) {
  const Surroundings around{"/home/p", "/home/p/.cache", "/home/p/.local/share", {"/srv/plugins"}};
  const auto record = allowed_to(spec_of(Record{.folder = "/var/lib/parley/rec/r1"}), around);
  using Paths = std::vector<std::string>;
  ck_assert(with(record, May::kChange) == Paths{"/var/lib/parley/rec/r1"});
  ck_assert(with(record, May::kUse) == (Paths{"/dev/null", "/dev/zero"}));
  const auto read = with(record, May::kRead);
  for (const char* path : {"/etc/parley/pipelines", "/srv/plugins", "/usr/share",
                           "/home/p/.cache/fontconfig", "/etc/ssl/certs", "/proc/self"})
    ck_assert_msg(std::count(read.begin(), read.end(), path) == 1, "%s", path);
  // None of it is, or holds, what is parleyd's own or somebody else's.
  for (const PathRule& rule : record)
    for (const char* secret :
         {"/var/lib/parley/parley.db", "/etc/parley/parleyd.conf", "/run/parley/media.sock.key",
          "/home/p/.local/share/parley/parley.db", "/home/p/.ssh/id", "/tmp/x", "/root/x",
          "/etc/shadow", "/etc/ssl/private/key.pem", "/usr/local/etc/parleyd.conf",
          "/var/lib/parley/rec/r2/a.mkv", "/usr/bin/env", "/proc/1/environ"})
      ck_assert_msg(!is_below(secret, rule.path), "%s is below %s", secret, rule.path.c_str());

  ck_assert(with(allowed_to(spec_of(Mix{}), around), May::kChange).empty());
  const auto hls = allowed_to(
      spec_of(Out{.kind = "hls", .url = {}, .address = {}, .folder = "/run/hls/b1", .only = {}}),
      around);
  ck_assert(with(hls, May::kChange) == Paths{"/run/hls/b1"});
  const auto rtmp = allowed_to(
      spec_of(Out{
          .kind = "rtmp", .url = "rtmp://h/a", .address = "10.0.0.1", .folder = {}, .only = {}}),
      around);
  ck_assert(with(rtmp, May::kChange).empty());
  // Its folder, when it comes from one; an address is none.
  const auto file =
      with(allowed_to(spec_of(In{"file", "a.mp4", "/srv/sources", "x"}), around), May::kRead);
  ck_assert_int_eq(std::count(file.begin(), file.end(), "/srv/sources"), 1);
  const auto srt =
      with(allowed_to(spec_of(In{"srt", "srt://h:1", "/srv/sources", "x"}), around), May::kRead);
  ck_assert_int_eq(std::count(srt.begin(), srt.end(), "/srv/sources"), 0);
  Spec more = spec_of(Mix{});
  more.sandbox.read = {"/srv/pictures", "relative"};
  more.sandbox.write = {"/dev/dri"};
  const auto rules = allowed_to(more, around);
  ck_assert(with(rules, May::kChange) == Paths{"/dev/dri"});
  ck_assert_int_eq(std::count(rules.begin(), rules.end(), PathRule{"/srv/pictures", May::kRead}),
                   1);
  ck_assert(std::none_of(rules.begin(), rules.end(),
                         [](const PathRule& rule) { return rule.path == "relative"; }));
}
END_TEST

class Place {
 public:
  Place() {
    char name[] = "/tmp/parley-sandbox-XXXXXX";
    ck_assert(mkdtemp(name) != nullptr);
    folder_ = name;
    for (const char* folder : {"/own", "/other"}) fs::create_directory(folder_ + folder);
    for (const char* file : {"/store.db", "/other/part.mkv"}) std::ofstream(folder_ + file) << "x";
  }
  ~Place() { fs::remove_all(folder_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] std::string at(const std::string& name) const { return folder_ + name; }

 private:
  std::string folder_;
};

// In a process of its own that is confined; the text of the first thing that is not as it should
// be.
void expect_in_child(const std::vector<PathRule>& rules,
                     const std::function<std::string()>& first_wrong) {
  int said[2];
  ck_assert_int_eq(pipe(said), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto confined = confine(rules);
    const std::string wrong = confined ? first_wrong() : confined.error().message;
    (void)!write(said[1], wrong.data(), wrong.size());
    _exit(0);
  }
  close(said[1]);
  char text[200] = {};
  (void)!read(said[0], text, sizeof text - 1);
  close(said[0]);
  int status = 0;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(status == 0 && text[0] == '\0', "%s (status %d)", text, status);
}

bool opens(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

int listener_at(const sockaddr_un& address, socklen_t size) {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ck_assert_int_eq(listen(fd, 4), 0);
  return fd;
}

bool connects(const sockaddr_un& address, socklen_t size) {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const bool good = connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  close(fd);
  return good;
}

START_TEST(the_kernel_holds_it_to_that) {
  if (landlock_version() == 0) {
    printf("this kernel has no Landlock: nothing can be tried\n");
    return;
  }
  const Place place;
  sockaddr_un tap{};
  tap.sun_family = AF_UNIX;
  place.at("/media.sock").copy(tap.sun_path, sizeof tap.sun_path - 1);
  const int socket = listener_at(tap, sizeof tap);
  sockaddr_un hidden{};
  hidden.sun_family = AF_UNIX;
  place.at("/abstract").copy(hidden.sun_path + 1, sizeof hidden.sun_path - 2);
  const int abstract = listener_at(hidden, sizeof hidden);
  const Surroundings none{"/nonexistent", "/nonexistent", "/nonexistent", {}};
  const std::string own = place.at("/own/");

  expect_in_child(
      allowed_to(spec_of(Record{.folder = place.at("/own")}), none), [&]() -> std::string {
        if (!opens(own + "1", O_RDWR | O_CREAT | O_EXCL)) return "it cannot make a file of its own";
        if (!opens(own + "1", O_WRONLY | O_TRUNC)) return "it cannot write anew";
        if (rename((own + "1").c_str(), (own + "2").c_str()) != 0) return "it cannot rename";
        if (!opens(place.at("/own"), O_RDONLY | O_DIRECTORY)) return "it cannot list";
        if (unlink((own + "2").c_str()) != 0) return "it cannot remove";
        if (!opens("/dev/null", O_RDWR)) return "there is no /dev/null";
        if (!opens("/proc/self/status", O_RDONLY)) return "it cannot read its own status";
        if (opens(place.at("/store.db"), O_RDONLY)) return "it reads the store";
        if (opens(place.at("/store.db"), O_WRONLY)) return "it writes the store";
        if (opens(place.at("/other/part.mkv"), O_RDONLY)) return "it reads another's recording";
        if (opens(place.at("/new"), O_WRONLY | O_CREAT)) return "it makes files elsewhere";
        if (unlink(place.at("/store.db").c_str()) == 0) return "it removes the store";
        if (symlink("/etc/shadow", (own + "link").c_str()) == 0) return "it makes links";
        if (opens("/etc/shadow", O_RDONLY)) return "it reads /etc/shadow";
        if (opens("/proc/1/environ", O_RDONLY)) return "it reads of other processes";
        if (ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr) == 0) return "it traces its parent";
        if (execl("/bin/sh", "sh", "-c", "exit 0", nullptr) == 0 || errno != EACCES)
          return "it starts programs";
        bool thread_reads = true;
        std::thread([&] { thread_reads = opens(place.at("/store.db"), O_RDONLY); }).join();
        if (thread_reads) return "a thread of it reads the store";
        // Where it gets its media from.
        if (!connects(tap, sizeof tap)) return "it cannot reach the media worker's socket";
        if (landlock_version() < 6) return "";
        if (kill(getppid(), 0) == 0) return "it signals its parent";
        if (kill(getpid(), 0) != 0) return "it cannot signal itself";
        if (connects(hidden, sizeof hidden)) return "it reaches abstract sockets";
        return "";
      });
  close(socket);
  close(abstract);
}
END_TEST

START_TEST(who_has_threads_is_told_that_it_is_too_late) {
  if (landlock_version() == 0) return;
  const pid_t child = fork();
  if (child == 0) {
    std::thread other([] { pause(); });
    const auto confined = confine({});
    const bool refused = !confined && opens("/dev/null", O_RDONLY);
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
}
END_TEST

}  // namespace

int main() {
  return parley::test::run("sandbox", {a_job_may_touch_what_it_is_for, the_kernel_holds_it_to_that,
                                       who_has_threads_is_told_that_it_is_too_late});
}
