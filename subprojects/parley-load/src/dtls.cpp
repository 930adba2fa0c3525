#include "dtls.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>
#include <strings.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base.h"

namespace parley::load {
namespace {

constexpr int kMtuBytes = 1200;  // as browsers
constexpr std::size_t kMasterKeyBytes = 16;
constexpr long kCertificateDays = 30;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "OpenSSL cannot %s; is the library complete?\n", what);
  std::abort();
}

std::string fingerprint_of(const X509* certificate) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  std::string text;
  for (unsigned i = 0; i < size; i++) {
    std::array<char, 4> hex{};
    std::snprintf(hex.data(), hex.size(), i > 0 ? ":%02X" : "%02X", unsigned{digest[i]});
    text += hex.data();
  }
  return text;
}

// A P-256 key with a self-signed certificate, as browsers make. Returns its fingerprint.
std::string install_certificate(SSL_CTX* context) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  if (!key || !certificate) die("make a P-256 certificate");
  X509* x = certificate.get();
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), static_cast<long>(random_u32() >> 1));
  X509_gmtime_adj(X509_getm_notBefore(x), -86400);
  X509_gmtime_adj(X509_getm_notAfter(x), kCertificateDays * 86400);
  X509_set_pubkey(x, key.get());
  X509_NAME* name = X509_get_subject_name(x);
  constexpr std::array<std::uint8_t, 6> kCommonName{'W', 'e', 'b', 'R', 'T', 'C'};
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, kCommonName.data(),
                             static_cast<int>(kCommonName.size()), -1, 0);
  X509_set_issuer_name(x, name);
  if (X509_sign(x, key.get(), EVP_sha256()) == 0) die("sign a certificate");
  SSL_CTX_use_certificate(context, x);
  SSL_CTX_use_PrivateKey(context, key.get());
  return fingerprint_of(x);
}

const char* profiles_of(SrtpChoice choice) {
  switch (choice) {
    case SrtpChoice::kCm:
      return "SRTP_AES128_CM_SHA1_80";
    case SrtpChoice::kGcm:
      return "SRTP_AEAD_AES_128_GCM";
    case SrtpChoice::kBoth:
      break;
  }
  return "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
}

long bio_control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_DGRAM_QUERY_MTU || command == BIO_CTRL_DGRAM_GET_FALLBACK_MTU) {
    return kMtuBytes;
  }
  return 0;
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

// First retransmission after 50 ms, then doubling up to 2 s: as Chromium.
unsigned retransmission_us(SSL* /*ssl*/, unsigned last_us) {
  return last_us == 0 ? 50'000U : std::min(last_us * 2, 2'000'000U);
}

}  // namespace

int bio_write(BIO* bio, const char* data, int size) {
  auto* self = static_cast<DtlsEndpoint*>(BIO_get_data(bio));
  self->send_({reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)});
  return size;
}

namespace {

BIO_METHOD* outgoing_method() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_control);
    BIO_meth_set_create(m, bio_create);
    return m;
  }();
  return method;
}

}  // namespace

DtlsIdentity::DtlsIdentity(SrtpChoice srtp) : context_(SSL_CTX_new(DTLS_method())) {
  if (!context_) die("make a DTLS context");
  if (srtp_init() != srtp_err_status_ok) die("start libsrtp");
  SSL_CTX* context = context_.get();
  SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION);
  fingerprint_ = install_certificate(context);
  // Any certificate passes here: the fingerprint is what is checked (RFC 8122).
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     [](int, X509_STORE_CTX*) { return 1; });
  if (SSL_CTX_set_tlsext_use_srtp(context, profiles_of(srtp)) != 0) die("offer SRTP profiles");
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_quiet_shutdown(context, 1);
}

SrtpSession::~SrtpSession() {
  if (session_ != nullptr) srtp_dealloc(session_);
}

bool SrtpSession::open(bool gcm, bool inbound, std::span<std::uint8_t> key) {
  srtp_policy_t policy{};
  if (gcm) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
  } else {
    srtp_crypto_policy_set_rtp_default(&policy.rtp);
    srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
  }
  policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
  policy.key = key.data();
  policy.window_size = 4096;  // only samples are unprotected: gaps are wide
  policy.allow_repeat_tx = 1;
  return srtp_create(&session_, &policy) == srtp_err_status_ok;
}

bool SrtpSession::protect(std::uint8_t* packet, int& size) {
  return srtp_protect(session_, packet, &size) == srtp_err_status_ok;
}
bool SrtpSession::protect_rtcp(std::uint8_t* packet, int& size) {
  return srtp_protect_rtcp(session_, packet, &size) == srtp_err_status_ok;
}
bool SrtpSession::unprotect(std::uint8_t* packet, int& size) {
  return srtp_unprotect(session_, packet, &size) == srtp_err_status_ok;
}
bool SrtpSession::unprotect_rtcp(std::uint8_t* packet, int& size) {
  return srtp_unprotect_rtcp(session_, packet, &size) == srtp_err_status_ok;
}

DtlsEndpoint::DtlsEndpoint(const DtlsIdentity& identity, Send send)
    : identity_(identity), send_(std::move(send)) {}

void DtlsEndpoint::start(bool active, const std::string& remote_fingerprint) {
  if (ssl_) return;
  active_ = active;
  remote_fingerprint_ = remote_fingerprint;
  ssl_.reset(SSL_new(identity_.context()));
  incoming_ = BIO_new(BIO_s_mem());
  BIO* outgoing = BIO_new(outgoing_method());
  if (!ssl_ || incoming_ == nullptr || outgoing == nullptr) die("make a connection");
  BIO_set_mem_eof_return(incoming_, -1);
  BIO_set_data(outgoing, this);
  SSL* ssl = ssl_.get();
  SSL_set_bio(ssl, incoming_, outgoing);
  SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
  DTLS_set_timer_cb(ssl, retransmission_us);
  SSL_set_mtu(ssl, kMtuBytes);
  DTLS_set_link_mtu(ssl, kMtuBytes);
  if (active_) {
    SSL_set_connect_state(ssl);
    pump();
  } else {
    SSL_set_accept_state(ssl);
  }
}

void DtlsEndpoint::on_datagram(std::span<const std::uint8_t> datagram) {
  if (!ssl_ || failed_) return;
  BIO_write(incoming_, datagram.data(), static_cast<int>(datagram.size()));
  pump();
}

void DtlsEndpoint::tick() {
  if (!ssl_ || connected_ || failed_) return;
  timeval left{};
  if (DTLSv1_get_timeout(ssl_.get(), &left) == 0 || left.tv_sec != 0 || left.tv_usec != 0) return;
  DTLSv1_handle_timeout(ssl_.get());
  pump();
}

void DtlsEndpoint::fail(const std::string& why) {
  if (failed_) return;
  failed_ = true;
  if (on_failed) on_failed(why);
}

void DtlsEndpoint::pump() {
  SSL* ssl = ssl_.get();
  ERR_clear_error();
  if (!connected_) {
    const int result = SSL_do_handshake(ssl);
    if (result != 1) {
      const int error = SSL_get_error(ssl, result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
      std::array<char, 200> text{};
      ERR_error_string_n(ERR_get_error(), text.data(), text.size());
      fail(std::string("the DTLS handshake failed: ") + text.data());
      return;
    }
    if (const std::string why = open_srtp(); !why.empty()) {
      fail(why);
      return;
    }
    connected_ = true;
    if (on_connected) on_connected();
  }
  std::array<std::uint8_t, 2048> data{};
  const int result = SSL_read(ssl, data.data(), static_cast<int>(data.size()));
  if (result <= 0 && (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0) {
    fail("the server closed DTLS");
  }
}

std::string DtlsEndpoint::open_srtp() {
  SSL* ssl = ssl_.get();
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl),
                                                                X509_free);
  const std::string shown = certificate ? fingerprint_of(certificate.get()) : "";
  if (strcasecmp(shown.c_str(), remote_fingerprint_.c_str()) != 0) {
    return "DTLS fingerprint mismatch: the SDP says " + remote_fingerprint_ +
           ", the certificate has " + shown;
  }
  const SRTP_PROTECTION_PROFILE* chosen = SSL_get_selected_srtp_profile(ssl);
  if (chosen == nullptr) return "no SRTP profile in common; see --srtp";
  profile_ = chosen->name;
  const bool gcm = chosen->id == SRTP_AEAD_AES_128_GCM;
  const std::size_t salt = gcm ? 12 : 14;
  // client key, server key, client salt, server salt (RFC 5764, 4.2)
  std::array<std::uint8_t, 64> material{};
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  if (SSL_export_keying_material(ssl, material.data(), 2 * (kMasterKeyBytes + salt), kLabel.data(),
                                 kLabel.size(), nullptr, 0, 0) != 1) {
    return "DTLS gave no SRTP keys";
  }
  std::array<std::array<std::uint8_t, 32>, 2> keys{};
  for (std::size_t i = 0; i < 2; i++) {
    std::memcpy(keys[i].data(), &material[i * kMasterKeyBytes], kMasterKeyBytes);
    std::memcpy(&keys[i][kMasterKeyBytes], &material[2 * kMasterKeyBytes + i * salt], salt);
  }
  const std::size_t own = active_ ? 0 : 1;
  if (!outbound.open(gcm, false, keys[own]) || !inbound.open(gcm, true, keys[1 - own])) {
    return "libsrtp refused the keys";
  }
  return {};
}

}  // namespace parley::load
