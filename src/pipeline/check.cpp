#include "pipeline/check.h"

#include <fmt/format.h>
#include <glib.h>

#include <optional>
#include <string_view>
#include <utility>

#include "pipeline/description.h"
#include "pipeline/trial.h"
#include "wrap/owned.h"

namespace parley::pipeline {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

base::Result<Description> read(const std::string& path) {
  wrap::Owned<char> text;
  wrap::Owned<GError> error;
  gsize size = 0;
  if (!g_file_get_contents(path.c_str(), wrap::OutParam(text), &size, wrap::OutParam(error)))
    return base::fail(base::Code::kUnavailable, fmt::format("{}:1: {}", path, error->message));
  return Description::parse(path, std::string_view(text.get(), size));
}

// What a program that knows ours will look for.
void compare_with_ours(const Description& description, const CheckOptions& options,
                       CheckResult& result) {
  const wrap::Owned<char> name(g_path_get_basename(description.path().c_str()));
  const std::string path = options.ours + "/" + name.get();
  if (options.ours.empty() || g_file_test(path.c_str(), G_FILE_TEST_EXISTS) == FALSE) return;
  const auto ours = read(path);
  if (!ours) return;
  const auto complain = [&](const std::string& what) {
    result.complaints.push_back(fmt::format("{}:1: {}", description.path(), what));
  };
  for (const Hook& hook : ours->hooks()) {
    const Hook* own = description.find_hook(hook.name);
    if (own == nullptr || own->factory != hook.factory)
      complain(fmt::format("the file whose place it takes has: # hook {} {} {}", hook.name,
                           hook.factory, hook.media));
  }
  for (const Parameter& parameter : ours->parameters()) {
    bool there = false;
    for (const Parameter& own : description.parameters()) there |= own.name == parameter.name;
    if (!there)
      complain(fmt::format("the file whose place it takes has a parameter '{}', which is set",
                           parameter.name));
  }
}

// Both ends of what a file promises are what the property takes.
void try_ranges(const Description& description, CheckResult& result) {
  auto instance = description.make();
  if (!instance) return;
  for (const Parameter& parameter : description.parameters()) {
    std::vector<std::string> ends;
    std::string_view rest = parameter.range;
    const std::size_t dots = rest.find("..");
    if (dots != std::string_view::npos && parameter.type != "string" && parameter.type != "bool") {
      ends = {std::string(rest.substr(0, dots)), std::string(rest.substr(dots + 2))};
    } else if (rest != "-") {
      while (!rest.empty()) {
        const std::size_t bar = std::min(rest.find('|'), rest.size());
        ends.emplace_back(rest.substr(0, bar));
        rest.remove_prefix(std::min(bar + 1, rest.size()));
      }
    }
    for (const std::string& end : ends)
      if (const auto set = instance->set(parameter.name, end); !set)
        result.complaints.push_back(set.error().message);
  }
}

}  // namespace

CheckResult check_file(const std::string& path, const CheckOptions& options) {
  CheckResult result;
  const auto description = read(path);
  if (!description) {
    result.complaints = lines_of(description.error().message);
    return result;
  }
  auto instance = description->make();
  if (!instance) {
    result.complaints = lines_of(instance.error().message);
    return result;
  }
  compare_with_ours(*description, options, result);
  try_ranges(*description, result);
  if (!result.complaints.empty()) return result;
  Trial trial(*description, std::move(*instance));
  result.complaints = trial.run(options.limit);
  result.story = trial.story();
  return result;
}

}  // namespace parley::pipeline
