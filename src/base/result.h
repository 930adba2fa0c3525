// What a function returns that can fail: a value, or an error with a code and a sentence.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace parley::base {

// Few on purpose: a caller decides by the code, a person reads the message.
enum class Code {
  kInvalid,      // the input is wrong; the same input fails again
  kNotFound,     // what was named does not exist
  kForbidden,    // not allowed to this caller
  kConflict,     // right in itself, wrong in the present state
  kBusy,         // a limit is reached; later may work
  kUnavailable,  // something outside failed (disk, network); later may work
  kInternal,     // our fault
};

struct Error {
  Code code = Code::kInternal;
  std::string message;  // one sentence: what was wrong, and what would be right
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace parley::base
