#include "call/watch.h"

#include <algorithm>

namespace parley::test {

using call::Outcome;

void Watch::expect(bool holds, std::string_view problem) {
  if (!holds) problems_.emplace_back(problem);
}

Watch::Call& Watch::call_of(const call::CallId& id) {
  if (!calls_.contains(id))
    expect(false, "somebody is told of " + id.str() + ", which was not recorded");
  return calls_[id];
}

void Watch::see(const call::Input& input, const std::vector<call::Effect>& effects,
                const call::Machine& machine, base::TimePoint now) {
  asking_.reset();
  stored_.reset();
  moved_.clear();
  left_.clear();
  taking_.reset();
  ticked_ = std::holds_alternative<call::Tick>(input);
  std::visit([this](const auto& one) { note(one); }, input);
  for (const call::Effect& effect : effects)
    std::visit([this](const auto& one) { check(one); }, effect);
  const auto* received = std::get_if<call::Received>(&input);
  if (received != nullptr && !std::holds_alternative<call::Media>(received->request.body) &&
      !errands_.contains(received->request.id))
    expect(!owed_.contains({received->connection, received->request.id}),
           "no reply to " + received->request.id.str());
  check_calls(machine, now);
  check_legs();
}

void Watch::see_end(const call::Machine& machine) {
  expect(machine.live_calls() == 0, "a call outlives everything");
  expect(!machine.deadline(), "a timer is left behind");
  expect(open_.empty(), "a leg is left behind");
  expect(fed_.empty(), "a stream is left behind");
  expect(owed_.empty(), "a reply is still owed");
  expect(tickets_.empty(), "a command is still to be answered");
  for (const auto& [id, job] : jobs_) expect(job.stopped, "a job outlives everything");
}

// ---- inputs ---------------------------------------------------------------------------------

void Watch::note(const call::Connected& input) { present_.insert(input.connection); }

void Watch::note(const call::Disconnected& input) {
  present_.erase(input.connection);
  without_socket_.erase(input.connection);
  std::erase_if(owed_, [&](const auto& entry) { return entry.first == input.connection; });
  for (auto& [id, call] : calls_) call.told.erase(input.connection);
}

void Watch::note(const call::Received& input) {
  if (!present_.contains(input.connection) || without_socket_.contains(input.connection)) return;
  asking_ = input.connection;
  owed_.insert({input.connection, input.request.id});
  if (const auto* ringing = std::get_if<call::Ringing>(&input.request.body))
    note_ringing(ringing->call);
  if (const auto* take = std::get_if<call::Take>(&input.request.body)) note_take(take->call);
  if (const auto* invite = std::get_if<call::Invite>(&input.request.body)) note_invite(*invite);
  if (const auto* init = std::get_if<call::Init>(&input.request.body))
    immediate_.try_emplace(input.request.id, init->immediate);
}

void Watch::note_invite(const call::Invite& invite) {
  const auto call = calls_.find(invite.call);
  if (call == calls_.end()) return;
  for (const call::ProfileId& profile : invite.to)
    if (const auto party = call->second.parties.find(profile); party != call->second.parties.end())
      party->second.may_ring_again = party->second.outcome.has_value();
}

void Watch::note_take(const call::CallId& id) {
  const auto call = calls_.find(id);
  if (call == calls_.end()) return;
  taking_ = id;
  call->second.takers.insert(*asking_);
}

void Watch::note(const call::TextStored& input) {
  errands_.erase(input.id);
  if (auto text = storing_.extract(input.id); text && !input.refusal) stored_ = text.mapped();
  heard_.clear();
}

// The request is now performed for the device that sent it, or one that repeated it.
void Watch::note(const call::Recalled& input) {
  const auto sender = errands_.extract(input.id);
  const auto may_ask = [this](const call::ConnectionId& connection) {
    return present_.contains(connection) && !without_socket_.contains(connection);
  };
  if (sender && sender.mapped() && may_ask(*sender.mapped())) {
    asking_ = sender.mapped();
    return;
  }
  for (const auto& [connection, request] : owed_)
    if (request == input.id && !asking_ && may_ask(connection)) asking_ = connection;
}

void Watch::note_ringing(const call::CallId& id) {
  const auto call = calls_.find(id);
  if (call == calls_.end()) return;
  for (auto& [profile, party] : call->second.parties)
    party.may_ring_again = party.may_ring_again || party.outcome == Outcome::kUnreachable;
}

bool Watch::may_get(const Party& party, Outcome outcome) {
  return !party.outcome || party.may_ring_again || party.outcome == outcome;
}

// ---- what clients are told ------------------------------------------------------------------

void Watch::check(const call::Welcome& effect) {
  for (const call::Snapshot& snapshot : effect.calls) {
    if (withdrawn_.contains(snapshot.call)) continue;
    Call& call = call_of(snapshot.call);
    expect(!call.ended, "a snapshot of an ended call");
    call.told.insert(effect.connection);
  }
}

void Watch::check(const call::SendReply& effect) {
  expect(present_.contains(effect.connection), "a reply to nobody");
  expect(owed_.erase({effect.connection, effect.reply.ref}) == 1,
         "a second reply to " + effect.reply.ref.str());
}

void Watch::check(const call::SendEvent& effect) {
  expect(present_.contains(effect.connection), "an event to nobody");
  if (withdrawn_.contains(effect.event.call)) return;
  Call& call = call_of(effect.event.call);
  expect(!call.told_end.contains(effect.connection), "an event after call.end");
  if (std::holds_alternative<call::InitEvent>(effect.event.body))
    call.told.insert(effect.connection);
  expect(call.told.contains(effect.connection), "an event of a call never told of");
  check_event(call, effect.event, effect.connection);
}

void Watch::check_event(Call& call, const call::Event& event, const call::ConnectionId& to) {
  if (const auto* end = std::get_if<call::EndEvent>(&event.body)) {
    call.told_end.insert(to);
    expect(call.ended, "call.end before it was recorded");
    expect(end->outcomes == call.outcomes, "call.end differs from what was recorded");
    return;
  }
  if (const auto* view = std::get_if<call::RecordingView>(&event.body))
    return check_view(*view, event.call);
  if (!event.profile || std::holds_alternative<call::BridgeView>(event.body)) return;
  if (!call.parties.contains(*event.profile)) {  // what a bridge brings in is no party
    expect(!event.connection, "an outsider has a device");
    return;
  }
  Party& party = call.parties[*event.profile];
  if (std::holds_alternative<call::RingingEvent>(event.body)) {
    expect(!party.active, "a device rings of one who is active");
    expect(!party.outcome || party.outcome == Outcome::kUnreachable || party.may_ring_again,
           "a device rings after its outcome");
    party.ringing = true;
    party.outcome.reset();
  }
  if (std::holds_alternative<call::AcceptEvent>(event.body))
    expect(event.connection && moved_.contains({event.call, *event.profile, *event.connection}),
           "an accept is told that is not the recorded one");
  if (const auto* take = std::get_if<call::TakeEvent>(&event.body))
    expect(event.connection && moved_.contains({event.call, *event.profile, *event.connection}) &&
               left_.contains({event.call, *event.profile, take->was}),
           "a take-over is told that is not the recorded one");
  if (const auto* left = std::get_if<call::LeftEvent>(&event.body))
    expect(party.outcome == left->outcome, "call.left differs from what was recorded");
  if (std::holds_alternative<call::ReconnectingEvent>(event.body)) party.reconnecting = true;
  if (std::holds_alternative<call::ReconnectedEvent>(event.body)) party.reconnecting = false;
}

// ---- texts ----------------------------------------------------------------------------------

void Watch::check(const call::Recall& effect) {
  expect(errands_.try_emplace(effect.id, asking_).second,
         "the store is asked twice for one request");
  expect(effect.chain.has_value() != effect.call.has_value(), "the store is asked for nothing");
}

void Watch::check(const call::StoreText& effect) {
  expect(errands_.try_emplace(effect.text.id, asking_).second, "a text is stored twice");
  expect(effect.founds == (effect.text.chain.str() == effect.text.id.str()),
         "a chain that is not named after what founds it");
  storing_[effect.text.id] = effect.text;
}

void Watch::check(const call::DeliverText& effect) {
  expect(stored_ && stored_->id == effect.text.id, "a text is told that is not on disk");
  expect(present_.contains(effect.connection), "a text to nobody");
  expect(heard_.insert(effect.connection).second, "a text is told twice");
}

// ---- records --------------------------------------------------------------------------------

void Watch::check(const call::Save& effect) {
  std::visit(
      [this](const auto& record) {
        if (!withdrawn_.contains(record.call)) check(record);
      },
      effect);
}

void Watch::check(const call::CallStarted& record) {
  expect(!calls_.contains(record.call), "a call is started twice");
  Call& call = calls_[record.call];
  for (const call::ProfileId& profile : record.to) call.parties[profile] = {};
  expect(asking_.has_value(), "a call is started by nobody");
  call.parties[record.from] = {};
  if (immediate_[call::RequestId(record.call.str())]) {
    call.parties[record.from].active = asking_;
  } else {
    call.to_pick_up = record.from;
  }
  if (asking_) call.told.insert(*asking_);
}

void Watch::check(const call::CallAccepted& record) {
  Call& call = call_of(record.call);
  expect(!call.ended, "an accept after the end");
  Party& party = call.parties.at(record.profile);
  expect(!party.active || party.reconnecting || !present_.contains(*party.active) ||
             without_socket_.contains(*party.active) || call.takers.contains(record.connection),
         "a participant is active twice");
  expect(present_.contains(record.connection) && !without_socket_.contains(record.connection),
         "a device is active whose socket is lost");
  if (call.to_pick_up == record.profile) call.to_pick_up.reset();
  moved_.insert({record.call, record.profile, record.connection});
  if (party.active) left_.insert({record.call, record.profile, *party.active});
  party = Party{.active = record.connection,
                .was = party.active,
                .reconnecting = false,
                .ringing = false,
                .outcome = std::nullopt,
                .may_ring_again = false};
}

void Watch::check(const call::ParticipantAdded& record) {
  Call& call = call_of(record.call);
  expect(!call.ended, "somebody is added after the end");
  expect(call.parties.try_emplace(record.profile).second, "somebody is added twice");
}

void Watch::check(const call::ParticipantLeft& record) {
  Call& call = call_of(record.call);
  if (call.to_pick_up == record.profile) call.to_pick_up.reset();
  expect(!call.ended, "a participant leaves after the end");
  Party& party = call.parties.at(record.profile);
  expect(!party.outcome || party.may_ring_again, "a participant leaves twice");
  party = Party{.active = std::nullopt,
                .was = std::nullopt,
                .reconnecting = false,
                .ringing = false,
                .outcome = record.outcome};
}

void Watch::check(const call::CallEnded& record) {
  Call& call = call_of(record.call);
  expect(!call.ended, "a call ends twice");
  call.ended = true;
  call.outcomes = record.outcomes;
  expect(record.outcomes.size() == call.parties.size(), "somebody has no outcome");
  for (const auto& [profile, outcome] : record.outcomes) {
    expect(call.parties.contains(profile), "an outsider has an outcome");
    const Party& party = call.parties[profile];
    expect(may_get(party, outcome), "a participant gets two outcomes");
  }
  expect(record.duration_ms >= 0, "a negative duration");
}

void Watch::check(const call::RecordingBegan& record) {
  expect(!call_of(record.call).ended, "a recording begins after the end");
  expect(recording_.try_emplace(record.recording, record.call).second, "a recording begins twice");
}

void Watch::check(const call::RecordingOver& record) {
  expect(recording_.erase(record.recording) == 1, "a recording is over that never began");
}

// ---- jobs and guests ------------------------------------------------------------------------

void Watch::check_view(const call::RecordingView& view, const call::CallId& id) {
  const auto job = jobs_.find(view.recording);
  const bool runs = job != jobs_.end() && job->second.call == id;
  if (view.state == call::RecordingState::kOn)
    expect(runs, "a recording is told to be on that no job makes");
}

void Watch::note(const call::JobReported& input) {
  if (input.state == call::JobState::kEnded || input.state == call::JobState::kFailed)
    jobs_.erase(input.job);
}

void Watch::note(const call::GuestAnswered& input) {
  // The media layer keeps nothing of a guest it has refused.
  const auto guest = guests_.find(input.leg);
  if (!input.refusal || guest == guests_.end() || guest->second != input.ticket) return;
  guests_.erase(guest);
  open_.erase(input.leg);
}

void Watch::check(const call::CommandDone& effect) {
  expect(tickets_.erase(effect.ticket) == 1, "a command is answered twice");
}

void Watch::check(const call::StartJob& effect) {
  expect(named_.insert(effect.job).second, "a job is started twice");
  const bool records = std::holds_alternative<call::RecordWork>(effect.work);
  jobs_[effect.job] = {effect.call, false, records};
  if (withdrawn_.contains(effect.call)) return;
  // Records stand before everything else, also when several timers go off in one Tick.
  expect(ticked_ || !call_of(effect.call).ended, "a job is started after the end");
  expect(!records || recording_.contains(effect.job), "a recording that is not on disk");
}

void Watch::check(const call::UpdateJob& effect) {
  expect(jobs_.contains(effect.job), "a job is told something that has ended");
}

void Watch::check(const call::StopJob& effect) {
  const auto job = jobs_.find(effect.job);
  expect(job != jobs_.end(), "a job is stopped that does not run");
  if (job == jobs_.end()) return;
  expect(!std::exchange(job->second.stopped, true), "a job is stopped twice");
}

void Watch::check(const call::NameStream& effect) {
  expect(!fed_.contains(effect.stream), "a stream gets its name too late");
  names_.insert_or_assign(effect.stream, effect.profile);
}

void Watch::check(const call::OpenPort& effect) {
  expect(opened_.insert(effect.leg).second, "a leg is opened twice");
  expect(jobs_.contains(effect.job), "a port is opened for no job");
  open_.insert(effect.leg);
  ports_[effect.leg] = {effect.job, effect.owner};
}

void Watch::check(const call::OpenGuest& effect) {
  expect(opened_.insert(effect.leg).second, "a leg is opened twice");
  expect(tickets_.contains(effect.ticket), "a guest whom nobody asked for");
  open_.insert(effect.leg);
  guests_.emplace(effect.leg, effect.ticket);
}

void Watch::check(const call::PatchLeg& effect) {
  expect(guests_.contains(effect.leg), "somebody is patched who is no guest");
}

// Nobody hears himself, and nobody is shown a mix that is made for somebody else.
void Watch::check_mixed(const call::Show& effect) {
  const auto feeder = fed_.find(effect.stream);
  if (feeder == fed_.end()) return;
  const auto port = ports_.find(feeder->second);
  if (port == ports_.end() || !port->second.second.starts_with("mix/")) return;
  const auto owner = owners_.find(effect.leg);
  if (guests_.contains(effect.leg))
    expect(port->second.second == "mix/", "a guest is shown somebody's own sound");
  else if (owner != owners_.end())
    expect(port->second.second == "mix/" + owner->second.str(), "a mix is shown to somebody else");
}

void Watch::check_calls(const call::Machine& machine, base::TimePoint now) {
  std::size_t alive = 0;
  for (auto entry = calls_.begin(); entry != calls_.end();) {
    Call& call = entry->second;
    if (!call.ended) {
      ++alive;
      expect(call.to_pick_up ||
                 std::any_of(call.parties.begin(), call.parties.end(),
                             [](const auto& party) { return party.second.active.has_value(); }),
             "a call lives with nobody in it");
      ++entry;
      continue;
    }
    for (const call::ConnectionId& connection : call.told)
      expect(call.told_end.contains(connection), "a device was not told of the end");
    if (call.told.empty()) {
      entry = calls_.erase(entry);
    } else {
      ++entry;
    }
  }
  if (!to_be_undone_.empty()) return;
  expect(machine.live_calls() == alive, "calls live that are over, or the other way round");
  expect(machine.deadline().has_value() == (alive > 0), "a call without a timer, or a timer alone");
  if (ticked_) expect(!machine.deadline() || *machine.deadline() > now, "an overdue timer is kept");
}

// ---- media ----------------------------------------------------------------------------------

void Watch::check(const call::OpenLeg& effect) {
  expect(opened_.insert(effect.leg).second, "a leg is opened twice");
  open_.insert(effect.leg);
  if (taking_ && asking_) takers_legs_.emplace(effect.leg, *asking_);
}

void Watch::check(const call::CloseLeg& effect) {
  expect(open_.erase(effect.leg) == 1, "a leg is closed that is not open");
  takers_legs_.erase(effect.leg);
  ports_.erase(effect.leg);
  guests_.erase(effect.leg);
  owners_.erase(effect.leg);
  std::erase_if(shown_, [&](const auto& entry) { return entry.first == effect.leg; });
}

void Watch::check(const call::ToLeg& effect) {
  expect(open_.contains(effect.leg), "a message to a leg that is not open");
  const bool active = std::any_of(calls_.begin(), calls_.end(), [&](const auto& entry) {
    return std::any_of(entry.second.parties.begin(), entry.second.parties.end(),
                       [&](const auto& party) { return party.second.active == effect.connection; });
  });
  const auto taker = takers_legs_.find(effect.leg);
  expect(active || (taker != takers_legs_.end() && taker->second == effect.connection),
         "media of a device that is not active");
}

void Watch::check(const call::Feed& effect) {
  if (effect.leg) {
    expect(open_.contains(*effect.leg), "a stream is fed by a leg that is not open");
    fed_[effect.stream] = *effect.leg;
    const bool mixes =
        ports_.contains(*effect.leg) && ports_.at(*effect.leg).second.starts_with("mix");
    expect(mixes || names_.contains(effect.stream), "a stream is fed that has no name");
    if (const auto name = names_.find(effect.stream); name != names_.end())
      owners_.insert_or_assign(*effect.leg, name->second);
    takers_legs_.erase(*effect.leg);
  } else {
    expect(fed_.erase(effect.stream) == 1, "a stream is stopped that nobody fed");
  }
}

void Watch::check(const call::Show& effect) {
  expect(open_.contains(effect.leg), "something is shown to a leg that is not open");
  expect(shown_.insert({effect.leg, effect.stream}).second, "a stream is shown twice");
  expect(!ports_.contains(effect.leg), "something is shown to a port");
  const auto feeder = fed_.find(effect.stream);
  expect(feeder == fed_.end() || feeder->second != effect.leg, "somebody is shown to himself");
  check_mixed(effect);
}

void Watch::check(const call::Hide& effect) {
  expect(shown_.erase({effect.leg, effect.stream}) == 1, "a stream is hidden that was not shown");
}

void Watch::check(const call::Mute& effect) {
  expect(fed_.contains(effect.stream), "a stream is muted that nobody feeds");
}

// Each open leg feeds exactly one stream, and each stream has one leg: no participant has two. Only
// that of a device which is about to take over feeds nothing yet.
void Watch::check_legs() {
  std::set<call::LegId> feeding;
  for (const auto& [stream, leg] : fed_) {
    expect(open_.contains(leg), "a closed leg feeds a stream");
    expect(feeding.insert(leg).second, "a leg feeds two streams");
  }
  // A port or a guest's leg feeds nothing before it is connected, or ever.
  for (const auto& [leg, port] : ports_) feeding.insert(leg);
  for (const auto& [leg, ticket] : guests_) feeding.insert(leg);
  expect(feeding.size() + takers_legs_.size() == open_.size(), "a leg is open that feeds nothing");
}

}  // namespace parley::test
