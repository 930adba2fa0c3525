// A guest's leg: its peer made the only offer (WHIP, WHEP), and either publishes or watches.
//
// What it watches may change while it lasts, its m-lines not: each carries the first stream shown
// that has a track of its kind, always with the SSRC that the answer announced.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/peer_leg.h"
#include "sdp/guest.h"

namespace parley::media {

// Owned by the control thread.
class GuestLeg : public PeerLeg {
 public:
  // `ticket`: of the OpenGuest, which the leg answers.
  GuestLeg(LegId id, LegContext& context, std::uint64_t ticket, sdp::GuestOffer offer);

  [[nodiscard]] base::Result<std::string> patch(const std::string& fragment) override;
  void show(StreamId stream, std::string owner) override;
  void hide(StreamId stream) override;
  void refresh(const SourcesOf& sources_of) override;

 private:
  void on_ready(sdp::Transport transport) override;
  void on_stopped() override {}
  // Before the answer there is nobody who knows of the leg but by its ticket: it ends itself.
  void on_failed(std::string message) override;

  [[nodiscard]] static bool resends(const sdp::GuestMedia& media);
  [[nodiscard]] std::vector<router::IncomingTrack> incoming() const;
  [[nodiscard]] std::vector<router::OutgoingTrack> outgoing(const SourcesOf& sources_of) const;

  const std::uint64_t ticket_;
  bool answered_ = false;
  sdp::GuestOffer offer_;
  sdp::GuestSsrcs ssrcs_;
  sdp::Transport transport_;
  std::vector<StreamId> order_;  // of what is shown
};

}  // namespace parley::media
