// The same thing in the words of two rooms: calls know legs, streams and profiles; the media layer
// and the store have words of their own and never hear of calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "call/machine.h"
#include "media/command.h"
#include "media/event.h"
#include "store/store.h"

namespace parley::app {

// nullopt: nothing that is recorded for itself.
[[nodiscard]] std::optional<store::Record> to_record(const call::Save& save);

[[nodiscard]] media::Command to_command(const call::OpenLeg& effect);
[[nodiscard]] media::Command to_command(const call::CloseLeg& effect);
[[nodiscard]] media::Command to_command(const call::Feed& effect);
[[nodiscard]] media::Command to_command(const call::Show& effect);
[[nodiscard]] media::Command to_command(const call::Hide& effect);
[[nodiscard]] media::Command to_command(const call::Mute& effect);
[[nodiscard]] media::Command to_command(const call::NameStream& effect);
[[nodiscard]] media::Command to_command(const call::OpenPort& effect);
[[nodiscard]] media::Command to_command(const call::OpenGuest& effect, std::uint64_t ticket);
[[nodiscard]] media::Command to_command(const call::PatchLeg& effect, std::uint64_t ticket);
[[nodiscard]] media::Command to_command(const call::ToLeg& effect, std::uint64_t ticket);

// nullopt: nothing the machine needs to hear. A Verdict needs its ticket and is not for this.
[[nodiscard]] std::optional<call::Input> to_input(const media::Event& event);
[[nodiscard]] call::Refusal to_refusal(const base::Error& error);

}  // namespace parley::app
