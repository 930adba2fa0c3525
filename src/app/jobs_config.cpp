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

// A job that hangs says nothing; one that works says something every 2 s.
Complaint silence(const Place& place) {
  const auto value = parse_duration(place.value);
  if (!value || *value < 2 * job::kBeatEvery || *value > std::chrono::hours(1))
    return "is not a time from 4s to 1h, such as 15s";
  place.config.jobs.waits.silence = std::chrono::duration_cast<std::chrono::milliseconds>(*value);
  return std::nullopt;
}

bool is_absolute(const std::string& path) { return path.starts_with('/'); }

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
  const auto what = "an absolute path";
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
      {"jobs", "silence", silence},
      {"jobs", "sandbox",
       one_of<job::Sandbox::Mode>(PARLEY_CONFIG_MEMBER(job::Sandbox::Mode, jobs.sandbox.mode),
                                  {{"auto", job::Sandbox::Mode::kAuto},
                                   {"require", job::Sandbox::Mode::kRequire},
                                   {"off", job::Sandbox::Mode::kOff}})},
      {"jobs", "may-read",
       list(PARLEY_CONFIG_MEMBER(std::vector<std::string>, jobs.sandbox.read), is_absolute, what)},
      {"jobs", "may-write",
       list(PARLEY_CONFIG_MEMBER(std::vector<std::string>, jobs.sandbox.write), is_absolute, what)},
  };
}

}  // namespace parley::app
