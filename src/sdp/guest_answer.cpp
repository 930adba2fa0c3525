// The answers to guests' offers.
#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "sdp/formats.h"
#include "sdp/guest.h"
#include "sdp/writing.h"

namespace parley::sdp {
namespace {

// Chromium starts at 300 kbit/s otherwise; others ignore the key. In kbit/s.
constexpr std::string_view kStartBitrate = "x-google-start-bitrate=1000";

// One media stream: what of it is audio and what is video plays in step.
constexpr std::string_view kStream = "parley";

void put_head(std::string& out, const GuestMedia& media) {
  if (!media.accepted) {
    put(out, "m={}", media.head);
    put(out, "c=IN IP4 0.0.0.0");
    if (!media.mid.empty()) put(out, "a=mid:{}", media.mid);
    put(out, "a=inactive");
    return;
  }
  std::string types;
  for (const GuestFormat& format : media.formats) types += fmt::format(" {}", format.theirs);
  put(out, "m={} 9 UDP/TLS/RTP/SAVPF{}", name_of(media.kind), types);
  put(out, "c=IN IP4 0.0.0.0");
}

void put_transport(std::string& out, const GuestOffer& offer, const Transport& transport) {
  put(out, "a=rtcp-mux");
  put(out, "a=ice-ufrag:{}", transport.ufrag);
  put(out, "a=ice-pwd:{}", transport.pwd);
  put(out, "a=fingerprint:{}", write_fingerprint(transport.fingerprint));
  // The peer is the DTLS client, unless it wants to be the server (RFC 8842, 5.3).
  put(out, "a=setup:{}", offer.setup == Setup::kActive ? "passive" : "active");
}

void put_formats(std::string& out, const GuestMedia& media, bool publishes) {
  const bool has_transport_cc = std::any_of(
      media.extensions.begin(), media.extensions.end(),
      [](const GuestExtension& extension) { return extension.ours == Extension::kTransportCc; });
  for (const GuestFormat& format : media.formats) {
    put(out, "a=rtpmap:{} {}", format.theirs, format.encoding);
    std::string fmtp = format.fmtp;
    if (media.kind == base::Kind::kVideo && publishes)
      fmtp += (fmtp.empty() ? "" : ";") + std::string(kStartBitrate);
    if (!fmtp.empty()) put(out, "a=fmtp:{} {}", format.theirs, fmtp);
    for (const std::string_view feedback : format.feedback)
      put(out, "a=rtcp-fb:{} {}", format.theirs, feedback);
    if (has_transport_cc) put(out, "a=rtcp-fb:{} transport-cc", format.theirs);
  }
  for (const GuestExtension& extension : media.extensions)
    put(out, "a=extmap:{} {}", extension.theirs, extension.uri);
}

std::string bundle_of(const GuestOffer& offer) {
  std::string bundle;
  for (const GuestMedia& media : offer.media)
    if (media.accepted) bundle += " " + media.mid;
  return bundle;
}

}  // namespace

std::string write_guest_answer(const GuestOffer& offer, const Transport& transport,
                               std::uint64_t session_id, GuestSsrcs ssrcs) {
  std::string out;
  put(out, "v=0");
  // Below 2^63, as RFC 8829 (5.2.1) asks.
  put(out, "o=- {} 1 IN IP4 127.0.0.1",
      session_id & static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  put(out, "s=-");
  put(out, "t=0 0");
  put(out, "a=group:BUNDLE{}", bundle_of(offer));
  put(out, "a=ice-lite");
  put(out, "a=msid-semantic: WMS *");
  bool has_candidates = false;
  for (const GuestMedia& media : offer.media) {
    put_head(out, media);
    if (!media.accepted) continue;
    put_transport(out, offer, transport);
    if (!std::exchange(has_candidates, true)) put_candidates(out, transport);
    put(out, "a=mid:{}", media.mid);
    put(out, "a={}", offer.publishes ? "recvonly" : "sendonly");
    put_formats(out, media, offer.publishes);
    if (offer.publishes) continue;
    put(out, "a=msid:{} {}-{}", kStream, kStream, name_of(media.kind));
    put(out, "a=ssrc:{} cname:{}", media.kind == base::Kind::kAudio ? ssrcs.audio : ssrcs.video,
        kStream);
  }
  return out;
}

std::string write_guest_fragment(const GuestOffer& offer, const Transport& transport) {
  std::string out;
  put(out, "a=ice-lite");
  put(out, "a=group:BUNDLE{}", bundle_of(offer));
  for (const GuestMedia& media : offer.media) {
    if (!media.accepted) continue;
    put_head(out, media);
    put(out, "a=mid:{}", media.mid);
    put(out, "a=ice-ufrag:{}", transport.ufrag);
    put(out, "a=ice-pwd:{}", transport.pwd);
    put_candidates(out, transport);
    break;  // the others are bundled with it (RFC 9725, 4.3.2)
  }
  return out;
}

}  // namespace parley::sdp
