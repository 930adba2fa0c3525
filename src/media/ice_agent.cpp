#include "media/ice_agent.h"

#include <gst/webrtc/icestream.h>
#include <gst/webrtc/icetransport.h>

#include <memory>
#include <utility>

// GObject boilerplate: type structs and functions have C names, and state lives in one C++ object.
namespace {

// What one agent and its stream share. The transport is webrtcbin's; we only remember it.
struct IceState {
  explicit IceState(parley::media::DtlsOut dtls_out) : out(std::move(dtls_out)) {
    g_weak_ref_init(&transport, nullptr);
  }
  IceState(const IceState&) = delete;
  IceState& operator=(const IceState&) = delete;
  ~IceState() { g_weak_ref_clear(&transport); }

  parley::media::DtlsOut out;  // constant
  GWeakRef transport;          // synchronised by itself
};

}  // namespace

struct ParleyIceTransport {
  GstWebRTCICETransport parent;
};
struct ParleyIceTransportClass {
  GstWebRTCICETransportClass parent_class;
};
struct ParleyIceStream {
  GstWebRTCICEStream parent;
  std::shared_ptr<IceState>* state;  // owned; made in init, deleted in finalize
};
struct ParleyIceStreamClass {
  GstWebRTCICEStreamClass parent_class;
};
struct ParleyIceAgent {
  GstWebRTCICE parent;
  std::shared_ptr<IceState>* state;  // owned; made in init, deleted in finalize
  ParleyIceStream* stream;           // owned; one, for everything is bundled
  gboolean controlling;
  GstWebRTCICEOnCandidateFunc on_candidate;
  gpointer on_candidate_data;
  GDestroyNotify on_candidate_notify;
};
struct ParleyIceAgentClass {
  GstWebRTCICEClass parent_class;
};

G_DEFINE_TYPE(ParleyIceTransport, parley_ice_transport, GST_TYPE_WEBRTC_ICE_TRANSPORT)
G_DEFINE_TYPE(ParleyIceStream, parley_ice_stream, GST_TYPE_WEBRTC_ICE_STREAM)
G_DEFINE_TYPE(ParleyIceAgent, parley_ice_agent, GST_TYPE_WEBRTC_ICE)

static void parley_ice_transport_class_init(ParleyIceTransportClass* /*klass*/) {}
static void parley_ice_transport_init(ParleyIceTransport* /*self*/) {}

// ---- stream ---------------------------------------------------------------------------------

namespace {

ParleyIceAgent* agent_of(GstWebRTCICE* ice) { return reinterpret_cast<ParleyIceAgent*>(ice); }

// (transfer full)
GstWebRTCICETransport* stream_find_transport(GstWebRTCICEStream* stream,
                                             GstWebRTCICEComponent component) {
  IceState& state = **reinterpret_cast<ParleyIceStream*>(stream)->state;
  if (gpointer known = g_weak_ref_get(&state.transport))
    return static_cast<GstWebRTCICETransport*>(known);
  auto* transport = static_cast<GstWebRTCICETransport*>(
      g_object_new(parley_ice_transport_get_type(), "component", component, nullptr));
  gst_object_ref_sink(transport);
  transport->role = GST_WEBRTC_ICE_ROLE_CONTROLLED;  // as every ICE-lite agent (RFC 8445, 6.1.1)
  // Floating: the bins that webrtcbin puts them into own them.
  transport->src = parley::media::new_ice_source();
  transport->sink = parley::media::new_ice_sink(state.out);
  g_weak_ref_set(&state.transport, transport);
  return transport;
}

gboolean stream_gather(GstWebRTCICEStream* /*stream*/) { return TRUE; }

void stream_finalize(GObject* object) {
  delete reinterpret_cast<ParleyIceStream*>(object)->state;
  G_OBJECT_CLASS(parley_ice_stream_parent_class)->finalize(object);
}

}  // namespace

static void parley_ice_stream_class_init(ParleyIceStreamClass* klass) {
  klass->parent_class.find_transport = stream_find_transport;
  klass->parent_class.gather_candidates = stream_gather;
  G_OBJECT_CLASS(klass)->finalize = stream_finalize;
}
static void parley_ice_stream_init(ParleyIceStream* self) {
  self->state = new std::shared_ptr<IceState>;
}

// ---- agent ----------------------------------------------------------------------------------

namespace {

GstWebRTCICEStream* agent_add_stream(GstWebRTCICE* ice, guint session_id) {
  ParleyIceAgent* self = agent_of(ice);
  if (self->stream == nullptr) {
    self->stream = static_cast<ParleyIceStream*>(
        g_object_new(parley_ice_stream_get_type(), "stream-id", session_id, nullptr));
    gst_object_ref_sink(self->stream);
    *self->stream->state = *self->state;
  }
  return reinterpret_cast<GstWebRTCICEStream*>(self->stream);
}

GstWebRTCICETransport* agent_find_transport(GstWebRTCICE* /*ice*/, GstWebRTCICEStream* stream,
                                            GstWebRTCICEComponent component) {
  return gst_webrtc_ice_stream_find_transport(stream, component);
}

gboolean agent_gather(GstWebRTCICE* ice, GstWebRTCICEStream* /*stream*/) {
  if (const auto transport = parley::media::transport_of(ice))
    gst_webrtc_ice_transport_gathering_state_change(transport.get(),
                                                    GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE);
  return TRUE;
}

void agent_set_on_candidate(GstWebRTCICE* ice, GstWebRTCICEOnCandidateFunc function, gpointer data,
                            GDestroyNotify notify) {
  ParleyIceAgent* self = agent_of(ice);
  if (self->on_candidate_notify != nullptr) self->on_candidate_notify(self->on_candidate_data);
  self->on_candidate = function;
  self->on_candidate_data = data;
  self->on_candidate_notify = notify;
}

void agent_finalize(GObject* object) {
  auto* self = reinterpret_cast<ParleyIceAgent*>(object);
  if (self->on_candidate_notify != nullptr) self->on_candidate_notify(self->on_candidate_data);
  if (self->stream != nullptr) gst_object_unref(self->stream);
  delete self->state;
  G_OBJECT_CLASS(parley_ice_agent_parent_class)->finalize(object);
}

// What a lite agent has no use for. webrtcbin calls them all the same.
void use_nothing_optional(GstWebRTCICEClass& c) {
  c.add_candidate = [](GstWebRTCICE*, GstWebRTCICEStream*, const gchar*) {};
  c.set_local_credentials = [](GstWebRTCICE*, GstWebRTCICEStream*, const gchar*,
                               const gchar*) -> gboolean { return TRUE; };
  c.set_remote_credentials = c.set_local_credentials;
  c.add_turn_server = [](GstWebRTCICE*, const gchar*) -> gboolean { return FALSE; };
  c.set_force_relay = [](GstWebRTCICE*, gboolean) {};
  c.set_stun_server = [](GstWebRTCICE*, const gchar*) {};
  c.get_stun_server = [](GstWebRTCICE*) -> gchar* { return nullptr; };
  c.set_turn_server = c.set_stun_server;
  c.get_turn_server = c.get_stun_server;
  c.set_http_proxy = c.set_stun_server;
  c.get_http_proxy = c.get_stun_server;
  c.set_tos = [](GstWebRTCICE*, GstWebRTCICEStream*, guint) {};
  c.get_local_candidates = [](GstWebRTCICE*, GstWebRTCICEStream*) {
    return g_new0(GstWebRTCICECandidateStats*, 1);  // an empty, terminated list
  };
  c.get_remote_candidates = c.get_local_candidates;
  c.get_selected_pair = [](GstWebRTCICE*, GstWebRTCICEStream*, GstWebRTCICECandidateStats**,
                           GstWebRTCICECandidateStats**) -> gboolean { return FALSE; };
}

}  // namespace

static void parley_ice_agent_class_init(ParleyIceAgentClass* klass) {
  GstWebRTCICEClass& c = klass->parent_class;
  use_nothing_optional(c);
  c.add_stream = agent_add_stream;
  c.find_transport = agent_find_transport;
  c.gather_candidates = agent_gather;
  c.set_on_ice_candidate = agent_set_on_candidate;
  c.set_is_controller = [](GstWebRTCICE* ice, gboolean on) { agent_of(ice)->controlling = on; };
  c.get_is_controller = [](GstWebRTCICE* ice) { return agent_of(ice)->controlling; };
  G_OBJECT_CLASS(klass)->finalize = agent_finalize;
}
static void parley_ice_agent_init(ParleyIceAgent* self) {
  self->state = new std::shared_ptr<IceState>;
}

namespace parley::media {

wrap::Ref<GstWebRTCICE> new_ice_agent(DtlsOut out) {
  auto* agent = static_cast<ParleyIceAgent*>(g_object_new(parley_ice_agent_get_type(), nullptr));
  *agent->state = std::make_shared<IceState>(std::move(out));
  return wrap::Ref<GstWebRTCICE>::sink(reinterpret_cast<GstWebRTCICE*>(agent));
}

wrap::Ref<GstWebRTCICETransport> transport_of(GstWebRTCICE* agent) {
  IceState& state = **agent_of(agent)->state;
  return wrap::Ref<GstWebRTCICETransport>::adopt(
      static_cast<GstWebRTCICETransport*>(g_weak_ref_get(&state.transport)));
}

}  // namespace parley::media
