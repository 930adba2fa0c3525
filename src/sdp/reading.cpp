#include "sdp/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "sdp/formats.h"

namespace parley::sdp {

using base::Result;

namespace {

bool is_ice_char(char c) {  // RFC 8839, 5.4
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

bool is_ice_word(std::string_view text, std::size_t min, std::size_t max) {
  return text.size() >= min && text.size() <= max &&
         std::all_of(text.begin(), text.end(), is_ice_char);
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Result<std::optional<Attribute>> only(const std::vector<Attribute>& attributes,
                                      std::string_view name) {
  std::optional<Attribute> found;
  for (const Attribute& attribute : attributes) {
    if (attribute.name != name) continue;
    if (found) return wrong(attribute.line, fmt::format("a={} stands here twice", name));
    found = attribute;
  }
  return found;
}

namespace {

Result<void> read_ice(const std::vector<Attribute>& attributes, TransportWords& words) {
  const auto ufrag = only(attributes, "ice-ufrag");
  if (!ufrag) return tl::make_unexpected(ufrag.error());
  const auto pwd = only(attributes, "ice-pwd");
  if (!pwd) return tl::make_unexpected(pwd.error());
  if (const auto& attribute = *ufrag) {
    if (!is_ice_word(attribute->value, 4, 256))
      return wrong(attribute->line, "a=ice-ufrag wants 4 to 256 letters, digits, '+' and '/'");
    words.ufrag = attribute->value;
  }
  if (const auto& attribute = *pwd) {
    if (!is_ice_word(attribute->value, 22, 256))
      return wrong(attribute->line, "a=ice-pwd wants 22 to 256 letters, digits, '+' and '/'");
    words.pwd = attribute->value;
  }
  return {};
}

Result<void> read_fingerprints(const std::vector<Attribute>& attributes, TransportWords& words) {
  for (const Attribute& attribute : attributes) {
    if (attribute.name != "fingerprint") continue;
    auto parsed = parse_fingerprint(attribute.value, attribute.line);
    if (!parsed) return tl::make_unexpected(parsed.error());
    const std::optional<Fingerprint>& known = *parsed;
    if (!known) continue;
    const Fingerprint& fingerprint = *known;
    const auto same =
        std::find_if(words.fingerprints.begin(), words.fingerprints.end(),
                     [&](const Fingerprint& f) { return f.hash == fingerprint.hash; });
    if (same == words.fingerprints.end()) {
      words.fingerprints.push_back(fingerprint);
    } else if (same->digest != fingerprint.digest) {
      return wrong(attribute.line, "there is one certificate, so one fingerprint for each hash");
    }
  }
  std::sort(words.fingerprints.begin(), words.fingerprints.end(),
            [](const Fingerprint& a, const Fingerprint& b) { return a.hash < b.hash; });
  return {};
}

}  // namespace

Result<TransportWords> read_transport(const std::vector<Attribute>& attributes, bool actpass) {
  TransportWords words;
  if (auto read = read_ice(attributes, words); !read) return tl::make_unexpected(read.error());
  if (auto read = read_fingerprints(attributes, words); !read)
    return tl::make_unexpected(read.error());
  const auto setup = only(attributes, "setup");
  if (!setup) return tl::make_unexpected(setup.error());
  if (const auto& attribute = *setup) {
    const std::string_view value = attribute->value;
    if (value != "active" && value != "passive" && !(actpass && value == "actpass")) {
      return wrong(attribute->line, actpass ? "an offer has a=setup:actpass, active or passive"
                                            : "an answer has a=setup:active or a=setup:passive");
    }
    words.setup = value;
  }
  return words;
}

Result<void> merge(TransportWords& merged, const TransportWords& words, std::size_t line) {
  const auto differs = [](std::string_view a, std::string_view b) {
    return !a.empty() && !b.empty() && a != b;
  };
  if (differs(merged.ufrag, words.ufrag) || differs(merged.pwd, words.pwd))
    return wrong(line, "all m-lines are bundled: ice-ufrag and ice-pwd must be the same");
  if (differs(merged.setup, words.setup))
    return wrong(line, "all m-lines are bundled: a=setup must be the same");
  const auto same = [](const Fingerprint& a, const Fingerprint& b) {
    return a.hash == b.hash && a.digest == b.digest;
  };
  if (!merged.fingerprints.empty() && !words.fingerprints.empty() &&
      !std::equal(merged.fingerprints.begin(), merged.fingerprints.end(),
                  words.fingerprints.begin(), words.fingerprints.end(), same))
    return wrong(line, "all m-lines are bundled: the fingerprints must be the same");
  if (merged.ufrag.empty()) merged.ufrag = words.ufrag;
  if (merged.pwd.empty()) merged.pwd = words.pwd;
  if (merged.setup.empty()) merged.setup = words.setup;
  if (merged.fingerprints.empty()) merged.fingerprints = words.fingerprints;
  return {};
}

Result<std::string_view> read_direction(const MediaSection& section,
                                        const std::vector<Attribute>& session) {
  constexpr std::string_view kDirections[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
  std::string_view found;
  for (const auto* attributes : {&section.attributes, &session}) {
    for (const Attribute& attribute : *attributes) {
      if (std::find(std::begin(kDirections), std::end(kDirections), attribute.name) ==
          std::end(kDirections))
        continue;
      if (!found.empty()) return wrong(attribute.line, "a second direction");
      found = attribute.name;
    }
    if (!found.empty()) return found;
  }
  return "sendrecv";
}

Result<std::vector<std::uint32_t>> read_ssrcs(const MediaSection& section,
                                              std::set<std::uint32_t>& all) {
  std::vector<std::uint32_t> ssrcs;
  for (const Attribute& attribute : section.attributes) {
    if (attribute.name != "ssrc") continue;
    std::string_view rest = attribute.value;
    const auto ssrc = parse_number(take_word(rest), UINT32_MAX);
    if (!ssrc || *ssrc == 0)
      return wrong(attribute.line, "a=ssrc wants a number from 1 to 4294967295");
    if (std::find(ssrcs.begin(), ssrcs.end(), *ssrc) != ssrcs.end())
      continue;  // each of its attributes has a line of its own (RFC 5576, 4.1)
    if (!all.insert(*ssrc).second)
      return wrong(attribute.line, fmt::format("ssrc {} stands in two m-lines", *ssrc));
    if (all.size() > kMaxSsrcsPerPeer)
      return wrong(attribute.line, fmt::format("more than {} ssrcs", kMaxSsrcsPerPeer));
    ssrcs.push_back(*ssrc);
  }
  return ssrcs;
}

}  // namespace parley::sdp
