#include "net/responses.h"

#include <utility>

namespace parley::net {
namespace {

// What every response says. The page's own scripts and sockets, its own blobs as media, and nothing
// from elsewhere; devices for the page itself only.
constexpr std::pair<const char*, const char*> kHeaders[] = {
    {"Content-Security-Policy",
     "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob:; "
     "img-src 'self' data: blob:; object-src 'none'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self)"},
    {"Cache-Control", "no-cache"},
    // libsoup takes a second request on a connection only where it listens itself, and closes ours.
    {"Connection", "close"},
};

}  // namespace

std::string header(SoupServerMessage* message, const char* name) {
  const char* value =
      soup_message_headers_get_list(soup_server_message_get_request_headers(message), name);
  return value != nullptr ? value : "";
}

void respond(SoupServerMessage* message, guint status, std::string_view type,
             std::string_view body) {
  soup_server_message_set_status(message, status, nullptr);
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  for (const auto& [name, value] : kHeaders) soup_message_headers_replace(headers, name, value);
  if (body.empty()) return;
  soup_server_message_set_response(message, std::string(type).c_str(), SOUP_MEMORY_COPY,
                                   body.data(), body.size());
}

void respond_text(SoupServerMessage* message, guint status, std::string_view body) {
  respond(message, status, "text/plain; charset=utf-8", body);
}

}  // namespace parley::net
