#include "app/config.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "app/key_file.h"
#include "app/options.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::app;

namespace {

// A folder of its own with a secret in it.
std::string folder() {
  static const std::string made = [] {
    char* name = g_dir_make_tmp("parley-config-XXXXXX", nullptr);
    std::string text = name;
    g_free(name);
    std::ofstream(text + "/secret") << std::string(40, 's') << "\n";
    std::ofstream(text + "/short") << "short\n";
    return text;
  }();
  return made;
}

base::Result<Config> load(const std::string& text) {
  std::ofstream(folder() + "/parleyd.conf") << text;
  return load_config(folder() + "/parleyd.conf");
}

const std::string kGoodKey = "[key \"k\"]\nalgorithm = HS256\nsecret-file = secret\n";

// The complaint about `text`, without the folder.
std::string complaint(const std::string& text) {
  const auto config = load(text);
  if (config) return "nothing";
  std::string message = config.error().message;
  const std::size_t at = message.find(folder());
  return at == 0 ? message.substr(folder().size() + 1) : message;
}

bool complains(const std::string& text, const std::string& expected) {
  const std::string message = complaint(text);
  const bool good = message.find(expected) != std::string::npos;
  if (!good) g_printerr("expected: %s\ngot: %s\n", expected.c_str(), message.c_str());
  return good;
}

std::string sample_text() {
  std::ifstream in(PARLEY_SAMPLE);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Groups and keys of the sample, commented out or not.
std::set<std::string> keys_of_sample() {
  std::set<std::string> keys;
  std::string group;
  std::istringstream in(sample_text());
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line[0] == '#' && line.size() > 1 && line[1] != ' ') line.erase(0, 1);
    if (line.starts_with('[')) group = line.substr(1, line.find_first_of(" ]") - 1);
    const std::size_t equals = line.find(" =");
    if (!line.empty() && line[0] != '#' && equals != std::string::npos)
      keys.insert(group + "/" + line.substr(0, equals));
  }
  return keys;
}

}  // namespace

START_TEST(the_sample_loads_once_it_has_a_key) {
  const auto config = load(sample_text() + kGoodKey);
  ck_assert_msg(config.has_value(), "%s", config ? "" : config.error().message.c_str());
  ck_assert_uint_eq(config->http.port, default_config().http.port);
}
END_TEST

START_TEST(the_sample_has_every_key_and_no_other) {
  const auto known = config_keys();
  const std::set<std::string> code(known.begin(), known.end());
  const std::set<std::string> sample = keys_of_sample();
  for (const std::string& key : code)
    ck_assert_msg(sample.contains(key), "%s is not in the sample", key.c_str());
  for (const std::string& key : sample)
    ck_assert_msg(code.contains(key), "%s of the sample does not exist", key.c_str());
}
END_TEST

START_TEST(the_defaults_the_sample_states_are_the_real_ones) {
  // Every commented default of [limits], [media] and [http] that names no file or example.
  std::string text = sample_text();
  for (const char* key : {"init-timeout",
                          "ringing-timeout",
                          "media-timeout",
                          "resume-window",
                          "alone-timeout",
                          "longest-call",
                          "unanswered-calls-per-user",
                          "live-calls-per-user",
                          "receivers-per-call",
                          "bridges-per-call",
                          "guests-per-call",
                          "consent-timeout",
                          "remembered-requests",
                          "request-memory",
                          "remembered-calls",
                          "pick-up-timeout",
                          "take-over-timeout",
                          "text-bytes",
                          "replay-events",
                          "replay-bytes",
                          "hello-timeout",
                          "ping-interval",
                          "request-timeout",
                          "response-timeout",
                          "request-bytes",
                          "messages-per-second",
                          "message-burst",
                          "send-queue-bytes",
                          "send-queue-messages",
                          "connections",
                          "connections-per-user",
                          "unproven",
                          "unproven-per-address",
                          "silent-after",
                          "udp-port",
                          "port",
                          "metrics",
                          "allow-plain",
                          "audience",
                          "node",
                          "log-level"}) {
    const std::string commented = "\n#" + std::string(key) + " = ";
    const std::size_t at = text.find(commented);
    ck_assert_msg(at != std::string::npos, "%s", key);
    text.erase(at + 1, 1);
  }
  const auto said = load(text + kGoodKey);
  ck_assert_msg(said.has_value(), "%s", said ? "" : said.error().message.c_str());
  const Config real = default_config();
  ck_assert(said->calls.init_timeout == real.calls.init_timeout);
  ck_assert(said->calls.ringing_timeout == real.calls.ringing_timeout);
  ck_assert(said->calls.media_timeout == real.calls.media_timeout);
  ck_assert(said->calls.resume_window == real.calls.resume_window);
  ck_assert(said->calls.pick_up_timeout == real.calls.pick_up_timeout);
  ck_assert(said->calls.take_over_timeout == real.calls.take_over_timeout);
  ck_assert_uint_eq(said->calls.text_bytes, real.calls.text_bytes);
  ck_assert_uint_eq(said->replay.events, real.replay.events);
  ck_assert_uint_eq(said->replay.bytes, real.replay.bytes);
  ck_assert(said->calls.alone_timeout == real.calls.alone_timeout);
  ck_assert(said->calls.longest_call == real.calls.longest_call);
  ck_assert(said->calls.request_memory == real.calls.request_memory);
  ck_assert_uint_eq(said->calls.unanswered_calls_per_user, real.calls.unanswered_calls_per_user);
  ck_assert_uint_eq(said->calls.live_calls_per_user, real.calls.live_calls_per_user);
  ck_assert_uint_eq(said->calls.receivers_per_call, real.calls.receivers_per_call);
  ck_assert_uint_eq(said->calls.remembered_requests, real.calls.remembered_requests);
  ck_assert_uint_eq(said->calls.remembered_calls, real.calls.remembered_calls);
  ck_assert_uint_eq(said->connections_per_user, real.connections_per_user);
  ck_assert(said->hello_timeout == real.hello_timeout);
  ck_assert(said->http.limits.ping_interval == real.http.limits.ping_interval);
  ck_assert(said->http.limits.request_timeout == real.http.limits.request_timeout);
  ck_assert(said->http.limits.response_timeout == real.http.limits.response_timeout);
  ck_assert_uint_eq(said->http.limits.request_bytes, real.http.limits.request_bytes);
  ck_assert_uint_eq(said->http.limits.messages_per_second, real.http.limits.messages_per_second);
  ck_assert_uint_eq(said->http.limits.message_burst, real.http.limits.message_burst);
  ck_assert_uint_eq(said->http.limits.queue_bytes, real.http.limits.queue_bytes);
  ck_assert_uint_eq(said->http.limits.queue_messages, real.http.limits.queue_messages);
  ck_assert_uint_eq(said->http.limits.connections, real.http.limits.connections);
  ck_assert_uint_eq(said->http.limits.unproven, real.http.limits.unproven);
  ck_assert_uint_eq(said->http.limits.unproven_per_address, real.http.limits.unproven_per_address);
  ck_assert(said->media.silent_after == real.media.silent_after);
  ck_assert_uint_eq(said->media.udp_port, real.media.udp_port);
  ck_assert_uint_eq(said->http.port, real.http.port);
  ck_assert(said->http.metrics == real.http.metrics);
  ck_assert(said->node == real.node && said->audience == real.audience);
  ck_assert(said->log_level == real.log_level);
}
END_TEST

START_TEST(takes_what_is_said) {
  const auto config = load(
      "[http]\nlisten = 127.0.0.1 ; ::1\nport=9000\norigins = "
      "https://a.example;http://b.example:1\n"
      "metrics = off\n[media]\nudp-port = 4000\nannounced-ip = 203.0.113.7\n"
      "[limits]\nringing-timeout = 2min\nsend-queue-messages = 7\n"
      "[ice-servers]\nurls = stun:stun.example:3478; turn:turn.example\n" +
      kGoodKey);
  ck_assert_msg(config.has_value(), "%s", config ? "" : config.error().message.c_str());
  ck_assert_uint_eq(config->http.port, 9000);
  ck_assert_uint_eq(config->http.listen.size(), 2);
  ck_assert_uint_eq(config->http.origins.size(), 2);
  ck_assert(config->http.metrics == net::Access::kOff);
  ck_assert_uint_eq(config->media.udp_port, 4000);
  ck_assert(config->calls.ringing_timeout == std::chrono::minutes(2));
  ck_assert_uint_eq(config->http.limits.queue_messages, 7);
  ck_assert_uint_eq(config->ice_servers.at(0).urls.size(), 2);
  ck_assert_uint_eq(config->keys.size(), 1);
  ck_assert_str_eq(config->keys[0].kid.c_str(), "k");
  ck_assert_uint_eq(config->keys[0].material.size(), 40);  // without the line end
}
END_TEST

START_TEST(names_the_line_of_a_wrong_key_group_or_value) {
  ck_assert(complains("[http]\n\nprot = 80\n" + kGoodKey,
                      "parleyd.conf:3: [http] has no key 'prot'; did you mean 'port'?"));
  ck_assert(complains("# x\n[htpp]\nport = 80\n" + kGoodKey,
                      "parleyd.conf:2: unknown group [htpp]; did you mean 'http'?"));
  ck_assert(complains("[http]\nport = 80x\n" + kGoodKey,
                      "parleyd.conf:2: port: '80x' is not a whole number from 0 to 65535"));
  ck_assert(complains("[http]\nport = 65536\n" + kGoodKey, "from 0 to 65535"));
  ck_assert(complains("[limits]\nringing-timeout = 45\n" + kGoodKey,
                      "parleyd.conf:2: ringing-timeout: '45' is not a time from 1ms to 168h"));
  ck_assert(complains("[http]\nlisten = example.org\n" + kGoodKey, "neither localhost nor"));
  ck_assert(complains("[http]\nlisten = fe80::1%lo\n" + kGoodKey, "neither localhost nor"));
  ck_assert(complains("[http]\norigins = app.example\n" + kGoodKey, "which is not an origin"));
  ck_assert(complains("[http]\nmetrics = yes\n" + kGoodKey, "is none of all, local, off"));
  ck_assert(complains("[http]\nallow-plain = 1\n" + kGoodKey, "neither true nor false"));
  ck_assert(complains("[jobs]\nsilence = 3s\n" + kGoodKey, "is not a time from 4s to 1h"));
  ck_assert(complains("[jobs]\nsandbox = on\n" + kGoodKey, "is none of auto, off, require"));
  ck_assert(complains("[jobs]\nmay-read = a\n" + kGoodKey, "which is not an absolute path"));
  ck_assert(complains("[ice-servers]\nurls = http://x\n" + kGoodKey, "no stun: or turn: URL"));
  ck_assert(complains("[tokens]\naudience = my server\n" + kGoodKey,
                      "parleyd.conf:2: audience: 'my server' is not printable ASCII"));
}
END_TEST

START_TEST(names_the_line_of_what_is_no_key_file) {
  ck_assert(complains("[http]\nport 80\n", "parleyd.conf:2: 'port 80' is neither a comment"));
  ck_assert(complains("port = 80\n", "parleyd.conf:1: a key stands in a group"));
  ck_assert(complains("[http\n", "parleyd.conf:1: a group is written [name]"));
  for (const char* group : {"[", "[]", "[ht]tp]"})
    ck_assert(complains(std::string(group) + "\nport = 1\n", "conf:1: a group is written [name]"));
  ck_assert(complains("[http]\nport[de] = 1\n", "parleyd.conf:2: 'port[de]' is no key"));
  ck_assert(complains("[http]\nport = 1\nport = 2\n", "parleyd.conf:3: 'port' is given in line 2"));
  ck_assert(complains("[http]\n[http]\n", "parleyd.conf:2: the group [http] stands in line 1"));
  ck_assert(complains("[http]\nclient = \xff\n", "parleyd.conf:2: the line is not UTF-8"));
  ck_assert(complains("[http]\nclient = \\q\n" + kGoodKey, "parleyd.conf:2: "));
  ck_assert(load_config("/nonexistent/x.conf").error().message.find("/nonexistent/x.conf") !=
            std::string::npos);
}
END_TEST

START_TEST(checks_the_keys_of_tokens) {
  ck_assert(load("[http]\nport = 1\n")->keys.empty());  // the development key, on loopback
  ck_assert(complains("[http]\nlisten = ::\nallow-plain = true\n",
                      "parleyd.conf:2: the development key is for this machine alone"));
  ck_assert(complains("[key \"a\"]\nsecret-file = secret\n", "parleyd.conf:1: [key \"a\"] has no"));
  ck_assert(complains("[key \"a\"]\nalgorithm = none\n", "is none of HS256, RS256, ES256"));
  ck_assert(complains("[key \"a\"]\nalgorithm = RS256\nsecret-file = secret\n",
                      "parleyd.conf:3: RS256 takes 'public-key-file'"));
  ck_assert(complains("[key \"a\"]\nalgorithm = HS256\n", "has no 'secret-file'"));
  ck_assert(complains("[key \"a\"]\nalgorithm = HS256\nsecret-file = short\n", "parleyd.conf:3: "));
  ck_assert(complains("[key \"a\"]\nalgorithm = HS256\nsecret-file = nowhere\n", "nowhere"));
  ck_assert(complains("[key \"a\"]\nalgorithm = HS256\nsecret = x\n", "did you mean"));
}
END_TEST

START_TEST(asks_twice_before_plain_http_leaves_the_machine) {
  ck_assert(complains("[http]\nlisten = 0.0.0.0\n" + kGoodKey,
                      "parleyd.conf:2: plain http beyond loopback"));
  ck_assert(load("[http]\nlisten = 0.0.0.0\nallow-plain = true\n" + kGoodKey).has_value());
  ck_assert(complains("[http]\ntls-key = secret\n" + kGoodKey, "go together"));
  ck_assert(complains("[http]\ntls-key = secret\ntls-certificate = secret\n" + kGoodKey,
                      "parleyd.conf:3: tls-certificate and tls-key cannot be used"));
}
END_TEST

START_TEST(reads_the_command_line) {
  const auto parse = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "parleyd");
    return parse_options(arguments);
  };
  ck_assert(parse({})->config.empty());
  ck_assert(parse({"--config", "x"})->config == "x");
  const auto token =
      parse({"--print-token", "p", "--user", "u", "--grants", "record, mix", "--valid-for", "2h"});
  ck_assert(token->token_profile == "p" && token->token_user == "u");
  ck_assert(token->grants == std::set<std::string>({"record", "mix"}));
  ck_assert(token->valid_for == std::chrono::hours(2));
  ck_assert(!parse({"--valid-for", "2h"}).has_value());
  ck_assert(!parse({"--print-token", "p", "--valid-for", "2 days"}).has_value());
  ck_assert(!parse({"--nonsense"}).has_value());
  ck_assert(!parse({"stray"}).has_value());
}
END_TEST

START_TEST(names_every_mistake_at_once) {
  const std::string all = complaint(
      "[htpp]\nport = 1\n[http]\nport = x\ntls-key = secret\nlisten = 192.0.2.1\n"
      "[limits]\nconnections = 0\n[key \"a\"]\nalgorithm = HS512\n"
      "[key \"b\"]\nalgorithm = HS256\nsecret-file = short\n");
  for (const char* line : {"parleyd.conf:1: unknown group [htpp]", "parleyd.conf:4: port: 'x'",
                           "parleyd.conf:5: tls-certificate and tls-key go together",
                           "parleyd.conf:8: connections: '0'",
                           "parleyd.conf:10: algorithm: 'HS512'", "parleyd.conf:13: "})
    ck_assert_msg(all.find(line) != std::string::npos, "%s is not in\n%s", line, all.c_str());
  // What only follows from the others is not among them.
  ck_assert_msg(std::count(all.begin(), all.end(), '\n') == 5, "%s", all.c_str());
}
END_TEST

START_TEST(reads_on_behind_a_line_it_cannot_read) {
  const std::string all = complaint(
      "port = 1\n[http\nport = 2\n[http]\nnonsense\nport = x\nport = 3\n[http]\nprot = 4\n");
  for (const char* line :
       {"parleyd.conf:1: a key stands in a group", "parleyd.conf:2: a group is written [name]",
        "parleyd.conf:5: 'nonsense' is neither", "parleyd.conf:7: 'port' is given in line 6",
        "parleyd.conf:8: the group [http] stands in line 4", "parleyd.conf:6: port: 'x'",
        "parleyd.conf:9: [http] has no key 'prot'"})
    ck_assert_msg(all.find(line) != std::string::npos, "%s is not in\n%s", line, all.c_str());
  ck_assert_msg(std::count(all.begin(), all.end(), '\n') == 6, "%s", all.c_str());
}
END_TEST

START_TEST(fits_what_is_kept_for_the_lost_into_the_send_queue) {
  const auto fitted = load("[limits]\nsend-queue-messages = 100\n");
  ck_assert_uint_eq(fitted->replay.events, 50);
  ck_assert(complains("[limits]\nsend-queue-messages = 100\nreplay-events = 100\n",
                      "parleyd.conf:3: replay-events (100) must be less than send-queue-messages"));
  ck_assert(complains("[limits]\nreplay-bytes = 2000000\n",
                      "replay-bytes (2000000) must be less than send-queue-bytes (1048576)"));
}
END_TEST

START_TEST(takes_no_empty_name_for_a_token) {
  ck_assert(!parse_options({"parleyd", "--print-token", ""}).has_value());
  ck_assert(!parse_options({"parleyd"})->token_profile.has_value());
  ck_assert(parse_options({"parleyd", "--print-token", "bob"})->token_profile == "bob");
}
END_TEST

int main() {
  return test::run("config",
                   {the_sample_loads_once_it_has_a_key, the_sample_has_every_key_and_no_other,
                    the_defaults_the_sample_states_are_the_real_ones, takes_what_is_said,
                    names_the_line_of_a_wrong_key_group_or_value,
                    names_the_line_of_what_is_no_key_file, checks_the_keys_of_tokens,
                    asks_twice_before_plain_http_leaves_the_machine, reads_the_command_line,
                    names_every_mistake_at_once, fits_what_is_kept_for_the_lost_into_the_send_queue,
                    takes_no_empty_name_for_a_token, reads_on_behind_a_line_it_cannot_read});
}
