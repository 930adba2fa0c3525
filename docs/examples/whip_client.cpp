// Publishes into a call by WHIP, or watches one by WHEP, with GStreamer's webrtcbin and libsoup:
//
//   LIBS=$(pkg-config --cflags --libs gstreamer-webrtc-1.0 gstreamer-sdp-1.0 libsoup-3.0)
//   g++ -o whip_client whip_client.cpp -DGST_USE_UNSTABLE_API $LIBS
//   TOKEN=... ./whip_client publish http://localhost:8080/whip/CALL 30
//   TOKEN=... ./whip_client watch http://localhost:8080/whep/CALL 30
//
// The last argument is for how many seconds. One request with an offer begins a session, the answer
// says at which address; DELETE there ends it. The server does no ICE checks of its own, so an
// offer without candidates will do: the client's checks show where it is.
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>
#include <libsoup/soup.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

// Put your camera and microphone here: v4l2src ! videoconvert, pulsesrc ! audioconvert, ...
constexpr const char* kPublisher =
    "webrtcbin name=peer bundle-policy=max-bundle "
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1 ! "
    "vp8enc deadline=1 target-bitrate=800000 ! rtpvp8pay pt=96 ! "
    "application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer. "
    "audiotestsrc is-live=true wave=ticks ! audioconvert ! audioresample ! opusenc ! "
    "rtpopuspay pt=97 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.";

constexpr const char* kWatched[] = {
    "application/x-rtp,media=audio,encoding-name=OPUS,clock-rate=48000,encoding-params=(string)2,"
    "payload=97",
    "application/x-rtp,media=video,encoding-name=VP8,clock-rate=90000,payload=96,"
    "rtcp-fb-nack-pli=true"};

GMainLoop* loop = nullptr;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

// ---- HTTP -----------------------------------------------------------------------------------

SoupMessage* ask(SoupSession* session, const char* method, const char* url, const char* body,
                 std::string* answer) {
  SoupMessage* message = soup_message_new(method, url);
  if (message == nullptr) give_up(std::string("not a URL: ") + url);
  const char* token = std::getenv("TOKEN");
  if (token == nullptr) give_up("TOKEN must hold an access token with the grant bridge");
  const std::string authorization = std::string("Bearer ") + token;
  soup_message_headers_append(soup_message_get_request_headers(message), "Authorization",
                              authorization.c_str());
  if (body != nullptr) {
    GBytes* bytes = g_bytes_new(body, std::strlen(body));
    soup_message_set_request_body_from_bytes(message, "application/sdp", bytes);
    g_bytes_unref(bytes);
  }
  GError* error = nullptr;
  GBytes* bytes = soup_session_send_and_read(session, message, nullptr, &error);
  if (bytes == nullptr) give_up(error->message);
  gsize size = 0;
  const void* data = g_bytes_get_data(bytes, &size);
  answer->assign(static_cast<const char*>(data), size);
  g_bytes_unref(bytes);
  return message;
}

// The address of the session that begins with `offer`; its answer into `answer`.
std::string begin(SoupSession* session, const char* url, const char* offer, std::string* answer) {
  SoupMessage* message = ask(session, "POST", url, offer, answer);
  if (soup_message_get_status(message) != SOUP_STATUS_CREATED) give_up(*answer);
  const char* location =
      soup_message_headers_get_one(soup_message_get_response_headers(message), "Location");
  if (location == nullptr) give_up("the answer has no Location");
  GUri* address =
      g_uri_parse_relative(soup_message_get_uri(message), location, G_URI_FLAGS_NONE, nullptr);
  if (address == nullptr) give_up("the answer's Location is no address");
  char* text = g_uri_to_string(address);
  const std::string result = text;
  g_free(text);
  g_uri_unref(address);
  g_object_unref(message);
  return result;
}

// ---- media ----------------------------------------------------------------------------------

void on_decoded(GstElement*, GstBuffer* buffer, GstPad* from, gpointer) {
  static gint seen[2] = {0, 0};  // sound and picture come by threads of their own
  GstCaps* caps = gst_pad_get_current_caps(from);
  const char* name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  const int kind = g_str_has_prefix(name, "video/") != FALSE ? 1 : 0;
  const gint count = g_atomic_int_add(&seen[kind], 1) + 1;
  if (count % 10 == 0) {
    std::printf("%d buffers of %s, %.2f s\n", count, name,
                static_cast<double>(GST_BUFFER_PTS(buffer)) / GST_SECOND);
    std::fflush(stdout);
  }
  gst_caps_unref(caps);
}

// Adds an element to the pipeline of `neighbour` and links `pad` to it.
GstElement* link_new(const char* factory, GstElement* neighbour, GstPad* pad) {
  GstElement* element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr) give_up(std::string("there is no element ") + factory);
  GstObject* pipeline = gst_element_get_parent(neighbour);
  gst_bin_add(GST_BIN(pipeline), element);
  gst_object_unref(pipeline);
  GstPad* sink = gst_element_get_static_pad(element, "sink");
  gst_pad_link(pad, sink);
  gst_object_unref(sink);
  return element;
}

// Of fakesink, make autovideosink or autoaudiosink.
void on_decoder_pad(GstElement* decoder, GstPad* pad, gpointer) {
  GstElement* end = link_new("fakesink", decoder, pad);
  g_object_set(end, "signal-handoffs", TRUE, "async", FALSE, nullptr);
  g_signal_connect(end, "handoff", G_CALLBACK(on_decoded), nullptr);
  gst_element_sync_state_with_parent(end);
}

// A decoder that has missed a key frame asks for another: by itself it waits, for half a minute or
// so.
void on_decoder_part(GstBin*, GstElement* part, gpointer) {
  constexpr const char* kAsk = "automatic-request-sync-points";
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(part), kAsk) != nullptr)
    g_object_set(part, kAsk, TRUE, nullptr);
}

void on_pad(GstElement* peer, GstPad* pad, gpointer) {
  if (GST_PAD_DIRECTION(pad) != GST_PAD_SRC) return;
  GstElement* decoder = link_new("decodebin", peer, pad);
  g_signal_connect(decoder, "element-added", G_CALLBACK(on_decoder_part), nullptr);
  g_signal_connect(decoder, "pad-added", G_CALLBACK(on_decoder_pad), nullptr);
  gst_element_sync_state_with_parent(decoder);
}

GstElement* make_pipeline(bool publishes) {
  GError* error = nullptr;
  if (publishes) {
    GstElement* pipeline = gst_parse_launch(kPublisher, &error);
    if (pipeline == nullptr) give_up(error->message);
    return pipeline;
  }
  GstElement* pipeline = gst_pipeline_new(nullptr);
  GstElement* peer = gst_element_factory_make("webrtcbin", "peer");
  if (peer == nullptr) give_up("there is no webrtcbin: install gstreamer1.0-plugins-bad");
  gst_util_set_object_arg(G_OBJECT(peer), "bundle-policy", "max-bundle");
  gst_bin_add(GST_BIN(pipeline), peer);
  for (const char* text : kWatched) {
    GstCaps* caps = gst_caps_from_string(text);
    GstWebRTCRTPTransceiver* transceiver = nullptr;
    g_signal_emit_by_name(peer, "add-transceiver", GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY,
                          caps, &transceiver);
    gst_clear_object(&transceiver);
    gst_caps_unref(caps);
  }
  g_signal_connect(peer, "pad-added", G_CALLBACK(on_pad), nullptr);
  return pipeline;
}

std::string make_offer(GstElement* peer) {
  GstPromise* promise = gst_promise_new();
  g_signal_emit_by_name(peer, "create-offer", nullptr, promise);
  GstWebRTCSessionDescription* offer = nullptr;
  if (gst_promise_wait(promise) == GST_PROMISE_RESULT_REPLIED)
    gst_structure_get(gst_promise_get_reply(promise), "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                      &offer, nullptr);
  gst_promise_unref(promise);
  if (offer == nullptr) give_up("webrtcbin makes no offer");
  g_signal_emit_by_name(peer, "set-local-description", offer, nullptr);
  char* text = gst_sdp_message_as_text(offer->sdp);
  std::string result = text;
  g_free(text);
  gst_webrtc_session_description_free(offer);
  return result;
}

void take_answer(GstElement* peer, const std::string& text) {
  GstSDPMessage* message = nullptr;
  if (gst_sdp_message_new_from_text(text.c_str(), &message) != GST_SDP_OK)
    give_up("the answer is no session description");
  GstWebRTCSessionDescription* answer =
      gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, message);
  g_signal_emit_by_name(peer, "set-remote-description", answer, nullptr);
  gst_webrtc_session_description_free(answer);
}

void on_state(GObject* peer, GParamSpec*, gpointer) {
  GstWebRTCPeerConnectionState state = GST_WEBRTC_PEER_CONNECTION_STATE_NEW;
  g_object_get(peer, "connection-state", &state, nullptr);
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED) {
    std::printf("connected\n");
    std::fflush(stdout);
  }
  if (state == GST_WEBRTC_PEER_CONNECTION_STATE_FAILED) g_main_loop_quit(loop);
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const std::string what = argc > 1 ? argv[1] : "";
  if (argc < 3 || (what != "publish" && what != "watch"))
    give_up("usage: whip_client publish|watch URL [SECONDS]");
  const guint seconds = argc > 3 ? static_cast<guint>(std::atoi(argv[3])) : 3600;
  loop = g_main_loop_new(nullptr, FALSE);

  GstElement* pipeline = make_pipeline(what == "publish");
  GstElement* peer = gst_bin_get_by_name(GST_BIN(pipeline), "peer");
  g_signal_connect(peer, "notify::connection-state", G_CALLBACK(on_state), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);

  SoupSession* session = soup_session_new();
  std::string answer;
  const std::string address = begin(session, argv[2], make_offer(peer).c_str(), &answer);
  std::printf("session %s\n", address.c_str());
  std::fflush(stdout);
  take_answer(peer, answer);

  const auto quit = +[](gpointer) -> gboolean {
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
  };
  g_timeout_add_seconds(seconds, quit, nullptr);
  g_main_loop_run(loop);

  g_object_unref(ask(session, "DELETE", address.c_str(), nullptr, &answer));
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(peer);
  gst_object_unref(pipeline);
  g_object_unref(session);
  g_main_loop_unref(loop);
  return 0;
}
