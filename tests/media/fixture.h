// A media worker with peers of its own, driven from one thread: what it says is done at once, and
// tests wait for what must become true, never for time to pass.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "media/worker.h"
#include "support/webrtc_peer.h"

namespace parley::test {

// One participant: a leg, the stream it feeds, and the peer at its other end.
struct Member {
  base::LegId leg;
  base::StreamId stream;
  std::string owner;
  std::unique_ptr<WebRtcPeer> peer;
  bool answers = true;  // at once, each offer that comes
  std::vector<media::Offered> offers;
  std::vector<media::Verdict> verdicts;
  std::vector<std::string> guest_answers;
  std::vector<std::string> patches;
  int connected = 0;
  int silent = 0;
  int audible = 0;
  bool closed = false;
  std::string failure;  // empty: none
};

class Fixture {
 public:
  // Ends the test when the worker does not start.
  explicit Fixture(media::WorkerConfig config = {});

  // Opens a leg that feeds a stream and publishes mic and camera.
  Member& open(PeerOptions options = {}, bool publishes = true);
  // Opens another leg for the participant of `other`, which does not feed its stream yet.
  Member& open_beside(const Member& other, PeerOptions options = {},
                      std::vector<base::Source> publishes = {});
  // A leg whose peer makes the only offer, by way of the test; `peer` of it does nothing.
  Member& open_guest(const std::string& offer, bool publishes);
  // Opens a port for `job` that feeds a stream. It has no peer.
  Member& open_port(const base::JobId& job, std::string owner);
  // `to` feeds the participant's stream from now on, and the leg of `from` ends.
  void switch_over(Member& from, const Member& to);
  // `viewer` receives the participant of `shown`.
  void show(const Member& viewer, const Member& shown);
  // Each of the two receives the other.
  void introduce(Member& a, Member& b);
  void close(Member& member);
  // Forgets a member whose leg is closed; the reference is void afterwards.
  void drop(Member& member);
  // Lets `member` answer its last offer, which it kept back.
  void answer(Member& member);
  std::uint64_t next_ticket() { return ++ticket_; }

  // Serves peers and events until `done`, at most 20 s; false when that was not enough.
  bool run_until(const std::function<bool()>& done);
  // ... for that long, whatever happens.
  void run_for(std::chrono::milliseconds time);
  // Opens two legs that receive each other and waits until both are connected and accepted.
  std::pair<Member*, Member*> open_pair(PeerOptions first = {}, PeerOptions second = {});
  // Sends from one to the other until something of both kinds arrives.
  bool flows(Member& from, Member& to);

  media::Worker& worker() { return *worker_; }
  [[nodiscard]] media::WorkerStats stats() const { return worker_->stats(); }

 private:
  void take_events();
  void on(Member& member, media::Event& event);

  std::mutex mutex_;
  std::vector<media::Event> events_;  // guarded by mutex_
  std::map<base::LegId, std::unique_ptr<Member>> members_;
  std::uint64_t next_id_ = 1;
  std::uint64_t ticket_ = 0;
  std::unique_ptr<media::Worker> worker_;  // last: it calls back until it is gone
};

}  // namespace parley::test
