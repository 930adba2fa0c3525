#include "app/jobs_config.h"

#include <glib.h>

namespace parley::app {

using namespace values;

namespace {

Complaint pipelines_folder(const Place& place) {
  const std::string path = absolute(place.folder, place.value);
  if (g_file_test(path.c_str(), G_FILE_TEST_IS_DIR) == FALSE)
    return fmt::format("is no folder (looked for {})", path);
  place.config.pipelines = path;
  return std::nullopt;
}

Complaint job_program(const Place& place) {
  const std::string path = absolute(place.folder, place.value);
  if (g_file_test(path.c_str(), G_FILE_TEST_IS_EXECUTABLE) == FALSE ||
      g_file_test(path.c_str(), G_FILE_TEST_IS_DIR) != FALSE)
    return fmt::format("is no program that can be run (looked for {})", path);
  place.config.jobs.program = path;
  return std::nullopt;
}

}  // namespace

std::vector<KeySpec> job_keys() {
  return {
      {"pipelines", "folder", pipelines_folder},
      {"jobs", "program", job_program},
      {"jobs", "most",
       number<std::size_t>(PARLEY_CONFIG_MEMBER(std::size_t, jobs.most), 0, 10'000)},
      // GStreamer and an encoder alone take more than 100.
      {"jobs", "memory-mb",
       number<std::uint64_t>(PARLEY_CONFIG_MEMBER(std::uint64_t, job_memory_mb), 100, 1'000'000)},
      {"jobs", "longest",
       duration<std::chrono::seconds>(PARLEY_CONFIG_MEMBER(std::chrono::seconds, longest_job))},
  };
}

}  // namespace parley::app
