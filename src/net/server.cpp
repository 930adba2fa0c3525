#include "net/server.h"

#include <fmt/format.h>
#include <libsoup/soup.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "net/handles.h"
#include "net/listening.h"
#include "net/metered_stream.h"
#include "net/origin.h"
#include "net/responses.h"
#include "net/upgrade.h"
#include "net/web_socket.h"

namespace parley::net {
namespace {

constexpr const char* kClientKey = "parley-client";

std::string literal(GSocketAddress* address) {
  if (g_socket_address_get_family(address) == G_SOCKET_FAMILY_UNIX) return "?";
  const Chars text(
      g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address))));
  return text.get();
}

bool is_loopback(const std::string& address) {
  const Object<GInetAddress> inet(g_inet_address_new_from_string(address.c_str()));
  return inet && g_inet_address_get_is_loopback(inet.get());
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(ServerConfig config, SocketEvents& events, std::function<std::string()> metrics)
      : config_(std::move(config)),
        events_(events),
        metrics_(std::move(metrics)),
        files_(config_.mounts) {}
  ~Impl() {
    stop_listening();
    clients_.clear();
    if (soup_) soup_server_disconnect(soup_.get());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<void> start();
  void stop_listening();
  void send(SocketId socket, std::string_view text);
  void close(SocketId socket, std::uint16_t code, std::string_view reason);
  void proven(SocketId socket);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] ServerStats stats() const;

 private:
  // One TCP connection.
  struct Client {
    Object<GSocket> socket;
    std::string address;
    bool through_proxy = false;
    std::shared_ptr<ReadBudget> budget;
    std::optional<base::TimePoint> deadline;
    bool unproven = true;
    std::string counted_as;  // in unproven_by_group_; empty: not counted there
    std::unique_ptr<WebSocket> web_socket;
  };
  // Told when a connection's stream is gone, maybe after the server.
  struct Gone {
    std::weak_ptr<Impl> server;
    std::uint64_t id;
  };

  static gboolean on_incoming(GSocketService*, GSocketConnection* connection, GObject*,
                              gpointer self) noexcept;
  static void on_request_read(SoupServer*, SoupServerMessage* message, gpointer self) noexcept;
  static void on_request_done(SoupServer*, SoupServerMessage* message, gpointer self) noexcept;
  static void on_request(SoupServer*, SoupServerMessage* message, const char* path, GHashTable*,
                         gpointer self) noexcept;
  static void on_upgraded(SoupServerMessage* message, gpointer self) noexcept;
  static gboolean on_tick(gpointer self) noexcept;

  void accept(GSocketConnection* connection);
  [[nodiscard]] bool has_room(const std::string& group, bool proxy) const;
  void count(Client& client, const std::string& group);
  void uncount(Client& client);
  void forget(std::uint64_t id);
  void tick(base::TimePoint now);
  [[nodiscard]] Client* client_of(SoupServerMessage* message, std::uint64_t* id = nullptr);
  void serve(SoupServerMessage* message, std::string_view path);
  void serve_file(SoupServerMessage* message, std::string_view path);
  [[nodiscard]] bool may_see_metrics(SoupServerMessage* message, const Client& client) const;
  void upgrade(SoupServerMessage* message, Client& client);
  void believe_proxy(SoupServerMessage* message, Client& client);
  [[nodiscard]] std::vector<std::string_view> schemes(SoupServerMessage* message,
                                                      const Client& client) const;
  void open_socket(std::uint64_t id, Client& client, Object<GIOStream> stream);

  const ServerConfig config_;
  SocketEvents& events_;
  const std::function<std::string()> metrics_;
  const StaticFiles files_;
  Object<GTlsCertificate> certificate_;
  Object<GSocketService> service_;
  Object<SoupServer> soup_;
  Source ticker_;
  std::uint16_t port_ = 0;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Client> clients_;
  std::size_t unproven_ = 0;
  std::map<std::string, std::size_t> unproven_by_group_;
  ServerStats totals_;  // the counters; gauges are counted when asked
};

// ---- start and stop -------------------------------------------------------------------------

base::Result<void> Server::Impl::start() {
  if (!config_.tls_certificate.empty()) {
    ErrorOut error;
    certificate_.reset(g_tls_certificate_new_from_files(config_.tls_certificate.c_str(),
                                                        config_.tls_key.c_str(), error.out()));
    if (!certificate_)
      return base::fail(base::Code::kInvalid,
                        fmt::format("cannot use the certificate {} with the key {}: {}",
                                    config_.tls_certificate, config_.tls_key, error.message()));
  }
  auto sockets = listen_on(config_.listen, config_.port);
  if (!sockets) return tl::unexpected(sockets.error());
  port_ = port_of(sockets->front().get());

  soup_.reset(soup_server_new(nullptr, nullptr));
  g_signal_connect(soup_.get(), "request-read", G_CALLBACK(on_request_read), this);
  g_signal_connect(soup_.get(), "request-finished", G_CALLBACK(on_request_done), this);
  g_signal_connect(soup_.get(), "request-aborted", G_CALLBACK(on_request_done), this);
  soup_server_add_handler(soup_.get(), "/", on_request, this, nullptr);

  service_.reset(g_socket_service_new());
  g_signal_connect(service_.get(), "incoming", G_CALLBACK(on_incoming), this);
  for (const Object<GSocket>& socket : *sockets) {
    ErrorOut error;
    if (!g_socket_listener_add_socket(G_SOCKET_LISTENER(service_.get()), socket.get(), nullptr,
                                      error.out()))
      return base::fail(base::Code::kUnavailable, error.message());
  }
  g_socket_service_start(service_.get());

  // Fine enough for the shortest of the limits, never finer than 20 ms.
  const auto shortest = std::min({config_.limits.request_timeout, config_.limits.close_wait,
                                  config_.limits.ping_interval}) /
                        4;
  const auto period = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::clamp<base::Duration>(shortest, std::chrono::milliseconds(20), std::chrono::seconds(1)));
  ticker_.reset(g_timeout_source_new(static_cast<guint>(period.count())));
  g_source_set_callback(ticker_.get(), on_tick, this, nullptr);
  g_source_attach(ticker_.get(), g_main_context_get_thread_default());
  return {};
}

void Server::Impl::stop_listening() {
  if (!service_) return;
  g_socket_service_stop(service_.get());
  g_socket_listener_close(G_SOCKET_LISTENER(service_.get()));
  g_signal_handlers_disconnect_by_data(service_.get(), this);
  service_.reset();
}

// ---- connections ----------------------------------------------------------------------------

gboolean Server::Impl::on_incoming(GSocketService*, GSocketConnection* connection, GObject*,
                                   gpointer self) noexcept {
  static_cast<Impl*>(self)->accept(connection);
  return TRUE;
}

bool Server::Impl::has_room(const std::string& group, bool proxy) const {
  const Limits& limits = config_.limits;
  if (clients_.size() >= limits.connections || unproven_ >= limits.unproven) return false;
  const auto same = unproven_by_group_.find(group);
  return proxy || same == unproven_by_group_.end() || same->second < limits.unproven_per_address;
}

void Server::Impl::count(Client& client, const std::string& group) {
  ++unproven_by_group_[group];
  client.counted_as = group;
}

void Server::Impl::uncount(Client& client) {
  if (client.counted_as.empty()) return;
  const auto entry = unproven_by_group_.find(client.counted_as);
  if (--entry->second == 0) unproven_by_group_.erase(entry);
  client.counted_as.clear();
}

void Server::Impl::accept(GSocketConnection* connection) {
  const Object<GSocketAddress> local(g_socket_connection_get_local_address(connection, nullptr));
  const Object<GSocketAddress> remote(g_socket_connection_get_remote_address(connection, nullptr));
  if (!local || !remote) return;  // gone already
  ++totals_.accepted;
  const std::string address = literal(remote.get());
  const bool proxy = std::find(config_.trusted_proxies.begin(), config_.trusted_proxies.end(),
                               address) != config_.trusted_proxies.end();
  if (!has_room(address_group(address), proxy)) {
    ++totals_.refused;
    return;
  }
  g_socket_set_option(g_socket_connection_get_socket(connection), IPPROTO_TCP, TCP_NODELAY, 1,
                      nullptr);

  const std::uint64_t id = next_id_++;
  Client& client = clients_[id];
  client.socket.reset(G_SOCKET(g_object_ref(g_socket_connection_get_socket(connection))));
  client.address = address;
  client.through_proxy = proxy;
  client.budget = std::make_shared<ReadBudget>(ReadBudget{config_.limits.request_bytes, false});
  client.deadline = monotonic_now() + config_.limits.request_timeout;
  ++unproven_;
  if (!proxy) count(client, address_group(address));

  Object<GIOStream> base(G_IO_STREAM(g_object_ref(connection)));
  if (certificate_)
    base.reset(g_tls_server_connection_new(G_IO_STREAM(connection), certificate_.get(), nullptr));
  if (!base) return forget(id);
  const Object<GIOStream> stream(parley_metered_stream_new(base.get(), client.budget));
  g_object_weak_ref(
      G_OBJECT(stream.get()),
      [](gpointer data, GObject*) {
        const std::unique_ptr<Gone> gone(static_cast<Gone*>(data));
        if (const auto server = gone->server.lock()) server->forget(gone->id);
      },
      std::make_unique<Gone>(Gone{weak_from_this(), id}).release());
  g_object_set_data(G_OBJECT(remote.get()), kClientKey, GSIZE_TO_POINTER(id));
  soup_server_accept_iostream(soup_.get(), stream.get(), local.get(), remote.get(), nullptr);
}

void Server::Impl::forget(std::uint64_t id) {
  auto node = clients_.extract(id);
  if (node.empty()) return;
  Client& client = node.mapped();
  if (client.unproven) --unproven_;
  uncount(client);
}

void Server::Impl::proven(SocketId socket) {
  const auto found = clients_.find(socket.value);
  if (found == clients_.end() || !found->second.unproven) return;
  found->second.unproven = false;
  --unproven_;
  uncount(found->second);
}

gboolean Server::Impl::on_tick(gpointer self) noexcept {
  static_cast<Impl*>(self)->tick(monotonic_now());
  return G_SOURCE_CONTINUE;
}

void Server::Impl::tick(base::TimePoint now) {
  for (auto& [id, client] : clients_) {
    if (client.web_socket) {
      client.web_socket->tick(now);
    } else if (client.deadline && now >= *client.deadline) {
      ++totals_.timed_out;
      client.deadline.reset();
      // libsoup sees the end of the stream and lets go of it.
      g_socket_shutdown(client.socket.get(), TRUE, TRUE, nullptr);
    }
  }
}

// ---- requests -------------------------------------------------------------------------------

Server::Impl::Client* Server::Impl::client_of(SoupServerMessage* message, std::uint64_t* id) {
  GSocketAddress* remote = soup_server_message_get_remote_address(message);
  if (remote == nullptr) return nullptr;
  const std::uint64_t key = GPOINTER_TO_SIZE(g_object_get_data(G_OBJECT(remote), kClientKey));
  const auto found = clients_.find(key);
  if (found == clients_.end()) return nullptr;
  if (id != nullptr) *id = key;
  return &found->second;
}

void Server::Impl::on_request_read(SoupServer*, SoupServerMessage* message,
                                   gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  if (Client* client = impl->client_of(message))
    client->deadline = monotonic_now() + impl->config_.limits.response_timeout;
}

void Server::Impl::on_request_done(SoupServer*, SoupServerMessage* message,
                                   gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  Client* client = impl->client_of(message);
  if (client == nullptr || client->web_socket) return;
  client->deadline = monotonic_now() + impl->config_.limits.request_timeout;
  client->budget->left_bytes = impl->config_.limits.request_bytes;
}

void Server::Impl::on_request(SoupServer*, SoupServerMessage* message, const char* path,
                              GHashTable*, gpointer self) noexcept {
  static_cast<Impl*>(self)->serve(message, path);
}

void Server::Impl::serve(SoupServerMessage* message, std::string_view path) {
  Client* client = client_of(message);
  if (client == nullptr) return respond_text(message, SOUP_STATUS_SERVICE_UNAVAILABLE, {});
  // Answered whole or not at all; libsoup would cut the body into what a Range asks for.
  soup_message_headers_remove(soup_server_message_get_request_headers(message), "Range");
  if (header(message, "Host").find(',') != std::string::npos)
    return respond_text(message, SOUP_STATUS_BAD_REQUEST, "A request has one Host.\n");
  const std::string_view method = soup_server_message_get_method(message);
  if (method != "GET" && method != "HEAD") {
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow",
                                 "GET, HEAD");
    return respond_text(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "Only GET is understood.\n");
  }
  if (path == "/ws") return upgrade(message, *client);
  if (path == "/healthz") return respond_text(message, SOUP_STATUS_OK, "ok\n");
  if (path == "/metrics" && may_see_metrics(message, *client))
    return respond(message, SOUP_STATUS_OK, "text/plain; version=0.0.4; charset=utf-8", metrics_());
  serve_file(message, path);
}

bool Server::Impl::may_see_metrics(SoupServerMessage* message, const Client& client) const {
  if (config_.metrics != MetricsAccess::kLocal) return config_.metrics == MetricsAccess::kAll;
  return is_loopback(client.address) && header(message, "X-Forwarded-For").empty() &&
         header(message, "Forwarded").empty();
}

void Server::Impl::serve_file(SoupServerMessage* message, std::string_view path) {
  const auto file = files_.find(path);
  if (!file) return respond_text(message, SOUP_STATUS_NOT_FOUND, "There is nothing here.\n");
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "ETag", file->etag.c_str());
  if (file->any_origin) soup_message_headers_replace(headers, "Access-Control-Allow-Origin", "*");
  if (header(message, "If-None-Match").find(file->etag) != std::string::npos)
    return respond(message, SOUP_STATUS_NOT_MODIFIED, {}, {});
  respond(message, SOUP_STATUS_OK, file->content_type, file->body);
}

// ---- WebSockets -----------------------------------------------------------------------------

std::vector<std::string_view> Server::Impl::schemes(SoupServerMessage* message,
                                                    const Client& client) const {
  if (certificate_) return {"https"};
  if (!client.through_proxy) return {"http"};
  const std::string forwarded = header(message, "X-Forwarded-Proto");
  if (forwarded == "https") return {"https"};
  if (forwarded == "http") return {"http"};
  return {"http", "https"};
}

// The nearest proxy's word is the last of the list; what stands before it anybody may have written.
void Server::Impl::believe_proxy(SoupServerMessage* message, Client& client) {
  if (!client.through_proxy) return;
  const std::string list = header(message, "X-Forwarded-For");
  const std::size_t comma = list.rfind(',');
  std::string last = comma == std::string::npos ? list : list.substr(comma + 1);
  last.erase(0, last.find_first_not_of(" \t"));
  if (!g_hostname_is_ip_address(last.c_str())) return;
  client.address = last;
}

void Server::Impl::upgrade(SoupServerMessage* message, Client& client) {
  const Handshake handshake{
      .method = soup_server_message_get_method(message),
      .upgrade = header(message, "Upgrade"),
      .connection = header(message, "Connection"),
      .version = header(message, "Sec-WebSocket-Version"),
      .key = header(message, "Sec-WebSocket-Key"),
      .protocols = header(message, "Sec-WebSocket-Protocol"),
  };
  const auto accepted = check_handshake(handshake);
  if (!accepted) {
    ++totals_.refused_upgrades;
    soup_message_headers_replace(soup_server_message_get_response_headers(message),
                                 "Sec-WebSocket-Version", "13");
    return respond_text(message, accepted.error().status, accepted.error().message);
  }
  if (!origin_allowed(header(message, "Origin"), header(message, "Host"), schemes(message, client),
                      config_.origins)) {
    ++totals_.refused_upgrades;
    return respond_text(message, SOUP_STATUS_FORBIDDEN,
                        "Pages of this origin may not connect; see 'origins' in the "
                        "configuration.\n");
  }
  believe_proxy(message, client);
  if (client.through_proxy) {
    const std::string group = address_group(client.address);
    const auto same = unproven_by_group_.find(group);
    if (same != unproven_by_group_.end() && same->second >= config_.limits.unproven_per_address) {
      ++totals_.refused;
      return respond_text(message, SOUP_STATUS_SERVICE_UNAVAILABLE, "Too many connections.\n");
    }
    uncount(client);
    count(client, group);
  }
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "Upgrade", "websocket");
  soup_message_headers_replace(headers, "Connection", "Upgrade");
  soup_message_headers_replace(headers, "Sec-WebSocket-Accept", accepted->c_str());
  soup_message_headers_replace(headers, "Sec-WebSocket-Protocol", kSubprotocol);
  soup_server_message_set_status(message, SOUP_STATUS_SWITCHING_PROTOCOLS, nullptr);
  g_signal_connect(message, "wrote-informational", G_CALLBACK(on_upgraded), this);
}

void Server::Impl::on_upgraded(SoupServerMessage* message, gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  std::uint64_t id = 0;
  Client* client = impl->client_of(message, &id);
  if (client == nullptr) return;
  Object<GIOStream> stream(soup_server_message_steal_connection(message));
  if (stream) impl->open_socket(id, *client, std::move(stream));
}

void Server::Impl::open_socket(std::uint64_t id, Client& client, Object<GIOStream> stream) {
  client.deadline.reset();
  client.budget->unlimited = true;
  const SocketId socket{id};
  WebSocket::Callbacks callbacks{
      .text =
          [this, socket](std::string_view text) {
            ++totals_.messages_in;
            events_.text(socket, text);
          },
      .flooding = [this, socket] { events_.flooding(socket); },
      .closed =
          [this, socket](std::uint16_t code) {
            forget(socket.value);
            events_.closed(socket, code);
          },
  };
  client.web_socket = std::make_unique<WebSocket>(std::move(stream), config_.limits,
                                                  std::move(callbacks), monotonic_now());
  events_.opened(socket, client.address);
}

void Server::Impl::send(SocketId socket, std::string_view text) {
  const auto found = clients_.find(socket.value);
  if (found == clients_.end() || !found->second.web_socket) return;
  ++totals_.messages_out;
  found->second.web_socket->send(text);
}

void Server::Impl::close(SocketId socket, std::uint16_t code, std::string_view reason) {
  const auto found = clients_.find(socket.value);
  if (found != clients_.end() && found->second.web_socket)
    found->second.web_socket->close(code, reason);
}

ServerStats Server::Impl::stats() const {
  ServerStats stats = totals_;
  stats.connections = clients_.size();
  stats.sockets = static_cast<std::uint64_t>(
      std::count_if(clients_.begin(), clients_.end(),
                    [](const auto& entry) { return entry.second.web_socket != nullptr; }));
  return stats;
}

// ---- the face -------------------------------------------------------------------------------

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

base::Result<std::unique_ptr<Server>> Server::start(ServerConfig config, SocketEvents& events,
                                                    std::function<std::string()> metrics) {
  auto impl = std::make_shared<Impl>(std::move(config), events, std::move(metrics));
  if (auto started = impl->start(); !started) return tl::unexpected(started.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::send(SocketId socket, std::string_view text) { impl_->send(socket, text); }
void Server::close(SocketId socket, std::uint16_t code, std::string_view reason) {
  impl_->close(socket, code, reason);
}
void Server::proven(SocketId socket) { impl_->proven(socket); }
void Server::stop_listening() { impl_->stop_listening(); }
std::uint16_t Server::port() const { return impl_->port(); }
ServerStats Server::stats() const { return impl_->stats(); }

}  // namespace parley::net
