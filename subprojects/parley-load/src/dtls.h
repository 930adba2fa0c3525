// DTLS-SRTP (RFC 5764) over somebody else's datagram socket, and the SRTP sessions it keys.
#pragma once

#include <openssl/ssl.h>
#include <srtp2/srtp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace parley::load {

enum class SrtpChoice { kBoth, kCm, kGcm };  // kBoth prefers AES-GCM, as Chromium does

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// Our certificate: made once, shown by every connection of the process. Immutable.
class DtlsIdentity {
 public:
  explicit DtlsIdentity(SrtpChoice srtp);
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }  // SHA-256
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  std::unique_ptr<SSL_CTX, SslContextFree> context_;
  std::string fingerprint_;
};

// One direction of SRTP and SRTCP. Single-threaded.
class SrtpSession {
 public:
  SrtpSession() = default;
  SrtpSession(const SrtpSession&) = delete;
  SrtpSession& operator=(const SrtpSession&) = delete;
  ~SrtpSession();

  // `key` is the master key and salt. False when libsrtp refuses it.
  [[nodiscard]] bool open(bool gcm, bool inbound, std::span<std::uint8_t> key);
  [[nodiscard]] bool is_open() const { return session_ != nullptr; }

  // In place; `size` becomes the new size. A protected packet grows by at most kMaxGrowth.
  static constexpr int kMaxGrowth = 32;
  [[nodiscard]] bool protect(std::uint8_t* packet, int& size);
  [[nodiscard]] bool protect_rtcp(std::uint8_t* packet, int& size);
  [[nodiscard]] bool unprotect(std::uint8_t* packet, int& size);
  [[nodiscard]] bool unprotect_rtcp(std::uint8_t* packet, int& size);

 private:
  srtp_t session_ = nullptr;
};

// Single-threaded. Says `on_connected` or `on_failed` once each.
class DtlsEndpoint {
 public:
  using Send = std::function<void(std::span<const std::uint8_t>)>;
  DtlsEndpoint(const DtlsIdentity& identity, Send send);

  std::function<void()> on_connected;
  std::function<void(const std::string&)> on_failed;

  // `remote_fingerprint`: "AB:CD…", which the peer's certificate must have. Later calls do nothing.
  void start(bool active, const std::string& remote_fingerprint);
  void on_datagram(std::span<const std::uint8_t> datagram);
  void tick();  // retransmissions

  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] const std::string& srtp_profile() const { return profile_; }
  SrtpSession outbound;
  SrtpSession inbound;

 private:
  friend int bio_write(BIO* bio, const char* data, int size);
  void pump();
  [[nodiscard]] std::string open_srtp();  // empty, or what went wrong
  void fail(const std::string& why);

  const DtlsIdentity& identity_;
  Send send_;
  std::unique_ptr<SSL, SslFree> ssl_;
  BIO* incoming_ = nullptr;  // owned by ssl_
  bool active_ = false;
  bool connected_ = false;
  bool failed_ = false;
  std::string remote_fingerprint_;
  std::string profile_;
};

}  // namespace parley::load
