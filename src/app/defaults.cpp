#include "app/defaults.h"

#include <fcntl.h>
#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "app/secrets.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

constexpr std::chrono::hours kDemoLifetime{24};

base::Result<std::string> data_folder() {
  const wrap::Owned<char> folder(g_build_filename(g_get_user_data_dir(), "parley", nullptr));
  if (g_mkdir_with_parents(folder.get(), 0700) != 0)
    return base::fail(base::Code::kUnavailable, fmt::format("cannot make the folder {}: {}",
                                                            folder.get(), std::strerror(errno)));
  return std::string(folder.get());
}

// Whole or not at all: somebody else may be starting for the first time as well.
base::Result<void> write_new_secret(const std::string& path) {
  const std::string draft = fmt::format("{}.{}", path, random_name());
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const std::string secret = random_secret() + "\n";
  const bool written =
      fd >= 0 && ::write(fd, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size());
  const bool made = written && (::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int reason = errno;
  if (fd >= 0) {
    ::close(fd);
    ::unlink(draft.c_str());
  }
  if (!made)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("cannot make the key {}: {}", path, std::strerror(reason)));
  return {};
}

base::Result<auth::Key> development_key(const std::string& path) {
  if (!g_file_test(path.c_str(), G_FILE_TEST_EXISTS))
    if (auto made = write_new_secret(path); !made) return tl::unexpected(made.error());
  wrap::Owned<char> contents;
  wrap::Owned<GError> error;
  if (!g_file_get_contents(path.c_str(), wrap::OutParam(contents), nullptr, wrap::OutParam(error)))
    return base::fail(base::Code::kUnavailable, error->message);
  auth::Key key{"development", auth::Algorithm::kHs256, g_strchomp(contents.get())};
  if (key.material.size() < auth::kMinSecretBytes)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("the key {} is damaged; remove it, and a new one is made", path));
  return key;
}

// Where `make install` puts the client, or else where it stands in the source.
std::string client_folder() {
  for (const char* folder : {PARLEY_INSTALLED_CLIENT, PARLEY_SOURCE_CLIENT})
    if (g_file_test(folder, G_FILE_TEST_IS_DIR)) return folder;
  return {};
}

}  // namespace

base::Result<void> fill_in(Config& config) {
  if (config.store.empty() || config.keys.empty()) {
    const auto folder = data_folder();
    if (!folder) return tl::unexpected(folder.error());
    if (config.store.empty()) config.store = *folder + "/parley.db";
    if (config.keys.empty()) {
      auto key = development_key(*folder + "/development.key");
      if (!key) return tl::unexpected(key.error());
      config.keys.push_back(std::move(*key));
    }
  }
  if (config.recordings.folder.empty()) {
    const wrap::Owned<char> beside(g_path_get_dirname(config.store.c_str()));
    config.recordings.folder = std::string(beside.get()) + "/recordings";
  }
  if (config.client.empty()) config.client = client_folder();
  if (!config.client.empty())
    config.http.mounts = {{"/", config.client + "/demo"},
                          {"/jsapi/", config.client + "/jsapi", /*any_origin=*/true}};
  return {};
}

base::Result<auth::Key> signing_key(const Config& config) {
  const auto found = std::find_if(config.keys.begin(), config.keys.end(), [](const auto& key) {
    return key.algorithm == auth::Algorithm::kHs256;
  });
  if (found == config.keys.end())
    return base::fail(base::Code::kNotFound,
                      "only HS256 keys sign here, and the configuration has none; make the token "
                      "where the private key is");
  return *found;
}

base::Result<std::vector<std::string>> demo_links(const auth::Key& key, const std::string& audience,
                                                  const std::string& base_url, base::WallTime now) {
  static constexpr std::array<std::array<const char*, 3>, 4> kDevices = {{
      {"alice", "Laptop", "bob"},
      {"alice", "Phone", "bob"},
      {"bob", "Laptop", "alice"},
      {"bob", "Phone", "alice"},
  }};
  std::vector<std::string> links;
  for (const auto& [user, device, contact] : kDevices) {
    const auto token = auth::mint(key, {base::UserId(user),
                                        {base::ProfileId(user)},
                                        {"record", "mix", "bridge"},
                                        audience,
                                        now + kDemoLifetime});
    if (!token) return tl::unexpected(token.error());
    links.push_back(
        fmt::format("{}#token={}&device={}&contacts={}", base_url, *token, device, contact));
  }
  return links;
}

}  // namespace parley::app
