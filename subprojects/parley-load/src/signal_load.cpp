#include "signal_load.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "base.h"
#include "process_stats.h"
#include "signal_crowd.h"
#include "statistics.h"

namespace parley::load {
namespace {

// What the server and the machine took while something was measured.
class Meter {
 public:
  explicit Meter(const std::vector<int>& pids)
      : pids_(pids),
        server_(read_process_stats(pids)),
        machine_(read_machine_stats()),
        own_s_(own_cpu_s()),
        since_(monotonic_ns()) {}

  [[nodiscard]] Json result() const {
    const double seconds = static_cast<double>(monotonic_ns() - since_) / 1e9;
    const ProcessStats now = read_process_stats(pids_);
    const double server_s = ProcessStats::cpu_s(server_, now);
    const double own_s = own_cpu_s() - own_s_;
    const double busy_s = read_machine_stats().busy_s - machine_.busy_s;
    return {{"seconds", seconds},
            {"server_cpu_pct", 100 * server_s / seconds},
            {"load_cpu_pct", 100 * own_s / seconds},
            {"other_cpu_pct", 100 * std::max(0.0, busy_s - server_s - own_s) / seconds},
            {"server_rss_kib", now.rss_kib},
            {"server_threads", now.threads}};
  }

 private:
  const std::vector<int>& pids_;
  ProcessStats server_;
  MachineStats machine_;
  double own_s_;
  std::uint64_t since_;
};

// A caller, a callee with two devices, and their calls one after the other.
class Pair {
 public:
  struct Totals {
    std::uint64_t begun = 0;
    std::uint64_t ended = 0;
    std::uint64_t refused = 0;
    std::vector<double> fan_out_ms;  // call.init sent, until the last device has it
    std::vector<double> set_up_ms;   // ... until the caller has call.accept
    std::string first_error;
  };

  Pair(Crowd& crowd, int index, Totals& totals) : totals_(totals) {
    const std::string number = std::to_string(index);
    callee_name_ = "callee" + number;
    const auto on_message = [this](SignalDevice& device, std::string_view type,
                                   std::string_view text) { on(device, type, text); };
    caller_ = &crowd.add("caller" + number, on_message);
    for (SignalDevice*& device : callees_) device = &crowd.add(callee_name_, on_message);
  }

  [[nodiscard]] bool idle() const { return ends_due_ == 0; }

  void begin() {
    rings_ = 0;
    ends_due_ = 3;
    accepting_ = false;
    ++totals_.begun;
    sent_ns_ = monotonic_ns();
    call_ = caller_->request("call.init", R"("from":")" + caller_->user() + R"(","to":")" +
                                              callee_name_ +
                                              R"(","settings":{"audio":true,"video":true})");
  }

 private:
  void on(SignalDevice& device, std::string_view type, std::string_view text) {
    if (type == "error") {
      ++totals_.refused;
      if (totals_.first_error.empty()) totals_.first_error = text.substr(0, 300);
    }
    if (type == "error" && text_member(text, "ref") == call_) ends_due_ = 0;
    if (text_member(text, "callId") != call_) return;
    const std::string id = R"("callId":")" + call_ + '"';
    if (type == "call.init") {
      if (++rings_ == 2) totals_.fan_out_ms.push_back(to_ms(monotonic_ns() - sent_ns_));
      device.request("call.ringing", id);
    } else if (type == "call.ringing" && &device == caller_ && rings_ == 2 &&
               !std::exchange(accepting_, true)) {
      callees_[0]->request("call.accept", id);
    } else if (type == "call.accept" && &device == caller_) {
      totals_.set_up_ms.push_back(to_ms(monotonic_ns() - sent_ns_));
      caller_->request("call.hangup", id);
    } else if (type == "call.end" && --ends_due_ == 0) {
      ++totals_.ended;
    }
  }

  Totals& totals_;
  std::string callee_name_;
  SignalDevice* caller_ = nullptr;  // owned by the crowd, as are all
  SignalDevice* callees_[2] = {};
  std::string call_;
  int rings_ = 0;
  int ends_due_ = 0;  // devices that have not heard of the end; 0: no call is going on
  bool accepting_ = false;
  std::uint64_t sent_ns_ = 0;
};

Json delays(const std::vector<double>& values) {
  return {{"p50", percentile(values, 0.5)},
          {"p99", percentile(values, 0.99)},
          {"max", percentile(values, 1)}};
}

// Begins calls as fast as asked for, on pairs that have none.
class Pace {
 public:
  Pace(std::vector<std::unique_ptr<Pair>>& pairs, double rate)
      : pairs_(pairs), rate_(rate), since_(monotonic_ns()) {}

  void step() {
    const double passed = static_cast<double>(monotonic_ns() - since_) / 1e9;
    const auto due = rate_ > 0 ? static_cast<std::uint64_t>(passed * rate_) : ~std::uint64_t{0};
    for (std::size_t looked = 0; begun_ < due && looked < pairs_.size(); ++looked) {
      Pair& pair = *pairs_[next_++ % pairs_.size()];
      if (!pair.idle()) continue;
      pair.begin();
      ++begun_;
    }
  }

 private:
  std::vector<std::unique_ptr<Pair>>& pairs_;
  double rate_;
  std::uint64_t since_;
  std::uint64_t begun_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

Json run_idle(const SignalOptions& options, TokenSource& tokens) {
  const ProcessStats before = read_process_stats(options.server_pids);
  Crowd crowd(options, tokens);
  for (int i = 0; i < options.connections; ++i)
    crowd.add("user" + std::to_string(i), [](SignalDevice&, std::string_view, std::string_view) {});
  const std::uint64_t since = monotonic_ns();
  Json result;
  if (!crowd.connect_all()) return {{"problem", crowd.problem()}};
  result["connect_seconds"] = to_ms(monotonic_ns() - since) / 1000;
  crowd.run(options.settle_s);
  const Meter meter(options.server_pids);
  crowd.run(options.duration_s);
  result.update(meter.result());
  result["connections"] = options.connections;
  result["kib_per_connection"] =
      static_cast<double>(result["server_rss_kib"].get<long>() - before.rss_kib) /
      options.connections;
  if (const std::string problem = crowd.problem(); !problem.empty()) result["problem"] = problem;
  return result;
}

Json run_calls(const SignalOptions& options, TokenSource& tokens) {
  Crowd crowd(options, tokens);
  Pair::Totals totals;
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < options.pairs; ++i) pairs.push_back(std::make_unique<Pair>(crowd, i, totals));
  if (!crowd.connect_all()) return {{"problem", crowd.problem()}};
  Pace pace(pairs, options.rate);
  crowd.run(options.settle_s, [&] { pace.step(); });
  const Pair::Totals warm = std::exchange(totals, {});
  const Meter meter(options.server_pids);
  crowd.run(options.duration_s, [&] { pace.step(); });
  Json result = meter.result();
  const double seconds = result["seconds"];
  result["calls_per_second"] = static_cast<double>(totals.ended) / seconds;
  result["server_cpu_us_per_call"] =
      result["server_cpu_pct"].get<double>() * 1e4 * seconds / static_cast<double>(totals.ended);
  result["begun"] = totals.begun;
  result["refused"] = totals.refused + warm.refused;
  result["fan_out_ms"] = delays(totals.fan_out_ms);
  result["set_up_ms"] = delays(totals.set_up_ms);
  const auto all_idle = [&] {
    return std::ranges::all_of(pairs, [](const auto& pair) { return pair->idle(); });
  };
  crowd.run(10, nullptr, all_idle);
  if (!all_idle()) result["problem"] = "calls hang: 10 s after the load not all have ended";
  if (!totals.first_error.empty()) result["problem"] = totals.first_error;
  if (const std::string problem = crowd.problem(); !problem.empty()) result["problem"] = problem;
  return result;
}

}  // namespace parley::load
