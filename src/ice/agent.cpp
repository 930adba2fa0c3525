#include "ice/agent.h"

#include <algorithm>
#include <utility>

namespace parley::ice {
namespace {

// ERROR-CODE values (RFC 8489, 14.8; RFC 8445, 7.3.1.1) and their recommended reasons.
struct Refusal {
  std::uint16_t code;
  std::string_view reason;
};
constexpr Refusal kBadRequest{400, "Bad Request"};
constexpr Refusal kUnauthenticated{401, "Unauthenticated"};
constexpr Refusal kUnknownAttribute{420, "Unknown Attribute"};
constexpr Refusal kRoleConflict{487, "Role Conflict"};

bool is_ice_char(char c) {  // RFC 8839, 5.4
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

bool is_ufrag(std::string_view text) {
  return text.size() >= 4 && text.size() <= 256 &&
         std::all_of(text.begin(), text.end(), is_ice_char);
}

// The local part of USERNAME, which is local:remote in a request to us (RFC 8445, 7.2.2).
std::optional<std::string_view> local_part(const StunMessage& message) {
  const auto username = message.username();
  if (!username) return std::nullopt;
  const auto colon = username->find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto local = username->substr(0, colon);
  if (!is_ufrag(local) || !is_ufrag(username->substr(colon + 1))) return std::nullopt;
  return local;
}

// Before a request is known to be authentic, an answer has no integrity either (RFC 8489, 9.1.3).
std::size_t refuse_stranger(const StunMessage& message, const Refusal& refusal,
                            std::size_t request_bytes, std::span<std::uint8_t> response) {
  StunWriter writer(response.first(std::min(response.size(), request_bytes)),
                    MessageType::kBindingError, message.transaction());
  writer.add_error(refusal.code, refusal.reason);
  return writer.finish();
}

std::size_t refuse(const StunMessage& message, const Refusal& refusal, const IntegrityKey& key,
                   std::span<std::uint8_t> response) {
  StunWriter writer(response, MessageType::kBindingError, message.transaction());
  writer.add_error(refusal.code, refusal.reason);
  if (!message.unknown().empty()) writer.add_unknown_attributes(message.unknown());
  writer.add_integrity(key);
  return writer.finish();
}

std::size_t accept(const StunMessage& message, const base::Endpoint& from, const IntegrityKey& key,
                   std::span<std::uint8_t> response) {
  StunWriter writer(response, MessageType::kBindingSuccess, message.transaction());
  writer.add_xor_mapped_address(from);
  writer.add_integrity(key);
  return writer.finish();
}

}  // namespace

std::optional<std::string_view> requested_ufrag(std::span<const std::uint8_t> datagram) {
  const auto message = StunMessage::parse(datagram);
  if (!message || !message->is(MessageType::kBindingRequest)) return std::nullopt;
  return local_part(*message);
}

LiteAgent::LiteAgent(Credentials local) : local_{std::move(local.ufrag), IntegrityKey(local.pwd)} {}

void LiteAgent::restart(Credentials local) {
  previous_ = std::move(local_);
  local_ = Identity{std::move(local.ufrag), IntegrityKey(local.pwd)};
}

LiteAgent::Identity* LiteAgent::identity_of(std::string_view ufrag) {
  if (ufrag == local_.ufrag) return &local_;
  if (previous_ && ufrag == previous_->ufrag) return &*previous_;
  return nullptr;
}

Handled LiteAgent::handle(std::span<const std::uint8_t> datagram, const base::Path& path,
                          base::TimePoint now, std::span<std::uint8_t> response) {
  Handled handled;
  const auto message = StunMessage::parse(datagram);
  if (!message) {
    handled.malformed = true;
    return handled;
  }
  // Indications only keep bindings alive, and a lite agent asks nothing that could be answered.
  if (!message->is(MessageType::kBindingRequest)) return handled;

  if (!message->has_integrity() || !message->username()) {
    handled.response_bytes = refuse_stranger(*message, kBadRequest, datagram.size(), response);
    return handled;
  }
  const auto ufrag = local_part(*message);
  Identity* identity = ufrag ? identity_of(*ufrag) : nullptr;
  if (identity == nullptr || !message->authentic(identity->key)) {
    handled.response_bytes = refuse_stranger(*message, kUnauthenticated, datagram.size(), response);
    return handled;
  }

  handled.authentic = true;
  last_request_ = now;
  if (!message->unknown().empty()) {
    handled.response_bytes = refuse(*message, kUnknownAttribute, identity->key, response);
    return handled;
  }
  if (message->from_controlled()) {  // a lite agent is always the controlled one (RFC 8445, 6.1.1)
    handled.response_bytes = refuse(*message, kRoleConflict, identity->key, response);
    return handled;
  }
  handled.response_bytes = accept(*message, path.remote, identity->key, response);
  if (message->use_candidate() && selected_ != path) {
    selected_ = path;
    handled.path_changed = true;
  }
  if (identity == &local_) previous_.reset();
  return handled;
}

}  // namespace parley::ice
