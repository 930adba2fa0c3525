/**
 * SECTION:element-parleysink
 * @title: parleysink
 *
 * Injects RTP into a call, as a track of the participant whose port the server has opened. The
 * payload type becomes the server's. When a receiver needs a key frame, the encoder upstream is
 * asked for one (GstForceKeyUnit). What does not fit into the socket is dropped and counted: the
 * media worker is never waited for.
 *
 * Receivers get packets over the Internet: set the payloader's mtu to 1200.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! vp8enc deadline=1 keyframe-max-dist=1000 !
 *     rtpvp8pay picture-id-mode=15-bit mtu=1200 ! parleysink call=C profile=stage source=camera
 * ]|
 */
#include "parleysink/parleysink.h"

#include <gst/base/gstbasesink.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "post_error.h"
#include "rtp/packet.h"
#include "sdp/leg_session.h"
#include "tap_connection.h"
#include "tap_properties.h"
#include "wrap/gst.h"

GST_DEBUG_CATEGORY_STATIC(parley_sink_debug);
#define GST_CAT_DEFAULT parley_sink_debug

using parley::base::Code;
using parley::base::TimePoint;
using parley::plugins::Connection;
using parley::plugins::Options;

namespace {

// The worker answers within microseconds unless it is gone or stopped.
constexpr GstClockTime kAnswerWithin = 5 * GST_SECOND;
constexpr std::size_t kMostRtpBytes = parley::tap::kMaxFrameBytes - parley::tap::kPacketHeadBytes;

enum : guint { kPropPackets = parley::plugins::kPropFirstOfElement, kPropDropped };

struct Encoding {
  const char* name;  // in caps
  parley::rtp::Codec codec;
  parley::sdp::Codec offered;
  parley::base::Kind kind;
};
constexpr std::array<Encoding, 5> kEncodings = {{
    {"OPUS", parley::rtp::Codec::kOpus, parley::sdp::Codec::kOpus, parley::base::Kind::kAudio},
    {"VP8", parley::rtp::Codec::kVp8, parley::sdp::Codec::kVp8, parley::base::Kind::kVideo},
    {"VP9", parley::rtp::Codec::kVp9, parley::sdp::Codec::kVp9, parley::base::Kind::kVideo},
    {"H264", parley::rtp::Codec::kH264, parley::sdp::Codec::kH264, parley::base::Kind::kVideo},
    {"AV1", parley::rtp::Codec::kAv1, parley::sdp::Codec::kAv1, parley::base::Kind::kVideo},
}};

std::optional<Encoding> encoding_of(GstCaps* caps) {
  const char* name = gst_structure_get_string(gst_caps_get_structure(caps, 0), "encoding-name");
  for (const Encoding& encoding : kEncodings)
    if (name != nullptr && std::strcmp(name, encoding.name) == 0) return encoding;
  return std::nullopt;
}

std::uint8_t payload_type_of(const Encoding& encoding) {
  for (const auto& format : parley::sdp::payload_formats(encoding.kind))
    if (format.codec == encoding.offered) return format.payload_type;
  return 0;
}

struct State {
  // Guarded by the object's lock.
  Options options;
  std::uint64_t packets = 0;
  std::uint64_t dropped = 0;

  GstPoll* poll = nullptr;  // unlock() interrupts it; owned
  GstPollFD poll_fd = GST_POLL_FD_INIT;

  // Streaming thread only, and stop(), when there is none.
  std::unique_ptr<Connection> connection;
  std::optional<parley::rtp::Codec> codec;  // the connection's
  bool accepted = false;
  std::uint8_t payload_type = 0;
};

}  // namespace

struct ParleySink {
  GstBaseSink parent;
  State* state;  // owned; made in init, deleted in finalize
};
struct ParleySinkClass {
  GstBaseSinkClass parent_class;
};

G_DEFINE_TYPE(ParleySink, parley_sink, GST_TYPE_BASE_SINK)

namespace {

ParleySink* sink_of(gpointer object) { return reinterpret_cast<ParleySink*>(object); }
State& state_of(gpointer object) { return *sink_of(object)->state; }

// ---- properties -----------------------------------------------------------------------------

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) noexcept {
  GST_OBJECT_LOCK(object);
  if (!parley::plugins::set_tap_property(state_of(object).options, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) noexcept {
  GST_OBJECT_LOCK(object);
  const State& state = state_of(object);
  if (id == kPropPackets) {
    g_value_set_uint64(value, state.packets);
  } else if (id == kPropDropped) {
    g_value_set_uint64(value, state.dropped);
  } else if (!parley::plugins::get_tap_property(state.options, id, value)) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(object);
}

// ---- the connection -------------------------------------------------------------------------

void fail_writing(ParleySink* self, const std::string& why) {
  parley::plugins::post_error(self, GST_RESOURCE_ERROR_WRITE, why, __func__);
}

void ask_for_key_frame(ParleySink* self) {
  // NOLINTNEXTLINE(bugprone-assignment-in-if-condition): inside the macro
  GST_DEBUG_OBJECT(self, "a receiver needs a key frame");
  GstStructure* wish =
      gst_structure_new("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME, GST_CLOCK_TIME_NONE,
                        "all-headers", G_TYPE_BOOLEAN, TRUE, "count", G_TYPE_UINT, 0U, nullptr);
  gst_pad_push_event(GST_BASE_SINK_PAD(self),
                     gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, wish));
}

// Everything the worker has said. False: an error has been posted.
bool read_frames(ParleySink* self) {
  State& state = *self->state;
  bool wants_key_frame = false;
  while (true) {
    const auto frame = state.connection->receive();
    if (!frame) {
      fail_writing(self, frame.error().message + " The track is no longer in the call.");
      return false;
    }
    if (!*frame) break;
    if (const auto* refused = std::get_if<parley::tap::Refused>(&**frame)) {
      parley::plugins::post_error(self, GST_RESOURCE_ERROR_OPEN_WRITE,
                                  "The media worker refuses the track: " + refused->why, __func__);
      return false;
    }
    if (std::holds_alternative<parley::tap::End>(**frame)) {
      fail_writing(self, "The server has ended the track: its participant has left the call.");
      return false;
    }
    state.accepted = state.accepted || std::holds_alternative<parley::tap::Accepted>(**frame);
    wants_key_frame = wants_key_frame || std::holds_alternative<parley::tap::KeyFrame>(**frame);
  }
  if (wants_key_frame) ask_for_key_frame(self);
  return true;
}

void disconnect(State& state) {
  if (!state.connection) return;
  gst_poll_remove_fd(state.poll, &state.poll_fd);
  state.connection.reset();
  state.codec.reset();
  state.accepted = false;
}

parley::base::Result<std::unique_ptr<Connection>> connect(const Options& options,
                                                          const Encoding& encoding) {
  const auto source = parley::plugins::parse_track(options.source);
  if (!source) return tl::unexpected(source.error());
  if (parley::base::kind_of(*source) != encoding.kind)
    return parley::base::fail(Code::kInvalid, std::string(encoding.name) + " is " +
                                                  std::string(name_of(encoding.kind)) +
                                                  ", and the track '" + options.source +
                                                  "' is not. Set the property 'source'.");
  if (auto names = parley::plugins::check_names(options); !names)
    return tl::unexpected(names.error());
  auto connection = Connection::open(options);
  if (!connection) return connection;
  const parley::tap::Inject inject{options.call, options.profile, *source, encoding.codec};
  if ((*connection)->send(inject) != Connection::Sent::kSent)
    return parley::base::fail(Code::kUnavailable,
                              "The media worker closed the connection at once.");
  return connection;
}

gboolean set_caps(GstBaseSink* base, GstCaps* caps) noexcept {
  State& state = state_of(base);
  const auto encoding = encoding_of(caps);
  if (!encoding) return FALSE;
  if (state.codec == encoding->codec) return TRUE;
  disconnect(state);
  GST_OBJECT_LOCK(base);
  const Options options = state.options;
  GST_OBJECT_UNLOCK(base);
  auto connection = connect(options, *encoding);
  if (!connection) {
    parley::plugins::post_error(base, GST_RESOURCE_ERROR_OPEN_WRITE, connection.error().message,
                                __func__);
    return FALSE;
  }
  state.connection = std::move(*connection);
  state.codec = encoding->codec;
  state.payload_type = payload_type_of(*encoding);
  gst_poll_fd_init(&state.poll_fd);
  state.poll_fd.fd = state.connection->fd();
  gst_poll_add_fd(state.poll, &state.poll_fd);
  gst_poll_fd_ctl_read(state.poll, &state.poll_fd, TRUE);
  return TRUE;
}

// Waits for the worker's first word, once.
GstFlowReturn await_answer(ParleySink* self) {
  State& state = *self->state;
  constexpr auto kWaitUs = static_cast<gint64>(kAnswerWithin / GST_USECOND);
  gint64 until = g_get_monotonic_time() + kWaitUs;
  while (!state.accepted) {
    const gint64 left = until - g_get_monotonic_time();
    if (left <= 0) {
      fail_writing(self, "The media worker does not answer.");
      return GST_FLOW_ERROR;
    }
    const int ready = gst_poll_wait(state.poll, static_cast<GstClockTime>(left) * GST_USECOND);
    if (ready < 0 && errno == EBUSY) {
      const GstFlowReturn flow = gst_base_sink_wait_preroll(GST_BASE_SINK(self));
      if (flow != GST_FLOW_OK) return flow;
      until = g_get_monotonic_time() + kWaitUs;
    }
    if (!read_frames(self)) return GST_FLOW_ERROR;
  }
  return GST_FLOW_OK;
}

// ---- packets --------------------------------------------------------------------------------

// When what is in the buffer was captured, by its time: receivers' reports are made of it. Not when
// it leaves, for what different pipelines make of one moment takes them different times.
TimePoint capture_time(GstBaseSink* base, GstBuffer* buffer) {
  const TimePoint now{parley::base::Duration(g_get_monotonic_time())};
  if (gst_base_sink_get_sync(base) == FALSE || !GST_BUFFER_PTS_IS_VALID(buffer)) return now;
  const GstClockTime running =
      gst_segment_to_running_time(&base->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  const GstClockTime current = gst_element_get_current_running_time(GST_ELEMENT(base));
  if (!GST_CLOCK_TIME_IS_VALID(running) || !GST_CLOCK_TIME_IS_VALID(current)) return now;
  const gint64 age_us = (static_cast<gint64>(current) - static_cast<gint64>(running) -
                         gst_base_sink_get_ts_offset(base)) /
                        1000;
  // Beyond that, its times are not of the pipeline's clock (our choice: many times a mixer's
  // delay).
  constexpr gint64 kMostUs = 5'000'000;
  return std::abs(age_us) < kMostUs ? now - parley::base::Duration(age_us) : now;
}

void count(ParleySink* self, Connection::Sent sent) {
  GST_OBJECT_LOCK(self);
  ++(sent == Connection::Sent::kSent ? self->state->packets : self->state->dropped);
  GST_OBJECT_UNLOCK(self);
}

GstFlowReturn send_packet(ParleySink* self, GstBuffer* buffer,
                          std::span<const std::uint8_t> bytes) {
  State& state = *self->state;
  const auto packet = parley::rtp::Packet::parse(bytes);
  if (!packet || bytes.size() > kMostRtpBytes) {
    parley::plugins::post_error(
        self, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "What came is no RTP packet of at most " + std::to_string(kMostRtpBytes) + " bytes, but " +
            std::to_string(bytes.size()) + " bytes. Set the payloader's mtu to 1200.",
        __func__);
    return GST_FLOW_ERROR;
  }
  std::array<std::uint8_t, kMostRtpBytes> copy;
  std::memcpy(copy.data(), bytes.data(), bytes.size());
  copy[1] = static_cast<std::uint8_t>((copy[1] & 0x80U) | state.payload_type);
  const auto sent = state.connection->send_packet(capture_time(GST_BASE_SINK(self), buffer),
                                                  std::span(copy).first(bytes.size()));
  count(self, sent);
  if (sent != Connection::Sent::kGone) return GST_FLOW_OK;
  // The reason may stand in what it said last.
  if (read_frames(self)) fail_writing(self, "The media worker closed the connection.");
  return GST_FLOW_ERROR;
}

GstFlowReturn render(GstBaseSink* base, GstBuffer* buffer) noexcept {
  ParleySink* self = sink_of(base);
  if (!self->state->connection) return GST_FLOW_NOT_NEGOTIATED;
  const GstFlowReturn flow = await_answer(self);
  if (flow != GST_FLOW_OK) return flow;
  if (!read_frames(self)) return GST_FLOW_ERROR;
  const auto map = parley::wrap::ReadMap::map(buffer);
  if (!map) return GST_FLOW_ERROR;
  return send_packet(self, buffer, map->bytes());
}

gboolean on_event(GstBaseSink* base, GstEvent* event) noexcept {
  State& state = state_of(base);
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS && state.connection)
    state.connection->send(parley::tap::End{});
  return GST_BASE_SINK_CLASS(parley_sink_parent_class)->event(base, event);
}

gboolean stop(GstBaseSink* base) noexcept {
  disconnect(state_of(base));
  return TRUE;
}
gboolean start(GstBaseSink* base) noexcept {
  State& state = state_of(base);
  GST_OBJECT_LOCK(base);
  state.packets = 0;
  state.dropped = 0;
  GST_OBJECT_UNLOCK(base);
  return TRUE;
}
gboolean unlock(GstBaseSink* base) noexcept {
  gst_poll_set_flushing(state_of(base).poll, TRUE);
  return TRUE;
}
gboolean unlock_stop(GstBaseSink* base) noexcept {
  gst_poll_set_flushing(state_of(base).poll, FALSE);
  return TRUE;
}

// ---- type -----------------------------------------------------------------------------------

void finalize(GObject* object) noexcept {
  State* state = sink_of(object)->state;
  gst_poll_free(state->poll);
  delete state;
  G_OBJECT_CLASS(parley_sink_parent_class)->finalize(object);
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=(string)audio, encoding-name=(string)OPUS, "
                    "clock-rate=(int)48000; "
                    "application/x-rtp, media=(string)video, "
                    "encoding-name=(string){ VP8, VP9, H264, AV1 }, clock-rate=(int)90000"));

void install_counts(GObjectClass* object_class) {
  constexpr auto kReadOnly = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object_class, kPropPackets,
      g_param_spec_uint64("packets", "Packets", "Packets sent to the media worker since the start",
                          0, G_MAXUINT64, 0, kReadOnly));
  g_object_class_install_property(
      object_class, kPropDropped,
      g_param_spec_uint64("dropped", "Dropped",
                          "Packets that did not fit into the socket since the start", 0,
                          G_MAXUINT64, 0, kReadOnly));
}

}  // namespace

static void parley_sink_class_init(ParleySinkClass* klass) {
  GST_DEBUG_CATEGORY_INIT(parley_sink_debug, "parleysink", 0, "tracks injected into calls");
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_SINK_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  parley::plugins::install_tap_properties(
      object_class, "camera", "Id of the call",
      "Id of the profile under which the server has opened the port",
      "Track to be: mic, camera, screen, screen-audio, mix-audio or mix-video");
  install_counts(object_class);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_set_static_metadata(element_class, "Parley track sink", "Sink/Network/RTP",
                                        "Injects RTP into a call, as a track of a participant",
                                        "The Parley authors");
  gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_DOC_URI,
                                        PARLEY_DOC_URI "#parleysink");
  base_class->set_caps = set_caps;
  base_class->render = render;
  base_class->event = on_event;
  base_class->start = start;
  base_class->stop = stop;
  base_class->unlock = unlock;
  base_class->unlock_stop = unlock_stop;
}

static void parley_sink_init(ParleySink* self) {
  self->state = new State;
  self->state->options.source = "camera";
  self->state->poll = gst_poll_new(TRUE);
  gst_base_sink_set_async_enabled(GST_BASE_SINK(self), FALSE);
  gst_base_sink_set_last_sample_enabled(GST_BASE_SINK(self), FALSE);
}
