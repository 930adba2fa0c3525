// A made-up peer: answers an offer line by line, the way a browser would, and lets tests bend it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sdp/leg_session.h"

namespace parley::test {

inline constexpr std::string_view kPeerDigest =
    "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:"
    "89";

inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

inline bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// Takes everything that is offered, and sends on every line it may.
inline std::string answer_to(std::string_view offer) {
  static const std::map<std::string, std::string> kReplaced = {
      {"a=setup:actpass", "a=setup:active"},
      {"a=recvonly", "a=sendonly"},
      {"a=sendonly", "a=recvonly"}};
  std::string out;
  for (const std::string& line : lines_of(offer)) {
    bool dropped = line == "a=ice-lite" || line == "a=end-of-candidates";
    for (const char* start : {"a=candidate:", "a=msid:", "a=ssrc:"})
      dropped = dropped || starts_with(line, start);
    if (dropped) continue;
    std::string answered = line;
    if (const auto it = kReplaced.find(line); it != kReplaced.end()) answered = it->second;
    if (starts_with(line, "a=ice-ufrag:")) answered = "a=ice-ufrag:pEEr";
    if (starts_with(line, "a=ice-pwd:")) answered = "a=ice-pwd:peer/password+of22chars";
    if (starts_with(line, "a=fingerprint:"))
      answered = "a=fingerprint:sha-256 " + std::string(kPeerDigest);
    out += answered + "\r\n";
  }
  return out;
}

// `text` with the first `what` behind the first `after` replaced; fails loudly when there is none.
inline std::string bent(std::string text, std::string_view after, std::string_view what,
                        std::string_view with) {
  const auto from = text.find(after);
  const auto at = from == std::string::npos ? from : text.find(what, from);
  if (at == std::string::npos) return "nothing to bend";
  return text.replace(at, what.size(), with);
}

inline sdp::Transport transport() {
  sdp::Transport transport;
  transport.ufrag = "sErv";
  transport.pwd = "server/password+of22chars";
  transport.fingerprint.hash = "sha-256";
  for (int i = 0; i < 32; ++i)
    transport.fingerprint.digest.push_back(static_cast<std::uint8_t>(i * 7));
  transport.candidates = {{"192.0.2.10", 40000}, {"127.0.0.1", 40000}, {"2001:db8::10", 40000}};
  return transport;
}

inline sdp::TrackKey key(std::uint64_t stream, base::Source source) {
  return {base::StreamId{stream}, source};
}

}  // namespace parley::test
