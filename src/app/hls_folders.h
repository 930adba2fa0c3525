// Where HLS bridges write what the server hands out under /hls/: a folder for each bridge, in one
// of this process's own, gone when the bridge is.
//
// Whoever knows a bridge's id may watch it: ids must not be guessable. Main thread only.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "net/static_files.h"

namespace parley::app {

class HlsFolders {
 public:
  // `root` empty: parley in the user's runtime folder. Removes what processes that are dead have
  // left there. kUnavailable: it cannot be made.
  [[nodiscard]] static base::Result<std::unique_ptr<HlsFolders>> create(std::string root);
  // Everything is removed.
  ~HlsFolders();
  HlsFolders(const HlsFolders&) = delete;
  HlsFolders& operator=(const HlsFolders&) = delete;

  // A new folder for a bridge, absolute. kInvalid: such an id names no folder; kConflict: there is
  // one.
  [[nodiscard]] base::Result<std::string> open(const base::JobId& bridge) const;
  // Removes it; unknown ones are ignored.
  void close(const base::JobId& bridge) const;
  // What clients are told to watch.
  [[nodiscard]] static std::string watch_path(const base::JobId& bridge);
  // For ServerConfig::mounts.
  [[nodiscard]] net::Mount mount() const;

 private:
  HlsFolders(std::string folder, int lock) : folder_(std::move(folder)), lock_(lock) {}
  const std::string folder_;
  const int lock_;  // held while this process lives
};

}  // namespace parley::app
