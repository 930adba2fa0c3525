// Pieces of JSON that messages to clients and answers to servers have in common.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "call/messages.h"
#include "wire/reader.h"
#include "wire/wire.h"
#include "wire/writer.h"

namespace parley::wire {

void write_switches(Writer& w, const call::Settings& settings);  // as members of their own
void write_settings(Writer& w, const call::Settings& settings);
void write_at(Writer& w, const char* name, base::WallTime at);
void write(Writer& w, const call::ParticipantView& participant);  // the members of one
void write(Writer& w, const Item& item);                          // likewise

void write(Writer& w, const call::RecordingView& recording);  // likewise
void write(Writer& w, const call::BridgeView& bridge);        // likewise
void write(Writer& w, const call::Extras& extras);            // as members of their own

// The members of such a request but `action`, for sockets and the HTTP API. What is wrong is the
// reader's problem().
[[nodiscard]] call::Record read_record(base::CallId call, Reader& r);
[[nodiscard]] call::SetMode read_mode(base::CallId call, Reader& r);
[[nodiscard]] call::StartBridge read_bridge(base::CallId call, Reader& r);

// What people read. The rooms that know what was wrong write it as the part of a sentence that an
// error of theirs is.
[[nodiscard]] std::string sentence(std::string text);

}  // namespace parley::wire
