// One running parley-job: its pipes, what it said, and its end. Main thread only.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/token_bucket.h"
#include "job/discretion.h"
#include "job/lines.h"
#include "job/spec.h"

namespace parley::app {

// How long is waited for a job; then its process group is killed.
struct JobWaits {
  std::chrono::milliseconds stop{10'000};     // from Stop to its end
  std::chrono::milliseconds silence{15'000};  // for a report: it says Beat every job::kBeatEvery
  // For the first report: GStreamer may have to look at its plugins before.
  std::chrono::milliseconds first_report{60'000};
};

class JobProcess {
 public:
  // Neither is called from within a call of this. `ended` comes last and once; then nothing of the
  // process is left, and this may be deleted from within it.
  struct Events {
    std::function<void(const job::Report&)> report;
    std::function<void(const job::StateReport& last)> ended;
  };
  // kUnavailable: it cannot be started, and why.
  [[nodiscard]] static base::Result<std::unique_ptr<JobProcess>> start(
      const std::string& program, const std::vector<std::string>& environment,
      const job::Spec& spec, const JobWaits& waits, Events events);
  // Kills it, and waits for that a moment.
  ~JobProcess();
  JobProcess(const JobProcess&) = delete;
  JobProcess& operator=(const JobProcess&) = delete;

  void order(const job::Order& order);

 private:
  struct Fds {
    int input = -1;   // ours; it reads the other end
    int output = -1;  // of its standard output
    int errors = -1;
    int life = -1;  // a pidfd: readable when it has ended
  };
  struct Outgoing {
    std::string text;
    bool replaced_by_next_hide = false;
  };
  JobProcess(pid_t pid, Fds fds, const job::Spec& spec, const JobWaits& waits, Events events);
  static base::Result<pid_t> spawn(const std::string& program,
                                   const std::vector<std::string>& environment,
                                   const std::array<int, 3>& its_fds);
  static gboolean on_input(gint fd, GIOCondition condition, gpointer self) noexcept;
  static gboolean on_output(gint fd, GIOCondition condition, gpointer self) noexcept;
  static gboolean on_errors(gint fd, GIOCondition condition, gpointer self) noexcept;
  static gboolean on_life(gint fd, GIOCondition condition, gpointer self) noexcept;
  static gboolean on_stop_wait(gpointer self) noexcept;
  static gboolean on_look(gpointer self) noexcept;
  void look();
  void expect_report(std::chrono::milliseconds within);
  void write_some();
  // False: there is nothing now, or never again.
  bool read_output();
  bool read_errors();
  void line_of_output(std::string_view line);
  void line_of_errors(std::string_view line);
  void heard(const job::Report& report);
  void kill_for(const std::string& why);
  void expect_end();
  void kill_group() const;
  [[nodiscard]] job::StateReport last_words(int status) const;
  void close_all();

  const base::JobId id_;
  const pid_t pid_;
  Fds fds_;
  const job::Discretion discretion_;
  const JobWaits waits_;
  const Events events_;
  guint input_source_ = 0;
  guint output_source_ = 0;
  guint errors_source_ = 0;
  guint life_source_ = 0;
  guint stop_timer_ = 0;
  guint look_timer_ = 0;
  std::chrono::milliseconds silence_{};  // it may be silent for so long now
  int quiet_looks_ = 0;                  // in a row
  std::deque<Outgoing> outgoing_;
  std::size_t sent_ = 0;  // of the first
  bool stopping_ = false;
  job::Lines output_lines_;
  job::Lines error_lines_;
  base::TokenBucket reports_;
  base::TokenBucket error_rate_;
  std::uint64_t errors_left_out_ = 0;
  bool errors_unreadable_ = false;
  std::uint64_t bad_lines_ = 0;
  std::optional<job::StateReport> last_;
  std::string killed_for_;
};

}  // namespace parley::app
