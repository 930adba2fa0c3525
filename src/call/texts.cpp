// Texts, and what has to be asked of the store.
#include "call/state.h"

namespace parley::call {

Machine::State::Later Machine::State::perform(const Sender& /*sender*/, const Text& /*message*/) {
  return refuse(ErrorCode::kUnavailable, "texts are not supported yet");
}
void Machine::State::on(const TextStored& /*stored*/) {}
void Machine::State::on(const Recalled& /*recalled*/) {}
void Machine::State::on(const StoreState& /*state*/) {}

}  // namespace parley::call
