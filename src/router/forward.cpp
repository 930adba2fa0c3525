// RTP: in from a publisher, out to every receiver of the track.

#include <algorithm>
#include <string_view>

#include "router/state.h"
#include "rtp/extensions.h"
#include "rtp/keyframe.h"

namespace parley::router {
namespace {

// A track's media moves to another SSRC of its when the present one has been silent this long (our
// choice: above a video frame at 5 fps, below what a viewer takes for a freeze).
constexpr Duration kSourceTakeover = std::chrono::milliseconds(500);

// A source that has been silent this long gives its place to a new one (our choice: above any pause
// of a source that is still in use and not muted).
constexpr Duration kForgottenAfter = std::chrono::seconds(10);

// Made by us per hop, or of no meaning to a receiver.
constexpr std::uint16_t kNotPassedOn = 1U << rtp::kMidExtension | 1U << rtp::kAbsSendTimeExtension |
                                       1U << rtp::kTransportCcExtension | 1U << rtp::kRidExtension |
                                       1U << rtp::kRepairedRidExtension;

constexpr std::uint16_t bit(std::uint8_t extension) {
  return static_cast<std::uint16_t>(1U << extension);
}

// Makes a guest's packet one of a peer that took our offer; false when its payload type was not
// agreed on.
bool translate(const GuestNames& names, rtp::Packet& packet, std::span<std::uint8_t> bytes) {
  const std::uint8_t ours = names.types[packet.payload_type()];
  if (ours == kNoPayloadType) return false;
  rtp::set_payload_type(bytes.data(), ours);
  packet.rename_extensions(names.extensions);
  return true;
}

bool has_name(const IncomingTrack& track, std::uint8_t ours) {
  return std::any_of(track.payload_names.begin(), track.payload_names.end(),
                     [ours](const TheirName& name) { return name.ours == ours; });
}

// The header a packet leaves with, for all receivers that take the same extensions.
class Template {
 public:
  Template(const rtp::Packet& packet, TimePoint now) : packet_(packet), now_(now) {}

  // The header for one receiver. Built when the extensions are not those of the one before.
  std::span<const std::uint8_t> header_for(const OutTrack& out, rtp::Splicer::Numbers numbers) {
    if (size_ == 0 || extensions_ != out.extensions) build(out.extensions);
    rtp::set_sequence(bytes_.data(), numbers.sequence);
    rtp::set_timestamp(bytes_.data(), numbers.timestamp);
    rtp::set_ssrc(bytes_.data(), out.ssrc);
    if (out.names != nullptr || renamed_) {
      const std::uint8_t ours = packet_.payload_type();
      rtp::set_payload_type(bytes_.data(), out.names != nullptr ? (*out.names)[ours] : ours);
      renamed_ = out.names != nullptr;
    }
    if (mid_at_ != 0) {
      bytes_[mid_at_] = static_cast<std::uint8_t>(out.mid[0]);
      bytes_[mid_at_ + 1] = static_cast<std::uint8_t>(out.mid[1]);
    }
    return std::span(bytes_).first(size_);
  }

 private:
  void build(std::uint16_t extensions) {
    extensions_ = extensions;
    mid_at_ = 0;
    rtp::HeaderWriter writer(packet_, form());
    if ((extensions & bit(rtp::kMidExtension)) != 0)
      mid_at_ = writer.add(rtp::kMidExtension, std::array<std::uint8_t, 2>{});
    for (std::uint8_t id = 1; id <= rtp::kMaxExtensionId; ++id)
      if (passed_on(id)) writer.add(id, packet_.extension(id));
    if ((extensions & bit(rtp::kAbsSendTimeExtension)) != 0) {
      std::array<std::uint8_t, 3> value{};
      rtp::store24(value.data(), rtp::abs_send_time(now_));
      writer.add(rtp::kAbsSendTimeExtension, value);
    }
    const auto header = writer.finish();
    std::copy(header.begin(), header.end(), bytes_.begin());
    size_ = header.size();
  }

  [[nodiscard]] bool passed_on(std::uint8_t id) const {
    return (extensions_ & ~kNotPassedOn & bit(id)) != 0 && !packet_.extension(id).empty();
  }

  // Two-byte elements only for a value that does not fit into one-byte ones.
  [[nodiscard]] rtp::ExtensionForm form() const {
    for (std::uint8_t id = 1; id <= rtp::kMaxExtensionId; ++id)
      if (passed_on(id) && packet_.extension(id).size() > 16) return rtp::ExtensionForm::kTwoByte;
    return rtp::ExtensionForm::kOneByte;
  }

  const rtp::Packet& packet_;
  TimePoint now_;
  std::uint16_t extensions_ = 0;
  std::size_t mid_at_ = 0;
  std::size_t size_ = 0;
  bool renamed_ = false;  // bytes_ have the payload type of one receiver
  std::array<std::uint8_t, rtp::HeaderWriter::kMaxBytes> bytes_;  // size_ of them are written
};

}  // namespace

void Router::State::count(srtp::Refused why) {
  switch (why) {
    case srtp::Refused::kMalformed:
      ++stats.malformed;
      break;
    case srtp::Refused::kAuthentication:
      ++stats.auth_failures;
      break;
    case srtp::Refused::kReplay:
      ++stats.replays;
      break;
    case srtp::Refused::kTooManySources:
      ++stats.unroutable;
      break;
  }
}

bool Router::State::on_rtp(Leg& leg, std::span<std::uint8_t> datagram, TimePoint now) {
  const auto plain = leg.gate->in.unprotect(datagram);
  if (!plain) {
    count(plain.error());
    return false;
  }
  ++stats.packets_in;
  stats.bytes_in += datagram.size();
  auto packet = rtp::Packet::parse(datagram.first(*plain));
  if (!packet) {
    ++stats.malformed;
    return true;
  }
  if (leg.names != nullptr && !translate(*leg.names, *packet, datagram)) {
    ++stats.unroutable;
    return true;
  }
  record_arrival(leg, *packet, now);
  Source* source = source_of(leg, *packet, now);
  if (source == nullptr) {
    ++stats.unroutable;
    return true;
  }
  take(*source, *packet, datagram.first(*plain), now);
  return true;
}

void Router::State::take(Source& source, const rtp::Packet& packet,
                         std::span<std::uint8_t> datagram, TimePoint now) {
  source.last_at = now;
  const std::int64_t before = source.sequence.highest();
  const std::int64_t place = source.sequence.unwrap(packet.sequence());
  if (place != before + 1 && before >= 0) note_missing(source, before, place, now);
  if (source.missing != nullptr && !source.missing->empty() &&
      starts(packet.payload_type(), packet.payload()))
    source.missing->forget_before(place);  // who sees this one needs nothing from before it
  source.statistics.on_packet(place, packet.timestamp(), now);
  forward(source, packet, datagram, place, now);
}

// A peer numbers its packets only where transport-cc was agreed on.
void Router::State::record_arrival(Leg& leg, const rtp::Packet& packet, TimePoint now) {
  const auto number = packet.extension(rtp::kTransportCcExtension);
  if (number.size() != 2) return;
  if (leg.arrivals == nullptr) leg.arrivals = std::make_unique<rtp::TransportFeedback>();
  leg.arrivals->on_packet(rtp::load16(number.data()), packet.ssrc(), now);
}

// By SSRC; for one that is new, by who announced it, or by the MID in the packet; a guest's has
// none and is told by the payload type.
Source* Router::State::source_of(Leg& leg, const rtp::Packet& packet, TimePoint now) {
  const std::uint32_t ssrc = packet.ssrc();
  const auto known = std::find(leg.source_ssrcs.begin(), leg.source_ssrcs.end(), ssrc);
  if (known != leg.source_ssrcs.end())
    return leg.sources[static_cast<std::size_t>(known - leg.source_ssrcs.begin())].get();

  const auto value = packet.extension(rtp::kMidExtension);
  std::string_view mid;  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): text
  if (!value.empty()) mid = {reinterpret_cast<const char*>(value.data()), value.size()};
  InTrack* track = nullptr;
  bool learned = false;
  for (const auto& candidate : leg.incoming) {
    const auto& ssrcs = candidate->config.ssrcs;
    if (std::find(ssrcs.begin(), ssrcs.end(), ssrc) != ssrcs.end()) {
      track = candidate.get();
      learned = false;
      break;
    }
    const bool named = leg.names != nullptr ? has_name(candidate->config, packet.payload_type())
                                            : !mid.empty() && candidate->config.mid == mid;
    if (named) {
      track = candidate.get();
      learned = true;
    }
  }
  if (track == nullptr || !make_room(leg, now)) return nullptr;
  leg.sources.push_back(
      std::make_unique<Source>(ssrc, next_serial++, *track, clock_hz(track->kind())));
  leg.sources.back()->learned = learned;
  leg.source_ssrcs.push_back(ssrc);
  return leg.sources.back().get();
}

// Whether a receiver may start with this packet.
bool Router::State::starts(std::uint8_t payload_type, std::span<const std::uint8_t> payload) const {
  const std::optional<rtp::Codec>& codec = codecs[payload_type];
  return !codec || rtp::starts_key_frame(*codec, payload);
}

// Forgets the source that has been silent longest when there is no place for another.
bool Router::State::make_room(Leg& leg, TimePoint now) {
  if (leg.sources.size() < kMaxActiveSources) return true;
  const auto oldest =
      std::min_element(leg.sources.begin(), leg.sources.end(),
                       [](const auto& a, const auto& b) { return a->last_at < b->last_at; });
  if (now - (*oldest)->last_at < kForgottenAfter) return false;
  InTrack& track = *(*oldest)->track;
  if (track.current == oldest->get()) track.current = nullptr;
  leg.source_ssrcs.erase(leg.source_ssrcs.begin() + (oldest - leg.sources.begin()));
  leg.sources.erase(oldest);
  return true;
}

void Router::State::forward(Source& source, const rtp::Packet& packet,
                            std::span<std::uint8_t> datagram, std::int64_t place, TimePoint now) {
  InTrack& track = *source.track;
  if (packet.payload().empty()) {  // padding only: a probe of the sender's, of no use further on
    source.mapper.drop(place);
    return;
  }
  const auto mapped = source.mapper.pass(place);
  if (!mapped) return;
  if (track.current != &source) {
    if (track.current != nullptr && now - track.current->last_at < kSourceTakeover) return;
    track.current = &source;
  }
  if (!track.taps.empty()) feed_taps(source, packet, datagram, *mapped, now);
  if (!track.receivers.empty())
    fan_out(source, packet, datagram.data() + packet.header_bytes(), *mapped, now);
}

rtp::PictureFields Router::State::pictures_of(const rtp::Packet& packet) const {
  const std::optional<rtp::Codec>& codec = codecs[packet.payload_type()];
  return codec ? rtp::picture_fields(*codec, packet.payload()) : rtp::PictureFields();
}

void Router::State::fan_out(const Source& source, const rtp::Packet& packet, std::uint8_t* writable,
                            std::int64_t place, TimePoint now) {
  InTrack& track = *source.track;
  const std::uint8_t payload_type = packet.payload_type();
  const std::span<const std::uint8_t> payload = packet.payload();
  const bool start = starts(payload_type, payload);
  const rtp::PictureFields pictures = pictures_of(packet);
  bool anybody_takes = false;
  bool anybody_waits = false;
  Template headers(packet, now);
  for (OutTrack* out : track.receivers) {
    if (!out->payload_types.test(payload_type)) {
      out->joined = 0;  // what follows is a piece of its own, so that no hole is seen
      continue;
    }
    anybody_takes = true;
    if (out->joined != source.serial) {
      if (!start) {
        anybody_waits = true;
        continue;
      }
      out->splicer.join(place, packet.timestamp(), out->last_source != source.serial, now);
      out->pictures.join();
      out->joined = out->last_source = source.serial;
    }
    const auto numbers = out->splicer.map(place, packet.timestamp(), now);
    if (!numbers) continue;
    if (pictures.any()) out->pictures.write(pictures, writable);
    send(*out, headers.header_for(*out, *numbers), payload);
  }
  if (!anybody_takes) ++stats.unroutable;
  if (start && track.kind() == Kind::kVideo) got_keyframe(track);
  if (anybody_waits) request_keyframe(track, now);
}

void Router::State::send(OutTrack& out, std::span<const std::uint8_t> header,
                         std::span<const std::uint8_t> payload) {
  if (header.size() + payload.size() + srtp::kMaxRtpOverhead > Outbox::kSlotBytes) {
    ++stats.malformed;
    return;
  }
  std::uint8_t* slot = outbox.reserve(out.leg->id);
  if (slot == nullptr) {
    ++stats.outbox_drops;
    return;
  }
  const std::size_t bytes = out.leg->gate->out.protect(header, payload, slot);
  outbox.commit(bytes);
  if (bytes == 0) return;
  ++out.packets;
  out.octets += static_cast<std::uint32_t>(payload.size());
  ++stats.packets_out;
  stats.bytes_out += bytes;
}

}  // namespace parley::router
