// Hands the inputs of a journal to a machine again: it must do exactly what it did.
#pragma once

#include <cstddef>
#include <istream>
#include <string>

namespace parley::journal {

struct Replayed {
  enum class Verdict {
    kSame,
    kDifferent,  // the machine did something else than is recorded
    kBroken,     // that is no journal, or one that was tampered with
  };
  Verdict verdict = Verdict::kSame;
  std::size_t inputs = 0;
  std::size_t effects = 0;  // compared
  bool ended = false;       // with its mark; false: the process died, or is still writing
  bool cut_line = false;    // the last line is half a line
  // kDifferent, kBroken: where, and what, for people.
  std::size_t line = 0;
  std::string message;
};

// Pure but for the stream; may be called on any thread.
[[nodiscard]] Replayed replay(std::istream& journal);

// The same inputs with what comes of them now, for a journal of a case whose outcome was changed on
// purpose; kDifferent never is. Empty when it is broken.
[[nodiscard]] Replayed renew(std::istream& journal, std::string& renewed);

}  // namespace parley::journal
