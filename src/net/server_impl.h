// What server.h keeps to itself: one class, its functions in three files by what they are about:
// connections (server.cpp), requests (server_requests.cpp) and WebSockets (server_sockets.cpp).
#pragma once

#include <libsoup/soup.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/address_range.h"
#include "net/handles.h"
#include "net/metered_stream.h"
#include "net/poller.h"
#include "net/route.h"
#include "net/server.h"
#include "net/web_socket.h"

namespace parley::net {

// Main thread only.
class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  // The addresses of trusted proxies have been checked.
  Impl(ServerConfig config, std::vector<AddressRange> trusted, SocketEvents& events,
       std::function<std::string()> metrics);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<void> start();
  void stop_listening();
  void send(SocketId socket, std::string_view text);
  void close(SocketId socket, std::uint16_t code, std::string_view reason);
  void proven(SocketId socket);
  void add(Route route) { routes_.push_back(std::move(route)); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] ServerStats stats() const;

 private:
  // One TCP connection.
  struct Client {
    Object<GSocket> socket;  // while it speaks HTTP
    std::string address;
    bool through_proxy = false;
    std::shared_ptr<ReadBudget> budget;
    std::optional<base::TimePoint> deadline;
    bool unproven = true;
    std::string counted_as;  // in unproven_by_group_; empty: not counted there
    bool upgraded = false;   // its end is told by web_socket, and no longer by the stream
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
  static void on_headers(SoupServer*, SoupServerMessage* message, const char* path, GHashTable*,
                         gpointer self) noexcept;
  static void on_request(SoupServer*, SoupServerMessage* message, const char* path, GHashTable*,
                         gpointer self) noexcept;
  static void on_upgraded(SoupServerMessage* message, gpointer self) noexcept;
  static gboolean on_tick(gpointer self) noexcept;

  void accept(GSocketConnection* connection);
  [[nodiscard]] bool has_room(const std::string& group, bool proxy) const;
  void count(Client& client, const std::string& group);
  void uncount(Client& client);
  void forget(std::uint64_t id);
  void stream_gone(std::uint64_t id);
  void tick(base::TimePoint now);
  [[nodiscard]] Client* client_of(SoupServerMessage* message, std::uint64_t* id = nullptr);
  void serve(SoupServerMessage* message, std::string_view path);
  void serve_file(SoupServerMessage* message, std::string_view path);
  [[nodiscard]] const Route* route_of(SoupServerMessage* message, std::string_view path);
  void check_size(SoupServerMessage* message, const Route& route, Client& client);
  void serve_route(SoupServerMessage* message, const Route& route, std::string_view path,
                   const std::string& range);
  void answer(std::uint64_t waiting, const HttpResponse& response);
  void forget_waiting(SoupServerMessage* message);
  void give_up_waiting(base::TimePoint now);
  void upgrade(SoupServerMessage* message, Client& client);
  void believe_proxy(SoupServerMessage* message, Client& client);
  [[nodiscard]] std::vector<std::string_view> schemes(SoupServerMessage* message,
                                                      const Client& client) const;
  void open_socket(std::uint64_t id, Client& client, Object<GIOStream> stream);

  const ServerConfig config_;
  SocketEvents& events_;
  const std::function<std::string()> metrics_;
  const std::vector<AddressRange> trusted_;
  StaticFiles files_;
  Object<GTlsCertificate> certificate_;
  Object<GSocketService> service_;
  Object<SoupServer> soup_;
  Source ticker_;
  std::uint16_t port_ = 0;
  std::uint64_t next_id_ = 1;
  Poller poller_;
  std::map<std::uint64_t, Client> clients_;
  std::size_t unproven_ = 0;
  std::map<std::string, std::size_t> unproven_by_group_;
  ServerStats totals_;  // the counters; gauges are counted when asked

  // A request of a route that waits for its answer.
  struct Waiting {
    Object<SoupServerMessage> message;
    const Route* route;
    base::TimePoint deadline;
    bool paused = false;
  };
  std::list<Route> routes_;  // a list: Waiting points into it
  std::uint64_t next_waiting_ = 1;
  std::map<std::uint64_t, Waiting> waiting_;
};

}  // namespace parley::net
