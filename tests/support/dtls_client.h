// DTLS 1.2 with use_srtp over datagrams that somebody else carries, on OpenSSL. One end of a test.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "srtp/session.h"

namespace parley::test {

class DtlsClient {
 public:
  using Send = std::function<void(std::span<const std::uint8_t>)>;

  explicit DtlsClient(Send send);
  ~DtlsClient();
  DtlsClient(const DtlsClient&) = delete;
  DtlsClient& operator=(const DtlsClient&) = delete;

  // Of our certificate, as in a=fingerprint: "sha-256 AB:CD:…".
  [[nodiscard]] std::string fingerprint() const;

  // `client`: sends the ClientHello now; otherwise waits for one.
  void start(bool client);
  void on_datagram(std::span<const std::uint8_t> datagram);
  void on_time();  // sends again what was lost
  [[nodiscard]] bool started() const;
  [[nodiscard]] bool done() const { return done_; }

  // Once done.
  [[nodiscard]] srtp::KeyMaterial key_in() const { return key_in_; }
  [[nodiscard]] srtp::KeyMaterial key_out() const { return key_out_; }

 private:
  struct State;
  void step();
  std::unique_ptr<State> state_;
  bool done_ = false;
  bool client_ = true;
  srtp::KeyMaterial key_in_;
  srtp::KeyMaterial key_out_;
};

}  // namespace parley::test
