// Brings real streams in: a file, and what nginx, ffmpeg and an RTSP server send. In place of a
// call the packets go to files (the elements that feed a call are tested with the plugins).
#include <gst/rtsp-server/rtsp-server.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bridge/bridge_world.h"
#include "job/in_clock.h"
#include "job/in_source.h"
#include "job/nested_sources.h"
#include "job/pinned_network.h"
#include "support/check_main.h"

using namespace parley;
using test::at_port;
using test::has;
using test::run_until;

namespace {

struct Bridge {
  std::string output;
  std::vector<job::StateReport> states;
  bool ended = false;
  bool stopped = false;
  int file = -1;
  std::unique_ptr<job::InSource> source;
  [[nodiscard]] bool is(job::State state) const {
    return !states.empty() && states.back().state == state;
  }
  [[nodiscard]] std::string story() const {
    std::string all;
    for (const auto& state : states)
      all += std::to_string(static_cast<int>(state.state)) + " " + state.message + "; ";
    return all;
  }
  [[nodiscard]] std::uintmax_t bytes(const char* kind) const {
    std::error_code none;
    const auto size = std::filesystem::file_size(output + kind, none);
    return none ? 0 : size;
  }
  [[nodiscard]] bool flows() const { return bytes("video") > 4000 && bytes("audio") > 2000; }
};

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

class World {
 public:
  Bridge& add(const std::string& kind, const std::string& url, int file = -1) {
    const std::string output = folder.path + "/" + kind + "-";
    std::string text =
        test::contents(std::string(PARLEY_PIPELINES) + "/source-" + kind + ".pipeline");
    replace_all(text, "hook video parleysink", "hook video filesink");
    replace_all(text, "hook audio parleysink", "hook audio filesink");
    replace_all(text, "parleysink name=video source=camera",
                "filesink name=video buffer-mode=unbuffered location=" + output + "video");
    replace_all(text, "parleysink name=audio source=mic",
                "filesink name=audio buffer-mode=unbuffered location=" + output + "audio");
    ck_assert(!has(text, "parleysink "));
    std::ofstream(folder.path + "/source-" + kind + ".pipeline") << text;
    job::In in;
    in.kind = kind;
    in.url = url;
    in.address = "127.0.0.1";
    in.owner = "guest";
    bridges_.push_back(std::make_unique<Bridge>());
    Bridge& bridge = *bridges_.back();
    bridge.output = output;
    job::InSource::Times times;
    times.stall = std::chrono::milliseconds(1500);
    bridge.source = std::make_unique<job::InSource>(
        pipelines_, "call", in, file,
        job::InSource::Callbacks{
            [&bridge](const job::StateReport& report) { bridge.states.push_back(report); },
            [&bridge] { bridge.ended = true; }},
        times);
    const auto started = bridge.source->start();
    ck_assert_msg(started.has_value(), "%s", started ? "" : started.error().message.c_str());
    return bridge;
  }
  void stop() {
    for (const auto& bridge : bridges_)
      bridge->source->stop([b = bridge.get()] { b->stopped = true; });
    ck_assert(run_until([this] {
      return std::all_of(bridges_.begin(), bridges_.end(),
                         [](const auto& bridge) { return bridge->stopped; });
    }));
    ck_assert(run_until([] { return job::GstPipelineRun::alive() == 0; }));
  }
  // With ffmpeg; waits for its end.
  void make(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all = {"/usr/bin/ffmpeg", "-v", "error", "-y"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const test::Process ffmpeg(all, folder.path + "/make.out");
    ck_assert(run_until([&] { return ffmpeg.ended(); }));
    ck_assert_msg(ffmpeg.succeeded(), "%s", ffmpeg.output().c_str());
  }
  test::Folder folder;

 private:
  const pipeline::Folders pipelines_{{folder.path}};
  std::vector<std::unique_ptr<Bridge>> bridges_;
};

std::unique_ptr<test::Process> publish(const World& world, const std::string& format,
                                       const std::string& url) {
  return std::make_unique<test::Process>(
      std::vector<std::string>{"/usr/bin/ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i",
                               world.folder.path + "/www/a.mp4", "-c", "copy", "-f", format, url},
      world.folder.path + "/publish-" + format + ".out");
}

void ck_flows(const Bridge& bridge) {
  ck_assert_msg(run_until([&] { return bridge.is(job::State::kLive) && bridge.flows(); }),
                "%s: %s, %zu and %zu bytes", bridge.output.c_str(), bridge.story().c_str(),
                static_cast<std::size_t>(bridge.bytes("video")),
                static_cast<std::size_t>(bridge.bytes("audio")));
}

}  // namespace

START_TEST(ties_a_stream_to_the_clock_once_and_again_when_it_jumps) {
  job::InClock clock;
  const GstClockTime delay = job::InClock::kDelay;
  ck_assert_uint_eq(clock.place(500 * GST_SECOND, 2 * GST_SECOND), 2 * GST_SECOND + delay);
  // Picture and sound by the same measure, early or late.
  ck_assert_uint_eq(clock.place(501 * GST_SECOND, 2 * GST_SECOND), 3 * GST_SECOND + delay);
  ck_assert_uint_eq(clock.place(501 * GST_SECOND, 4 * GST_SECOND), 3 * GST_SECOND + delay);
  ck_assert_uint_eq(clock.place(9 * GST_SECOND, 5 * GST_SECOND), 5 * GST_SECOND + delay);
  ck_assert_uint_eq(clock.place(900 * GST_SECOND, 6 * GST_SECOND), 6 * GST_SECOND + delay);
}
END_TEST

// In a process of its own: it cannot be undone.
START_TEST(reaches_the_checked_address_and_nothing_else) {
  const auto port = test::free_port();
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_ANY);
  ck_assert_int_eq(::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ck_assert_int_eq(::listen(listener, 8), 0);
  GSocketClient* client = g_socket_client_new();
  const auto reach = [&](const char* host) {
    GSocketConnection* made = g_socket_client_connect_to_host(client, host, port, nullptr, nullptr);
    if (made != nullptr) g_object_unref(made);
    return made != nullptr;
  };
  ck_assert(reach("127.0.0.1") && reach("127.0.0.2"));
  ck_assert(!job::pin_network("live.example", "localhost", {port}).has_value());
  ck_assert(job::pin_network("live.example", "127.0.0.1", {port}).has_value());
  ck_assert(reach("live.example") && reach("LIVE.example") && reach("127.0.0.1"));
  for (const char* other : {"127.0.0.2", "other.example", "::1", "10.0.0.1"})
    ck_assert_msg(!reach(other), "%s", other);
  // By libraries that ask no resolver either.
  sockaddr_in second = at;
  second.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(::connect(fd, reinterpret_cast<sockaddr*>(&second), sizeof second), -1);
  ck_assert_int_eq(errno, EACCES);
  // Nor another door of the same machine.
  second.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  second.sin_port = htons(static_cast<std::uint16_t>(port + 1));
  ck_assert_int_eq(::connect(fd, reinterpret_cast<sockaddr*>(&second), sizeof second), -1);
  ck_assert_int_eq(errno, EACCES);
  ::close(fd);
  ::close(listener);
  g_object_unref(client);
}
END_TEST

// In processes of their own: it cannot be undone.
static void ck_leads_to_no_file(const std::string& kind) {
  gst_init(nullptr, nullptr);
  job::forbid_nested_sources(kind);
  World world;
  const std::string& folder = world.folder.path;
  const auto http_port = test::free_port();
  test::Nginx nginx(folder, test::free_port(), http_port);
  world.make({"-f",
              "lavfi",
              "-i",
              "testsrc=size=160x90:rate=15",
              "-f",
              "lavfi",
              "-i",
              "sine",
              "-t",
              "3",
              "-c:v",
              "libx264",
              "-preset",
              "ultrafast",
              "-g",
              "15",
              "-pix_fmt",
              "yuv420p",
              "-c:a",
              "aac",
              "-f",
              "mpegts",
              folder + "/secret.ts"});
  const std::string playlist = folder + "/www/trap.m3u8";
  std::ofstream(playlist) << "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n"
                             "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:3.0,\nfile://"
                          << folder << "/secret.ts\n#EXT-X-ENDLIST\n";
  ck_assert(nginx.start());
  const int file = ::open(playlist.c_str(), O_RDONLY | O_CLOEXEC);
  const Bridge& bridge = world.add(
      kind, kind == "file" ? "trap.m3u8" : at_port("http", http_port, "/trap.m3u8"), file);
  ck_assert(run_until([&] { return bridge.ended || bridge.is(job::State::kReconnecting); }));
  for (const auto& state : bridge.states) ck_assert(state.state != job::State::kLive);
  ck_assert_uint_eq(bridge.bytes("video"), 0);
  if (kind == "hls") {  // its segments are fetched
    std::filesystem::copy(folder + "/secret.ts", folder + "/www/open.ts");
    std::ofstream(folder + "/www/open.m3u8")
        << "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3.0,\nopen.ts\n#EXT-X-ENDLIST\n";
    ck_flows(world.add(kind, at_port("http", http_port, "/open.m3u8")));
  }
  world.stop();
  ::close(file);
}
START_TEST(a_file_that_is_a_playlist_leads_to_no_other_file) { ck_leads_to_no_file("file"); }
END_TEST
START_TEST(a_playlist_of_a_stranger_leads_to_no_file_of_ours) { ck_leads_to_no_file("hls"); }
END_TEST

START_TEST(real_streams_come_in_and_come_back) {
  gst_init(nullptr, nullptr);
  World world;
  const std::string& folder = world.folder.path;
  const auto rtmp_port = test::free_port();
  const auto http_port = test::free_port();
  const auto srt_port = test::free_port();
  test::Nginx nginx(folder, rtmp_port, http_port);
  world.make({"-f",
              "lavfi",
              "-i",
              "testsrc=size=160x90:rate=15",
              "-f",
              "lavfi",
              "-i",
              "sine=sample_rate=48000",
              "-t",
              "3",
              "-c:v",
              "libx264",
              "-preset",
              "ultrafast",
              "-g",
              "15",
              "-pix_fmt",
              "yuv420p",
              "-c:a",
              "aac",
              folder + "/www/a.mp4"});
  world.make({"-i", folder + "/www/a.mp4", "-c", "copy", "-f", "hls", "-hls_time", "1",
              "-hls_list_size", "0", folder + "/www/a.m3u8"});
  ck_assert(nginx.start());
  auto publisher = publish(world, "flv", at_port("rtmp", rtmp_port, "/live/sekretkey"));
  const auto caller = publish(world, "mpegts", at_port("srt", srt_port, "?mode=listener"));
  GstRTSPServer* rtsp = gst_rtsp_server_new();
  gst_rtsp_server_set_address(rtsp, "127.0.0.1");
  gst_rtsp_server_set_service(rtsp, "0");
  GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(
      factory,
      "( videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=15/1 ! x264enc "
      "tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 pt=96 "
      "audiotestsrc is-live=true ! opusenc ! rtpopuspay name=pay1 pt=97 )");
  GstRTSPMountPoints* mounts = gst_rtsp_server_get_mount_points(rtsp);
  gst_rtsp_mount_points_add_factory(mounts, "/camera", factory);
  g_object_unref(mounts);
  const guint attached = gst_rtsp_server_attach(rtsp, nullptr);
  const auto rtsp_port = static_cast<std::uint16_t>(gst_rtsp_server_get_bound_port(rtsp));

  const int file = ::open((folder + "/www/a.mp4").c_str(), O_RDONLY | O_CLOEXEC);
  Bridge& from_file = world.add("file", "a.mp4", file);
  Bridge& from_rtmp = world.add("rtmp", at_port("rtmp", rtmp_port, "/live/sekretkey"));
  Bridge& from_srt = world.add("srt", at_port("srt", srt_port, ""));
  Bridge& from_rtsp = world.add("rtsp", at_port("rtsp", rtsp_port, "/camera"));
  Bridge& from_hls = world.add("hls", at_port("http", http_port, "/a.m3u8"));
  for (const Bridge* bridge : {&from_file, &from_rtmp, &from_srt, &from_rtsp, &from_hls})
    ck_flows(*bridge);
  // A file ends, once it has been played.
  ck_assert_msg(run_until([&] { return from_file.ended; }), "%s", from_file.story().c_str());

  // The publisher goes away and comes back.
  publisher.reset();
  ck_assert_msg(run_until([&] { return from_rtmp.is(job::State::kReconnecting); }), "%s",
                from_rtmp.story().c_str());
  publisher = publish(world, "flv", at_port("rtmp", rtmp_port, "/live/sekretkey"));
  ck_assert_msg(run_until([&] { return from_rtmp.is(job::State::kLive); }), "%s",
                from_rtmp.story().c_str());
  ck_assert(from_rtsp.is(job::State::kLive));
  world.stop();
  ::close(file);
  g_source_remove(attached);
  g_object_unref(rtsp);
}
END_TEST

int main() {
  return test::run("bridges in", {ties_a_stream_to_the_clock_once_and_again_when_it_jumps,
                                  reaches_the_checked_address_and_nothing_else,
                                  a_file_that_is_a_playlist_leads_to_no_other_file,
                                  a_playlist_of_a_stranger_leads_to_no_file_of_ours,
                                  real_streams_come_in_and_come_back});
}
