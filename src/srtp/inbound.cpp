#include <utility>
#include <vector>

#include "base/flat_index.h"
#include "srtp/index.h"
#include "srtp/session.h"
#include "srtp/transform.h"

namespace parley::srtp {
namespace {

constexpr std::size_t kRtcpHeaderBytes = 8;
constexpr std::uint32_t kEncryptedFlag = 0x80000000;

// Reports are few and seldom late: the 128 that libsrtp keeps (RFC 3711, 3.3.2: at least 64).
constexpr std::size_t kRtcpReplayWindow = 128;

// Replay windows by SSRC. Allocates when a source is new, never above Limit.
template <class Window, std::size_t Limit>
class Sources {
 public:
  [[nodiscard]] Window* find(std::uint32_t ssrc) {
    const std::uint32_t place = place_of_.find(ssrc);
    return place == base::FlatIndex::kNone ? nullptr : &windows_[place];
  }
  [[nodiscard]] bool full() const { return windows_.size() == Limit; }
  Window& add(std::uint32_t ssrc) {
    place_of_.set(ssrc, static_cast<std::uint32_t>(windows_.size()));
    return windows_.emplace_back();
  }

 private:
  base::FlatIndex place_of_;
  std::vector<Window> windows_;
};

using RtpWindow = ReplayWindow<Inbound::kReplayWindow>;
using RtcpWindow = ReplayWindow<kRtcpReplayWindow>;

}  // namespace

struct Inbound::State {
  Transform rtp;
  Transform rtcp;
  bool aead = false;
  Sources<RtpWindow, kMaxSources> rtp_sources{};
  Sources<RtcpWindow, kMaxSources> rtcp_sources{};
};

base::Result<Inbound> Inbound::create(const KeyMaterial& key) {
  auto rtp = Transform::create(key, Traffic::kRtp, Transform::Direction::kOpen);
  auto rtcp = Transform::create(key, Traffic::kRtcp, Transform::Direction::kOpen);
  if (!rtp || !rtcp)
    return base::fail(base::Code::kInternal, "OpenSSL refused to set up SRTP decryption");
  return Inbound(std::make_unique<State>(
      State{std::move(*rtp), std::move(*rtcp), key.profile == Profile::kAeadAes128Gcm}));
}

Inbound::Inbound(std::unique_ptr<State> state) : state_(std::move(state)) {}
Inbound::Inbound(Inbound&&) noexcept = default;
Inbound& Inbound::operator=(Inbound&&) noexcept = default;
Inbound::~Inbound() = default;

tl::expected<std::size_t, Refused> Inbound::unprotect(std::span<std::uint8_t> packet) {
  State& s = *state_;
  const std::size_t tag_bytes = s.rtp.tag_bytes();
  if (packet.size() < 12 + tag_bytes) return tl::unexpected(Refused::kMalformed);
  const std::span<std::uint8_t> clear = packet.first(packet.size() - tag_bytes);
  const auto header = rtp_header_bytes(clear);
  if (!header) return tl::unexpected(Refused::kMalformed);

  const std::uint32_t ssrc = load32(&packet[8]);
  const auto sequence = static_cast<std::uint16_t>(packet[2] << 8U | packet[3]);
  RtpWindow* window = s.rtp_sources.find(ssrc);
  if (window == nullptr && s.rtp_sources.full()) return tl::unexpected(Refused::kTooManySources);
  // A source's first packet has roll-over counter 0 (RFC 3711, 3.3.1).
  const auto index = estimate_index(window == nullptr ? sequence : window->highest(), sequence);
  if (!index || (window != nullptr && !window->is_new(*index)))
    return tl::unexpected(Refused::kReplay);

  const Transform::Packet sealed{.start = packet.data(),
                                 .header_bytes = *header,
                                 .body_bytes = clear.size() - *header,
                                 .ssrc = ssrc,
                                 .index = *index,
                                 .suffix = store32(static_cast<std::uint32_t>(*index >> 16U))};
  if (!s.rtp.open(sealed, packet.data() + clear.size()))
    return tl::unexpected(Refused::kAuthentication);
  if (window == nullptr) window = &s.rtp_sources.add(ssrc);
  window->mark(*index);
  return clear.size();
}

tl::expected<std::size_t, Refused> Inbound::unprotect_rtcp(std::span<std::uint8_t> packet) {
  State& s = *state_;
  const std::size_t trailer_bytes = 4 + s.rtcp.tag_bytes();
  if (packet.size() < kRtcpHeaderBytes + trailer_bytes || packet[0] >> 6U != 2)
    return tl::unexpected(Refused::kMalformed);
  const std::size_t plain_bytes = packet.size() - trailer_bytes;
  const std::uint8_t* end = packet.data() + plain_bytes;
  const std::uint8_t* tag = s.aead ? end : end + 4;
  const std::uint32_t word = load32(s.aead ? end + s.rtcp.tag_bytes() : end);
  // Both profiles always encrypt here; nobody asked for clear SRTCP.
  if ((word & kEncryptedFlag) == 0) return tl::unexpected(Refused::kMalformed);
  const std::uint64_t index = word & ~kEncryptedFlag;

  const std::uint32_t ssrc = load32(&packet[4]);
  RtcpWindow* window = s.rtcp_sources.find(ssrc);
  if (window == nullptr && s.rtcp_sources.full()) return tl::unexpected(Refused::kTooManySources);
  if (window != nullptr && !window->is_new(index)) return tl::unexpected(Refused::kReplay);

  const Transform::Packet sealed{.start = packet.data(),
                                 .header_bytes = kRtcpHeaderBytes,
                                 .body_bytes = plain_bytes - kRtcpHeaderBytes,
                                 .ssrc = ssrc,
                                 .index = index,
                                 .suffix = store32(word)};
  if (!s.rtcp.open(sealed, tag)) return tl::unexpected(Refused::kAuthentication);
  if (window == nullptr) window = &s.rtcp_sources.add(ssrc);
  window->mark(index);
  return plain_bytes;
}

}  // namespace parley::srtp
