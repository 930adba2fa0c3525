// What servers that use Parley ask.
#include "base/overloaded.h"
#include "call/state.h"

namespace parley::call {

void Machine::State::on(const Command& command) {
  std::visit(base::Overloaded{[&](const PostText& message) { post(command, message); },
                              [&](const auto& /*other*/) {
                                out_.push(CommandDone{
                                    command.ticket,
                                    Refusal{ErrorCode::kUnavailable,
                                            "commands are not supported yet", std::nullopt}});
                              }},
             command.body);
}

std::vector<CallView> Machine::live() const { return {}; }
std::optional<CallView> Machine::find(const CallId& /*call*/) const { return std::nullopt; }

}  // namespace parley::call
