// Any bytes as a journal: what can be read as one is replayed, so that the machine gets any
// sequence of inputs, too; and any text as one that is hidden in a journal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "journal/json.h"
#include "journal/replay.h"

namespace {

using parley::journal::Replayed;

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  std::istringstream text(bytes);
  const Replayed done = parley::journal::replay(text);
  require((done.verdict == Replayed::Verdict::kSame) == done.message.empty());
  std::string quoted;
  parley::journal::write_json_string(quoted, bytes);
  const auto back = parley::journal::parse_json(quoted);
  require(back.has_value() && std::get<std::string>(back->value) == bytes);
  return 0;
}
