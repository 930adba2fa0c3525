#include "app/config_checks.h"

#include <fmt/format.h>
#include <gio/gio.h>

#include <algorithm>
#include <memory>

#include "app/webhooks_config.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

using Mistakes = std::vector<base::Error>;

// Where what is not written would stand.
constexpr int kNowhere = 1;

int line_of(const KeyFile& file, std::string_view group, std::string_view key) {
  for (const KeyLine& line : file.lines)
    if (line.group == group && line.key == key) return line.line;
  return kNowhere;
}

void check_tls(const KeyFile& file, const net::ServerConfig& http, Mistakes& mistakes) {
  if (http.tls_certificate.empty() && http.tls_key.empty()) return;
  if (http.tls_certificate.empty() || http.tls_key.empty()) {
    mistakes.push_back(
        file.at(line_of(file, "http", http.tls_key.empty() ? "tls-certificate" : "tls-key"),
                "tls-certificate and tls-key go together; one of them is missing"));
    return;
  }
  wrap::Owned<GError> error;
  const std::unique_ptr<GTlsCertificate, void (*)(GTlsCertificate*)> certificate(
      g_tls_certificate_new_from_files(http.tls_certificate.c_str(), http.tls_key.c_str(),
                                       wrap::OutParam(error)),
      [](GTlsCertificate* c) { g_object_unref(c); });
  if (!certificate)
    mistakes.push_back(
        file.at(line_of(file, "http", "tls-certificate"),
                fmt::format("tls-certificate and tls-key cannot be used: {}", error->message)));
}

void check_reach(const KeyFile& file, const Config& config, Mistakes& mistakes) {
  const auto& http = config.http;
  const bool loopback = std::all_of(http.listen.begin(), http.listen.end(), [](const auto& text) {
    const std::unique_ptr<GInetAddress, void (*)(GInetAddress*)> address(
        g_inet_address_new_from_string(text.c_str()), [](GInetAddress* a) { g_object_unref(a); });
    return g_inet_address_get_is_loopback(address.get()) != FALSE;
  });
  if (loopback) return;
  const int line = line_of(file, "http", "listen");
  if (http.tls_certificate.empty() && http.tls_key.empty() && !config.allow_plain)
    mistakes.push_back(
        file.at(line,
                "plain http beyond loopback: set tls-certificate and tls-key, or listen on "
                "localhost behind a proxy, or say allow-plain = true"));
  const bool has_keys = std::any_of(file.groups.begin(), file.groups.end(),
                                    [](const auto& group) { return kid_of(group.first); });
  if (!has_keys)
    mistakes.push_back(file.at(
        line,
        "the development key is for this machine alone: to listen beyond loopback, add a group "
        "[key \"ID\"] with algorithm and secret-file or public-key-file"));
}

// What a client missed is sent at once: it must fit into what may wait for a slow reader. A default
// gives way.
void check_replay(const KeyFile& file, Config& config, Mistakes& mistakes) {
  const auto check = [&](const char* key, std::size_t& value, const char* queue, std::size_t room) {
    if (value < room) return;
    const int line = line_of(file, "limits", key);
    if (line == kNowhere)
      value = room / 2;
    else
      mistakes.push_back(
          file.at(line, fmt::format("{} ({}) must be less than {} ({})", key, value, queue, room)));
  };
  check("replay-events", config.replay.events, "send-queue-messages",
        config.http.limits.queue_messages);
  check("replay-bytes", config.replay.bytes, "send-queue-bytes", config.http.limits.queue_bytes);
}

}  // namespace

std::optional<std::string> kid_of(std::string_view group) {
  if (group == "key") return "";
  if (!group.starts_with("key \"") || !group.ends_with('"') || group.size() < 7)
    return std::nullopt;
  return std::string(group.substr(5, group.size() - 6));
}

void check_together(const KeyFile& file, Config& config, Mistakes& mistakes) {
  check_tls(file, config.http, mistakes);
  check_reach(file, config, mistakes);
  check_replay(file, config, mistakes);
  if (const auto wrong = check_webhooks(config.webhooks, config.allow_plain))
    mistakes.push_back(file.at(line_of(file, "webhooks", wrong->key), wrong->message));
}

}  // namespace parley::app
