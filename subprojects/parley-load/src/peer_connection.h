// A PeerConnection made for load: one UDP socket on 127.0.0.1, ICE, DTLS-SRTP, BUNDLE, rtcp-mux.
//
// Received RTP is counted by its clear-text header; only a sample of it is decrypted, so that one
// core can play a hundred participants. RTCP is spoken as a browser does: reports each second,
// NACK, PLI while no key frame was seen, transport-cc feedback each 100 ms.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "dtls.h"
#include "event_loop.h"
#include "ice_agent.h"
#include "negotiation.h"
#include "rtp.h"

namespace parley::load {

struct PeerConnectionOptions {
  unsigned sample_every = 12;  // decrypts one of so many candidates for the latency stamp
  bool send_nack = true;
  bool transport_cc = true;
  bool allow_local_addresses = false;
  bool flip_fingerprint = false;  // show one wrong digit in our own SDP
  double drop_received_pct = 0;   // video packets discarded on purpose
  double drop_sent_pct = 0;
};

struct PeerCounters {
  std::uint64_t srtp_datagrams = 0;  // whatever looked like RTP or RTCP, before any check
  std::uint64_t rtp_packets = 0;
  std::uint64_t rtp_bytes = 0;
  std::uint64_t rtcp_packets = 0;
  std::uint64_t rtx_packets = 0;
  std::uint64_t received_drops = 0;
  std::uint64_t sent_drops = 0;
  std::uint64_t retransmitted = 0;
  std::uint64_t nacks_received = 0;
  std::uint64_t key_requests_received = 0;
  std::uint64_t transport_cc_sent = 0;
  std::uint64_t send_errors = 0;
  std::uint64_t unprotect_failures = 0;
  PeerCounters& operator+=(const PeerCounters& other);
};

struct ReceivedStream {
  std::uint32_t ssrc = 0;
  Kind kind = Kind::kOther;
  bool started = false;
  std::uint32_t first = 0;  // extended sequence numbers
  std::uint32_t highest = 0;
  std::uint64_t packets = 0;
  std::uint64_t nacked = 0;
  int source = -1;  // id of the sending participant, once a stamp told
  bool key_frame_seen = false;
  std::uint64_t first_ns = 0;
  std::uint64_t key_frame_ns = 0;
  std::uint64_t last_key_request_ns = 0;
  std::uint32_t last_sr = 0;
  std::uint64_t last_sr_ns = 0;
  std::uint64_t reported_expected = 0;
  std::uint64_t reported_packets = 0;
  unsigned sample_count = 0;
  [[nodiscard]] std::uint64_t expected() const { return started ? highest - first + 1 : 0; }
};

// Single-threaded. Not destroyed inside its own callbacks.
class PeerConnection : public EventHandler {
 public:
  PeerConnection(EventLoop& loop, const DtlsIdentity& identity,
                 const PeerConnectionOptions& options, bool offering);
  ~PeerConnection() override;

  // --- session descriptions
  std::size_t add_line(Kind kind, const std::string& direction, const std::string& stream_id) {
    return negotiation_.add_line(kind, direction, stream_id);
  }
  [[nodiscard]] std::string make_offer() { return negotiation_.make_offer(); }
  void accept_answer(const std::string& sdp);
  [[nodiscard]] std::string answer(const std::string& offer, bool send_audio, bool send_video);
  void add_remote_candidate(const std::string& text);
  [[nodiscard]] std::string candidate() const { return negotiation_.candidate(); }
  [[nodiscard]] const std::vector<MediaLine>& lines() const { return negotiation_.lines(); }

  // --- media
  // False when nothing could be sent, for want of a connection or an m-line.
  bool send_media(Kind kind, std::span<const std::uint8_t> payload, bool marker,
                  std::uint32_t timestamp);
  // Forwards a payload under a ready-made fixed RTP header.
  void forward(std::span<const std::uint8_t, kRtpHeaderBytes> header,
               std::span<const std::uint8_t> payload);
  void request_key_frame(std::uint32_t ssrc);
  void tick(std::uint64_t now_ns);  // each 20 ms or so

  // --- state
  [[nodiscard]] bool connected() const { return dtls_.connected(); }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const std::string& srtp_profile() const { return dtls_.srtp_profile(); }
  [[nodiscard]] const PeerCounters& counters() const { return counters_; }
  [[nodiscard]] const std::unordered_map<std::uint32_t, ReceivedStream>& received() const {
    return received_;
  }

  std::function<void()> on_connected;
  std::function<void(const std::string&)> on_failed;
  std::function<void(const ReceivedStream&)> on_source_known;
  std::function<void(Kind, std::uint64_t latency_ns)> on_latency;
  std::function<void()> on_key_request;
  // When set, every packet is decrypted and given here.
  std::function<void(std::span<const std::uint8_t>, const ReceivedStream&)> on_plain_rtp;

  void on_events(std::uint32_t events) override;

 private:
  struct SentTrack {
    std::uint32_t ssrc = 0;
    std::uint16_t sequence = 0;
    std::uint16_t rtx_sequence = 0;
    SenderInfo info;
    std::vector<std::vector<std::uint8_t>> history;  // plain packets by sequence; video only
  };
  static constexpr std::size_t kHistory = 512;
  struct Socket {
    int fd = -1;
    std::uint16_t port = 0;
  };

  [[nodiscard]] static Socket open_socket();
  void apply_remote();
  void fail(const std::string& why);
  void send_datagram(std::span<const std::uint8_t> datagram, const sockaddr_in& to);
  void on_datagram(std::span<std::uint8_t> datagram, const sockaddr_in& from,
                   std::uint64_t arrived_ns);
  // RTP in
  void on_rtp(std::span<std::uint8_t> packet, std::uint64_t arrived_ns);
  void count_rtp(ReceivedStream& stream, std::uint16_t sequence, Kind kind);
  [[nodiscard]] bool wants_plain(ReceivedStream& stream, bool marker);
  void look_inside(ReceivedStream& stream, std::span<const std::uint8_t> packet,
                   std::uint64_t arrived_ns);
  // RTCP
  void on_rtcp(std::span<std::uint8_t> packet);
  void on_nack(std::span<const std::uint8_t> packet);
  void retransmit(const MediaLine& line, std::uint16_t sequence);
  void send_rtcp(std::vector<std::uint8_t>& packet);
  [[nodiscard]] std::uint32_t feedback_ssrc() const;
  [[nodiscard]] std::vector<std::uint8_t> feedback_about(std::uint32_t ssrc) const;
  void send_nack(ReceivedStream& stream, std::uint16_t first, int count);
  void send_reports(std::uint64_t now_ns);
  void request_missing_key_frames(std::uint64_t now_ns);
  void send_transport_cc();

  EventLoop& loop_;
  const PeerConnectionOptions& options_;
  Socket socket_;
  bool failed_ = false;
  IceAgent ice_;
  DtlsEndpoint dtls_;
  Negotiation negotiation_;
  PeerCounters counters_;
  std::array<SentTrack, kKinds> sent_;
  std::unordered_map<std::uint32_t, ReceivedStream> received_;
  std::uint16_t transport_cc_next_ = 0;
  std::vector<Arrival> arrivals_;
  std::uint8_t feedback_count_ = 0;
  std::uint64_t next_reports_ns_ = 0;
  std::uint64_t next_transport_cc_ns_ = 0;
};

}  // namespace parley::load
