/**
 * SECTION:element-parleyav1depay
 * @title: parleyav1depay
 *
 * Takes AV1 out of RTP (AV1 RTP payload format 1.0): temporal units as decoders and muxers (behind
 * av1parse) take them. What follows a loss is left out up to the next key frame, for which the
 * sender is asked (GstForceKeyUnit); that something is missing is told downstream by a gap.
 *
 * ## Example
 * |[
 * gst-launch-1.0 parleysrc call=C profile=alice source=camera ! parleyav1depay ! av1parse ! av1dec
 * ! autovideosink
 * ]|
 */
#include <gst/rtp/gstrtpbasedepayload.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <gst/video/video.h>

#include <cstdint>
#include <optional>
#include <span>

#include "parleyav1/parleyav1.h"
#include "rtp/av1_frames.h"

namespace {

// Asked again after so long without one: the first may have been lost. Our choice, in 1/90000 s.
constexpr std::uint32_t kAskEvery = 90'000;

struct State {
  parley::rtp::Av1Frames frames;
  std::optional<std::uint32_t> asked_at;  // RTP time
  bool began = false;                     // something was handed out
};

}  // namespace

struct ParleyAv1Depay {
  GstRTPBaseDepayload parent;
  State* state;  // owned; the streaming thread's, and of state changes, when there is none
};
struct ParleyAv1DepayClass {
  GstRTPBaseDepayloadClass parent_class;
};

G_DEFINE_TYPE(ParleyAv1Depay, parley_av1_depay, GST_TYPE_RTP_BASE_DEPAYLOAD)

namespace {

State& state_of(gpointer object) { return *reinterpret_cast<ParleyAv1Depay*>(object)->state; }

gboolean set_caps(GstRTPBaseDepayload* depay, GstCaps* /*caps*/) noexcept {
  state_of(depay) = {};  // perhaps another stream
  depay->clock_rate = 90'000;
  // Without a frame rate webmmux takes none; 0/1 is a varying one.
  GstCaps* caps =
      gst_caps_new_simple("video/x-av1", "stream-format", G_TYPE_STRING, "obu-stream", "alignment",
                          G_TYPE_STRING, "tu", "framerate", GST_TYPE_FRACTION, 0, 1, nullptr);
  const gboolean done = gst_pad_set_caps(GST_RTP_BASE_DEPAYLOAD_SRCPAD(depay), caps);
  gst_caps_unref(caps);
  return done;
}

void ask_for_key_frame(GstRTPBaseDepayload* depay, std::uint32_t timestamp) {
  State& state = state_of(depay);
  if (state.asked_at && timestamp - *state.asked_at < kAskEvery) return;
  state.asked_at = timestamp;
  gst_pad_push_event(GST_RTP_BASE_DEPAYLOAD_SINKPAD(depay),
                     gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

// What could not be put together is missing as what was lost is.
void tell_missing(GstRTPBaseDepayload* depay, GstBuffer* packet) {
  if (!state_of(depay).began || !GST_BUFFER_PTS_IS_VALID(packet)) return;
  gst_pad_push_event(GST_RTP_BASE_DEPAYLOAD_SRCPAD(depay),
                     gst_event_new_gap(GST_BUFFER_PTS(packet), GST_CLOCK_TIME_NONE));
}

GstBuffer* process(GstRTPBaseDepayload* depay, GstRTPBuffer* rtp) noexcept {
  State& state = state_of(depay);
  const bool waited = state.frames.waiting();
  // The base class marks what follows a hole in the numbers, too.
  if (GST_BUFFER_IS_DISCONT(rtp->buffer) != FALSE) state.frames.lost();
  const std::uint32_t timestamp = gst_rtp_buffer_get_timestamp(rtp);
  const std::span<const std::uint8_t> payload(
      static_cast<const std::uint8_t*>(gst_rtp_buffer_get_payload(rtp)),
      gst_rtp_buffer_get_payload_len(rtp));
  const auto unit =
      state.frames.push({payload, gst_rtp_buffer_get_marker(rtp) != FALSE, timestamp});
  if (state.frames.waiting()) {
    if (!waited) tell_missing(depay, rtp->buffer);
    ask_for_key_frame(depay, timestamp);
    return nullptr;
  }
  state.asked_at.reset();
  if (!unit) return nullptr;
  state.began = true;
  GstBuffer* out = gst_buffer_new_memdup(unit->bytes.data(), unit->bytes.size());
  if (!unit->key_frame) GST_BUFFER_FLAG_SET(out, GST_BUFFER_FLAG_DELTA_UNIT);
  return out;
}

gboolean packet_lost(GstRTPBaseDepayload* depay, GstEvent* event) noexcept {
  state_of(depay).frames.lost();
  return GST_RTP_BASE_DEPAYLOAD_CLASS(parley_av1_depay_parent_class)->packet_lost(depay, event);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange change) noexcept {
  const GstStateChangeReturn done =
      GST_ELEMENT_CLASS(parley_av1_depay_parent_class)->change_state(element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) state_of(element) = {};
  return done;
}

void finalize(GObject* object) noexcept {
  delete &state_of(object);
  G_OBJECT_CLASS(parley_av1_depay_parent_class)->finalize(object);
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=(string)video, encoding-name=(string)AV1, "
                    "clock-rate=(int)90000"));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu"));

}  // namespace

static void parley_av1_depay_class_init(ParleyAv1DepayClass* g_class) {
  G_OBJECT_CLASS(g_class)->finalize = finalize;
  auto* element_class = GST_ELEMENT_CLASS(g_class);
  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "RTP AV1 depayloader", "Codec/Depayloader/Network/RTP",
      "Takes AV1 temporal units out of RTP packets", "The Parley authors");
  gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_DOC_URI,
                                        PARLEY_DOC_URI "#parleyav1depay-and-parleyav1pay");
  auto* depay_class = GST_RTP_BASE_DEPAYLOAD_CLASS(g_class);
  depay_class->set_caps = set_caps;
  depay_class->process_rtp_packet = process;
  depay_class->packet_lost = packet_lost;
}

static void parley_av1_depay_init(ParleyAv1Depay* self) { self->state = new State; }
