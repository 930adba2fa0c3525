#include "sdp/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "sdp/document.h"
#include "sdp/formats.h"

namespace parley::sdp {
namespace {

using base::Result;

constexpr std::string_view kProto = "UDP/TLS/RTP/SAVPF";

bool is_ice_char(char c) {  // RFC 8839, 5.4
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

bool is_ice_word(std::string_view text, std::size_t min, std::size_t max) {
  return text.size() >= min && text.size() <= max &&
         std::all_of(text.begin(), text.end(), is_ice_char);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// The one attribute `name`; kInvalid when it stands twice.
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

// What one section says of ICE and DTLS; empty members: nothing.
struct TransportWords {
  std::string_view ufrag;
  std::string_view pwd;
  std::optional<Setup> setup;
  std::vector<Fingerprint> fingerprints;
};

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

Result<TransportWords> read_transport(const std::vector<Attribute>& attributes) {
  TransportWords words;
  if (auto read = read_ice(attributes, words); !read) return tl::make_unexpected(read.error());
  if (auto read = read_fingerprints(attributes, words); !read)
    return tl::make_unexpected(read.error());
  const auto setup = only(attributes, "setup");
  if (!setup) return tl::make_unexpected(setup.error());
  if (const auto& attribute = *setup) {
    if (attribute->value == "active") {
      words.setup = Setup::kActive;
    } else if (attribute->value == "passive") {
      words.setup = Setup::kPassive;
    } else {
      return wrong(attribute->line, "an answer has a=setup:active or a=setup:passive");
    }
  }
  return words;
}

// Takes over what `words` says; kInvalid when it says other than `merged` (all share one
// transport, RFC 8843).
Result<void> merge(TransportWords& merged, const TransportWords& words, std::size_t line) {
  const auto differs = [](const auto& a, const auto& b, const auto& none) {
    return a != none && b != none && a != b;
  };
  const std::string_view no_word;
  if (differs(merged.ufrag, words.ufrag, no_word) || differs(merged.pwd, words.pwd, no_word))
    return wrong(line, "all m-lines are bundled: ice-ufrag and ice-pwd must be the same");
  if (differs(merged.setup, words.setup, std::optional<Setup>()))
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
  if (!merged.setup) merged.setup = words.setup;
  if (merged.fingerprints.empty()) merged.fingerprints = words.fingerprints;
  return {};
}

// sendrecv when nothing is said (RFC 8866, 6.7).
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

Result<void> check_direction(const MediaSection& section, const MediaLine& offered,
                             const std::vector<Attribute>& session, AnsweredMedia& media) {
  const auto direction = read_direction(section, session);
  if (!direction) return tl::make_unexpected(direction.error());
  media.peer_sends = *direction == "sendonly" || *direction == "sendrecv";
  media.peer_receives = *direction == "recvonly" || *direction == "sendrecv";
  const bool may_send = offered.receives && !offered.stopped;
  const bool may_receive = !offered.receives && !offered.stopped;
  if ((media.peer_sends && !may_send) || (media.peer_receives && !may_receive)) {
    const std::string_view right = may_send      ? "a=sendonly or a=inactive"
                                   : may_receive ? "a=recvonly or a=inactive"
                                                 : "a=inactive";
    return wrong(section.line, fmt::format("the m-line has a={}; to what was offered the answer "
                                           "is {}",
                                           *direction, right));
  }
  return {};
}

const PayloadFormat* offered_format(base::Kind kind, std::string_view payload_type) {
  const auto number = parse_number(payload_type, 127);
  if (!number) return nullptr;
  for (const PayloadFormat& format : payload_formats(kind))
    if (format.payload_type == *number) return &format;
  return nullptr;
}

Result<void> check_payloads(const MediaSection& section, base::Kind kind, AnsweredMedia& media) {
  std::set<std::uint8_t> mapped;
  for (const Attribute& attribute : section.attributes) {
    if (attribute.name != "rtpmap") continue;
    std::string_view encoding = attribute.value;
    const PayloadFormat* format = offered_format(kind, take_word(encoding));
    if (format == nullptr) continue;  // an error only where the m-line names it
    if (!equal_ignoring_case(encoding, format->encoding)) {
      return wrong(attribute.line, fmt::format("payload type {} was offered as {}",
                                               format->payload_type, format->encoding));
    }
    mapped.insert(format->payload_type);
  }
  for (const std::string_view text : section.formats) {
    const PayloadFormat* format = offered_format(kind, text);
    if (format == nullptr)
      return wrong(section.line, fmt::format("payload type {} was not offered", quoted(text)));
    auto& types = media.payload_types;
    if (std::find(types.begin(), types.end(), format->payload_type) != types.end())
      return wrong(section.line, fmt::format("payload type {} stands twice", format->payload_type));
    if (!mapped.contains(format->payload_type)) {
      return wrong(section.line,
                   fmt::format("payload type {} has no a=rtpmap", format->payload_type));
    }
    types.push_back(format->payload_type);
  }
  return {};
}

Result<void> check_extensions(const MediaSection& section, const MediaLine& line,
                              AnsweredMedia& media) {
  const auto& offered = extension_formats(line.kind);
  for (const Attribute& attribute : section.attributes) {
    if (attribute.name != "extmap") continue;
    std::string_view rest = attribute.value;
    std::string_view id = take_word(rest);
    id = id.substr(0, id.find('/'));  // "4/sendonly" (RFC 8285, 5)
    const std::string_view uri = take_word(rest);
    const auto number = parse_number(id, 255);
    const auto extension =
        std::find_if(offered.begin(), offered.end(), [&](const ExtensionFormat& format) {
          return number == static_cast<std::uint32_t>(format.id) && uri == format.uri &&
                 is_of_use(format.id, line.receives);
        });
    if (extension == offered.end()) {
      return wrong(attribute.line, fmt::format("header extension {} was not offered for {}",
                                               quoted(id), quoted(uri)));
    }
    if (!media.extensions.insert(extension->id).second)
      return wrong(attribute.line, fmt::format("header extension {} stands twice", quoted(id)));
  }
  return {};
}

// One answer, from top to bottom.
class Check {
 public:
  Check(const std::vector<MediaLine>& offered, const Document& document)
      : offered_(offered), document_(document) {}

  Result<Answer> run() && {
    if (auto done = check_session(); !done) return tl::make_unexpected(done.error());
    for (std::size_t i = 0; i < offered_.size(); ++i) {
      if (auto done = check_media(document_.media[i], offered_[i]); !done)
        return tl::make_unexpected(done.error());
    }
    if (auto done = check_transport(); !done) return tl::make_unexpected(done.error());
    return std::move(answer_);
  }

 private:
  Result<void> check_session() {
    if (document_.media.size() != offered_.size()) {
      return base::fail(base::Code::kInvalid,
                        fmt::format("the answer has {} m-lines; the offer has {}",
                                    document_.media.size(), offered_.size()));
    }
    for (const Attribute& attribute : document_.session) {
      if (attribute.name == "ice-lite")
        return wrong(attribute.line, "the server is ice-lite; the peer must not be");
      if (attribute.name == "extmap")
        return wrong(attribute.line, "a=extmap belongs below the m-lines");
      if (attribute.name == "group")
        if (auto done = check_group(attribute); !done) return done;
    }
    auto words = read_transport(document_.session);
    if (!words) return tl::make_unexpected(words.error());
    words_ = *std::move(words);
    return {};
  }

  Result<void> check_group(const Attribute& attribute) {
    std::string_view rest = attribute.value;
    if (take_word(rest) != "BUNDLE") return {};  // lip-sync groups and the like
    if (has_bundle_) return wrong(attribute.line, "a second a=group:BUNDLE");
    has_bundle_ = true;
    while (!rest.empty()) {
      const std::string_view mid = take_word(rest);
      const bool known = std::any_of(offered_.begin(), offered_.end(),
                                     [&](const MediaLine& line) { return line.mid == mid; });
      if (!known) return wrong(attribute.line, fmt::format("mid {} was not offered", quoted(mid)));
      if (!bundled_.insert(mid).second)
        return wrong(attribute.line, fmt::format("mid {} stands twice", quoted(mid)));
    }
    return {};
  }

  Result<void> check_media(const MediaSection& section, const MediaLine& offered) {
    AnsweredMedia& media = answer_.media.emplace_back();
    media.mid = offered.mid;
    if (section.media != name_of(offered.kind)) {
      return wrong(section.line, fmt::format("m={} where m={} was offered", quoted(section.media),
                                             name_of(offered.kind)));
    }
    const auto found = only(section.attributes, "mid");
    if (!found) return tl::make_unexpected(found.error());
    const std::optional<Attribute>& mid = *found;
    if (mid && mid->value != offered.mid) {
      return wrong(mid->line,
                   fmt::format("mid {} where {} was offered", quoted(mid->value), offered.mid));
    }
    if (section.port == 0) return {};  // rejected; not every browser then gives its mid
    if (offered.rejected)
      return wrong(section.line, "the m-line was offered with port 0 and stays so");
    if (!mid) return wrong(section.line, fmt::format("the m-line has no a=mid:{}", offered.mid));
    media.accepted = true;
    return check_accepted(section, offered, media);
  }

  Result<void> check_accepted(const MediaSection& section, const MediaLine& offered,
                              AnsweredMedia& media) {
    if (section.proto != kProto)
      return wrong(section.line, fmt::format("the offered protocol is {}", kProto));
    if (!bundled_.contains(offered.mid)) {
      return wrong(section.line, fmt::format("mid {} must stand in a=group:BUNDLE", offered.mid));
    }
    const auto mux = only(section.attributes, "rtcp-mux");
    if (!mux) return tl::make_unexpected(mux.error());
    if (!*mux) return wrong(section.line, "the m-line has no a=rtcp-mux");

    const auto words = read_transport(section.attributes);
    if (!words) return tl::make_unexpected(words.error());
    if (auto done = merge(words_, *words, section.line); !done) return done;
    accepts_any_ = true;

    if (auto done = check_direction(section, offered, document_.session, media); !done) return done;
    if (auto done = check_payloads(section, offered.kind, media); !done) return done;
    if (auto done = check_extensions(section, offered, media); !done) return done;
    // Firefox names the SSRC of its receiver reports where it only receives.
    return media.peer_sends ? check_ssrcs(section, media) : Result<void>();
  }

  Result<void> check_ssrcs(const MediaSection& section, AnsweredMedia& media) {
    for (const Attribute& attribute : section.attributes) {
      if (attribute.name != "ssrc") continue;
      std::string_view rest = attribute.value;
      const auto ssrc = parse_number(take_word(rest), UINT32_MAX);
      if (!ssrc || *ssrc == 0)
        return wrong(attribute.line, "a=ssrc wants a number from 1 to 4294967295");
      if (std::find(media.ssrcs.begin(), media.ssrcs.end(), *ssrc) != media.ssrcs.end())
        continue;  // each of its attributes has a line of its own (RFC 5576, 4.1)
      if (!ssrcs_.insert(*ssrc).second)
        return wrong(attribute.line, fmt::format("ssrc {} stands in two m-lines", *ssrc));
      if (ssrcs_.size() > kMaxSsrcsPerPeer)
        return wrong(attribute.line, fmt::format("more than {} ssrcs", kMaxSsrcsPerPeer));
      media.ssrcs.push_back(*ssrc);
    }
    return {};
  }

  Result<void> check_transport() {
    if (!accepts_any_)
      return base::fail(base::Code::kInvalid, "the answer accepts no m-line at all");
    const auto missing = [](std::string_view what) {
      return base::fail(base::Code::kInvalid, fmt::format("the answer has no a={}", what));
    };
    if (words_.ufrag.empty()) return missing("ice-ufrag");
    if (words_.pwd.empty()) return missing("ice-pwd");
    if (!words_.setup) return missing("setup");
    if (words_.fingerprints.empty()) return missing("fingerprint of sha-256, sha-384 or sha-512");
    answer_.ufrag = words_.ufrag;
    answer_.pwd = words_.pwd;
    answer_.setup = *words_.setup;
    answer_.fingerprints = std::move(words_.fingerprints);
    return {};
  }

  const std::vector<MediaLine>& offered_;
  const Document& document_;
  Answer answer_;
  bool has_bundle_ = false;
  std::set<std::string_view> bundled_;
  std::set<std::uint32_t> ssrcs_;
  TransportWords words_;  // of the session and the accepted m-lines so far
  bool accepts_any_ = false;
};

}  // namespace

Result<Answer> check_answer(const std::vector<MediaLine>& offered, std::string_view sdp) {
  const auto document = parse_document(sdp);
  if (!document) return tl::make_unexpected(document.error());
  return Check(offered, *document).run();
}

}  // namespace parley::sdp
