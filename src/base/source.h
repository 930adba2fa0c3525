// Where a track comes from, in the words of the protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace parley::base {

enum class Kind { kAudio, kVideo };

// What a mixer makes of a call has one name for both kinds.
enum class Source { kMic, kCamera, kScreen, kScreenAudio, kMixAudio, kMixVideo };

// Pixels: the largest frame of VP8 (RFC 6386, 9.1), and the most a subscriber may ask for.
inline constexpr std::uint32_t kMaxFrameHeight = 16384;

[[nodiscard]] constexpr Kind kind_of(Source source) {
  switch (source) {
    case Source::kMic:
    case Source::kScreenAudio:
    case Source::kMixAudio:
      return Kind::kAudio;
    case Source::kCamera:
    case Source::kScreen:
    case Source::kMixVideo:
      return Kind::kVideo;
  }
  return Kind::kVideo;
}

[[nodiscard]] constexpr std::string_view name_of(Kind kind) {
  return kind == Kind::kAudio ? "audio" : "video";
}

[[nodiscard]] constexpr std::string_view name_of(Source source) {
  switch (source) {
    case Source::kMic:
      return "mic";
    case Source::kCamera:
      return "camera";
    case Source::kScreen:
      return "screen";
    case Source::kScreenAudio:
      return "screen-audio";
    case Source::kMixAudio:
    case Source::kMixVideo:
      return "mix";
  }
  return "";
}

// What a client may send.
[[nodiscard]] constexpr std::optional<Source> parse_source(std::string_view name) {
  for (Source s : {Source::kMic, Source::kCamera, Source::kScreen, Source::kScreenAudio})
    if (name == name_of(s)) return s;
  return std::nullopt;
}

}  // namespace parley::base
