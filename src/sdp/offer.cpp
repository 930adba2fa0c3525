#include "sdp/offer.h"

#include <fmt/format.h>

#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include "sdp/formats.h"
#include "sdp/writing.h"

namespace parley::sdp {
namespace {

// Chromium starts at 300 kbit/s and takes seconds to climb to what one camera needs; others ignore
// the key. In kbit/s.
constexpr std::string_view kStartBitrate = "x-google-start-bitrate=1000";

std::string msid_stream(const TrackKey& key) {
  return fmt::format("s{}{}", key.stream.value, is_screen(key.source) ? "-screen" : "");
}

std::string_view direction_of(const MediaLine& line) {
  if (line.stopped || line.rejected) return "inactive";
  return line.receives ? "recvonly" : "sendonly";
}

void put_head(std::string& out, const MediaLine& line) {
  fmt::format_to(std::back_inserter(out), "m={} {} UDP/TLS/RTP/SAVPF", name_of(line.kind),
                 line.rejected ? 0 : 9);
  for (const PayloadFormat& format : payload_formats(line.kind))
    fmt::format_to(std::back_inserter(out), " {}", format.payload_type);
  out += "\r\n";
  put(out, "c=IN IP4 0.0.0.0");
}

void put_transport(std::string& out, const Transport& transport) {
  // No rtcp-rsize: whole compounds are what we send, and each line of this comes back in the
  // answer.
  put(out, "a=rtcp-mux");
  put(out, "a=ice-ufrag:{}", transport.ufrag);
  put(out, "a=ice-pwd:{}", transport.pwd);
  put(out, "a=fingerprint:{}", write_fingerprint(transport.fingerprint));
  put(out, "a=setup:actpass");
}

void put_formats(std::string& out, const MediaLine& line) {
  for (const PayloadFormat& format : payload_formats(line.kind)) {
    put(out, "a=rtpmap:{} {}", format.payload_type, format.encoding);
    std::string fmtp(format.fmtp);
    if (line.kind == base::Kind::kVideo && line.receives)
      fmtp += (fmtp.empty() ? "" : ";") + std::string(kStartBitrate);
    if (!fmtp.empty()) put(out, "a=fmtp:{} {}", format.payload_type, fmtp);
    for (const std::string_view feedback : feedback_formats(line.kind, line.receives))
      put(out, "a=rtcp-fb:{} {}", format.payload_type, feedback);
    // Where the peer sends, the router tells it what has arrived; it does not ask for the same.
    if (line.receives) put(out, "a=rtcp-fb:{} transport-cc", format.payload_type);
  }
}

void put_track(std::string& out, const TrackKey& key, std::uint32_t ssrc) {
  put(out, "a=msid:{} s{}-{}", msid_stream(key), key.stream.value, name_of(key.source));
  // One CNAME per stream: its tracks share a clock (RFC 8834, 4.9).
  put(out, "a=ssrc:{} cname:s{}", ssrc, key.stream.value);
}

}  // namespace

bool is_screen(base::Source source) {
  return source == base::Source::kScreen || source == base::Source::kScreenAudio;
}

std::string write_offer(std::uint64_t session_id, std::uint32_t version, const Transport& transport,
                        const std::vector<MediaLine>& lines) {
  std::string out;
  out.reserve(lines.size() * 1200);
  put(out, "v=0");
  // Below 2^63, as RFC 8829 (5.2.1) asks.
  put(out, "o=- {} {} IN IP4 127.0.0.1",
      session_id & static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()), version);
  put(out, "s=-");
  put(out, "t=0 0");
  std::string bundle;
  for (const MediaLine& line : lines)
    if (!line.rejected) bundle += " " + line.mid;
  put(out, "a=group:BUNDLE{}", bundle);
  put(out, "a=ice-lite");
  put(out, "a=extmap-allow-mixed");
  put(out, "a=msid-semantic: WMS *");

  bool has_candidates = false;
  for (const MediaLine& line : lines) {
    put_head(out, line);
    if (!line.rejected) put_transport(out, transport);
    if (!line.rejected && !std::exchange(has_candidates, true)) put_candidates(out, transport);
    put(out, "a=mid:{}", line.mid);
    put(out, "a={}", direction_of(line));
    put_formats(out, line);
    for (const ExtensionFormat& extension : extension_formats(line.kind))
      if (is_of_use(extension.id, line.receives))
        put(out, "a=extmap:{} {}", static_cast<int>(extension.id), extension.uri);
    if (line.track && !line.stopped && !line.rejected) put_track(out, *line.track, line.ssrc);
  }
  return out;
}

}  // namespace parley::sdp
