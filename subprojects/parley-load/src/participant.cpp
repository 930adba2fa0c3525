#include "participant.h"

#include "base.h"
#include "options.h"

namespace parley::load {

Participant::Participant(EventLoop& loop, const DtlsIdentity& identity, const Options& options,
                         Part part, Room& room, std::string token)
    : loop_(loop),
      identity_(identity),
      options_(options),
      peer_options_(options.peer),
      part_(std::move(part)),
      room_(room),
      token_(std::move(token)),
      driver_(make_driver(options.driver, *this)),
      socket_(loop) {
  peer_options_.flip_fingerprint = part_.shows_wrong_fingerprint;
  media.picture_id = static_cast<std::uint16_t>(random_u32() & 0x7fff);
  media.audio_timestamp = random_u32();
  media.video_timestamp = random_u32();
  media.frame = random_u32();
  socket_.on_open = [this] { driver_->on_open(); };
  socket_.on_text = [this](const std::string& text) {
    if (log_enabled(2)) log(2, "[" + part_.name + "] < " + text.substr(0, 3000));
    driver_->on_text(text);
  };
  socket_.on_close = [this] {
    online_ = false;
    fail("the server closed the signalling connection");
  };
}

void Participant::join() {
  mark_join();
  if (socket_.connect_to(options_.url, driver_->sub_protocol())) return;
  fail("cannot connect to " + options_.url_text + "; is the server running there?");
}

void Participant::leave() {
  leaving_ = true;
  if (socket_.is_open()) driver_->leave();
}

void Participant::tick(std::uint64_t now_ns) {
  if (socket_.is_open() && !leaving_) driver_->on_tick(now_ns);
  for (const auto& connection : connections_) connection->tick(now_ns);
}

PeerConnection& Participant::new_connection(bool offering) {
  connections_.push_back(
      std::make_unique<PeerConnection>(loop_, identity_, peer_options_, offering));
  PeerConnection& connection = *connections_.back();
  connection.on_latency = [this](Kind kind, std::uint64_t ns) {
    if (on_latency) on_latency(kind, ns);
  };
  connection.on_source_known = [this](const ReceivedStream& stream) {
    first_media_.try_emplace({stream.source, stream.kind}, monotonic_ns());
  };
  connection.on_key_request = [this] { media.key_frame_wanted = true; };
  connection.on_failed = [this](const std::string& why) { fail(why); };
  connection.on_connected = [this] {
    for (const auto& each : connections_) {
      if (!each->connected()) return;
    }
    connected_ns_ = monotonic_ns();
  };
  return connection;
}

void Participant::fail(const std::string& why) {
  if (failed_ || leaving_) return;
  // The one with the wrong fingerprint is meant to be refused, however the server does it.
  if (part_.shows_wrong_fingerprint && !connections_.empty()) {
    media_refused(why);
    return;
  }
  failed_ = true;
  error_ = why;
  log(0, "participant " + part_.name + ": " + why);
}

void Participant::media_refused(const std::string& why) {
  if (!part_.shows_wrong_fingerprint) {
    fail("the server could not set up the media: " + why);
  } else if (refusal_.empty()) {
    refusal_ = why;
    log(1, "participant " + part_.name + " was refused: " + why);
  }
}

bool Participant::has_media_of(int sender) const {
  return first_media_.count({sender, Kind::kAudio}) > 0 &&
         first_media_.count({sender, Kind::kVideo}) > 0;
}

bool Participant::has_key_frame_of(int sender) const {
  for (const auto& connection : connections_) {
    for (const auto& [ssrc, stream] : connection->received()) {
      if (stream.source == sender && stream.key_frame_seen) return true;
    }
  }
  return false;
}

}  // namespace parley::load
