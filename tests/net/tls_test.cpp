// https and wss, with certificates made for the occasion.
#include <libsoup/soup.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "certificates.h"
#include "net/handles.h"
#include "net/server.h"
#include "net_fixture.h"
#include "support/check_main.h"

using namespace parley;
using test::run_until;

namespace {

template <class T>
using Owned = net::Object<T>;

struct Running {
  test::Recorder events;
  std::unique_ptr<net::Server> server;

  explicit Running(const test::Certificates& certificates, net::Limits limits = {}) {
    net::ServerConfig config;
    config.listen = {"127.0.0.1"};
    config.limits = limits;
    config.tls_certificate = certificates.path("cert.pem");
    config.tls_key = certificates.path("key.pem");
    auto started = net::Server::start(std::move(config), events, [] { return "up 1\n"; });
    ck_assert_msg(started.has_value(), "%s", started ? "" : started.error().message.c_str());
    server = std::move(*started);
  }
  [[nodiscard]] std::string url(const std::string& scheme, const std::string& path) const {
    return scheme + "://127.0.0.1:" + std::to_string(server->port()) + path;
  }
};

// A client that believes the certificates of this file and no others.
class Client {
 public:
  explicit Client(const std::string& authority) : session_(soup_session_new()) {
    GError* error = nullptr;
    GTlsDatabase* database = g_tls_file_database_new(authority.c_str(), &error);
    ck_assert_msg(database != nullptr, "%s", error != nullptr ? error->message : "");
    soup_session_set_tls_database(session_, database);
    g_object_unref(database);
  }
  ~Client() {
    if (socket_ != nullptr) g_object_unref(socket_);
    soup_session_abort(session_);
    g_object_unref(session_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The body, or the domain of the error.
  std::string get(const std::string& url) {
    SoupMessage* message = soup_message_new("GET", url.c_str());
    done_ = false;
    soup_session_send_and_read_async(session_, message, 0, nullptr, on_read, this);
    g_object_unref(message);
    ck_assert(run_until([&] { return done_; }));
    return text_;
  }
  SoupWebsocketConnection* join(const std::string& url, const char* origin) {
    SoupMessage* message = soup_message_new("GET", url.c_str());
    const char* protocols[] = {"jsapi.v1", nullptr};
    done_ = false;
    soup_session_websocket_connect_async(session_, message, origin, const_cast<char**>(protocols),
                                         0, nullptr, on_joined, this);
    g_object_unref(message);
    ck_assert(run_until([&] { return done_; }));
    return socket_;
  }

 private:
  static void on_read(GObject* session, GAsyncResult* result, gpointer self) {
    auto* client = static_cast<Client*>(self);
    GError* error = nullptr;
    GBytes* bytes = soup_session_send_and_read_finish(SOUP_SESSION(session), result, &error);
    client->done_ = true;
    if (bytes == nullptr) {
      client->text_ = g_quark_to_string(error->domain);
      g_error_free(error);
      return;
    }
    client->text_.assign(static_cast<const char*>(g_bytes_get_data(bytes, nullptr)),
                         g_bytes_get_size(bytes));
    g_bytes_unref(bytes);
  }
  static void on_joined(GObject* session, GAsyncResult* result, gpointer self) {
    auto* client = static_cast<Client*>(self);
    if (client->socket_ != nullptr) g_object_unref(client->socket_);
    client->socket_ = soup_session_websocket_connect_finish(SOUP_SESSION(session), result, nullptr);
    client->done_ = true;
  }

  SoupSession* session_;
  SoupWebsocketConnection* socket_ = nullptr;
  bool done_ = false;
  std::string text_;
};

// Joins over TLS, and never reads what comes after the handshake.
class Deaf {
 public:
  Deaf(const test::Certificates& certificates, std::uint16_t port) {
    std::atomic<bool> joined = false;
    std::thread thread([&] {
      join(certificates.path("ca.pem"), port);
      joined = true;
    });
    run_until([&] { return joined.load(); });
    thread.join();
  }
  [[nodiscard]] const std::string& answer() const { return answer_; }

 private:
  void join(const std::string& authority, std::uint16_t port) {
    const Owned<GSocketClient> client(g_socket_client_new());
    tcp_.reset(g_socket_client_connect_to_host(client.get(), "127.0.0.1", port, nullptr, nullptr));
    const Owned<GSocketConnectable> address(g_network_address_new("127.0.0.1", port));
    const Owned<GTlsDatabase> database(g_tls_file_database_new(authority.c_str(), nullptr));
    tls_.reset(g_tls_client_connection_new(G_IO_STREAM(tcp_.get()), address.get(), nullptr));
    g_tls_connection_set_database(G_TLS_CONNECTION(tls_.get()), database.get());
    g_socket_set_option(g_socket_connection_get_socket(tcp_.get()), SOL_SOCKET, SO_RCVBUF, 4096,
                        nullptr);
    const std::string request = test::upgrade_request();
    g_output_stream_write_all(g_io_stream_get_output_stream(tls_.get()), request.data(),
                              request.size(), nullptr, nullptr, nullptr);
    char buffer[1024];
    const gssize n = g_input_stream_read(g_io_stream_get_input_stream(tls_.get()), buffer,
                                         sizeof buffer, nullptr, nullptr);
    answer_.assign(buffer, static_cast<std::size_t>(std::max<gssize>(n, 0)));
  }

  Owned<GSocketConnection> tcp_;
  Owned<GIOStream> tls_;
  std::string answer_;
};

std::size_t open_sockets() {
  std::size_t n = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    n += std::filesystem::read_symlink(entry, gone).string().starts_with("socket:") ? 1 : 0;
  return n;
}

}  // namespace

START_TEST(serves_https_with_its_certificate) {
  const test::Certificates certificates;
  ck_assert(certificates.ok());
  const Running running(certificates);
  Client client(certificates.path("ca.pem"));
  ck_assert(client.get(running.url("https", "/healthz")) == "ok\n");
  ck_assert(client.get(running.url("https", "/metrics")) == "up 1\n");
  const test::Certificates others;
  Client stranger(others.path("ca.pem"));
  ck_assert(stranger.get(running.url("https", "/healthz")) == g_quark_to_string(G_TLS_ERROR));
}
END_TEST

START_TEST(carries_a_socket_over_tls) {
  const test::Certificates certificates;
  Running running(certificates);
  running.events.on_text = [&](net::SocketId socket, std::string_view text) {
    running.server->send(socket, "heard " + std::string(text));
  };
  Client client(certificates.path("ca.pem"));
  // A page that came from here by https may connect, one by http may not.
  ck_assert_ptr_null(client.join(running.url("wss", "/ws"), running.url("http", "").c_str()));
  SoupWebsocketConnection* socket =
      client.join(running.url("wss", "/ws"), running.url("https", "").c_str());
  ck_assert_ptr_nonnull(socket);
  std::string heard;
  g_signal_connect(socket, "message",
                   G_CALLBACK(+[](SoupWebsocketConnection*, gint, GBytes* bytes, gpointer out) {
                     static_cast<std::string*>(out)->assign(
                         static_cast<const char*>(g_bytes_get_data(bytes, nullptr)),
                         g_bytes_get_size(bytes));
                   }),
                   &heard);
  soup_websocket_connection_send_text(socket, "hello");
  ck_assert(run_until([&] { return heard == "heard hello"; }));
  g_signal_handlers_disconnect_by_data(socket, &heard);
}
END_TEST

START_TEST(drops_who_speaks_no_tls) {
  const test::Certificates certificates;
  net::Limits limits;
  limits.request_timeout = std::chrono::milliseconds(200);
  const Running running(certificates, limits);
  test::RawClient plain(running.server->port());
  plain.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  ck_assert(plain.wait_closed());
  ck_assert(plain.poll().find("HTTP") == std::string::npos);
  // One that says nothing at all: the handshake has its time, too.
  test::RawClient silent(running.server->port());
  ck_assert(silent.wait_closed());
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
}
END_TEST

// TLS has a last word of its own, which must not wait for a peer that does not listen.
START_TEST(lets_go_of_who_does_not_read_even_over_tls) {
  const test::Certificates certificates;
  net::Limits limits;
  limits.close_wait = std::chrono::milliseconds(200);
  Running running(certificates, limits);
  const Deaf deaf(certificates, running.server->port());
  ck_assert(deaf.answer().starts_with("HTTP/1.1 101"));
  ck_assert(run_until([&] { return running.events.open == 1; }));
  const std::size_t sockets = open_sockets();
  const std::string text(60'000, 'x');
  ck_assert(run_until([&] {
    running.server->send(running.events.last, text);
    return running.events.open == 0;
  }));
  ck_assert(run_until([&] { return open_sockets() == sockets - 1; }));
}
END_TEST

START_TEST(refuses_a_key_that_is_not_there) {
  const test::Certificates mine;
  test::Recorder events;
  net::ServerConfig config;
  config.listen = {"127.0.0.1"};
  config.tls_certificate = mine.path("cert.pem");
  config.tls_key = mine.path("nothing.pem");
  const auto refused = net::Server::start(config, events, [] { return ""; });
  ck_assert(!refused.has_value());
  ck_assert(refused.error().code == base::Code::kInvalid);
  ck_assert(refused.error().message.find("nothing.pem") != std::string::npos);
}
END_TEST

int main() {
  return test::run(
      "tls", {serves_https_with_its_certificate, carries_a_socket_over_tls, drops_who_speaks_no_tls,
              lets_go_of_who_does_not_read_even_over_tls, refuses_a_key_that_is_not_there});
}
