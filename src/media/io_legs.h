// Who is where: the transports of all legs by leg, by ICE user fragment and by source address.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/endpoint.h"
#include "base/time.h"
#include "media/gso_sender.h"
#include "media/io_values.h"

namespace parley::media {

// A leg as the I/O thread sees it.
struct IoLeg {
  IoLeg(TransportId transport, ice::Credentials credentials)
      : id(transport), agent(std::move(credentials)) {}

  TransportId id;
  ice::LiteAgent agent;
  std::vector<std::string> ufrags;      // registered; the last is the present one
  std::vector<base::Endpoint> claimed;  // its keys among the source addresses, oldest first
  GsoSender::Destination destination;   // path: the agent's selected one
  const UdpSocket* socket = nullptr;    // that destination.path.local belongs to
  base::TimePoint last_authentic;
  bool heard = false;   // something authentic has come
  bool silent = false;  // reported as such
  std::uint32_t dtls_allowance = 0;
};

// Owned by the I/O thread. Look-ups do not allocate.
class IoLegs {
 public:
  // Addresses one peer may send from: its candidates towards one port of ours. Our choice: two
  // networks with IPv4 and IPv6, each of them direct and relayed.
  static constexpr std::size_t kMaxClaims = 8;

  // In place of the leg's former transport.
  IoLeg& add(TransportId id, ice::Credentials credentials);
  void remove(LegId leg);
  // New credentials; those in use stay valid beside them, older ones do not.
  void restart_ice(IoLeg& leg, ice::Credentials credentials);
  // Makes `remote` an address `leg` is found by, unless it is the living claim of another leg,
  // which a peer could otherwise take away by sending from a forged source address. Beyond
  // kMaxClaims the oldest one is given up, but not that of the selected path.
  void claim(IoLeg& leg, const base::Endpoint& remote, base::TimePoint now);

  [[nodiscard]] IoLeg* find(LegId leg) const;
  [[nodiscard]] IoLeg* find(TransportId id) const;  // nullptr also for another generation
  [[nodiscard]] IoLeg* find_ufrag(std::string_view ufrag) const;
  [[nodiscard]] IoLeg* find_source(const base::Endpoint& remote) const;

  template <class Visit>
  void for_each(Visit&& visit) {
    for (auto& [id, leg] : legs_) visit(*leg);
  }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<LegId, std::unique_ptr<IoLeg>> legs_;
  std::unordered_map<std::string, IoLeg*, TextHash, std::equal_to<>> by_ufrag_;
  std::unordered_map<base::Endpoint, IoLeg*> by_source_;
};

}  // namespace parley::media
