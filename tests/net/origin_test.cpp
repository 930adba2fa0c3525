#include "net/origin.h"

#include <string>
#include <vector>

#include "support/check_main.h"

using namespace parley::net;

START_TEST(lets_in_what_is_no_browser_and_its_own_pages) {
  ck_assert(origin_allowed("", "host", {"https"}, {}));
  ck_assert(origin_allowed("http://localhost:8080", "localhost:8080", {"http"}, {}));
  ck_assert(origin_allowed("https://Call.example", "call.example", {"https"}, {}));
  ck_assert(origin_allowed("https://call.example", "call.example:443", {"https"}, {}));
}
END_TEST

START_TEST(compares_scheme_host_and_port_exactly) {
  for (const char* other :
       {"https://localhost:8080", "http://localhost:8081", "http://localhost", "null",
        "http://localhost:8080.evil.example", "http://evil.example", "http://localhost:8080/",
        "http://localhost:8080@evil.example", "file://", "http://"})
    ck_assert_msg(!origin_allowed(other, "localhost:8080", {"http"}, {}), "%s", other);
}
END_TEST

START_TEST(lets_in_what_the_list_names) {
  const std::vector<std::string> list = {"https://app.example", "http://dev.example:3000"};
  ck_assert(origin_allowed("https://app.example", "sfu.example", {"https"}, list));
  ck_assert(origin_allowed("https://app.example:443", "sfu.example", {"https"}, list));
  ck_assert(origin_allowed("http://dev.example:3000", "sfu.example", {"https"}, list));
  ck_assert(!origin_allowed("http://app.example", "sfu.example", {"https"}, list));
  ck_assert(!origin_allowed("https://sub.app.example", "sfu.example", {"https"}, list));
}
END_TEST

START_TEST(counts_a_subscriber_once) {
  ck_assert(address_group("192.0.2.7") == "192.0.2.7");
  ck_assert(address_group("::ffff:192.0.2.7") == "192.0.2.7");
  ck_assert(address_group("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  ck_assert(address_group("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64");
  ck_assert(address_group("::1") == "::1");
}
END_TEST

int main() {
  return parley::test::run("origin", {lets_in_what_is_no_browser_and_its_own_pages,
                                      compares_scheme_host_and_port_exactly,
                                      lets_in_what_the_list_names, counts_a_subscriber_once});
}
