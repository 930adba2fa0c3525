// Requests to record, mix and bridge: on a socket, and of the HTTP API.
#include <array>
#include <utility>

#include "wire/pieces.h"

namespace parley::wire {
namespace {

// Our choice: an address with a stream key, a passphrase and a few options.
constexpr std::size_t kMaxUrlBytes = 2048;

template <class E, std::size_t N>
std::optional<E> find_name(const std::array<E, N>& all, std::string_view name) {
  for (const E one : all)
    if (name == name_of(one)) return one;
  return std::nullopt;
}

std::optional<call::RecordLayout> parse_layout(std::string_view name) {
  return find_name(std::array{call::RecordLayout::kTracks, call::RecordLayout::kGrid,
                              call::RecordLayout::kSpeaker},
                   name);
}

std::optional<call::RecordLayout> parse_composed(std::string_view name) {
  return find_name(std::array{call::RecordLayout::kGrid, call::RecordLayout::kSpeaker}, name);
}

std::optional<call::RecordFormat> parse_format(std::string_view name) {
  return find_name(std::array{call::RecordFormat::kWebm, call::RecordFormat::kMp4}, name);
}

std::optional<call::RecordPolicy> parse_policy(std::string_view name) {
  return find_name(std::array{call::RecordPolicy::kNotify, call::RecordPolicy::kConsent}, name);
}

std::optional<call::Mode> parse_mode(std::string_view name) {
  return find_name(std::array{call::Mode::kForward, call::Mode::kMix}, name);
}

std::optional<call::Direction> parse_direction(std::string_view name) {
  return find_name(std::array{call::Direction::kOut, call::Direction::kIn}, name);
}

// What may be asked for: guests come by themselves.
std::optional<call::BridgeKind> parse_kind(std::string_view name) {
  using K = call::BridgeKind;
  return find_name(std::array{K::kRtmp, K::kSrt, K::kRtp, K::kHls, K::kRtsp, K::kFile}, name);
}

bool fits(call::Direction direction, call::BridgeKind kind) {
  using K = call::BridgeKind;
  if (direction == call::Direction::kOut) return kind != K::kRtsp && kind != K::kFile;
  return kind != K::kRtp;
}

// Sent on: HLS is served by this server, and has no address elsewhere.
bool needs_url(const call::StartBridge& m) {
  return m.direction == call::Direction::kIn || m.kind != call::BridgeKind::kHls;
}

}  // namespace

call::Record read_record(base::CallId call, Reader& r) {
  call::Record m;
  m.call = std::move(call);
  m.layout =
      r.choice("layout", parse_layout, "\"tracks\", \"grid\" or \"speaker\"").value_or(m.layout);
  m.format = r.choice("format", parse_format, "\"webm\" or \"mp4\"").value_or(m.format);
  m.policy = r.choice("policy", parse_policy, "\"notify\" or \"consent\"").value_or(m.policy);
  if (m.layout == call::RecordLayout::kTracks && m.format == call::RecordFormat::kMp4)
    r.refuse("format", "\"webm\" with the layout \"tracks\", which keeps what was sent");
  return m;
}

call::SetMode read_mode(base::CallId call, Reader& r) {
  constexpr std::string_view kModes = "\"forward\" or \"mix\"";
  call::SetMode m;
  m.call = std::move(call);
  const auto mode = r.choice("mode", parse_mode, kModes);
  if (!mode) r.refuse("mode", kModes);
  m.mode = mode.value_or(m.mode);
  m.profile = r.optional_id<base::ProfileId>("profileId");
  return m;
}

call::StartBridge read_bridge(base::CallId call, Reader& r) {
  constexpr std::string_view kKinds = "\"rtmp\", \"srt\", \"rtp\", \"hls\", \"rtsp\" or \"file\"";
  constexpr std::string_view kDirections = "\"out\" or \"in\"";
  call::StartBridge m;
  m.call = std::move(call);
  const auto direction = r.choice("direction", parse_direction, kDirections);
  if (!direction) r.refuse("direction", kDirections);
  m.direction = direction.value_or(m.direction);
  const auto kind = r.choice("kind", parse_kind, kKinds);
  if (!kind) r.refuse("kind", kKinds);
  m.kind = kind.value_or(m.kind);
  if (!fits(m.direction, m.kind))
    r.refuse("kind", m.direction == call::Direction::kOut
                         ? "\"rtmp\", \"srt\", \"rtp\" or \"hls\" for the direction \"out\""
                         : "\"rtmp\", \"srt\", \"rtsp\", \"hls\" or \"file\" for \"in\"");
  if (needs_url(m)) {
    m.url = r.text("url");
    if (m.url.size() > kMaxUrlBytes) r.refuse("url", "at most 2048 bytes long");
  } else if (r.has("url")) {
    r.refuse("url", "left out: this server serves the playlist itself");
  }
  if (m.direction == call::Direction::kOut) {
    m.layout = r.choice("layout", parse_composed, "\"grid\" or \"speaker\"").value_or(m.layout);
    m.only = r.optional_id<base::ProfileId>("only");
  } else {
    m.profile = r.optional_id<base::ProfileId>("profileId");
  }
  return m;
}

}  // namespace parley::wire
