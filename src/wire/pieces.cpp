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
