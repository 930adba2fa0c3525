// Which role a connection has in a call, and what it may therefore do (docs/PROTOCOL.md, "Roles").
#pragma once

#include "call/call.h"
#include "call/messages.h"

namespace parley::call {

[[nodiscard]] Role role_of(const Participant& participant, const ConnectionId& connection);

// Whether call.accept from `connection` of `participant` would be taken.
[[nodiscard]] bool can_join(const Participant& participant, const ConnectionId& connection);

// What the others are shown of a participant.
[[nodiscard]] ParticipantView view_of(const Participant& participant);

}  // namespace parley::call
