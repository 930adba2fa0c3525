#include "net/address_range.h"

#include <string>
#include <vector>

#include "support/check_main.h"

using namespace parley::net;

namespace {

std::vector<AddressRange> ranges(std::initializer_list<const char*> texts) {
  std::vector<AddressRange> all;
  for (const char* text : texts) {
    const auto range = AddressRange::parse(text);
    ck_assert_msg(range.has_value(), "%s", text);
    all.push_back(*range);
  }
  return all;
}

std::string client(const char* forwarded, const std::vector<AddressRange>& trusted) {
  return client_of_proxy(forwarded, trusted).value_or("nobody");
}

}  // namespace

START_TEST(knows_an_address_however_it_is_written) {
  const auto one = ranges({"2001:db8::1", "127.0.0.1"});
  for (const char* same : {"2001:db8::1", "2001:0db8:0:0::1", "2001:DB8::0:1", "127.0.0.1",
                           "::ffff:127.0.0.1", "::ffff:7f00:1"})
    ck_assert_msg(contains(one, same), "%s", same);
  for (const char* other : {"2001:db8::2", "127.0.0.2", "::1", "", "localhost", "127.0.0.1 ",
                            "127.0.0.1/32", "127.1", "0177.0.0.1"})
    ck_assert_msg(!contains(one, other), "%s", other);
}
END_TEST

START_TEST(takes_networks) {
  const auto some = ranges({"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33", "198.51.100.7/32"});
  for (const char* inside : {"10.0.0.0", "10.255.255.255", "192.0.2.128", "192.0.2.255",
                             "::ffff:10.1.2.3", "2001:db8:7fff::1", "198.51.100.7"})
    ck_assert_msg(contains(some, inside), "%s", inside);
  for (const char* outside : {"11.0.0.0", "9.255.255.255", "192.0.2.127",
                              "2001:db8:8000::", "2001:db7::", "198.51.100.6", "::10.1.2.3"})
    ck_assert_msg(!contains(some, outside), "%s", outside);
  ck_assert(contains(ranges({"0.0.0.0/0"}), "203.0.113.9"));
  ck_assert(!contains(ranges({"0.0.0.0/0"}), "2001:db8::1"));
  ck_assert(contains(ranges({"::/0"}), "203.0.113.9"));
}
END_TEST

START_TEST(refuses_what_is_no_network) {
  for (const char* wrong : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
                            "10.0.0.0/8x", "10.0.0.7/8", "10.0.0.0/8/8", "2001:db8::/129",
                            "2001:db8::1/64", "fe80::1%eth0", "localhost", "*"})
    ck_assert_msg(!is_address_range(wrong), "%s", wrong);
}
END_TEST

START_TEST(finds_the_client_behind_one_proxy_or_several) {
  const auto trusted = ranges({"10.0.0.0/8", "::1"});
  ck_assert(client("192.0.2.1", trusted) == "192.0.2.1");
  ck_assert(client("6.6.6.6, 192.0.2.1", trusted) == "192.0.2.1");
  ck_assert(client("6.6.6.6,192.0.2.1 ,\t10.1.1.1,::1", trusted) == "192.0.2.1");
  // Nothing before a stranger's address counts, whatever it is.
  ck_assert(client("10.0.0.9, 192.0.2.1, 10.1.1.1", trusted) == "192.0.2.1");
  // A request of a proxy's own.
  ck_assert(client("10.1.1.1, 10.2.2.2", trusted) == "10.1.1.1");
  // What cannot be read ends what can be believed.
  ck_assert(client("192.0.2.1, unknown, 10.1.1.1", trusted) == "10.1.1.1");
  ck_assert(client("unknown", trusted) == "nobody");
  ck_assert(client("", trusted) == "nobody");
}
END_TEST

int main() {
  return parley::test::run(
      "address range", {knows_an_address_however_it_is_written, takes_networks,
                        refuses_what_is_no_network, finds_the_client_behind_one_proxy_or_several});
}
