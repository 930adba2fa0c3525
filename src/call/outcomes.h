// When a call is over, and how it ended for each participant (docs/PROTOCOL.md, "Outcomes").
#pragma once

#include <map>
#include <optional>

#include "call/call.h"
#include "call/messages.h"

namespace parley::call {

// Whether the call is over now that `leaver` has left, and why; nullopt: it goes on.
[[nodiscard]] std::optional<Outcome> reason_to_end(const Call& call, const Participant& leaver);

// The final outcome of every participant of a call that ends for `reason`.
[[nodiscard]] std::map<ProfileId, Outcome> final_outcomes(const Call& call, Outcome reason);

[[nodiscard]] Outcome outcome_of(RejectReason reason);

}  // namespace parley::call
