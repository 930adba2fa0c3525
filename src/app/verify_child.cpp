#include "app/verify_child.h"

#include <gio/gio.h>

#include <array>
#include <deque>
#include <limits>
#include <memory>
#include <utility>

#include "app/jobs.h"
#include "app/places.h"
#include "job/json.h"
#include "wrap/owned.h"
#include "wrap/ref.h"

namespace parley::wrap {
template <>
struct RefTraits<GSubprocess> : GObjectTraits<GSubprocess> {};
template <>
struct RefTraits<GSubprocessLauncher> : GObjectTraits<GSubprocessLauncher> {};
}  // namespace parley::wrap

namespace parley::app {
namespace {

using Done = std::function<void(base::Result<std::vector<Measured>>)>;

struct Wanted {
  std::string program;
  std::string folder;
  Done done;
};
// After a crash every recording that ran is to be looked at.
struct Queue {
  std::deque<Wanted> waiting;
  std::size_t running = 0;
};
Queue& queue() {
  static Queue all;
  return all;
}
void start_next();

base::Result<std::vector<Measured>> parse(const char* line) {
  auto root = job::parse_object(line);
  if (!root) return tl::unexpected(root.error());
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  job::Reader reader(json_node_get_object(root->get()));
  std::vector<Measured> files;
  for (job::Reader& file : reader.objects("files"))
    files.push_back({.file = file.text("file"),
                     .plays = file.boolean("plays"),
                     .start_ms = file.whole("startMs", 0, kMost),
                     .duration_ms = file.whole("durationMs", 0, kMost),
                     .bytes = static_cast<std::uint64_t>(file.whole("bytes", 0, kMost))});
  if (!reader.good()) return base::fail(base::Code::kInvalid, reader.complaint());
  return files;
}

void on_done(GObject* child, GAsyncResult* result, gpointer data) noexcept {
  const std::unique_ptr<Done> done(static_cast<Done*>(data));
  --queue().running;
  start_next();
  wrap::Owned<char> text;
  wrap::Owned<GError> error;
  char* out = nullptr;
  const bool ended = g_subprocess_communicate_utf8_finish(G_SUBPROCESS(child), result, &out,
                                                          nullptr, wrap::OutParam(error)) != FALSE;
  text.reset(out);
  if (!ended || text == nullptr || *text == '\0')
    return (*done)(base::fail(base::Code::kUnavailable,
                              error ? error->message : "parley-job verify has said nothing"));
  g_strchomp(text.get());
  (*done)(parse(text.get()));
}

// It ends by itself, whatever hangs in it: job/verify.cpp.
void start(Wanted wanted) {
  const std::array<const char*, 5> arguments = {wanted.program.c_str(), "verify", "--json",
                                                wanted.folder.c_str(), nullptr};
  std::vector<std::string> environment = job_environment(plugin_folder());
  std::vector<char*> variables;
  variables.reserve(environment.size() + 1);
  for (std::string& variable : environment) variables.push_back(variable.data());
  variables.push_back(nullptr);
  const auto launcher = wrap::Ref<GSubprocessLauncher>::adopt(
      g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE));
  g_subprocess_launcher_set_environ(launcher.get(), variables.data());
  wrap::Owned<GError> error;
  const auto child = wrap::Ref<GSubprocess>::adopt(
      g_subprocess_launcher_spawnv(launcher.get(), arguments.data(), wrap::OutParam(error)));
  if (!child) return wanted.done(base::fail(base::Code::kUnavailable, error->message));
  ++queue().running;
  g_subprocess_communicate_utf8_async(child.get(), nullptr, nullptr, on_done,
                                      new Done(std::move(wanted.done)));
}

void start_next() {
  while (queue().running < kVerifiersAtATime && !queue().waiting.empty()) {
    Wanted next = std::move(queue().waiting.front());
    queue().waiting.pop_front();
    start(std::move(next));
  }
}

}  // namespace

void verify_in_child(const std::string& program, const std::string& folder, Done done) {
  queue().waiting.push_back({program, folder, std::move(done)});
  start_next();
}

}  // namespace parley::app
