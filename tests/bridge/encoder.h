// In place of a composer: a picture and a sound, encoded as it encodes them.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <functional>
#include <string_view>
#include <utility>

#include "base/source.h"
#include "job/gst_pipeline.h"

namespace parley::test {

class Encoder {
 public:
  using OnSample = std::function<void(base::Kind, GstSample*)>;  // on a streaming thread
  explicit Encoder(OnSample on_sample) : on_sample_(std::move(on_sample)) {
    pipeline_ = gst_parse_launch(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1 "
        "! x264enc name=encoder tune=zerolatency speed-preset=ultrafast bframes=0 key-int-max=250 "
        "bitrate=300 ! video/x-h264,profile=main,stream-format=avc,alignment=au ! appsink "
        "name=video sync=false emit-signals=true audiotestsrc is-live=true samplesperbuffer=960 ! "
        "audio/x-raw,rate=48000,channels=2,format=S16LE ! audioconvert ! avenc_aac ! "
        "audio/mpeg,mpegversion=4,stream-format=raw ! appsink name=audio sync=false "
        "emit-signals=true",
        nullptr);
    for (const char* name : {"video", "audio"}) {
      GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline_), name);
      g_signal_connect(sink, "new-sample", G_CALLBACK(on_new_sample), this);
      gst_object_unref(sink);
    }
    GstClock* clock = gst_system_clock_obtain();
    gst_pipeline_use_clock(GST_PIPELINE(pipeline_), clock);
    gst_object_unref(clock);
    base_time_ = job::monotonic_now();
    gst_element_set_start_time(pipeline_, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(pipeline_, base_time_);
  }
  ~Encoder() {
    gst_element_set_state(pipeline_, GST_STATE_NULL);
    gst_object_unref(pipeline_);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  void start() const { gst_element_set_state(pipeline_, GST_STATE_PLAYING); }
  void request_key_frame() const {
    GstElement* encoder = gst_bin_get_by_name(GST_BIN(pipeline_), "encoder");
    GstPad* pad = gst_element_get_static_pad(encoder, "src");
    gst_pad_send_event(pad, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                                 gst_structure_new_empty("GstForceKeyUnit")));
    gst_object_unref(pad);
    gst_object_unref(encoder);
  }
  [[nodiscard]] GstClockTime base_time() const { return base_time_; }
  [[nodiscard]] std::uint64_t made() const { return made_; }

 private:
  static GstFlowReturn on_new_sample(GstElement* sink, gpointer data) {
    auto* self = static_cast<Encoder*>(data);
    GstSample* sample = nullptr;
    g_signal_emit_by_name(sink, "pull-sample", &sample);
    if (sample == nullptr) return GST_FLOW_EOS;
    ++self->made_;
    const bool video = std::string_view(GST_ELEMENT_NAME(sink)) == "video";
    GstSample* timed = on_base_time(sample);
    self->on_sample_(video ? base::Kind::kVideo : base::Kind::kAudio, timed);
    gst_sample_unref(timed);
    gst_sample_unref(sample);
    return GST_FLOW_OK;
  }
  // x264enc begins at 1000 h, and says so in its segment.
  static GstSample* on_base_time(GstSample* sample) {
    const GstSegment* segment = gst_sample_get_segment(sample);
    GstBuffer* buffer = gst_buffer_copy(gst_sample_get_buffer(sample));
    GST_BUFFER_PTS(buffer) =
        gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
    if (GST_BUFFER_DTS_IS_VALID(buffer))
      GST_BUFFER_DTS(buffer) =
          gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_BUFFER_DTS(buffer));
    GstSample* timed = gst_sample_new(buffer, gst_sample_get_caps(sample), nullptr, nullptr);
    gst_buffer_unref(buffer);
    return timed;
  }
  OnSample on_sample_;
  GstElement* pipeline_ = nullptr;
  GstClockTime base_time_ = 0;
  std::atomic<std::uint64_t> made_{0};
};

}  // namespace parley::test
