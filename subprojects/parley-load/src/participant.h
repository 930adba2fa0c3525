// One simulated participant: its signalling connection, its PeerConnections, what it has seen.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base.h"
#include "driver.h"
#include "peer_connection.h"
#include "web_socket.h"

namespace parley::load {

class Participant;
struct Options;

struct Room {
  int number = 0;
  std::string name;
  std::vector<Participant*> members;  // those taking part now
  std::vector<std::string> invited;   // names of all who ever will
  std::string call_id;                // of the drivers that need one
  std::uint64_t opened_ns = 0;
};

// Where the participant stands in its own media.
struct MediaPosition {
  std::size_t frame = 0;
  std::uint16_t picture_id = 0;
  std::uint32_t audio_timestamp = 0;
  std::uint32_t video_timestamp = 0;
  std::uint64_t last_key_frame_ns = 0;
  bool key_frame_wanted = true;
  std::uint64_t audio_packets = 0;
  std::uint64_t video_packets = 0;
};

// Single-threaded. Destroyed only between two turns of the event loop.
class Participant {
 public:
  struct Part {  // its part in the play
    int id = 0;
    int index = 0;  // in the room; 0 opens the call
    std::string name;
    bool publishes = true;
    bool views = true;
    bool shows_wrong_fingerprint = false;
  };
  Participant(EventLoop& loop, const DtlsIdentity& identity, const Options& options, Part part,
              Room& room, std::string token);

  void join();
  void leave();  // says good-bye; what comes later is no failure
  void tick(std::uint64_t now_ns);

  // --- for drivers
  PeerConnection& new_connection(bool offering);
  void publish_on(PeerConnection& connection) { publisher_ = &connection; }
  void send(const std::string& text) { socket_.send_text(text); }
  void fail(const std::string& why);
  void media_refused(const std::string& why);        // the server failed this one's media
  void mark_join() { joined_ns_ = monotonic_ns(); }  // set-up times count from here
  void mark_online() { online_ = true; }
  [[nodiscard]] const Part& part() const { return part_; }
  [[nodiscard]] Room& room() const { return room_; }
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] bool online() const { return online_; }

  // --- for the stage
  [[nodiscard]] bool started() const { return joined_ns_ != 0; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] bool can_send() const {
    return publisher_ != nullptr && publisher_->connected() && !leaving_;
  }
  [[nodiscard]] PeerConnection* publisher() { return publisher_; }
  [[nodiscard]] const std::vector<std::unique_ptr<PeerConnection>>& connections() const {
    return connections_;
  }
  [[nodiscard]] std::uint64_t joined_ns() const { return joined_ns_; }
  [[nodiscard]] std::uint64_t connected_ns() const { return connected_ns_; }
  // When the first packet of (participant, kind) arrived.
  [[nodiscard]] const std::map<std::pair<int, Kind>, std::uint64_t>& first_media() const {
    return first_media_;
  }
  [[nodiscard]] bool has_media_of(int sender) const;
  [[nodiscard]] bool has_key_frame_of(int sender) const;
  MediaPosition media;
  std::function<void(Kind, std::uint64_t latency_ns)> on_latency;

 private:
  EventLoop& loop_;
  const DtlsIdentity& identity_;
  const Options& options_;
  PeerConnectionOptions peer_options_;
  Part part_;
  Room& room_;
  std::string token_;
  bool online_ = false;
  bool failed_ = false;
  bool leaving_ = false;
  std::string error_;
  std::string refusal_;
  std::uint64_t joined_ns_ = 0;
  std::uint64_t connected_ns_ = 0;
  std::map<std::pair<int, Kind>, std::uint64_t> first_media_;
  std::vector<std::unique_ptr<PeerConnection>> connections_;
  PeerConnection* publisher_ = nullptr;
  std::unique_ptr<Driver> driver_;
  WebSocket socket_;
};

}  // namespace parley::load
