#include "parleysrc/output.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "rtp/ntp.h"
#include "wrap/gst.h"

namespace parley::wrap {
template <>
struct RefTraits<GstClock> : GObjectTraits<GstClock> {};
}  // namespace parley::wrap

namespace parley::plugins {

namespace {

// Holes with more packets than this are told as one event for the rest.
constexpr std::uint32_t kMostLostEvents = 64;
// Of a step between two readings, how much is believed at once: other clocks than the system's
// (a sound card's) are read with jitter.
constexpr GstClockTimeDiff kClockSmoothing = 64;
constexpr GstClockTimeDiff kClockStep = 100 * GST_MSECOND;  // no jitter: another clock
constexpr guint64 kNtpOfUnixEpochSeconds = 2'208'988'800;   // RFC 5905, figure 4

struct Encoding {
  const char* media;
  const char* name;
};

Encoding encoding_of(rtp::Codec codec) {
  switch (codec) {
    case rtp::Codec::kOpus:
      return {"audio", "OPUS"};
    case rtp::Codec::kVp8:
      return {"video", "VP8"};
    case rtp::Codec::kVp9:
      return {"video", "VP9"};
    case rtp::Codec::kH264:
      return {"video", "H264"};
    case rtp::Codec::kAv1:
      return {"video", "AV1"};
  }
  return {"video", ""};
}

// No copy: the buffer owns the vector.
GstBuffer* wrap_bytes(std::vector<std::uint8_t> bytes) {
  auto* owned = new std::vector<std::uint8_t>(std::move(bytes));
  return gst_buffer_new_wrapped_full(
      static_cast<GstMemoryFlags>(0), owned->data(), owned->size(), 0, owned->size(), owned,
      [](gpointer data) { delete static_cast<std::vector<std::uint8_t>*>(data); });
}

wrap::Ref<GstClock> clock_of(GstBaseSrc* src) {
  return wrap::Ref<GstClock>::adopt(gst_element_get_clock(GST_ELEMENT(src)));
}

bool is_monotonic(GstClock* clock) {
  if (g_type_is_a(G_OBJECT_TYPE(clock), GST_TYPE_SYSTEM_CLOCK) == FALSE) return false;
  gint type = GST_CLOCK_TYPE_REALTIME;
  g_object_get(clock, "clock-type", &type, nullptr);
  return type == GST_CLOCK_TYPE_MONOTONIC;
}

void add_wall_time(GstBuffer* buffer, base::TimePoint captured) {
  static GstCaps* const kCaps = gst_caps_new_empty_simple("timestamp/x-ntp");
  GST_MINI_OBJECT_FLAG_SET(kCaps, GST_MINI_OBJECT_FLAG_MAY_BE_LEAKED);
  const gint64 wall_us =
      captured.time_since_epoch().count() - g_get_monotonic_time() + g_get_real_time();
  if (wall_us < 0) return;
  gst_buffer_add_reference_timestamp_meta(
      buffer, kCaps,
      static_cast<GstClockTime>(wall_us) * GST_USECOND + kNtpOfUnixEpochSeconds * GST_SECOND,
      GST_CLOCK_TIME_NONE);
}

}  // namespace

bool Output::set_format(const tap::Format& format) {
  const Encoding encoding = encoding_of(format.codec);
  audio_ = std::string_view(encoding.media) == "audio";
  const auto caps = wrap::Ref<GstCaps>::adopt(gst_caps_new_simple(
      "application/x-rtp", "media", G_TYPE_STRING, encoding.media, "encoding-name", G_TYPE_STRING,
      encoding.name, "clock-rate", G_TYPE_INT, static_cast<gint>(format.clock_hz), "payload",
      G_TYPE_INT, gint{format.payload_type}, "ssrc", G_TYPE_UINT, guint{format.ssrc}, "profile",
      G_TYPE_STRING, profile_.c_str(), "source", G_TYPE_STRING, source_.c_str(), nullptr));
  if (format.codec == rtp::Codec::kOpus)
    // With the rate, for without it muxers refuse what rtpopusdepay says.
    gst_caps_set_simple(caps.get(), "encoding-params", G_TYPE_STRING, "2", "sprop-maxcapturerate",
                        G_TYPE_STRING, "48000", nullptr);
  if (format.codec == rtp::Codec::kH264)
    gst_caps_set_simple(caps.get(), "packetization-mode", G_TYPE_STRING, "1", nullptr);
  return gst_base_src_set_caps(src_, caps.get()) != FALSE;
}

// Since the pipeline's base time, by its clock. nullopt: before it.
std::optional<GstClockTime> Output::running_time(base::TimePoint captured) {
  const auto clock = clock_of(src_);
  if (clock && !is_monotonic(clock.get())) {
    const auto offset = static_cast<GstClockTimeDiff>(gst_clock_get_time(clock.get())) -
                        g_get_monotonic_time() * static_cast<gint64>(GST_USECOND);
    const GstClockTimeDiff off = offset - clock_offset_.value_or(offset);
    const bool step = !clock_offset_ || std::abs(off) > kClockStep;
    clock_offset_ = step ? offset : *clock_offset_ + off / kClockSmoothing;
  } else {
    clock_offset_ = 0;
  }
  const GstClockTimeDiff by_clock =
      captured.time_since_epoch().count() * static_cast<gint64>(GST_USECOND) + *clock_offset_;
  const auto base = static_cast<GstClockTimeDiff>(gst_element_get_base_time(GST_ELEMENT(src_)));
  if (by_clock < base) return std::nullopt;
  return static_cast<GstClockTime>(by_clock - base);
}

// As rtpjitterbuffer tells it, so that depayloaders and decoders fill the hole.
void Output::tell_lost(const Track::Packet& packet, GstClockTime pts) {
  const GstClockTime from = std::min(last_pts_, pts);
  const GstClockTime each = (pts - from) / (packet.lost + 1);
  const std::uint32_t events = std::min(packet.lost, kMostLostEvents);
  for (std::uint32_t i = 0; i < events; ++i) {
    const std::uint32_t packets = i + 1 == events ? packet.lost - i : 1;
    GstStructure* lost = gst_structure_new(
        "GstRTPPacketLost", "seqnum", G_TYPE_UINT,
        guint{static_cast<std::uint16_t>(packet.sequence - packet.lost + i)}, "timestamp",
        G_TYPE_UINT64, guint64{from + (i + 1) * each}, "duration", G_TYPE_UINT64,
        guint64{packets * each}, "retry", G_TYPE_UINT, 0U, nullptr);
    gst_pad_push_event(GST_BASE_SRC_PAD(src_),
                       gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, lost));
  }
}

GstBuffer* Output::buffer_of(Track::Packet& packet) {
  const auto pts = running_time(packet.captured);
  if (packet.lost > 0 && pushed_ && pts) tell_lost(packet, *pts);
  discont_ = discont_ || packet.lost > 0 || packet.anew;
  // Sound from before the beginning is not wanted; a picture's packets are, for those that follow
  // are decoded by it.
  if (!pts && audio_) return nullptr;
  const base::TimePoint captured = packet.captured;
  GstBuffer* buffer = wrap_bytes(std::move(packet.rtp));
  GST_BUFFER_PTS(buffer) = pts.value_or(0);
  // What an rtpjitterbuffer takes for the time of arrival.
  GST_BUFFER_DTS(buffer) = GST_BUFFER_PTS(buffer);
  if (std::exchange(discont_, false)) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  add_wall_time(buffer, captured);
  last_pts_ = GST_BUFFER_PTS(buffer);
  pushed_ = true;
  return buffer;
}

}  // namespace parley::plugins
