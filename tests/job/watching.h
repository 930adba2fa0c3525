// The newest picture and sound of an encoded or raw stream, for tests to look at and listen to.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <numbers>
#include <string>
#include <vector>

namespace parley::test {

// Runs the default main context until `condition`; false: not within 30 s, which is for hangs.
inline bool until(const std::function<bool()>& condition) {
  const gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
  const guint waker = g_timeout_add(
      5, +[](gpointer) -> gboolean { return TRUE; }, nullptr);
  while (!condition() && g_get_monotonic_time() < end) g_main_context_iteration(nullptr, TRUE);
  g_source_remove(waker);
  return condition();
}

// Thread-safe.
class Eyes {
 public:
  void see(GstSample* sample) {
    const GstStructure* caps = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
    const std::scoped_lock lock(mutex_);
    gst_structure_get_int(caps, "width", &width_);
    gst_structure_get_int(caps, "height", &height_);
    GstMapInfo map;
    gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
    rgb_.assign(map.data, map.data + map.size);
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
    ++frames_;
  }
  [[nodiscard]] int frames() const {
    const std::scoped_lock lock(mutex_);
    return frames_;
  }
  // Whether it is about 0xRRGGBB there.
  [[nodiscard]] bool is(std::uint32_t x, std::uint32_t y, std::uint32_t colour) const {
    const std::scoped_lock lock(mutex_);
    const std::size_t stride = (static_cast<std::size_t>(width_) * 3 + 3) / 4 * 4;
    const std::size_t at = y * stride + x * 3;
    if (at + 2 >= rgb_.size()) return false;
    const auto close = [&](std::size_t i, std::uint32_t wanted) {
      return std::abs(static_cast<int>(rgb_[at + i]) - static_cast<int>(wanted & 0xff)) < 45;
    };
    return close(0, colour >> 16) && close(1, colour >> 8) && close(2, colour);
  }
  // Whether something white is there.
  [[nodiscard]] bool white_in(std::uint32_t x, std::uint32_t y, std::uint32_t width,
                              std::uint32_t height) const {
    for (std::uint32_t i = 0; i < width * height; ++i)
      if (is(x + i % width, y + i / width, 0xffffff)) return true;
    return false;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::uint8_t> rgb_;
  int width_ = 0;
  int height_ = 0;
  int frames_ = 0;
};

// Thread-safe. S16LE, mono, 48 kHz.
class Ears {
 public:
  void hear(GstSample* sample) {
    GstMapInfo map;
    gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
    const auto* samples = reinterpret_cast<const std::int16_t*>(map.data);
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < map.size / 2; ++i) last_[heard_++ % kWindow] = samples[i];
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
  }
  // Of 1 at full scale, in the last 0.2 s. `hz` is a multiple of 5.
  [[nodiscard]] double amplitude(double hz) const {
    const std::scoped_lock lock(mutex_);
    double re = 0;
    double im = 0;
    for (std::size_t i = 0; i < kWindow; ++i) {
      const double phase = 2 * std::numbers::pi * hz * static_cast<double>(i) / 48'000;
      re += last_[i] * std::cos(phase);
      im += last_[i] * std::sin(phase);
    }
    return heard_ < kWindow ? -1 : 2 * std::hypot(re, im) / kWindow / 32'768;
  }

 private:
  static constexpr std::size_t kWindow = 9600;
  mutable std::mutex mutex_;
  std::vector<std::int16_t> last_ = std::vector<std::int16_t>(kWindow);
  std::size_t heard_ = 0;
};

// Decodes what is pushed, live.
class Decoder {
 public:
  // `launch`: between an appsrc and an appsink.
  Decoder(const std::string& launch, std::function<void(GstSample*)> on_sample)
      : on_sample_(std::move(on_sample)) {
    pipeline_ = gst_parse_launch(
        ("appsrc name=in format=time ! " + launch + " ! appsink name=out sync=false async=false")
            .c_str(),
        nullptr);
    in_ = gst_bin_get_by_name(GST_BIN(pipeline_), "in");
    GstElement* out = gst_bin_get_by_name(GST_BIN(pipeline_), "out");
    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = [](GstAppSink* sink, gpointer self) -> GstFlowReturn {
      if (GstSample* sample = gst_app_sink_pull_sample(sink)) {
        static_cast<Decoder*>(self)->on_sample_(sample);
        gst_sample_unref(sample);
      }
      return GST_FLOW_OK;
    };
    gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, this, nullptr);
    gst_object_unref(out);
    gst_element_set_state(pipeline_, GST_STATE_PLAYING);
  }
  ~Decoder() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(in_);
    gst_object_unref(pipeline_);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  void push(GstSample* sample) { gst_app_src_push_sample(GST_APP_SRC(in_), sample); }

 private:
  std::function<void(GstSample*)> on_sample_;
  GstElement* pipeline_ = nullptr;
  GstElement* in_ = nullptr;
};

}  // namespace parley::test
