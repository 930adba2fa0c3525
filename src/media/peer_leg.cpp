#include "media/peer_leg.h"

#include <utility>

#include "media/certificate.h"
#include "media/log.h"
#include "media/random.h"

namespace parley::media {

void PeerLeg::start_transport() {
  const TransportId id{id_, ++generation_};
  auto pc = PeerConnection::start(id, context_.box, context_.io);
  if (!pc) return fail(pc.error().message);
  pc_ = std::move(*pc);
  credentials_ = random_credentials();
  context_.io->post(AddTransport{id, credentials_});
}

void PeerLeg::restart_ice() {
  credentials_ = random_credentials();
  context_.io->post(RestartIce{pc_->id(), credentials_});
}

void PeerLeg::stop_transport() {
  ready_ = false;
  connected_ = false;
  announced_.clear();
  decoder_.reset();
  encoder_.reset();
  on_stopped();
  if (!pc_) return;
  context_.retire(pc_->retire());
  pc_.reset();
}

void PeerLeg::fail(std::string message) {
  if (failed_) return;
  failed_ = true;
  stop_transport();
  on_failed(std::move(message));
}

void PeerLeg::on(BaseOffered& report) {
  if (!concerns_us(report.id)) return;
  if (!report.description) return fail("the media server could not prepare its offer");
  pc_->set_local(report.description.get());
  auto fingerprint = sdp::fingerprint_of(pc_->base_offer());
  if (!fingerprint) return fail("the media server has no certificate");
  ready_ = true;
  on_ready({credentials_.ufrag, credentials_.pwd, std::move(*fingerprint), context_.candidates()});
}

void PeerLeg::on(const RemoteTaken& report) {
  if (concerns_us(report.id)) pc_->on_remote_taken();
}

void PeerLeg::on(const PathSelected& report) {
  if (concerns_us(report.id)) pc_->on_path_selected();
}

void PeerLeg::on(DtlsReceived& report) {
  if (concerns_us(report.id)) pc_->on_datagram(std::move(report.datagram));
}

void PeerLeg::on(const DecoderKeyed& report) {
  if (!concerns_us(report.id) || decoder_) return;
  decoder_ = report;
  try_open_gate();
}

void PeerLeg::on(const EncoderKeyed& report) {
  if (!concerns_us(report.id) || encoder_) return;
  encoder_ = report;
  try_open_gate();
}

// Once connected, what an element of webrtcbin's says concerns nobody: our packets do not pass it.
void PeerLeg::on(const PipelineFailed& report) {
  if (concerns_us(report.id) && !connected_) fail("DTLS failed: " + report.message);
}

void PeerLeg::on(const FellSilent& report) {
  if (concerns_us(report.id) && connected_) tell_silence();
}

void PeerLeg::on(const BecameAudible& report) {
  if (concerns_us(report.id) && connected_) take_back_silence();
}

void PeerLeg::tell_silence() {
  if (!std::exchange(told_silent_, true)) context_.emit(Silent{id_});
}

void PeerLeg::take_back_silence() {
  if (std::exchange(told_silent_, false)) context_.emit(Audible{id_});
}

void PeerLeg::try_open_gate() {
  if (connected_ || !decoder_ || !encoder_ || announced_.empty()) return;
  if (!is_announced(decoder_->peer_pem, announced_)) {
    context_.on_fingerprint_mismatch();
    return fail("the certificate of the peer is not the one it announced");
  }
  auto in = srtp::Inbound::create(decoder_->key);
  auto out = srtp::Outbound::create(encoder_->key);
  if (!in || !out) return fail("the media server could not use the keys of DTLS");
  context_.io->post(OpenGate{pc_->id(), std::move(*in), std::move(*out)});
  connected_ = true;
  context_.emit(Connected{id_});
  take_back_silence();  // of the transport before this one
}

void PeerLeg::take_peer(const sdp::Answer& peer) {
  announced_ = peer.fingerprints;
  if (connected_ && !is_announced(decoder_->peer_pem, announced_)) {
    context_.on_fingerprint_mismatch();
    return fail("the answer announces another certificate than the one in use");
  }
  if (!pc_->has_remote()) {
    const auto text = sdp::answer_for_webrtcbin(pc_->base_offer(), peer);
    const auto taken = text ? pc_->set_remote(*text) : tl::unexpected(text.error());
    if (!taken) {
      log(GST_LEVEL_ERROR, "base answer: " + taken.error().message);
      return fail("the media server could not use the answer");
    }
  }
  try_open_gate();
}

}  // namespace parley::media
