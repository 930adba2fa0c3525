#include "support/dtls_client.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace parley::test {

namespace {

struct Deleter {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(BIO_METHOD* p) const { BIO_meth_free(p); }
};

// What a BIO of ours reads from and writes to.
struct Wire {
  DtlsClient::Send send;
  std::deque<std::vector<std::uint8_t>> incoming;
};

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

BIO_METHOD* bio_method() {
  static const std::unique_ptr<BIO_METHOD, Deleter> method = [] {
    std::unique_ptr<BIO_METHOD, Deleter> m(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams of a test"));
    BIO_meth_set_create(m.get(), [](BIO* bio) {
      BIO_set_init(bio, 1);
      return 1;
    });
    BIO_meth_set_write(m.get(), [](BIO* bio, const char* data, int size) {
      wire_of(bio).send(
          {reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)});
      return size;
    });
    BIO_meth_set_read(m.get(), [](BIO* bio, char* data, int size) {
      Wire& wire = wire_of(bio);
      BIO_clear_retry_flags(bio);
      if (wire.incoming.empty()) {
        BIO_set_retry_read(bio);
        return -1;
      }
      const auto& front = wire.incoming.front();
      const auto count = std::min(front.size(), static_cast<std::size_t>(size));
      std::memcpy(data, front.data(), count);
      wire.incoming.pop_front();
      return static_cast<int>(count);
    });
    BIO_meth_set_ctrl(m.get(), [](BIO*, int command, long, void*) -> long {
      constexpr long kMtu = 1200;
      if (command == BIO_CTRL_FLUSH) return 1;
      if (command == BIO_CTRL_DGRAM_QUERY_MTU || command == BIO_CTRL_DGRAM_GET_FALLBACK_MTU)
        return kMtu;
      return 0;
    });
    return m;
  }();
  return method.get();
}

std::unique_ptr<X509, Deleter> make_certificate(EVP_PKEY* key) {
  std::unique_ptr<X509, Deleter> out(X509_new());
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -86400);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), 86400);
  X509_set_pubkey(out.get(), key);
  X509_NAME* name = X509_get_subject_name(out.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(out.get(), name);
  X509_sign(out.get(), key, EVP_sha256());
  return out;
}

}  // namespace

struct DtlsClient::State {
  Wire wire;
  std::unique_ptr<EVP_PKEY, Deleter> key;
  std::unique_ptr<X509, Deleter> certificate;
  std::unique_ptr<SSL_CTX, Deleter> context;
  std::unique_ptr<SSL, Deleter> ssl;
};

DtlsClient::DtlsClient(Send send) : state_(std::make_unique<State>()) {
  state_->wire.send = std::move(send);
  state_->key.reset(EVP_EC_gen("P-256"));
  state_->certificate = make_certificate(state_->key.get());
  state_->context.reset(SSL_CTX_new(DTLS_method()));
  SSL_CTX* context = state_->context.get();
  SSL_CTX_use_certificate(context, state_->certificate.get());
  SSL_CTX_use_PrivateKey(context, state_->key.get());
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     [](int, X509_STORE_CTX*) { return 1; });
  SSL_CTX_set_tlsext_use_srtp(context, "SRTP_AES128_CM_SHA1_80");
}

DtlsClient::~DtlsClient() = default;

std::string DtlsClient::fingerprint() const {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(state_->certificate.get(), EVP_sha256(), digest.data(), &size);
  std::string out = "sha-256 ";
  for (unsigned i = 0; i < size; ++i) {
    std::array<char, 4> text{};
    std::snprintf(text.data(), text.size(), i == 0 ? "%02X" : ":%02X", digest[i]);
    out += text.data();
  }
  return out;
}

bool DtlsClient::started() const { return state_->ssl != nullptr; }

void DtlsClient::start(bool client) {
  client_ = client;
  state_->ssl.reset(SSL_new(state_->context.get()));
  SSL* ssl = state_->ssl.get();
  BIO* bio = BIO_new(bio_method());
  BIO_set_data(bio, &state_->wire);
  SSL_set_bio(ssl, bio, bio);
  if (client)
    SSL_set_connect_state(ssl);
  else
    SSL_set_accept_state(ssl);
  step();
}

void DtlsClient::on_datagram(std::span<const std::uint8_t> datagram) {
  state_->wire.incoming.emplace_back(datagram.begin(), datagram.end());
  if (started()) step();
}

void DtlsClient::on_time() {
  if (started() && !done_) DTLSv1_handle_timeout(state_->ssl.get());
}

void DtlsClient::step() {
  SSL* ssl = state_->ssl.get();
  if (done_) {
    std::array<char, 2048> ignored{};
    while (SSL_read(ssl, ignored.data(), ignored.size()) > 0) {
    }
    return;
  }
  if (SSL_do_handshake(ssl) != 1) return;
  // RFC 5764, 4.2: both keys, then both salts; the client's first.
  std::array<unsigned char, 60> material{};
  constexpr const char* kLabel = "EXTRACTOR-dtls_srtp";
  SSL_export_keying_material(ssl, material.data(), material.size(), kLabel, std::strlen(kLabel),
                             nullptr, 0, 0);
  const auto pick = [&](std::size_t index) {
    srtp::KeyMaterial out;
    std::copy_n(material.begin() + static_cast<std::ptrdiff_t>(16 * index), 16, out.bytes.begin());
    std::copy_n(material.begin() + static_cast<std::ptrdiff_t>(32 + 14 * index), 14,
                out.bytes.begin() + 16);
    return out;
  };
  key_out_ = pick(client_ ? 0 : 1);
  key_in_ = pick(client_ ? 1 : 0);
  done_ = true;
}

}  // namespace parley::test
