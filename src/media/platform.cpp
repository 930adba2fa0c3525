#include "media/platform.h"

#include <fmt/format.h>
#include <gst/gst.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <utility>

#include "wrap/gst.h"

namespace parley::wrap {
template <>
struct RefTraits<GstElementFactory> : GObjectTraits<GstElementFactory> {};
}  // namespace parley::wrap

namespace parley::media {

namespace {

// Closes CVE-2026-59692: a crafted certificate overflows the stack in DTLS.
constexpr std::string_view kFixedPluginsBad = "1.22.0-4+deb12u8";

struct Needed {
  const char* element;
  const char* package;
};
// webrtcbin itself makes the others. It looks for nicesrc and nicesink before it goes to READY,
// although our transport stands in for them.
constexpr std::array<Needed, 9> kNeeded = {{
    {"webrtcbin", "gstreamer1.0-plugins-bad"},
    {"dtlssrtpenc", "gstreamer1.0-plugins-bad"},
    {"dtlssrtpdec", "gstreamer1.0-plugins-bad"},
    {"srtpenc", "gstreamer1.0-plugins-bad"},
    {"srtpdec", "gstreamer1.0-plugins-bad"},
    {"rtpbin", "gstreamer1.0-plugins-good"},
    {"rtpfunnel", "gstreamer1.0-plugins-good"},
    {"nicesrc", "gstreamer1.0-nice"},
    {"nicesink", "gstreamer1.0-nice"},
}};

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The value of `key` in lines of KEY=value or "Key: value", unquoted.
std::string_view value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(key)) continue;
    line.remove_prefix(key.size());
    while (!line.empty() && (line.front() == '"' || line.front() == ' ')) line.remove_prefix(1);
    while (!line.empty() && line.back() == '"') line.remove_suffix(1);
    return line;
  }
  return {};
}

// deb-version(7): '~' before everything, even the end; letters before the rest.
int rank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (c == '~') return -1;
  return std::isalpha(byte) != 0 ? byte : byte + 256;
}

std::string_view take_while(std::string_view& text, bool digits) {
  const auto stop = std::find_if(text.begin(), text.end(), [digits](unsigned char c) {
    return (std::isdigit(c) != 0) != digits;
  });
  const auto count = static_cast<std::size_t>(stop - text.begin());
  const std::string_view out = text.substr(0, count);
  text.remove_prefix(count);
  return out;
}

int compare_words(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const int left = i < a.size() ? rank(a[i]) : 0;
    const int right = i < b.size() ? rank(b[i]) : 0;
    if (left != right) return left - right;
  }
  return 0;
}

int compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// One of upstream version and revision.
int compare_parts(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    if (const int words = compare_words(take_while(a, false), take_while(b, false))) return words;
    if (const int numbers = compare_numbers(take_while(a, true), take_while(b, true)))
      return numbers;
  }
  return 0;
}

struct DebianVersion {
  std::string_view epoch;
  std::string_view upstream;
  std::string_view revision;
};

DebianVersion split(std::string_view text) {
  DebianVersion out;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    out.epoch = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  const std::size_t dash = text.rfind('-');
  out.upstream = text.substr(0, dash);
  if (dash != std::string_view::npos) out.revision = text.substr(dash + 1);
  return out;
}

}  // namespace

bool is_older_debian_version(std::string_view a, std::string_view b) {
  const DebianVersion left = split(a);
  const DebianVersion right = split(b);
  if (const int epoch = compare_numbers(left.epoch, right.epoch)) return epoch < 0;
  if (const int upstream = compare_parts(left.upstream, right.upstream)) return upstream < 0;
  return compare_parts(left.revision, right.revision) < 0;
}

std::string installed_version(std::string_view dpkg_status, std::string_view package) {
  const std::string name = fmt::format("Package: {}\n", package);
  for (std::size_t at = dpkg_status.find(name); at != std::string_view::npos;
       at = dpkg_status.find(name, at + 1)) {
    if (at != 0 && dpkg_status[at - 1] != '\n') continue;
    const std::string_view paragraph = dpkg_status.substr(at, dpkg_status.find("\n\n", at) - at);
    if (value_of(paragraph, "Status:").ends_with(" installed"))
      return std::string(value_of(paragraph, "Version:"));
  }
  return {};
}

std::vector<std::string> judge_versions(Version gstreamer, std::string_view os_release,
                                        std::string_view plugins_bad) {
  std::vector<std::string> problems;
  if (std::pair(gstreamer.major, gstreamer.minor) < std::pair(1U, 22U))
    problems.push_back(fmt::format("GStreamer is {}.{}, and 1.22 or newer is needed: upgrade it",
                                   gstreamer.major, gstreamer.minor));
  const bool debian_12 =
      value_of(os_release, "ID=") == "debian" && value_of(os_release, "VERSION_ID=") == "12";
  if (debian_12 && !plugins_bad.empty() && is_older_debian_version(plugins_bad, kFixedPluginsBad))
    problems.push_back(fmt::format(
        "gstreamer1.0-plugins-bad is {}, and below {} a peer's certificate can crash the server "
        "(CVE-2026-59692): run apt-get install --only-upgrade gstreamer1.0-plugins-bad",
        plugins_bad, kFixedPluginsBad));
  return problems;
}

std::vector<std::string> check_platform() {
  guint major = 0;
  guint minor = 0;
  guint micro = 0;
  guint nano = 0;
  gst_version(&major, &minor, &micro, &nano);
  std::vector<std::string> problems = judge_versions(
      {major, minor}, read_file("/etc/os-release"),
      installed_version(read_file("/var/lib/dpkg/status"), "gstreamer1.0-plugins-bad"));
  for (const Needed& needed : kNeeded) {
    const auto factory =
        wrap::Ref<GstElementFactory>::adopt(gst_element_factory_find(needed.element));
    if (!factory)
      problems.push_back(
          fmt::format("GStreamer has no element {}: install {}", needed.element, needed.package));
  }
  return problems;
}

}  // namespace parley::media
