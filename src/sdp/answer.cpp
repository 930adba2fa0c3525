#include "sdp/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "sdp/document.h"
#include "sdp/formats.h"
#include "sdp/reading.h"

namespace parley::sdp {
namespace {

using base::Result;

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

bool takes_nacks(const MediaSection& section) {
  return std::any_of(section.attributes.begin(), section.attributes.end(), [](const Attribute& a) {
    if (a.name != "rtcp-fb") return false;
    std::string_view rest = a.value;
    (void)take_word(rest);  // the payload type, or * for all
    return rest == "nack";
  });
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
    auto words = read_transport(document_.session, false);
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

    const auto words = read_transport(section.attributes, false);
    if (!words) return tl::make_unexpected(words.error());
    if (auto done = merge(words_, *words, section.line); !done) return done;
    accepts_any_ = true;

    if (auto done = check_direction(section, offered, document_.session, media); !done) return done;
    if (auto done = check_payloads(section, offered.kind, media); !done) return done;
    if (auto done = check_extensions(section, offered, media); !done) return done;
    media.resends = offered.receives && takes_nacks(section);
    // Firefox names the SSRC of its receiver reports where it only receives.
    return media.peer_sends ? check_ssrcs(section, media) : Result<void>();
  }

  Result<void> check_ssrcs(const MediaSection& section, AnsweredMedia& media) {
    auto ssrcs = read_ssrcs(section, ssrcs_);
    if (!ssrcs) return tl::make_unexpected(std::move(ssrcs).error());
    media.ssrcs = *std::move(ssrcs);
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
    if (words_.setup.empty()) return missing("setup");
    if (words_.fingerprints.empty()) return missing("fingerprint of sha-256, sha-384 or sha-512");
    answer_.ufrag = words_.ufrag;
    answer_.pwd = words_.pwd;
    answer_.setup = words_.setup == "active" ? Setup::kActive : Setup::kPassive;
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
