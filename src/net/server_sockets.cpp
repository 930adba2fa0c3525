// How a request becomes a WebSocket.
#include <algorithm>
#include <utility>

#include "net/origin.h"
#include "net/responses.h"
#include "net/server_impl.h"
#include "net/upgrade.h"

namespace parley::net {

std::vector<std::string_view> Server::Impl::schemes(SoupServerMessage* message,
                                                    const Client& client) const {
  if (certificate_) return {"https"};
  if (!client.through_proxy) return {"http"};
  const std::string forwarded = header(message, "X-Forwarded-Proto");
  if (forwarded == "https") return {"https"};
  if (forwarded == "http") return {"http"};
  return {"http", "https"};
}

void Server::Impl::believe_proxy(SoupServerMessage* message, Client& client) {
  if (!client.through_proxy) return;
  if (auto address = client_of_proxy(header(message, "X-Forwarded-For"), trusted_))
    client.address = std::move(*address);
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
  client.upgraded = true;
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
  const bool plain = !certificate_;
  Channel channel(std::move(stream), std::move(client.socket), plain);
  client.web_socket = std::make_unique<WebSocket>(std::move(channel), poller_, config_.limits,
                                                  std::move(callbacks), monotonic_now());
  events_.opened(socket, client.address);
}

}  // namespace parley::net
