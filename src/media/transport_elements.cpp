#include "media/transport_elements.h"

#include <utility>

// GObject boilerplate: type structs and functions have C names, and state lives in one C++ object.
struct ParleyIceSource {
  GstElement parent;
  GstPad* pad;     // owned by the element
  bool announced;  // stream-start and segment have gone; pushing thread only
};
struct ParleyIceSourceClass {
  GstElementClass parent_class;
};
struct ParleyIceSink {
  GstElement parent;
  parley::media::DtlsOut* out;  // owned; made in init, deleted in finalize
};
struct ParleyIceSinkClass {
  GstElementClass parent_class;
};

G_DEFINE_TYPE(ParleyIceSource, parley_ice_source, GST_TYPE_ELEMENT)
G_DEFINE_TYPE(ParleyIceSink, parley_ice_sink, GST_TYPE_ELEMENT)

namespace {

GstStaticPadTemplate source_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

bool is_dtls(std::span<const std::uint8_t> datagram) {  // RFC 7983, section 7
  return !datagram.empty() && datagram.front() >= 20 && datagram.front() <= 63;
}

GstFlowReturn sink_chain(GstPad* /*pad*/, GstObject* parent, GstBuffer* data) {
  const auto buffer = parley::wrap::Ref<GstBuffer>::adopt(data);
  const auto map = parley::wrap::ReadMap::map(buffer.get());
  if (map && is_dtls(map->bytes())) {
    auto* self = reinterpret_cast<ParleyIceSink*>(parent);
    (*self->out)({map->bytes().begin(), map->bytes().end()});
  }
  return GST_FLOW_OK;
}

gboolean sink_event(GstPad* /*pad*/, GstObject* /*parent*/, GstEvent* event) {
  gst_event_unref(event);
  return TRUE;
}

void sink_finalize(GObject* object) {
  delete reinterpret_cast<ParleyIceSink*>(object)->out;
  G_OBJECT_CLASS(parley_ice_sink_parent_class)->finalize(object);
}

}  // namespace

static void parley_ice_source_class_init(ParleyIceSourceClass* klass) {
  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &source_template);
  gst_element_class_set_static_metadata(element, "DTLS datagrams from a peer", "Source/Network",
                                        "Pushes the DTLS datagrams the I/O thread received",
                                        "Parley");
}

static void parley_ice_source_init(ParleyIceSource* self) {
  self->pad = gst_pad_new_from_static_template(&source_template, "src");
  gst_element_add_pad(GST_ELEMENT(self), self->pad);
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}

static void parley_ice_sink_class_init(ParleyIceSinkClass* klass) {
  auto* element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_set_static_metadata(element, "DTLS datagrams to a peer", "Sink/Network",
                                        "Hands DTLS datagrams to the I/O thread, drops the rest",
                                        "Parley");
  G_OBJECT_CLASS(klass)->finalize = sink_finalize;
}

static void parley_ice_sink_init(ParleyIceSink* self) {
  self->out = new parley::media::DtlsOut;
  GstPad* pad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(pad, sink_chain);
  gst_pad_set_event_function(pad, sink_event);
  gst_element_add_pad(GST_ELEMENT(self), pad);
  GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
}

namespace parley::media {

GstElement* new_ice_source() {
  return GST_ELEMENT(g_object_new(parley_ice_source_get_type(), nullptr));
}

GstElement* new_ice_sink(DtlsOut out) {
  auto* sink = static_cast<ParleyIceSink*>(g_object_new(parley_ice_sink_get_type(), nullptr));
  *sink->out = std::move(out);
  return GST_ELEMENT(sink);
}

void push_datagram(GstElement* source, std::span<const std::uint8_t> datagram) {
  auto* self = reinterpret_cast<ParleyIceSource*>(source);
  if (!std::exchange(self->announced, true)) {
    gst_pad_push_event(self->pad, gst_event_new_stream_start("dtls"));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(self->pad, gst_event_new_segment(&segment));
  }
  GstBuffer* buffer = gst_buffer_new_memdup(datagram.data(), datagram.size());
  const GstClockTime now = gst_element_get_current_running_time(source);
  GST_BUFFER_PTS(buffer) = now;
  GST_BUFFER_DTS(buffer) = now;
  // Not linked, flushing or an error downstream: DTLS sends again, or its failure is reported on
  // the bus.
  gst_pad_push(self->pad, buffer);
}

}  // namespace parley::media
