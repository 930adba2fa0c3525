// A GIOStream that counts what is read from it and stops at a budget.
//
// SoupServer 3.2.3 has no bound on the headers and the body of a request; it only sees the end of
// the stream when the peer has used up what one request may have.
#pragma once

#include <gio/gio.h>

#include <cstdint>
#include <memory>

namespace parley::net {

// Main thread only.
struct ReadBudget {
  std::uint64_t left_bytes = 0;
  bool unlimited = false;  // once a request has become a WebSocket, which counts for itself
};

}  // namespace parley::net

#define PARLEY_TYPE_METERED_STREAM (parley_metered_stream_get_type())
G_DECLARE_FINAL_TYPE(ParleyMeteredStream, parley_metered_stream, PARLEY, METERED_STREAM, GIOStream)

// (transfer full). Takes a reference to `base`, whose streams must be pollable.
GIOStream* parley_metered_stream_new(GIOStream* base,
                                     std::shared_ptr<parley::net::ReadBudget> budget);
