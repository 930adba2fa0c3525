// Plain HTTP requests that somebody else answers: bytes in, bytes out, now or later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace parley::net {

// Who may ask. kLocal: programs on this machine, not through a proxy.
enum class Access { kOff, kLocal, kAll };

struct HttpRequest {
  std::string method;
  std::string path;   // percent-decoded
  std::string query;  // as it came, without its '?'
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  // The values of a header as one list; empty without it. Names in any case.
  [[nodiscard]] std::string header(std::string_view name) const;
};

// A descriptor, closed with the last who has it.
class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

// A part of a file, sent as it is read: a piece at a time, and never by waiting for the disk.
struct FilePart {
  std::shared_ptr<const OpenFile> file;  // a plain one, for this response alone
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};

struct HttpResponse {
  unsigned status = 200;
  std::string type;  // of the body
  std::string body;  // empty: none is sent
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<FilePart> file = std::nullopt;  // in place of the body
};

// To be called at most once, on the main thread, from within Serve or any time later: whether the
// client or the server is still there is looked after.
using Respond = std::function<void(HttpResponse)>;
using Serve = std::function<void(HttpRequest, Respond)>;

// Everything under a prefix.
struct Route {
  std::string prefix;  // starts and ends with '/'
  Access access = Access::kLocal;
  std::size_t body_bytes = 64 * 1024;
  // Requests of this route that are not answered yet.
  std::size_t in_flight = 64;
  // From the request until somebody must have answered.
  base::Duration answer_timeout = std::chrono::seconds(15);
  // What is said instead where Serve is not asked, or does not answer: 411 (no length), 413 (body
  // too large), 503 (too many in flight, or no answer in time).
  std::function<HttpResponse(unsigned status)> refuse;
  Serve serve;
};

}  // namespace parley::net
