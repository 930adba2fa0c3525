// Addresses of streams as text: rtmp://host/app/key, srt://host:port?streamid=…, https://…
//
// Strict on purpose: what two programs read differently is refused, for one of them checks and the
// other connects. Everything but scheme, host and port may be a secret (stream keys stand in paths,
// passphrases in queries), so nothing here puts more of a URL into a message.
//
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace parley::base {

struct Url {
  std::string scheme;       // lower case
  std::string user;         // as written, with its password: "user:password"; empty: none
  std::string host;         // lower case, without a dot at its end; IPv6 without its brackets
  std::uint16_t port = 0;   // 0: not said
  std::string path;         // empty, or begins with '/'
  std::string query;        // without its '?'
  bool literal_v6 = false;  // the host stood in brackets
};

inline constexpr std::size_t kMaxUrlBytes = 2048;

// scheme://[user[:password]@]host[:port][/path][?query] (RFC 3986, 3), in printable ASCII. The host
// is a name of letters, digits, '-' and '_', an IPv4 address as four decimal numbers, or an IPv6
// address in brackets: "127.1", "0x7f.0.0.1" and "2130706433" are none of them, though many
// programs take them for an address. kInvalid: what is wrong, without a word of the URL.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

// As parse_url would read it again.
[[nodiscard]] std::string to_text(const Url& url);

// host:port, or [host]:port; without ":port" when there is none.
[[nodiscard]] std::string authority_of(const Url& url);

// "key=value" pairs of a query, as written.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> query_of(const Url& url);

// For logs and messages: "rtmp://host:port/…". Never a user, password, path or query, whatever the
// text is.
[[nodiscard]] std::string redact(std::string_view text);

}  // namespace parley::base
