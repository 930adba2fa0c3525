// parley-job as a recorder, against a media worker's side that flashes and beeps once a second: the
// files, whether they are in step, and what a recorder that stands still does to the worker.
#include <glib.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fake_call.h"
#include "job/compose_sample.h"
#include "record_world.h"
#include "support/check_main.h"
#include "support/claps.h"
#include "support/flash_and_beep.h"
#include "wrap/gst.h"
#include "wrap/owned.h"

using namespace parley;
using namespace parley::test;

namespace {

constexpr base::Duration kLength{12'000'000};  // of prepared media

// What flash_and_beep() makes of `kind`, in packets.
FakeTrack track(const std::string& owner, base::Kind kind, std::int64_t late_us) {
  const bool video = kind == base::Kind::kVideo;
  FakeTrack track;
  track.owner = owner;
  track.source = video ? base::Source::kCamera : base::Source::kMic;
  track.format = video ? tap::Format{rtp::Codec::kVp8, 96, 90'000, 1}
                       : tap::Format{rtp::Codec::kOpus, 97, 48'000, 2};
  track.late_us = late_us;
  static const auto payloads = flash_and_beep(kLength);
  std::uint16_t sequence = 0;
  for (const Payload& payload : payloads) {
    if (payload.kind != kind) continue;
    const std::uint32_t timestamp = 7777 + payload.timestamp;
    const auto octet = [](auto value, unsigned shift) {
      return static_cast<std::uint8_t>(value >> shift);
    };
    std::vector<std::uint8_t> rtp = {
        0x80,
        static_cast<std::uint8_t>((payload.marker ? 0x80U : 0U) | track.format.payload_type),
        octet(++sequence, 8),
        octet(sequence, 0),
        octet(timestamp, 24),
        octet(timestamp, 16),
        octet(timestamp, 8),
        octet(timestamp, 0),
        0,
        0,
        0,
        octet(track.format.ssrc, 0)};
    rtp.insert(rtp.end(), payload.bytes.begin(), payload.bytes.end());
    track.packets.push_back({payload.captured.count(), std::move(rtp)});
  }
  return track;
}
FakeTrack camera(const std::string& owner, std::int64_t late_us) {
  return track(owner, base::Kind::kVideo, late_us);
}
// Six seconds of AV1, with a key frame in each.
FakeTrack av1_camera(const std::string& owner) {
  FakeTrack track{owner, base::Source::kCamera, {rtp::Codec::kAv1, 98, 90'000, 9}, {}};
  wrap::Owned<GError> error;
  const auto pipeline = wrap::Ref<GstElement>::sink(gst_parse_launch(
      "videotestsrc num-buffers=150 pattern=ball ! video/x-raw,width=160,height=90,framerate=25/1 "
      "! av1enc usage-profile=realtime cpu-used=10 keyframe-max-dist=25 ! av1parse "
      "! parleyav1pay pt=98 ssrc=9 mtu=300 ! appsink name=out sync=false",
      wrap::OutParam(error)));
  ck_assert_msg(error == nullptr, "%s", error ? error->message : "");
  const auto out =
      wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  while (GstSample* pulled = gst_app_sink_pull_sample(GST_APP_SINK(out.get()))) {
    const auto sample = wrap::Ref<GstSample>::adopt(pulled);
    GstBuffer* buffer = gst_sample_get_buffer(sample.get());
    const auto map = wrap::ReadMap::map(buffer);
    track.packets.push_back({static_cast<std::int64_t>(GST_BUFFER_PTS(buffer) / GST_USECOND),
                             {map->bytes().begin(), map->bytes().end()}});
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ck_assert_uint_ge(track.packets.size(), 150);
  return track;
}
FakeTrack mic(const std::string& owner, std::int64_t late_us) {
  return track(owner, base::Kind::kAudio, late_us);
}

// A job in a process of its own.
class Job {
 public:
  explicit Job(const job::Spec& spec) {
    const std::array<const char*, 2> arguments = {PARLEY_JOB, nullptr};
    gint in = -1;
    gint out = -1;
    wrap::Owned<GError> error;
    ck_assert_msg(g_spawn_async_with_pipes(nullptr, const_cast<char**>(arguments.data()), nullptr,
                                           G_SPAWN_DO_NOT_REAP_CHILD, nullptr, nullptr, &pid_, &in,
                                           &out, nullptr, wrap::OutParam(error)) != FALSE,
                  "%s", error ? error->message : "");
    in_ = in;
    out_ = fdopen(out, "r");
    say(job::encode(spec));
  }
  ~Job() {
    if (pid_ != 0) kill(SIGKILL);
    if (out_ != nullptr) fclose(out_);
    if (in_ >= 0) ::close(in_);
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  void say(const std::string& line) const {
    const std::string text = line + "\n";
    ck_assert_int_eq(::write(in_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Reads reports until one for which `enough`; false: it has said its last.
  template <class Enough>
  bool listen(Enough enough) {
    char* line = nullptr;
    std::size_t size = 0;
    bool found = false;
    while (!found && getline(&line, &size, out_) > 0) {
      std::string text = line;
      text.pop_back();
      const auto report = job::parse_report(text);
      ck_assert_msg(report.has_value(), "%s", line);
      if (const auto* part = std::get_if<job::Part>(&*report)) parts[part->file] = *part;
      if (const auto* progress = std::get_if<job::Progress>(&*report)) last = *progress;
      if (const auto* state = std::get_if<job::StateReport>(&*report)) states.push_back(*state);
      found = enough();
    }
    free(line);
    return found;
  }
  void stop() {
    say(job::encode(job::Order{job::Stop{}}));
    listen([] { return false; });
    int status = 0;
    waitpid(std::exchange(pid_, 0), &status, 0);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s",
                  states.empty() ? "" : states.back().message.c_str());
  }
  void kill(int signal) {
    ::kill(pid_, signal);
    if (signal == SIGKILL) waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

  std::map<std::string, job::Part> parts;
  std::vector<job::StateReport> states;
  job::Progress last;

 private:
  GPid pid_ = 0;
  int in_ = -1;
  FILE* out_ = nullptr;
};

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "parley-job-XXXXXX").string();
    ck_assert(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::string path_;
};

job::Spec spec_of(const FakeCall& call, const std::string& folder, job::Layout layout,
                  job::Container container = job::Container::kWebm) {
  job::Spec spec;
  spec.job = base::JobId("r1");
  spec.call = "k";
  spec.socket = call.path();
  spec.secret = "open sesame";
  spec.pipelines = {PARLEY_PIPELINES};
  spec.picture = {320, 240, 25, 500, 64};
  spec.work = job::Record{folder, layout, container, 2000};
  return spec;
}

// How much later each flash is than its beep, in ms: within 40.
void check_in_step(const std::vector<double>& apart) {
  ck_assert_uint_ge(apart.size(), 2);
  for (const double ms : apart) ck_assert_msg(std::abs(ms) <= 40, "%.1f ms apart", ms);
}

std::vector<std::string> files_with(const std::string& folder, const std::string& word) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().find(word) != std::string::npos)
      found.push_back(entry.path().string());
  return found;
}

void prepare() {
  gst_init(nullptr, nullptr);
  ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

}  // namespace

START_TEST(tracks_are_recorded_in_step_through_loss_and_whatever_becomes_of_the_recorder) {
  prepare();
  auto alice = camera("alice", 150'000);
  auto bob = mic("bob", 20'000);
  bob.lose_one_in = 50;
  bob.muted_from_us = 3'500'000;
  bob.muted_to_us = 4'600'000;
  const FakeCall call({alice, bob});
  ck_assert(call.good());
  const Folder folder;
  Job job(spec_of(call, folder.path(), job::Layout::kTracks));
  const auto both_for = [&job](std::int64_t ms) {
    std::map<std::string, std::int64_t> end;
    for (const auto& [file, part] : job.parts)
      end[part.codec] = std::max(end[part.codec], part.start_ms + part.duration_ms);
    return end["vp8"] >= ms && end["opus"] >= ms;
  };
  ck_assert(job.listen([&] { return both_for(5'500); }));
  job.stop();

  ck_assert(job.states.back().state == job::State::kEnded);
  ck_assert(job.last.offset_ms.has_value() && *job.last.offset_ms >= 0 && *job.last.offset_ms < 40);
  const auto verified = job::verify(folder.path());
  ck_assert(verified.has_value() && verified->plays());
  ck_assert(verified->offset_ms.has_value() && *verified->offset_ms < 40);
  ck_assert_uint_ge(verified->files.size(), 4);
  bool muted = false;
  for (const auto& [file, part] : job.parts) {
    ck_assert_msg(part.closed, "%s is not closed", file.c_str());
    for (const auto& gap : part.gaps) muted = muted || gap.why == "muted";
  }
  ck_assert(muted);
  ck_assert_int_ge(call.key_frames_asked(), 1);
  check_in_step(apart_ms("tracks: flash after beep",
                         claps_in(files_with(folder.path(), "-vp8-"), base::Kind::kVideo),
                         claps_in(files_with(folder.path(), "-opus-"), base::Kind::kAudio)));
}
END_TEST

START_TEST(av1_is_recorded_as_it_was_sent_and_asks_for_what_is_lost) {
  prepare();
  FakeTrack camera = av1_camera("carol");
  camera.lose_one_in = 40;
  const FakeCall call({camera});
  const Folder folder;
  Job job(spec_of(call, folder.path(), job::Layout::kTracks));
  ck_assert_msg(job.listen([&] { return job.last.running_ms >= 4'500; }), "%s",
                job.states.empty() ? "" : job.states.back().message.c_str());
  job.stop();
  const auto verified = job::verify(folder.path());
  ck_assert_msg(verified.has_value() && verified->plays(), "%s",
                verified ? job::to_text(*verified).c_str() : verified.error().message.c_str());
  g_print("%s\n", job::to_text(*verified).c_str());
  std::uint64_t frames = 0;
  for (const auto& file : verified->files) {
    ck_assert_uint_eq(file.tracks.size(), 1);
    ck_assert_str_eq(file.tracks[0].codec.c_str(), "av1");
    frames += static_cast<std::uint64_t>(file.tracks[0].frames);
  }
  ck_assert_uint_ge(frames, 10);
  bool lost = false;
  for (const auto& [file, part] : job.parts)
    for (const auto& gap : part.gaps) lost = lost || gap.why == "lost";
  ck_assert(lost);
  ck_assert_int_ge(call.key_frames_asked(), 1);
}
END_TEST

START_TEST(a_recorder_that_stands_still_holds_nobody_up_and_one_that_is_killed_loses_little) {
  prepare();
  const FakeCall call({camera("alice", 0), mic("bob", 0)});
  const Folder folder;
  Job job(spec_of(call, folder.path(), job::Layout::kTracks));
  ck_assert(job.listen([&] { return job.last.running_ms >= 2000; }));
  job.kill(SIGKILL);
  const std::int64_t end_ms = (g_get_monotonic_time() - call.start_us()) / 1000;
  const auto verified = job::verify(folder.path());
  ck_assert(verified.has_value() && verified->plays());
  std::map<std::string, std::int64_t> last;
  for (const auto& file : verified->files)
    for (const auto& track : file.tracks)
      last[track.codec] = std::max(last[track.codec], track.end_ms);
  // The recording began after the call did.
  for (const char* codec : {"vp8", "opus"})
    ck_assert_msg(last[codec] + 2000 >= job.last.running_ms && last[codec] <= end_ms,
                  "%s ends at %ld ms of %ld", codec, static_cast<long>(last[codec]),
                  static_cast<long>(job.last.running_ms));

  const Folder other;
  Job still(spec_of(call, other.path(), job::Layout::kTracks));
  ck_assert(still.listen([&] { return !still.parts.empty(); }));
  still.kill(SIGSTOP);
  const int before = call.sent() + call.unsent();
  iterate_until([&] { return call.sent() + call.unsent() >= before + 75; });  // half a second
  still.kill(SIGCONT);
  still.stop();
}
END_TEST

START_TEST(a_composed_recording_plays_in_both_forms_and_is_in_step) {
  prepare();
  const FakeCall call({camera("alice", 0), mic("alice", 0)});
  for (const auto container : {job::Container::kWebm, job::Container::kMp4}) {
    const Folder folder;
    Job job(spec_of(call, folder.path(), job::Layout::kGrid, container));
    const auto recorded = [&job] {
      std::int64_t end = 0;
      for (const auto& [file, part] : job.parts)
        end = std::max(end, part.start_ms + part.duration_ms);
      return end >= 3500;
    };
    ck_assert_msg(job.listen(recorded), "%s",
                  job.states.empty() ? "" : job.states.back().message.c_str());
    job.stop();
    const auto verified = job::verify(folder.path());
    ck_assert(verified.has_value());
    ck_assert_msg(verified->plays(), "%s", job::to_text(*verified).c_str());
    ck_assert_uint_ge(verified->files.size(), 2);
    // The last may have begun with a picture when it was to stop.
    for (std::size_t i = 0; i + 1 < verified->files.size(); ++i)
      ck_assert_uint_eq(verified->files[i].tracks.size(), 2);
    std::vector<double> apart;  // within each, for MP4 begins at 0 in each
    for (const auto& file : verified->files) {
      if (file.tracks.size() != 2) continue;
      const std::string path = folder.path() + "/" + file.file;
      for (const double ms :
           apart_ms(file.file + ": flash after beep", claps_in(path, base::Kind::kVideo),
                    claps_in(path, base::Kind::kAudio)))
        apart.push_back(ms);
    }
    check_in_step(apart);
    ck_assert(job.last.offset_ms.has_value() && *job.last.offset_ms < 40);
    if (container == job::Container::kWebm) ck_assert(verified->offset_ms.has_value());
  }
}
END_TEST

int main() {
  return parley::test::run(
      "record job",
      {tracks_are_recorded_in_step_through_loss_and_whatever_becomes_of_the_recorder,
       av1_is_recorded_as_it_was_sent_and_asks_for_what_is_lost,
       a_recorder_that_stands_still_holds_nobody_up_and_one_that_is_killed_loses_little,
       a_composed_recording_plays_in_both_forms_and_is_in_step});
}
