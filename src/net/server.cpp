#include "net/server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <utility>

#include "net/listening.h"
#include "net/origin.h"
#include "net/server_impl.h"

namespace parley::net {
namespace {

constexpr const char* kClientKey = "parley-client";

std::string literal(GSocketAddress* address) {
  if (g_socket_address_get_family(address) == G_SOCKET_FAMILY_UNIX) return "?";
  const Chars text(
      g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address))));
  return text.get();
}

base::Result<std::vector<AddressRange>> parse_ranges(const std::vector<std::string>& texts) {
  std::vector<AddressRange> ranges;
  for (const std::string& text : texts) {
    const auto range = AddressRange::parse(text);
    if (!range)
      return base::fail(
          base::Code::kInvalid,
          fmt::format("'{}' is neither an address nor a network such as 10.0.0.0/8", text));
    ranges.push_back(*range);
  }
  return ranges;
}

}  // namespace

// ---- start and stop -------------------------------------------------------------------------

Server::Impl::Impl(ServerConfig config, std::vector<AddressRange> trusted, SocketEvents& events,
                   std::function<std::string()> metrics)
    : config_(std::move(config)),
      events_(events),
      metrics_(std::move(metrics)),
      trusted_(std::move(trusted)),
      files_(config_.mounts) {}

Server::Impl::~Impl() {
  stop_listening();
  clients_.clear();
  if (soup_) soup_server_disconnect(soup_.get());
}

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
  soup_server_add_early_handler(soup_.get(), "/", on_headers, this, nullptr);
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
  const bool proxy = contains(trusted_, address);
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
        if (const auto server = gone->server.lock()) server->stream_gone(gone->id);
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

void Server::Impl::stream_gone(std::uint64_t id) {
  const auto found = clients_.find(id);
  if (found != clients_.end() && !found->second.upgraded) forget(id);
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
  give_up_waiting(now);
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

Server::Impl::Client* Server::Impl::client_of(SoupServerMessage* message, std::uint64_t* id) {
  GSocketAddress* remote = soup_server_message_get_remote_address(message);
  if (remote == nullptr) return nullptr;
  const std::uint64_t key = GPOINTER_TO_SIZE(g_object_get_data(G_OBJECT(remote), kClientKey));
  const auto found = clients_.find(key);
  if (found == clients_.end()) return nullptr;
  if (id != nullptr) *id = key;
  return &found->second;
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
  auto trusted = parse_ranges(config.trusted_proxies);
  if (!trusted) return tl::unexpected(trusted.error());
  auto impl =
      std::make_shared<Impl>(std::move(config), std::move(*trusted), events, std::move(metrics));
  if (auto started = impl->start(); !started) return tl::unexpected(started.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::send(SocketId socket, std::string_view text) { impl_->send(socket, text); }
void Server::close(SocketId socket, std::uint16_t code, std::string_view reason) {
  impl_->close(socket, code, reason);
}
void Server::proven(SocketId socket) { impl_->proven(socket); }
void Server::add(Route route) { impl_->add(std::move(route)); }
void Server::stop_listening() { impl_->stop_listening(); }
std::uint16_t Server::port() const { return impl_->port(); }
ServerStats Server::stats() const { return impl_->stats(); }

}  // namespace parley::net
