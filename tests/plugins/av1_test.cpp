// AV1 into RTP and out of it again, by parleyav1pay and parleyav1depay.
#include <glib.h>
#include <gst/gst.h>

#include <cstdint>
#include <string>
#include <vector>

#include "wrap/gst.h"

#include <gst/check/gstharness.h>

#include "support/check_main.h"

namespace {

using parley::wrap::Ref;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kPictures = 12;
constexpr std::size_t kKeyFrameEvery = 6;
const std::string kCamera =
    "videotestsrc num-buffers=12 pattern=ball ! video/x-raw,format=I420,width=64,height=48,"
    "framerate=24/1 ! av1enc usage-profile=realtime cpu-used=10 keyframe-max-dist=6 ! av1parse";
const char* const kRtpCaps =
    "application/x-rtp, media=video, encoding-name=AV1, clock-rate=90000, payload=96";

struct Packet {
  Bytes bytes;
  GstClockTime pts = 0;
  std::size_t picture = 0;
  bool marker = false;
};

Bytes bytes_of(GstBuffer* buffer) {
  const auto map = parley::wrap::ReadMap::map(buffer);
  return {map->bytes().begin(), map->bytes().end()};
}

// Small enough for several packets a picture.
const std::vector<Packet>& packets() {
  static const std::vector<Packet> all = [] {
    GstHarness* h = gst_harness_new_parse((kCamera + " ! parleyav1pay mtu=100").c_str());
    gst_harness_play(h);
    std::vector<Packet> made;
    for (std::size_t picture = 0; picture < kPictures;) {
      const auto buffer = Ref<GstBuffer>::adopt(gst_harness_pull(h));
      ck_assert(buffer);
      made.push_back({bytes_of(buffer.get()), GST_BUFFER_PTS(buffer.get()), picture, false});
      ck_assert_uint_le(made.back().bytes.size(), 100);
      made.back().marker = (made.back().bytes[1] & 0x80U) != 0;
      if (made.back().marker) ++picture;
    }
    gst_harness_teardown(h);
    return made;
  }();
  return all;
}

struct Depay {
  GstHarness* h = gst_harness_new("parleyav1depay");

  Depay() { gst_harness_set_src_caps_str(h, kRtpCaps); }
  ~Depay() { gst_harness_teardown(h); }
  Depay(const Depay&) = delete;
  Depay& operator=(const Depay&) = delete;

  void push(const Packet& packet, bool discont = false) const {
    GstBuffer* buffer = gst_buffer_new_memdup(packet.bytes.data(), packet.bytes.size());
    GST_BUFFER_PTS(buffer) = packet.pts;
    if (discont) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    ck_assert_int_eq(gst_harness_push(h, buffer), GST_FLOW_OK);
  }
  void push_all(std::size_t from_picture = 0) const {
    for (const Packet& packet : packets())
      if (packet.picture >= from_picture) push(packet);
  }
  int key_frames_asked() const {
    int asked = 0;
    while (GstEvent* event = gst_harness_try_pull_upstream_event(h)) {
      if (gst_event_has_name(event, "GstForceKeyUnit") != FALSE) ++asked;
      gst_event_unref(event);
    }
    return asked;
  }
  [[nodiscard]] int gaps() const {
    int told = 0;
    while (GstEvent* event = gst_harness_try_pull_event(h)) {
      if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) ++told;
      gst_event_unref(event);
    }
    return told;
  }
  [[nodiscard]] std::vector<Ref<GstBuffer>> units() const {
    std::vector<Ref<GstBuffer>> all;
    while (GstBuffer* buffer = gst_harness_try_pull(h))
      all.push_back(Ref<GstBuffer>::adopt(buffer));
    return all;
  }
};

// The first packet of that picture.
std::size_t first_of(std::size_t picture) {
  std::size_t n = 0;
  while (packets().at(n).picture != picture) ++n;
  return n;
}

bool is_key(const Ref<GstBuffer>& unit) {
  return !GST_BUFFER_FLAG_IS_SET(unit.get(), GST_BUFFER_FLAG_DELTA_UNIT);
}

}  // namespace

START_TEST(pictures_come_out_as_they_went_in) {
  GstHarness* h = gst_harness_new_parse(kCamera.c_str());
  gst_harness_play(h);
  const Depay t;
  t.push_all();
  const auto units = t.units();
  ck_assert_uint_eq(units.size(), kPictures);
  for (std::size_t n = 0; n < kPictures; ++n) {
    const auto sent = Ref<GstBuffer>::adopt(gst_harness_pull(h));
    ck_assert(bytes_of(units[n].get()) == bytes_of(sent.get()));
    ck_assert_uint_eq(GST_BUFFER_PTS(units[n].get()), packets().at(first_of(n)).pts);
    ck_assert_int_eq(is_key(units[n]), n % kKeyFrameEvery == 0);
  }
  ck_assert_int_eq(t.gaps(), 0);
  const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(t.h->sinkpad));
  const auto right = Ref<GstCaps>::adopt(
      gst_caps_from_string("video/x-av1, stream-format=obu-stream, alignment=tu"));
  ck_assert(gst_caps_is_subset(caps.get(), right.get()));
  gst_harness_teardown(h);
}
END_TEST

START_TEST(after_a_loss_a_key_frame_is_asked_for_and_awaited) {
  for (const bool told : {true, false}) {
    const Depay t;
    const std::size_t missing = first_of(2);
    for (std::size_t n = 0; n < missing; ++n) t.push(packets()[n]);
    ck_assert_uint_eq(t.units().size(), 2);
    t.key_frames_asked();  // in the beginning
    if (told) {
      GstStructure* lost = gst_structure_new("GstRTPPacketLost", "seqnum", G_TYPE_UINT, 1U,
                                             "timestamp", G_TYPE_UINT64, packets()[missing].pts,
                                             "duration", G_TYPE_UINT64, GST_MSECOND, nullptr);
      ck_assert(
          gst_harness_push_event(t.h, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, lost)));
      ck_assert_int_eq(t.gaps(), 1);
    }
    t.push(packets().at(missing + 1), true);
    ck_assert_int_eq(t.key_frames_asked(), 1);
    ck_assert_int_eq(t.gaps(), told ? 0 : 1);
    for (std::size_t n = missing + 2; n < packets().size(); ++n) t.push(packets()[n]);
    ck_assert_int_eq(t.gaps(), 0);  // it has been told of
    const auto after = t.units();
    ck_assert_uint_eq(after.size(), kPictures - kKeyFrameEvery);
    ck_assert(is_key(after.front()));
  }
}
END_TEST

START_TEST(who_comes_in_the_middle_gets_a_key_frame_first) {
  const Depay t;
  t.push_all(3);
  ck_assert_int_ge(t.key_frames_asked(), 1);
  const auto units = t.units();
  ck_assert_uint_eq(units.size(), kPictures - kKeyFrameEvery);
  ck_assert(is_key(units.front()));
}
END_TEST

// Whatever a participant sends: no crash, no error, and the next key frame is taken.
START_TEST(what_is_no_av1_is_a_gap) {
  const std::vector<Bytes> hostile = {
      {},           {0x00},       {0x90, 0x30, 1},       {0x50, 0x30, 1},
      {0x00, 9, 1}, {0x00, 0x80}, {0x20, 1, 0x30},       {0x00, 0},
      {0xff, 0xff}, {0x10, 0xb0}, {0x08, 0xff, 0xff, 1}, {0x00, 0xff, 0xff, 0xff, 0xff, 0x7f}};
  for (const Bytes& payload : hostile) {
    const Depay t;
    const std::size_t at = first_of(1);
    for (std::size_t n = 0; n < at; ++n) t.push(packets()[n]);
    t.key_frames_asked();
    Packet bad = packets().at(at);
    bad.bytes.resize(12);
    bad.bytes[1] |= 0x80U;
    bad.bytes.insert(bad.bytes.end(), payload.begin(), payload.end());
    t.push(bad);
    if (!payload.empty()) {
      ck_assert_int_eq(t.gaps(), 1);
      ck_assert_int_ge(t.key_frames_asked(), 1);
    }
    t.push_all(kKeyFrameEvery);
    ck_assert_uint_eq(t.units().size(), 1 + kPictures - kKeyFrameEvery);
  }
  // No AV1 is sent on either.
  GstHarness* h = gst_harness_new("parleyav1pay");
  gst_harness_set_src_caps_str(h, "video/x-av1, stream-format=obu-stream, alignment=tu");
  for (const Bytes& bad :
       {Bytes{0x12}, Bytes{0x30, 1}, Bytes{0x32, 9, 1}, Bytes{0x36}, Bytes{0xb2, 0}})
    ck_assert_int_eq(gst_harness_push(h, gst_buffer_new_memdup(bad.data(), bad.size())),
                     GST_FLOW_ERROR);
  gst_harness_teardown(h);
}
END_TEST

// As mixes and composed recordings take it.
START_TEST(decodebin_shows_it) {
  const auto pipeline = Ref<GstElement>::sink(gst_parse_launch(
      (kCamera + " ! parleyav1pay ! decodebin ! videoconvert ! video/x-raw,format=RGB ! appsink "
                 "name=out sync=false")
          .c_str(),
      nullptr));
  const auto out = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::size_t pictures = 0;
  GstSample* sample = nullptr;
  for (g_signal_emit_by_name(out.get(), "pull-sample", &sample); sample != nullptr;
       g_signal_emit_by_name(out.get(), "pull-sample", &sample)) {
    ck_assert_uint_eq(gst_buffer_get_size(gst_sample_get_buffer(sample)), 64 * 48 * 3);
    gst_sample_unref(sample);
    ++pictures;
  }
  ck_assert_uint_eq(pictures, kPictures);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}
END_TEST

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const int status =
      parley::test::run("av1 in rtp", {pictures_come_out_as_they_went_in,
                                       after_a_loss_a_key_frame_is_asked_for_and_awaited,
                                       who_comes_in_the_middle_gets_a_key_frame_first,
                                       what_is_no_av1_is_a_gap, decodebin_shows_it});
  gst_deinit();  // where the leaks tracer speaks
  return status;
}
