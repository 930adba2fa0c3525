// Any bytes as the stream of a WebSocket client, in pieces and at once: the same messages, valid
// UTF-8, within the limit, and nothing after the end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <variant>
#include <vector>

#include "net/frames.h"

namespace {

using namespace parley::net;

constexpr std::size_t kLimit = 1024;

void require(bool held) {
  if (!held) std::abort();
}

bool ends(const Incoming& item) {
  return std::holds_alternative<Violation>(item) || std::holds_alternative<PeerClose>(item);
}

bool same(const Incoming& a, const Incoming& b) {
  if (a.index() != b.index()) return false;
  if (const auto* text = std::get_if<TextMessage>(&a))
    return text->text == std::get<TextMessage>(b).text;
  if (const auto* ping = std::get_if<Ping>(&a)) return ping->payload == std::get<Ping>(b).payload;
  if (const auto* close = std::get_if<PeerClose>(&a))
    return close->code == std::get<PeerClose>(b).code;
  if (const auto* broken = std::get_if<Violation>(&a))
    return broken->code == std::get<Violation>(b).code;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<Incoming> whole;
  FrameDecoder at_once(kLimit);
  at_once.feed({data, size}, whole);

  std::vector<Incoming> pieces;
  FrameDecoder piecewise(kLimit);
  for (std::size_t i = 0; i < size;) {
    const std::size_t n = std::min<std::size_t>(1 + i % 7, size - i);
    piecewise.feed({data + i, n}, pieces);
    i += n;
  }

  require(whole.size() == pieces.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    require(same(whole[i], pieces[i]));
    require(!ends(whole[i]) || i + 1 == whole.size());
    if (const auto* text = std::get_if<TextMessage>(&whole[i]))
      require(text->text.size() <= kLimit && is_utf8(text->text));
    if (const auto* ping = std::get_if<Ping>(&whole[i])) require(ping->payload.size() <= 125);
  }
  return 0;
}
