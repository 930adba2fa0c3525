// What a plain HTTP request is answered with: status, type, body, and the headers that keep a
// browser from doing more with our pages than they need.
//
// Belongs to the thread of the server.
#pragma once

#include <libsoup/soup.h>

#include <string>
#include <string_view>

namespace parley::net {

// The values of a request header as one list; empty without it.
[[nodiscard]] std::string header(SoupServerMessage* message, const char* name);

// An empty body is left out, with its type.
void respond(SoupServerMessage* message, guint status, std::string_view type,
             std::string_view body);
void respond_text(SoupServerMessage* message, guint status, std::string_view body);

}  // namespace parley::net
