// Any bytes as a datagram to an ICE agent, as they are, and again with the right MESSAGE-INTEGRITY
// put behind them, so that what lies behind the password is reached as well.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "ice/agent.h"
#include "ice/stun.h"

using parley::ice::Handled;
using parley::ice::IntegrityKey;
using parley::ice::kMaxResponseBytes;
using parley::ice::LiteAgent;
using parley::ice::StunMessage;

namespace {

constexpr std::string_view kPwd = "a/password+of22orMoreChars";

void require(bool held) {
  if (!held) std::abort();
}

void check(std::span<const std::uint8_t> datagram) {
  LiteAgent agent({"sErv", std::string(kPwd)});
  parley::base::Path path;
  path.remote.port = 4000;
  std::array<std::uint8_t, kMaxResponseBytes> out{};
  const Handled handled =
      agent.handle(datagram, path, parley::base::TimePoint(std::chrono::seconds(1)), out);
  const auto response = std::span(out).first(handled.response_bytes);
  require(handled.authentic || response.size() <= datagram.size());
  require(!handled.malformed || response.empty());
  require(handled.authentic == agent.last_request().has_value());
  require(handled.path_changed == agent.selected().has_value());
  require(!handled.path_changed || handled.authentic);
  if (!response.empty()) {
    const auto message = StunMessage::parse(response);
    const IntegrityKey key(kPwd);
    require(message && message->has_fingerprint());
    require(message->authentic(key) == handled.authentic);
  }
  (void)parley::ice::requested_ufrag(datagram);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check({data, size});
  if (size < parley::ice::kStunHeaderBytes || size > 1400) return 0;
  std::vector<std::uint8_t> signed_message(data, data + size);
  signed_message.resize((size + 3) / 4 * 4);
  const auto length = static_cast<std::uint16_t>(signed_message.size() - 20 + 24);
  signed_message[0] = 0;
  signed_message[1] = 1;
  signed_message[2] = static_cast<std::uint8_t>(length >> 8U);
  signed_message[3] = static_cast<std::uint8_t>(length);
  const IntegrityKey key(kPwd);
  const auto digest = key.sign(signed_message, length);
  signed_message.insert(signed_message.end(), {0x00, 0x08, 0x00, 0x14});
  signed_message.insert(signed_message.end(), digest.begin(), digest.end());
  check(signed_message);
  return 0;
}
