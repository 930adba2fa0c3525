// The parts of a recording: where they are cut, what is noted as missing, and what is left when the
// recorder is killed or its disk is full.
#include <glib.h>
#include <gst/gst.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "record_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::test;
using job::Frame;

namespace {

void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

// "file start+duration[gaps]! …", '!' when closed.
std::string told(const RecordWorld& world) {
  std::string text;
  for (const auto& [file, part] : world.parts()) {
    text += (text.empty() ? "" : " ") + file + " " + std::to_string(part.start_ms) + "+" +
            std::to_string(part.duration_ms);
    for (const auto& gap : part.gaps)
      text += "[" + gap.why + " " + std::to_string(gap.start_ms) + "+" +
              std::to_string(gap.duration_ms) + "]";
    text += part.closed ? "!" : "";
  }
  return text;
}

// Of each file: "start frames …"
std::string in_files(const job::Verified& verified) {
  std::string text;
  for (const auto& file : verified.files) {
    ck_assert_msg(file.problem.empty(), "%s: %s", file.file.c_str(), file.problem.c_str());
    ck_assert_uint_eq(file.tracks.size(), 1);
    const auto& track = file.tracks[0];
    text += (text.empty() ? "" : " ") + track.codec + " " + std::to_string(track.start_ms) + " " +
            std::to_string(track.frames);
  }
  return text;
}

// A disk that can be made to stand still: what is written to plain files by any thread of this
// process waits.
class Disk {
 public:
  void stall(bool stalled) {
    const std::scoped_lock lock(mutex_);
    stalled_ = stalled;
    moves_.notify_all();
  }
  void wait(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return;
    std::unique_lock lock(mutex_);
    if (stalled_) ++waited_;
    moves_.wait(lock, [this] { return !stalled_; });
  }
  [[nodiscard]] int waited() {
    const std::scoped_lock lock(mutex_);
    return waited_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moves_;
  bool stalled_ = false;
  int waited_ = 0;
};
Disk& disk() {
  static Disk& one = *new Disk;  // to the very end of the process
  return one;
}

// Runs `work` in a process of its own that has a disk of 256 KiB at `folder`, and says how it
// ended.
template <class Work>
int on_a_small_disk(const std::string& folder, Work work) {
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    const bool alone = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (!alone || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", folder.c_str(), "tmpfs", 0, "size=256k") != 0)
      _exit(77);
    work();
    _exit(0);
  }
  int status = 0;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
  return WEXITSTATUS(status);
}

}  // namespace

// In place of the C library's, for this program and all it loads.
extern "C" {
ssize_t write(int fd, const void* data, size_t size) {
  disk().wait(fd);
  return syscall(SYS_write, fd, data, size);
}
ssize_t writev(int fd, const iovec* pieces, int count) {
  disk().wait(fd);
  return syscall(SYS_writev, fd, pieces, count);
}
int fdatasync(int fd) {
  disk().wait(fd);
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}
}

START_TEST(parts_are_cut_at_key_frames_and_play_with_their_place_in_the_recording) {
  gst_init(nullptr, nullptr);
  RecordWorld world(1500);
  const auto video = world.series("vp8", true);
  const auto frames = vp8(150);
  // Who joins in the 41st second; the first frames that come are of no use without their key frame.
  for (std::size_t i = 20; i < frames.size(); ++i)
    video->push(0, later(frames[i], 40 * GST_SECOND));
  RecordWorld::finish(*video);
  same(told(world),
       "001-01-vp8-0001.webm 41000+1960! 001-01-vp8-0002.webm 43000+1960!"
       " 001-01-vp8-0003.webm 45000+960!");
  same(in_files(world.verified()), "vp8 41000 50 vp8 43000 50 vp8 45000 25");
  ck_assert_int_eq(world.key_frames_asked(), 3);  // one of them by who joins
  ck_assert(video->dropped() == 0 && video->bytes() > 1000 && world.failures().empty());
  const auto verified = world.verified();
  ck_assert(verified.plays() && verified.start_ms == 41'000);
  ck_assert_msg(job::to_json(verified).find("\"codec\":\"vp8\"") != std::string::npos, "%s",
                job::to_json(verified).c_str());
}
END_TEST

START_TEST(what_is_missing_is_noted_and_leaves_its_hole_in_time) {
  gst_init(nullptr, nullptr);
  RecordWorld world(60'000);
  const auto sound = world.series("opus", false);
  const auto packets = opus(50);  // a second
  const auto push = [&](int ms) {
    for (const Frame& packet : packets)
      sound->push(0, later(packet, static_cast<GstClockTime>(ms) * GST_MSECOND));
  };
  push(0);
  sound->lost();
  push(1100);
  push(2500);  // Opus's own silence is at most 400 ms between packets
  sound->muted(true);
  sound->muted(false);
  push(5500);
  push(7000);  // half a second, and no reason to note it
  RecordWorld::finish(*sound);
  same(told(world), "001-01-opus-0001.webm 0+8000[lost 1000+100][muted 3500+2000]!");
  ck_assert(world.failures().empty());
  const auto verified = world.verified();
  same(in_files(verified), "opus 0 250");
  const auto& gaps = verified.files.at(0).tracks.at(0).gaps;
  ck_assert_uint_eq(gaps.size(), 1);
  ck_assert_int_eq(gaps[0].start_ms, 3500);
  ck_assert_int_eq(gaps[0].duration_ms, 2000);
}
END_TEST

START_TEST(a_killed_recorder_leaves_what_it_was_given) {
  gst_init(nullptr, nullptr);
  std::string pattern = (fs::temp_directory_path() / "parley-kill-XXXXXX").string();
  ck_assert(mkdtemp(pattern.data()) != nullptr);
  auto* pushed =
      static_cast<std::atomic<int>*>(mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                                          MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    RecordWorld world(2000, pattern);
    const auto video = world.series("vp8", true);
    for (const Frame& frame : vp8(250)) {
      video->push(0, frame);
      ++*pushed;
      const gint64 due = g_get_monotonic_time() + 10'000;  // µs
      iterate_until([due] { return g_get_monotonic_time() >= due; });
    }
    _exit(0);
  }
  while (*pushed < 130) g_usleep(1000);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  ck_assert(WIFSIGNALED(status));
  const int sent = *pushed;
  const fs::path folder = fs::directory_iterator(pattern)->path();
  const auto verified = job::verify(folder.string());
  ck_assert(verified.has_value() && verified->plays());
  ck_assert_uint_eq(verified->files.size(), 3);
  std::uint64_t frames = 0;
  for (const auto& file : verified->files) frames += file.tracks.at(0).frames;
  // 25 frames are a second; two seconds may be lost.
  ck_assert_msg(frames + 50 >= static_cast<unsigned>(sent) && sent >= 130,
                "%d frames were recorded and %u are left", sent, static_cast<unsigned>(frames));
  fs::remove_all(pattern);
}
END_TEST

START_TEST(a_full_disk_is_said_and_what_was_written_plays) {
  std::string pattern = (fs::temp_directory_path() / "parley-full-XXXXXX").string();
  ck_assert(mkdtemp(pattern.data()) != nullptr);
  const int ended = on_a_small_disk(pattern, [&pattern] {
    gst_init(nullptr, nullptr);
    RecordWorld world(60'000, pattern);
    const auto video = world.series("vp8", true);
    // Snow, which no encoder makes small.
    const auto frames = encode(
        "videotestsrc pattern=snow num-buffers=100 ! "
        "video/x-raw,width=320,height=240,framerate=25/1"
        " ! vp8enc deadline=1 target-bitrate=4000000");
    for (const Frame& frame : frames) video->push(0, frame);
    iterate_until([&world] { return !world.failures().empty(); });
    same(world.failures().at(0), "There is no space left on the disk of the recordings.");
    ck_assert(video->failed());
    RecordWorld::finish(*video);
    const auto verified = world.verified();
    ck_assert(verified.plays());
    ck_assert_uint_ge(verified.files.at(0).tracks.at(0).frames, 2);
    ck_assert(world.parts().begin()->second.closed);
  });
  ck_assert_msg(ended == 0 || ended == 77, "%d", ended);
  if (ended == 77) g_printerr("full disk: not tested, for nothing can be mounted here\n");
  fs::remove_all(pattern);
}
END_TEST

START_TEST(a_disk_that_takes_nothing_any_more_is_said) {
  gst_init(nullptr, nullptr);
  std::string own = (fs::temp_directory_path() / "parley-stall-XXXXXX").string();
  ck_assert(mkdtemp(own.data()) != nullptr);
  std::ifstream in(std::string(PARLEY_PIPELINES) + "/part-video-webm.pipeline");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string sink = "! fdsink name=file";
  ck_assert(text.find(sink) != std::string::npos);
  text.replace(text.find(sink), 0, "! identity sleep-time=1000000 ");
  std::ofstream(own + "/part-video-webm.pipeline") << text;
  {
    RecordWorld world(86'400'000, {}, own);  // another part would be another chance
    const auto video = world.series("vp8", true);
    const auto frames =
        encode("videotestsrc num-buffers=1 ! video/x-raw,width=64,height=48 ! vp8enc");
    GstClockTime at = 0;
    const auto push = [&] { video->push(0, later(frames.at(0), at += 100 * GST_MSECOND)); };
    while (video->dropped() == 0) push();
    ck_assert_uint_eq(world.parts().size(), 1);
    ck_assert(world.failures().empty());
    video->tick();  // it is only late as yet
    ck_assert(world.failures().empty() && world.key_frames_asked() > 0);
    iterate_until([&] {
      push();
      video->tick();
      return !world.failures().empty();
    });
    same(world.failures().at(0), "The disk of the recordings takes nothing any more.");
  }
  fs::remove_all(own);
}
END_TEST

// Nothing here waits for it: the test itself is the thread that everything else of a job is on.
START_TEST(a_disk_that_stalls_holds_nothing_up_and_what_it_missed_is_noted) {
  gst_init(nullptr, nullptr);
  RecordWorld world(60'000);
  const auto video = world.series("vp8", true);
  const auto sound = world.series("opus", false);
  const auto pictures = vp8(50);  // two seconds
  const auto packets = opus(100);
  GstClockTime at = 0;
  const auto push = [&](GstClockTime seconds) {
    for (const GstClockTime end = at + seconds * GST_SECOND; at < end; at += 2 * GST_SECOND) {
      for (const Frame& frame : pictures) video->push(0, later(frame, at));
      for (const Frame& frame : packets) sound->push(0, later(frame, at));
      video->tick();
      sound->tick();
    }
  };
  push(2);
  iterate_until([&] { return video->bytes() > 1000 && sound->bytes() > 1000; });
  const int asked = world.key_frames_asked();
  disk().stall(true);
  push(2);
  iterate_until([] { return disk().waited() >= 2; });
  push(40);
  const std::uint64_t dropped = video->dropped() + sound->dropped();
  ck_assert_msg(video->dropped() > 100 && sound->dropped() > 1000, "%d and %d",
                static_cast<int>(video->dropped()), static_cast<int>(sound->dropped()));
  ck_assert_int_gt(world.key_frames_asked(), asked);
  disk().stall(false);
  // Until what waited is written, and a second is taken as a whole again.
  for (std::uint64_t before = 0; before != video->dropped() + sound->dropped();) {
    iterate_until(
        [&, due = g_get_monotonic_time() + 20'000] { return g_get_monotonic_time() >= due; });
    before = video->dropped() + sound->dropped();
    push(2);
  }
  RecordWorld::finish(*video);
  RecordWorld::finish(*sound);
  ck_assert(world.failures().empty() && dropped > 0);
  for (const auto& [file, part] : world.parts()) {
    ck_assert(part.closed);
    ck_assert_msg(
        !part.gaps.empty() && part.gaps[0].why == "lost" && part.gaps[0].duration_ms > 20'000, "%s",
        told(world).c_str());  // and perhaps smaller ones, while the disk catches up
  }
  ck_assert(world.verified().plays());
}
END_TEST

START_TEST(what_is_no_recording_does_not_verify) {
  gst_init(nullptr, nullptr);
  RecordWorld world(60'000);
  ck_assert(!job::verify((world.path() / "nothing").string()).has_value());
  ck_assert(!world.verified().plays());  // an empty folder
  std::ofstream(world.path() / "a.webm") << "no Matroska at all, and longer than its magic number";
  std::ofstream(world.path() / "b.webm");
  const auto verified = world.verified();
  ck_assert_uint_eq(verified.files.size(), 2);
  for (const auto& file : verified.files) ck_assert(!file.problem.empty());
  ck_assert(!verified.plays());
  // What was cut off anywhere comes to an end, and so does what never would.
  const auto video = world.series("vp8", true);
  for (const Frame& frame : vp8(25)) video->push(0, frame);
  RecordWorld::finish(*video);
  std::ifstream whole(world.path() / "001-01-vp8-0001.webm", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(whole), {}};
  for (const std::size_t size :
       {std::size_t{3}, std::size_t{40}, bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(world.path() / "c.webm", std::ios::binary | std::ios::trunc)
        << bytes.substr(0, size);
    const auto cut = job::verify((world.path() / "c.webm").string());
    ck_assert(cut.has_value() && cut->plays() == (size > 1000));
    fs::copy_file(world.path() / "c.webm", world.path() / "c.mp4",
                  fs::copy_options::overwrite_existing);
    ck_assert(!job::verify((world.path() / "c.mp4").string())->plays());  // of another kind
  }
  const auto pipe = world.path() / "pipe.webm";
  ck_assert_int_eq(mkfifo(pipe.c_str(), 0600), 0);
  ck_assert(
      job::verify(pipe.string()).error().message.ends_with("is neither a file nor a folder."));
  ck_assert_uint_eq(world.verified().files.size(), 5);
  ck_assert_int_eq(job::verify_command({world.path().string()}), 1);
  ck_assert_int_eq(job::verify_command({"--wrong", "x"}), 64);
}
END_TEST

int main() {
  return parley::test::run(
      "job record",
      {parts_are_cut_at_key_frames_and_play_with_their_place_in_the_recording,
       what_is_missing_is_noted_and_leaves_its_hole_in_time,
       a_killed_recorder_leaves_what_it_was_given, a_full_disk_is_said_and_what_was_written_plays,
       a_disk_that_takes_nothing_any_more_is_said,
       a_disk_that_stalls_holds_nothing_up_and_what_it_missed_is_noted,
       what_is_no_recording_does_not_verify});
}
