#include "app/check_pipelines.h"

#include <fmt/format.h>
#include <gst/gst.h>

#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>

#include "app/jobs.h"
#include "app/places.h"
#include "pipeline/check.h"

namespace parley::app {
namespace {

constexpr int kGood = 0;
constexpr int kWrong = 1;
constexpr int kNothingThere = 66;

// GStreamer as jobs see it: with our elements, and their file of what plugins there are.
void prepare_gstreamer() {
  for (const std::string& variable : job_environment(plugin_folder())) {
    const std::size_t equals = variable.find('=');
    setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
  }
  gst_init(nullptr, nullptr);
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  // One that crashes is the one after the last that was told.
  std::fflush(stdout);
}

}  // namespace

int check_pipelines(const std::string& folder) {
  std::error_code error;
  std::set<std::string> files;  // in the order of their names
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error))
    if (each->path().extension() == ".pipeline") files.insert(each->path().filename().string());
  if (error || files.empty()) {
    fmt::print(stderr, "parleyd: {}: {}\n", folder,
               error ? error.message() : "there is no *.pipeline file in it");
    return kNothingThere;
  }
  prepare_gstreamer();
  pipeline::CheckOptions options;
  options.ours = pipeline_folders("").front();
  std::size_t wrong = 0;
  std::size_t number = 0;
  for (const std::string& file : files) {
    fmt::print("[{}/{}] {}: ", ++number, files.size(), file);
    std::fflush(stdout);
    const auto result = pipeline::check_file(fmt::format("{}/{}", folder, file), options);
    if (result.complaints.empty()) {
      say(result.story);
      continue;
    }
    ++wrong;
    say("wrong");
    for (const std::string& complaint : result.complaints) say(complaint);
  }
  say(fmt::format("{} of {} are good", files.size() - wrong, files.size()));
  return wrong == 0 ? kGood : kWrong;
}

}  // namespace parley::app
