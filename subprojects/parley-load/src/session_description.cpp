#include "session_description.h"

#include <strings.h>

#include <charconv>
#include <sstream>

namespace parley::load {
namespace {

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

int leading_number(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// If `line` begins with `prefix`, what follows goes to `rest`.
bool take_prefix(std::string_view line, std::string_view prefix, std::string_view& rest) {
  if (line.substr(0, prefix.size()) != prefix) return false;
  rest = line.substr(prefix.size());
  return true;
}

std::string_view after_space(std::string_view text) {
  const std::size_t space = text.find(' ');
  return space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
}

bool is_direction(std::string_view text) {
  return text == "sendrecv" || text == "sendonly" || text == "recvonly" || text == "inactive";
}

SdpMedia media_line(std::string_view value, const SdpMedia& session) {
  SdpMedia media = session;
  std::istringstream words{std::string(value)};
  words >> media.kind >> media.port >> media.protocol;
  for (std::string word; words >> word;) {
    if (const int number = leading_number(word); number >= 0) media.payload_types.push_back(number);
  }
  return media;
}

// Attributes that may stand in the session part or in a media part.
bool transport_attribute(std::string_view line, SdpMedia& to) {
  std::string_view rest;
  if (take_prefix(line, "a=ice-ufrag:", rest)) {
    to.ufrag = rest;
  } else if (take_prefix(line, "a=ice-pwd:", rest)) {
    to.pwd = rest;
  } else if (take_prefix(line, "a=fingerprint:", rest)) {
    to.fingerprint = rest;
  } else if (take_prefix(line, "a=setup:", rest)) {
    to.setup = rest;
  } else if (take_prefix(line, "a=", rest) && is_direction(rest)) {
    to.direction = rest;
  } else {
    return false;
  }
  return true;
}

void feedback_attribute(std::string_view value, SdpMedia& media) {
  const std::string feedback(after_space(value));
  if (value.substr(0, 1) == "*") {
    for (const int type : media.payload_types) media.codecs[type].feedback.push_back(feedback);
  } else {
    media.codecs[leading_number(value)].feedback.push_back(feedback);
  }
}

void media_attribute(std::string_view line, SdpMedia& media) {
  std::string_view rest;
  if (take_prefix(line, "a=mid:", rest)) {
    media.mid = rest;
  } else if (line == "a=bundle-only") {
    media.bundle_only = true;
  } else if (line.substr(0, 12) == "a=candidate:") {
    media.candidates.emplace_back(line.substr(2));
  } else if (take_prefix(line, "a=rtpmap:", rest)) {
    const std::string_view encoding = after_space(rest);
    media.codecs[leading_number(rest)].name = encoding.substr(0, encoding.find('/'));
  } else if (take_prefix(line, "a=fmtp:", rest)) {
    media.codecs[leading_number(rest)].fmtp = after_space(rest);
  } else if (take_prefix(line, "a=rtcp-fb:", rest)) {
    feedback_attribute(rest, media);
  } else if (take_prefix(line, "a=extmap:", rest)) {
    const std::string_view uri = after_space(rest);
    media.extensions[leading_number(rest)] = uri.substr(0, uri.find(' '));
  }
}

}  // namespace

int SdpMedia::find_codec(std::string_view name) const {
  for (const int type : payload_types) {
    const auto it = codecs.find(type);
    if (it != codecs.end() && same_text(it->second.name, name)) return type;
  }
  return -1;
}

int SdpMedia::find_rtx(int payload_type) const {
  for (const auto& [type, codec] : codecs) {
    std::string_view original;
    if (same_text(codec.name, "rtx") && take_prefix(codec.fmtp, "apt=", original) &&
        leading_number(original) == payload_type) {
      return type;
    }
  }
  return -1;
}

SessionDescription parse_sdp(const std::string& text) {
  SessionDescription result;
  SdpMedia session;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    SdpMedia& current = result.media.empty() ? session : result.media.back();
    std::string_view rest;
    if (take_prefix(line, "m=", rest)) {
      result.media.push_back(media_line(rest, session));
    } else if (line == "a=ice-lite") {
      result.ice_lite = true;
    } else if (!transport_attribute(line, current) && !result.media.empty()) {
      media_attribute(line, current);
    }
  }
  return result;
}

}  // namespace parley::load
