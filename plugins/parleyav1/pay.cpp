/**
 * SECTION:element-parleyav1pay
 * @title: parleyav1pay
 *
 * Puts AV1 into RTP (AV1 RTP payload format 1.0): for what is brought into a call by parleysink, or
 * sent elsewhere.
 *
 * ## Example
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! av1enc usage-profile=realtime cpu-used=10 ! av1parse !
 *     parleyav1pay mtu=1200 ! parleysink call=C profile=stage source=camera
 * ]|
 */
#include <gst/rtp/gstrtpbasepayload.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "parleyav1/parleyav1.h"
#include "post_error.h"
#include "rtp/av1_packets.h"
#include "wrap/gst.h"

struct ParleyAv1Pay {
  GstRTPBasePayload parent;
};
struct ParleyAv1PayClass {
  GstRTPBasePayloadClass parent_class;
};

G_DEFINE_TYPE(ParleyAv1Pay, parley_av1_pay, GST_TYPE_RTP_BASE_PAYLOAD)

namespace {

gboolean set_caps(GstRTPBasePayload* pay, GstCaps* /*caps*/) noexcept {
  gst_rtp_base_payload_set_options(pay, "video", TRUE, "AV1", 90'000);
  return gst_rtp_base_payload_set_outcaps(pay, nullptr);
}

GstBuffer* packet_of(GstRTPBasePayload* pay, const std::vector<std::uint8_t>& payload, bool last) {
  GstBuffer* buffer =
      gst_rtp_base_payload_allocate_output_buffer(pay, static_cast<guint>(payload.size()), 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gst_rtp_buffer_map(buffer, GST_MAP_WRITE, &rtp);
  std::memcpy(gst_rtp_buffer_get_payload(&rtp), payload.data(), payload.size());
  gst_rtp_buffer_set_marker(&rtp, last ? TRUE : FALSE);
  gst_rtp_buffer_unmap(&rtp);
  return buffer;
}

// One temporal unit, which is taken.
GstFlowReturn handle_buffer(GstRTPBasePayload* pay, GstBuffer* buffer) noexcept {
  const auto unit = parley::wrap::Ref<GstBuffer>::adopt(buffer);
  const auto map = parley::wrap::ReadMap::map(unit.get());
  if (!map) return GST_FLOW_ERROR;
  const std::size_t room = gst_rtp_buffer_calc_payload_len(GST_RTP_BASE_PAYLOAD_MTU(pay), 0, 0);
  const auto payloads =
      parley::rtp::av1_packets(map->bytes(), std::max(room, parley::rtp::kLeastPayloadBytes));
  if (!payloads) {
    parley::plugins::post_error(pay, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
                                "What came is " + payloads.error().message + ".", __func__);
    return GST_FLOW_ERROR;
  }
  if (payloads->empty()) return GST_FLOW_OK;
  GstBufferList* list = gst_buffer_list_new_sized(static_cast<guint>(payloads->size()));
  for (const auto& payload : *payloads) {
    GstBuffer* packet = packet_of(pay, payload, &payload == &payloads->back());
    GST_BUFFER_PTS(packet) = GST_BUFFER_PTS(unit.get());
    gst_buffer_list_add(list, packet);
  }
  return gst_rtp_base_payload_push_list(pay, list);
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu"));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("application/x-rtp, media=(string)video, payload=(int)[ 96, 127 ], "
                    "clock-rate=(int)90000, encoding-name=(string)AV1"));

}  // namespace

static void parley_av1_pay_class_init(ParleyAv1PayClass* g_class) {
  auto* element_class = GST_ELEMENT_CLASS(g_class);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(
      element_class, "RTP AV1 payloader", "Codec/Payloader/Network/RTP",
      "Puts AV1 temporal units into RTP packets", "The Parley authors");
  gst_element_class_add_static_metadata(element_class, GST_ELEMENT_METADATA_DOC_URI,
                                        PARLEY_DOC_URI "#parleyav1depay-and-parleyav1pay");
  auto* pay_class = GST_RTP_BASE_PAYLOAD_CLASS(g_class);
  pay_class->set_caps = set_caps;
  pay_class->handle_buffer = handle_buffer;
}

static void parley_av1_pay_init(ParleyAv1Pay* /*self*/) {}
