// The half of the room that talks with webrtcbin, which sees two base m-lines only.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sdp/document.h"
#include "sdp/formats.h"
#include "sdp/leg_session.h"

namespace parley::sdp {
namespace {

using base::Code;
using base::Result;

// Of an attribute of `section`, or of the whole; empty when it is not there.
std::string_view value_of(const std::vector<Attribute>& attributes, std::string_view name) {
  const auto it = std::find_if(attributes.begin(), attributes.end(),
                               [&](const Attribute& a) { return a.name == name; });
  return it == attributes.end() ? std::string_view() : it->value;
}

bool has(const std::vector<Attribute>& attributes, std::string_view name) {
  return std::any_of(attributes.begin(), attributes.end(),
                     [&](const Attribute& a) { return a.name == name; });
}

std::string_view answer_direction(const std::vector<Attribute>& attributes) {
  if (has(attributes, "recvonly")) return "sendonly";
  if (has(attributes, "sendonly")) return "recvonly";
  if (has(attributes, "inactive")) return "inactive";
  return "sendrecv";
}

// The values of a=rtpmap and a=fmtp of the payload type, as lines.
std::string format_lines(const MediaSection& section, std::string_view payload_type) {
  std::string out;
  for (const Attribute& attribute : section.attributes) {
    if (attribute.name != "rtpmap" && attribute.name != "fmtp") continue;
    std::string_view rest = attribute.value;
    if (take_word(rest) == payload_type)
      out += fmt::format("a={}:{}\r\n", attribute.name, attribute.value);
  }
  return out;
}

// Longer digests are the stronger ones.
const Fingerprint* strongest(const Answer& answer) {
  const auto it = std::max_element(
      answer.fingerprints.begin(), answer.fingerprints.end(),
      [](const Fingerprint& a, const Fingerprint& b) { return a.digest.size() < b.digest.size(); });
  return it == answer.fingerprints.end() ? nullptr : &*it;
}

}  // namespace

Result<std::string> answer_for_webrtcbin(std::string_view base_offer, const Answer& answer) {
  const auto document = parse_document(base_offer);
  if (!document) return tl::make_unexpected(document.error());
  if (document->media.empty()) return base::fail(Code::kInvalid, "the offer has no m-line");
  const Fingerprint* fingerprint = strongest(answer);
  if (fingerprint == nullptr) return base::fail(Code::kInvalid, "the answer has no fingerprint");

  std::string bundle;
  std::string media;
  for (const MediaSection& section : document->media) {
    if (section.media != "audio" && section.media != "video") {
      return wrong(section.line,
                   fmt::format("a base m-line is audio or video, not {}", quoted(section.media)));
    }
    const std::string_view mid = value_of(section.attributes, "mid");
    if (mid.empty()) return wrong(section.line, "the m-line has no a=mid");
    const std::string_view payload_type = section.formats.front();
    bundle += fmt::format(" {}", mid);
    media += fmt::format(
        "m={} 9 {} {}\r\n"
        "c=IN IP4 0.0.0.0\r\n"
        "a=rtcp-mux\r\n"
        "a=ice-ufrag:{}\r\n"
        "a=ice-pwd:{}\r\n"
        "a=fingerprint:{}\r\n"
        "a=setup:{}\r\n"
        "a=mid:{}\r\n"
        "a={}\r\n",
        section.media, section.proto, payload_type, answer.ufrag, answer.pwd,
        write_fingerprint(*fingerprint), answer.setup == Setup::kActive ? "active" : "passive", mid,
        answer_direction(section.attributes));
    media += format_lines(section, payload_type);
  }
  return fmt::format("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE{}\r\n{}",
                     bundle, media);
}

Result<Fingerprint> fingerprint_of(std::string_view sdp) {
  const auto document = parse_document(sdp);
  if (!document) return tl::make_unexpected(document.error());
  std::vector<Attribute> attributes = document->session;
  for (const MediaSection& section : document->media)
    attributes.insert(attributes.end(), section.attributes.begin(), section.attributes.end());
  for (const Attribute& attribute : attributes) {
    if (attribute.name != "fingerprint") continue;
    const auto parsed = parse_fingerprint(attribute.value, attribute.line);
    if (!parsed) return tl::make_unexpected(parsed.error());
    if (const std::optional<Fingerprint>& fingerprint = *parsed) return *fingerprint;
  }
  return base::fail(Code::kInvalid, "the description has no fingerprint of sha-256 or better");
}

}  // namespace parley::sdp
