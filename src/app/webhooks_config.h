// The keys of the group [webhooks] that take more than a number.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/webhooks.h"

namespace parley::app {

// Each says what is wrong with the value, as the end of a sentence; nullopt: nothing, and it is
// set.
[[nodiscard]] std::optional<std::string> read_webhook_url(const std::string& value,
                                                          const std::string& folder,
                                                          WebhookSettings& settings);
// Files, relative to `folder`, of at least 32 bytes each.
[[nodiscard]] std::optional<std::string> read_webhook_secrets(const std::string& value,
                                                              const std::string& folder,
                                                              WebhookSettings& settings);
[[nodiscard]] std::optional<std::string> read_webhook_events(const std::string& value,
                                                             const std::string& folder,
                                                             WebhookSettings& settings);

// What the keys lack together, as a key and what is to be said of it; nullopt: nothing.
struct WebhookMistake {
  std::string key;
  std::string message;
};
[[nodiscard]] std::optional<WebhookMistake> check_webhooks(const WebhookSettings& settings,
                                                           bool allow_plain);

}  // namespace parley::app
