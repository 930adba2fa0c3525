#include "call/player.h"

#include <algorithm>
#include <tuple>

#include "base/overloaded.h"
#include "call/call_world.h"
#include "journal/scribe.h"

namespace parley::test {
namespace {

constexpr std::size_t kMostDevices = 12;

// Small, so that what is forgotten and asked of the store again happens often.
call::Limits small_limits() {
  call::Limits limits;
  limits.remembered_calls = 4;
  limits.remembered_requests = 24;
  limits.request_memory = std::chrono::minutes(2);
  limits.text_bytes = 16;
  limits.push = true;
  return limits;
}

// Profiles a token of each user lists. P is shared by two users, and E has one of A's as well.
std::vector<call::ProfileId> profiles_of(unsigned user) {
  static const std::vector<std::vector<const char*>> kProfiles = {
      {"A"}, {"B", "B2"}, {"C", "P"}, {"D", "P"}, {"E", "A"}};
  std::vector<call::ProfileId> profiles;
  for (const char* name : kProfiles[user % kProfiles.size()]) profiles.emplace_back(name);
  return profiles;
}

call::ProfileId any_profile(unsigned n) {
  static constexpr const char* kAll[] = {"A", "B", "C", "D", "E", "P", "B2", "nobody"};
  return call::ProfileId(kAll[n % std::size(kAll)]);
}

std::vector<call::ProfileId> any_profiles(unsigned n) {
  std::vector<call::ProfileId> profiles{any_profile(n)};
  for (n /= 8; n % 4 > 1; n /= 4) profiles.push_back(any_profile(n / 4));
  return profiles;
}

call::RequestBody body_for(const Step& step, const call::CallId& call) {
  switch (step.c % 16) {
    case 0:
      return call::Pending{call};
    case 1:
    case 2:
    case 3:
      return call::Ringing{call};
    case 4:
    case 5:
    case 6:
      return call::Accept{call};
    case 7:
      return call::Reject{
          call, step.c / 16 % 2 ? call::RejectReason::kBusy : call::RejectReason::kDeclined,
          call::RejectScope::kProfile};
    case 8:
      return call::Reject{call, call::RejectReason::kDeclined, call::RejectScope::kConnection};
    case 9:
      return call::Hangup{call};
    case 10:
      return call::Update{call, step.c / 16 % 2 == 0, std::nullopt};
    case 11:
    case 12:
      return call::Take{call};
    case 13:
      return call::Invite{call, any_profiles(step.c / 16)};
    default:
      return call::Media{call, call::MediaPublish{}};
  }
}

// What is made of a call beside forwarding it. Little of it, so that calls still live.
call::RequestBody extra_for(unsigned n, const call::CallId& call, const call::JobId& job) {
  using P = call::RecordPolicy;
  const call::ProfileId profile = any_profile(n / 16);
  switch (n % 16) {
    case 0:
    case 1:
      return call::Record{.call = call, .policy = n / 16 % 2 ? P::kConsent : P::kNotify};
    case 2:
      return call::Record{.call = call, .start = false};
    case 3:
    case 4:
    case 5:
      return call::Consent{call, n / 16 % 3 != 0};
    case 6:
    case 7:
      return call::SetMode{call, call::Mode::kMix, {}};
    case 8:
      return call::SetMode{call, call::Mode::kForward, {}};
    case 9:
    case 10:
      return call::SetMode{call, n / 128 % 3 ? call::Mode::kMix : call::Mode::kForward, profile};
    case 11:
      return call::StartBridge{.call = call,
                               .kind = call::BridgeKind::kHls,
                               .only = n / 128 % 2 ? std::optional(profile) : std::nullopt};
    case 12:
    case 13:
      return call::StartBridge{.call = call,
                               .direction = call::Direction::kIn,
                               .url = "rtmp://there/key",
                               .profile = n / 128 % 2 ? std::optional(profile) : std::nullopt};
    default:
      return call::StopBridge{call, job};
  }
}

}  // namespace

Player::Player() : limits_(small_limits()), machine_(limits_) {
  now_.mono = base::TimePoint(std::chrono::hours(1));
  for (unsigned user = 0; user < 5; ++user) connect(user);
}

std::string Player::pick_connection(unsigned n) const {
  return connections_.empty() ? "gone" : connections_[n % connections_.size()];
}

// ---- devices --------------------------------------------------------------------------------

void Player::connect(unsigned user) {
  if (connections_.size() >= kMostDevices) return;
  const std::string id = "c" + std::to_string(next_++);
  connections_.push_back(id);
  profiles_by_connection_[id] = profiles_of(user);
  const std::string name = std::to_string(user % 5);
  hand_in(call::Connected{call::ConnectionId(id), call::UserId("user" + name), profiles_of(user)},
          "connect " + id + " of user " + name);
}

void Player::disconnect(unsigned which) {
  if (connections_.empty()) return;
  const std::string id = pick_connection(which);
  std::erase(connections_, id);
  without_socket_.erase(id);
  hand_in(call::Disconnected{call::ConnectionId(id)}, "disconnect " + id);
}

void Player::change_socket(const Step& step) {
  if (connections_.empty()) return;
  const std::string id = pick_connection(step.a);
  if (without_socket_.erase(id) > 0)
    return hand_in(call::Resumed{call::ConnectionId(id)}, "resumed " + id);
  without_socket_.insert(id);
  hand_in(call::SocketLost{call::ConnectionId(id)}, "socket lost " + id);
}

// ---- requests -------------------------------------------------------------------------------

// A connection whose socket is lost cannot ask for anything.
void Player::ask(const std::string& from, call::RequestBody body, bool admin,
                 const std::string& what) {
  if (without_socket_.contains(from)) return;
  const std::string id = next_id();
  const bool may = next_ % 5 != 0;
  asked_.push_back({.connection = call::ConnectionId(from),
                    .request = {call::RequestId(id), std::move(body)},
                    .admin = admin,
                    .may_record = may,
                    .may_mix = may,
                    .may_bridge = may,
                    .fresh = call::JobId("job-" + id)});
  if (asked_.size() > 40) asked_.erase(asked_.begin());
  const call::Received received = asked_.back();
  hand_in(received, from + " " + what + " as " + id);
}

void Player::init(const Step& step) {
  const std::string from = pick_connection(step.a);
  call::Init init;
  const auto& own = profiles_by_connection_[from];
  init.from = own.empty() || step.a % 17 == 0 ? any_profile(step.b) : own[step.b % own.size()];
  init.to = any_profiles(step.c);
  if (step.b / 8 % 3 == 0) init.chain = chains_[step.b / 32 % chains_.size()];
  init.immediate = step.a / 17 % 4 != 0;
  init.replace = step.b / 7 % 5 == 0;
  ask(from, init, step.c % 11 == 0, "call.init from " + init.from.str());
}

void Player::text(const Step& step) {
  const std::string from = pick_connection(step.a);
  const auto& own = profiles_by_connection_[from];
  call::Text text;
  text.from = own.empty() || step.a % 19 == 0 ? any_profile(step.b) : own[step.b % own.size()];
  if (step.b / 8 % 3 == 0)
    text.to = any_profiles(step.c);
  else
    text.chain = chains_[step.b / 32 % chains_.size()];
  text.body = std::string(step.c % 18, 'x');
  ask(from, text, false, "text from " + text.from.str());
}

// Mostly a device speaks about a call it was told of lately; sometimes anyone about anything.
void Player::request(const Step& step) {
  std::string from = pick_connection(step.a);
  call::CallId call = pick_call(step.b);
  if (step.a % 8 != 0 && !told_of_.empty())
    std::tie(from, call) = told_of_[step.b % told_of_.size()];
  if (step.c % 5 == 4) {
    const unsigned n = step.c / 5;
    call = pick_running(step.b);
    for (const auto& [device, told] : told_of_)
      if (told == call && step.a % 8 != 0) from = device;
    return ask(from, extra_for(n, call, jobs_[n / 16 % jobs_.size()]), false,
               "extra " + std::to_string(n % 16) + " about " + call.str());
  }
  ask(from, body_for(step, call), false,
      "request " + std::to_string(step.c % 16) + " about " + call.str());
}

void Player::repeat(const Step& step) {
  if (asked_.empty()) return;
  call::Received again = asked_[step.a % asked_.size()];
  if (step.b % 2 == 0) again.connection = call::ConnectionId(pick_connection(step.b / 2));
  if (without_socket_.contains(again.connection.str())) return;
  // The gate stops a call whose id only the store remembers; there is no gate here.
  if (std::holds_alternative<call::Init>(again.request.body) &&
      store_.is_over(call::CallId(again.request.id.str())))
    return;
  hand_in(again, again.connection.str() + " repeats " + again.request.id.str());
}

void Player::command(const Step& step) {
  const call::CallId call = pick_call(step.b);
  const auto body = [&]() -> call::CommandBody {
    switch (step.a % 4) {
      case 0:
        return call::EndCall{call};
      case 1:
        return call::RemoveParticipant{call, any_profile(step.c)};
      case 2:
        return call::MuteParticipant{call, any_profile(step.c), step.c / 8 % 2 == 0, std::nullopt};
      default:
        break;
    }
    call::PostText post{
        .id = call::RequestId(next_id()), .user = call::UserId("server"), .text = {}};
    if (step.c % 5 == 0) post.id = call::RequestId("q" + std::to_string(next_ - 1 - step.c % 9));
    post.text.from = any_profile(step.c);
    post.text.body = "from a server";
    if (step.b % 2 == 0)
      post.text.to = any_profiles(step.b / 2);
    else
      post.text.chain = chains_[step.c % chains_.size()];
    return post;
  };
  if (step.a / 4 % 3 != 0) return guest_command(step);
  hand_in(call::Command{next_ticket_++, body()},
          "command " + std::to_string(step.a % 4) + " about " + call.str());
}

void Player::guest_command(const Step& step) {
  const call::CallId call = pick_running(step.b);
  const call::JobId job = jobs_[step.c % jobs_.size()];
  const auto body = [&]() -> call::CommandBody {
    switch (step.a / 12 % 8) {
      case 0:
      case 1:
        return call::JoinGuest{call, any_profile(step.c), true, {}, "v=0"};
      case 2:
        return call::JoinGuest{call, any_profile(step.c), false, any_profile(step.c / 8), "v=0"};
      case 3:
        return call::JoinGuest{call, any_profile(step.c), false, {}, "v=0"};
      case 4:
        return call::PatchGuest{call, job, "a=ice-ufrag:x"};
      case 5:
        return call::LeaveGuest{call, job};
      default:
        break;
    }
    // Servers may ask for the rest as well.
    return std::visit(
        base::Overloaded{[](const call::Record& m) -> call::CommandBody { return m; },
                         [](const call::SetMode& m) -> call::CommandBody { return m; },
                         [](const call::StartBridge& m) -> call::CommandBody { return m; },
                         [](const call::StopBridge& m) -> call::CommandBody { return m; },
                         [&](const auto&) -> call::CommandBody {
                           return call::LeaveGuest{call, job};
                         }},
        extra_for(step.c, call, job));
  }();
  const call::JobId fresh("guest-" + std::to_string(next_ticket_));
  hand_in(call::Command{next_ticket_++, body, fresh}, "command about guests of " + call.str());
}

// ---- jobs -----------------------------------------------------------------------------------

void Player::report_job(const Step& step) {
  using S = call::JobState;
  static constexpr S kStates[] = {S::kStarting, S::kLive,         S::kLive,  S::kLive,
                                  S::kLive,     S::kReconnecting, S::kEnded, S::kFailed};
  const call::JobId job = step.a % 2 == 0 ? jobs_[step.a / 2 % jobs_.size()] : jobs_.back();
  const S state = kStates[step.b % std::size(kStates)];
  hand_in(call::JobReported{job, state, state == S::kFailed ? "it broke" : "", ""},
          job.str() + " says " + std::to_string(static_cast<int>(state)));
}

void Player::report_port(const Step& step) {
  const base::LegId leg = step.a % 2 == 0 ? ports_[step.a / 2 % ports_.size()] : ports_.back();
  const std::string name = " port " + std::to_string(leg.value);
  switch (step.b % 8) {
    case 4:
      return hand_in(call::LegSilent{leg}, "silent" + name);
    case 5:
      return hand_in(call::LegAudible{leg}, "audible" + name);
    case 6:
      return hand_in(call::LegFailed{leg, "gone"}, "failed" + name);
    case 7: {
      if (asked_guests_.empty()) return;
      const auto [guest, ticket] = asked_guests_[step.c % asked_guests_.size()];
      std::erase(asked_guests_, std::pair(guest, ticket));
      call::GuestAnswered answer{guest, ticket, {}, "v=0"};
      if (step.c % 3 == 0)
        answer.refusal = call::Refusal{call::ErrorCode::kBadRequest, "no SDP", std::nullopt};
      return hand_in(answer, "answered guest " + std::to_string(guest.value));
    }
    default:
      return hand_in(call::LegConnected{leg}, "connected" + name);
  }
}

// ---- the media layer ------------------------------------------------------------------------

void Player::report(const Step& step) {
  const base::LegId leg = legs_[step.a % legs_.size()];
  const std::string name = " leg " + std::to_string(leg.value);
  // Media fails seldom, or nobody would ever be in a call for long.
  switch (step.b % 8 == 6 && step.c % 3 != 0 ? 2 : step.b % 8) {
    case 0:
    case 1:
      return hand_in(call::LegOffered{leg, {1, "v=0", {{"00", {}, base::Source::kMic}}}},
                     "offered" + name);
    case 2:
    case 3:
      return hand_in(call::LegConnected{leg}, "connected" + name);
    case 4:
      return hand_in(call::LegSilent{leg}, "silent" + name);
    case 5:
      return hand_in(call::LegAudible{leg}, "audible" + name);
    case 6:
      return hand_in(call::LegFailed{leg, "gone"}, "failed" + name);
    default:
      return verdict(step);
  }
}

void Player::verdict(const Step& step) {
  if (to_legs_.empty()) return;
  const call::ToLeg asked = to_legs_[step.c % to_legs_.size()];
  call::LegVerdict verdict{asked.leg, asked.connection, asked.ref, std::nullopt};
  if (step.c % 3 == 0)
    verdict.refusal = call::Refusal{call::ErrorCode::kUnavailable, "later", std::nullopt};
  if (step.c % 4 != 0) std::erase_if(to_legs_, [&](const auto& t) { return t.ref == asked.ref; });
  hand_in(verdict, "verdict on " + asked.ref.str());
}

// ---- the store ------------------------------------------------------------------------------

void Player::change_store(const Step& step) {
  const bool good = step.b % 4 != 0;
  store_.set_full(!good);
  if (step.a % 2 == 0) hand_in(call::StoreState{good}, good ? "the store works" : "a full disk");
}

void Player::let_store_answer(std::size_t most) {
  for (; most > 0 && !answers_.empty(); --most) {
    const call::Input answer = std::move(answers_.front());
    answers_.pop_front();
    hand_in(answer, "the store answers");
  }
}

// ---- time -----------------------------------------------------------------------------------

// Mostly timers go off at their moment; sometimes the driver is late and several are overdue.
void Player::pass(const Step& step) {
  static constexpr unsigned kMilliseconds[] = {1, 700, 3'000, 5'000, 9'000, 15'000, 31'000, 61'000};
  const auto until =
      now_.mono + std::chrono::milliseconds(kMilliseconds[step.a % std::size(kMilliseconds)]);
  if (step.b % 4 != 0)
    for (auto due = machine_.deadline(); due && *due <= until && !failed();
         due = machine_.deadline()) {
      now_.mono = std::max(now_.mono, *due);
      hand_in(call::Tick{}, "tick");
    }
  now_.mono = until;
  hand_in(call::Tick{}, "tick after some time");
}

// ---- a run ----------------------------------------------------------------------------------

void Player::play(const Step& step) {
  // The store mostly answers before anything else comes in.
  const unsigned patience = step.what / 100 % 4;
  let_store_answer(patience == 0 ? 0 : patience == 1 ? 1 : answers_.size());
  const unsigned what = step.what % 100;
  if (what < 5) return connect(step.a);
  if (what < 7) return disconnect(step.a);
  if (what < 11) return change_socket(step);
  if (what < 18) return init(step);
  if (what < 23) return text(step);
  if (what < 66) return request(step);
  if (what < 68) return repeat(step);
  if (what < 72) return command(step);
  if (what < 74) return change_store(step);
  if (what < 80) return report(step);
  if (what < 89) return report_port(step);
  if (what < 94) return report_job(step);
  pass(step);
}

void Player::finish(bool by_shutdown) {
  if (by_shutdown) {
    hand_in(call::Shutdown{}, "shutdown");
  } else {
    while (!connections_.empty()) disconnect(0);
    for (int i = 0; i < 200 && machine_.deadline() && !failed(); ++i) {
      now_.mono = *machine_.deadline();
      hand_in(call::Tick{}, "tick at the end");
    }
  }
  while (!answers_.empty() && !failed()) let_store_answer(answers_.size());
  if (!failed()) watch_.see_end(machine_);
}

void Player::hand_in(const call::Input& input, const std::string& what) {
  if (failed()) return;
  now_.wall = base::WallTime(
      std::chrono::duration_cast<std::chrono::milliseconds>(now_.mono.time_since_epoch()));
  inputs_.emplace_back(input, now_);
  words_.push_back(what);
  const auto effects = machine_.handle(input, now_);
  watch_.see(input, effects, machine_, now_.mono);
  for (const call::Effect& effect : effects) {
    keep(effect);
    if (auto answer = store_.take(effect)) answers_.push_back(*std::move(answer));
  }
}

template <class T>
void push_bounded(std::vector<T>& list, T value, std::size_t most, std::size_t kept = 0) {
  list.push_back(std::move(value));
  if (list.size() > most) list.erase(list.begin() + static_cast<std::ptrdiff_t>(kept));
}

void Player::keep(const call::Effect& effect) {
  std::visit(
      base::Overloaded{
          [&](const call::SendReply& e) { count(e); },
          [&](const call::SendEvent& e) {
            if (std::holds_alternative<call::InitEvent>(e.event.body))
              push_bounded(told_of_, {e.connection.str(), e.event.call}, 12);
            if (std::holds_alternative<call::TakeEvent>(e.event.body)) ++happened_["take-over"];
            if (const auto* view = std::get_if<call::RecordingView>(&e.event.body))
              ++happened_[view->state == call::RecordingState::kOn ? "recorded" : "recording"];
            if (const auto* view = std::get_if<call::BridgeView>(&e.event.body))
              ++happened_[view->state == call::BridgeState::kLive ? "bridged" : "bridge"];
          },
          [&](const call::OpenLeg& e) { push_bounded(legs_, e.leg, 8, 1); },
          [&](const call::ToLeg& e) { to_legs_.push_back(e); },
          [&](const call::StartJob& e) {
            ++happened_["job"];
            push_bounded(jobs_, e.job, 8, 1);
          },
          [&](const call::OpenPort& e) { push_bounded(ports_, e.leg, 8, 1); },
          [&](const call::OpenGuest& e) {
            push_bounded(ports_, e.leg, 8, 1);
            asked_guests_.emplace_back(e.leg, e.ticket);
          },
          [&](const call::PatchLeg& e) { asked_guests_.emplace_back(e.leg, e.ticket); },
          [&](const call::Show& e) {
            if (e.profile.str() == "mix") ++happened_["mixed"];
          },
          [&](const call::CommandDone& e) {
            const auto* ok = std::get_if<call::Ok>(&e.body);
            if (ok == nullptr || !ok->sdp || !ok->bridge) return;
            ++happened_["guest"];
            push_bounded(jobs_, *ok->bridge, 8, 1);
          },
          [&](const call::DeliverText& e) {
            ++happened_["text"];
            push_bounded(chains_, e.text.chain, 8, 1);
          },
          [&](const call::Recall&) { ++happened_["recall"]; },
          [&](const call::Save& e) {
            if (const auto* accepted = std::get_if<call::CallAccepted>(&e))
              if (std::find(running_.begin(), running_.end(), accepted->call) == running_.end())
                running_.push_back(accepted->call);
            if (const auto* ended = std::get_if<call::CallEnded>(&e)) {
              ++happened_[name_of(ended->reason)];
              std::erase(running_, ended->call);
            }
          },
          [](const auto&) {}},
      effect);
}

void Player::count(const call::SendReply& effect) {
  const auto* ok = std::get_if<call::Ok>(&effect.reply.body);
  if (ok == nullptr) {
    ++happened_["refused " + name_of(std::get<call::Refusal>(effect.reply.body).code)];
    return;
  }
  if (ok->merged) ++happened_["merged"];
  if (ok->chain) push_bounded(chains_, *ok->chain, 8, 1);
  if (!ok->call) return;
  push_bounded(calls_, *ok->call, 8, 1);
  told_of_.emplace_back(effect.connection.str(), *ok->call);
}

std::string Player::story() const {
  std::string text;
  for (std::size_t i = 0; i < words_.size(); ++i)
    text +=
        std::to_string(inputs_[i].second.mono.time_since_epoch() / std::chrono::milliseconds(1)) +
        " " + words_[i] + "\n";
  for (const std::string& problem : watch_.problems()) text += "=> " + problem + "\n";
  return text + machine_.debug_state();
}

std::string Player::journal() const {
  const journal::Hidden hidden({});
  std::string text;
  journal::write_header(text, limits_);
  call::Machine machine(limits_);
  for (const auto& [input, now] : inputs_) {
    journal::write_input(text, input, now, hidden);
    journal::write_effects(text, machine.handle(input, now), hidden);
  }
  journal::write_end(text, inputs_.size());
  return text;
}

}  // namespace parley::test
