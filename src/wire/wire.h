// JSON text <-> messages. The only room that knows field names.
//
// Every function is pure and may be called on any thread. A new message is one small function and
// one row of a table: requests in decode.cpp, events in encode.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "base/ids.h"
#include "base/time.h"
#include "call/machine.h"
#include "call/messages.h"

namespace parley::wire {

// Limits of a frame (docs/PROTOCOL.md, "Envelope").
inline constexpr std::size_t kMaxFrameBytes = 65536;
inline constexpr int kMaxDepth = 16;
inline constexpr int kMaxMembers = 1000;  // of all objects and arrays of a frame together

inline constexpr std::size_t kDefaultPage = 50;
inline constexpr std::size_t kMaxPage = 200;  // a larger `limit` is cut

// First frame of a connection.
struct Hello {
  base::RequestId id;
  std::string token;
  std::optional<std::string> resume;
  std::optional<std::uint64_t> last_seq;
};
// A fresh token for a running session.
struct Token {
  base::RequestId id;
  std::string token;
};
// Questions that change nothing: asked of the store, answered with a page.
struct ChainList {
  base::RequestId id;
  std::optional<base::ChainId> before;
  std::size_t limit = kDefaultPage;
};
struct ChainHistory {
  base::RequestId id;
  base::ChainId chain;
  std::optional<std::string> before;  // id of an item
  std::size_t limit = kDefaultPage;
};
using ClientMessage = std::variant<Hello, Token, call::Request, ChainList, ChainHistory>;

// What a frame was refused for. `ref` is set when the frame had a usable id.
struct FrameError {
  std::optional<base::RequestId> ref;
  call::ErrorCode code = call::ErrorCode::kBadRequest;
  std::string message;
  // Set when the socket must be closed: 1008 (too deep or too wide), 1009 (too large).
  std::optional<std::uint16_t> close_code;
};

// The message in one text frame. What JSON leaves open is refused: a member given twice, a NUL in a
// string, half a surrogate pair, numbers beyond 16 digits. Optional members may be null.
[[nodiscard]] tl::expected<ClientMessage, FrameError> decode(std::string_view frame);

struct IceServer {
  std::vector<std::string> urls;
};
// What a client must keep to; `limits` of a welcome.
struct ClientLimits {
  std::size_t max_frame_bytes = kMaxFrameBytes;
  std::uint32_t requests_per_second = 50;  // steady
  std::uint32_t request_burst = 200;
  std::size_t max_receivers = 49;        // of one call
  std::size_t max_unanswered_calls = 4;  // of one user
  std::size_t max_text_bytes = 8192;     // of a body, in UTF-8
  std::int64_t resume_window_ms = 30'000;
};
struct WelcomeFrame {
  base::RequestId ref;
  base::ConnectionId connection;
  base::UserId user;
  std::vector<base::ProfileId> profiles;
  std::string resume;
  bool resumed = false;
  std::vector<IceServer> ice_servers;
  ClientLimits limits;
  std::vector<call::Snapshot> calls;
};

// Items of a chain, as clients and servers read them.
struct TextItem {
  base::RequestId id;
  base::ProfileId from;
  std::string body;
  base::WallTime at;
};
struct CallItem {
  base::CallId id;
  base::ProfileId from;
  std::vector<base::ProfileId> to;
  call::Settings settings;
  base::WallTime at;
  std::optional<base::WallTime> ended_at;
  std::optional<std::string> reason;
  std::int64_t duration_ms = 0;
  std::vector<std::pair<base::ProfileId, std::optional<std::string>>> outcomes;
};
using Item = std::variant<TextItem, CallItem>;
struct ChainEntry {
  base::ChainId chain;
  std::vector<base::ProfileId> members;
  Item last;
};
struct ChainPage {
  base::RequestId ref;
  std::vector<ChainEntry> items;
  bool more = false;
};
struct HistoryPage {
  base::RequestId ref;
  base::ChainId chain;
  std::vector<Item> items;
  bool more = false;
};

[[nodiscard]] std::string encode(const WelcomeFrame& welcome);
[[nodiscard]] std::string encode(const call::TextMessage& text, std::uint64_t seq);
[[nodiscard]] std::string encode(const ChainPage& page);
[[nodiscard]] std::string encode(const HistoryPage& page);
[[nodiscard]] std::string encode(const call::Reply& reply);
[[nodiscard]] std::string encode(const call::Event& event, std::uint64_t seq);
[[nodiscard]] std::string encode(const FrameError& error);
[[nodiscard]] std::string encode_bye(std::string_view reason);

// Stable names, also used by admin, logs and the store.
[[nodiscard]] std::string_view name_of(call::ErrorCode code);
[[nodiscard]] std::string_view kind_of(call::ErrorCode code);
[[nodiscard]] std::string_view name_of(call::Outcome outcome);
[[nodiscard]] std::string_view name_of(call::ParticipantState state);
[[nodiscard]] std::string_view name_of(call::RejectReason reason);
[[nodiscard]] std::string_view name_of(call::RejectScope scope);
[[nodiscard]] std::string_view name_of(call::Mode mode);
[[nodiscard]] std::string_view name_of(call::RecordLayout layout);
[[nodiscard]] std::string_view name_of(call::RecordFormat format);
[[nodiscard]] std::string_view name_of(call::RecordPolicy policy);
[[nodiscard]] std::string_view name_of(call::RecordingState state);
[[nodiscard]] std::string_view name_of(call::Direction direction);
[[nodiscard]] std::string_view name_of(call::BridgeKind kind);
[[nodiscard]] std::string_view name_of(call::BridgeState state);
[[nodiscard]] std::optional<std::string_view> name_of(
    call::Role role);  // nullopt: null on the wire

}  // namespace parley::wire
