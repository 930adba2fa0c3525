#include "call/call.h"

#include <algorithm>

namespace parley::call {

std::vector<ProfileId> Call::receivers() const {
  std::vector<ProfileId> profiles;
  for (const Participant& p : participants)
    if (!p.initiator && !p.bridge) profiles.push_back(p.profile);
  return profiles;
}

Participant* Call::find(const ProfileId& profile) {
  const auto found = std::find_if(participants.begin(), participants.end(),
                                  [&](const Participant& p) { return p.profile == profile; });
  return found == participants.end() ? nullptr : &*found;
}

Bridge* Call::find_bridge(const JobId& id) {
  const auto found = std::find_if(bridges.begin(), bridges.end(),
                                  [&](const Bridge& bridge) { return bridge.view.bridge == id; });
  return found == bridges.end() ? nullptr : &*found;
}

std::size_t Call::count_people() const {
  return static_cast<std::size_t>(std::count_if(participants.begin(), participants.end(),
                                                [](const Participant& p) { return !p.bridge; }));
}

std::size_t Call::count_active() const {
  return static_cast<std::size_t>(
      std::count_if(participants.begin(), participants.end(),
                    [](const Participant& p) { return p.stage == Stage::kActive && !p.bridge; }));
}

std::size_t Call::count_waiting() const {
  return static_cast<std::size_t>(std::count_if(participants.begin(), participants.end(),
                                                [](const Participant& p) { return p.waiting(); }));
}

bool Call::reachable(std::size_t index) const {
  return std::any_of(devices.begin(), devices.end(), [index](const auto& entry) {
    const Device& device = entry.second;
    return device.participant == index &&
           (device.response == Response::kAwaited || device.response == Response::kRings);
  });
}

std::optional<std::size_t> Call::participant_of(const std::vector<ProfileId>& profiles) const {
  for (std::size_t i = 0; i < participants.size(); ++i)
    if (!participants[i].bridge &&
        std::find(profiles.begin(), profiles.end(), participants[i].profile) != profiles.end())
      return i;
  return std::nullopt;
}

}  // namespace parley::call
