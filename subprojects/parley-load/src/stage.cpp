#include "stage.h"

#include <algorithm>
#include <csignal>

#include "base.h"

namespace parley::load {
namespace {

volatile std::sig_atomic_t stop_requested = 0;
volatile std::sig_atomic_t enough_requested = 0;
constexpr std::uint64_t kTickNs = 20 * kMilliNs;
constexpr double kGoodByeSeconds = 0.1;

}  // namespace

bool Stage::interrupted() { return stop_requested != 0; }
void Stage::interrupt() { stop_requested = 1; }
bool Stage::measured_enough() { return enough_requested != 0; }
void Stage::end_measuring() { enough_requested = 1; }

Stage::Stage(const Options& options, const DtlsIdentity& identity, const VideoFile& video)
    : options_(options),
      identity_(identity),
      tokens_(options),
      pump_(video, options.pace_us),
      room_base_(options.room_base != 0
                     ? options.room_base
                     : static_cast<int>(10000 + random_u32() % 1'000'000 * 100)) {}

Room& Stage::add_room() {
  Room& room = rooms_.emplace_back();
  room.number = room_base_ + static_cast<int>(rooms_.size()) - 1;
  room.name = "r" + std::to_string(room.number);
  return room;
}

std::string Stage::invite(Room& room, int index) {
  std::string name = room.name + "-p" + std::to_string(index);
  const auto known = std::find(room.invited.begin(), room.invited.end(), name);
  if (known == room.invited.end()) room.invited.push_back(name);
  return name;
}

Participant* Stage::add(Room& room, int index, bool shows_wrong_fingerprint) {
  Participant::Part part;
  part.id = next_id_++;
  part.index = index;
  part.name = invite(room, index);
  part.publishes = index < options_.publishers;
  part.views = !part.publishes || options_.publishers_view;
  part.shows_wrong_fingerprint = shows_wrong_fingerprint;
  std::string token;
  std::string error;
  if (!tokens_.token_for(part.name, token, error)) {
    log(0, error);
    return nullptr;
  }
  auto made = std::make_unique<Participant>(loop_, identity_, options_, part, room, token);
  Participant* participant = made.get();
  participant->on_latency = [this](Kind kind, std::uint64_t ns) {
    if (on_latency) on_latency(kind, ns);
  };
  participants_[part.id] = std::move(made);
  room.members.push_back(participant);
  waiting_.push_back(participant);
  return participant;
}

void Stage::remove(Participant& participant) {
  std::vector<Participant*>& members = participant.room().members;
  members.erase(std::remove(members.begin(), members.end(), &participant), members.end());
  waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &participant), waiting_.end());
  pump_.stop(participant);
  participant.leave();
  run_for(kGoodByeSeconds);
  participants_.erase(participant.part().id);
}

void Stage::close() {
  waiting_.clear();
  for (const auto& [id, participant] : participants_) {
    pump_.stop(*participant);
    participant->leave();
  }
  run_for(kGoodByeSeconds);
}

void Stage::tick(std::uint64_t now_ns) {
  for (const auto& [id, participant] : participants_) {
    if (!participant->started()) continue;
    participant->tick(now_ns);
    if (participant->part().publishes && participant->can_send()) pump_.start(*participant);
  }
}

void Stage::turn(bool& ticked) {
  std::uint64_t now = monotonic_ns();
  while (!waiting_.empty() && now >= next_join_ns_) {
    Participant* participant = waiting_.front();
    waiting_.pop_front();
    participant->join();
    next_join_ns_ = now + static_cast<std::uint64_t>(options_.join_interval_ms) * kMilliNs;
  }
  ticked = now >= next_tick_ns_;
  if (ticked) {
    next_tick_ns_ = now + kTickNs;
    tick(now);
  }
  pump_.run(now);
  now = monotonic_ns();
  std::uint64_t next = std::min(next_tick_ns_, pump_.next_ns());
  if (!waiting_.empty()) next = std::min(next, next_join_ns_);
  loop_.poll(next > now ? next - now : 0);
}

bool Stage::run_until(const Condition& done, double timeout_s) {
  const std::uint64_t deadline = monotonic_ns() + seconds_to_ns(timeout_s);
  while (!interrupted()) {
    bool ticked = false;
    turn(ticked);
    if (ticked && done()) return true;
    if (monotonic_ns() >= deadline) return false;
  }
  return false;
}

void Stage::run_for(double seconds) {
  const std::uint64_t deadline = monotonic_ns() + seconds_to_ns(seconds);
  bool ticked = false;
  while (!interrupted() && monotonic_ns() < deadline) turn(ticked);
}

bool Stage::wait_for_media(double timeout_s) {
  const double join_s = static_cast<double>(participants_.size()) * options_.join_interval_ms / 1e3;
  const auto done = [this] {
    return anybody_failed() || (waiting_.empty() && streams().complete());
  };
  return run_until(done, timeout_s + join_s) && !anybody_failed();
}

bool Stage::anybody_failed() const {
  return std::any_of(participants_.begin(), participants_.end(),
                     [](const auto& entry) { return entry.second->failed(); });
}

Streams Stage::streams_of(const Participant& viewer) const {
  Streams sum;
  if (!viewer.part().views || viewer.part().shows_wrong_fingerprint) return sum;
  for (const auto& [id, sender] : participants_) {
    const bool sends = sender->part().publishes && !sender->part().shows_wrong_fingerprint;
    if (!sends || sender.get() == &viewer) continue;
    if (&sender->room() != &viewer.room()) continue;
    sum.expected += kKinds;
    for (const Kind kind : {Kind::kAudio, Kind::kVideo}) {
      sum.arrived += viewer.first_media().count({id, kind});
    }
    if (!viewer.has_key_frame_of(id)) sum.without_key_frame++;
  }
  return sum;
}

Streams Stage::streams() const {
  Streams sum;
  for (const auto& [id, viewer] : participants_) {
    const Streams own = streams_of(*viewer);
    sum.expected += own.expected;
    sum.arrived += own.arrived;
    sum.without_key_frame += own.without_key_frame;
  }
  return sum;
}

}  // namespace parley::load
