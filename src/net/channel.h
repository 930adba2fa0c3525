// The bytes of one connection once HTTP is done with it, without waiting.
//
// A plain TCP connection is taken out of GLib's hands: its stream, socket and filters together take
// more memory than all we know of an idle WebSocket. TLS stays with its stream.
#pragma once

#include <gio/gio.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/handles.h"

namespace parley::net {

// Main thread only. Movable, and void after it was moved from.
class Channel {
 public:
  // `stream` ends in `socket`; `plain`: nothing but filters that may hold bytes lies between.
  Channel(Object<GIOStream> stream, Object<GSocket> socket, bool plain);
  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&&) = delete;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  [[nodiscard]] int fd() const { return fd_; }
  // Whether there may be bytes that the descriptor does not tell of.
  [[nodiscard]] bool holds_bytes() const { return !early_.empty() || stream_ != nullptr; }

  // Bytes read or written; nullopt: none now; 0: the connection has ended or broke.
  [[nodiscard]] std::optional<std::size_t> read(std::span<std::uint8_t> into);
  [[nodiscard]] std::optional<std::size_t> write(std::string_view bytes);
  void close();

 private:
  void drain(GIOStream* stream);

  Object<GIOStream> stream_;  // of TLS
  Object<GSocket> socket_;    // likewise
  int fd_ = -1;               // ours when there is no stream
  std::string early_;         // what the filters held
};

}  // namespace parley::net
