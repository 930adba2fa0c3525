#include "job/subcommands.h"

#include <fmt/format.h>
#include <gst/gst.h>

#include <array>
#include <cstdint>
#include <cstdio>

#include "job/process_limits.h"
#include "job/verify.h"

namespace parley::job {
namespace {

// GStreamer's first look at its plugins takes seconds; what it found is kept in a file.
int look_at_plugins(const std::vector<std::string>& /*arguments*/) {
  gst_init(nullptr, nullptr);
  return 0;
}

// What is in a file came from strangers. Our choice: ten times what a recording of a day takes.
constexpr std::uint64_t kMostMemoryBytes = 1'000'000'000;

int verify_within_limits(const std::vector<std::string>& arguments) {
  for (const std::string& lacking : limit_process({.memory_bytes = kMostMemoryBytes}))
    fmt::print(stderr, "it goes without a limit: {}\n", lacking);
  return verify_command(arguments);
}

constexpr std::array kSubcommands{
    Subcommand{"look", "look", "Look at GStreamer's plugins, so that jobs start fast; parleyd does",
               look_at_plugins},
    Subcommand{"verify", "verify [--json] FILE|FOLDER", "Say what is in a recording",
               verify_within_limits},
};

}  // namespace

std::span<const Subcommand> subcommands() { return kSubcommands; }

}  // namespace parley::job
