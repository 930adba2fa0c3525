// What the driver found out, as JSON.
#include <algorithm>
#include <utility>

#include "admin/api.h"
#include "base/overloaded.h"
#include "wire/pieces.h"
#include "wire/writer.h"

namespace parley::admin {
namespace {

void write_call(wire::Writer& w, const call::CallView& c) {
  w.id("callId", c.call);
  w.id("chainId", c.chain);
  w.id("from", c.from);
  w.ids("to", c.to);
  wire::write_settings(w, c.settings);
  w.name("state", c.running ? "running" : "ringing");
  wire::write_at(w, "at", c.at);
  if (c.accepted_at) wire::write_at(w, "acceptedAt", *c.accepted_at);
  w.array("participants", c.participants, [&w](const call::ParticipantView& participant) {
    w.nested([&] { wire::write(w, participant); });
  });
  wire::write(w, c.extras);
}

bool takes_part(const call::CallView& c, const base::ProfileId& profile) {
  return std::any_of(c.participants.begin(), c.participants.end(), [&](const auto& participant) {
    return participant.profile == profile && !participant.bridge;
  });
}

bool wanted(const LiveCalls& question, const call::CallView& c) {
  return (!question.profile || takes_part(c, *question.profile)) &&
         (!question.chain || c.chain == *question.chain) &&
         (!question.after || c.call > *question.after);
}

}  // namespace

Response answer(const LiveCalls& question, std::vector<call::CallView> live) {
  std::erase_if(live, [&](const call::CallView& c) { return !wanted(question, c); });
  std::sort(live.begin(), live.end(), [](const auto& a, const auto& b) { return a.call < b.call; });
  const bool more = live.size() > question.limit;
  if (more) live.resize(question.limit);
  wire::Writer w;
  w.array("items", live, [&w](const call::CallView& c) { w.nested([&] { write_call(w, c); }); });
  w.flag("more", more);
  return {200, w.finish(), {}};
}

Response answer(const OneCall& /*question*/, const call::CallView& live) {
  wire::Writer w;
  write_call(w, live);
  return {200, w.finish(), {}};
}

Response answer(const OneCall& question, const base::ChainId& chain, const wire::CallItem& ended) {
  wire::Writer w;
  w.id("callId", question.call);
  w.id("chainId", chain);
  w.id("from", ended.from);
  w.ids("to", ended.to);
  wire::write_settings(w, ended.settings);
  w.name("state", "ended");
  wire::write_at(w, "at", ended.at);
  if (ended.ended_at) wire::write_at(w, "endedAt", *ended.ended_at);
  w.number("durationMs", ended.duration_ms);
  if (ended.reason) w.name("reason", *ended.reason);
  w.array("participants", ended.outcomes, [&w](const auto& participant) {
    w.nested([&] {
      w.id("profileId", participant.first);
      w.name("state", wire::name_of(call::ParticipantState::kLeft));
      if (participant.second) w.name("outcome", *participant.second);
    });
  });
  return {200, w.finish(), {}};
}

namespace {

// Only what begins something has a body.
Response started(const call::CommandBody& command, const call::Ok& ok) {
  const auto* record = std::get_if<call::Record>(&command);
  const bool begins =
      (record != nullptr && record->start) || std::holds_alternative<call::StartBridge>(command);
  if (!begins) return {204, {}, {}};
  wire::Writer w;
  w.optional_id("callId", ok.call);
  w.optional_id("recordingId", ok.recording);
  w.optional_id("bridgeId", ok.bridge);
  return {201, w.finish(), {}};
}

}  // namespace

bool takes_part(const call::CallView& live, const std::vector<base::ProfileId>& profiles) {
  return std::any_of(profiles.begin(), profiles.end(),
                     [&](const base::ProfileId& profile) { return takes_part(live, profile); });
}

Response answer(const LiveBridges& /*question*/, const call::CallView& live) {
  wire::Writer w;
  w.array("items", live.extras.bridges,
          [&w](const call::BridgeView& b) { w.nested([&] { wire::write(w, b); }); });
  return {200, w.finish(), {}};
}

Response answer(const Ask& question, const std::variant<call::Ok, call::Refusal>& done) {
  if (const auto* refusal = std::get_if<call::Refusal>(&done)) return error(*refusal);
  const auto& ok = std::get<call::Ok>(done);
  const auto* text = std::get_if<call::PostText>(&question.command);
  if (text == nullptr) return started(question.command, ok);
  wire::Writer w;
  w.id("id", text->id);
  w.optional_id("chainId", ok.chain);
  if (ok.at) wire::write_at(w, "at", *ok.at);
  return {201, w.finish(), {}};
}

Response answer(const Chains& /*question*/, const std::vector<wire::ChainEntry>& chains,
                bool more) {
  wire::Writer w;
  w.array("items", chains, [&w](const wire::ChainEntry& entry) {
    w.nested([&] {
      w.id("chainId", entry.chain);
      w.ids("members", entry.members);
      w.object("last", [&] { wire::write(w, entry.last); });
    });
  });
  w.flag("more", more);
  return {200, w.finish(), {}};
}

Response answer(const History& question, const std::vector<wire::Item>& items, bool more) {
  wire::Writer w;
  w.id("chainId", question.chain);
  w.array("items", items,
          [&w](const wire::Item& item) { w.nested([&] { wire::write(w, item); }); });
  w.flag("more", more);
  return {200, w.finish(), {}};
}

Response not_found(const Question& question) {
  const char* what = std::visit(
      base::Overloaded{
          [](const OneCall&) { return "there is no such call"; },
          [](const Ask&) { return "no call of this id lives, or none of yours"; },
          [](const LiveBridges&) { return "no call of this id lives, or none of yours"; },
          [](const Chains& q) {
            return q.before ? "this profile has no chain of the id `before`"
                            : "this profile has no chains";
          },
          [](const History& q) {
            return q.before ? "there is no such chain, or no item of the id `before` in it"
                            : "there is no such chain";
          },
          [](const Recordings&) { return "there is no recording of the id `before`"; },
          [](const OneRecording&) { return "there is no such recording, or none of yours"; },
          [](const DeleteRecording&) { return "there is no such recording, or none of yours"; },
          [](const RecordingFile&) { return "there is no such file, or none of yours"; },
          [](const auto&) { return "there is no such thing"; },
      },
      question);
  return error(call::ErrorCode::kNotFound, what);
}

}  // namespace parley::admin
