#include "job/discretion.h"

#include <glib.h>

#include <algorithm>

#include "base/url.h"
#include "wrap/owned.h"

namespace parley::job {
namespace {

// Our choice: shorter pieces ("live", "hls") hide too many harmless words, and are no keys.
constexpr std::size_t kShortestSecret = 5;
constexpr std::string_view kMark = "***";

std::string without(std::string text, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    std::size_t at = 0;
    while ((at = text.find(word, at)) != std::string::npos) {
      text.replace(at, word.size(), kMark);
      at += kMark.size();
    }
  }
  return text;
}

// Nothing of a file: its name is no URL, and its address a folder.
std::vector<std::string> places_of(const std::string& url, const std::string& address) {
  std::vector<std::string> places;
  const auto parsed = base::parse_url(url);
  if (!parsed) return places;
  for (const std::string& place : {parsed->host, address})
    if (!place.empty()) places.push_back(place);
  return places;
}

}  // namespace

Discretion::Discretion(const Spec& spec) {
  hide(spec.secret);
  if (const auto* out = std::get_if<Out>(&spec.work)) {
    hide_url(out->url);
    places_ = places_of(out->url, out->address);
  }
  if (const auto* in = std::get_if<In>(&spec.work)) {
    hide_url(in->url);
    places_ = places_of(in->url, in->address);
  }
  std::sort(secrets_.begin(), secrets_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

// SCHEME://USER:PASSWORD@HOST:PORT/PATH?QUERY#FRAGMENT: all but scheme, host and port.
void Discretion::hide_url(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return hide(url);
  std::string_view rest = url.substr(begin + 3);
  const std::size_t path = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, path);
  rest.remove_prefix(path);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = authority.substr(0, at);
    const std::size_t colon = user.find(':');
    hide(user);
    hide(user.substr(0, colon));
    if (colon != std::string_view::npos) hide(user.substr(colon + 1));
  }
  hide(rest);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("/?#&=", 0), rest.size());
    hide(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void Discretion::hide(std::string_view secret) {
  if (secret.size() < kShortestSecret) return;
  secrets_.emplace_back(secret);
  // As whoever takes the URL apart may print it.
  const wrap::Owned<char> plain(g_uri_unescape_string(std::string(secret).c_str(), nullptr));
  if (plain && plain.get() != secret && std::string_view(plain.get()).size() >= kShortestSecret)
    secrets_.emplace_back(plain.get());
}

std::string Discretion::clean(std::string_view text) const {
  return without(std::string(text), secrets_);
}

std::string Discretion::without_address(std::string_view text) const {
  return without(clean(text), places_);
}

}  // namespace parley::job
