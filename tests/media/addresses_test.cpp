#include "media/addresses.h"

#include <algorithm>
#include <string>
#include <vector>

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::base::IpAddress;

START_TEST(reads_and_writes_literal_addresses) {
  for (const char* text : {"127.0.0.1", "192.0.2.255", "::1", "2001:db8::42"}) {
    const auto address = media::parse_address(text);
    ck_assert_msg(address.has_value(), "%s", text);
    ck_assert(media::to_text(*address) == text);
  }
  ck_assert(media::parse_address("::ffff:127.0.0.1")->is_v4());
}
END_TEST

START_TEST(refuses_what_is_no_literal_address) {
  const std::string with_zero("127.0.0.1\0x", 11);
  for (const std::string& text :
       {std::string(), std::string("localhost"), std::string("127.1"), std::string("1.2.3.4.5"),
        std::string("fe80::1%eth0"), std::string("[::1]"), std::string("::g"), with_zero})
    ck_assert_msg(!media::parse_address(text).has_value(), "%s", text.c_str());
}
END_TEST

START_TEST(an_ipv4_endpoint_fits_sockets_of_both_families) {
  const parley::base::Endpoint endpoint{*media::parse_address("192.0.2.7"), 4242};
  for (const int family : {AF_INET, AF_INET6}) {
    sockaddr_in6 name{};
    const socklen_t size = media::to_sockaddr(endpoint, family, name);
    ck_assert_uint_eq(size, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    const auto back = media::endpoint_of(reinterpret_cast<const sockaddr&>(name));
    ck_assert(back == endpoint);
  }
}
END_TEST

START_TEST(the_host_has_loopback_and_no_link_local_address) {
  const std::vector<IpAddress> all = media::host_addresses({});
  const auto has = [&](const char* text) {
    return std::find(all.begin(), all.end(), *media::parse_address(text)) != all.end();
  };
  ck_assert(has("127.0.0.1"));
  for (const IpAddress& address : all) {
    const std::string text = media::to_text(address);
    ck_assert_msg(!text.starts_with("fe80:") && !text.starts_with("169.254."), "%s", text.c_str());
  }
  for (const IpAddress& address : media::host_addresses({.v4 = true, .v6 = false}))
    ck_assert(address.is_v4());
}
END_TEST

int main() {
  return parley::test::run("addresses",
                           {reads_and_writes_literal_addresses, refuses_what_is_no_literal_address,
                            an_ipv4_endpoint_fits_sockets_of_both_families,
                            the_host_has_loopback_and_no_link_local_address});
}
