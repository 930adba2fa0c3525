#include "job/mix_encoder.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include <mutex>
#include <utility>

#include "job/mix_track.h"

namespace parley::job {
namespace {

constexpr GstClockTime kFrameTime = 20 * GST_MSECOND;
// Opus looks 6.5 ms ahead (RFC 6716, 2.1.4 and libopus), and its element's time stamps are earlier
// by that: between 0 and 20 ms, so that a packet's own frame can be told.
constexpr GstClockTime kLookAhead = 10 * GST_MSECOND;

}  // namespace

struct MixEncoder::Outlet {
  std::mutex mutex;
  OnPacket on_packet;  // guarded by mutex; null when the encoder is gone

  static GstFlowReturn on_new_sample(GstAppSink* sink, gpointer data) noexcept {
    const auto sample = wrap::Ref<GstSample>::adopt(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_OK;  // at its end
    const GstClockTime time = running_time_of(sample.get());
    if (!GST_CLOCK_TIME_IS_VALID(time)) return GST_FLOW_OK;
    Outlet& self = **static_cast<std::shared_ptr<Outlet>*>(data);
    const std::scoped_lock lock(self.mutex);
    if (self.on_packet)
      self.on_packet(static_cast<std::int64_t>((time + kLookAhead) / kFrameTime), sample.get());
    return GST_FLOW_OK;
  }
  static void release(gpointer data) noexcept {
    const std::unique_ptr<std::shared_ptr<Outlet>> owned(
        static_cast<std::shared_ptr<Outlet>*>(data));
  }
};

base::Result<std::unique_ptr<MixEncoder>> MixEncoder::start(const pipeline::Folders& folders,
                                                            std::uint32_t kbps,
                                                            GstClockTime base_time,
                                                            OnPacket on_packet) {
  auto description = folders.load("mix-encode");
  if (!description) return tl::unexpected(description.error());
  auto instance = description->make();
  if (!instance) return tl::unexpected(instance.error());
  if (auto set = instance->set_if_there("audio_bps", std::to_string(std::uint64_t{kbps} * 1000));
      !set)
    return tl::unexpected(set.error());
  if (instance->hook("in") == nullptr || instance->hook("out") == nullptr)
    return base::fail(base::Code::kInvalid,
                      description->path() + ":1: it needs the hooks 'in' and 'out'");
  std::unique_ptr<MixEncoder> encoder(new MixEncoder(std::move(*instance), std::move(on_packet)));
  encoder->run_.start(base_time);
  return encoder;
}

MixEncoder::MixEncoder(pipeline::Instance instance, OnPacket on_packet)
    : instance_(std::move(instance)),
      outlet_(std::make_shared<Outlet>()),
      in_(wrap::Ref<GstElement>::retain(instance_.hook("in"))),
      run_("mix-encode", {.failed = [this](const std::string& /*why*/) { failed_ = true; },
                          .ended = [this] { failed_ = true; }}) {
  outlet_->on_packet = std::move(on_packet);
  GstAppSinkCallbacks callbacks{};
  callbacks.new_sample = Outlet::on_new_sample;
  gst_app_sink_set_callbacks(GST_APP_SINK(instance_.hook("out")), &callbacks,
                             std::make_unique<std::shared_ptr<Outlet>>(outlet_).release(),
                             Outlet::release);
  run_.add(instance_);
}

MixEncoder::~MixEncoder() {
  const std::scoped_lock lock(outlet_->mutex);
  outlet_->on_packet = nullptr;
}

void MixEncoder::push(std::int64_t index, std::span<const float> samples) {
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, samples.size_bytes(), nullptr);
  gst_buffer_fill(buffer, 0, samples.data(), samples.size_bytes());
  GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(index) * kFrameTime;
  GST_BUFFER_DURATION(buffer) = kFrameTime;
  if (index != last_ + 1) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  last_ = index;
  gst_app_src_push_buffer(GST_APP_SRC(in_.get()), buffer);
}

}  // namespace parley::job
