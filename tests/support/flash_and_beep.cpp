#include "support/flash_and_beep.h"

#include <fmt/format.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <numbers>

#include "rtp/packet.h"
#include "wrap/gst.h"
#include "wrap/owned.h"

namespace parley::test {

namespace {

constexpr int kWidth = 160;
constexpr int kHeight = 120;
constexpr std::int64_t kFrameUs = 40'000;
constexpr std::int64_t kBlockUs = 10'000;
constexpr int kRate = 48'000;
constexpr std::int64_t kClapUs = 200'000;
constexpr double kToneHz = 1'000;

bool claps(std::int64_t us) { return us >= 1'000'000 && us % 1'000'000 < kClapUs; }

std::vector<std::uint8_t> picture(std::int64_t us) {
  std::vector<std::uint8_t> i420(kWidth * kHeight * 3 / 2, 128);
  std::fill_n(i420.begin(), kWidth * kHeight, claps(us) ? 235 : 16);
  return i420;
}

std::vector<std::uint8_t> sound(std::int64_t us) {
  std::vector<std::uint8_t> s16;
  for (std::int64_t i = 0; i < kRate * kBlockUs / 1'000'000; ++i) {
    const std::int64_t at = us * kRate / 1'000'000 + i;
    const double tone = std::sin(2 * std::numbers::pi * kToneHz * static_cast<double>(at) / kRate);
    const auto value = static_cast<std::int16_t>(claps(at * 1'000'000 / kRate) ? 16'000 * tone : 0);
    s16.push_back(static_cast<std::uint8_t>(value & 0xff));
    s16.push_back(static_cast<std::uint8_t>(value >> 8));
  }
  return s16;
}

void feed(GstAppSrc* in, base::Kind kind, base::Duration length) {
  const std::int64_t step = kind == base::Kind::kVideo ? kFrameUs : kBlockUs;
  for (std::int64_t us = 0; us < length.count(); us += step) {
    const auto bytes = kind == base::Kind::kVideo ? picture(us) : sound(us);
    GstBuffer* buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(us) * GST_USECOND;
    GST_BUFFER_DURATION(buffer) = static_cast<GstClockTime>(step) * GST_USECOND;
    gst_app_src_push_buffer(in, buffer);
  }
  gst_app_src_end_of_stream(in);
}

std::vector<Payload> make(base::Kind kind, base::Duration length) {
  const bool video = kind == base::Kind::kVideo;
  const std::string text =
      video
          ? fmt::format(
                "appsrc name=in format=time caps=video/x-raw,format=I420,width={},height={},"
                "framerate=25/1 ! vp8enc deadline=1 keyframe-max-dist=10 ! rtpvp8pay "
                "picture-id-mode=15-bit timestamp-offset=0 mtu=1200 ! appsink name=out sync=false",
                kWidth, kHeight)
          : "appsrc name=in format=time caps=audio/x-raw,format=S16LE,rate=48000,channels=1,"
            "layout=interleaved ! opusenc frame-size=10 ! rtpopuspay timestamp-offset=0 ! "
            "appsink name=out sync=false";
  auto pipeline = wrap::Ref<GstElement>::sink(gst_parse_launch(text.c_str(), nullptr));
  const auto in = wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "in"));
  const auto out =
      wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  if (!in || !out) std::abort();
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  feed(GST_APP_SRC(in.get()), kind, length);
  std::vector<Payload> all;
  while (GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(out.get()))) {
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    const auto map = wrap::ReadMap::map(buffer);
    const auto packet = rtp::Packet::parse(map->bytes());
    Payload payload{kind,
                    base::Duration(GST_BUFFER_PTS(buffer) / GST_USECOND),
                    packet->timestamp(),
                    packet->marker(),
                    {}};
    payload.bytes.assign(packet->payload().begin(), packet->payload().end());
    all.push_back(std::move(payload));
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return all;
}

}  // namespace

std::vector<Payload> flash_and_beep(base::Duration length) {
  const auto video = make(base::Kind::kVideo, length);
  const auto audio = make(base::Kind::kAudio, length);
  std::vector<Payload> all;
  std::merge(video.begin(), video.end(), audio.begin(), audio.end(), std::back_inserter(all),
             [](const Payload& a, const Payload& b) { return a.captured < b.captured; });
  return all;
}

}  // namespace parley::test
