#include "job/record_tracks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

namespace parley::job {
namespace {

// How much a power cut may cost; our choice.
constexpr std::chrono::milliseconds kSyncEvery{2000};

bool is_recorded(base::Source source) {
  return source != base::Source::kMixAudio && source != base::Source::kMixVideo;
}

}  // namespace

base::Result<Descriptor> open_record_folder(const std::string& path) {
  Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (folder.get() < 0) return tl::unexpected(disk_error("opening the folder", errno));
  if (faccessat(folder.get(), ".", W_OK, 0) != 0)
    return tl::unexpected(disk_error("opening the folder", errno));
  return folder;
}

base::Result<void> sync_above(const std::string& path) {
  for (const char* above : {"/..", "/../.."}) {
    const Descriptor parent(open((path + above).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0 || fsync(parent.get()) != 0)
      return tl::unexpected(disk_error("syncing the folder", errno));
  }
  return {};
}

RecordTracks::RecordTracks(const Context& context, Record record)
    : context_(context), record_(std::move(record)) {}

RecordTracks::~RecordTracks() {
  timer_.reset();
  tracks_.clear();
  ending_.clear();
  room_.reset();
  disk_.reset();
}

base::Result<void> RecordTracks::start() {
  auto folder = open_record_folder(record_.folder);
  if (!folder) return tl::unexpected(folder.error());
  folder_descriptor_ = std::move(*folder);
  disk_ = std::make_unique<Disk>();
  folder_ = std::make_unique<RecordFolder>(RecordFolder{
      context_.pipelines, *disk_, folder_descriptor_.get(), record_.part_ms, context_.report});
  room_ = std::make_unique<FreeRoom>(*disk_, folder_descriptor_.get(), record_.keep_free_bytes,
                                     [this](base::Error error) {
                                       if (outcome_) outcome_ = tl::unexpected(std::move(error));
                                       stop();
                                     });
  GstClock* clock = gst_system_clock_obtain();
  base_time_ = gst_clock_get_time(clock);
  gst_object_unref(clock);
  timer_ = std::make_unique<wrap::RepeatingTimer>(g_main_context_get_thread_default(), kSyncEvery,
                                                  [this] { tick(); });
  context_.report(StateReport{State::kLive, ""});
  return {};
}

void RecordTracks::track_added(const std::string& owner, base::Source source) {
  if (stopping_ || !is_recorded(source)) return;
  track_removed(owner, source);
  RecordTrack::Options options;
  options.call = context_.spec.call;
  options.owner = owner;
  options.source = source;
  options.number = next_++;
  options.base_time = base_time_;
  options.on_failed = [this](const base::Error& error) {
    if (outcome_) outcome_ = tl::unexpected(error);
    // Not from within a track.
    disk_->run([this]() -> Disk::Then { return [this] { finish_if_done(); }; });
  };
  auto& track = tracks_[{owner, source}];
  track = std::make_unique<RecordTrack>(*folder_, std::move(options));
  track->start();
}

void RecordTracks::track_removed(const std::string& owner, base::Source source) {
  auto node = tracks_.extract({owner, source});
  if (node) end(std::move(node.mapped()));
}

void RecordTracks::end(std::unique_ptr<RecordTrack> track) {
  RecordTrack* one = track.get();
  ending_.push_back(std::move(track));
  one->finish([this, one] {
    clock_errors_.add(one->clock_errors());
    // Not from within it.
    disk_->run([this, one]() -> Disk::Then {
      return [this, one] {
        ended_bytes_ += one->bytes();
        ended_dropped_ += one->dropped();
        std::erase_if(ending_, [one](const auto& track) { return track.get() == one; });
        finish_if_done();
      };
    });
  });
}

void RecordTracks::tick() {
  room_->look();
  Progress progress;
  progress.bytes = ended_bytes_;
  progress.dropped = ended_dropped_;
  for (auto& [key, track] : tracks_) {
    track->tick();
    progress.bytes += track->bytes();
    progress.dropped += track->dropped();
    clock_errors_.add(track->clock_errors());
  }
  GstClock* clock = gst_system_clock_obtain();
  progress.running_ms =
      static_cast<std::int64_t>(GST_TIME_AS_MSECONDS(gst_clock_get_time(clock) - base_time_));
  gst_object_unref(clock);
  progress.offset_ms = clock_errors_.span_ms();
  context_.report(progress);
}

// It is over when it was stopped and all is on disk; or when nothing can be recorded any more.
void RecordTracks::finish_if_done() {
  if (told_) return;
  const bool broken = !outcome_ && std::all_of(tracks_.begin(), tracks_.end(), [](const auto& one) {
    return one.second->failed();
  });
  if (broken && !stopping_) {
    if (context_.failing) context_.failing(outcome_.error().message);
    return stop();
  }
  if (!stopping_ || !tracks_.empty() || !ending_.empty()) return;
  told_ = true;
  tick();
  timer_.reset();
  context_.finished(outcome_);
}

void RecordTracks::stop() {
  if (stopping_) return;
  stopping_ = true;
  tick();
  for (auto& [key, track] : tracks_) {
    auto one = std::move(track);
    end(std::move(one));
  }
  tracks_.clear();
  finish_if_done();
}

}  // namespace parley::job
