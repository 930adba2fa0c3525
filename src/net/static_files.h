// The files of the web client: a folder for each prefix of the path, and nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace parley::net {

struct Mount {
  std::string prefix;     // starts and ends with '/'
  std::string directory;  // in the file system
  // Pages of every origin may load these files. A browser takes modules from elsewhere only so.
  bool any_origin = false;
};

struct File {
  std::string body;
  std::string content_type;
  std::string etag;  // with its quotes
  bool any_origin = false;
};

// Main thread; reads the file each time, so that a changed client is served without a restart.
class StaticFiles {
 public:
  // Our choice: no file of the client comes near this.
  static constexpr std::size_t kMaxFileBytes = 8 * 1024 * 1024;

  explicit StaticFiles(std::vector<Mount> mounts);

  // `path` is percent-decoded. kNotFound for what is not a plain file below the mount: neither
  // "..", hidden files nor symbolic links lead out.
  [[nodiscard]] base::Result<File> find(std::string_view path) const;

 private:
  std::vector<Mount> mounts_;  // longest prefix first
};

[[nodiscard]] std::string_view content_type_of(std::string_view file_name);

}  // namespace parley::net
