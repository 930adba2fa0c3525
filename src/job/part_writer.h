// One file of a recording, from its first frame until it is on disk.
//
// A pipeline of its own (pipelines/part-*): appsrc, a muxer, fdsink. What feeds it never waits:
// when the disk is behind by more than a bound, frames are turned away. Whatever happens to the
// process, what has been written plays; it is handed to the disk every two seconds by sync(), and
// for good by close().
//
// Lives on the job's main context: made, called and destroyed there. Callbacks come there.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "job/record_disk.h"
#include "pipeline/description.h"
#include "wrap/gst.h"

namespace parley::job {

// An open descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// What the system says of a file, as a sentence: kUnavailable.
[[nodiscard]] base::Error disk_error(const std::string& doing, int error_number);

// A file's comment: this, and a number of ms.
inline constexpr char kOffsetTag[] = "Tracks are apart by at most ";

class PartWriter {
 public:
  // Frames that wait for the disk, of one stream: our choice, longer than a disk takes to spin up.
  static constexpr GstClockTime kMostWaiting = 8 * GST_SECOND;
  static constexpr std::uint64_t kMostWaitingBytes = 64ULL * 1024 * 1024;

  struct Stream {
    std::string hook;  // of the pipeline: "track", "video", "audio"
    wrap::Ref<GstCaps> caps;
  };
  struct Options {
    std::string pipeline;  // "part-audio-webm", …
    std::string file;      // in `folder`; must not be there yet
    std::vector<Stream> streams;
    // Nothing more can be written. Once; close() is still expected.
    std::function<void(base::Error)> on_failed;
  };
  // `folder` is its descriptor. All of them outlive it. kUnavailable: the disk does not take it,
  // and why; kNotFound, kInvalid: the pipeline.
  [[nodiscard]] static base::Result<std::unique_ptr<PartWriter>> open(
      const pipeline::Folders& pipelines, Disk& disk, int folder, Options options);
  // Not closed before: the file stays as it is.
  ~PartWriter();
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;

  // A frame of the stream of this index; its PTS is its place in the file. false: turned away,
  // for the disk is behind, or the file is closed or has failed.
  [[nodiscard]] bool push(std::size_t stream, const wrap::Ref<GstBuffer>& frame);
  // What waits for the disk is as much as may.
  [[nodiscard]] bool is_behind(std::size_t stream) const;
  void sync();
  [[nodiscard]] std::uint64_t bytes() const;  // in the file
  [[nodiscard]] const std::string& file() const { return file_; }
  // Ends the file; `closed` is called when it and its name are on disk, or cannot be.
  // Writes the offset of what is in it (ClockErrors) into the file's tags, when that is closed.
  void note_offset(double offset_ms);
  void close(std::function<void(base::Result<void>)> closed);

 private:
  PartWriter(Disk& disk, int folder, Options options);
  [[nodiscard]] base::Result<void> start(const pipeline::Folders& pipelines);
  static gboolean on_message(GstBus* bus, GstMessage* message, gpointer self) noexcept;
  void take_error(GstMessage* message);
  void finish();

  Disk& disk_;
  const int folder_;
  const std::string file_;
  Options options_;
  std::shared_ptr<Descriptor> descriptor_;
  wrap::Ref<GstElement> pipeline_;
  std::vector<wrap::Ref<GstElement>> sources_;
  guint watch_ = 0;
  bool failed_ = false;
  bool closing_ = false;
  bool finishing_ = false;
  // A disk says once to a descriptor that it has failed, to whichever call comes first.
  struct Syncing {
    bool busy = false;  // main context
    int error = 0;      // errno; the disk's thread
  };
  std::shared_ptr<Syncing> syncing_;
  std::function<void(base::Result<void>)> closed_;
  base::Result<void> outcome_;
};

}  // namespace parley::job
