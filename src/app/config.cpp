#include "app/config.h"

#include <gio/gio.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "app/bridges_config.h"
#include "app/config_checks.h"
#include "app/config_values.h"
#include "app/jobs_config.h"
#include "app/key_file.h"
#include "app/recordings_config.h"
#include "app/webhooks_config.h"
#include "net/address_range.h"
#include "net/origin.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

using namespace values;

// No zone ("fe80::1%eth0"): what is listened on or offered must hold beyond one link.
bool is_address(const std::string& text) {
  return g_hostname_is_ip_address(text.c_str()) != FALSE && text.find('%') == std::string::npos;
}

bool is_ice_url(const std::string& text) {
  for (const std::string_view scheme : {"stun:", "stuns:", "turn:", "turns:"})
    if (text.starts_with(scheme) && text.size() > scheme.size()) return true;
  return false;
}

bool is_node_name(const std::string& text) {
  return text.size() <= 16 && base::is_valid_id(text) && text.find('-') == std::string::npos;
}

Complaint listen(const Place& place) {
  std::vector<std::string> addresses;
  for (const std::string& item : split_list(place.value)) {
    if (item == "localhost") {
      addresses.emplace_back("127.0.0.1");
      addresses.emplace_back("::1");
    } else if (is_address(item)) {
      addresses.push_back(item);
    } else {
      return fmt::format("contains '{}', which is neither localhost nor a literal address", item);
    }
  }
  if (addresses.empty()) return "names no address; localhost would be one";
  place.config.http.listen = std::move(addresses);
  return std::nullopt;
}

Complaint node(const Place& place) {
  if (!is_node_name(place.value)) return "is not 1 to 16 letters, digits or any of _.:@";
  place.config.node = place.value;
  return std::nullopt;
}

Complaint audience(const Place& place) {
  if (!auth::is_valid_audience(place.value))
    return "is not printable ASCII without spaces, quotes and backslashes";
  place.config.audience = place.value;
  return std::nullopt;
}

Complaint ice_servers(const Place& place) {
  const auto urls = split_list(place.value);
  for (const std::string& url : urls)
    if (!is_ice_url(url)) return fmt::format("contains '{}', which is no stun: or turn: URL", url);
  place.config.ice_servers.clear();
  if (!urls.empty()) place.config.ice_servers.push_back({urls});
  return std::nullopt;
}

// A key that webhooks_config.h reads.
Apply webhooks(Complaint (*read)(const std::string& value, const std::string& folder,
                                 WebhookSettings& settings)) {
  return [=](const Place& place) { return read(place.value, place.folder, place.config.webhooks); };
}

// ---- the keys -------------------------------------------------------------------------------

#define MEMBER PARLEY_CONFIG_MEMBER

constexpr std::size_t kMany = 10'000'000;

const std::map<std::string, net::Access> kAccess = {
    {"off", net::Access::kOff}, {"local", net::Access::kLocal}, {"all", net::Access::kAll}};

std::vector<KeySpec> http_keys() {
  return {
      {"http", "listen", listen},
      {"http", "port", number<std::uint16_t>(MEMBER(std::uint16_t, http.port), 0, 65535)},
      {"http", "origins",
       list(MEMBER(std::vector<std::string>, http.origins), net::is_origin,
            "an origin such as https://app.example or http://localhost:3000")},
      {"http", "tls-certificate", file(MEMBER(std::string, http.tls_certificate), true)},
      {"http", "tls-key", file(MEMBER(std::string, http.tls_key), true)},
      {"http", "allow-plain", boolean(MEMBER(bool, allow_plain))},
      {"http", "trusted-proxies",
       list(MEMBER(std::vector<std::string>, http.trusted_proxies), net::is_address_range,
            "a literal address or a network such as 10.0.0.0/8")},
      {"http", "metrics", one_of<net::Access>(MEMBER(net::Access, http.metrics), kAccess)},
      {"http", "api", one_of<net::Access>(MEMBER(net::Access, api), kAccess)},
      {"http", "client", file(MEMBER(std::string, client), true)},
  };
}

std::vector<KeySpec> webhook_keys() {
  return {
      {"webhooks", "url", webhooks(read_webhook_url)},
      {"webhooks", "secret-file", webhooks(read_webhook_secrets)},
      {"webhooks", "events", webhooks(read_webhook_events)},
      {"webhooks", "ca-file", file(MEMBER(std::string, webhooks.ca_file), true)},
      {"webhooks", "timeout", duration<base::Duration>(MEMBER(base::Duration, webhooks.timeout))},
      {"webhooks", "parallel", number<std::size_t>(MEMBER(std::size_t, webhooks.parallel), 1, 100)},
      {"webhooks", "give-up-after",
       duration<base::Duration>(MEMBER(base::Duration, webhooks.give_up_after))},
  };
}

std::vector<KeySpec> other_keys() {
  return {
      {"media", "udp-port", number<std::uint16_t>(MEMBER(std::uint16_t, media.udp_port), 0, 65535)},
      {"media", "listen",
       list(MEMBER(std::vector<std::string>, media.listen), is_address, "a literal address")},
      {"media", "announced-ip",
       list(MEMBER(std::vector<std::string>, media.announced_ips), is_address,
            "a literal address")},
      {"store", "path", file(MEMBER(std::string, store), false)},
      {"tokens", "audience", audience},
      {"ice-servers", "urls", ice_servers},
      {"server", "node", node},
      {"server", "journal", file(MEMBER(std::string, journal), false)},
      {"server", "journal-bytes",
       number<std::uint64_t>(MEMBER(std::uint64_t, journal_bytes), 10'000, 1'000'000'000'000)},
      {"server", "log-level",
       one_of<LogLevel>(MEMBER(LogLevel, log_level), {{"error", LogLevel::kError},
                                                      {"warning", LogLevel::kWarning},
                                                      {"info", LogLevel::kInfo},
                                                      {"debug", LogLevel::kDebug}})},
  };
}

KeySpec time_limit(const char* key, const std::function<base::Duration&(Config&)>& member) {
  return {"limits", key, duration<base::Duration>(member)};
}
KeySpec count_limit(const char* key, const std::function<std::size_t&(Config&)>& member,
                    std::size_t most = kMany) {
  return {"limits", key, number<std::size_t>(member, 1, most)};
}

std::vector<KeySpec> call_limits() {
  return {
      time_limit("init-timeout", MEMBER(base::Duration, calls.init_timeout)),
      time_limit("ringing-timeout", MEMBER(base::Duration, calls.ringing_timeout)),
      time_limit("pick-up-timeout", MEMBER(base::Duration, calls.pick_up_timeout)),
      time_limit("media-timeout", MEMBER(base::Duration, calls.media_timeout)),
      time_limit("take-over-timeout", MEMBER(base::Duration, calls.take_over_timeout)),
      time_limit("resume-window", MEMBER(base::Duration, calls.resume_window)),
      time_limit("alone-timeout", MEMBER(base::Duration, calls.alone_timeout)),
      time_limit("longest-call", MEMBER(base::Duration, calls.longest_call)),
      time_limit("request-memory", MEMBER(base::Duration, calls.request_memory)),
      count_limit("unanswered-calls-per-user",
                  MEMBER(std::size_t, calls.unanswered_calls_per_user)),
      count_limit("live-calls-per-user", MEMBER(std::size_t, calls.live_calls_per_user)),
      count_limit("receivers-per-call", MEMBER(std::size_t, calls.receivers_per_call), 1000),
      count_limit("bridges-per-call", MEMBER(std::size_t, calls.bridges_per_call), 1000),
      count_limit("guests-per-call", MEMBER(std::size_t, calls.guests_per_call), 10'000),
      time_limit("consent-timeout", MEMBER(base::Duration, calls.consent_timeout)),
      // A frame holds no more than 64 KiB, and escapes may take most of it.
      count_limit("text-bytes", MEMBER(std::size_t, calls.text_bytes), 32'768),
      count_limit("remembered-requests", MEMBER(std::size_t, calls.remembered_requests)),
      count_limit("remembered-calls", MEMBER(std::size_t, calls.remembered_calls)),
  };
}

std::vector<KeySpec> socket_limits() {
  return {
      time_limit("hello-timeout", MEMBER(base::Duration, hello_timeout)),
      time_limit("ping-interval", MEMBER(base::Duration, http.limits.ping_interval)),
      time_limit("request-timeout", MEMBER(base::Duration, http.limits.request_timeout)),
      time_limit("response-timeout", MEMBER(base::Duration, http.limits.response_timeout)),
      {"limits", "messages-per-second",
       number<std::uint32_t>(MEMBER(std::uint32_t, http.limits.messages_per_second), 1, 100'000)},
      {"limits", "message-burst",
       number<std::uint32_t>(MEMBER(std::uint32_t, http.limits.message_burst), 1, 1'000'000)},
      count_limit("send-queue-bytes", MEMBER(std::size_t, http.limits.queue_bytes), 1'000'000'000),
      count_limit("send-queue-messages", MEMBER(std::size_t, http.limits.queue_messages)),
      count_limit("request-bytes", MEMBER(std::size_t, http.limits.request_bytes)),
      count_limit("unproven-per-address", MEMBER(std::size_t, http.limits.unproven_per_address)),
      count_limit("unproven", MEMBER(std::size_t, http.limits.unproven)),
      count_limit("replay-events", MEMBER(std::size_t, replay.events)),
      count_limit("replay-bytes", MEMBER(std::size_t, replay.bytes), 1'000'000'000),
      count_limit("api-requests-per-second", MEMBER(std::size_t, api_requests_per_second)),
      count_limit("api-request-burst", MEMBER(std::size_t, api_request_burst)),
      count_limit("connections-per-user", MEMBER(std::size_t, connections_per_user)),
      count_limit("connections", MEMBER(std::size_t, http.limits.connections)),
      {"limits", "silent-after",
       duration<std::chrono::milliseconds>(MEMBER(std::chrono::milliseconds, media.silent_after))},
  };
}

#undef MEMBER

const std::vector<KeySpec>& key_specs() {
  static const std::vector<KeySpec> specs = [] {
    std::vector<KeySpec> all = http_keys();
    for (const auto& more : {webhook_keys(), bridge_keys(), job_keys(), recording_keys(),
                             other_keys(), call_limits(), socket_limits()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return specs;
}

// ---- [key "…"] groups -----------------------------------------------------------------------

constexpr const char* kKeyGroupKeys[] = {"algorithm", "secret-file", "public-key-file"};

base::Result<auth::Key> read_key(const KeyFile& file, const std::string& group, int group_line,
                                 const std::string& folder) {
  auth::Key key;
  key.kid = *kid_of(group);
  std::map<std::string, const KeyLine*> given;
  for (const KeyLine& line : file.lines)
    if (line.group == group) given[line.key] = &line;
  const auto algorithm = given.find("algorithm");
  if (algorithm == given.end())
    return tl::unexpected(
        file.at(group_line, fmt::format("[{}] has no 'algorithm': HS256, RS256 or ES256", group)));
  const auto parsed = auth::parse_algorithm(algorithm->second->value);
  if (!parsed)
    return tl::unexpected(file.at(
        algorithm->second->line,
        fmt::format("algorithm: '{}' is none of HS256, RS256, ES256", algorithm->second->value)));
  key.algorithm = *parsed;
  const bool secret = key.algorithm == auth::Algorithm::kHs256;
  const std::string wanted = secret ? "secret-file" : "public-key-file";
  const std::string other = secret ? "public-key-file" : "secret-file";
  if (given.contains(other))
    return tl::unexpected(file.at(
        given[other]->line,
        fmt::format("{} takes '{}', not '{}'", auth::name_of(key.algorithm), wanted, other)));
  if (!given.contains(wanted))
    return tl::unexpected(file.at(group_line, fmt::format("[{}] has no '{}'", group, wanted)));
  const std::string path = absolute(folder, given[wanted]->value);
  wrap::Owned<char> contents;
  wrap::Owned<GError> error;
  gsize size = 0;
  if (!g_file_get_contents(path.c_str(), wrap::OutParam(contents), &size, wrap::OutParam(error)))
    return tl::unexpected(
        file.at(given[wanted]->line, fmt::format("{}: {}", wanted, error->message)));
  key.material.assign(contents.get(), size);
  // An editor ends the file with a line end that is no part of the secret.
  while (secret && !key.material.empty() &&
         (key.material.back() == '\n' || key.material.back() == '\r'))
    key.material.pop_back();
  // What the verifier would refuse is better said with a line.
  if (auto works = auth::Verifier::create({key}, "parley"); !works)
    return tl::unexpected(file.at(given[wanted]->line, works.error().message));
  return key;
}

// ---- the whole file -------------------------------------------------------------------------

// Levenshtein's distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, cost});
    }
  }
  return row[b.size()];
}

std::string known_words(std::string_view wrong, std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  const auto far = [&](const std::string& word) {
    return word.starts_with(wrong) ? 0 : distance(wrong, word);
  };
  const auto nearest = std::min_element(
      words.begin(), words.end(), [&](const auto& a, const auto& b) { return far(a) < far(b); });
  if (nearest != words.end() && far(*nearest) <= 3)
    return fmt::format("did you mean '{}'?", *nearest);
  return fmt::format("there are {}", fmt::join(words, ", "));
}

std::vector<std::string> group_names() {
  std::vector<std::string> names = {"key \"ID\""};
  for (const KeySpec& spec : key_specs()) names.push_back(spec.group);
  return names;
}

std::vector<std::string> keys_of(const std::string& group) {
  if (kid_of(group)) return {std::begin(kKeyGroupKeys), std::end(kKeyGroupKeys)};
  std::vector<std::string> names;
  for (const KeySpec& spec : key_specs())
    if (spec.group == group) names.push_back(spec.key);
  return names;
}

base::Result<void> apply(const KeyFile& file, const KeyLine& line, const std::string& folder,
                         Config& config) {
  const auto names = keys_of(line.group);
  if (std::find(names.begin(), names.end(), line.key) == names.end())
    return tl::unexpected(file.at(line.line, fmt::format("[{}] has no key '{}'; {}", line.group,
                                                         line.key, known_words(line.key, names))));
  for (const KeySpec& spec : key_specs()) {
    if (spec.group != line.group || spec.key != line.key) continue;
    if (const Complaint wrong = spec.apply({config, line.value, folder}))
      return tl::unexpected(
          file.at(line.line, fmt::format("{}: '{}' {}", line.key, line.value, *wrong)));
  }
  return {};
}

base::Error all_of(const std::vector<base::Error>& mistakes) {
  std::string text;
  for (const base::Error& mistake : mistakes) text += (text.empty() ? "" : "\n") + mistake.message;
  return {mistakes.front().code, text};
}

}  // namespace

Config default_config() {
  Config config;
  config.http.listen = {"127.0.0.1", "::1"};
  config.http.port = 8080;
  config.media.udp_port = 8189;
  return config;
}

base::Result<Config> load_config(const std::string& path) {
  auto file = read_key_file(path);
  if (!file) return tl::unexpected(file.error());
  const wrap::Owned<char> here(g_get_current_dir());
  const wrap::Owned<char> folder_text(g_path_get_dirname(absolute(here.get(), path).c_str()));
  const std::string folder = folder_text.get();
  Config config = default_config();
  std::vector<base::Error> mistakes = file->mistakes;
  for (const auto& [group, line] : file->groups)
    if (keys_of(group).empty())
      mistakes.push_back(file->at(
          line, fmt::format("unknown group [{}]; {}", group, known_words(group, group_names()))));
  for (const KeyLine& line : file->lines) {
    if (keys_of(line.group).empty()) continue;
    if (auto applied = apply(*file, line, folder, config); !applied)
      mistakes.push_back(applied.error());
  }
  for (const auto& [group, line] : file->groups) {
    if (!kid_of(group)) continue;
    if (auto key = read_key(*file, group, line, folder))
      config.keys.push_back(std::move(*key));
    else
      mistakes.push_back(key.error());
  }
  check_together(*file, config, mistakes);
  if (!mistakes.empty()) return tl::unexpected(all_of(mistakes));
  return config;
}

std::vector<std::string> config_keys() {
  std::vector<std::string> all;
  for (const KeySpec& spec : key_specs()) all.push_back(spec.group + "/" + spec.key);
  for (const char* key : kKeyGroupKeys) all.push_back(std::string("key/") + key);
  return all;
}

}  // namespace parley::app
