#include "media/io_legs.h"

#include <algorithm>
#include <utility>

namespace parley::media {

namespace {
// A claim on a source address lives as long as its leg asks: two rounds of the slowest browser's
// checks (Firefox: 6 s), rounded up.
constexpr base::Duration kClaimLife = std::chrono::seconds(15);
}  // namespace

IoLeg& IoLegs::add(TransportId id, ice::Credentials credentials) {
  remove(id.leg);
  std::string ufrag = credentials.ufrag;
  auto leg = std::make_unique<IoLeg>(id, std::move(credentials));
  leg->ufrags.push_back(ufrag);
  IoLeg& out = *leg;
  by_ufrag_[std::move(ufrag)] = &out;
  legs_[id.leg] = std::move(leg);
  return out;
}

void IoLegs::remove(LegId id) {
  const auto found = legs_.find(id);
  if (found == legs_.end()) return;
  IoLeg& leg = *found->second;
  for (const std::string& ufrag : leg.ufrags) by_ufrag_.erase(ufrag);
  for (const base::Endpoint& remote : leg.claimed) by_source_.erase(remote);
  legs_.erase(found);
}

void IoLegs::restart_ice(IoLeg& leg, ice::Credentials credentials) {
  while (leg.ufrags.size() > 1) {
    by_ufrag_.erase(leg.ufrags.front());
    leg.ufrags.erase(leg.ufrags.begin());
  }
  leg.ufrags.push_back(credentials.ufrag);
  by_ufrag_[credentials.ufrag] = &leg;
  leg.agent.restart(std::move(credentials));
}

void IoLegs::claim(IoLeg& leg, const base::Endpoint& remote, base::TimePoint now) {
  if (std::find(leg.claimed.begin(), leg.claimed.end(), remote) != leg.claimed.end()) return;
  const auto [place, is_new] = by_source_.try_emplace(remote, &leg);
  if (!is_new) {
    IoLeg& other = *place->second;
    const auto last = other.agent.last_request();
    if (last && now - *last < kClaimLife) return;
    std::erase(other.claimed, remote);
    place->second = &leg;
  }
  if (leg.claimed.size() == kMaxClaims) {
    const auto& selected = leg.agent.selected();
    const auto oldest = std::find_if(leg.claimed.begin(), leg.claimed.end(), [&](const auto& one) {
      return !selected || one != selected->remote;
    });
    by_source_.erase(*oldest);
    leg.claimed.erase(oldest);
  }
  leg.claimed.push_back(remote);
}

IoLeg* IoLegs::find(LegId leg) const {
  const auto found = legs_.find(leg);
  return found == legs_.end() ? nullptr : found->second.get();
}

IoLeg* IoLegs::find(TransportId id) const {
  IoLeg* leg = find(id.leg);
  return leg != nullptr && leg->id == id ? leg : nullptr;
}

IoLeg* IoLegs::find_ufrag(std::string_view ufrag) const {
  const auto found = by_ufrag_.find(ufrag);
  return found == by_ufrag_.end() ? nullptr : found->second;
}

IoLeg* IoLegs::find_source(const base::Endpoint& remote) const {
  const auto found = by_source_.find(remote);
  return found == by_source_.end() ? nullptr : found->second;
}

}  // namespace parley::media
