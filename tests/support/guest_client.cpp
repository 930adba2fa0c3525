#include "support/guest_client.h"

#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>

#include <cstdio>
#include <cstdlib>

#include "wrap/owned.h"

namespace parley::wrap {
template <>
struct RefTraits<GstWebRTCRTPTransceiver> : GObjectTraits<GstWebRTCRTPTransceiver> {};
template <>
struct OwnedTraits<GstWebRTCSessionDescription> {
  static void free(GstWebRTCSessionDescription* p) { gst_webrtc_session_description_free(p); }
};
template <>
struct OwnedTraits<GstSDPMessage> {
  static void free(GstSDPMessage* p) { gst_sdp_message_free(p); }
};
}  // namespace parley::wrap

namespace parley::test {

namespace {

constexpr const char* kPublisher =
    "webrtcbin name=guest bundle-policy=max-bundle "
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=15/1 ! "
    "vp8enc name=encoder deadline=1 keyframe-max-dist=1000 ! rtpvp8pay pt=98 ! "
    "application/x-rtp,media=video,encoding-name=VP8,payload=98 ! guest. "
    "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay pt=97 ! "
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! guest.";

constexpr const char* kCaps[] = {
    "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,"
    "payload=97",
    "application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=98"};

}  // namespace

GuestClient::GuestClient(bool publishes) {
  gst_init(nullptr, nullptr);
  if (publishes) {
    wrap::Owned<GError> error;
    pipeline_ = wrap::Ref<GstElement>::sink(gst_parse_launch(kPublisher, wrap::OutParam(error)));
    if (!pipeline_) {
      std::fprintf(stderr, "%s\n", error->message);
      std::abort();
    }
  } else {
    pipeline_ = wrap::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
    GstElement* guest = gst_element_factory_make("webrtcbin", "guest");
    gst_util_set_object_arg(G_OBJECT(guest), "bundle-policy", "max-bundle");
    gst_bin_add(GST_BIN(pipeline_.get()), guest);
  }
  webrtcbin_ = wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "guest"));
  if (publishes) {
    const auto encoder =
        wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "encoder"));
    GstPad* pad = gst_element_get_static_pad(encoder.get(), "src");
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
        [](GstPad*, GstPadProbeInfo* info, gpointer data) {
          if (gst_event_has_name(gst_pad_probe_info_get_event(info), "GstForceKeyUnit") != FALSE)
            ++**static_cast<std::shared_ptr<std::atomic<int>>*>(data);
          return GST_PAD_PROBE_OK;
        },
        new std::shared_ptr<std::atomic<int>>(keyframe_requests_),
        [](gpointer data) { delete static_cast<std::shared_ptr<std::atomic<int>>*>(data); });
    gst_object_unref(pad);
  } else {
    watch();
  }
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

void GuestClient::watch() {
  for (const char* text : kCaps) {
    const auto caps = wrap::Ref<GstCaps>::adopt(gst_caps_from_string(text));
    wrap::Ref<GstWebRTCRTPTransceiver> transceiver;
    g_signal_emit_by_name(webrtcbin_.get(), "add-transceiver",
                          GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps.get(),
                          transceiver.out());
  }
  const auto on_pad = +[](GstElement* webrtcbin, GstPad* pad, gpointer data) {
    GstElement* sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "async", FALSE, "sync", FALSE, nullptr);
    GstObject* bin = gst_element_get_parent(webrtcbin);
    gst_bin_add(GST_BIN(bin), sink);
    gst_object_unref(bin);
    gst_element_sync_state_with_parent(sink);
    GstPad* sink_pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(
        sink_pad, GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer counts) {
          guint8 head[2] = {0, 0};
          if (gst_buffer_extract(gst_pad_probe_info_get_buffer(info), 0, head, 2) == 2)
            ++(**static_cast<std::shared_ptr<Counts>*>(counts))[head[1] & 0x7fU];
          return GST_PAD_PROBE_OK;
        },
        new std::shared_ptr<Counts>(*static_cast<std::shared_ptr<Counts>*>(data)),
        [](gpointer counts) { delete static_cast<std::shared_ptr<Counts>*>(counts); });
    gst_pad_link(pad, sink_pad);
    gst_object_unref(sink_pad);
  };
  g_signal_connect_data(
      webrtcbin_.get(), "pad-added", G_CALLBACK(on_pad), new std::shared_ptr<Counts>(counts_),
      [](gpointer data, GClosure*) { delete static_cast<std::shared_ptr<Counts>*>(data); },
      static_cast<GConnectFlags>(0));
}

GuestClient::~GuestClient() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

std::string GuestClient::offer() {
  GstPromise* promise = gst_promise_new();
  g_signal_emit_by_name(webrtcbin_.get(), "create-offer", nullptr, promise);
  wrap::Owned<GstWebRTCSessionDescription> description;
  if (gst_promise_wait(promise) == GST_PROMISE_RESULT_REPLIED) {
    if (const GstStructure* reply = gst_promise_get_reply(promise))
      gst_structure_get(reply, "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                        static_cast<GstWebRTCSessionDescription**>(wrap::OutParam(description)),
                        nullptr);
  }
  gst_promise_unref(promise);
  if (!description) return {};
  g_signal_emit_by_name(webrtcbin_.get(), "set-local-description", description.get(), nullptr);
  const wrap::Owned<char> text(gst_sdp_message_as_text(description->sdp));
  return text.get();
}

void GuestClient::take_answer(const std::string& sdp) {
  wrap::Owned<GstSDPMessage> message;
  if (gst_sdp_message_new_from_text(sdp.c_str(), wrap::OutParam(message)) != GST_SDP_OK)
    std::abort();
  const wrap::Owned<GstWebRTCSessionDescription> answer(
      gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, message.release()));
  g_signal_emit_by_name(webrtcbin_.get(), "set-remote-description", answer.get(), nullptr);
}

}  // namespace parley::test
