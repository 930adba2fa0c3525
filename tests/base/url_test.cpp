#include "base/url.h"

#include <string>

#include "support/check_main.h"

using namespace parley::base;

START_TEST(reads_the_parts_of_an_address) {
  const auto url = parse_url("RTMPS://me:pa%40ss@Live.Example.COM.:1936/app/key?x=1&y=2");
  ck_assert(url.has_value());
  ck_assert_str_eq(url->scheme.c_str(), "rtmps");
  ck_assert_str_eq(url->user.c_str(), "me:pa%40ss");
  ck_assert_str_eq(url->host.c_str(), "live.example.com");
  ck_assert_uint_eq(url->port, 1936);
  ck_assert_str_eq(url->path.c_str(), "/app/key");
  ck_assert_str_eq(url->query.c_str(), "x=1&y=2");
  const auto pairs = query_of(*url);
  ck_assert_uint_eq(pairs.size(), 2);
  ck_assert(pairs[1].first == "y" && pairs[1].second == "2");
  ck_assert(to_text(*url) == "rtmps://me:pa%40ss@live.example.com:1936/app/key?x=1&y=2");
  const auto v6 = parse_url("srt://[2001:DB8::7]:9000");
  ck_assert(v6.has_value() && v6->host == "2001:db8::7" && v6->port == 9000);
  ck_assert(to_text(*v6) == "srt://[2001:db8::7]:9000");
}
END_TEST

START_TEST(refuses_what_two_programs_would_read_differently) {
  for (const char* text : {"",
                           "rtmp:",
                           "rtmp:/host/a",
                           "//host/a",
                           "host/a/b",
                           "1tmp://host/a",
                           "rtmp://",
                           "rtmp:///a",
                           "rtmp://:1935/a",
                           "rtmp://host:/a",
                           "rtmp://host:0/a",
                           "rtmp://host:65536/a",
                           "rtmp://host:+80/a",
                           "rtmp://host:80:80/a",
                           "rtmp://ho st/a",
                           "rtmp://host/a b",
                           "rtmp://host\\@other/a",
                           "rtmp://a@b@host/a",
                           "rtmp://@host/a",
                           "rtmp://host/a#b",
                           "rtmp://h\xc3\xb6st/a",
                           "rtmp://host%2eexample/a",
                           "rtmp://host\n/a",
                           "rtmp://127.1/a",
                           "rtmp://0x7f.0.0.1/a",
                           "rtmp://0x7f000001/a",
                           "rtmp://2130706433/a",
                           "rtmp://0177.0.0.1/a",
                           "rtmp://127.0.0.1.5/a",
                           "rtmp://127.0.0.256/a",
                           "rtmp://127.0.0.01/a",
                           "rtmp://127.0.0/a",
                           "rtmp://[::1/a",
                           "rtmp://[fe80::1%25eth0]/a",
                           "rtmp://[::1]x/a",
                           "rtmp://[::1]]/a",
                           "rtmp://[127.0.0.1]/a",
                           "rtmp://::1/a",
                           "rtmp://-host/a",
                           "rtmp://host-/a",
                           "rtmp://a..b/a",
                           "rtmp://./a",
                           "rtmp://host.0x1/a",
                           "rtmp://$(id)/a",
                           "rtmp://a,b/a"})
    ck_assert_msg(!parse_url(text).has_value(), "%s", text);
  ck_assert(!parse_url("rtmp://host/" + std::string(kMaxUrlBytes, 'x')).has_value());
  ck_assert(!parse_url(std::string_view("rtmp://host\0.example/a", 22)).has_value());
  ck_assert(!parse_url("rtmp://" + std::string(64, 'x') + ".example/a").has_value());
}
END_TEST

START_TEST(shows_no_secret_of_an_address) {
  const std::pair<const char*, const char*> cases[] = {
      {"rtmp://live.example/app/sekret", "rtmp://live.example/…"},
      {"rtmp://sekret:sekret@live.example:1936", "rtmp://live.example:1936/…"},
      {"srt://[2001:db8::1]:9000?passphrase=sekret", "srt://[2001:db8::1]:9000/…"},
      {"srt://live.example:9000", "srt://live.example:9000"},
      {"https://live.example/a?token=sekret", "https://live.example/…"},
      {"rtmp://user:sekret@", "an address that cannot be read"},
      {"sekret", "an address that cannot be read"},
      {"rtmp://sekret@sekret@host/a", "an address that cannot be read"},
      {"rtmp://host/a\nsekret", "an address that cannot be read"},
  };
  for (const auto& [text, shown] : cases) {
    ck_assert_msg(redact(text) == shown, "%s", text);
    const auto parsed = parse_url(text);
    if (!parsed) ck_assert(parsed.error().message.find("sekret") == std::string::npos);
  }
}
END_TEST

int main() {
  return parley::test::run(
      "url", {reads_the_parts_of_an_address, refuses_what_two_programs_would_read_differently,
              shows_no_secret_of_an_address});
}
