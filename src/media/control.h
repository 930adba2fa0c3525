// The control thread of a worker: all legs and streams, and the order in which things happen to
// them. It alone decides; the other threads report to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "media/addresses.h"
#include "media/any_leg.h"
#include "media/control_values.h"
#include "media/event.h"
#include "media/io_thread.h"
#include "media/reaper.h"
#include "media/taps.h"
#include "media/worker.h"
#include "wrap/context_thread.h"
#include "wrap/mailbox.h"

namespace parley::media {

// Written by the control thread, read by anybody.
struct ControlCounters {
  std::atomic<std::uint64_t> fingerprint_mismatches{0};
  std::atomic<std::uint64_t> legs{0};
  std::atomic<std::uint64_t> legs_reaping{0};
  std::atomic<std::uint64_t> reaper_stuck{0};
  std::atomic<std::uint64_t> job_connections{0};
};

// Made, used and destroyed on the thread that runs `context`, but for box() and the counters.
class Control {
 public:
  // Opens the sockets and starts the I/O thread and the reaper.
  [[nodiscard]] static base::Result<std::unique_ptr<Control>> start(
      GMainContext* context, WorkerConfig config, std::function<void(Event)> on_event);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  [[nodiscard]] const std::shared_ptr<ControlBox>& box() const { return mailbox_.box(); }
  [[nodiscard]] const ControlCounters& counters() const { return counters_; }
  [[nodiscard]] const IoCounters& io_counters() const { return io_->counters(); }
  [[nodiscard]] std::uint16_t udp_port() const { return port_; }

  // Closes every leg; `on_empty` is called when nothing of any is left.
  void close_all(std::function<void()> on_empty);

 private:
  struct Stream {
    std::optional<LegId> feeder;
    std::set<LegId> viewers;
    // What the feeder before this one sent and this one has not spoken of yet: viewers keep these
    // tracks, so that they see the same ones when a participant moves to another device.
    std::set<base::Source> kept;
    base::TimePoint kept_until;
    std::set<base::Source> sources;  // what viewers have: kept, and what the feeder publishes
  };
  // What of a leg is still to be taken apart: pipelines, and places in the I/O thread.
  struct Leftover {
    std::uint32_t parts = 0;
    bool closing = false;  // CloseLeg was given: Closed is owed
  };

  Control(GMainContext* context, WorkerConfig config, std::function<void(Event)> on_event);
  base::Result<void> open_sockets(std::vector<UdpSocket>& sockets);
  [[nodiscard]] std::vector<sdp::Candidate> candidates() const;

  void on_inputs(std::vector<ControlInput>& inputs);
  void on_input(Command& command);
  void on_input(IoReport& report);
  void on_input(Reaped& report);
  void on_input(BaseOffered& report);
  template <class Report>
  void on_input(Report& report) {
    to_leg(report.id.leg, report);
  }
  template <class Report>
  void to_leg(LegId id, Report& report);

  void handle(OpenLeg& command);
  void handle(CloseLeg& command);
  void handle(Answer& command);
  void handle(Publish& command);
  void handle(Subscribe& command);
  void handle(Restart& command);
  void handle(Feed& command);
  void handle(Show& command);
  void handle(Hide& command);
  void handle(Mute& command);
  void handle(Name& command);
  void handle(AdmitJob& command);
  void handle(DismissJob& command);
  void handle(OpenPort& command);
  void handle(OpenGuest& command);
  void handle(PatchGuest& command);

  void open_waiting();
  void retire(Remains remains);
  void retire_port(LegId leg);
  void on_attached(LegId port, std::set<base::Source> sources);
  void part_gone(LegId leg);
  void set_feeder(StreamId id, std::optional<LegId> leg);
  void review_sources(StreamId id, Stream& stream);
  void forget_if_unused(StreamId id);
  void touch_viewers(const Stream& stream);
  void verdict(LegId leg, std::uint64_t ticket, const base::Result<void>& result);
  [[nodiscard]] AnyLeg* find(LegId leg) const;
  [[nodiscard]] base::Result<AnyLeg*> require(LegId leg) const;
  void refresh_touched();
  void on_timer();

  WorkerConfig config_;
  std::function<void(Event)> on_event_;
  ControlCounters counters_;
  std::uint16_t port_ = 0;
  AddressFamilies families_;
  wrap::ContextMailbox<ControlInput> mailbox_;
  std::unique_ptr<IoThread> io_;
  std::unique_ptr<Reaper> reaper_;
  std::unique_ptr<wrap::RepeatingTimer> timer_;
  LegContext leg_context_;
  std::unique_ptr<Taps> taps_;

  std::unordered_map<LegId, std::unique_ptr<AnyLeg>> legs_;
  std::unordered_map<StreamId, Stream> streams_;
  std::unordered_map<LegId, std::set<StreamId>> fed_by_;
  std::unordered_map<LegId, Leftover> leftovers_;
  std::deque<LegId> to_open_;
  std::set<LegId> touched_;  // need a refresh at the end of this turn
  std::function<void()> on_empty_;
};

}  // namespace parley::media
