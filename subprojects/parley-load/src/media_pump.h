// Sends the participants' media on time: Opus each 20 ms, VP8 at 30 frames a second.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <queue>
#include <vector>

#include "negotiation.h"
#include "video_file.h"

namespace parley::load {

class Participant;

// Single-threaded.
class MediaPump {
 public:
  // `pace_us`: distance of the packets of one frame; 0 sends them in one burst.
  MediaPump(const VideoFile& video, int pace_us);

  void start(Participant& participant);  // nothing when it was started
  void stop(const Participant& participant);
  void run(std::uint64_t now_ns);  // sends what is due
  // When run() is next needed; kNever when nothing is playing.
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  [[nodiscard]] std::uint64_t next_ns() const;

 private:
  struct Due {
    std::uint64_t at_ns;
    int id;  // of the participant
    Kind kind;
    bool operator<(const Due& other) const { return at_ns > other.at_ns; }  // earliest on top
  };
  struct Paced {
    std::uint64_t at_ns;
    int id;
    std::vector<std::uint8_t> payload;
    bool last;
    std::uint32_t timestamp;
    bool operator<(const Paced& other) const { return at_ns > other.at_ns; }
  };

  void send_audio(Participant& participant);
  void send_frame(Participant& participant, std::uint64_t now_ns);
  void send_video(Participant& participant, std::vector<std::uint8_t>& payload, bool last,
                  std::uint32_t timestamp);

  const VideoFile& video_;
  std::uint64_t pace_ns_;
  std::array<std::uint8_t, 4096> noise_{};  // stands for compressed speech
  std::map<int, Participant*> playing_;
  std::priority_queue<Due> due_;
  std::priority_queue<Paced> paced_;
};

}  // namespace parley::load
