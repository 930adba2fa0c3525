// Whether this machine's GStreamer is fit to face the open network.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parley::media {

// What is wrong, in words, each with what to install or upgrade; empty when nothing is. Reads files
// of the system; for start-up. GStreamer must be initialised.
[[nodiscard]] std::vector<std::string> check_platform();

// The rules behind it, as pure functions of what was found.
struct Version {
  unsigned major = 0;
  unsigned minor = 0;
};
// `os_release`: the text of /etc/os-release; `plugins_bad`: the installed Debian version of
// gstreamer1.0-plugins-bad, empty when unknown.
[[nodiscard]] std::vector<std::string> judge_versions(Version gstreamer,
                                                      std::string_view os_release,
                                                      std::string_view plugins_bad);
// The Debian version of a package by the text of dpkg's status file; empty when not installed.
[[nodiscard]] std::string installed_version(std::string_view dpkg_status, std::string_view package);
// Whether Debian version `a` is older than `b` (deb-version(7)).
[[nodiscard]] bool is_older_debian_version(std::string_view a, std::string_view b);

}  // namespace parley::media
