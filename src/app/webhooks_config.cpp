#include "app/webhooks_config.h"

#include <fmt/format.h>
#include <glib.h>

#include <utility>

#include "app/key_file.h"
#include "auth/tokens.h"
#include "net/http_client.h"
#include "wrap/owned.h"

namespace parley::app {

std::optional<std::string> read_webhook_url(const std::string& value, const std::string& /*folder*/,
                                            WebhookSettings& settings) {
  if (!net::is_http_url(value))
    return "is no https (or http) URL without user, password and fragment";
  settings.url = value;
  return std::nullopt;
}

std::optional<std::string> read_webhook_secrets(const std::string& value, const std::string& folder,
                                                WebhookSettings& settings) {
  for (const std::string& item : split_list(value)) {
    const wrap::Owned<char> path(g_canonicalize_filename(item.c_str(), folder.c_str()));
    wrap::Owned<char> contents;
    wrap::Owned<GError> error;
    gsize size = 0;
    if (!g_file_get_contents(path.get(), wrap::OutParam(contents), &size, wrap::OutParam(error)))
      return fmt::format("cannot be read: {}", error->message);
    std::string secret(contents.get(), size);
    // An editor ends the file with a line end that is no part of the secret.
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.size() < auth::kMinSecretBytes)
      return fmt::format("names a secret of {} bytes; at least {} are needed: openssl rand -hex 32",
                         secret.size(), auth::kMinSecretBytes);
    settings.secrets.push_back(std::move(secret));
  }
  return std::nullopt;
}

std::optional<std::string> read_webhook_events(const std::string& value,
                                               const std::string& /*folder*/,
                                               WebhookSettings& settings) {
  settings.events.clear();
  for (const std::string& item : split_list(value)) {
    const auto kind = admin::parse_notice_kind(item);
    if (!kind)
      return fmt::format(
          "contains '{}', which is none of call.unheard, call.started, call.ended, text.unheard, "
          "recording.started, recording.ended, bridge.changed",
          item);
    settings.events.insert(*kind);
  }
  return std::nullopt;
}

std::optional<WebhookMistake> check_webhooks(const WebhookSettings& settings, bool allow_plain) {
  if (settings.url.empty()) {
    if (settings.secrets.empty()) return std::nullopt;
    return WebhookMistake{"secret-file", "secret-file without a url: nothing would be sent"};
  }
  if (settings.secrets.empty())
    return WebhookMistake{"url",
                          "url without a secret-file: nobody could tell who has sent a webhook"};
  if (net::is_plain_beyond_loopback(settings.url) && !allow_plain)
    return WebhookMistake{"url",
                          "plain http beyond loopback: use https, or say allow-plain = true in "
                          "[http]"};
  return std::nullopt;
}

}  // namespace parley::app
