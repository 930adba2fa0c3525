// parleysrc and parleysink against a real worker: a track of a call in a pipeline, and a pipeline's
// as a track of a call.
#include <gst/gst.h>
#include <stdlib.h>
#include <time.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "fixture.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::base::JobId;
using parley::test::Fixture;
using parley::test::Member;

namespace {

constexpr std::uint8_t kOpusType = 111;

struct Heard {
  std::atomic<int> buffers{0};
  std::atomic<std::uint64_t> captured{GST_CLOCK_TIME_NONE};  // of the last: PTS and base time
};

void on_buffer(GstElement* sink, GstBuffer* buffer, GstPad* /*pad*/, Heard* heard) {
  heard->captured = GST_BUFFER_PTS_IS_VALID(buffer)
                        ? GST_BUFFER_PTS(buffer) + gst_element_get_base_time(sink)
                        : GST_CLOCK_TIME_NONE;
  ++heard->buffers;
}

std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * GST_SECOND +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Of a job that shows "secret".
GstElement* pipeline(const std::string& text, const std::string& socket) {
  GError* error = nullptr;
  GstElement* made = gst_parse_launch(text.c_str(), &error);
  ck_assert_msg(error == nullptr, "%s", error != nullptr ? error->message : "");
  GstElement* element = gst_bin_get_by_name(GST_BIN(made), "element");
  g_object_set(element, "socket", socket.c_str(), "secret", "secret", nullptr);
  gst_object_unref(element);
  gst_element_set_state(made, GST_STATE_PLAYING);
  return made;
}

void end(GstElement* made) {
  gst_element_set_state(made, GST_STATE_NULL);
  gst_object_unref(made);
}

bool ended(GstElement* made) {
  GstBus* bus = gst_element_get_bus(made);
  GstMessage* message = gst_bus_pop_filtered(bus, GST_MESSAGE_EOS);
  gst_object_unref(bus);
  if (message == nullptr) return false;
  gst_message_unref(message);
  return true;
}

}  // namespace

START_TEST(elements_talk_to_a_worker) {
  std::string folder = "/tmp/parley-elements-XXXXXX";
  ck_assert_ptr_nonnull(mkdtemp(folder.data()));
  const std::string socket = folder + "/media.sock";
  media::WorkerConfig config;
  config.tap_socket = socket;
  {
    Fixture f(config);
    const auto [a, b] = f.open_pair();
    f.worker().post(media::Name{a->stream, "call", a->owner});
    f.worker().post(media::AdmitJob{JobId("job"), "secret", "call", {}});
    ck_assert(f.flows(*a, *b));

    GstElement* tap = pipeline(
        "parleysrc name=element call=call profile=p1 source=mic latency=20 ! "
        "fakesink name=out signal-handoffs=true sync=false",
        socket);
    Heard heard;
    GstElement* out = gst_bin_get_by_name(GST_BIN(tap), "out");
    g_signal_connect(out, "handoff", G_CALLBACK(on_buffer), &heard);
    gst_object_unref(out);
    const std::uint64_t before = monotonic_ns();
    ck_assert(f.run_until([&] {
      a->peer->send_audio(1);
      return heard.buffers >= 20;
    }));
    const std::uint64_t captured = heard.captured;
    // Times are the server's clock: nothing was captured before the test, or is yet to be. The
    // peer sends 20 ms of sound each 2 ms, so that its own clock runs ahead by up to 10.
    ck_assert_uint_gt(captured + GST_SECOND, before);
    ck_assert_uint_lt(captured, monotonic_ns() + 60 * GST_SECOND);

    Member& port = f.open_port(JobId("job"), "music");
    f.show(*b, port);
    b->peer->forget_heard();
    GstElement* source = pipeline(
        "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! "
        "opusenc ! rtpopuspay ! parleysink name=element call=call profile=music source=mic",
        socket);
    ck_assert(f.run_until([&] { return b->peer->heard_of(kOpusType) >= 20; }));
    ck_assert_int_eq(port.connected, 1);
    end(source);
    ck_assert(f.run_until([&] { return port.silent == 1; }));

    f.close(*a);
    ck_assert(f.run_until([&] { return ended(tap); }));
    end(tap);
  }
  std::filesystem::remove_all(folder);
}
END_TEST

int main() { return parley::test::run("elements", {elements_talk_to_a_worker}); }
