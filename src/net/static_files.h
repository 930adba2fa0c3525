// The files of the web client: a folder for each prefix of the path, and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
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

// Main thread. A file is read and hashed once, and again when it has changed on disk, so that a
// changed client is served without a restart; a request costs an open and a stat.
class StaticFiles {
 public:
  // Our choice: no file of the client comes near this.
  static constexpr std::size_t kMaxFileBytes = 8 * 1024 * 1024;
  // Kept in memory, all files together; those not asked for longest go first.
  static constexpr std::size_t kMaxKeptBytes = 32 * 1024 * 1024;

  explicit StaticFiles(std::vector<Mount> mounts);

  // `path` is percent-decoded. kNotFound for what is not a plain file below the mount: neither
  // "..", hidden files nor symbolic links lead out.
  [[nodiscard]] base::Result<std::shared_ptr<const File>> find(std::string_view path);

  // How often a file was read from the disk.
  [[nodiscard]] std::size_t reads() const { return reads_; }

 private:
  // What changes when a file does.
  struct Version {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size_bytes = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Version&) const = default;
  };
  struct Kept {
    std::string name;  // in the file system
    Version version;
    std::shared_ptr<const File> file;
  };
  using KeptFiles = std::list<Kept>;

  void keep(Kept kept);
  void drop(KeptFiles::iterator kept);

  std::vector<Mount> mounts_;  // longest prefix first
  KeptFiles kept_;             // asked for last first
  std::map<std::string, KeptFiles::iterator> by_name_;
  std::size_t kept_bytes_ = 0;
  std::size_t reads_ = 0;
};

[[nodiscard]] std::string_view content_type_of(std::string_view file_name);

}  // namespace parley::net
