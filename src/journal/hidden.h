// What people write and what their devices offer is nobody's business who looks for a bug. Texts
// and session descriptions only pass through the machine, so that a journal holds their length and
// a digest in their place. The digest is keyed with a secret that is written nowhere: equal texts
// of one journal have equal digests, and nothing can be guessed from one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace parley::journal {

using DigestKey = std::array<std::uint64_t, 2>;

// Thread-compatible.
class Hidden {
 public:
  explicit Hidden(const DigestKey& key) : key_(key) {}

  // "#LENGTH:DIGEST" for a text; the one it was restored from, if it was.
  [[nodiscard]] std::string name(std::string_view text) const;
  // A text of the named length that differs from every other restored one; nullopt: that is no
  // name. The same name gives the same text.
  [[nodiscard]] std::optional<std::string> restore(std::string_view name);

 private:
  DigestKey key_;
  std::map<std::string, std::string, std::less<>> names_;  // of restored texts
  std::map<std::string, std::string, std::less<>> texts_;  // by name
  std::map<std::size_t, std::uint64_t> next_;              // by length
};

// SipHash-2-4 (Aumasson and Bernstein, 2012).
[[nodiscard]] std::uint64_t siphash(const DigestKey& key, std::string_view text);

}  // namespace parley::journal
