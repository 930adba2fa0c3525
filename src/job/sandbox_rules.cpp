#include "job/sandbox_rules.h"

#include <glib.h>

#include <algorithm>
#include <string_view>

#include "base/overloaded.h"

namespace parley::job {
namespace {

using May = PathRule::May;

// Not all of /etc: the configuration of parleyd may be there, with its keys.
constexpr const char* kReadable[] = {
    // Programs' and libraries' own files. Nothing in them is secret, nothing of them can be
    // started.
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share", "/usr/local/lib", "/usr/local/lib64",
    "/usr/local/share", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/alternatives",
    // Names and addresses.
    "/etc/resolv.conf", "/run/systemd/resolve", "/run/resolvconf",
    "/run/NetworkManager/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
    "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group",
    "/etc/localtime", "/etc/timezone",
    // Whom TLS trusts.
    "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls/certs",
    "/etc/pki/ca-trust", "/etc/gnutls", "/etc/crypto-policies", "/etc/pkcs11",
    // Names under pictures.
    "/etc/fonts", "/var/cache/fontconfig",
    // How many processors there are, and of which kind.
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/proc/self", "/proc/cpuinfo",
    "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory", "/dev/random", "/dev/urandom"};
constexpr const char* kDevices[] = {"/dev/null", "/dev/zero"};
constexpr const char* kFoldersOfLibraries[] = {"GST_PLUGIN_PATH", "GST_PLUGIN_SYSTEM_PATH",
                                               "LD_LIBRARY_PATH"};

// "a:b" as it stands in a variable.
void add_list(std::vector<std::string>& to, const char* list) {
  std::string_view rest = list == nullptr ? "" : list;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (rest.starts_with('/')) to.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void add(std::vector<PathRule>& rules, const std::string& path, May may) {
  // A relative one is no rule: it means another place to each process.
  if (path.starts_with('/')) rules.push_back({path, may});
}

}  // namespace

Surroundings surroundings() {
  Surroundings around;
  around.home = g_get_home_dir();
  around.cache = g_get_user_cache_dir();
  around.data = g_get_user_data_dir();
  for (const char* name : kFoldersOfLibraries) add_list(around.libraries, g_getenv(name));
  return around;
}

std::vector<PathRule> allowed_to_all(const Surroundings& around) {
  std::vector<PathRule> rules;
  for (const char* path : kReadable) add(rules, path, May::kRead);
  for (const char* path : kDevices) add(rules, path, May::kUse);
  for (const std::string& folder : around.libraries) add(rules, folder, May::kRead);
  add(rules, around.home + "/.fonts", May::kRead);
  add(rules, around.home + "/.config/fontconfig", May::kRead);
  add(rules, around.cache + "/fontconfig", May::kRead);
  add(rules, around.data + "/fonts", May::kRead);
  add(rules, around.data + "/gstreamer-1.0", May::kRead);
  return rules;
}

std::vector<PathRule> allowed_to(const Spec& spec, const Surroundings& around) {
  std::vector<PathRule> rules = allowed_to_all(around);
  for (const std::string& folder : spec.pipelines) add(rules, folder, May::kRead);
  for (const std::string& path : spec.sandbox.read) add(rules, path, May::kRead);
  for (const std::string& path : spec.sandbox.write) add(rules, path, May::kChange);
  std::visit(base::Overloaded{
                 [&](const Record& work) { add(rules, work.folder, May::kChange); },
                 [](const Mix& /*work*/) {},
                 [&](const Out& work) { add(rules, work.folder, May::kChange); },
                 [&](const In& work) {
                   if (work.kind == "file") add(rules, work.address, May::kRead);
                 },
             },
             spec.work);
  return rules;
}

}  // namespace parley::job
