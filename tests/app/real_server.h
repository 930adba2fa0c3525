// The real binary, and devices that are connected to it over real WebSockets.
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "auth/tokens.h"
#include "support/check_main.h"

namespace parley::test {

// Runs the main loop until `done`; what it says at the end. The limit is for hangs.
inline bool run_until(const std::function<bool()>& done,
                      std::chrono::seconds limit = std::chrono::seconds(30)) {
  const gint64 end = g_get_monotonic_time() + limit.count() * G_USEC_PER_SEC;
  const guint timer = g_timeout_add(
      10, [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr);
  while (!done() && g_get_monotonic_time() < end) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(timer);
  return done();
}

inline std::string run_to_end(const std::vector<std::string>& arguments, int* status = nullptr) {
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
  // `more` is added to its configuration.
  explicit Parleyd(const std::string& more = "") {
    char* made = g_dir_make_tmp("parleyd-test-XXXXXX", nullptr);
    folder_ = made;
    g_free(made);
    std::ofstream(folder_ + "/secret") << std::string(40, 's');
    std::ofstream(config())
        << "[http]\nlisten = 127.0.0.1\nport = 0\n[media]\nudp-port = 0\nlisten = 127.0.0.1\n"
           "[store]\npath = calls.db\n[key \"k\"]\nalgorithm = HS256\nsecret-file = secret\n"
        << more;
    start();
  }
  ~Parleyd() {
    end();
    std::filesystem::remove_all(folder_);
  }
  Parleyd(const Parleyd&) = delete;
  Parleyd& operator=(const Parleyd&) = delete;

  // Another process on the same files; everybody is cut off.
  void restart() {
    end();
    start();
  }

  [[nodiscard]] std::string config() const { return folder_ + "/parleyd.conf"; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string url(const std::string& scheme, const std::string& path) const {
    return scheme + "://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] static std::string token(const std::string& profile,
                                         std::chrono::seconds valid_for = std::chrono::hours(1)) {
    const auto until =
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() + valid_for);
    return *auth::mint({"k", auth::Algorithm::kHs256, std::string(40, 's')},
                       {base::UserId(profile), {}, {}, "parley", until});
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
  void start() {
    port_ = 0;
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
  void end() {
    g_subprocess_force_exit(process_);
    g_subprocess_wait(process_, nullptr, nullptr);
    g_object_unref(log_);
    g_object_unref(process_);
  }
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
  explicit Device(const Parleyd& server) {
    GSocketClient* client = g_socket_client_new();
    tcp_ = g_socket_client_connect_to_host(client, "127.0.0.1", static_cast<guint16>(server.port()),
                                           nullptr, nullptr);
    g_object_unref(client);
    ck_assert_ptr_nonnull(tcp_);
    shake_hands();
    GUri* uri = g_uri_parse(server.url("ws", "/ws").c_str(), G_URI_FLAGS_NONE, nullptr);
    socket_ = soup_websocket_connection_new(
        G_IO_STREAM(tcp_), uri, SOUP_WEBSOCKET_CONNECTION_CLIENT, nullptr, "jsapi.v1", nullptr);
    g_uri_unref(uri);
    soup_websocket_connection_set_max_incoming_payload_size(socket_, 0);
    g_signal_connect(socket_, "message", G_CALLBACK(on_message), this);
    g_signal_connect(socket_, "closed", G_CALLBACK(on_closed), this);
  }
  // A new connection of this profile.
  Device(const Parleyd& server, const std::string& profile) : Device(server) {
    hello(Parleyd::token(profile));
  }
  // The connection that `earlier` was, after the events it has heard.
  Device(const Parleyd& server, const std::string& profile, Device& earlier) : Device(server) {
    hello(Parleyd::token(profile), R"(,"resume":")" + earlier.welcomed("resume") +
                                       R"(","lastSeq":)" + std::to_string(earlier.last_seq()));
  }
  ~Device() {
    g_signal_handlers_disconnect_by_data(socket_, this);
    g_object_unref(socket_);
    g_object_unref(tcp_);
    for (JsonNode* node : heard_) json_node_unref(node);
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void hello(const std::string& token, const std::string& more = "") {
    say(R"({"type":"hello","id":"hello","token":")" + token + "\"" + more + "}");
    wait("welcome");
  }
  // Without a close frame, as when the network is gone.
  void cut() { g_socket_shutdown(g_socket_connection_get_socket(tcp_), TRUE, TRUE, nullptr); }
  void close() { soup_websocket_connection_close(socket_, 1000, nullptr); }
  void say(const std::string& text) { soup_websocket_connection_send_text(socket_, text.c_str()); }
  // Sends a request and waits for its answer: "ok", or the code of the error.
  std::string ask(const std::string& type, const std::string& members) {
    JsonObject* reply = answer(type, members);
    return member(reply, "type") == "ok" ? "ok" : member(reply, "code");
  }
  // ... the whole answer. `id`: one that was used before.
  JsonObject* answer(const std::string& type, const std::string& members, std::string id = "") {
    // Ids are one space for all users.
    static int requests = 0;
    if (id.empty()) id = "r" + std::to_string(++requests);
    say(R"({"type":")" + type + R"(","id":")" + id + "\"" + (members.empty() ? "" : "," + members) +
        "}");
    const auto is_answer = [&](JsonObject* o) { return member(o, "ref") == id; };
    ck_assert_msg(run_until([&] { return find(is_answer) != nullptr; }), "no answer to %s",
                  type.c_str());
    return find(is_answer);
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
  // The first event of this type about which `name` says `value`.
  JsonObject* wait_for(const std::string& type, const char* name, const std::string& value) {
    const auto good = [&](JsonObject* o) {
      return member(o, "type") == type && member(o, name) == value;
    };
    ck_assert_msg(run_until([&] { return find(good) != nullptr; }), "no %s with %s came",
                  type.c_str(), value.c_str());
    return find(good);
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
  // Of its welcome.
  std::string welcomed(const char* name) { return member(wait("welcome"), name); }
  bool resumed() { return json_object_get_boolean_member(wait("welcome"), "resumed") != FALSE; }
  // The numbers of all events, as they came.
  std::vector<gint64> seqs() {
    std::vector<gint64> found;
    for (JsonNode* node : heard_)
      if (JsonObject* o = json_node_get_object(node); json_object_has_member(o, "seq"))
        found.push_back(json_object_get_int_member(o, "seq"));
    return found;
  }
  gint64 last_seq() {
    const auto all = seqs();
    return all.empty() ? 0 : all.back();
  }
  // What events and texts of this type say under `name`, as they came.
  std::vector<std::string> said(const std::string& type, const char* name) {
    std::vector<std::string> found;
    for (JsonNode* node : heard_)
      if (JsonObject* o = json_node_get_object(node); member(o, "type") == type)
        found.push_back(member(o, name));
    return found;
  }
  [[nodiscard]] int close_code() {
    ck_assert(run_until([&] { return closed_; }));
    return soup_websocket_connection_get_close_code(socket_);
  }
  void send_binary(const std::string& bytes) {
    soup_websocket_connection_send_binary(socket_, bytes.data(), bytes.size());
  }

 private:
  // By hand, so that the TCP connection is ours to cut.
  void shake_hands() {
    const std::string request =
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: jsapi.v1\r\n\r\n";
    GIOStream* stream = G_IO_STREAM(tcp_);
    ck_assert(g_output_stream_write_all(g_io_stream_get_output_stream(stream), request.data(),
                                        request.size(), nullptr, nullptr, nullptr));
    std::string response;
    for (char byte = 0; !response.ends_with("\r\n\r\n"); response += byte)
      ck_assert_int_eq(
          g_input_stream_read(g_io_stream_get_input_stream(stream), &byte, 1, nullptr, nullptr), 1);
    ck_assert_msg(response.starts_with("HTTP/1.1 101"), "%s", response.c_str());
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

  GSocketConnection* tcp_;
  SoupWebsocketConnection* socket_ = nullptr;
  bool closed_ = false;
  std::vector<JsonNode*> heard_;
};

inline const std::string kCall = R"("callId":"call")";

inline void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

// A on c1 and c2, B on c3 and c4; A calls from c1, B takes it on c3.
struct Example {
  explicit Example(const std::string& more = "") : server(more) {}

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
  // ... and B has taken it on c3.
  void talk() {
    ring();
    same(c3.ask("call.accept", kCall), "ok");
    c1.wait("call.accept", "call");
    c1.wait("media.offer", "call");
    c3.wait("media.offer", "call");
  }
};

}  // namespace parley::test
