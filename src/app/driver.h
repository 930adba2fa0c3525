// Joins the rooms: hands what sockets, the media layer, the store and the clock report to
// call::Machine, and performs its effects, in order and never before they are on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "app/counters.h"
#include "app/driver_jobs.h"
#include "app/gate.h"
#include "app/sessions.h"
#include "call/machine.h"
#include "journal/journal.h"
#include "media/command.h"
#include "media/event.h"
#include "net/server.h"
#include "store/store.h"

namespace parley::app {

// store::Store, in the words of its own functions.
struct StorePorts {
  template <class T>
  using Done = std::function<void(base::Result<T>)>;
  std::function<void(std::vector<store::Record>, Done<void>)> submit;
  std::function<void(const base::CallId&, Done<store::StoredCall>)> find_call;
  std::function<void(const base::ChainId&, Done<store::StoredChain>)> find_chain;
  std::function<void(std::vector<base::ProfileId>, std::optional<base::ChainId> before,
                     std::size_t limit, Done<store::Page<store::ChainSummary>>)>
      list_chains;
  std::function<void(std::vector<base::ProfileId>, const base::ChainId&,
                     std::optional<std::string> before, std::size_t limit,
                     Done<store::Page<store::StoredItem>>)>
      read_history;
};

// What the application's server is to be told of a record: stored together with it. Empty: nothing.
struct Announcements {
  std::function<std::vector<store::Outgoing>(const call::Save&)> of_save;
  std::function<std::vector<store::Outgoing>(const call::StoreText&)> of_text;
};

// What the driver uses of the world.
struct Ports {
  std::function<base::Instant()> now;
  std::function<void(base::SocketId, std::string_view text)> send;
  std::function<void(base::SocketId, std::uint16_t code, std::string_view reason)> close;
  std::function<void(base::SocketId)> proven;
  std::function<void(media::Command)> media;
  StorePorts store;
  Announcements announce;
  JobPorts jobs = {};
  // deadline() may have changed.
  std::function<void()> rearm;
  journal::Journal* journal = nullptr;  // what the machine does is written there
};

// Main thread only.
class Driver : public net::SocketEvents {
 public:
  using Answer = std::variant<call::Ok, call::Refusal>;

  // `node` stands in the connection ids it makes; `rules` is copied.
  Driver(Ports ports, const call::Limits& limits, SessionRules rules, std::string node);
  ~Driver() override;

  void opened(base::SocketId socket, const std::string& address) override;
  void text(base::SocketId socket, std::string_view text) override;
  void flooding(base::SocketId socket) override;
  void closed(base::SocketId socket, std::uint16_t code) override;
  void media(media::Event event);
  // Whether the store takes anything: it has begun, or ceased, to refuse.
  void store_state(bool accepting);
  // What a server that uses Parley asks; `done` is called when it has taken effect, or was refused.
  void command(call::CommandBody command, std::function<void(const Answer&)> done);
  // What a job says, from app::Jobs.
  void job(const base::JobId& job, const job::Report& report) { jobs_.report(job, report); }

  // When to call tick() if nothing else comes first.
  [[nodiscard]] std::optional<base::TimePoint> deadline() const;
  void tick();

  // Ends every call as `shutdown`. What that causes may have to wait for the disk: it is out when
  // idle(); then say_goodbye() ends every connection.
  void shut_down();
  [[nodiscard]] bool idle() const { return gate_.waiting() == 0 && texts_on_their_way_ == 0; }
  // Recordings are closed, and nothing else runs.
  [[nodiscard]] bool jobs_over() const { return jobs_.idle(); }
  void say_goodbye() { sessions_.say_goodbye(); }

  // With the gauges brought up to date.
  [[nodiscard]] const Counters& counters();
  // For looking only: its state changes by what it is fed.
  [[nodiscard]] const call::Machine& machine() const { return machine_; }

 private:
  struct Ticket {
    base::LegId leg;
    base::ConnectionId connection;
    base::RequestId ref;
  };

  void feed(const call::Input& input);
  void take(call::Input input);
  [[nodiscard]] SessionPorts session_ports();
  [[nodiscard]] Gate make_gate();
  void perform(call::Effect effect);
  void commit(const std::vector<call::Save>& saves, std::function<void(base::Result<void>)> done);
  void store_text(const call::StoreText& effect);
  void recall(const call::Recall& effect);
  void recall_call(const base::CallId& call, call::Recalled found);
  void ask(const Session& session, const Question& question);
  [[nodiscard]] DriverJobs make_jobs();
  void send_to_leg(const call::ToLeg& effect);
  template <class ForGuest>
  void send_for_guest(const ForGuest& effect);
  void take_guest_answer(std::uint64_t ticket, std::optional<call::Refusal> refusal,
                         std::string sdp);
  void take_verdict(const media::Verdict& verdict);
  void forget_tickets(base::LegId leg);
  void finish(const call::CommandDone& effect);

  const Ports ports_;
  const std::size_t max_waiting_;
  call::Machine machine_;
  Counters counters_;
  Sessions sessions_;
  std::unordered_map<std::uint64_t, Ticket> tickets_;  // at the media layer
  struct GuestTicket {
    base::LegId leg;
    std::uint64_t command = 0;
  };
  std::unordered_map<std::uint64_t, GuestTicket> guest_tickets_;  // of the same numbers
  std::uint64_t next_ticket_ = 1;
  std::unordered_map<std::uint64_t, std::function<void(const Answer&)>> commands_;
  std::uint64_t next_command_ = 1;
  std::size_t texts_on_their_way_ = 0;  // to the disk
  DriverJobs jobs_;
  Gate gate_;  // last: what it releases uses the rest
};

}  // namespace parley::app
