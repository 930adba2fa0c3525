#include "wire/pieces.h"

#include <variant>

namespace parley::wire {
namespace {

void write_one(Writer& w, const TextItem& item) {
  w.name("type", "text");
  w.id("id", item.id);
  w.id("from", item.from);
  w.text("body", item.body);
  write_at(w, "at", item.at);
}

void write_one(Writer& w, const CallItem& item) {
  w.name("type", "call");
  w.id("id", item.id);
  w.id("from", item.from);
  w.ids("to", item.to);
  write_settings(w, item.settings);
  write_at(w, "at", item.at);
  if (item.ended_at) {
    write_at(w, "endedAt", *item.ended_at);
    w.number("durationMs", item.duration_ms);
  }
  if (item.reason) w.name("reason", *item.reason);
  w.object("outcomes", [&] {
    for (const auto& [profile, outcome] : item.outcomes)
      if (outcome) w.name(profile.str().c_str(), *outcome);
  });
}

}  // namespace

void write_switches(Writer& w, const call::Settings& settings) {
  w.flag("audio", settings.audio);
  w.flag("video", settings.video);
}

void write_settings(Writer& w, const call::Settings& settings) {
  w.object("settings", [&] { write_switches(w, settings); });
}

void write_at(Writer& w, const char* name, base::WallTime at) {
  w.number(name, at.time_since_epoch().count());
}

void write(Writer& w, const call::ParticipantView& p) {
  w.id("profileId", p.profile);
  w.name("state", name_of(p.state));
  w.optional_id("connectionId", p.connection);
  write_switches(w, p.unmuted);
  if (p.outcome) w.name("outcome", name_of(*p.outcome));
  if (p.mode) w.name("mode", name_of(*p.mode));
  w.optional_id("bridge", p.bridge);
}

void write(Writer& w, const call::RecordingView& r) {
  w.id("recordingId", r.recording);
  w.name("state", name_of(r.state));
  w.name("layout", name_of(r.layout));
  w.name("format", name_of(r.format));
  w.name("policy", name_of(r.policy));
  w.object("consents", [&] {
    for (const auto& one : r.consents) {
      if (one.given)
        w.flag(one.profile.str().c_str(), *one.given);
      else
        w.null(one.profile.str().c_str());
    }
  });
  if (!r.message.empty()) w.text("message", sentence(r.message));
}

void write(Writer& w, const call::BridgeView& b) {
  w.id("bridgeId", b.bridge);
  w.name("direction", name_of(b.direction));
  w.name("kind", name_of(b.kind));
  w.optional_id("profileId", b.profile);
  w.optional_id("only", b.only);
  w.name("state", name_of(b.state));
  if (!b.message.empty()) w.text("message", sentence(b.message));
  if (!b.watch.empty()) w.text("watch", b.watch);
}

void write(Writer& w, const call::Extras& extras) {
  w.name("mode", name_of(extras.mode));
  if (extras.recording) w.object("recording", [&] { write(w, *extras.recording); });
  w.array("bridges", extras.bridges,
          [&w](const call::BridgeView& b) { w.nested([&] { write(w, b); }); });
}

void write(Writer& w, const Item& item) {
  std::visit([&w](const auto& one) { write_one(w, one); }, item);
}

std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  if (text.back() != '.') text += '.';
  return text;
}

}  // namespace parley::wire
