/**
 * SECTION:element-parleysrc
 * @title: parleysrc
 *
 * Taps one track of a call: RTP as its sender made it, in order, with the time at which it was
 * captured. It is a live source. Buffers bear the captured time by the sender's reports, so that
 * tracks of one pipeline, or of pipelines that share a base time and the system clock, are in step.
 *
 * Packets wait at most #ParleySrc:latency for others that are missing; then the hole is told
 * downstream (GstRTPPacketLost) and the next buffer is marked DISCONT. A depayloader may therefore
 * follow at once; an rtpjitterbuffer between them does no harm. A request for a key frame from
 * downstream (GstForceKeyUnit) goes to the sender. The end of the track is EOS; a media worker that
 * goes away is an error.
 *
 * ## Example
 * |[
 * gst-launch-1.0 parleysrc call=C profile=alice source=camera ! rtpjitterbuffer ! rtpvp8depay !
 *     vp8dec ! autovideosink
 * ]|
 */
#include "parleysrc/parleysrc.h"

#include <glib.h>
#include <gst/base/gstpushsrc.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/overloaded.h"
#include "parleysrc/output.h"
#include "parleysrc/track.h"
#include "post_error.h"
#include "tap_connection.h"
#include "tap_properties.h"
#include "wrap/ref.h"

GST_DEBUG_CATEGORY_STATIC(parley_src_debug);
#define GST_CAT_DEFAULT parley_src_debug

using parley::base::TimePoint;
using parley::plugins::Connection;
using parley::plugins::Options;
using parley::plugins::Track;

namespace {

constexpr guint kDefaultLatencyMs = 200;  // two round trips of a retransmission (our choice)
constexpr guint kMostLatencyMs = 10'000;
constexpr int kFramesAtOnce = 64;  // read before what they brought is sent on
// A patient one is not woken by packets, it looks for them: half of the cost of a packet to the
// worker is the waking. Our choice.
constexpr GstClockTime kLookEvery = 100 * GST_MSECOND;

enum : guint {
  kPropLatency = parley::plugins::kPropFirstOfElement,
  kPropPatient,
  kPropMuted,
  kPropReportWait,
  kPropStats,
};

TimePoint now() { return TimePoint(parley::base::Duration(g_get_monotonic_time())); }

// Everything C++ lives here, so that construction and destruction are ordinary.
struct State {
  // Guarded by the object's lock.
  Options options;
  guint latency_ms = kDefaultLatencyMs;
  bool patient = false;
  guint report_wait_ms = 0;
  bool muted = false;
  Track::Counts counts;
  std::shared_ptr<Connection> connection;  // set between start and stop

  GstPoll* poll = nullptr;  // unlock() interrupts it; owned
  GstPollFD poll_fd = GST_POLL_FD_INIT;

  // Streaming thread only, and start() and stop(), when there is none.
  bool looks = false;  // ... at times, in place of being woken
  bool more = false;   // ... was there than could be read at once
  std::optional<Track> track;
  std::optional<parley::plugins::Output> output;
};

}  // namespace

struct ParleySrc {
  GstPushSrc parent;
  State* state;  // owned; made in init, deleted in finalize
};
struct ParleySrcClass {
  GstPushSrcClass parent_class;
};

G_DEFINE_TYPE(ParleySrc, parley_src, GST_TYPE_PUSH_SRC)

namespace {

ParleySrc* src_of(gpointer object) { return reinterpret_cast<ParleySrc*>(object); }
State& state_of(gpointer object) { return *src_of(object)->state; }

std::shared_ptr<Connection> connection_of(ParleySrc* self) {
  GST_OBJECT_LOCK(self);
  auto connection = self->state->connection;
  GST_OBJECT_UNLOCK(self);
  return connection;
}

// ---- properties -----------------------------------------------------------------------------

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) noexcept {
  GST_OBJECT_LOCK(object);
  State& state = state_of(object);
  if (id == kPropLatency)
    state.latency_ms = g_value_get_uint(value);
  else if (id == kPropPatient)
    state.patient = g_value_get_boolean(value) != FALSE;
  else if (id == kPropReportWait)
    state.report_wait_ms = g_value_get_uint(value);
  else if (!parley::plugins::set_tap_property(state.options, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  GST_OBJECT_UNLOCK(object);
}

gint64 nanoseconds(parley::base::Duration duration) {
  return gint64{duration.count()} * (GST_SECOND / G_USEC_PER_SEC);
}

GstStructure* stats_of(const Track::Counts& counts) {
  const auto errors = counts.clock_errors.value_or(parley::tap::Timeline::Errors{});
  return gst_structure_new(
      "application/x-parleysrc-stats",                    //
      "packets", G_TYPE_UINT64, guint64{counts.packets},  //
      "lost", G_TYPE_UINT64, guint64{counts.lost},        //
      "late", G_TYPE_UINT64, guint64{counts.late},        //
      "duplicates", G_TYPE_UINT64, guint64{counts.duplicates}, "dropped", G_TYPE_UINT64,
      guint64{counts.dropped},  //
      "reported", G_TYPE_BOOLEAN, counts.clock_error ? TRUE : FALSE, "clock-error", G_TYPE_INT64,
      nanoseconds(counts.clock_error.value_or(parley::base::Duration(0))), "clock-error-lowest",
      G_TYPE_INT64, nanoseconds(errors.lowest), "clock-error-highest", G_TYPE_INT64,
      nanoseconds(errors.highest), nullptr);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) noexcept {
  GST_OBJECT_LOCK(object);
  const State& state = state_of(object);
  if (id == kPropLatency)
    g_value_set_uint(value, state.latency_ms);
  else if (id == kPropPatient)
    g_value_set_boolean(value, state.patient ? TRUE : FALSE);
  else if (id == kPropReportWait)
    g_value_set_uint(value, state.report_wait_ms);
  else if (id == kPropMuted)
    g_value_set_boolean(value, state.muted ? TRUE : FALSE);
  else if (id == kPropStats)
    g_value_take_boxed(value, stats_of(state.counts));
  else if (!parley::plugins::get_tap_property(state.options, id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  GST_OBJECT_UNLOCK(object);
}

// ---- start and stop -------------------------------------------------------------------------

parley::base::Result<std::shared_ptr<Connection>> connect(const Options& options, bool patient) {
  const auto source = parley::plugins::parse_track(options.source);
  if (!source) return tl::unexpected(source.error());
  if (auto names = parley::plugins::check_names(options); !names)
    return tl::unexpected(names.error());
  auto connection = Connection::open(options);
  if (!connection) return tl::unexpected(connection.error());
  const parley::tap::Tap tap{options.call, options.profile, *source, patient};
  if ((*connection)->send(tap) != Connection::Sent::kSent)
    return parley::base::fail(parley::base::Code::kUnavailable,
                              "The media worker closed the connection at once.");
  return std::shared_ptr<Connection>(std::move(*connection));
}

gboolean start(GstBaseSrc* base) noexcept {
  State& state = state_of(base);
  GST_OBJECT_LOCK(base);
  const Options options = state.options;
  const parley::base::Duration latency{gint64{state.latency_ms} * 1000};
  const bool patient = state.patient;
  const parley::base::Duration report_wait{gint64{state.report_wait_ms} * 1000};
  GST_OBJECT_UNLOCK(base);
  auto connection = connect(options, patient);
  if (!connection) {
    parley::plugins::post_error(base, GST_RESOURCE_ERROR_OPEN_READ, connection.error().message,
                                __func__);
    return FALSE;
  }
  state.track.emplace(latency, report_wait);
  state.output.emplace(base, options.profile, options.source);
  gst_poll_fd_init(&state.poll_fd);
  state.poll_fd.fd = (*connection)->fd();
  state.looks = patient;
  state.more = false;
  if (!patient) {
    gst_poll_add_fd(state.poll, &state.poll_fd);
    gst_poll_fd_ctl_read(state.poll, &state.poll_fd, TRUE);
  }
  GST_OBJECT_LOCK(base);
  state.connection = std::move(*connection);
  state.counts = {};
  state.muted = false;
  GST_OBJECT_UNLOCK(base);
  return TRUE;
}

gboolean stop(GstBaseSrc* base) noexcept {
  State& state = state_of(base);
  if (!state.looks) gst_poll_remove_fd(state.poll, &state.poll_fd);
  GST_OBJECT_LOCK(base);
  const auto connection = std::exchange(state.connection, nullptr);  // closed without the lock
  GST_OBJECT_UNLOCK(base);
  state.track.reset();
  state.output.reset();
  return TRUE;
}

gboolean unlock(GstBaseSrc* base) noexcept {
  gst_poll_set_flushing(state_of(base).poll, TRUE);
  return TRUE;
}
gboolean unlock_stop(GstBaseSrc* base) noexcept {
  gst_poll_set_flushing(state_of(base).poll, FALSE);
  return TRUE;
}

// ---- what comes from the worker -------------------------------------------------------------

// Takes in what is there. OK, or an error that has been posted.
GstFlowReturn read_frames(ParleySrc* self, Connection& connection) {
  State& state = *self->state;
  state.more = false;
  for (int i = 0; i < kFramesAtOnce; ++i) {
    const auto frame = connection.receive();
    if (!frame) {
      parley::plugins::post_error(
          self, GST_RESOURCE_ERROR_READ,
          frame.error().message + " The track is not over: what was read of it is not complete.",
          __func__);
      return GST_FLOW_ERROR;
    }
    if (!*frame) return GST_FLOW_OK;
    if (const auto* refused = std::get_if<parley::tap::Refused>(&**frame)) {
      parley::plugins::post_error(self, GST_RESOURCE_ERROR_OPEN_READ,
                                  "The media worker refuses the tap: " + refused->why, __func__);
      return GST_FLOW_ERROR;
    }
    state.track->take(**frame);
    if (std::holds_alternative<parley::tap::End>(**frame)) return GST_FLOW_OK;
  }
  state.more = true;
  return GST_FLOW_OK;
}

void publish_counts(ParleySrc* self) {
  const Track::Counts counts = self->state->track->counts();
  GST_OBJECT_LOCK(self);
  self->state->counts = counts;
  GST_OBJECT_UNLOCK(self);
}

// Until a frame is there, or it is time to look for one, or `due`. FLUSHING: unlock() was called.
GstFlowReturn wait(ParleySrc* self, std::optional<TimePoint> due) {
  const State& state = *self->state;
  GstClockTime timeout = state.more ? 0 : state.looks ? kLookEvery : GST_CLOCK_TIME_NONE;
  if (due) {
    const TimePoint at = now();
    const GstClockTime left =
        *due <= at ? 0 : static_cast<GstClockTime>((*due - at).count()) * GST_USECOND;
    timeout = std::min(timeout, left);
  }
  const int ready = gst_poll_wait(state.poll, timeout);
  return ready < 0 && errno == EBUSY ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

void note_muted(ParleySrc* self, bool muted) {
  GST_OBJECT_LOCK(self);
  self->state->muted = muted;
  GST_OBJECT_UNLOCK(self);
  g_object_notify(G_OBJECT(self), "muted");
}

// OK with a buffer; CUSTOM_SUCCESS: nothing to hand out yet.
GstFlowReturn hand_out(ParleySrc* self, Track::Out& out, GstBuffer** buffer) {
  parley::plugins::Output& output = *self->state->output;
  return std::visit(parley::base::Overloaded{
                        [&](const parley::tap::Format& format) {
                          return output.set_format(format) ? GST_FLOW_CUSTOM_SUCCESS
                                                           : GST_FLOW_NOT_NEGOTIATED;
                        },
                        [&](const parley::tap::Muted& muted) {
                          note_muted(self, muted.muted);
                          return GST_FLOW_CUSTOM_SUCCESS;
                        },
                        [&](Track::Packet& packet) {
                          *buffer = output.buffer_of(packet);
                          return *buffer == nullptr ? GST_FLOW_CUSTOM_SUCCESS : GST_FLOW_OK;
                        },
                        [&](const Track::Ended&) { return GST_FLOW_EOS; },
                    },
                    out);
}

GstFlowReturn create(GstPushSrc* push, GstBuffer** buffer) noexcept {
  ParleySrc* self = src_of(push);
  Track& track = *self->state->track;
  const auto connection = connection_of(self);
  GstFlowReturn flow = GST_FLOW_OK;
  while (flow == GST_FLOW_OK) {
    while (auto out = track.next(now())) {
      publish_counts(self);
      flow = hand_out(self, *out, buffer);
      if (flow != GST_FLOW_CUSTOM_SUCCESS) return flow;
    }
    flow = wait(self, track.due());
    if (flow == GST_FLOW_OK) flow = read_frames(self, *connection);
  }
  return flow;
}

// ---- what comes from downstream -------------------------------------------------------------

gboolean on_event(GstBaseSrc* base, GstEvent* event) noexcept {
  const bool custom = GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM;
  if (!custom || gst_event_has_name(event, "GstForceKeyUnit") == FALSE)
    return GST_BASE_SRC_CLASS(parley_src_parent_class)->event(base, event);
  const auto connection = connection_of(src_of(base));
  if (!connection) return FALSE;
  // NOLINTNEXTLINE(bugprone-assignment-in-if-condition): inside the macro
  GST_DEBUG_OBJECT(base, "asking the sender for a key frame");
  return connection->send(parley::tap::KeyFrame{}) == Connection::Sent::kSent ? TRUE : FALSE;
}

// An event for the element, from an application.
gboolean send_event(GstElement* element, GstEvent* event) noexcept {
  if (gst_event_has_name(event, "GstForceKeyUnit") == FALSE)
    return GST_ELEMENT_CLASS(parley_src_parent_class)->send_event(element, event);
  const gboolean done = on_event(GST_BASE_SRC(element), event);
  gst_event_unref(event);
  return done;
}

// The worker says what the caps are, before the first packet; nothing is guessed before that.
gboolean negotiate(GstBaseSrc* /*base*/) noexcept { return TRUE; }

gboolean on_query(GstBaseSrc* base, GstQuery* query) noexcept {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS(parley_src_parent_class)->query(base, query);
  GST_OBJECT_LOCK(base);
  const GstClockTime latency = state_of(base).latency_ms * GST_MSECOND;
  GST_OBJECT_UNLOCK(base);
  gst_query_set_latency(query, TRUE, latency, GST_CLOCK_TIME_NONE);
  return TRUE;
}

// ---- type -----------------------------------------------------------------------------------

void finalize(GObject* object) noexcept {
  State* state = src_of(object)->state;
  gst_poll_free(state->poll);
  delete state;
  G_OBJECT_CLASS(parley_src_parent_class)->finalize(object);
}

GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("application/x-rtp, media=(string){ audio, video }, "
                                            "encoding-name=(string){ OPUS, VP8, VP9, H264, AV1 }, "
                                            "clock-rate=(int)[ 1, MAX ], payload=(int)[ 0, 127 ]"));

void install_properties(GObjectClass* object_class) {
  parley::plugins::install_tap_properties(
      object_class, "camera", "Id of the call", "Id of the profile of the participant to tap",
      "Track to tap: mic, camera, screen, screen-audio, mix-audio or mix-video. One that is not "
      "there yet is waited for");
  g_object_class_install_property(
      object_class, kPropLatency,
      g_param_spec_uint("latency", "Latency",
                        "How long packets wait for others that are missing, in milliseconds", 0,
                        kMostLatencyMs, kDefaultLatencyMs,
                        static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                 GST_PARAM_MUTABLE_READY)));
  g_object_class_install_property(
      object_class, kPropPatient,
      g_param_spec_boolean(
          "patient", "Patient",
          "That packets may come up to 150 ms later and more at once, which costs the media worker "
          "less: for recordings and broadcasts. Is part of the latency",
          FALSE,
          static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                   GST_PARAM_MUTABLE_READY)));
  g_object_class_install_property(
      object_class, kPropReportWait,
      g_param_spec_uint("report-wait", "Report wait",
                        "How long the first packets wait for the sender's first report, which says "
                        "when they were captured, in milliseconds; not part of the latency",
                        0, kMostLatencyMs, 0,
                        static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                 GST_PARAM_MUTABLE_READY)));
  constexpr auto kReadOnly = static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_property(
      object_class, kPropMuted,
      g_param_spec_boolean("muted", "Muted",
                           "Whether the participant has muted the track: what is missing is meant "
                           "to be (notified)",
                           FALSE, kReadOnly));
  g_object_class_install_property(
      object_class, kPropStats,
      g_param_spec_boxed(
          "stats", "Statistics",
          "Counts of packets since the start: packets (came), lost, late (of those "
          "lost, came too late), duplicates, dropped (not read in time); and clock-error "
          "and its lowest and highest so far, in ns: how much later than the sender's "
          "reports say buffers are timed, if reported",
          GST_TYPE_STRUCTURE, kReadOnly));
}

}  // namespace

static void parley_src_class_init(ParleySrcClass* klass) {
  GST_DEBUG_CATEGORY_INIT(parley_src_debug, "parleysrc", 0, "tracks of a call, tapped");
  auto* object_class = G_OBJECT_CLASS(klass);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  auto* base_class = GST_BASE_SRC_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "Parley track source", "Source/Network/RTP",
      "Taps one track of a call: RTP in order, with the time at which it was captured",
      "The Parley authors");
  gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_DOC_URI,
                                        PARLEY_DOC_URI "#parleysrc");
  element_class->send_event = send_event;
  base_class->start = start;
  base_class->stop = stop;
  base_class->unlock = unlock;
  base_class->unlock_stop = unlock_stop;
  base_class->event = on_event;
  base_class->negotiate = negotiate;
  base_class->query = on_query;
  GST_PUSH_SRC_CLASS(klass)->create = create;
}

static void parley_src_init(ParleySrc* self) {
  self->state = new State;
  self->state->options.source = "camera";
  self->state->poll = gst_poll_new(TRUE);
  gst_base_src_set_live(GST_BASE_SRC(self), TRUE);
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
