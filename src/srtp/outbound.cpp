#include <cstring>
#include <utility>
#include <vector>

#include "base/flat_index.h"
#include "srtp/index.h"
#include "srtp/session.h"
#include "srtp/transform.h"

namespace parley::srtp {
namespace {

constexpr std::size_t kRtcpHeaderBytes = 8;           // stays clear (RFC 3711, 3.4)
constexpr std::uint32_t kEncryptedFlag = 0x80000000;  // E
constexpr std::uint32_t kLastRtcpIndex = 0x7fffffff;  // 31 bits (RFC 3711, 9.2)

}  // namespace

struct Outbound::State {
  Transform rtp;
  Transform rtcp;
  bool aead = false;
  base::FlatIndex source_of{};  // ssrc -> index in sent
  // Indices sent, per source: one that is sent again would show the XOR of two payloads.
  std::vector<ReplayWindow<Inbound::kReplayWindow>> sent{};
  std::vector<std::uint32_t> free{};  // places in sent of forgotten sources
  // One counter for all sources: their SSRCs keep the IVs apart all the same.
  std::uint32_t rtcp_index = 0;

  std::uint32_t add_source(std::uint32_t ssrc, std::uint16_t first) {
    auto place = static_cast<std::uint32_t>(sent.size());
    if (free.empty()) {
      sent.emplace_back(first);
    } else {
      place = free.back();
      free.pop_back();
      sent[place] = ReplayWindow<Inbound::kReplayWindow>(first);
    }
    source_of.set(ssrc, place);
    return place;
  }
};

base::Result<Outbound> Outbound::create(const KeyMaterial& key) {
  auto rtp = Transform::create(key, Traffic::kRtp, Transform::Direction::kSeal);
  auto rtcp = Transform::create(key, Traffic::kRtcp, Transform::Direction::kSeal);
  if (!rtp || !rtcp)
    return base::fail(base::Code::kInternal, "OpenSSL refused to set up SRTP encryption");
  return Outbound(std::make_unique<State>(
      State{std::move(*rtp), std::move(*rtcp), key.profile == Profile::kAeadAes128Gcm}));
}

Outbound::Outbound(std::unique_ptr<State> state) : state_(std::move(state)) {}
Outbound::Outbound(Outbound&&) noexcept = default;
Outbound& Outbound::operator=(Outbound&&) noexcept = default;
Outbound::~Outbound() = default;

std::size_t Outbound::protect(std::span<const std::uint8_t> plain, std::uint8_t* out) {
  const auto header = rtp_header_bytes(plain);
  if (!header) return 0;
  return protect(plain.first(*header), plain.subspan(*header), out);
}

std::size_t Outbound::protect(std::span<const std::uint8_t> header,
                              std::span<const std::uint8_t> payload, std::uint8_t* out) {
  if (header.size() < 12) return 0;
  State& s = *state_;
  const std::uint32_t ssrc = load32(&header[8]);
  const auto sequence = static_cast<std::uint16_t>(header[2] << 8U | header[3]);
  std::uint32_t source = s.source_of.find(ssrc);
  if (source == base::FlatIndex::kNone) {
    source = s.add_source(ssrc, sequence);
  }
  auto& sent = s.sent[source];
  const auto index = estimate_index(sent.highest(), sequence);
  if (!index || !sent.is_new(*index)) return 0;

  if (out != header.data()) std::memcpy(out, header.data(), header.size());
  const Transform::Packet packet{.start = out,
                                 .header_bytes = header.size(),
                                 .body_bytes = payload.size(),
                                 .ssrc = ssrc,
                                 .index = *index,
                                 .suffix = store32(static_cast<std::uint32_t>(*index >> 16U))};
  if (!s.rtp.seal(packet, payload.data(), out + header.size() + payload.size())) return 0;
  sent.mark(*index);
  return header.size() + payload.size() + s.rtp.tag_bytes();
}

std::size_t Outbound::protect_rtcp(std::span<const std::uint8_t> plain, std::uint8_t* out) {
  State& s = *state_;
  if (plain.size() < kRtcpHeaderBytes || plain[0] >> 6U != 2) return 0;
  if (s.rtcp_index == kLastRtcpIndex) return 0;
  if (out != plain.data()) std::memcpy(out, plain.data(), kRtcpHeaderBytes);
  const std::uint32_t index = s.rtcp_index;
  const Transform::Packet packet{.start = out,
                                 .header_bytes = kRtcpHeaderBytes,
                                 .body_bytes = plain.size() - kRtcpHeaderBytes,
                                 .ssrc = load32(&plain[4]),
                                 .index = index,
                                 .suffix = store32(kEncryptedFlag | index)};
  // Behind the body: index and tag, or with AEAD tag and index (RFC 7714, 9).
  std::uint8_t* end = out + plain.size();
  std::uint8_t* tag = s.aead ? end : end + 4;
  std::uint8_t* trailer = s.aead ? end + s.rtcp.tag_bytes() : end;
  if (!s.rtcp.seal(packet, plain.data() + kRtcpHeaderBytes, tag)) return 0;
  std::memcpy(trailer, packet.suffix.data(), packet.suffix.size());
  ++s.rtcp_index;
  return plain.size() + packet.suffix.size() + s.rtcp.tag_bytes();
}

void Outbound::forget(std::uint32_t ssrc) {
  State& s = *state_;
  const std::uint32_t source = s.source_of.find(ssrc);
  if (source == base::FlatIndex::kNone) return;
  s.source_of.erase(ssrc);
  s.free.push_back(source);
}

}  // namespace parley::srtp
