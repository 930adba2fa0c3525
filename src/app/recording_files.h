// The files of recordings, as the server itself handles them: folders made, files opened and
// deleted.
//
// Whatever asks the disk runs on a thread of GLib's: a disk that is slow, or never answers, must
// not hold up the main thread, on which all calls are. Names are the server's own, and no link is
// followed below the folder of the recordings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "net/route.h"

namespace parley::app {

// `work` on some thread; then what it returns on the main thread. In no order.
void off_main(std::function<std::function<void()>()> work);

// Where a recording has its files: ROOT/DAY/RECORDING.
struct RecordingPlace {
  std::string root;
  std::string day;
  std::string name;
  static RecordingPlace of(const std::string& root, const base::JobId& recording,
                           base::WallTime began);
  [[nodiscard]] std::string path() const { return root + "/" + day + "/" + name; }
};

// What must be left on a disk; whichever is more.
struct DiskRoom {
  std::uint64_t free_mb = 0;
  std::uint32_t free_percent = 0;
};

// These wait for the disk. kUnavailable, with the disk's reason.
[[nodiscard]] base::Result<void> make_recording_folder(const RecordingPlace& place,
                                                       const DiskRoom& needed);
[[nodiscard]] base::Result<void> delete_recording_folder(const RecordingPlace& place);

struct OpenRecordingFile {
  std::shared_ptr<const net::OpenFile> file;
  std::uint64_t size = 0;
  std::string etag;  // of what is in it now
};
// kNotFound: there is no such file, it is no plain file, or the name is none of a part's.
[[nodiscard]] base::Result<OpenRecordingFile> open_recording_file(const RecordingPlace& place,
                                                                  const std::string& file);

}  // namespace parley::app
