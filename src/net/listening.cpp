#include "net/listening.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <utility>

namespace parley::net {
namespace {

// Pending connections; our choice: twice the strangers a burst may bring.
constexpr int kBacklog = 1024;

base::Result<Object<GSocket>> listen_on_one(const std::string& address, std::uint16_t port) {
  const Object<GInetAddress> inet(g_inet_address_new_from_string(address.c_str()));
  if (!inet)
    return base::fail(base::Code::kInvalid,
                      fmt::format("'{}' is no address to listen on; give a literal one such as "
                                  "127.0.0.1 or ::",
                                  address));
  const GSocketFamily family = g_inet_address_get_family(inet.get());
  ErrorOut error;
  Object<GSocket> socket(
      g_socket_new(family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error.out()));
  const Object<GSocketAddress> where(g_inet_socket_address_new(inet.get(), port));
  // An IPv6 wildcard that took IPv4 as well would clash with an IPv4 address of the list.
  const bool ready =
      socket && (family != G_SOCKET_FAMILY_IPV6 ||
                 g_socket_set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1, error.out()));
  if (ready) g_socket_set_listen_backlog(socket.get(), kBacklog);
  if (!ready || !g_socket_bind(socket.get(), where.get(), TRUE, error.out()) ||
      !g_socket_listen(socket.get(), error.out()))
    return base::fail(base::Code::kUnavailable, fmt::format("cannot listen on {} port {}: {}",
                                                            address, port, error.message()));
  return socket;
}

}  // namespace

std::uint16_t port_of(GSocket* socket) {
  const Object<GSocketAddress> local(g_socket_get_local_address(socket, nullptr));
  return local ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local.get())) : 0;
}

base::Result<std::vector<Object<GSocket>>> listen_on(const std::vector<std::string>& addresses,
                                                     std::uint16_t port) {
  std::vector<Object<GSocket>> sockets;
  base::Error last{base::Code::kInvalid, "there is no address to listen on"};
  for (const std::string& address : addresses) {
    auto socket = listen_on_one(address, port);
    if (socket) {
      if (port == 0) port = port_of(socket->get());
      sockets.push_back(std::move(*socket));
      continue;
    }
    last = socket.error();
    const bool optional = address.find(':') != std::string::npos && addresses.size() > 1 &&
                          last.message.find("Address already in use") == std::string::npos;
    if (!optional) return tl::unexpected(last);
  }
  if (sockets.empty()) return tl::unexpected(last);
  return sockets;
}

}  // namespace parley::net
