// What the tests of bridges run against: processes of others, free ports, a folder, waiting by
// running the main loop.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace parley::test {

// Runs the main loop until `done`, or for hangs a limit; what `done` says at the end.
inline bool run_until(const std::function<bool()>& done,
                      std::chrono::seconds limit = std::chrono::seconds(40)) {
  const gint64 end = g_get_monotonic_time() + limit.count() * 1'000'000;
  const guint timer = g_timeout_add(
      20, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!done() && g_get_monotonic_time() < end) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(timer);
  return done();
}

inline std::string contents(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// An even port that nobody has, of TCP and UDP both, with the `more` behind it. Below what the
// kernel gives to those who name none.
inline std::uint16_t free_port(int more = 0) {
  while (true) {
    const auto first = static_cast<std::uint16_t>(2 * g_random_int_range(10'000, 16'000));
    std::vector<int> held;
    bool good = true;
    for (int i = 0; i <= more && good; ++i) {
      for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const int fd = held.emplace_back(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        at.sin_port = htons(static_cast<std::uint16_t>(first + i));
        good = good && ::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
      }
    }
    for (const int fd : held) ::close(fd);
    if (good) return first;
  }
}

struct Folder {
  std::string path;
  Folder() {
    char* made = g_dir_make_tmp("parley-bridge-XXXXXX", nullptr);
    path = made;
    g_free(made);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

// A program that runs beside the test; killed with it. What it prints goes to a file.
class Process {
 public:
  Process(const std::vector<std::string>& arguments, std::string output)
      : output_(std::move(output)) {
    std::vector<const char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const auto& argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    GSubprocessLauncher* launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDERR_MERGE);
    g_subprocess_launcher_set_stdout_file_path(launcher, output_.c_str());
    process_ = g_subprocess_launcher_spawnv(launcher, argv.data(), nullptr);
    g_object_unref(launcher);
    if (process_ == nullptr) return;
    g_subprocess_wait_async(
        process_, nullptr,
        +[](GObject* process, GAsyncResult* result, gpointer data) {
          g_subprocess_wait_finish(G_SUBPROCESS(process), result, nullptr);
          const std::unique_ptr<std::shared_ptr<bool>> ended(
              static_cast<std::shared_ptr<bool>*>(data));
          **ended = true;
        },
        new std::shared_ptr<bool>(ended_));
  }
  ~Process() {
    kill();
    if (process_ != nullptr) g_object_unref(process_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] bool ended() const { return process_ == nullptr || *ended_; }
  [[nodiscard]] bool succeeded() const {
    return process_ != nullptr && *ended_ && g_subprocess_get_successful(process_) != FALSE;
  }
  [[nodiscard]] std::string output() const { return contents(output_); }
  void kill(int signal = SIGKILL) {
    if (ended()) return;
    g_subprocess_send_signal(process_, signal);
    run_until([this] { return ended(); });
  }

 private:
  GSubprocess* process_ = nullptr;
  std::string output_;
  std::shared_ptr<bool> ended_ = std::make_shared<bool>(false);
};

inline bool is_listening(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  ::close(fd);
  return connected;
}

// nginx with its RTMP module, and a folder over http.
class Nginx {
 public:
  Nginx(const std::string& folder, std::uint16_t rtmp, std::uint16_t http)
      : folder_(folder), rtmp_(rtmp) {
    std::filesystem::create_directories(folder_ + "/www");
    std::ofstream(folder_ + "/nginx.conf")
        << "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;\n"
        << "daemon off; master_process off; error_log " << folder_ << "/error.log;\n"
        << "pid " << folder_ << "/nginx.pid; events {}\n"
        << "rtmp { server { listen 127.0.0.1:" << rtmp << "; application live { live on; } } }\n"
        << "http { access_log off; client_body_temp_path " << folder_ << "/t1; proxy_temp_path "
        << folder_ << "/t2; fastcgi_temp_path " << folder_ << "/t3; uwsgi_temp_path " << folder_
        << "/t4; scgi_temp_path " << folder_ << "/t5;\n"
        << "server { listen 127.0.0.1:" << http << "; root " << folder_ << "/www; } }\n";
  }
  bool start() {
    process_ = std::make_unique<Process>(
        std::vector<std::string>{"/usr/sbin/nginx", "-p", folder_, "-c", folder_ + "/nginx.conf"},
        folder_ + "/nginx.out");
    return run_until([this] { return is_listening(rtmp_); });
  }
  void kill() { process_->kill(); }

 private:
  const std::string folder_;
  const std::uint16_t rtmp_;
  std::unique_ptr<Process> process_;
};

inline std::string at_port(const char* scheme, std::uint16_t port, const std::string& rest) {
  return std::string(scheme) + "://127.0.0.1:" + std::to_string(port) + rest;
}

inline bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace parley::test
