// What of the file system a job may touch: a list, and nothing else. No syscalls; confine.h has the
// kernel hold a process to it.
//
// Thread-compatible.
#pragma once

#include <string>
#include <vector>

#include "job/spec.h"

namespace parley::job {

struct PathRule {
  enum class May {
    kRead,    // files, and the list of a folder
    kChange,  // ... and make, write and remove them
    kUse,     // a device: read and write
  };
  std::string path;  // and all below it; absolute; it need not exist
  May may = May::kRead;
  bool operator==(const PathRule&) const = default;
};

// Where this process finds what everybody may read: from its environment.
struct Surroundings {
  std::string home;
  std::string cache;
  std::string data;
  std::vector<std::string> libraries;  // of GStreamer's plugins, and others named by variables
};
[[nodiscard]] Surroundings surroundings();

// Programs' own files, without what belongs to parleyd: its store, its configuration, its sockets'
// keys and the recordings of others are in none of these places.
[[nodiscard]] std::vector<PathRule> allowed_to_all(const Surroundings& around);
// ... and what this job is there for.
[[nodiscard]] std::vector<PathRule> allowed_to(const Spec& spec, const Surroundings& around);

}  // namespace parley::job
