#include "sdp/guest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include "sdp/document.h"
#include "sdp/formats.h"
#include "sdp/reading.h"

namespace parley::sdp {
namespace {

using base::Code;
using base::Kind;
using base::Result;

constexpr std::uint32_t kMostExtensionId = 14;  // with one-byte headers (RFC 8285, 4.2)
constexpr std::size_t kMaxMidBytes = 32;        // our choice; browsers take one or two

// What an m-line says of one payload type.
struct OfferedFormat {
  std::uint8_t payload_type = 0;
  std::string_view encoding;
  std::string_view fmtp;
};

// The value of parameter `name` in "a=1;b=2"; empty when it is not there.
std::string_view parameter(std::string_view fmtp, std::string_view name) {
  while (!fmtp.empty()) {
    const auto end = fmtp.find(';');
    std::string_view entry = fmtp.substr(0, end);
    fmtp.remove_prefix(end == std::string_view::npos ? fmtp.size() : end + 1);
    while (!entry.empty() && entry.front() == ' ') entry.remove_prefix(1);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos && equal_ignoring_case(entry.substr(0, equals), name))
      return entry.substr(equals + 1);
  }
  return {};
}

// Constrained Baseline, any level: profile_idc 66 with constraint_set1 (RFC 6184, 8.1).
bool is_constrained_baseline(std::string_view profile_level_id) {
  constexpr std::size_t kDigits = 6;
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  if (profile_level_id.size() != kDigits ||
      !std::all_of(profile_level_id.begin(), profile_level_id.end(), is_hex) ||
      profile_level_id.substr(0, 2) != "42")
    return false;
  const auto constraints = static_cast<unsigned char>(profile_level_id[2]);
  const unsigned high = std::isdigit(constraints) != 0
                            ? constraints - '0'
                            : static_cast<unsigned>(std::tolower(constraints) - 'a' + 10);
  return (high & 4U) != 0;
}

bool is_none_or_zero(std::string_view value) { return value.empty() || value == "0"; }

// Whether what the guest offers is the configuration that we know by `format`.
bool same_codec(const OfferedFormat& offered, const PayloadFormat& format) {
  if (!equal_ignoring_case(offered.encoding, format.encoding)) return false;
  switch (format.codec) {
    case Codec::kOpus:
    case Codec::kVp8:
      return true;
    case Codec::kVp9:
      return is_none_or_zero(parameter(offered.fmtp, "profile-id"));
    case Codec::kAv1:
      return is_none_or_zero(parameter(offered.fmtp, "profile")) &&
             is_none_or_zero(parameter(offered.fmtp, "tier"));
    case Codec::kH264:
      return parameter(offered.fmtp, "packetization-mode") == "1" &&
             is_constrained_baseline(parameter(offered.fmtp, "profile-level-id"));
  }
  return false;
}

std::string answered_fmtp(const OfferedFormat& offered, const PayloadFormat& format) {
  if (format.codec != Codec::kH264) return std::string(format.fmtp);
  // The profile must be the offered one to the digit for some, and with it goes the level.
  return fmt::format("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={}",
                     parameter(offered.fmtp, "profile-level-id"));
}

// The rest of the first `name` attribute whose value starts with the payload type.
std::string_view of_payload_type(const MediaSection& section, std::string_view name,
                                 std::string_view payload_type) {
  for (const Attribute& attribute : section.attributes) {
    if (attribute.name != name) continue;
    std::string_view rest = attribute.value;
    if (take_word(rest) == payload_type) return rest;
  }
  return {};
}

Result<std::vector<OfferedFormat>> read_formats(const MediaSection& section) {
  std::vector<OfferedFormat> formats;
  std::set<std::uint32_t> seen;
  for (const std::string_view text : section.formats) {
    const auto number = parse_number(text, 127);
    if (!number)
      return wrong(section.line,
                   fmt::format("a payload type is a number up to 127, not {}", quoted(text)));
    if (!seen.insert(*number).second)
      return wrong(section.line, fmt::format("payload type {} stands twice", *number));
    formats.push_back({static_cast<std::uint8_t>(*number), of_payload_type(section, "rtpmap", text),
                       of_payload_type(section, "fmtp", text)});
  }
  return formats;
}

// Of what we would say, what the guest says as well (RFC 4585, 4.2).
std::vector<std::string_view> common_feedback(const MediaSection& section, std::uint8_t type,
                                              Kind kind, bool publishes) {
  std::vector<std::string_view> common;
  for (const std::string_view ours : feedback_formats(kind, publishes)) {
    const bool offered = std::any_of(
        section.attributes.begin(), section.attributes.end(), [&](const Attribute& attribute) {
          if (attribute.name != "rtcp-fb") return false;
          std::string_view rest = attribute.value;
          const std::string_view to = take_word(rest);
          return (to == "*" || parse_number(to, 127) == type) && rest == ours;
        });
    if (offered) common.push_back(ours);
  }
  return common;
}

// Common codecs, in our order of preference.
Result<std::vector<GuestFormat>> agree(const MediaSection& section, Kind kind, bool publishes) {
  const auto offered = read_formats(section);
  if (!offered) return tl::make_unexpected(offered.error());
  std::vector<GuestFormat> agreed;
  for (const PayloadFormat& format : payload_formats(kind)) {
    const auto found = std::find_if(offered->begin(), offered->end(),
                                    [&](const OfferedFormat& o) { return same_codec(o, format); });
    if (found == offered->end()) continue;
    agreed.push_back({found->payload_type, format.payload_type, std::string(format.encoding),
                      answered_fmtp(*found, format),
                      common_feedback(section, found->payload_type, kind, publishes)});
    // Who sends is told one, so that there is no doubt what comes.
    if (publishes) break;
  }
  return agreed;
}

bool is_mid(std::string_view text) {  // a token (RFC 8866, 9)
  return !text.empty() && text.size() <= kMaxMidBytes &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return c > ' ' && c < 0x7f &&
                  std::string_view("\"(),/:;<=>?@[\\]").find(static_cast<char>(c)) ==
                      std::string_view::npos;
         });
}

bool has(const std::vector<Attribute>& attributes, std::string_view name) {
  return std::any_of(attributes.begin(), attributes.end(),
                     [&](const Attribute& a) { return a.name == name; });
}

// One offer, from top to bottom.
class Check {
 public:
  Check(const Document& document, bool publishes) : document_(document) {
    offer_.publishes = publishes;
  }

  Result<GuestOffer> run() && {
    if (auto done = check_session(); !done) return tl::make_unexpected(done.error());
    for (const MediaSection& section : document_.media)
      if (auto done = check_media(section); !done) return tl::make_unexpected(done.error());
    if (auto done = check_whole(); !done) return tl::make_unexpected(done.error());
    return std::move(offer_);
  }

 private:
  Result<void> check_session() {
    if (document_.media.empty())
      return base::fail(Code::kInvalid,
                        "the offer has no m-line; it wants one of audio, of video "
                        "or of both");
    if (has(document_.session, "ice-lite"))
      return base::fail(Code::kConflict,
                        "the offer is of an ICE-lite agent, and so is this server: one of the two "
                        "has to do the checks");
    for (const Attribute& attribute : document_.session) {
      if (attribute.name != "group") continue;
      std::string_view rest = attribute.value;
      if (take_word(rest) != "BUNDLE") continue;
      if (!bundled_.empty()) return wrong(attribute.line, "a second a=group:BUNDLE");
      while (!rest.empty()) bundled_.insert(take_word(rest));
    }
    auto words = read_transport(document_.session, true);
    if (!words) return tl::make_unexpected(words.error());
    words_ = *std::move(words);
    return {};
  }

  Result<void> check_media(const MediaSection& section) {
    GuestMedia& media = offer_.media.emplace_back();
    const auto mid = only(section.attributes, "mid");
    if (!mid) return tl::make_unexpected(mid.error());
    if (const std::optional<Attribute>& found = *mid) {
      if (!is_mid(found->value))
        return wrong(found->line,
                     fmt::format("a=mid wants 1 to {} letters, digits and the like", kMaxMidBytes));
      if (!mids_.insert(found->value).second)
        return wrong(found->line, fmt::format("mid {} stands twice", quoted(found->value)));
      media.mid = found->value;
    }
    // Refused, unless everything below is right.
    media.head = fmt::format("{} 0 {} {}", section.media, section.proto, section.formats.front());
    if (section.media != "audio" && section.media != "video") return {};
    media.kind = section.media == "audio" ? Kind::kAudio : Kind::kVideo;
    if (section.port == 0 && !has(section.attributes, "bundle-only")) return {};
    if (offer_.accepted(media.kind) != nullptr) return {};  // one of each kind
    const auto direction = read_direction(section, document_.session);
    if (!direction) return tl::make_unexpected(direction.error());
    if (*direction != "sendrecv" && *direction != (offer_.publishes ? "sendonly" : "recvonly"))
      return {};
    return check_usable(section, media);
  }

  Result<void> check_usable(const MediaSection& section, GuestMedia& media) {
    if (section.proto != kProto && section.proto != "RTP/SAVPF")
      return wrong(section.line, fmt::format("the protocol must be {}", kProto));
    if (media.mid.empty() || !bundled_.contains(media.mid))
      return wrong(section.line, "the m-line must have an a=mid that stands in a=group:BUNDLE");
    if (!has(section.attributes, "rtcp-mux"))
      return wrong(section.line, "the m-line has no a=rtcp-mux");
    const auto words = read_transport(section.attributes, true);
    if (!words) return tl::make_unexpected(words.error());
    if (auto done = merge(words_, *words, section.line); !done) return done;
    auto agreed = agree(section, media.kind, offer_.publishes);
    if (!agreed) return tl::make_unexpected(std::move(agreed).error());
    if (agreed->empty()) return {};
    for (const GuestFormat& format : *agreed)
      if (!types_.insert(format.theirs).second)
        return wrong(
            section.line,
            fmt::format("payload type {} stands in two m-lines of one bundle", format.theirs));
    media.formats = *std::move(agreed);
    if (offer_.publishes) {
      auto ssrcs = read_ssrcs(section, ssrcs_);
      if (!ssrcs) return tl::make_unexpected(std::move(ssrcs).error());
      media.ssrcs = *std::move(ssrcs);
      if (auto done = check_extensions(section, media); !done) return done;
    }
    media.accepted = true;
    media.head.clear();
    return {};
  }

  // What tells us of a sender's loudness and of the arrival of its packets; the MID it need not
  // send.
  Result<void> check_extensions(const MediaSection& section, GuestMedia& media) {
    for (const Attribute& attribute : section.attributes) {
      if (attribute.name != "extmap") continue;
      std::string_view rest = attribute.value;
      std::string_view id = take_word(rest);
      id = id.substr(0, id.find('/'));  // "4/sendonly" (RFC 8285, 5)
      const std::string_view uri = take_word(rest);
      const auto number = parse_number(id, 255);
      if (!number || *number == 0)
        return wrong(attribute.line, "a=extmap wants an id from 1 to 255");
      if (extensions_.try_emplace(*number, uri).first->second != uri)
        return wrong(attribute.line, fmt::format("header extension {} has two meanings", *number));
      if (*number > kMostExtensionId) continue;
      for (const ExtensionFormat& format : extension_formats(media.kind)) {
        if (format.uri != uri || format.id == Extension::kMid ||
            format.id == Extension::kAbsSendTime)
          continue;
        const bool twice =
            std::any_of(media.extensions.begin(), media.extensions.end(),
                        [&](const GuestExtension& e) { return e.ours == format.id; });
        if (!twice)
          media.extensions.push_back({static_cast<std::uint8_t>(*number), format.id, format.uri});
      }
    }
    return {};
  }

  Result<void> check_whole() {
    const bool any = std::any_of(offer_.media.begin(), offer_.media.end(),
                                 [](const GuestMedia& media) { return media.accepted; });
    if (!any) {
      return base::fail(
          Code::kConflict,
          fmt::format("nothing in the offer can be accepted: it wants an m-line that is a={} with "
                      "opus, or with VP8, VP9, AV1 or H264 (constrained baseline, "
                      "packetization-mode=1)",
                      offer_.publishes ? "sendonly" : "recvonly"));
    }
    const auto missing = [](std::string_view what) {
      return base::fail(Code::kInvalid, fmt::format("the offer has no a={}", what));
    };
    if (words_.ufrag.empty()) return missing("ice-ufrag");
    if (words_.pwd.empty()) return missing("ice-pwd");
    if (words_.setup.empty()) return missing("setup");
    if (words_.fingerprints.empty()) return missing("fingerprint of sha-256, sha-384 or sha-512");
    offer_.ufrag = words_.ufrag;
    offer_.pwd = words_.pwd;
    offer_.setup = words_.setup == "passive" ? Setup::kPassive : Setup::kActive;
    offer_.fingerprints = std::move(words_.fingerprints);
    return {};
  }

  const Document& document_;
  GuestOffer offer_;
  std::set<std::string_view> bundled_;
  std::set<std::string_view> mids_;
  std::set<std::uint8_t> types_;
  std::map<std::uint32_t, std::string_view> extensions_;  // by their ids, of the whole bundle
  std::set<std::uint32_t> ssrcs_;
  TransportWords words_;  // of the session and the accepted m-lines so far
};

}  // namespace

const GuestMedia* GuestOffer::accepted(Kind kind) const {
  for (const GuestMedia& line : media)
    if (line.accepted && line.kind == kind) return &line;
  return nullptr;
}

Result<GuestOffer> check_guest_offer(std::string_view sdp, bool publishes) {
  const auto document = parse_document(sdp);
  if (!document) return tl::make_unexpected(document.error());
  return Check(*document, publishes).run();
}

Answer peer_of(const GuestOffer& offer) {
  Answer peer;
  peer.ufrag = offer.ufrag;
  peer.pwd = offer.pwd;
  peer.setup = offer.setup;
  peer.fingerprints = offer.fingerprints;
  return peer;
}

}  // namespace parley::sdp
