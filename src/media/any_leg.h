// What the control thread keeps under a LegId, whoever is at the other end: a peer that answers our
// offers, a guest that made the only offer.
//
// Owned by the control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "media/control_values.h"
#include "media/event.h"
#include "media/io_thread.h"
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
  // Takes a port out of the I/O thread.
  std::function<void(LegId)> retire_port;
  std::function<std::vector<sdp::Candidate>()> candidates;
  std::function<void()> on_fingerprint_mismatch;
};

class AnyLeg {
 public:
  // Which sources of a stream are published now; nullptr: nobody feeds it.
  using SourcesOf = std::function<const std::set<base::Source>*(StreamId)>;

  explicit AnyLeg(LegId id) : id_(id) {}
  virtual ~AnyLeg() = default;
  AnyLeg(const AnyLeg&) = delete;
  AnyLeg& operator=(const AnyLeg&) = delete;

  // When there is room for its pipeline, if it needs one; and when it ends, in whatever state.
  virtual void open() {}
  virtual void close() {}

  // Commands, refused or done; the caller owes a Verdict. Refused by a leg they make no sense for.
  [[nodiscard]] virtual base::Result<void> answer(const Answer& /*answer*/) { return refuse(); }
  [[nodiscard]] virtual base::Result<void> publish(const std::vector<base::Source>& /*sources*/) {
    return refuse();
  }
  [[nodiscard]] virtual base::Result<void> subscribe(const Subscribe& /*wishes*/) {
    return refuse();
  }
  [[nodiscard]] virtual base::Result<void> restart(bool /*fresh*/) { return refuse(); }
  // The server's new credentials, as a fragment; empty: nothing has changed.
  [[nodiscard]] virtual base::Result<std::string> patch(const std::string& /*fragment*/) {
    return tl::unexpected(refuse().error());
  }
  virtual void show(StreamId stream, std::string owner) { shown_[stream] = std::move(owner); }
  virtual void hide(StreamId stream) { shown_.erase(stream); }

  [[nodiscard]] const std::set<base::Source>& published() const { return published_; }
  [[nodiscard]] const std::map<StreamId, std::string>& shown() const { return shown_; }

  virtual void on(BaseOffered& /*report*/) {}
  virtual void on(const RemoteTaken& /*report*/) {}
  virtual void on(const DecoderKeyed& /*report*/) {}
  virtual void on(const EncoderKeyed& /*report*/) {}
  virtual void on(const PipelineFailed& /*report*/) {}
  virtual void on(const PathSelected& /*report*/) {}
  virtual void on(DtlsReceived& /*report*/) {}
  virtual void on(const FellSilent& /*report*/) {}
  virtual void on(const BecameAudible& /*report*/) {}

  // Brings the routes, and the description if there is one, up to what is published and shown. To
  // be called once after a bundle of changes.
  virtual void refresh(const SourcesOf& /*sources_of*/) {}

 protected:
  [[nodiscard]] static base::Result<void> refuse() {
    return base::fail(base::Code::kConflict, "a leg of this kind takes no such command");
  }

  const LegId id_;
  std::set<base::Source> published_;
  std::map<StreamId, std::string> shown_;
};

}  // namespace parley::media
