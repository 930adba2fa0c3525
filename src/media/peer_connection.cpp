#include "media/peer_connection.h"

#include <gst/sdp/sdp.h>
#include <gst/webrtc/icetransport.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "media/log.h"

namespace parley::wrap {
template <>
struct RefTraits<GstWebRTCRTPTransceiver> : GObjectTraits<GstWebRTCRTPTransceiver> {};
template <>
struct OwnedTraits<GstSDPMessage> {
  static void free(GstSDPMessage* p) { gst_sdp_message_free(p); }
};
}  // namespace parley::wrap

namespace parley::media {

namespace {

std::string_view factory_of(GstElement* element) {
  const GstElementFactory* factory = gst_element_get_factory(element);
  return factory == nullptr ? std::string_view() : GST_OBJECT_NAME(factory);
}

// Master key and salt as one buffer property of a DTLS element (AES-CM: 16 + 14 bytes).
std::optional<srtp::KeyMaterial> key_of(GstElement* element, const char* property) {
  wrap::Ref<GstBuffer> buffer;
  g_object_get(element, property, buffer.out(), nullptr);
  if (!buffer) return std::nullopt;
  const auto map = wrap::ReadMap::map(buffer.get());
  srtp::KeyMaterial key;
  if (!map || map->bytes().size() != key.bytes.size()) return std::nullopt;
  std::copy(map->bytes().begin(), map->bytes().end(), key.bytes.begin());
  return key;
}

wrap::Ref<GstCaps> opus_caps() {
  return wrap::Ref<GstCaps>::adopt(
      gst_caps_new_simple("application/x-rtp", "media", G_TYPE_STRING, "audio", "encoding-name",
                          G_TYPE_STRING, "OPUS", "clock-rate", G_TYPE_INT, 48000, "encoding-params",
                          G_TYPE_STRING, "2", "payload", G_TYPE_INT, 111, nullptr));
}

wrap::Ref<GstCaps> vp8_caps() {
  return wrap::Ref<GstCaps>::adopt(gst_caps_new_simple(
      "application/x-rtp", "media", G_TYPE_STRING, "video", "encoding-name", G_TYPE_STRING, "VP8",
      "clock-rate", G_TYPE_INT, 90000, "payload", G_TYPE_INT, 96, nullptr));
}

// What callbacks without a GObject of their own carry: freed by their destroy notify.
struct Address {
  TransportId id;
  std::shared_ptr<ControlBox> box;
  static gpointer make(TransportId id, std::shared_ptr<ControlBox> box) {
    return std::make_unique<Address>(Address{id, std::move(box)}).release();
  }
  static void destroy(gpointer data) { const std::unique_ptr<Address> own(cast(data)); }
  static Address* cast(gpointer data) { return static_cast<Address*>(data); }
};

GstBusSyncReply on_bus_message(GstBus* /*bus*/, GstMessage* message, gpointer data) noexcept {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    wrap::Owned<GError> error;
    gst_message_parse_error(message, wrap::OutParam(error), nullptr);
    log(GST_LEVEL_INFO, error->message);
    const Address& to = *Address::cast(data);
    to.box->post(PipelineFailed{to.id, error->message});
  }
  gst_message_unref(message);
  return GST_BUS_DROP;
}

}  // namespace

// ---- GStreamer's threads --------------------------------------------------------------------

void PeerConnection::Reporter::on_element_added(GstElement* element) const {
  const std::string_view factory = factory_of(element);
  const bool decoder = factory == "dtlsdec";
  if (!decoder && factory != "dtlsenc") return;
  // Never disconnected: they hold nothing but an id and the mailbox, and go with the element.
  const auto on_decoder_key = +[](GstElement* dtls, gpointer data) noexcept {
    const auto key = key_of(dtls, "decoder-key");
    wrap::Owned<char> pem;
    g_object_get(dtls, "peer-pem", static_cast<char**>(wrap::OutParam(pem)), nullptr);
    const Address& to = *Address::cast(data);
    if (key) to.box->post(DecoderKeyed{to.id, *key, pem ? pem.get() : ""});
  };
  const auto on_encoder_key = +[](GstElement* dtls, gpointer data) noexcept {
    const auto key = key_of(dtls, "encoder-key");
    const Address& to = *Address::cast(data);
    if (key) to.box->post(EncoderKeyed{to.id, *key});
  };
  g_signal_connect_data(
      element, "on-key-received", decoder ? G_CALLBACK(on_decoder_key) : G_CALLBACK(on_encoder_key),
      Address::make(id, box), [](gpointer data, GClosure*) { Address::destroy(data); },
      static_cast<GConnectFlags>(0));
}

// ---- control thread -------------------------------------------------------------------------

PeerConnection::PeerConnection(TransportId id, std::shared_ptr<ControlBox> box)
    : id_(id), reporter_(std::make_shared<Reporter>()) {
  reporter_->id = id;
  reporter_->box = std::move(box);
}

base::Result<std::unique_ptr<PeerConnection>> PeerConnection::start(
    TransportId id, std::shared_ptr<ControlBox> box, const std::shared_ptr<IoThread::Inbox>& io) {
  std::unique_ptr<PeerConnection> pc(new PeerConnection(id, std::move(box)));
  if (auto built = pc->build(io); !built) return tl::unexpected(built.error());
  return pc;
}

base::Result<void> PeerConnection::build(const std::shared_ptr<IoThread::Inbox>& io) {
  agent_ = new_ice_agent([id = id_, io](std::vector<std::uint8_t> datagram) {
    io->post(SendDtls{id, std::move(datagram)});
  });
  // webrtcbin takes over a reference to the agent without adding one.
  g_object_ref(agent_.get());
  webrtcbin_ = wrap::Ref<GstElement>::sink(gst_element_factory_make_full(
      "webrtcbin", "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "ice-agent", agent_.get(),
      nullptr));
  if (!webrtcbin_) {
    g_object_unref(agent_.get());
    return base::fail(base::Code::kUnavailable,
                      "no webrtcbin: install gstreamer1.0-plugins-bad and gstreamer1.0-nice");
  }
  pipeline_ = wrap::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
  const auto bus = wrap::Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  gst_bus_set_sync_handler(bus.get(), on_bus_message, Address::make(id_, reporter_->box),
                           Address::destroy);
  element_added_ = wrap::connect(
      webrtcbin_.get(), "deep-element-added", std::weak_ptr(reporter_),
      +[](Reporter& reporter, GstBin*, GstBin*, GstElement* e) { reporter.on_element_added(e); });
  gst_bin_add(GST_BIN(pipeline_.get()), webrtcbin_.get());
  add_transceivers();
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return base::fail(base::Code::kInternal, "the leg's pipeline does not start");
  GstPromise* promise = gst_promise_new_with_change_func(
      [](GstPromise* done, gpointer data) {
        const auto own = wrap::Ref<GstPromise>::adopt(done);
        const Address& to = *Address::cast(data);
        wrap::Owned<GstWebRTCSessionDescription> description;
        if (gst_promise_wait(done) == GST_PROMISE_RESULT_REPLIED) {
          if (const GstStructure* reply = gst_promise_get_reply(done))
            gst_structure_get(
                reply, "offer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION,
                static_cast<GstWebRTCSessionDescription**>(wrap::OutParam(description)), nullptr);
        }
        to.box->post(BaseOffered{to.id, std::move(description)});
      },
      Address::make(id_, reporter_->box), Address::destroy);
  remember_operation(promise);
  g_signal_emit_by_name(webrtcbin_.get(), "create-offer", nullptr, promise);
  return {};
}

void PeerConnection::add_transceivers() {
  // Caps given here become the transceivers' codec-preferences; without them some offers of
  // webrtcbin's come out with no m-line at all.
  for (const auto& caps : {opus_caps(), vp8_caps()}) {
    wrap::Ref<GstWebRTCRTPTransceiver> transceiver;  // to be let go of: it would keep a thread
    g_signal_emit_by_name(webrtcbin_.get(), "add-transceiver",
                          GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps.get(),
                          transceiver.out());
  }
}

void PeerConnection::remember_operation(GstPromise* promise) {
  last_operation_ = wrap::Ref<GstPromise>::retain(promise);
}

void PeerConnection::set_local(GstWebRTCSessionDescription* description) {
  const wrap::Owned<char> text(gst_sdp_message_as_text(description->sdp));
  base_offer_ = text.get();
  const auto promise = wrap::Ref<GstPromise>::adopt(gst_promise_new());
  remember_operation(promise.get());
  g_signal_emit_by_name(webrtcbin_.get(), "set-local-description", description, promise.get());
}

base::Result<void> PeerConnection::set_remote(const std::string& sdp) {
  wrap::Owned<GstSDPMessage> message;
  if (gst_sdp_message_new_from_text(sdp.c_str(), wrap::OutParam(message)) != GST_SDP_OK)
    return base::fail(base::Code::kInternal, "the base answer does not parse");
  const wrap::Owned<GstWebRTCSessionDescription> description(
      gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, message.release()));
  GstPromise* promise = gst_promise_new_with_change_func(
      [](GstPromise* done, gpointer data) {
        const auto own = wrap::Ref<GstPromise>::adopt(done);
        const Address& to = *Address::cast(data);
        const bool replied = gst_promise_wait(done) == GST_PROMISE_RESULT_REPLIED;
        const GstStructure* reply = replied ? gst_promise_get_reply(done) : nullptr;
        if (reply != nullptr && gst_structure_has_field(reply, "error") != FALSE)
          to.box->post(PipelineFailed{to.id, "webrtcbin does not take the base answer"});
        else if (replied)
          to.box->post(RemoteTaken{to.id});
      },
      Address::make(id_, reporter_->box), Address::destroy);
  remember_operation(promise);
  g_signal_emit_by_name(webrtcbin_.get(), "set-remote-description", description.get(), promise);
  remote_set_ = true;
  return {};
}

void PeerConnection::on_remote_taken() {
  remote_taken_ = true;
  let_flow();
}

void PeerConnection::on_path_selected() {
  path_selected_ = true;
  let_flow();
}

// Before both have happened webrtcbin blocks the pads behind our source, and this thread with them.
void PeerConnection::let_flow() {
  if (flowing_ || !remote_taken_ || !path_selected_) return;
  const auto transport = transport_of(agent_.get());
  if (!transport) return;
  flowing_ = true;
  source_ = wrap::Ref<GstElement>::retain(transport.get()->src);
  for (const auto state :
       {GST_WEBRTC_ICE_CONNECTION_STATE_CHECKING, GST_WEBRTC_ICE_CONNECTION_STATE_CONNECTED,
        GST_WEBRTC_ICE_CONNECTION_STATE_COMPLETED})
    gst_webrtc_ice_transport_connection_state_change(transport.get(), state);
  for (const auto& datagram : held_) push_datagram(source_.get(), datagram);
  held_.clear();
  held_.shrink_to_fit();
}

void PeerConnection::on_datagram(std::vector<std::uint8_t> datagram) {
  if (flowing_)
    push_datagram(source_.get(), datagram);
  else if (held_.size() < kHeldDatagrams)
    held_.push_back(std::move(datagram));
}

Remains PeerConnection::retire() {
  element_added_.disconnect();
  source_.reset();
  agent_.reset();
  return {id_, std::move(pipeline_), std::move(webrtcbin_), std::move(last_operation_)};
}

PeerConnection::~PeerConnection() {
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

}  // namespace parley::media
