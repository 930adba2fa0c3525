#include "job/confine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "job/part_writer.h"

namespace parley::job {
namespace {

using May = PathRule::May;

// Newer than the header of the oldest system this is built on (Debian 12: version 2).
constexpr std::uint64_t kTruncate = 1ULL << 14;       // LANDLOCK_ACCESS_FS_TRUNCATE, version 3
constexpr std::uint64_t kDeviceControl = 1ULL << 15;  // LANDLOCK_ACCESS_FS_IOCTL_DEV, version 5
constexpr std::uint64_t kScopeAbstractSockets = 1ULL << 0;
constexpr std::uint64_t kScopeSignals = 1ULL << 1;
struct RulesetAttributes {  // landlock_ruleset_attr of version 6
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t kVersion1 = (1ULL << 13) - 1;
constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kUse =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | kDeviceControl;
constexpr std::uint64_t kChange = kRead | kUse | kTruncate | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                  LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REFER;
// Of these alone may be spoken where a rule is about a file.
constexpr std::uint64_t kOfFiles = kUse | kTruncate | LANDLOCK_ACCESS_FS_EXECUTE;

std::uint64_t handled_by(int version) {
  std::uint64_t all = kVersion1;
  if (version >= 2) all |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) all |= kTruncate;
  if (version >= 5) all |= kDeviceControl;
  return all;
}

std::uint64_t rights_of(May may) {
  switch (may) {
    case May::kRead:
      return kRead;
    case May::kChange:
      return kChange;
    case May::kUse:
      return kUse;
  }
  return 0;
}

base::Result<void> failed(const std::string& what) {
  return base::fail(base::Code::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno)));
}

base::Result<void> add_rule(const Descriptor& ruleset, const PathRule& rule,
                            std::uint64_t handled) {
  const Descriptor place(open(rule.path.c_str(), O_PATH | O_CLOEXEC));
  struct stat found {};
  // What is not there needs no rule, nor does what cannot be reached anyway.
  if (place.get() < 0 || fstat(place.get(), &found) != 0) return {};
  landlock_path_beneath_attr attributes{};
  attributes.allowed_access = rights_of(rule.may) & handled;
  if (!S_ISDIR(found.st_mode)) attributes.allowed_access &= kOfFiles;
  attributes.parent_fd = place.get();
  if (syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &attributes, 0) !=
      0)
    return failed("a rule for " + rule.path);
  return {};
}

bool has_one_thread() {
  std::error_code error;
  const std::filesystem::directory_iterator threads("/proc/self/task", error);
  return !error && std::distance(begin(threads), end(threads)) == 1;
}

}  // namespace

int landlock_version() {
  const long version =
      syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

base::Result<void> confine(const std::vector<PathRule>& rules) {
  const int version = landlock_version();
  if (version == 0)
    return base::fail(base::Code::kUnavailable,
                      "this kernel has no Landlock, or it is switched off");
  if (!has_one_thread())
    return base::fail(base::Code::kUnavailable, "threads run already, which would go free");
  RulesetAttributes attributes;
  attributes.handled_access_fs = handled_by(version);
  if (version >= 6) attributes.scoped = kScopeAbstractSockets | kScopeSignals;
  // An older kernel takes a longer structure as long as what it does not know is 0.
  const Descriptor ruleset(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (ruleset.get() < 0) return failed("a list of rules");
  for (const PathRule& rule : rules)
    if (auto added = add_rule(ruleset, rule, attributes.handled_access_fs); !added) return added;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no new rights");
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return failed("Landlock");
  return {};
}

}  // namespace parley::job
