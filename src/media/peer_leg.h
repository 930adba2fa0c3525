// A leg with a peer at its other end: its present transport, that is its webrtcbin and its place in
// the I/O thread, and the gate that opens when the peer has shown the certificate it announced.
//
// A restart from scratch replaces the transport; what is negotiated about it is the business of the
// kinds of legs: one offers (Leg), one answers (GuestLeg).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/any_leg.h"
#include "media/peer_connection.h"
#include "sdp/leg_session.h"

namespace parley::media {

// Owned by the control thread.
class PeerLeg : public AnyLeg {
 public:
  PeerLeg(LegId id, LegContext& context) : AnyLeg(id), context_(context) {}

  void open() override {
    if (!pc_ && !failed_) start_transport();
  }
  void close() override { stop_transport(); }

  // Reports about another generation of the transport are ignored.
  void on(BaseOffered& report) override;
  void on(const RemoteTaken& report) override;
  void on(const DecoderKeyed& report) override;
  void on(const EncoderKeyed& report) override;
  void on(const PipelineFailed& report) override;
  void on(const PathSelected& report) override;
  void on(DtlsReceived& report) override;
  void on(const FellSilent& report) override;
  void on(const BecameAudible& report) override;

 protected:
  // The transport can be described from now on.
  virtual void on_ready(sdp::Transport transport) = 0;
  // What was negotiated about the transport is void.
  virtual void on_stopped() = 0;
  // The leg has failed, for the first time since it started its transport.
  virtual void on_failed(std::string message) { context_.emit(Failed{id_, std::move(message)}); }

  void start_transport();
  void stop_transport();
  void fail(std::string message);
  // What the peer said of its end, checked. The leg may have failed afterwards.
  void take_peer(const sdp::Answer& peer);
  // New ICE credentials, which the peer is still to be told.
  void restart_ice();
  void tell_silence();

  LegContext& context_;
  // Of the present transport.
  std::unique_ptr<PeerConnection> pc_;
  ice::Credentials credentials_;
  bool ready_ = false;  // on_ready() has been called
  bool failed_ = false;
  bool connected_ = false;

 private:
  [[nodiscard]] bool concerns_us(TransportId id) const { return pc_ && pc_->id() == id; }
  void try_open_gate();
  void take_back_silence();

  std::uint32_t generation_ = 0;
  bool told_silent_ = false;  // Silent was emitted, Audible not yet
  std::vector<sdp::Fingerprint> announced_;
  std::optional<DecoderKeyed> decoder_;
  std::optional<EncoderKeyed> encoder_;
};

}  // namespace parley::media
