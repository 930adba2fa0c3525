#include "net/static_files.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "support/check_main.h"

using namespace parley;

namespace {

struct Folder {
  std::string path;
  Folder() {
    char* made = g_dir_make_tmp("parley-files-XXXXXX", nullptr);
    path = made;
    g_free(made);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name) << text;
  }
};

std::string body(net::StaticFiles& files, const std::string& path) {
  const auto file = files.find(path);
  return file ? (*file)->body : "none";
}

// Asks until the file has been at rest for long enough to be kept.
void wait_until_kept(net::StaticFiles& files, const std::string& path) {
  std::size_t before = 0;
  do {
    g_usleep(50'000);
    before = files.reads();
    ck_assert(files.find(path).has_value());
  } while (before != files.reads());
}

}  // namespace

START_TEST(reads_a_file_once) {
  const Folder folder;
  folder.write("a.js", "export {};");
  net::StaticFiles files({{"/", folder.path}});
  wait_until_kept(files, "/a.js");
  const auto reads = files.reads();
  const auto first = files.find("/a.js");
  for (int i = 0; i < 100; ++i) ck_assert(files.find("/a.js").value() == *first);
  ck_assert_uint_eq(files.reads(), reads);
}
END_TEST

START_TEST(sees_at_once_that_a_file_has_changed) {
  const Folder folder;
  folder.write("a.js", "first one");
  net::StaticFiles files({{"/", folder.path}});
  wait_until_kept(files, "/a.js");
  const std::string tag = (*files.find("/a.js"))->etag;
  struct stat before {};
  ck_assert_int_eq(stat((folder.path + "/a.js").c_str(), &before), 0);
  // Of the same size, with the old time of change: as a careful copy leaves it.
  folder.write("a.js", "other one");
  const timespec times[] = {before.st_atim, before.st_mtim};
  ck_assert_int_eq(utimensat(AT_FDCWD, (folder.path + "/a.js").c_str(), times, 0), 0);
  ck_assert(body(files, "/a.js") == "other one");
  ck_assert((*files.find("/a.js"))->etag != tag);
  // Twice within what the clock of the file system can tell apart.
  for (int i = 0; i < 50; ++i) {
    const std::string text = "version " + std::to_string(10 + i);
    folder.write("a.js", text);
    ck_assert(body(files, "/a.js") == text);
  }
}
END_TEST

START_TEST(forgets_a_file_that_is_gone_or_became_a_link) {
  const Folder folder;
  folder.write("a.js", "export {};");
  folder.write("b.js", "secret");
  net::StaticFiles files({{"/", folder.path}});
  wait_until_kept(files, "/a.js");
  std::filesystem::remove(folder.path + "/a.js");
  ck_assert(body(files, "/a.js") == "none");
  std::filesystem::create_symlink(folder.path + "/b.js", folder.path + "/a.js");
  ck_assert(body(files, "/a.js") == "none");
}
END_TEST

START_TEST(keeps_no_more_than_it_may) {
  const Folder folder;
  const std::string large(net::StaticFiles::kMaxFileBytes, 'x');
  for (const char* name : {"a", "b", "c", "d", "e"}) folder.write(name, large);
  folder.write("too-large", large + "x");
  net::StaticFiles files({{"/", folder.path}});
  wait_until_kept(files, "/e");
  const auto reads = files.reads();
  for (const char* path : {"/a", "/b", "/c", "/d"}) ck_assert(files.find(path).has_value());
  ck_assert_uint_eq(files.reads(), reads + 4);
  ck_assert(files.find("/b").has_value());
  ck_assert_uint_eq(files.reads(), reads + 4);
  ck_assert(files.find("/e").has_value());  // the fifth of them: it had to go
  ck_assert_uint_eq(files.reads(), reads + 5);
  ck_assert(files.find("/b").has_value());  // asked for since
  ck_assert_uint_eq(files.reads(), reads + 5);
  ck_assert(!files.find("/too-large").has_value());
}
END_TEST

int main() {
  return test::run("static files",
                   {reads_a_file_once, sees_at_once_that_a_file_has_changed,
                    forgets_a_file_that_is_gone_or_became_a_link, keeps_no_more_than_it_may});
}
