#include "media/platform.h"

#include <gst/gst.h>

#include <string>
#include <vector>

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;

namespace {
constexpr const char* kDebian12 = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n";
constexpr const char* kUbuntu = "ID=ubuntu\nVERSION_ID=\"12\"\n";
}  // namespace

START_TEST(orders_debian_versions_as_dpkg_does) {
  // Pairs from deb-version(7), and the ones we decide by; each older than its neighbour.
  const std::vector<std::pair<const char*, const char*>> pairs = {
      {"1.22.0-4+deb12u7", "1.22.0-4+deb12u8"},
      {"1.22.0-4+deb12u8", "1.22.0-4+deb12u10"},
      {"1.22.0-4", "1.22.0-4+deb12u1"},
      {"1.22.0~rc1-1", "1.22.0-1"},
      {"1.9.0-1", "1.22.0-1"},
      {"1.22.0-4+deb12u8", "1:1.0-1"},
      {"1.0", "1.0a"},
      {"1.0~~", "1.0~"},
      {"1.0a", "1.0+"},
      {"1.22.0-4+deb12u8", "1.22.0-5"},
  };
  for (const auto& [older, newer] : pairs) {
    ck_assert_msg(media::is_older_debian_version(older, newer), "%s < %s", older, newer);
    ck_assert_msg(!media::is_older_debian_version(newer, older), "%s > %s", newer, older);
  }
  ck_assert(!media::is_older_debian_version("1.22.0-4+deb12u8", "1.22.0-4+deb12u8"));
  ck_assert(!media::is_older_debian_version("1.02-1", "1.2-1"));
}
END_TEST

START_TEST(an_unfixed_dtls_is_reported_on_debian_12_only) {
  const auto on_debian = media::judge_versions({1, 22}, kDebian12, "1.22.0-4+deb12u7");
  ck_assert_uint_eq(on_debian.size(), 1);
  ck_assert(on_debian[0].find("CVE-2026-59692") != std::string::npos);
  ck_assert(on_debian[0].find("gstreamer1.0-plugins-bad") != std::string::npos);
  ck_assert(media::judge_versions({1, 22}, kDebian12, "1.22.0-4+deb12u8").empty());
  ck_assert(media::judge_versions({1, 22}, kDebian12, "").empty());
  ck_assert(media::judge_versions({1, 22}, kUbuntu, "1.22.0-4+deb12u7").empty());
}
END_TEST

START_TEST(an_old_gstreamer_is_reported_everywhere) {
  ck_assert_uint_eq(media::judge_versions({1, 20}, kUbuntu, "").size(), 1);
  ck_assert_uint_eq(media::judge_versions({0, 99}, "", "").size(), 1);
  ck_assert(media::judge_versions({1, 24}, "", "").empty());
  ck_assert(media::judge_versions({2, 0}, "", "").empty());
}
END_TEST

START_TEST(finds_the_version_of_an_installed_package_only) {
  const std::string status =
      "Package: other\nStatus: install ok installed\nVersion: 9\n\n"
      "Package: wanted-not\nStatus: install ok installed\nVersion: 8\n\n"
      "Package: wanted\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.2-3\n\n"
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 7\n";
  ck_assert(media::installed_version(status, "wanted") == "1.2-3");
  ck_assert(media::installed_version(status, "gone") == "");
  ck_assert(media::installed_version(status, "absent") == "");
}
END_TEST

START_TEST(this_machine_is_fit) {
  for (const std::string& problem : media::check_platform()) ck_abort_msg("%s", problem.c_str());
}
END_TEST

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  return parley::test::run(
      "platform",
      {orders_debian_versions_as_dpkg_does, an_unfixed_dtls_is_reported_on_debian_12_only,
       an_old_gstreamer_is_reported_everywhere, finds_the_version_of_an_installed_package_only,
       this_machine_is_fit});
}
