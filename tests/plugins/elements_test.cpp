// parleysrc and parleysink against a media worker's side that the test plays.
#include <glib.h>
#include <gst/gst.h>
#include <sys/wait.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/tap_server.h"
#include "wrap/gst.h"
#include "wrap/owned.h"

#include <gst/check/gstharness.h>

#include "support/check_main.h"

namespace {

using parley::base::Duration;
using parley::base::Source;
using parley::base::TimePoint;
using parley::rtp::Codec;
using parley::test::rtp_packet;
using parley::test::TapServer;
using parley::wrap::Ref;
namespace tap = parley::tap;

constexpr std::uint32_t kSsrc = 0xabcdef01;
const tap::Format kVp8{Codec::kVp8, 96, 90'000, kSsrc};

TimePoint now() { return TimePoint(Duration(g_get_monotonic_time())); }

// ---- parleysrc ------------------------------------------------------------------------------

// One parleysrc in a harness, its tap accepted.
struct Tapped {
  TapServer server;
  GstHarness* h = nullptr;
  bool patient = false;  // as it said
  TimePoint base;        // of the harness's running time

  explicit Tapped(const char* more = "", Source source = Source::kCamera) {
    ck_assert(server.good());
    const std::string text =
        "parleysrc secret=\"open sesame\" call=c1 profile=alice socket=" + server.path() + " " +
        more;
    h = gst_harness_new_parse(text.c_str());
    gst_harness_use_systemclock(h);
    gst_harness_play(h);
    base = now() - Duration(1'000'000);
    gst_element_set_base_time(
        element(), static_cast<GstClockTime>(base.time_since_epoch().count()) * GST_USECOND);
    const auto wanted = server.accept<tap::Tap>();
    ck_assert(wanted);
    ck_assert_str_eq(wanted->group.c_str(), "c1");
    ck_assert_str_eq(wanted->owner.c_str(), "alice");
    ck_assert(wanted->source == source);
    patient = wanted->patient;
    ck_assert(server.send(tap::Accepted{}));
  }
  ~Tapped() { gst_harness_teardown(h); }
  Tapped(const Tapped&) = delete;
  Tapped& operator=(const Tapped&) = delete;

  [[nodiscard]] GstElement* element() const {
    // The harness puts what it parsed into a bin.
    return GST_IS_BIN(h->element) ? GST_ELEMENT(GST_BIN_CHILDREN(h->element)->data) : h->element;
  }
  // Captured `ms` after the base time.
  void clock(std::uint32_t timestamp, int ms, std::uint32_t ssrc = kSsrc) {
    ck_assert(server.send(tap::Clock{ssrc, timestamp, base + Duration(ms * 1000), true}));
  }
  void packet(std::uint16_t sequence, std::uint32_t timestamp, std::uint32_t ssrc = kSsrc,
              std::uint8_t payload_type = 96) {
    ck_assert(server.send_rtp(rtp_packet(payload_type, sequence, timestamp, ssrc), now()));
  }
  Ref<GstBuffer> pull() {
    auto buffer = Ref<GstBuffer>::adopt(gst_harness_pull(h));
    ck_assert(buffer);
    return buffer;
  }
  // The next event of that name or type that has come, those before it dropped.
  GstEvent* event(const std::function<bool(GstEvent*)>& is_it) {
    while (GstEvent* event = gst_harness_pull_event(h)) {
      if (is_it(event)) return event;
      gst_event_unref(event);
    }
    return nullptr;
  }
  std::uint64_t stat(const char* name) {
    GstStructure* stats = nullptr;
    g_object_get(element(), "stats", &stats, nullptr);
    guint64 value = 0;
    ck_assert(gst_structure_get_uint64(stats, name, &value));
    gst_structure_free(stats);
    return value;
  }
};

std::uint16_t sequence_of(const Ref<GstBuffer>& buffer) {
  return parley::rtp::load16(parley::wrap::ReadMap::map(buffer.get())->bytes().data() + 2);
}

// What the bus of a pipeline says next of that type.
GstMessage* await(GstElement* pipeline, GstMessageType type) {
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline));
  return gst_bus_timed_pop_filtered(bus.get(), parley::test::kPatienceMs * GST_MSECOND, type);
}

Ref<GstElement> launch(const std::string& text) {
  parley::wrap::Owned<GError> error;
  auto pipeline =
      Ref<GstElement>::sink(gst_parse_launch(text.c_str(), parley::wrap::OutParam(error)));
  ck_assert_msg(error == nullptr, "%s", error ? error->message : "");
  return pipeline;
}

// The error that the pipeline's bus tells next; checks its code.
std::string await_error(GstElement* pipeline, GstResourceError code) {
  GstMessage* message = await(pipeline, GST_MESSAGE_ERROR);
  ck_assert(message != nullptr);
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  ck_assert_msg(g_error_matches(error, GST_RESOURCE_ERROR, code), "%s", error->message);
  const std::string text = error->message;
  g_error_free(error);
  gst_message_unref(message);
  return text;
}

std::string src_text(const TapServer& server) {
  return "parleysrc secret=\"open sesame\" call=c1 profile=alice socket=" + server.path();
}

}  // namespace

START_TEST(caps_and_times_say_what_the_track_is_and_when_it_was_captured) {
  Tapped t("latency=50");
  ck_assert(t.server.send(kVp8));
  t.clock(9'000, 100);
  t.packet(10, 9'000);
  t.packet(11, 12'000);
  t.packet(11, 12'000);
  const auto first = t.pull();
  const auto second = t.pull();
  ck_assert_uint_eq(GST_BUFFER_PTS(first.get()), 100 * GST_MSECOND);
  ck_assert_uint_eq(GST_BUFFER_PTS(second.get()) / GST_USECOND, 133'333);
  ck_assert_uint_eq(sequence_of(second), 11);
  auto* meta = gst_buffer_get_reference_timestamp_meta(first.get(), nullptr);
  ck_assert(meta != nullptr);
  ck_assert(gst_structure_has_name(gst_caps_get_structure(meta->reference, 0), "timestamp/x-ntp"));

  const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(t.h->sinkpad));
  const auto right = Ref<GstCaps>::adopt(gst_caps_from_string(
      "application/x-rtp, media=video, encoding-name=VP8, clock-rate=90000, payload=96, "
      "ssrc=(uint)2882400001, profile=alice, source=camera"));
  ck_assert_msg(gst_caps_is_equal(caps.get(), right.get()), "%s", gst_caps_to_string(caps.get()));
  ck_assert_uint_eq(gst_harness_query_latency(t.h), 50 * GST_MSECOND);
  int caps_told = 0;
  while (GstEvent* event = gst_harness_try_pull_event(t.h)) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) ++caps_told;
    gst_event_unref(event);
  }
  ck_assert_int_eq(caps_told, 1);  // no guess before

  ck_assert(t.server.send(tap::Dropped{7}));
  ck_assert(t.server.send(tap::Muted{true}));
  t.packet(12, 15'000);
  t.pull();
  gboolean muted = FALSE;
  g_object_get(t.element(), "muted", &muted, nullptr);
  ck_assert(muted);
  ck_assert_uint_eq(t.stat("packets"), 4);
  ck_assert_uint_eq(t.stat("duplicates"), 1);
  ck_assert_uint_eq(t.stat("dropped"), 7);
}
END_TEST

START_TEST(a_hole_is_told_and_marked_and_order_restored) {
  Tapped t("latency=1000");  // far longer than it takes to send all of it
  ck_assert(t.server.send(kVp8));
  t.clock(0, 0);
  t.packet(65'535, 0);
  t.packet(1, 6'000);
  t.packet(0, 3'000);
  t.packet(4, 15'000);
  for (const std::uint16_t number : {65'535, 0, 1})
    ck_assert_uint_eq(sequence_of(t.pull()), number);
  const auto after = t.pull();
  ck_assert_uint_eq(sequence_of(after), 4);
  ck_assert(GST_BUFFER_FLAG_IS_SET(after.get(), GST_BUFFER_FLAG_DISCONT));
  for (const guint number : {2U, 3U}) {
    GstEvent* lost =
        t.event([](GstEvent* event) { return gst_event_has_name(event, "GstRTPPacketLost") != 0; });
    ck_assert(lost != nullptr);
    guint told = 0;
    guint64 at = 0;
    guint64 duration = 0;
    ck_assert(gst_structure_get(gst_event_get_structure(lost), "seqnum", G_TYPE_UINT, &told,
                                "timestamp", G_TYPE_UINT64, &at, "duration", G_TYPE_UINT64,
                                &duration, nullptr));
    ck_assert_uint_eq(told, number);
    ck_assert_uint_eq((at + GST_MSECOND / 2) / GST_MSECOND, number == 2 ? 100 : 133);
    ck_assert_uint_eq((duration + GST_MSECOND / 2) / GST_MSECOND, 33);
    gst_event_unref(lost);
  }
  ck_assert_uint_eq(t.stat("lost"), 2);
}
END_TEST

// It is not woken by packets, and still takes all that are there, and ends at once.
START_TEST(a_patient_tap_says_so_and_takes_what_has_gathered) {
  Tapped t("patient=true");
  ck_assert(t.patient);
  ck_assert(t.server.send(kVp8));
  t.clock(0, 0);
  constexpr std::uint16_t kPackets = 200;  // more than are read at once
  for (std::uint16_t i = 0; i < kPackets; ++i) t.packet(i, i * 300U);
  for (std::uint16_t i = 0; i < kPackets; ++i) ck_assert_uint_eq(sequence_of(t.pull()), i);
  ck_assert_uint_eq(t.stat("lost"), 0);
  ck_assert(!Tapped("patient=false").patient);
}
END_TEST

START_TEST(another_ssrc_gets_its_caps_and_goes_on_in_time) {
  Tapped t("source=mic", Source::kMic);
  ck_assert(t.server.send(tap::Format{Codec::kOpus, 111, 48'000, kSsrc}));
  t.clock(0, 500);
  t.packet(1, 0, kSsrc, 111);
  ck_assert_uint_eq(GST_BUFFER_PTS(t.pull().get()), 500 * GST_MSECOND);
  ck_assert(t.server.send(tap::Format{Codec::kOpus, 111, 48'000, kSsrc + 1}));
  t.clock(77, 480, kSsrc + 1);
  t.packet(1, 1'000);  // of the one before: nobody waits for it any more
  t.packet(900, 77, kSsrc + 1, 111);
  const auto next = t.pull();
  ck_assert_uint_eq(sequence_of(next), 900);
  ck_assert(GST_BUFFER_FLAG_IS_SET(next.get(), GST_BUFFER_FLAG_DISCONT));
  ck_assert_uint_eq(GST_BUFFER_PTS(next.get()), 500 * GST_MSECOND);  // not back
  const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(t.h->sinkpad));
  guint ssrc = 0;
  ck_assert(gst_structure_get_uint(gst_caps_get_structure(caps.get(), 0), "ssrc", &ssrc));
  ck_assert_uint_eq(ssrc, kSsrc + 1);
}
END_TEST

START_TEST(a_track_without_a_clock_goes_by_arrival_after_a_second) {
  Tapped t;
  ck_assert(t.server.send(kVp8));
  const TimePoint arrived = now();
  ck_assert(t.server.send_rtp(rtp_packet(96, 1, 90'000, kSsrc), arrived));
  ck_assert_uint_eq(GST_BUFFER_PTS(t.pull().get()) / GST_USECOND,
                    static_cast<guint64>((arrived - t.base).count()));
  ck_assert(now() - arrived >= Duration(1'000'000));
}
END_TEST

START_TEST(the_beginning_waits_for_the_first_report_and_is_timed_by_it) {
  Tapped t("report-wait=10000");
  ck_assert(t.server.send(kVp8));
  ck_assert(t.server.send(tap::Clock{kSsrc, 90'000, now(), false}));  // by arrival
  t.packet(1, 90'000);
  t.packet(2, 93'600);
  t.clock(90'000, 70);
  ck_assert_uint_eq(GST_BUFFER_PTS(t.pull().get()), 70 * GST_MSECOND);
  ck_assert_uint_eq(GST_BUFFER_PTS(t.pull().get()), 110 * GST_MSECOND);
  // Who never reports goes by arrival, and later packets do not wait again.
  Tapped silent("report-wait=200");
  ck_assert(silent.server.send(kVp8));
  const TimePoint arrived = now();
  ck_assert(silent.server.send(tap::Clock{kSsrc, 90'000, arrived, false}));
  for (const std::uint16_t sequence : {1, 2}) {
    silent.packet(sequence, 90'000);
    ck_assert_uint_eq(GST_BUFFER_PTS(silent.pull().get()) / GST_USECOND,
                      static_cast<guint64>((arrived - silent.base).count()));
  }
}
END_TEST

START_TEST(a_key_frame_that_is_asked_for_downstream_is_asked_of_the_worker) {
  Tapped t;
  GstStructure* wish =
      gst_structure_new("GstForceKeyUnit", "all-headers", G_TYPE_BOOLEAN, TRUE, nullptr);
  ck_assert(
      gst_harness_push_upstream_event(t.h, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, wish)));
  ck_assert(t.server.next<tap::KeyFrame>());
  wish = gst_structure_new_empty("GstForceKeyUnit");
  ck_assert(
      gst_element_send_event(t.element(), gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, wish)));
  ck_assert(t.server.next<tap::KeyFrame>());
}
END_TEST

START_TEST(the_end_of_the_track_is_eos_after_all_its_packets) {
  Tapped t("latency=10000");
  ck_assert(t.server.send(kVp8));
  t.clock(0, 0);
  t.packet(1, 0);
  t.packet(3, 3'000);
  ck_assert(t.server.send(tap::End{}));
  t.server.hang_up();
  t.pull();
  ck_assert_uint_eq(sequence_of(t.pull()), 3);
  GstEvent* eos = t.event([](GstEvent* event) { return GST_EVENT_TYPE(event) == GST_EVENT_EOS; });
  ck_assert(eos != nullptr);
  gst_event_unref(eos);
}
END_TEST

START_TEST(a_tap_that_cannot_be_says_why) {
  {
    TapServer server;
    const auto pipeline = launch(src_text(server) + " ! fakesink");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    ck_assert(server.accept<tap::Tap>());
    server.send(tap::Refused{"the secret is not that of a job"});
    server.hang_up();
    const std::string text = await_error(pipeline.get(), GST_RESOURCE_ERROR_OPEN_READ);
    ck_assert_msg(text.find("the secret is not that of a job") != std::string::npos, "%s",
                  text.c_str());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
  struct Mistake {
    const char* text;
    const char* said;
  };
  for (const Mistake& mistake : {Mistake{"call=c profile=p source=kamera", "mic, camera, screen"},
                                 Mistake{"profile=p", "'call'"}, Mistake{"call=c", "'profile'"},
                                 Mistake{"call=c profile=p", "/nowhere/media.sock"}}) {
    const auto pipeline = launch("parleysrc socket=/nowhere/media.sock secret=x " +
                                 std::string(mistake.text) + " ! fakesink");
    ck_assert(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
    const std::string text = await_error(pipeline.get(), GST_RESOURCE_ERROR_OPEN_READ);
    ck_assert_msg(text.find(mistake.said) != std::string::npos, "%s", text.c_str());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
}
END_TEST

START_TEST(a_worker_that_vanishes_is_an_error_and_waiting_ends_at_once) {
  TapServer server;
  const auto pipeline = launch(src_text(server) + " ! fakesink");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  ck_assert(server.accept<tap::Tap>());
  server.send(tap::Accepted{});
  // Nothing comes; that it goes to NULL and back is what unlock() is for (a hang fails the test).
  gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  ck_assert(server.accept<tap::Tap>());
  server.send(tap::Accepted{});
  server.hang_up();
  const std::string text = await_error(pipeline.get(), GST_RESOURCE_ERROR_READ);
  ck_assert_msg(text.find("media worker closed") != std::string::npos, "%s", text.c_str());
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}
END_TEST

// ---- gst-launch-1.0 -------------------------------------------------------------------------

namespace {

// Half a second of VP8 in RTP, as rtpvp8pay makes it.
std::vector<std::vector<std::uint8_t>> some_vp8() {
  GstHarness* h = gst_harness_new_parse(
      "videotestsrc num-buffers=12 ! video/x-raw,width=320,height=240,framerate=24/1 ! "
      "vp8enc deadline=1 ! rtpvp8pay ssrc=2882400001 timestamp-offset=1000 mtu=1200");
  gst_harness_play(h);
  std::vector<std::vector<std::uint8_t>> packets;
  for (int frames = 0; frames < 12;) {
    const auto buffer = Ref<GstBuffer>::adopt(gst_harness_pull(h));
    ck_assert(buffer);
    const auto map = parley::wrap::ReadMap::map(buffer.get());
    packets.emplace_back(map->bytes().begin(), map->bytes().end());
    if ((packets.back()[1] & 0x80U) != 0) ++frames;
  }
  gst_harness_teardown(h);
  return packets;
}

}  // namespace

START_TEST(the_line_of_the_documentation_plays_in_gst_launch) {
  const auto packets = some_vp8();
  ck_assert_uint_ge(packets.size(), 12);
  TapServer server;
  const std::string line =
      "gst-launch-1.0 -v parleysrc call=c1 profile=alice source=camera ! rtpjitterbuffer ! "
      "rtpvp8depay ! vp8dec ! fakesink";
  g_setenv("PARLEY_SOCKET", server.path().c_str(), TRUE);
  g_setenv("PARLEY_SECRET", "open sesame", TRUE);
  gchar** words = nullptr;
  ck_assert(g_shell_parse_argv(line.c_str(), nullptr, &words, nullptr));
  GPid pid = 0;
  gint out = -1;
  ck_assert(g_spawn_async_with_pipes(
      nullptr, words, nullptr,
      static_cast<GSpawnFlags>(G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD), nullptr, nullptr,
      &pid, nullptr, &out, nullptr, nullptr));
  g_strfreev(words);
  ck_assert(server.accept<tap::Tap>());
  server.send(tap::Accepted{});
  server.send(kVp8);
  server.send(tap::Clock{kSsrc, 1000, now(), true});
  for (const auto& packet : packets) ck_assert(server.send_rtp(packet, now()));
  server.send(tap::End{});
  std::string said;
  std::vector<char> chunk(4096);
  for (ssize_t got = 0; (got = ::read(out, chunk.data(), chunk.size())) > 0;)
    said.append(chunk.data(), static_cast<std::size_t>(got));
  ::close(out);
  int status = 0;
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert_msg(status == 0, "%s", said.c_str());
  ck_assert_msg(said.find("Got EOS") != std::string::npos, "%s", said.c_str());
  ck_assert_msg(said.find("video/x-raw, format=(string)I420, width=(int)320") != std::string::npos,
                "%s", said.c_str());
  ck_assert_msg(said.find("open sesame") == std::string::npos, "%s", said.c_str());
}
END_TEST

// ---- parleysink -----------------------------------------------------------------------------

namespace {

struct Injected {
  TapServer server;
  GstHarness* h = nullptr;
  bool patient = false;  // as it said

  explicit Injected(const char* more = "sync=false") {
    const std::string text =
        "parleysink secret=\"open sesame\" call=c1 profile=stage socket=" + server.path() + " " +
        more;
    h = gst_harness_new_parse(text.c_str());
    gst_harness_use_systemclock(h);
    gst_harness_set_src_caps_str(
        h, "application/x-rtp, media=video, encoding-name=H264, clock-rate=90000, payload=33");
  }
  ~Injected() { gst_harness_teardown(h); }
  Injected(const Injected&) = delete;
  Injected& operator=(const Injected&) = delete;

  void accept() {
    const auto wanted = server.accept<tap::Inject>();
    ck_assert(wanted);
    ck_assert_str_eq(wanted->group.c_str(), "c1");
    ck_assert_str_eq(wanted->owner.c_str(), "stage");
    ck_assert(wanted->source == Source::kCamera);
    ck_assert(wanted->codec == Codec::kH264);
    ck_assert(server.send(tap::Accepted{}));
  }
  GstFlowReturn push(std::uint16_t sequence, std::size_t bytes = 3) {
    const auto packet = rtp_packet(33, sequence, 3'000, 5, std::vector<std::uint8_t>(bytes));
    return gst_harness_push(h, gst_buffer_new_memdup(packet.data(), packet.size()));
  }
};

guint64 number_of(GstHarness* h, const char* property) {
  GstElement* element =
      GST_IS_BIN(h->element) ? GST_ELEMENT(GST_BIN_CHILDREN(h->element)->data) : h->element;
  guint64 value = 0;
  g_object_get(element, property, &value, nullptr);
  return value;
}

}  // namespace

START_TEST(what_is_injected_has_the_servers_payload_type_and_key_frames_are_asked_of_upstream) {
  Injected t;
  t.accept();
  ck_assert_int_eq(t.push(7), GST_FLOW_OK);
  const auto packet = t.server.next<tap::Packet>();
  ck_assert(packet);
  ck_assert_uint_eq(packet->rtp[1], 102);  // sdp/formats.cpp: H264
  ck_assert_uint_eq(parley::rtp::load16(packet->rtp.data() + 2), 7);
  ck_assert(now() - packet->arrived < Duration(5'000'000));

  ck_assert(t.server.send(tap::KeyFrame{}));
  ck_assert_int_eq(t.push(8), GST_FLOW_OK);
  ck_assert(t.server.next<tap::Packet>());
  bool asked = false;
  while (GstEvent* event = gst_harness_try_pull_upstream_event(t.h)) {
    asked = asked || gst_event_has_name(event, "GstForceKeyUnit");
    gst_event_unref(event);
  }
  ck_assert(asked);
  ck_assert(gst_harness_push_event(t.h, gst_event_new_eos()));
  ck_assert(t.server.next<tap::End>());
  ck_assert_uint_eq(number_of(t.h, "packets"), 2);
}
END_TEST

START_TEST(what_does_not_fit_into_the_socket_is_dropped_and_counted) {
  Injected t;
  t.accept();
  for (std::uint16_t i = 0; i < 2'000; ++i) ck_assert_int_eq(t.push(i, 1'100), GST_FLOW_OK);
  const guint64 sent = number_of(t.h, "packets");
  ck_assert_uint_eq(sent + number_of(t.h, "dropped"), 2'000);
  ck_assert_uint_gt(sent, 0);
  ck_assert_uint_gt(number_of(t.h, "dropped"), 0);
  for (guint64 i = 0; i < sent; ++i) ck_assert(t.server.next<tap::Packet>());
  ck_assert_int_eq(t.push(2'000), GST_FLOW_OK);
  ck_assert(t.server.next<tap::Packet>());  // it goes on
}
END_TEST

START_TEST(an_injection_that_cannot_be_says_why) {
  TapServer server;
  const std::string vp8 =
      "videotestsrc is-live=true ! video/x-raw,width=64,height=64 ! vp8enc deadline=1 ! rtpvp8pay "
      "! ";
  const std::string sink =
      "parleysink secret=\"open sesame\" call=c1 profile=stage socket=" + server.path();
  const auto pipeline = launch(vp8 + sink);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  ck_assert(server.accept<tap::Inject>());
  server.send(tap::Refused{"there is no port for stage"});
  server.hang_up();
  std::string text = await_error(pipeline.get(), GST_RESOURCE_ERROR_OPEN_WRITE);
  ck_assert_msg(text.find("there is no port for stage") != std::string::npos, "%s", text.c_str());
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);

  const auto wrong = launch(vp8 + sink + " source=mic");
  gst_element_set_state(wrong.get(), GST_STATE_PLAYING);
  text = await_error(wrong.get(), GST_RESOURCE_ERROR_OPEN_WRITE);
  ck_assert_msg(text.find("VP8 is video, and the track 'mic' is not") != std::string::npos, "%s",
                text.c_str());
  gst_element_set_state(wrong.get(), GST_STATE_NULL);

  // One that never answers is no reason to hang.
  const auto silent = launch(vp8 + sink);
  gst_element_set_state(silent.get(), GST_STATE_PLAYING);
  ck_assert(server.accept<tap::Inject>());
  gst_element_set_state(silent.get(), GST_STATE_NULL);
}
END_TEST

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const int status = parley::test::run(
      "plugins",
      {caps_and_times_say_what_the_track_is_and_when_it_was_captured,
       a_hole_is_told_and_marked_and_order_restored,
       a_patient_tap_says_so_and_takes_what_has_gathered,
       another_ssrc_gets_its_caps_and_goes_on_in_time,
       a_track_without_a_clock_goes_by_arrival_after_a_second,
       the_beginning_waits_for_the_first_report_and_is_timed_by_it,
       a_key_frame_that_is_asked_for_downstream_is_asked_of_the_worker,
       the_end_of_the_track_is_eos_after_all_its_packets, a_tap_that_cannot_be_says_why,
       a_worker_that_vanishes_is_an_error_and_waiting_ends_at_once,
       the_line_of_the_documentation_plays_in_gst_launch,
       what_is_injected_has_the_servers_payload_type_and_key_frames_are_asked_of_upstream,
       what_does_not_fit_into_the_socket_is_dropped_and_counted,
       an_injection_that_cannot_be_says_why});
  gst_deinit();  // where the leaks tracer speaks
  return status;
}
