// parley-job as a recorder, against a media worker's side that flashes and beeps once a second: the
// files, whether they are in step, and what a recorder that stands still does to the worker.
#include <glib.h>
#include <gst/gst.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "fake_call.h"
#include "record_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::test;

namespace {

constexpr int kSeconds = 12;  // of prepared media

// White for a tenth of each second.
GstPadProbeReturn flash(GstPad*, GstPadProbeInfo* info, gpointer) noexcept {
  GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  const bool white = GST_BUFFER_PTS(buffer) % GST_SECOND < 100 * GST_MSECOND;
  std::memset(map.data, white ? 235 : 16, std::size_t{160} * 120);
  std::memset(map.data + 160 * 120, 128, std::size_t{160} * 120 / 2);
  gst_buffer_unmap(buffer, &map);
  return GST_PAD_PROBE_OK;
}

std::vector<TimedPacket> packets(const std::string& launch, bool flashes) {
  wrap::Owned<GError> error;
  const auto pipeline = wrap::Ref<GstElement>::sink(
      gst_parse_launch((launch + " ! appsink name=out sync=false").c_str(), wrap::OutParam(error)));
  ck_assert_msg(error == nullptr, "%s", error ? error->message : "");
  const auto named = [&](const char* name) {
    return wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
  };
  if (flashes) {
    const auto raw = named("raw");
    const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(raw.get(), "src"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, flash, nullptr, nullptr);
  }
  const auto out = named("out");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<TimedPacket> all;
  while (GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(out.get()))) {
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    const auto map = wrap::ReadMap::map(buffer);
    all.push_back({static_cast<std::int64_t>(GST_BUFFER_PTS(buffer) / GST_USECOND),
                   {map->bytes().begin(), map->bytes().end()}});
    gst_sample_unref(sample);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  ck_assert(!all.empty());
  return all;
}

FakeTrack camera(const std::string& owner, std::int64_t late_us) {
  FakeTrack track;
  track.owner = owner;
  track.source = base::Source::kCamera;
  track.format = {rtp::Codec::kVp8, 96, 90'000, 1};
  track.late_us = late_us;
  track.packets = packets(
      "videotestsrc num-buffers=" + std::to_string(kSeconds * 25) +
          " ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! identity name=raw"
          " ! vp8enc deadline=1 keyframe-max-dist=10 ! rtpvp8pay pt=96 ssrc=1 "
          "timestamp-offset=7777",
      true);
  return track;
}
FakeTrack mic(const std::string& owner, std::int64_t late_us) {
  FakeTrack track;
  track.owner = owner;
  track.format = {rtp::Codec::kOpus, 97, 48'000, 2};
  track.late_us = late_us;
  track.packets = packets(
      "audiotestsrc wave=ticks tick-interval=1000000000 sine-periods-per-tick=50"
      " samplesperbuffer=960 num-buffers=" +
          std::to_string(kSeconds * 50) +
          " ! audio/x-raw,rate=48000,channels=1 ! opusenc frame-size=20"
          " ! rtpopuspay pt=97 ssrc=2 timestamp-offset=99",
      false);
  return track;
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

// Seconds at which what a filter of ffmpeg detects ends, in all files of a kind.
std::vector<double> ends(const std::vector<std::string>& files, const std::string& filter,
                         const std::string& word) {
  std::vector<double> times;
  for (const std::string& file : files) {
    const std::string command =
        "ffmpeg -nostdin -hide_banner -copyts -i " + file + " " + filter + " -f null - 2>&1";
    FILE* out = popen(command.c_str(), "r");
    std::array<char, 1024> line{};
    while (fgets(line.data(), line.size(), out) != nullptr)
      if (const char* found = std::strstr(line.data(), word.c_str()))
        times.push_back(std::atof(found + word.size()));
    ck_assert_int_eq(pclose(out), 0);
  }
  std::sort(times.begin(), times.end());
  return times;
}

// How far a flash and its beep are apart, in ms: the median. What is detected ends at the end of a
// file and in a hole too, so that not every pair is one.
double out_of_step(const std::vector<std::string>& video, const std::vector<std::string>& audio) {
  const auto flashes = ends(video, "-an -vf blackdetect=d=0.2:pix_th=0.3", "black_end:");
  const auto beeps = ends(audio, "-vn -af silencedetect=noise=-25dB:d=0.2", "silence_end: ");
  std::vector<double> apart;
  for (const double flash : flashes) {
    const auto beep = std::min_element(beeps.begin(), beeps.end(), [&](double a, double b) {
      return std::abs(a - flash) < std::abs(b - flash);
    });
    if (beep != beeps.end() && std::abs(*beep - flash) < 0.5)
      apart.push_back(std::abs(*beep - flash) * 1000);
  }
  ck_assert_msg(apart.size() >= 3, "%zu flashes and %zu beeps", flashes.size(), beeps.size());
  std::sort(apart.begin(), apart.end());
  std::string all;
  for (const double one : apart) all += std::to_string(one) + " ";
  g_print("apart by ms: %s\n", all.c_str());
  return apart[apart.size() / 2];
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
  ck_assert_uint_ge(verified->files.size(), 4);
  bool muted = false;
  for (const auto& [file, part] : job.parts) {
    ck_assert_msg(part.closed, "%s is not closed", file.c_str());
    for (const auto& gap : part.gaps) muted = muted || gap.why == "muted";
  }
  ck_assert(muted);
  ck_assert_int_ge(call.key_frames_asked(), 1);
  const double offset =
      out_of_step(files_with(folder.path(), "-vp8-"), files_with(folder.path(), "-opus-"));
  g_print("tracks: flash and beep are %.1f ms apart\n", offset);
  ck_assert_msg(offset <= 40, "flash and beep are %.1f ms apart", offset);
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
    const auto files = files_with(folder.path(), "call-");
    const double offset = out_of_step(files, files);
    g_print("composed: flash and beep are %.1f ms apart\n", offset);
    ck_assert_msg(offset <= 40, "flash and beep are %.1f ms apart", offset);
  }
}
END_TEST

int main() {
  return parley::test::run(
      "record job",
      {tracks_are_recorded_in_step_through_loss_and_whatever_becomes_of_the_recorder,
       a_recorder_that_stands_still_holds_nobody_up_and_one_that_is_killed_loses_little,
       a_composed_recording_plays_in_both_forms_and_is_in_step});
}
