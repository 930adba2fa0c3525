// The Unix socket that jobs connect to, and the first frames of a connection: who it is and what
// it wants. What comes after that is somebody else's.
//
// Only processes of our own user (or root's) are listened to; the socket has mode 0600. Beside it
// lies a file with a key of its own for an operator's pipelines, new at each start.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "base/time.h"
#include "media/fd_watch.h"
#include "media/owned_fd.h"
#include "tap/frames.h"

namespace parley::media {

// Owned by the thread of its context.
class TapServer {
 public:
  using Wish = std::variant<tap::Watch, tap::Tap, tap::Inject>;
  struct Request {
    OwnedFd fd;
    std::string secret;
    Wish wish;
  };
  // Connections that have not said what they want, at a time (our choice: a job opens some three
  // for each participant, one after the other).
  static constexpr std::size_t kMaxPending = 64;
  static constexpr base::Duration kHelloWithin = std::chrono::seconds(5);

  // `on_request` answers, with accept() or refuse(). kUnavailable: no socket there; kConflict:
  // another server listens there; kInvalid: the path cannot be one.
  [[nodiscard]] static base::Result<std::unique_ptr<TapServer>> open(
      GMainContext* context, std::string path, std::function<void(Request)> on_request);
  ~TapServer();
  TapServer(const TapServer&) = delete;
  TapServer& operator=(const TapServer&) = delete;

  // Who shows it may have everything.
  [[nodiscard]] const std::string& key() const { return key_; }
  // To be called now and then: closes who has said nothing for too long, and accepts again after
  // there was no descriptor for it.
  void on_timer(base::TimePoint now);

 private:
  struct Pending {
    OwnedFd fd;
    std::optional<std::string> secret;  // once Hello was said
    base::TimePoint until;
    std::unique_ptr<FdWatch> watch;  // last: gone before the descriptor
  };
  TapServer(GMainContext* context, std::string path, std::string key, OwnedFd fd,
            std::function<void(Request)> on_request);
  void listen();
  void on_connection();
  void on_ready(std::uint64_t id);

  GMainContext* context_;
  std::string path_;
  std::string key_;
  OwnedFd fd_;
  std::function<void(Request)> on_request_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Pending> pending_;
  std::unique_ptr<FdWatch> watch_;  // none while there is no descriptor for one who comes
};

// One frame, if there is room for it.
bool send_frame(const OwnedFd& fd, const tap::Frame& frame);

}  // namespace parley::media
