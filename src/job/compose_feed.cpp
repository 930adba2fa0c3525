#include "job/compose_feed.h"

#include <gst/app/gstappsrc.h>

#include <utility>

namespace parley::job {
namespace {

// More than a mixer's latency of anything: two seconds of 20 ms of sound or of 30 pictures a
// second.
constexpr guint64 kMostWaiting = 100;

GstPadProbeReturn drop(GstPad* /*pad*/, GstPadProbeInfo* /*info*/, gpointer /*data*/) noexcept {
  return GST_PAD_PROBE_DROP;
}

// Pads are linked within one bin only.
GstBin* bin_of(GstElement* mixer) { return GST_BIN(GST_OBJECT_PARENT(mixer)); }

}  // namespace

base::Result<std::unique_ptr<ComposeFeed>> ComposeFeed::make(GstElement* mixer) {
  const auto nothing = [](const char* why) { return base::fail(base::Code::kUnavailable, why); };
  const auto source = wrap::Ref<GstElement>::sink(gst_element_factory_make("appsrc", nullptr));
  if (!source) return nothing("GStreamer's plugin 'app' is not installed");
  g_object_set(source.get(), "is-live", TRUE, "format", GST_FORMAT_TIME, "max-buffers",
               kMostWaiting, "max-bytes", guint64{0}, "leaky-type", GST_APP_LEAKY_TYPE_DOWNSTREAM,
               nullptr);
  const auto pad = wrap::Ref<GstPad>::adopt(gst_element_request_pad_simple(mixer, "sink_%u"));
  if (!pad) return nothing("the mixer takes no more inputs");
  gst_bin_add(bin_of(mixer), source.get());
  std::unique_ptr<ComposeFeed> feed(new ComposeFeed(mixer, source.get(), pad.get()));
  const auto out = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(source.get(), "src"));
  if (gst_pad_link(out.get(), pad.get()) != GST_PAD_LINK_OK)
    return nothing("the mixer does not take an input");
  if (gst_element_sync_state_with_parent(source.get()) == FALSE)
    return nothing("an input of the mixer does not start");
  return feed;
}

ComposeFeed::ComposeFeed(GstElement* mixer, GstElement* source, GstPad* pad)
    : mixer_(wrap::Ref<GstElement>::retain(mixer)),
      source_(wrap::Ref<GstElement>::retain(source)),
      pad_(wrap::Ref<GstPad>::retain(pad)) {}

ComposeFeed::~ComposeFeed() {
  // Nothing more reaches the pad, so that taking it away is no error of the source's. A push that
  // waits in it returns when the pad goes: GstAggregator makes a pad that is released flush. So the
  // source is in NULL at once; it waits for no decoder, which is in a pipeline of its own.
  const auto out = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(source_.get(), "src"));
  gst_pad_add_probe(out.get(), GST_PAD_PROBE_TYPE_DATA_DOWNSTREAM, drop, nullptr, nullptr);
  gst_element_release_request_pad(mixer_.get(), pad_.get());
  gst_element_set_locked_state(source_.get(), TRUE);
  gst_element_set_state(source_.get(), GST_STATE_NULL);
  gst_bin_remove(bin_of(mixer_.get()), source_.get());
}

bool ComposeFeed::push(GstSample* sample, GstClockTime later) {
  const GstClockTime time = running_time_of(sample);
  if (!GST_CLOCK_TIME_IS_VALID(time)) return true;
  // The memory is shared, the time stamp our own.
  const auto buffer = wrap::Ref<GstBuffer>::adopt(gst_buffer_copy(gst_sample_get_buffer(sample)));
  GST_BUFFER_PTS(buffer.get()) = time + later;
  GST_BUFFER_DTS(buffer.get()) = GST_CLOCK_TIME_NONE;
  const auto timed = wrap::Ref<GstSample>::adopt(
      gst_sample_new(buffer.get(), gst_sample_get_caps(sample), nullptr, nullptr));
  return gst_app_src_push_sample(GST_APP_SRC(source_.get()), timed.get()) == GST_FLOW_OK;
}

}  // namespace parley::job
