#include "app/hls_folders.h"

#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/check_main.h"

using namespace parley;
using app::HlsFolders;
namespace fs = std::filesystem;

namespace {

struct Root {
  std::string path = fs::temp_directory_path() / ("parley-hls-test-" + std::to_string(getpid()));
  Root() { fs::remove_all(path); }
  ~Root() { fs::remove_all(path); }
};

}  // namespace

START_TEST(serves_the_folder_of_a_bridge_and_no_other) {
  const Root root;
  auto folders = HlsFolders::create(root.path + "/a/b");
  ck_assert_msg(folders.has_value(), "%s", folders ? "" : folders.error().message.c_str());
  const base::JobId bridge("0123abcd");
  const auto folder = (*folders)->open(bridge);
  ck_assert(folder.has_value());
  std::ofstream(*folder + "/index.m3u8") << "#EXTM3U\n";
  std::ofstream(*folder + "/part00000.ts") << "x";
  net::StaticFiles files({(*folders)->mount()});
  ck_assert(HlsFolders::watch_path(bridge) == "/hls/0123abcd/index.m3u8");
  const auto playlist = files.find(HlsFolders::watch_path(bridge));
  ck_assert(playlist.has_value());
  ck_assert((*playlist)->content_type == "application/vnd.apple.mpegurl");
  ck_assert((*playlist)->any_origin);
  const auto part = files.find("/hls/0123abcd/part00000.ts");
  ck_assert(part.has_value() && (*part)->content_type == "video/mp2t");
  for (const char* other :
       {"/hls/", "/hls/0123abcd/", "/hls/../", "/hls/0123abcd/../x", "/hls/0123abce/index.m3u8"})
    ck_assert_msg(!files.find(other).has_value(), "%s", other);
  ck_assert((*folders)->open(bridge).error().code == base::Code::kConflict);
  for (const char* bad : {"", "..", ".a", "a:b", "a@b"})
    ck_assert_msg(!(*folders)->open(base::JobId(bad)).has_value(), "%s", bad);
  (*folders)->close(bridge);
  ck_assert(!files.find(HlsFolders::watch_path(bridge)).has_value());
  ck_assert((*folders)->open(bridge).has_value());
  folders->reset();
  ck_assert(fs::is_empty(root.path + "/a/b"));
}
END_TEST

START_TEST(removes_what_the_dead_have_left_and_nothing_of_the_living) {
  const Root root;
  const pid_t child = fork();
  if (child == 0) {
    auto folders = HlsFolders::create(root.path);
    _exit(folders && (*folders)->open(base::JobId("left")) ? 0 : 1);  // as if killed
  }
  int status = 0;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  fs::create_directories(root.path + "/other");
  ck_assert_int_eq(std::distance(fs::directory_iterator(root.path), fs::directory_iterator()), 2);
  auto one = HlsFolders::create(root.path);
  ck_assert(one.has_value() && (*one)->open(base::JobId("live")).has_value());
  ck_assert_int_eq(std::distance(fs::directory_iterator(root.path), fs::directory_iterator()), 2);
  auto two = HlsFolders::create(root.path);
  ck_assert(two.has_value());
  ck_assert_int_eq(std::distance(fs::directory_iterator(root.path), fs::directory_iterator()), 3);
  ck_assert(fs::exists(root.path + "/other"));
}
END_TEST

int main() {
  return test::run("hls folders", {serves_the_folder_of_a_bridge_and_no_other,
                                   removes_what_the_dead_have_left_and_nothing_of_the_living});
}
