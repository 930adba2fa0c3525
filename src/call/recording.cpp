#include "call/state.h"

namespace parley::call {

Machine::State::Later Machine::State::perform(const Standing& /*standing*/,
                                              const Record& /*message*/) {
  return refuse(ErrorCode::kUnavailable, "this is not to be had yet");
}
Machine::State::Later Machine::State::perform(const Standing& /*standing*/,
                                              const Consent& /*message*/) {
  return refuse(ErrorCode::kUnavailable, "this is not to be had yet");
}
Machine::State::Later Machine::State::perform(const Standing& /*standing*/,
                                              const SetMode& /*message*/) {
  return refuse(ErrorCode::kUnavailable, "this is not to be had yet");
}
Machine::State::Later Machine::State::perform(const Standing& /*standing*/,
                                              const StartBridge& /*message*/) {
  return refuse(ErrorCode::kUnavailable, "this is not to be had yet");
}
Machine::State::Later Machine::State::perform(const Standing& /*standing*/,
                                              const StopBridge& /*message*/) {
  return refuse(ErrorCode::kUnavailable, "this is not to be had yet");
}
void Machine::State::on(const JobReported& /*report*/) {}
void Machine::State::on(const GuestAnswered& /*report*/) {}

}  // namespace parley::call
