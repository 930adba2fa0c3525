// Whether what was one moment for two people is one in what is recorded of them.
//
// Two publishers clap (a white picture and a tone) at the same moments, through a media worker and
// 2 % of loss. Their clocks show other times of day, their pictures take longer than their sound,
// and one comes later. parley-job records each track, and ffmpeg says when the files are white and
// when they are loud.
#include <fmt/format.h>
#include <glib-unix.h>
#include <gst/gst.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "job/spec.h"
#include "media/fixture.h"
#include "rtp/keyframe.h"
#include "rtp/ntp.h"
#include "rtp/packet.h"
#include "support/claps.h"
#include "support/flash_and_beep.h"
#include "wrap/gst.h"
#include "wrap/owned.h"

#include "support/check_main.h"

namespace {

using parley::base::Duration;
using parley::base::Kind;
using parley::base::TimePoint;
using parley::rtp::Codec;
using parley::test::Fixture;
using parley::test::Member;
using parley::test::Payload;
using parley::wrap::Ref;
namespace job = parley::job;
namespace media = parley::media;

constexpr unsigned kLossPerMille = 20;
constexpr Duration kLength{6'000'000};
constexpr double kBoundMs = 40;
constexpr char kGroup[] = "c1";
constexpr char kSecret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TimePoint now() { return TimePoint(Duration(g_get_monotonic_time())); }

// ---- publishers -----------------------------------------------------------------------------

// A sender with a clock of its own and paths of different lengths for sound and picture.
class Publisher {
 public:
  struct Habits {
    Duration clock;        // of its time of day, from ours
    Duration audio_takes;  // from the capture to the network
    Duration video_takes;
    std::uint32_t audio_first;  // RTP timestamps
    std::uint32_t video_first;
  };
  Publisher(Member& member, const std::vector<Payload>& payloads, TimePoint start, Habits habits)
      : member_(member), habits_(habits), start_(start), next_report_(start + kFirstReport) {
    std::minstd_rand dice(7);
    std::map<Kind, TimePoint> last;
    for (const Payload& payload : payloads) {
      const Duration takes =
          payload.kind == Kind::kAudio ? habits_.audio_takes : habits_.video_takes;
      const Duration jitter(dice() % 15'000);
      TimePoint& at = last[payload.kind];
      at = std::max(at, start_ + payload.captured + takes + jitter);
      to_send_.emplace_back(at, &payload);
    }
    std::stable_sort(to_send_.begin(), to_send_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }

  void send_due(TimePoint at) {
    for (; next_ < to_send_.size() && to_send_[next_].first <= at; ++next_) {
      const Payload& payload = *to_send_[next_].second;
      member_.peer->send_payload(payload.kind, first(payload.kind) + payload.timestamp,
                                 payload.marker, payload.bytes);
    }
    if (at < next_report_) return;
    next_report_ += kReportEvery;
    for (const Kind kind : {Kind::kAudio, Kind::kVideo}) {
      const Duration media_time = now() - start_;
      const auto ntp = parley::rtp::ntp_from(now().time_since_epoch() + habits_.clock);
      const std::uint32_t rate = kind == Kind::kAudio ? 48'000 : 90'000;
      member_.peer->send_report(kind, ntp, first(kind) + parley::rtp::rtp_ticks(media_time, rate));
    }
  }
  [[nodiscard]] bool done() const { return next_ == to_send_.size(); }

 private:
  static constexpr Duration kFirstReport{300'000};
  static constexpr Duration kReportEvery{1'000'000};
  [[nodiscard]] std::uint32_t first(Kind kind) const {
    return kind == Kind::kAudio ? habits_.audio_first : habits_.video_first;
  }
  Member& member_;
  Habits habits_;
  TimePoint start_;
  TimePoint next_report_;
  std::vector<std::pair<TimePoint, const Payload*>> to_send_;
  std::size_t next_ = 0;
};

// ---- recording ------------------------------------------------------------------------------

// A parley-job that does this, into `folder`.
class Recorder {
 public:
  Recorder(const std::string& socket, const std::string& folder, decltype(job::Spec::work) work)
      : folder_(folder) {
    const std::array<const char*, 2> words = {PARLEY_JOB, nullptr};
    ck_assert(g_spawn_async_with_pipes(nullptr, const_cast<gchar**>(words.data()), nullptr,
                                       G_SPAWN_DO_NOT_REAP_CHILD, nullptr, nullptr, &pid_, &in_,
                                       &out_, nullptr, nullptr));
    job::Spec spec;
    spec.job = parley::base::JobId("j1");
    spec.call = kGroup;
    spec.socket = socket;
    spec.secret = kSecret;
    spec.pipelines = {PARLEY_PIPELINES};
    spec.picture = {320, 240, 25, 500, 64};
    spec.work = std::move(work);
    tell(job::encode(spec));
    ck_assert(g_unix_set_fd_nonblocking(out_, TRUE, nullptr));
  }
  // Whether it has begun. Never waits.
  bool begun() {
    read();
    return live_;
  }
  // Stops it, and waits. The files by owner and kind.
  std::map<std::pair<std::string, Kind>, std::string> finish() {
    tell(job::encode(job::Order(job::Stop{})));
    ::close(in_);
    ck_assert(g_unix_set_fd_nonblocking(out_, FALSE, nullptr));
    while (read()) continue;
    ::close(out_);
    int status = 0;
    ck_assert_int_eq(waitpid(pid_, &status, 0), pid_);
    ck_assert_msg(status == 0, "%s", said_.c_str());
    return files_;
  }

 private:
  void tell(const std::string& line) const {
    const std::string text = line + "\n";
    ck_assert_int_eq(::write(in_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // False: it has ended, or has nothing to say now.
  bool read() {
    std::array<char, 4096> bytes;
    const ssize_t got = ::read(out_, bytes.data(), bytes.size());
    if (got <= 0) return false;
    said_.append(bytes.data(), static_cast<std::size_t>(got));
    for (auto end = said_.find('\n', next_); end != std::string::npos;
         next_ = end + 1, end = said_.find('\n', next_))
      take(said_.substr(next_, end - next_));
    return true;
  }
  void take(const std::string& line) {
    const auto report = job::parse_report(line);
    ck_assert_msg(report.has_value(), "%s", line.c_str());
    if (const auto* state = std::get_if<job::StateReport>(&*report)) {
      ck_assert_msg(state->state != job::State::kFailed, "%s", line.c_str());
      live_ = live_ || state->state == job::State::kLive;
    }
    const auto* part = std::get_if<job::Part>(&*report);
    if (part != nullptr && part->source)
      files_[{part->owner, kind_of(*part->source)}] = folder_ + "/" + part->file;
  }

  std::string folder_;
  GPid pid_ = 0;
  int in_ = -1;
  int out_ = -1;
  bool live_ = false;
  std::string said_;
  std::size_t next_ = 0;  // of what is said, not yet read
  std::map<std::pair<std::string, Kind>, std::string> files_;
};

}  // namespace

START_TEST(what_was_one_moment_is_one_in_the_recording) {
  int argc = 0;
  gst_init(&argc, nullptr);
  const auto payloads = parley::test::flash_and_beep(kLength);
  std::string folder = "/tmp/parley-sync-XXXXXX";
  ck_assert(mkdtemp(folder.data()) != nullptr);

  media::WorkerConfig config;
  config.tap_socket = folder + "/run/media.sock";
  const std::string files = folder + "/files";
  ck_assert(std::filesystem::create_directory(files));
  Fixture fixture(config);
  fixture.worker().post(media::AdmitJob{parley::base::JobId("j1"), kSecret, kGroup, {}});
  const auto [a, b] = fixture.open_pair();
  for (Member* member : {a, b}) {
    fixture.worker().post(media::Name{member->stream, kGroup, member->owner});
    member->peer->set_loss_per_mille(kLossPerMille);
  }

  Recorder recorder(config.tap_socket, files,
                    job::Record{files, job::Layout::kTracks, job::Container::kWebm, 60'000});
  ck_assert(fixture.run_until([&] { return recorder.begun(); }));
  const TimePoint start = now() + Duration(100'000);
  Publisher first(
      *a, payloads, start,
      {Duration(3'600'000'000), Duration(10'000), Duration(70'000), 0xffff0000U, 5'000});
  Publisher second(*b, payloads, start + Duration(1'000'000),
                   {Duration(9'000'123'456), Duration(25'000), Duration(50'000), 77, 0xfffffff0U});
  ck_assert(fixture.run_until([&] {
    first.send_due(now());
    second.send_due(now());
    return first.done() && second.done();
  }));
  fixture.run_for(std::chrono::milliseconds(600));  // more than packets wait for others

  const auto recorded = recorder.finish();
  ck_assert_uint_eq(recorded.size(), 4);
  const auto claps = [&](const Member* member, Kind kind) {
    return parley::test::claps_in(recorded.at({member->owner, kind}), kind);
  };
  // Each of them. Sound that is lost (10 ms a packet) stays lost; pictures are sent again.
  ck_assert_int_gt(a->peer->resent(), 0);
  const auto check = [](const char* what, const std::vector<double>& these,
                        const std::vector<double>& those) {
    const auto apart = parley::test::apart_ms(what, these, those);
    ck_assert_uint_ge(apart.size(), 4);
    for (const double ms : apart) ck_assert_msg(std::abs(ms) <= kBoundMs, "%s: %+.1f ms", what, ms);
  };
  const auto beeps = claps(a, Kind::kAudio);
  const auto flashes = claps(a, Kind::kVideo);
  const auto other_beeps = claps(b, Kind::kAudio);
  const auto other_flashes = claps(b, Kind::kVideo);
  check("first's flash after beep", flashes, beeps);
  check("second's flash after beep", other_flashes, other_beeps);
  check("second's beep after first's", other_beeps, beeps);
  check("second's flash after first's", other_flashes, flashes);
  std::filesystem::remove_all(folder);
}
END_TEST

// ---- parleysink and back --------------------------------------------------------------------

namespace {

// RTP timestamp -> when its buffer is to be played, in ns since the base time.
using Moments = std::map<std::uint32_t, GstClockTime>;

void note(GstBuffer* buffer, Moments& into) {
  const auto map = parley::wrap::ReadMap::map(buffer);
  const auto packet = parley::rtp::Packet::parse(map->bytes());
  if (packet) into.try_emplace(packet->timestamp(), GST_BUFFER_PTS(buffer));
}

// What passes a pad, by RTP timestamp. Read when the streaming thread that writes it has ended.
GstPadProbeReturn note_moments(GstPad* /*pad*/, GstPadProbeInfo* info, gpointer data) noexcept {
  auto& into = *static_cast<Moments*>(data);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER) != 0) note(GST_PAD_PROBE_INFO_BUFFER(info), into);
  if ((info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) == 0) return GST_PAD_PROBE_OK;
  GstBufferList* list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
  for (guint i = 0; i < gst_buffer_list_length(list); ++i) note(gst_buffer_list_get(list, i), into);
  return GST_PAD_PROBE_OK;
}

struct Line {
  Ref<GstElement> pipeline;

  Line(const std::string& text, TimePoint base) {
    parley::wrap::Owned<GError> error;
    pipeline = Ref<GstElement>::sink(gst_parse_launch(text.c_str(), parley::wrap::OutParam(error)));
    ck_assert_msg(error == nullptr, "%s", error ? error->message : "");
    GstClock* clock = gst_system_clock_obtain();
    gst_pipeline_use_clock(GST_PIPELINE(pipeline.get()), clock);
    gst_object_unref(clock);
    gst_element_set_start_time(pipeline.get(), GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(
        pipeline.get(), static_cast<GstClockTime>(base.time_since_epoch().count()) * GST_USECOND);
  }
  ~Line() { stop(); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  void watch(const char* element, const char* pad_name, Moments& into) const {
    const auto found =
        Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), element));
    const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(found.get(), pad_name));
    gst_pad_add_probe(
        pad.get(),
        static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
        note_moments, &into, nullptr);
  }
  void play() const {
    ck_assert(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  }
  void check() const {
    const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    GstMessage* message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR);
    if (message == nullptr) return;
    parley::wrap::Owned<GError> error;
    gst_message_parse_error(message, parley::wrap::OutParam(error), nullptr);
    ck_abort_msg("%s", error->message);
  }
  void stop() const { gst_element_set_state(pipeline.get(), GST_STATE_NULL); }
};

// Median of what `there` is later than `here`, in ms.
double delay_ms(const Moments& here, const Moments& there) {
  std::vector<double> all;
  for (const auto& [timestamp, at] : here)
    if (const auto it = there.find(timestamp); it != there.end())
      all.push_back((static_cast<double>(it->second) - static_cast<double>(at)) / 1e6);
  ck_assert_uint_ge(all.size(), 10);
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

std::string end_of(const std::string& socket, const char* source) {
  return fmt::format(" socket={} secret={} call={} profile=stage source={} ", socket, kSecret,
                     kGroup, source);
}

bool is_key_frame(const parley::test::HeardPacket& heard) {
  return heard.payload_type == 96 && parley::rtp::starts_key_frame(Codec::kVp8, heard.payload);
}

}  // namespace

START_TEST(what_is_injected_is_seen_at_once_and_tapped_in_step) {
  int argc = 0;
  gst_init(&argc, nullptr);
  std::string folder = "/tmp/parley-sync-XXXXXX";
  ck_assert(mkdtemp(folder.data()) != nullptr);
  media::WorkerConfig config;
  config.tap_socket = folder + "/media.sock";
  {
    Fixture fixture(config);
    const parley::base::JobId job("j1");
    fixture.worker().post(media::AdmitJob{job, kSecret, kGroup, {}});
    Member& stage = fixture.open_port(job, "stage");
    fixture.worker().post(media::Name{stage.stream, kGroup, "stage"});
    const auto sees = [&](Member& viewer) {
      return fixture.run_until([&] {
        const auto& heard = viewer.peer->heard();
        return viewer.peer->heard_of(111) > 0 &&
               std::any_of(heard.begin(), heard.end(), is_key_frame);
      });
    };
    const TimePoint base = now();
    // One key frame, unless another is asked for.
    const Line out(
        "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=25/1 ! "
        "vp8enc deadline=1 keyframe-max-dist=100000 keyframe-mode=disabled ! "
        "rtpvp8pay picture-id-mode=15-bit mtu=1200 ! parleysink name=video" +
            end_of(config.tap_socket, "camera") +
            "audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 ! "
            "opusenc ! rtpopuspay ! parleysink name=audio" +
            end_of(config.tap_socket, "mic"),
        base);
    std::map<Kind, Moments> sent;
    std::map<Kind, Moments> tapped;
    out.watch("video", "sink", sent[Kind::kVideo]);
    out.watch("audio", "sink", sent[Kind::kAudio]);
    out.play();
    Member& first = fixture.open({}, false);
    fixture.show(first, stage);
    ck_assert(sees(first));

    const Line in("parleysrc name=video" + end_of(config.tap_socket, "camera") +
                      "! fakesink parleysrc name=audio" + end_of(config.tap_socket, "mic") +
                      "! fakesink",
                  base);
    in.watch("video", "src", tapped[Kind::kVideo]);
    in.watch("audio", "src", tapped[Kind::kAudio]);
    in.play();
    Member& late = fixture.open({}, false);
    fixture.show(late, stage);
    ck_assert(sees(late));
    fixture.run_for(std::chrono::milliseconds(1500));
    in.stop();
    out.stop();
    const double video = delay_ms(sent[Kind::kVideo], tapped[Kind::kVideo]);
    const double audio = delay_ms(sent[Kind::kAudio], tapped[Kind::kAudio]);
    std::printf("injected and tapped: picture %+.1f ms, sound %+.1f ms\n", video, audio);
    ck_assert_msg(std::abs(video - audio) <= kBoundMs, "%f %f", video, audio);
  }
  std::filesystem::remove_all(folder);
}
END_TEST

// Sound and picture of a mix are made by different pipelines with different delays.
START_TEST(a_mix_is_in_step_by_what_receivers_are_told) {
  int argc = 0;
  gst_init(&argc, nullptr);
  const auto payloads = parley::test::flash_and_beep(Duration(4'000'000));
  std::string folder = "/tmp/parley-sync-XXXXXX";
  ck_assert(mkdtemp(folder.data()) != nullptr);
  media::WorkerConfig config;
  config.tap_socket = folder + "/media.sock";
  {
    Fixture fixture(config);
    const parley::base::JobId job("j1");
    fixture.worker().post(media::AdmitJob{job, kSecret, kGroup, {}});
    const auto [speaker, viewer] = fixture.open_pair();
    Member& picture = fixture.open_port(job, "mix");
    Member& sound = fixture.open_port(job, "mix/" + viewer->owner);
    for (const Member* member : {speaker, viewer, &picture, &sound})
      fixture.worker().post(media::Name{member->stream, kGroup, member->owner});
    Recorder mixer(config.tap_socket, folder, job::Mix{job::Layout::kGrid});
    fixture.show(*viewer, picture);
    fixture.show(*viewer, sound);
    ck_assert(fixture.run_until([&] {  // black and silent, until somebody speaks
      return mixer.begun() && viewer->peer->heard_of(96) > 0 && viewer->peer->heard_of(111) > 0;
    }));
    // As a receiver puts it: by the reports that the worker makes of the ports.
    const auto tap = [&](const Member& port, const char* source, const char* into) {
      return fmt::format("parleysrc socket={} secret={} call={} profile={} source={} ! {}/{}.webm ",
                         config.tap_socket, kSecret, kGroup, port.owner, source, into, source);
    };
    const Line in(
        tap(picture, "mix-video", ("rtpvp8depay ! webmmux ! filesink location=" + folder).c_str()) +
            tap(sound, "mix-audio",
                ("rtpopusdepay ! capssetter caps=audio/x-opus,rate=48000 ! webmmux ! "
                 "filesink location=" +
                 folder)
                    .c_str()),
        now());
    in.play();
    Publisher publisher(*speaker, payloads, now(),
                        {Duration(3'600'000'000), Duration(10'000), Duration(30'000), 1, 2});
    ck_assert(fixture.run_until([&] {
      publisher.send_due(now());
      return publisher.done();
    }));
    fixture.run_for(std::chrono::milliseconds(600));
    in.check();
    in.stop();
    (void)mixer.finish();
  }
  const auto apart = parley::test::apart_ms(
      "mix: flash after beep", parley::test::claps_in(folder + "/mix-video.webm", Kind::kVideo),
      parley::test::claps_in(folder + "/mix-audio.webm", Kind::kAudio));
  ck_assert_uint_ge(apart.size(), 3);
  for (const double ms : apart) ck_assert_msg(std::abs(ms) <= kBoundMs, "%+.1f ms", ms);
  std::filesystem::remove_all(folder);
}
END_TEST

int main() {
  return parley::test::run("sync", {what_was_one_moment_is_one_in_the_recording,
                                    what_is_injected_is_seen_at_once_and_tapped_in_step,
                                    a_mix_is_in_step_by_what_receivers_are_told});
}
