// One connection of an element to the media worker: frames of tap/frames.h over a Unix SEQPACKET
// socket that never blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/source.h"
#include "tap/frames.h"

namespace parley::plugins {

// What the elements' properties say. Empty socket or secret: found in the environment.
struct Options {
  std::string socket;
  std::string secret;
  std::string call;
  std::string profile;
  std::string source;
};

// The path that `socket` means: itself, else PARLEY_SOCKET, else where parleyd puts it.
[[nodiscard]] std::string socket_of(const Options& options);
// kNotFound: says the three ways of giving one.
[[nodiscard]] base::Result<std::string> secret_of(const Options& options);
// kInvalid: says which there are.
[[nodiscard]] base::Result<base::Source> parse_track(const std::string& name);
// "mic", "mix-audio", …: as parse_track() reads it.
[[nodiscard]] std::string track_name(base::Source source);
// kInvalid: `call` or `profile` is missing, or is no name.
[[nodiscard]] base::Result<void> check_names(const Options& options);

// send() and send_packet() on any thread; receive() on one.
class Connection {
 public:
  // Connects and says Hello. kUnavailable: nobody listens there; says where.
  [[nodiscard]] static base::Result<std::unique_ptr<Connection>> open(const Options& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

  enum class Sent { kSent, kFull, kGone };
  Sent send(const tap::Frame& frame) const;
  Sent send_packet(base::TimePoint arrived, std::span<const std::uint8_t> rtp) const;

  // The next frame, valid until the next call; nullopt: none is there now. kUnavailable: the worker
  // has closed the connection. kInvalid: what came is no frame.
  [[nodiscard]] base::Result<std::optional<tap::Frame>> receive();

 private:
  explicit Connection(int fd) : fd_(fd), buffer_(tap::kMaxFrameBytes) {}

  const int fd_;  // closed in the destructor
  std::vector<std::uint8_t> buffer_;
};

}  // namespace parley::plugins
