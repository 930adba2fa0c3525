// One leg: what it publishes and is shown, what was negotiated about it, and its present transport.
//
// Its webrtcbin and its place in the I/O thread form a transport, which a restart from scratch
// replaces; what the leg publishes and is shown stays.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "media/control_values.h"
#include "media/event.h"
#include "media/peer_connection.h"
#include "sdp/leg_session.h"

namespace parley::media {

// What legs need of their worker. Outlives them.
struct LegContext {
  std::shared_ptr<ControlBox> box;
  std::shared_ptr<IoThread::Inbox> io;
  std::function<void(Event)> emit;
  // Takes a transport out of the I/O thread, and its pipeline to NULL.
  std::function<void(Remains)> retire;
  std::function<std::vector<sdp::Candidate>()> candidates;
  std::function<void()> on_fingerprint_mismatch;
};

// Owned by the control thread.
class Leg {
 public:
  // Which sources of a stream are published now; nullptr: nobody feeds it.
  using SourcesOf = std::function<const std::set<base::Source>*(StreamId)>;

  Leg(LegId id, LegContext& context);
  Leg(const Leg&) = delete;
  Leg& operator=(const Leg&) = delete;

  void open() {
    if (!pc_ && !failed_) start_transport();
  }
  void close() { stop_transport(); }

  // Commands, refused or done; the caller owes a Verdict.
  [[nodiscard]] base::Result<void> answer(const Answer& answer);
  void publish(const std::vector<base::Source>& sources);
  [[nodiscard]] base::Result<void> subscribe(const Subscribe& wishes);
  [[nodiscard]] base::Result<void> restart(bool fresh);
  void show(StreamId stream, std::string owner);
  void hide(StreamId stream);

  [[nodiscard]] const std::set<base::Source>& published() const { return published_; }
  [[nodiscard]] const std::map<StreamId, std::string>& shown() const { return shown_; }

  // Reports about another generation of the transport are ignored.
  void on(BaseOffered& report);
  void on(const RemoteTaken& report);
  void on(const DecoderKeyed& report);
  void on(const EncoderKeyed& report);
  void on(const PipelineFailed& report);
  void on(const PathSelected& report);
  void on(DtlsReceived& report);
  void on(const FellSilent& report);
  void on(const BecameAudible& report);

  // Brings the description and the routes up to what is published and shown, and makes an offer if
  // that needs one and none is out. To be called once after a bundle of changes.
  void refresh(const SourcesOf& sources_of);

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

  [[nodiscard]] bool concerns_us(TransportId id) const { return pc_ && pc_->id() == id; }
  void start_transport();
  void stop_transport();
  void fail(std::string message);
  void try_open_gate();
  void tell_silence();
  void take_back_silence();
  void take_answer(sdp::Answer answer);
  void refresh_tracks(const SourcesOf& sources_of);
  [[nodiscard]] std::uint32_t next_ssrc();
  void route();
  [[nodiscard]] std::vector<router::IncomingTrack> incoming() const;
  [[nodiscard]] std::vector<router::OutgoingTrack> outgoing() const;
  void offer();

  const LegId id_;
  LegContext& context_;

  // Kept across restarts.
  std::uint32_t generation_ = 0;
  bool told_silent_ = false;  // Silent was emitted, Audible not yet
  std::uint32_t last_ssrc_;   // before it was scattered
  std::set<base::Source> published_;
  std::map<StreamId, std::string> shown_;
  std::map<WishKey, Wish> wishes_;
  std::optional<sdp::LegSession> session_;

  // Of the present transport.
  std::unique_ptr<PeerConnection> pc_;
  ice::Credentials credentials_;
  bool ready_ = false;  // the session speaks of this transport
  bool failed_ = false;
  bool connected_ = false;
  bool restart_ice_ = false;  // with the next offer
  std::vector<sdp::Fingerprint> announced_;
  std::optional<DecoderKeyed> decoder_;
  std::optional<EncoderKeyed> encoder_;
  std::map<sdp::TrackKey, Track> tracks_;                // in the session
  std::vector<std::uint32_t> ended_;                     // SSRCs of those taken out since route()
  std::map<std::string, OfferedLine> offered_;           // by mid, of the offer that is out
  std::map<base::Source, std::string> offered_sources_;  // ... and where the peer may send
  std::map<std::string, AnsweredLine> answered_;         // by mid, of the last answer
  std::map<base::Source, std::string> answered_sources_;
};

}  // namespace parley::media
