#include "base/url.h"

#include <algorithm>
#include <charconv>

namespace parley::base {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// What a URL consists of (RFC 3986, 2), and nothing that must be escaped there.
bool is_url_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos;
  });
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
         });
}

// Four decimal numbers without leading zeros.
bool is_v4(std::string_view text) {
  int parts = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || part.size() > 3 || error != std::errc() ||
        end != part.data() + part.size() || value > 255 || (part.size() > 1 && part.front() == '0'))
      return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    text.remove_prefix(dot + 1);
  }
}

bool is_v6_text(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
         });
}

// Names whose last label could be read as a number are addresses to many programs.
bool ends_in_number(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  if (std::all_of(last.begin(), last.end(), is_digit)) return true;
  return last.starts_with("0x") && std::all_of(last.begin() + 2, last.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f');
         });
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 253 || ends_in_number(name)) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

tl::unexpected<Error> wrong(const char* message) { return fail(Code::kInvalid, message); }

Result<void> read_port(std::string_view text, Url& url) {
  if (text.empty()) return {};
  unsigned value = 0;
  const std::string_view digits = text.substr(1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (text.front() != ':' || digits.empty() || error != std::errc() ||
      end != digits.data() + digits.size() || value == 0 || value > 65535)
    return wrong("The port of the address is no number from 1 to 65535.");
  url.port = static_cast<std::uint16_t>(value);
  return {};
}

Result<void> read_host(std::string_view text, Url& url) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong("The address has a '[' without a ']'.");
    url.host = lower(text.substr(1, end - 1));
    url.literal_v6 = true;
    if (!is_v6_text(url.host))
      return wrong("What stands in brackets is no IPv6 address (a zone is not understood).");
    return read_port(text.substr(end + 1), url);
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  url.host = lower(text.substr(0, colon));
  if (url.host.size() > 1 && url.host.ends_with('.')) url.host.pop_back();
  if (!is_v4(url.host) && !is_name(url.host))
    return wrong(
        "The address names no host: a name of letters, digits and '-' (others as xn--…), an IPv4 "
        "address as four decimal numbers, or an IPv6 address in brackets.");
  return read_port(text.substr(colon), url);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return wrong("The address is longer than 2048 bytes.");
  if (!is_url_text(text))
    return wrong("The address contains what a URL cannot: escape it as %XX (RFC 3986, 2.1).");
  if (text.find('#') != std::string_view::npos)
    return wrong("The address has a fragment (#…), which means nothing here.");
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon)))
    return wrong("The address is no URL such as rtmp://host/app/key.");
  Url url;
  url.scheme = lower(text.substr(0, colon));
  text.remove_prefix(colon + 3);
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, end);
  text.remove_prefix(end);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.user = std::string(authority.substr(0, at));
    if (url.user.empty() || url.user.find('@') != std::string::npos)
      return wrong("The user in the address is empty, or has an '@' that is not escaped as %40.");
    authority.remove_prefix(at + 1);
  }
  if (auto host = read_host(authority, url); !host) return tl::unexpected(host.error());
  const std::size_t question = std::min(text.find('?'), text.size());
  url.path = std::string(text.substr(0, question));
  if (question < text.size()) url.query = std::string(text.substr(question + 1));
  return url;
}

std::string authority_of(const Url& url) {
  std::string text = url.literal_v6 ? "[" + url.host + "]" : url.host;
  if (url.port != 0) text += ":" + std::to_string(url.port);
  return text;
}

std::string to_text(const Url& url) {
  std::string text = url.scheme + "://";
  if (!url.user.empty()) text += url.user + "@";
  text += authority_of(url) + url.path;
  if (!url.query.empty()) text += "?" + url.query;
  return text;
}

std::vector<std::pair<std::string, std::string>> query_of(const Url& url) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string_view rest = url.query;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("&;"), rest.size());
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    pairs.emplace_back(pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size())));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return pairs;
}

std::string redact(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return "an address that cannot be read";
  std::string shown = url->scheme + "://" + authority_of(*url);
  if (!url->user.empty() || !url->path.empty() || !url->query.empty()) shown += "/…";
  return shown;
}

}  // namespace parley::base
