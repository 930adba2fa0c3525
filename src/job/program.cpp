#include "job/program.h"

#include <fmt/format.h>

#include <cstdio>

namespace parley::job {

int run(const std::vector<std::string>& /*arguments*/) {
  fmt::print(stderr, "parley-job: this build cannot run jobs\n");
  return kBadUsage;
}

}  // namespace parley::job
