// A participant's leg: what it publishes and is shown, and what was negotiated about it by offers
// of ours. It outlives a restart from scratch, which replaces the transport.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "media/peer_leg.h"
#include "sdp/leg_session.h"

namespace parley::media {

// Owned by the control thread.
class Leg : public PeerLeg {
 public:
  Leg(LegId id, LegContext& context);

  [[nodiscard]] base::Result<void> answer(const Answer& answer) override;
  [[nodiscard]] base::Result<void> publish(const std::vector<base::Source>& sources) override;
  [[nodiscard]] base::Result<void> subscribe(const Subscribe& wishes) override;
  [[nodiscard]] base::Result<void> restart(bool fresh) override;
  void hide(StreamId stream) override;

  // Makes an offer as well, if that needs one and none is out.
  void refresh(const SourcesOf& sources_of) override;

 private:
  struct Track {  // of another participant, for this leg's peer
    std::string owner;
    std::uint32_t ssrc = 0;
  };
  struct OfferedLine {  // a track as an offer had it
    sdp::TrackKey key;
    std::uint32_t ssrc = 0;
  };
  struct AnsweredLine {
    std::optional<OfferedLine> offered;  // nullopt: an m-line the peer sends on
    sdp::AnsweredMedia media;
  };
  struct Wish {
    bool paused = false;
    std::uint32_t max_height = 0;  // pixels; 0: any
    std::uint32_t priority = 0;
  };
  using WishKey = std::pair<std::string, base::Source>;  // owner, source

  void on_ready(sdp::Transport transport) override;
  void on_stopped() override;
  void take_answer(const sdp::Answer& answer);
  void refresh_tracks(const SourcesOf& sources_of);
  [[nodiscard]] std::uint32_t next_ssrc();
  void route();
  [[nodiscard]] std::vector<router::IncomingTrack> incoming() const;
  [[nodiscard]] std::vector<router::OutgoingTrack> outgoing() const;
  void offer();

  // Kept across restarts.
  std::uint32_t last_ssrc_;  // before it was scattered
  std::map<WishKey, Wish> wishes_;
  std::optional<sdp::LegSession> session_;

  // Of the present transport.
  bool restart_ice_ = false;                             // with the next offer
  std::map<sdp::TrackKey, Track> tracks_;                // in the session
  std::vector<std::uint32_t> ended_;                     // SSRCs of those taken out since route()
  std::map<std::string, OfferedLine> offered_;           // by mid, of the offer that is out
  std::map<base::Source, std::string> offered_sources_;  // ... and where the peer may send
  std::map<std::string, AnsweredLine> answered_;         // by mid, of the last answer
  std::map<base::Source, std::string> answered_sources_;
};

}  // namespace parley::media
