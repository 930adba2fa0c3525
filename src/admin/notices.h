// What an application's server is told without asking: the bodies of webhooks, and their signature.
//
// docs/HTTP-API.md, "Webhooks", is for people; docs/openapi.json describes the same for programs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "call/machine.h"
#include "call/messages.h"

namespace parley::admin {

enum class NoticeKind {
  kCallUnheard,
  kCallStarted,
  kCallEnded,
  kTextUnheard,
  kRecordingStarted,
  kRecordingEnded,
  kBridgeChanged,
};
[[nodiscard]] std::string_view name_of(NoticeKind kind);
[[nodiscard]] std::optional<NoticeKind> parse_notice_kind(std::string_view name);

// The end of a call with what the receiver needs to know whose it was.
struct EndNotice {
  base::ChainId chain;
  base::ProfileId from;
  call::CallEnded end;
};
using NoticeBody = std::variant<call::RingsUnheard, call::CallStarted, EndNotice, call::StoreText,
                                call::RecordingBegan, call::RecordingOver, call::BridgeNoted>;

struct Notice {
  std::string id;  // of the delivery
  NoticeBody body;
};

[[nodiscard]] NoticeKind kind_of(const NoticeBody& body);
// {"id", "type", "at", "data": {…}}
[[nodiscard]] std::string encode(const Notice& notice);

// What a sender has to know of a stored notice.
struct Envelope {
  std::string type;
  // What it is about. Of two with the same topic the earlier is delivered first.
  std::string topic;
  std::optional<base::WallTime> until;  // of no use later
};
// nullopt: not made by encode().
[[nodiscard]] std::optional<Envelope> read_envelope(const std::string& text);

// The header Parley-Signature: "t=TIME,v1=HEX", with one v1 for each secret; TIME in Unix
// milliseconds, HEX the HMAC-SHA256 of TIME + "." + body.
[[nodiscard]] std::string sign(const std::string& body, base::WallTime at,
                               const std::vector<std::string>& secrets);

}  // namespace parley::admin
