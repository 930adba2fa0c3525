#include "net/targets.h"

#include <gio/gio.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/net_fixture.h"
#include "support/check_main.h"

using namespace parley;
using net::Direction;

// ---- a resolver that answers what a test says ------------------------------------------------

static std::map<std::string, std::vector<std::string>>& names() {
  static std::map<std::string, std::vector<std::string>> all;
  return all;
}
static int asked = 0;

struct FakeResolver {
  GResolver parent;
};
struct FakeResolverClass {
  GResolverClass parent;
};
G_DEFINE_TYPE(FakeResolver, fake_resolver, G_TYPE_RESOLVER)

static void look_up(GResolver* self, const gchar* name, GCancellable* cancellable,
                    GAsyncReadyCallback done, gpointer data) {
  ++asked;
  GTask* task = g_task_new(self, cancellable, done, data);
  const auto found = names().find(name);
  if (found == names().end()) {
    g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "none");
  } else if (found->second.empty()) {
    // Never answered, but when it is given up.
    g_cancellable_connect(cancellable, G_CALLBACK(+[](GCancellable*, GTask* t) {
                            g_task_return_pointer(t, nullptr, nullptr);
                          }),
                          task, g_object_unref);
    return;
  } else {
    GList* list = nullptr;
    for (const auto& text : found->second)
      list = g_list_append(list, g_inet_address_new_from_string(text.c_str()));
    g_task_return_pointer(task, list, nullptr);
  }
  g_object_unref(task);
}
static GList* look_up_finish(GResolver*, GAsyncResult* result, GError** error) {
  return static_cast<GList*>(g_task_propagate_pointer(G_TASK(result), error));
}
static void fake_resolver_class_init(FakeResolverClass* type) {
  type->parent.lookup_by_name_async = look_up;
  type->parent.lookup_by_name_finish = look_up_finish;
}
static void fake_resolver_init(FakeResolver*) {}

namespace {

net::TargetRules rules(std::initializer_list<const char*> patterns,
                       bool private_addresses = false) {
  net::TargetRules made;
  for (const char* text : patterns) {
    const auto pattern = net::TargetPattern::parse(text);
    ck_assert_msg(pattern.has_value(), "%s", text);
    made.allow.push_back(*pattern);
  }
  made.private_addresses = private_addresses;
  return made;
}

void use_fake_resolver() {
  auto* fake = G_RESOLVER(g_object_new(fake_resolver_get_type(), nullptr));
  g_resolver_set_default(fake);
  g_object_unref(fake);
  names().clear();
  asked = 0;
}

base::Result<net::Target> check(net::Targets& targets, Direction direction, const char* kind,
                                const std::string& url) {
  std::optional<base::Result<net::Target>> answer;
  targets.check(direction, kind, url, [&](base::Result<net::Target> t) { answer = std::move(t); });
  ck_assert(!answer.has_value());
  ck_assert(test::run_until([&] { return answer.has_value(); }));
  return *answer;
}

}  // namespace

// How one may write, or mean, an address inside.
START_TEST(reaches_nothing_inside_however_it_is_written) {
  for (const char* inside : {"0.0.0.0",
                             "0.1.2.3",
                             "10.0.0.1",
                             "10.255.255.255",
                             "100.64.0.1",
                             "100.127.255.254",
                             "127.0.0.1",
                             "127.8.9.10",
                             "169.254.169.254",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.0.0.1",
                             "192.0.2.1",
                             "192.88.99.1",
                             "192.168.1.1",
                             "198.18.0.1",
                             "198.19.255.255",
                             "198.51.100.1",
                             "203.0.113.1",
                             "224.0.0.1",
                             "239.255.255.255",
                             "240.0.0.1",
                             "255.255.255.255",
                             "::",
                             "::1",
                             "::7f00:1",
                             "::127.0.0.1",
                             "::ffff:127.0.0.1",
                             "::ffff:7f00:1",
                             "::ffff:10.0.0.1",
                             "::ffff:a9fe:a9fe",
                             "::ffff:0:127.0.0.1",
                             "64:ff9b::127.0.0.1",
                             "64:ff9b::7f00:1",
                             "64:ff9b::8.8.8.8",
                             "64:ff9b:1::1",
                             "100::1",
                             "2001::1",
                             "2001:1::1",
                             "2001:db8::1",
                             "2002:7f00:1::",
                             "2002:a00:1::1",
                             "3fff::1",
                             "5f00::1",
                             "fc00::1",
                             "fd12:3456::1",
                             "fe80::1",
                             "febf::1",
                             "fec0::1",
                             "ff02::1",
                             "ff0e::1",
                             "4000::1",
                             "abcd::1"}) {
    const auto address = net::parse_address(inside);
    ck_assert_msg(address.has_value(), "%s", inside);
    ck_assert_msg(net::reach_of(*address) != net::Reach::kPublic, "%s", inside);
  }
  for (const char* outside :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.0.0.1",
        "128.0.0.1", "172.15.0.1", "172.32.0.1", "192.167.0.1", "223.255.255.255", "::ffff:1.1.1.1",
        "2606:4700::1111", "2a00:1450:4001::1", "2400:cb00::1"})
    ck_assert_msg(net::reach_of(*net::parse_address(outside)) == net::Reach::kPublic, "%s",
                  outside);
  // Some of them an operator may open; these never.
  for (const char* never : {"169.254.169.254", "0.0.0.0", "255.255.255.255", "::", "fe80::1",
                            "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"})
    ck_assert_msg(net::reach_of(*net::parse_address(never)) == net::Reach::kNever, "%s", never);
}
END_TEST

START_TEST(reads_the_operators_list) {
  for (const char* good : {"rtmp://live.example", "rtmps://*", "rtmp://*.example:1936",
                           "srt://192.0.2.0/24:*", "srt://[2001:db8::]/32:9000", "rtp://10.0.0.7",
                           "rtsp://[2001:db8::7]", "https://*:*", "http://cdn.example:8080"})
    ck_assert_msg(net::TargetPattern::parse(good).has_value(), "%s", good);
  for (const char* bad : {"", "*", "*://*", "live.example", "ftp://live.example", "file://x",
                          "rtmp://", "rtmp://*:", "rtmp://*:0", "rtmp://*:65536", "rtmp://a.*",
                          "rtmp://*a", "rtmp://*.", "rtmp://10.0.0.7/8", "rtmp://live.example/app",
                          "rtmp://me@live.example", "rtmp://2001:db8::1", "rtmp://127.1"})
    ck_assert_msg(!net::TargetPattern::parse(bad).has_value(), "%s", bad);
}
END_TEST

START_TEST(allows_what_the_list_names_and_nothing_else) {
  const auto some = rules({"rtmp://live.example", "rtmp://*.cdn.example:1936", "rtmps://*",
                           "srt://*", "https://pull.example:*"});
  const auto allowed = [&](Direction direction, const char* kind, const char* url) {
    return net::want_target(direction, kind, url, some).has_value();
  };
  ck_assert(allowed(Direction::kOut, "rtmp", "rtmp://live.example/a/b"));
  ck_assert(allowed(Direction::kOut, "rtmp", "RTMP://LIVE.example.:1935/a/b"));
  ck_assert(allowed(Direction::kIn, "rtmp", "rtmp://live.example/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmp://live.example:1936/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmp://xlive.example/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmp://live.example.evil/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmp://live.example@evil.example/a/b"));
  ck_assert(allowed(Direction::kOut, "rtmp", "rtmp://x.cdn.example:1936/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmp://cdn.example:1936/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmp://xcdn.example:1936/a/b"));
  ck_assert(allowed(Direction::kOut, "rtmp", "rtmps://any.example/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmps://any.example:22/a/b"));
  ck_assert(allowed(Direction::kOut, "srt", "srt://any.example:9000?streamid=x&latency=200"));
  ck_assert(!allowed(Direction::kOut, "srt", "srt://any.example:22"));
  for (const char* odd :
       {"srt://any.example", "srt://any.example:9000?mode=listener",
        "srt://any.example:9000?streamid=a&mode=rendezvous",
        "srt://any.example:9000?%6dode=listener", "srt://any.example:9000?localaddress=10.0.0.1",
        "srt://any.example:9000/path", "srt://me@any.example:9000"})
    ck_assert_msg(!allowed(Direction::kOut, "srt", odd), "%s", odd);
  ck_assert(allowed(Direction::kIn, "hls", "https://pull.example:8443/x.m3u8"));
  ck_assert(!allowed(Direction::kIn, "hls", "http://pull.example/x.m3u8"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "https://pull.example/a/b"));
  ck_assert(!allowed(Direction::kOut, "rtmp", "rtmp://live.example/key"));
  ck_assert(!allowed(Direction::kOut, "rtsp", "rtsp://live.example/key"));
  ck_assert(allowed(Direction::kOut, "hls", ""));
  ck_assert(!allowed(Direction::kOut, "hls", "https://pull.example/x"));
  const auto refusal =
      net::want_target(Direction::kOut, "rtmp", "rtmp://evil.example/a/sekret", some);
  ck_assert(refusal.error().code == base::Code::kForbidden);
  ck_assert(refusal.error().message.find("evil") == std::string::npos);
  const auto none = rules({});
  ck_assert(
      !net::want_target(Direction::kOut, "rtmp", "rtmp://live.example/a/b", none).has_value());
  ck_assert(net::want_target(Direction::kOut, "hls", "", none).has_value());
}
END_TEST

START_TEST(looks_a_name_up_once_and_hands_out_the_address_it_checked) {
  use_fake_resolver();
  names() = {{"live.example", {"2606:4700::1111", "1.1.1.1"}},
             {"inside.example", {"10.0.0.1"}},
             {"rebound.example", {"1.1.1.1", "127.0.0.1"}},
             {"mapped.example", {"::ffff:127.0.0.1"}},
             {"slow.example", {}}};
  net::Targets targets(rules({"rtmp://*", "rtmps://1.1.1.0/24:*"}), std::chrono::seconds(30));
  const auto live = check(targets, Direction::kOut, "rtmp", "rtmp://Live.Example/app/key");
  ck_assert(live.has_value());
  ck_assert_str_eq(live->address.c_str(), "2606:4700::1111");
  ck_assert_str_eq(live->url.c_str(), "rtmp://live.example:1935/app/key");
  ck_assert_str_eq(live->host.c_str(), "live.example");
  ck_assert_uint_eq(live->port, 1935);
  ck_assert_int_eq(asked, 1);
  const std::pair<const char*, base::Code> refused[] = {
      {"rtmp://inside.example/a/b", base::Code::kForbidden},
      {"rtmp://rebound.example/a/b", base::Code::kForbidden},
      {"rtmp://mapped.example/a/b", base::Code::kForbidden},
      {"rtmp://127.0.0.1/a/b", base::Code::kForbidden},
      {"rtmp://[::ffff:127.0.0.1]/a/b", base::Code::kForbidden},
      {"rtmp://[::1]/a/b", base::Code::kForbidden},
      {"rtmps://live.example/a/b", base::Code::kForbidden},  // its other address is in no network
      {"rtmp://nowhere.example/a/b", base::Code::kUnavailable},
      {"rtmp://[1::2::3]/a/b", base::Code::kInvalid},
  };
  for (const auto& [url, code] : refused) {
    const auto answer = check(targets, Direction::kOut, "rtmp", url);
    ck_assert_msg(!answer.has_value() && answer.error().code == code, "%s", url);
  }
  net::Targets hasty(rules({"rtmp://*"}), std::chrono::milliseconds(50));
  const auto slow = check(hasty, Direction::kOut, "rtmp", "rtmp://slow.example/a/b");
  ck_assert(!slow.has_value() && slow.error().code == base::Code::kUnavailable);
  const auto by_network = check(targets, Direction::kOut, "rtmp", "rtmps://1.1.1.9:8443/a/b");
  ck_assert(by_network.has_value() && by_network->address == "1.1.1.9");
}
END_TEST

// Whoever asks is told at once, and what would be right.
START_TEST(says_at_once_what_needs_no_look_up) {
  const auto said = [](const net::Targets& targets, Direction direction, const char* kind,
                       const char* url) {
    const auto looked = targets.look_at(direction, kind, url);
    return looked ? std::string("yes") : looked.error().message;
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  auto some = rules({"rtmp://127.0.0.1", "rtmp://localhost", "rtmp://live.example", "srt://*"});
  some.own_ports = {8190};
  const net::Targets closed(some);
  const auto out = [&](const char* kind, const char* url) {
    return said(closed, Direction::kOut, kind, url);
  };
  ck_assert(out("rtmp", "rtmp://live.example/a/sekret") == "yes");
  ck_assert(out("hls", "") == "yes");
  for (const char* inside : {"rtmp://127.0.0.1/a/sekret", "rtmp://localhost/a/sekret"})
    ck_assert(has(out("rtmp", inside), "'private-addresses = true' in [bridges]"));
  ck_assert(has(out("srt", "srt://169.254.1.1:9000"), "no setting allows"));
  const auto other = out("rtmp", "rtmp://live.example:1936/a/sekret");
  ck_assert(has(other, "'allow' in [bridges]") && has(other, "rtmp://live.example:PORT"));
  ck_assert(has(out("rtmp", "http://live.example/a"), "rtmp://host/app/key"));
  for (const auto& message : {other, out("rtmp", "rtmp://127.0.0.1/a/sekret")})
    ck_assert(!has(message, "sekret") && !has(message, "127"));
  ck_assert(has(said(closed, Direction::kIn, "file", "file:a.mp4"), "source-folder"));
  some.private_addresses = true;
  const net::Targets open(some);
  ck_assert(said(open, Direction::kOut, "rtmp", "rtmp://127.0.0.1/a/b") == "yes");
  ck_assert(said(open, Direction::kOut, "rtmp", "rtmp://localhost/a/b") == "yes");
  ck_assert(has(said(open, Direction::kOut, "srt", "srt://127.0.0.1:8190"), "this server itself"));
}
END_TEST

START_TEST(never_connects_to_this_server_itself) {
  auto some = rules({"rtmp://*:*", "rtp://*"}, /*private_addresses=*/true);
  some.own_ports = {8080, 8190};
  net::Targets targets(some);
  ck_assert(check(targets, Direction::kOut, "rtmp", "rtmp://127.0.0.1:8081/a/b").has_value());
  ck_assert(check(targets, Direction::kOut, "rtmp", "rtmp://10.1.2.3:8080/a/b").has_value());
  ck_assert(!check(targets, Direction::kOut, "rtmp", "rtmp://127.0.0.1:8080/a/b").has_value());
  ck_assert(!check(targets, Direction::kOut, "rtmp", "rtmp://127.9.9.9:8080/a/b").has_value());
  ck_assert(!check(targets, Direction::kOut, "rtmp", "rtmp://[::1]:8080/a/b").has_value());
  // Its reports, pictures, and the reports of those would go there.
  for (const char* port : {"8188", "8190"})
    ck_assert(!check(targets, Direction::kOut, "rtp", std::string("rtp://127.0.0.1:") + port));
  some.own_ports = {8191};
  some.own_addresses = {*net::parse_address("1.2.3.4")};
  net::Targets behind_nat(some);
  for (const char* port : {"8188", "8190"})
    ck_assert(!check(behind_nat, Direction::kOut, "rtp", std::string("rtp://1.2.3.4:") + port));
  ck_assert(check(behind_nat, Direction::kOut, "rtp", "rtp://1.2.3.4:8192").has_value());
  ck_assert(check(behind_nat, Direction::kOut, "rtp", "rtp://1.2.3.5:8190").has_value());
  // Not even with private-addresses.
  ck_assert(!check(targets, Direction::kOut, "rtmp", "rtmp://169.254.169.254:80/a/b").has_value());
  ck_assert(!check(targets, Direction::kOut, "rtmp", "rtmp://0.0.0.0:81/a/b").has_value());
}
END_TEST

START_TEST(plays_files_of_one_folder_alone) {
  char* made = g_dir_make_tmp("parley-sources-XXXXXX", nullptr);
  const std::string folder = made;
  g_free(made);
  std::filesystem::create_directories(folder + "/in/talks");
  std::ofstream(folder + "/secret.mp4") << "x";
  std::ofstream(folder + "/in/a.mp4") << "x";
  std::ofstream(folder + "/in/talks/two words.mp4") << "x";
  std::filesystem::create_symlink(folder + "/secret.mp4", folder + "/in/link.mp4");
  std::filesystem::create_directory_symlink(folder, folder + "/in/up");
  auto some = rules({});
  net::Targets none(some);
  ck_assert(check(none, Direction::kIn, "file", "file:a.mp4").error().code ==
            base::Code::kForbidden);
  some.source_folder = folder + "/in";
  net::Targets targets(some);
  for (const char* good : {"file:a.mp4", "a.mp4", "file:///a.mp4", "file:talks/two words.mp4"})
    ck_assert_msg(check(targets, Direction::kIn, "file", good).has_value(), "%s", good);
  const auto file = check(targets, Direction::kIn, "file", "file:a.mp4");
  ck_assert_str_eq(file->url.c_str(), "a.mp4");
  ck_assert(file->address == folder + "/in");
  for (const char* bad :
       {"file:", "file:none.mp4", "file:../secret.mp4", "file:talks/../../secret.mp4", "/a.mp4",
        "file://host/a.mp4", "file:////etc/passwd", "file:/etc/passwd", "file:link.mp4",
        "file:up/secret.mp4", "file:talks", "file:./a.mp4", "file:.hidden", "file:a\n.mp4"})
    ck_assert_msg(!check(targets, Direction::kIn, "file", bad).has_value(), "%s", bad);
  std::filesystem::remove_all(folder);
}
END_TEST

int main() {
  return test::run("targets",
                   {reaches_nothing_inside_however_it_is_written, reads_the_operators_list,
                    allows_what_the_list_names_and_nothing_else,
                    looks_a_name_up_once_and_hands_out_the_address_it_checked,
                    says_at_once_what_needs_no_look_up, never_connects_to_this_server_itself,
                    plays_files_of_one_folder_alone});
}
