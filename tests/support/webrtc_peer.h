// A browser's side of a leg, small and scripted: answers offers, does ICE as the controlling agent,
// DTLS and SRTP, over a UDP socket of its own. Driven by poll(); no threads.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/source.h"
#include "srtp/session.h"
#include "support/dtls_client.h"

namespace parley::test {

struct PeerOptions {
  bool v6 = false;
  bool publishes = true;          // answers base m-lines with media of its own
  bool dtls_active = true;        // a=setup of its answers
  bool flip_fingerprint = false;  // announces a certificate with one digit changed
};

// A decrypted RTP packet as it came.
struct HeardPacket {
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::vector<std::uint8_t> payload;
  std::chrono::steady_clock::time_point at;
};

class WebRtcPeer {
 public:
  explicit WebRtcPeer(PeerOptions options);
  ~WebRtcPeer();
  WebRtcPeer(const WebRtcPeer&) = delete;
  WebRtcPeer& operator=(const WebRtcPeer&) = delete;

  // Takes an offer in: where to send ICE checks, and by which credentials.
  void take_offer(const std::string& sdp);
  // The answer to the offer taken last.
  [[nodiscard]] std::string answer();

  // Waits at most `wait` for a datagram, then does all that is due.
  void poll(std::chrono::milliseconds wait);
  // Nothing to do for that long.
  static void idle(std::chrono::milliseconds time);
  [[nodiscard]] bool ice_connected() const { return connected_; }
  [[nodiscard]] bool dtls_connected() const { return dtls_->done(); }
  // Stops (and starts) ICE checks.
  void set_checking(bool on) { checking_ = on; }
  // Goes on from another port, as after a change of network.
  void move_to_new_socket();
  // Whether its checks nominate the path they go by.
  void set_nominating(bool on) { nominating_ = on; }
  // Successful responses to checks that used the credentials of the offer taken last.
  [[nodiscard]] int good_checks() const { return good_checks_; }

  // One packet of Opus (mid 00), or of VP8 (mid 01) which is a whole key frame.
  void send_audio(std::uint8_t mark);
  void send_video(std::uint8_t mark);
  // One that is not a key frame.
  void send_video_delta(std::uint8_t mark);
  // Several packets of one size in one go.
  void send_video_burst(std::uint8_t mark, int packets);

  // A payload that somebody else has made, as a packet of its audio or video.
  void send_payload(base::Kind kind, std::uint32_t timestamp, bool marker,
                    std::span<const std::uint8_t> payload);
  // What its clock said at `timestamp` (RFC 3550, 6.4.1).
  void send_report(base::Kind kind, std::uint64_t ntp, std::uint32_t timestamp);
  // So many of a thousand of its media datagrams are lost on their way; the same at each run. Those
  // that are asked for again (generic NACK, RFC 4585, 6.2.1) are sent again.
  void set_loss_per_mille(unsigned loss) { loss_per_mille_ = loss; }

  [[nodiscard]] const std::vector<HeardPacket>& heard() const { return heard_; }
  // Packets heard of a track with that payload type.
  [[nodiscard]] std::size_t heard_of(std::uint8_t payload_type) const;
  void forget_heard() { heard_.clear(); }
  [[nodiscard]] int resent() const { return resent_; }
  [[nodiscard]] int key_frame_requests() const { return key_frame_requests_; }
  // Datagrams of any kind that were neither STUN nor DTLS.
  [[nodiscard]] int media_datagrams() const { return media_datagrams_; }
  [[nodiscard]] int undecryptable() const { return undecryptable_; }

 private:
  struct Line {
    std::string kind;
    std::string mid;
    std::string direction;
    std::vector<std::string> formats;
    bool rejected = false;
  };
  void open_socket();
  void send_datagram(std::span<const std::uint8_t> datagram) const;
  void send_check();
  void on_datagram(std::span<std::uint8_t> datagram);
  void on_stun(std::span<const std::uint8_t> datagram);
  void on_media(std::span<std::uint8_t> datagram);
  void on_rtcp(std::span<const std::uint8_t> packet);
  void send_rtp(std::uint8_t payload_type, std::uint32_t ssrc, char mid_last,
                std::span<const std::uint8_t> payload);
  void send_rtp(std::uint8_t payload_type, bool marker, std::uint32_t timestamp, std::uint32_t ssrc,
                char mid_last, std::span<const std::uint8_t> payload);
  void resend(std::uint32_t ssrc, std::uint16_t sequence);
  void send_lossy(std::span<const std::uint8_t> datagram);
  void send_frame(std::uint8_t mark, int packets, bool key);
  void start_srtp();

  PeerOptions options_;
  int fd_ = -1;
  std::unique_ptr<DtlsClient> dtls_;
  std::optional<srtp::Inbound> in_;
  std::optional<srtp::Outbound> out_;

  // Of the offer.
  std::vector<Line> lines_;
  std::string bundle_;
  std::string remote_ufrag_;
  std::string remote_pwd_;
  std::uint16_t remote_port_ = 0;

  std::string ufrag_;
  std::string pwd_;
  bool checking_ = true;
  bool nominating_ = true;
  bool connected_ = false;
  int good_checks_ = 0;
  std::chrono::steady_clock::time_point next_check_;
  std::map<std::uint32_t, std::uint16_t> sequence_;
  // The newest of each SSRC, as they were sent, by the low bits of their numbers.
  std::map<std::uint32_t, std::array<std::vector<std::uint8_t>, 256>> sent_;
  std::uint32_t timestamp_ = 0;
  std::uint32_t audio_ssrc_ = 0;
  std::uint32_t video_ssrc_ = 0;
  std::uint16_t picture_ = 0;
  unsigned loss_per_mille_ = 0;
  std::minstd_rand dice_;
  std::vector<HeardPacket> heard_;
  int key_frame_requests_ = 0;
  int resent_ = 0;
  int media_datagrams_ = 0;
  int undecryptable_ = 0;
};

}  // namespace parley::test
