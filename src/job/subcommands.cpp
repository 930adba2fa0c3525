#include "job/subcommands.h"

#include <gst/gst.h>

#include <array>

#include "job/verify.h"

namespace parley::job {
namespace {

// GStreamer's first look at its plugins takes seconds; what it found is kept in a file.
int look_at_plugins(const std::vector<std::string>& /*arguments*/) {
  gst_init(nullptr, nullptr);
  return 0;
}

constexpr std::array kSubcommands{
    Subcommand{"look", "look", "Look at GStreamer's plugins, so that jobs start fast; parleyd does",
               look_at_plugins},
    Subcommand{"verify", "verify FILE", "Say what is in a recording (a file or its folder); --json",
               verify_command},
};

}  // namespace

std::span<const Subcommand> subcommands() { return kSubcommands; }

}  // namespace parley::job
