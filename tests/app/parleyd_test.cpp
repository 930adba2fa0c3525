// The real binary, over real WebSockets: the seed's example, what passive connections can make it
// do (nothing), and what nonsense can (nothing either).
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/check_main.h"

namespace {

// Runs the main loop until `done`; what it says at the end. The limit is for hangs.
bool run_until(const std::function<bool()>& done,
               std::chrono::seconds limit = std::chrono::seconds(30)) {
  const gint64 end = g_get_monotonic_time() + limit.count() * G_USEC_PER_SEC;
  const guint timer = g_timeout_add(
      10, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!done() && g_get_monotonic_time() < end) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(timer);
  return done();
}

std::string run_to_end(const std::vector<std::string>& arguments, int* status = nullptr) {
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  GSubprocess* process =
      g_subprocess_newv(argv.data(),
                        static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                                      G_SUBPROCESS_FLAGS_STDERR_MERGE),
                        nullptr);
  char* out = nullptr;
  g_subprocess_communicate_utf8(process, nullptr, nullptr, &out, nullptr, nullptr);
  const std::string text = out != nullptr ? out : "";
  if (status != nullptr) *status = g_subprocess_get_exit_status(process);
  g_free(out);
  g_object_unref(process);
  return text;
}

// parleyd on free ports, with a folder of its own.
class Parleyd {
 public:
  Parleyd() {
    char* made = g_dir_make_tmp("parleyd-test-XXXXXX", nullptr);
    folder_ = made;
    g_free(made);
    std::ofstream(folder_ + "/secret") << std::string(40, 's');
    std::ofstream(config())
        << "[http]\nlisten = 127.0.0.1\nport = 0\n[media]\nudp-port = 0\nlisten = 127.0.0.1\n"
           "[store]\npath = calls.db\n[key \"k\"]\nalgorithm = HS256\nsecret-file = secret\n";
    process_ = g_subprocess_new(static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDERR_PIPE),
                                nullptr, PARLEYD, "--config", config().c_str(), nullptr);
    ck_assert_ptr_nonnull(process_);
    log_ = g_data_input_stream_new(g_subprocess_get_stderr_pipe(process_));
    while (port_ == 0) {
      char* line = g_data_input_stream_read_line(log_, nullptr, nullptr, nullptr);
      ck_assert_msg(line != nullptr, "parleyd ended before it listened");
      const std::string text = line;
      g_free(line);
      const std::size_t at = text.find("localhost:");
      if (at != std::string::npos) port_ = std::stoi(text.substr(at + 10));
    }
  }
  ~Parleyd() {
    g_subprocess_force_exit(process_);
    g_subprocess_wait(process_, nullptr, nullptr);
    g_object_unref(log_);
    g_object_unref(process_);
    std::filesystem::remove_all(folder_);
  }
  Parleyd(const Parleyd&) = delete;
  Parleyd& operator=(const Parleyd&) = delete;

  [[nodiscard]] std::string config() const { return folder_ + "/parleyd.conf"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string url(const std::string& scheme, const std::string& path) const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string token(const std::string& profile) const {
    std::string text = run_to_end({PARLEYD, "--config", config(), "--print-token", profile});
    return text.substr(0, text.find('\n'));
  }
  // Exit status after SIGTERM.
  int stop() {
    g_subprocess_send_signal(process_, SIGTERM);
    g_subprocess_wait(process_, nullptr, nullptr);
    return g_subprocess_get_if_exited(process_) ? g_subprocess_get_exit_status(process_) : -1;
  }

  [[nodiscard]] double metric(const std::string& name) const {
    SoupSession* session = soup_session_new();
    SoupMessage* message = soup_message_new("GET", url("http", "/metrics").c_str());
    GBytes* body = soup_session_send_and_read(session, message, nullptr, nullptr);
    ck_assert_ptr_nonnull(body);
    const std::string text =
        "\n" + std::string(static_cast<const char*>(g_bytes_get_data(body, nullptr)),
                           g_bytes_get_size(body));
    g_bytes_unref(body);
    g_object_unref(message);
    g_object_unref(session);
    const std::size_t at = text.find("\n" + name + " ");
    ck_assert_msg(at != std::string::npos, "no metric %s", name.c_str());
    return std::stod(text.substr(at + name.size() + 2));
  }
  // What media would show in: threads, and open files that are no connections of clients.
  struct Holdings {
    long threads = 0;
    long files = 0;
    double legs = 0;
    bool operator==(const Holdings&) const = default;
  };
  [[nodiscard]] Holdings holdings() const {
    namespace fs = std::filesystem;
    const std::string proc = std::string("/proc/") + g_subprocess_get_identifier(process_);
    Holdings now;
    now.legs = metric("parley_legs") + metric("parley_legs_reaping");
    now.threads = std::distance(fs::directory_iterator(proc + "/task"), fs::directory_iterator());
    const std::set<std::string> tcp = tcp_inodes();
    for (const auto& entry : fs::directory_iterator(proc + "/fd")) {
      std::error_code gone;
      if (!tcp.contains(fs::read_symlink(entry.path(), gone).string()) && !gone) ++now.files;
    }
    return now;
  }

 private:
  // As links in /proc name them: socket:[inode].
  static std::set<std::string> tcp_inodes() {
    std::set<std::string> inodes;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
      std::ifstream in(table);
      for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string word;
        for (int column = 0; column < 10 && words >> word; ++column) continue;
        inodes.insert("socket:[" + word + "]");
      }
    }
    return inodes;
  }

  std::string folder_;
  GSubprocess* process_ = nullptr;
  GDataInputStream* log_ = nullptr;
  int port_ = 0;
};

// One WebSocket of a client, and everything it heard.
class Device {
 public:
  explicit Device(const Parleyd& server) : session_(soup_session_new()) {
    SoupMessage* message = soup_message_new("GET", server.url("ws", "/ws").c_str());
    const char* protocols[] = {"jsapi.v1", nullptr};
    soup_session_websocket_connect_async(session_, message, nullptr, const_cast<char**>(protocols),
                                         G_PRIORITY_DEFAULT, nullptr, on_connected, this);
    g_object_unref(message);
    ck_assert(run_until([&] { return socket_ != nullptr; }));
  }
  Device(const Parleyd& server, const std::string& profile) : Device(server) {
    say(R"({"type":"hello","id":"hello","token":")" + server.token(profile) + "\"}");
    ck_assert(run_until([&] { return heard("welcome", "") != nullptr; }));
  }
  ~Device() {
    g_signal_handlers_disconnect_by_data(socket_, this);
    g_object_unref(socket_);
    soup_session_abort(session_);
    g_object_unref(session_);
    for (JsonNode* node : heard_) json_node_unref(node);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void say(const std::string& text) { soup_websocket_connection_send_text(socket_, text.c_str()); }
  // Sends a request and waits for its answer: "ok", or the code of the error.
  std::string ask(const std::string& type, const std::string& members) {
    // Ids are one space for all users.
    static int requests = 0;
    const std::string id = "r" + std::to_string(++requests);
    say(R"({"type":")" + type + R"(","id":")" + id + "\"" + (members.empty() ? "" : "," + members) +
        "}");
    const auto is_answer = [&](JsonObject* o) { return member(o, "ref") == id; };
    ck_assert_msg(run_until([&] { return find(is_answer) != nullptr; }), "no answer to %s",
                  type.c_str());
    JsonObject* answer = find(is_answer);
    return member(answer, "type") == "ok" ? "ok" : member(answer, "code");
  }
  // The first message of this type about this call; "" for any.
  JsonObject* heard(const std::string& type, const std::string& call) {
    return find([&](JsonObject* o) {
      return member(o, "type") == type && (call.empty() || member(o, "callId") == call);
    });
  }
  JsonObject* wait(const std::string& type, const std::string& call = "") {
    ck_assert_msg(run_until([&] { return heard(type, call) != nullptr; }), "no %s came",
                  type.c_str());
    return heard(type, call);
  }
  // The answer without `ref`: to what had no usable id.
  JsonObject* nameless_error() {
    return find([](JsonObject* o) {
      return member(o, "type") == "error" && !json_object_has_member(o, "ref");
    });
  }
  static std::string member(JsonObject* object, const char* name) {
    return json_object_get_string_member_with_default(object, name, "");
  }
  [[nodiscard]] int close_code() {
    ck_assert(run_until([&] { return closed_; }));
    return soup_websocket_connection_get_close_code(socket_);
  }
  void send_binary(const std::string& bytes) {
    soup_websocket_connection_send_binary(socket_, bytes.data(), bytes.size());
  }

 private:
  static void on_connected(GObject* session, GAsyncResult* result, gpointer self) {
    auto* device = static_cast<Device*>(self);
    device->socket_ = soup_session_websocket_connect_finish(SOUP_SESSION(session), result, nullptr);
    ck_assert_ptr_nonnull(device->socket_);
    g_signal_connect(device->socket_, "message", G_CALLBACK(on_message), device);
    g_signal_connect(device->socket_, "closed", G_CALLBACK(on_closed), device);
  }
  static void on_message(SoupWebsocketConnection*, gint, GBytes* bytes, gpointer self) {
    gsize size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    JsonNode* node = json_from_string(std::string(data, size).c_str(), nullptr);
    ck_assert_ptr_nonnull(node);
    static_cast<Device*>(self)->heard_.push_back(node);
  }
  static void on_closed(SoupWebsocketConnection*, gpointer self) {
    static_cast<Device*>(self)->closed_ = true;
  }
  JsonObject* find(const std::function<bool(JsonObject*)>& good) {
    for (JsonNode* node : heard_)
      if (good(json_node_get_object(node))) return json_node_get_object(node);
    return nullptr;
  }

  SoupSession* session_;
  SoupWebsocketConnection* socket_ = nullptr;
  bool closed_ = false;
  std::vector<JsonNode*> heard_;
};

const std::string kCall = R"("callId":"call")";

void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

// A on c1 and c2, B on c3 and c4; A calls from c1, B takes it on c3.
struct Example {
  Parleyd server;
  Device c1{server, "a"};
  Device c2{server, "a"};
  Device c3{server, "b"};
  Device c4{server, "b"};

  void ring() {
    c1.say(R"({"type":"call.init","id":"call","from":"a","to":"b"})");
    c3.wait("call.init", "call");
    c4.wait("call.init", "call");
    c2.wait("call.init", "call");
    same(c3.ask("call.ringing", kCall), "ok");
  }
};

}  // namespace

START_TEST(plays_the_example_of_four_devices) {
  Example e;
  e.ring();
  same(Device::member(e.c1.wait("ok"), "role"), "active initiator");
  same(Device::member(e.c2.heard("call.init", "call"), "role"), "passive initiator");
  ck_assert(json_object_get_null_member(e.c3.heard("call.init", "call"), "role"));
  same(e.c2.ask("call.pending", kCall), "ok");
  same(e.c3.ask("call.accept", kCall), "ok");
  same(e.c4.ask("call.accept", kCall), "already_accepted");
  e.c1.wait("call.accept", "call");
  e.c2.wait("call.accept", "call");
  e.c4.wait("call.accept", "call");
  e.c1.wait("media.offer", "call");
  e.c3.wait("media.offer", "call");
  ck_assert(run_until([&] { return e.server.metric("parley_legs") == 2; }));
  ck_assert_ptr_null(e.c2.heard("media.offer", ""));
  ck_assert_ptr_null(e.c4.heard("media.offer", ""));
  same(e.c2.ask("call.hangup", kCall), "ok");
  for (Device* device : {&e.c1, &e.c2, &e.c3, &e.c4})
    same(Device::member(device->wait("call.end", "call"), "reason"), "completed");
  ck_assert(run_until([&] {
    return e.server.metric("parley_legs") + e.server.metric("parley_legs_reaping") == 0;
  }));
  ck_assert_int_eq(e.server.stop(), 0);
}
END_TEST

START_TEST(makes_nothing_of_media_messages_that_are_nobodys_business) {
  Example e;
  Device foreign(e.server, "eve");
  e.ring();
  same(e.c3.ask("call.accept", kCall), "ok");
  e.c1.wait("media.offer", "call");
  e.c3.wait("media.offer", "call");
  ck_assert(run_until([&] { return e.server.holdings().legs == 2; }));
  // GStreamer's threads of the two legs start by and by: wait until nothing has changed for long.
  Parleyd::Holdings before;
  int unchanged = 0;
  ck_assert(run_until([&] {
    const auto now = e.server.holdings();
    unchanged = now == before ? unchanged + 1 : 0;
    before = now;
    return unchanged >= 20;
  }));
  const std::string sdp = "v=0\\r\\no=- 1 1 IN IP4 127.0.0.1\\r\\ns=-\\r\\nt=0 0\\r\\n";
  for (int round = 0; round < 10; ++round) {
    for (Device* device : {&e.c2, &e.c4, &foreign}) {
      const std::string expected = device == &foreign ? "not_found" : "not_active";
      same(device->ask("media.answer", kCall + R"(,"rev":1,"sdp":")" + sdp + "\""), expected);
      same(device->ask("media.publish", kCall + R"(,"sources":["mic","camera"])"), expected);
      same(
          device->ask("media.subscribe", kCall + R"(,"tracks":[{"profileId":"a","source":"mic"}])"),
          expected);
      same(device->ask("media.restart", kCall + R"(,"fresh":true)"), expected);
    }
  }
  ck_assert(e.server.holdings() == before);
}
END_TEST

START_TEST(answers_nonsense_and_stays_up) {
  Parleyd server;
  Device device(server, "a");
  device.say("{nonsense");
  ck_assert(run_until([&] { return device.nameless_error() != nullptr; }));
  same(Device::member(device.nameless_error(), "code"), "bad_request");
  same(device.ask("call.juggle", ""), "bad_request");
  same(device.ask("call.accept", R"("callId":"never heard of")"), "bad_request");
  same(device.ask("call.accept", R"("callId":"nothing")"), "not_found");
  same(device.ask("call.init", R"("from":"b","to":"c")"), "forbidden");
  same(device.ask("call.init", R"("from":"a","to":"a")"), "bad_request");
  same(device.ask("hello", R"("token":"x")"), "bad_request");

  Device binary(server, "a");
  binary.send_binary("\x01\x02");
  ck_assert_int_eq(binary.close_code(), 1003);
  Device large(server, "a");
  large.say("\"" + std::string(70'000, 'x') + "\"");
  ck_assert_int_eq(large.close_code(), 1009);
  Device deep(server, "a");
  deep.say(R"({"type":"call.hangup","id":"d","x":)" + std::string(100, '[') +
           std::string(100, ']') + "}");
  ck_assert_int_eq(deep.close_code(), 1008);
  Device stranger(server);
  stranger.say(R"({"type":"hello","id":"h","token":"forged.token.here"})");
  ck_assert_int_eq(stranger.close_code(), 1008);
  same(Device::member(stranger.heard("error", ""), "code"), "unauthorized");

  same(device.ask("call.accept", R"("callId":"nothing")"), "not_found");
  ck_assert_int_eq(server.stop(), 0);
}
END_TEST

START_TEST(ends_in_order_when_told_to) {
  Example e;
  e.ring();
  same(e.c3.ask("call.accept", kCall), "ok");
  const gint64 begin = g_get_monotonic_time();
  int status = -1;
  GThread* stopping = g_thread_new(
      "stop",
      [](gpointer data) -> gpointer {
        return GINT_TO_POINTER(static_cast<Parleyd*>(data)->stop() + 1);
      },
      &e.server);
  for (Device* device : {&e.c1, &e.c2, &e.c3, &e.c4}) {
    same(Device::member(device->wait("call.end", "call"), "reason"), "shutdown");
    same(Device::member(device->wait("bye"), "reason"), "shutdown");
    ck_assert_int_eq(device->close_code(), 1001);
  }
  status = GPOINTER_TO_INT(g_thread_join(stopping)) - 1;
  ck_assert_int_eq(status, 0);
  ck_assert_int_lt(g_get_monotonic_time() - begin, 5 * G_USEC_PER_SEC);
}
END_TEST

START_TEST(says_what_to_change_when_it_cannot_start) {
  Parleyd server;
  const std::string other = server.folder() + "/other.conf";
  std::ofstream(other) << "[http]\nlisten = 127.0.0.1\nport = " << server.port()
                       << "\n[media]\nudp-port = 0\n[store]\npath = other.db\n"
                          "[key \"k\"]\nalgorithm = HS256\nsecret-file = secret\n";
  int status = 0;
  const std::string clash = run_to_end({PARLEYD, "--config", other}, &status);
  ck_assert_int_eq(status, 69);
  ck_assert_msg(clash.find("Set another 'port' in the group [http]") != std::string::npos, "%s",
                clash.c_str());
  std::ofstream(other) << "[http]\nprot = 1\n";
  const std::string wrong = run_to_end({PARLEYD, "--config", other}, &status);
  ck_assert_int_eq(status, 78);
  ck_assert_msg(wrong.find("other.conf:2: [http] has no key 'prot'") != std::string::npos, "%s",
                wrong.c_str());
}
END_TEST

int main() {
  return parley::test::run("parleyd", {plays_the_example_of_four_devices,
                                       makes_nothing_of_media_messages_that_are_nobodys_business,
                                       answers_nonsense_and_stays_up, ends_in_order_when_told_to,
                                       says_what_to_change_when_it_cannot_start});
}
