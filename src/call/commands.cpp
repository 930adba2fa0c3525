// What servers that use Parley ask.
#include "call/state.h"

namespace parley::call {

void Machine::State::on(const Command& command) {
  out_.push(CommandDone{command.ticket, Refusal{ErrorCode::kUnavailable,
                                                "commands are not supported yet", std::nullopt}});
}

std::vector<CallView> Machine::live() const { return {}; }
std::optional<CallView> Machine::find(const CallId& /*call*/) const { return std::nullopt; }

}  // namespace parley::call
