// What the packet path costs, without sockets: ns per protected and unprotected packet, ours and
// libsrtp2's, and ns per forwarded packet of the router. CPU time of the thread, best of several
// rounds: the machine may be busy with other things.

#include <srtp2/srtp.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "router/outbox.h"
#include "router/router.h"
#include "rtp/bytes.h"
#include "srtp/session.h"

namespace {

using namespace parley;  // NOLINT(google-build-using-namespace)
using Bytes = std::vector<std::uint8_t>;

constexpr int kRounds = 15;
constexpr std::uint8_t kVideo = 96;

void must(bool good) {
  if (good) return;
  std::fputs("a packet was refused\n", stderr);
  std::exit(1);
}

double cpu_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Lowest ns per unit of `round`, which does `units` of them; `prepare` is not timed.
double best_ns(int units, const std::function<void()>& prepare,
               const std::function<void()>& round) {
  double best = 1e18;
  for (int i = 0; i < kRounds; ++i) {
    prepare();
    const double start = cpu_ns();
    round();
    best = std::min(best, (cpu_ns() - start) / units);
  }
  return best;
}

srtp::KeyMaterial key_of(srtp::Profile profile, std::uint64_t leg) {
  srtp::KeyMaterial key{profile, {}};
  for (std::size_t i = 0; i < key.bytes.size(); ++i)
    key.bytes[i] = static_cast<std::uint8_t>(leg * 31 + i);
  return key;
}

Bytes packet_of(std::size_t payload, std::uint32_t ssrc) {
  Bytes p(12 + payload, 0x11);
  p[0] = 0x80;
  p[1] = kVideo;
  p[12] = 0x10;  // VP8: first packet …
  p[13] = 0x00;  // … of a key frame
  rtp::store32(&p[8], ssrc);
  return p;
}

void number(Bytes& packet, std::uint32_t n) {
  rtp::store16(&packet[2], static_cast<std::uint16_t>(n));
  rtp::store32(&packet[4], 3000 * n);
}

void crypto(srtp::Profile profile, const char* name, std::size_t payload) {
  constexpr int kPackets = 4000;
  auto out = *srtp::Outbound::create(key_of(profile, 1));
  auto in = *srtp::Inbound::create(key_of(profile, 1));
  std::vector<Bytes> sealed(kPackets, Bytes(payload + 12 + srtp::kMaxRtpOverhead));
  Bytes plain = packet_of(payload, 7);
  std::uint32_t n = 0;
  const auto protect_all = [&] {
    for (Bytes& datagram : sealed) {
      number(plain, n++);
      datagram.resize(payload + 12 + srtp::kMaxRtpOverhead);
      datagram.resize(out.protect(plain, datagram.data()));
      must(!datagram.empty());
    }
  };
  const double protect = best_ns(
      kPackets, [] {}, protect_all);
  in = *srtp::Inbound::create(key_of(profile, 1));
  n = 0;
  out = *srtp::Outbound::create(key_of(profile, 1));
  const double unprotect = best_ns(kPackets, protect_all, [&] {
    for (Bytes& datagram : sealed) must(in.unprotect(datagram).has_value());
  });
  std::printf("%-9s %5zu B   protect %6.0f ns   unprotect %6.0f ns\n", name, payload, protect,
              unprotect);
}

void libsrtp(std::size_t payload) {
  constexpr int kPackets = 500;
  srtp::KeyMaterial key = key_of(srtp::Profile::kAes128CmSha1_80, 1);
  const auto session = [&](bool outbound) {
    srtp_policy_t policy{};
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = key.bytes.data();
    policy.window_size = 1024;
    srtp_t made = nullptr;
    must(srtp_create(&made, &policy) == srtp_err_status_ok);
    return made;
  };
  srtp_t out = session(true);
  srtp_t in = session(false);
  std::vector<Bytes> sealed(kPackets, Bytes(payload + 200));
  Bytes plain = packet_of(payload, 7);
  std::uint32_t n = 0;
  int bytes = 0;
  const auto protect_all = [&] {
    for (Bytes& datagram : sealed) {
      number(plain, n++);
      std::copy(plain.begin(), plain.end(), datagram.begin());
      bytes = static_cast<int>(plain.size());
      must(srtp_protect(out, datagram.data(), &bytes) == srtp_err_status_ok);
    }
  };
  const double protect = best_ns(
      kPackets, [] {}, protect_all);
  srtp_dealloc(out);
  out = session(true);
  n = 0;
  const double unprotect = best_ns(kPackets, protect_all, [&] {
    for (Bytes& datagram : sealed) {
      int size = bytes;
      must(srtp_unprotect(in, datagram.data(), &size) == srtp_err_status_ok);
    }
  });
  std::printf("%-9s %5zu B   protect %6.0f ns   unprotect %6.0f ns\n", "libsrtp2", payload, protect,
              unprotect);
  srtp_dealloc(out);
  srtp_dealloc(in);
}

// ns per packet that leaves, decryption of the one that came in included.
void fan_out(int receivers, std::size_t payload) {
  constexpr int kPackets = 400;
  constexpr int kBatch = 16;  // datagrams that one recvmmsg brings, roughly
  constexpr std::uint32_t kSsrc = 42;
  constexpr auto kProfile = srtp::Profile::kAes128CmSha1_80;
  router::Outbox box(4096);
  router::Router router(box);
  box.on_full([](router::Outbox& full) { full.clear(); });
  router.set_codec(kVideo, rtp::Codec::kVp8);
  const auto add = [&](std::uint64_t leg) {
    router.add_leg({leg});
    router.open_gate({leg}, *srtp::Inbound::create(key_of(kProfile, leg)),
                     *srtp::Outbound::create(key_of(kProfile, leg + 1000)));
  };
  add(0);
  router.set_incoming({0}, {{base::Source::kCamera, "01", {kSsrc}}});
  router.feed({1}, base::LegId{0});
  for (std::uint64_t leg = 1; leg <= static_cast<std::uint64_t>(receivers); ++leg) {
    add(leg);
    router.set_outgoing({leg}, {{{1},
                                 base::Source::kCamera,
                                 static_cast<std::uint32_t>(1000 + leg),
                                 {'a', 'b'},
                                 {kVideo},
                                 {1, 2, 3}}});
  }
  auto browser = *srtp::Outbound::create(key_of(kProfile, 0));
  Bytes plain = packet_of(payload, kSsrc);
  std::vector<Bytes> batch(kPackets, Bytes(payload + 12 + srtp::kMaxRtpOverhead));
  std::uint32_t n = 0;
  base::TimePoint now{std::chrono::seconds(1)};
  const double ns = best_ns(
      kPackets * receivers,
      [&] {
        for (Bytes& datagram : batch) {
          number(plain, n++);
          datagram.resize(payload + 12 + srtp::kMaxRtpOverhead);
          datagram.resize(browser.protect(plain, datagram.data()));
        }
      },
      [&] {
        int i = 0;
        for (Bytes& datagram : batch) {
          must(router.on_datagram({0}, datagram, now));
          if (++i % kBatch == 0) box.clear();
        }
        now += std::chrono::milliseconds(10);
      });
  must(router.stats().packets_out == static_cast<std::uint64_t>(kRounds) * kPackets * receivers);
  std::printf("router    %5zu B   1 to %-3d %6.0f ns per packet out\n", payload, receivers, ns);
}

}  // namespace

int main() {
  must(srtp_init() == srtp_err_status_ok);
  for (const std::size_t payload : {100U, 1200U}) {
    crypto(srtp::Profile::kAes128CmSha1_80, "AES-CM", payload);
    crypto(srtp::Profile::kAeadAes128Gcm, "AES-GCM", payload);
    libsrtp(payload);
    fan_out(1, payload);
    fan_out(8, payload);
    fan_out(50, payload);
  }
  return 0;
}
