// All rooms and participants of a run, and the turn of the event loop that plays them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "event_loop.h"
#include "media_pump.h"
#include "options.h"
#include "participant.h"
#include "token_source.h"

namespace parley::load {

struct Streams {  // of those a viewer should receive
  std::size_t expected = 0;
  std::size_t arrived = 0;
  std::size_t without_key_frame = 0;
  [[nodiscard]] bool complete() const { return arrived == expected && without_key_frame == 0; }
};

// Single-threaded.
class Stage {
 public:
  Stage(const Options& options, const DtlsIdentity& identity, const VideoFile& video);

  Room& add_room();
  // Who will take part in the room, now or later; the call is opened to all of them.
  [[nodiscard]] std::string invite(Room& room, int index);
  // Takes its place and joins when its turn comes; null, with the reason logged, without a token.
  Participant* add(Room& room, int index, bool shows_wrong_fingerprint = false);
  // Leaves, waits for the good-byes to go out, and is destroyed.
  void remove(Participant& participant);
  void close();  // everybody leaves

  // Plays until `done` (asked each 20 ms). False on time-out or interruption.
  using Condition = std::function<bool()>;
  [[nodiscard]] bool run_until(const Condition& done, double timeout_s);
  void run_for(double seconds);
  // As run_until, for everybody's media; also ends when somebody fails.
  [[nodiscard]] bool wait_for_media(double timeout_s);

  [[nodiscard]] Streams streams() const;
  [[nodiscard]] Streams streams_of(const Participant& viewer) const;
  [[nodiscard]] bool anybody_failed() const;
  [[nodiscard]] static bool interrupted();
  static void interrupt();  // async-signal-safe
  // What is measured is enough, whatever its planned duration.
  [[nodiscard]] static bool measured_enough();
  static void end_measuring();  // async-signal-safe
  [[nodiscard]] const std::map<int, std::unique_ptr<Participant>>& participants() const {
    return participants_;
  }
  [[nodiscard]] std::deque<Room>& rooms() { return rooms_; }

  std::function<void(Kind, std::uint64_t latency_ns)> on_latency;

 private:
  void turn(bool& ticked);
  void tick(std::uint64_t now_ns);

  const Options& options_;
  const DtlsIdentity& identity_;
  EventLoop loop_;
  TokenSource tokens_;
  MediaPump pump_;
  std::deque<Room> rooms_;  // a deque: participants hold references
  std::map<int, std::unique_ptr<Participant>> participants_;  // by id
  std::deque<Participant*> waiting_;                          // to join
  int next_id_ = 0;
  int room_base_;
  std::uint64_t next_join_ns_ = 0;
  std::uint64_t next_tick_ns_ = 0;
};

}  // namespace parley::load
