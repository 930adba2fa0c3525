#include "journal/hidden.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

namespace parley::journal {
namespace {

// The longest text that is restored: four frames. Our choice; nothing longer comes in.
constexpr std::size_t kMaxBytes = 256 * 1024;

struct SipState {
  std::uint64_t v0, v1, v2, v3;
  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

std::uint64_t siphash(const DigestKey& key, std::string_view text) {
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * (i % 8));
    if (i % 8 == 7) {
      state.take(word);
      word = 0;
    }
  }
  state.take(word | std::uint64_t{text.size() & 0xff} << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::string Hidden::name(std::string_view text) const {
  if (const auto known = names_.find(text); known != names_.end()) return known->second;
  return fmt::format("#{}:{:016x}", text.size(), siphash(key_, text));
}

std::optional<std::string> Hidden::restore(std::string_view name) {
  if (const auto known = texts_.find(name); known != texts_.end()) return known->second;
  std::size_t length = 0;
  const char* end = name.data() + name.size();
  if (name.empty() || name.front() != '#') return std::nullopt;
  const auto [colon, error] = std::from_chars(name.data() + 1, end, length);
  if (error != std::errc() || colon == end || *colon != ':' || length > kMaxBytes)
    return std::nullopt;
  std::string text(length, '.');
  std::uint64_t number = next_[length]++;
  for (std::size_t i = 0; i < length && number > 0; ++i, number >>= 8)
    text[i] = static_cast<char>(static_cast<unsigned char>('.') ^ (number & 0xff));
  if (number > 0) return std::nullopt;  // more than there can be of that length
  texts_.emplace(name, text);
  names_.emplace(text, name);
  return text;
}

}  // namespace parley::journal
