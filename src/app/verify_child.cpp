#include "app/verify_child.h"

#include <gio/gio.h>

#include <array>
#include <limits>
#include <memory>
#include <utility>

#include "job/json.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

using Done = std::function<void(base::Result<std::vector<Measured>>)>;

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

}  // namespace

void verify_in_child(const std::string& program, const std::string& folder, Done done) {
  const std::array<const char*, 5> arguments = {program.c_str(), "verify", "--json", folder.c_str(),
                                                nullptr};
  wrap::Owned<GError> error;
  GSubprocess* child =
      g_subprocess_newv(arguments.data(), G_SUBPROCESS_FLAGS_STDOUT_PIPE, wrap::OutParam(error));
  if (child == nullptr) return done(base::fail(base::Code::kUnavailable, error->message));
  g_subprocess_communicate_utf8_async(child, nullptr, nullptr, on_done, new Done(std::move(done)));
  g_object_unref(child);
}

}  // namespace parley::app
