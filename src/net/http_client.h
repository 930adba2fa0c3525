// Sends POST requests to one other server, for people who must not wait: everything is bounded.
//
// No redirect is followed, no cookie kept, no password given; certificates are verified. Of the
// answer only the status counts.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace parley::net {

struct HttpClientConfig {
  // From the beginning of a request to the last byte of its answer.
  base::Duration timeout = std::chrono::seconds(10);
  std::size_t connections = 4;
  // Of the body of an answer so much is read, to use the connection again; of a longer one no more.
  std::size_t answer_bytes = 16UL * 1024;
  std::string ca_file;  // PEM: authorities believed instead of the system's; empty: the system's
  std::string user_agent;
};

struct HttpAnswer {
  unsigned status = 0;
  std::chrono::seconds retry_after{0};  // 0: not said
};

// Main thread only.
class HttpClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;
  // The error is kUnavailable: no address, no connection, no valid certificate, or not in time; it
  // never says the URL.
  using Done = std::function<void(base::Result<HttpAnswer>)>;

  // kInvalid: a ca_file that cannot be used.
  [[nodiscard]] static base::Result<std::unique_ptr<HttpClient>> create(
      const HttpClientConfig& config);
  // What is under way is dropped, and its Done not called.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `done` is called from the main loop, never from within.
  void post(const std::string& url, const Headers& headers, const std::string& type,
            const std::string& body, Done done);

  [[nodiscard]] std::size_t under_way() const;

 private:
  class Impl;
  explicit HttpClient(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

// An http or https URL with a host, and without user, password or fragment.
[[nodiscard]] bool is_http_url(const std::string& text);
// Whether what is sent there leaves this machine unencrypted.
[[nodiscard]] bool is_plain_beyond_loopback(const std::string& url);
// For logs: scheme, host and port. Path and query may hold secrets.
[[nodiscard]] std::string redacted(const std::string& url);

}  // namespace parley::net
