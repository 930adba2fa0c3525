// The lines of a journal: a header, then for each input one line and one for each of its effects,
// and a mark where it was ended in order. JSON; the format is explained in docs/OPERATING.md.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/time.h"
#include "call/machine.h"
#include "journal/hidden.h"

namespace parley::journal {

inline constexpr int kFormatVersion = 1;

// Each appends whole lines. Pure; may be called on any thread.
void write_header(std::string& out, const call::Limits& limits);
void write_input(std::string& out, const call::Input& input, base::Instant now,
                 const Hidden& hidden);
void write_effects(std::string& out, const std::vector<call::Effect>& effects,
                   const Hidden& hidden);
void write_end(std::string& out, std::size_t inputs);

}  // namespace parley::journal
