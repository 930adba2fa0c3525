#include "net/upgrade.h"

#include <glib.h>

#include <array>

#include "net/handles.h"

namespace parley::net {
namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && g_ascii_strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool lists(std::string_view list, std::string_view wanted, bool exact_case) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (exact_case ? item == wanted : equal_ignoring_case(item, wanted)) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

std::string accept_value(const std::string& key) {
  // RFC 6455, 1.3.
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  GChecksum* sum = g_checksum_new(G_CHECKSUM_SHA1);
  g_checksum_update(sum, reinterpret_cast<const guchar*>(text.data()),
                    static_cast<gssize>(text.size()));
  std::array<guint8, 20> digest{};
  gsize size = digest.size();
  g_checksum_get_digest(sum, digest.data(), &size);
  g_checksum_free(sum);
  const Chars encoded(g_base64_encode(digest.data(), size));
  return encoded.get();
}

bool is_key(const std::string& key) {
  if (key.size() != 24) return false;  // 16 bytes
  gsize size = 0;
  const Chars decoded(reinterpret_cast<char*>(g_base64_decode(key.c_str(), &size)));
  return size == 16;
}

}  // namespace

tl::expected<std::string, HandshakeRefusal> check_handshake(const Handshake& request) {
  const auto refuse = [](unsigned status, std::string message) {
    return tl::unexpected(HandshakeRefusal{status, std::move(message)});
  };
  if (request.method != "GET" || !lists(request.upgrade, "websocket", false) ||
      !lists(request.connection, "Upgrade", false))
    return refuse(426, "This is a WebSocket; ask for an upgrade to it.\n");
  if (request.version != "13") return refuse(426, "WebSocket version 13 is understood.\n");
  if (!is_key(request.key)) return refuse(400, "Sec-WebSocket-Key is 16 bytes in base64.\n");
  if (!lists(request.protocols, kSubprotocol, true))
    return refuse(400, "The sub-protocol jsapi.v1 must be offered.\n");
  return accept_value(request.key);
}

}  // namespace parley::net
