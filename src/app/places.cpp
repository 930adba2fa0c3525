#include "app/places.h"

#include <glib.h>

#include "wrap/owned.h"

namespace parley::app {
namespace {

bool is_file(const std::string& path) {
  return g_file_test(path.c_str(), G_FILE_TEST_IS_REGULAR) != FALSE;
}

std::string folder_of_program() {
  const wrap::Owned<char> self(g_file_read_link("/proc/self/exe", nullptr));
  if (!self) return {};
  const wrap::Owned<char> folder(g_path_get_dirname(self.get()));
  return folder.get();
}

// A test's program stands elsewhere in the tree than parleyd.
bool in_build_tree() {
  return folder_of_program().starts_with(std::string(PARLEY_BUILD_TREE) + "/");
}

}  // namespace

std::string job_program() {
  std::string beside = folder_of_program() + "/parley-job";
  if (is_file(beside)) return beside;
  std::string built = PARLEY_BUILD_TREE "/src/job/parley-job";
  return in_build_tree() && is_file(built) ? built : std::string();
}

std::string plugin_folder() {
  std::string built = PARLEY_BUILD_TREE "/plugins";
  if (in_build_tree() && is_file(built + "/libgstparley.so")) return built;
  return PARLEY_INSTALLED_PLUGINS;
}

std::vector<std::string> pipeline_folders(const std::string& own) {
  std::vector<std::string> folders;
  if (!own.empty()) folders.push_back(own);
  folders.emplace_back(in_build_tree() ? PARLEY_SOURCE_PIPELINES : PARLEY_INSTALLED_PIPELINES);
  return folders;
}

}  // namespace parley::app
