#include "job/session.h"

#include <fmt/format.h>
#include <glib-unix.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <variant>

#include "base/overloaded.h"
#include "job/process_limits.h"

namespace parley::job {
namespace {

// From the order to stop to the end by force. Our choice: below what parleyd waits (10 s), so that
// files are closed as far as they can be before it kills.
constexpr unsigned kStopLimitSeconds = 9;
constexpr unsigned kEndLimitSeconds = 5;  // to take down what has finished, or failed
constexpr std::chrono::milliseconds kLastWords{1000};
constexpr int kStuck = 1;  // kWorkFailed, without what the destructors would wait for

std::unique_ptr<Work> make_work(const Context& context) {
  return std::visit(base::Overloaded{[&](const Record& work) { return make_record(context, work); },
                                     [&](const Mix& work) { return make_mix(context, work); },
                                     [&](const Out& work) { return make_out(context, work); },
                                     [&](const In& work) { return make_in(context, work); }},
                    context.spec.work);
}

}  // namespace

Session::Session(Spec spec, Lines& orders, int orders_fd, Reporter& reporter)
    : spec_(std::move(spec)),
      discretion_(spec_),
      folders_(spec_.pipelines),
      orders_(orders),
      orders_fd_(orders_fd),
      reporter_(reporter),
      loop_(wrap::Ref<GMainLoop>::adopt(g_main_loop_new(nullptr, FALSE))),
      context_{spec_, folders_, [this](const Report& what) { report(what); },
               [this](base::Result<void> result) { finish(std::move(result)); },
               [this](const std::string& why) { failing(why); }} {}

Session::~Session() {
  if (orders_source_ != 0) g_source_remove(orders_source_);
  if (time_source_ != 0) g_source_remove(time_source_);
  if (beat_source_ != 0) g_source_remove(beat_source_);
  if (stuck_source_ != 0) g_source_remove(stuck_source_);
}

base::Result<void> Session::run() {
  report(StateReport{State::kStarting, ""});
  work_ = make_work(context_);
  orders_source_ = g_unix_fd_add(
      orders_fd_, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP | G_IO_ERR), on_orders, this);
  time_source_ =
      g_timeout_add_seconds(static_cast<guint>(spec_.limits.seconds), on_time_over, this);
  beat_source_ = g_timeout_add(static_cast<guint>(kBeatEvery.count()), on_beat, this);
  auto watch = Watch::connect(spec_.socket, spec_.secret, spec_.call, watch_events());
  if (watch)
    watch_ = std::move(*watch);
  else
    finish(tl::unexpected(watch.error()));
  if (!result_) g_main_loop_run(loop_.get());
  watch_.reset();
  base::Result<void> result = *result_;
  if (result && lost_) result = tl::unexpected(*lost_);
  if (result)
    report(StateReport{State::kEnded, ""});
  else
    report(StateReport{State::kFailed, result.error().message});
  end_hard_in(kEndLimitSeconds);
  work_.reset();
  return result;
}

WatchEvents Session::watch_events() {
  return {.accepted = [this] { begin(); },
          .track_added =
              [this](const std::string& owner, base::Source source) {
                add_track({owner, source});
              },
          .track_removed =
              [this](const std::string& owner, base::Source source) {
                remove_track({owner, source});
              },
          .port_added =
              [this](const std::string& owner) {
                if (begun_) work_->port_added(owner);
              },
          .port_removed =
              [this](const std::string& owner) {
                if (begun_) work_->port_removed(owner);
              },
          .lost = [this](const std::string& why) { lost(why); }};
}

void Session::begin() {
  if (begun_ || result_) return;
  if (stopping_) return finish({});
  begun_ = true;
  if (auto started = work_->start(); !started) finish(tl::unexpected(started.error()));
}

void Session::add_track(const Track& track) {
  if (tracks_.insert(track).second && begun_ && !hidden(track.first))
    work_->track_added(track.first, track.second);
}

void Session::remove_track(const Track& track) {
  if (tracks_.erase(track) > 0 && begun_ && !hidden(track.first))
    work_->track_removed(track.first, track.second);
}

void Session::hide(std::set<std::string> profiles) {
  const std::set<std::string> before = std::exchange(spec_.hidden, std::move(profiles));
  if (!begun_) return;
  for (const auto& [owner, source] : tracks_) {
    if (hidden(owner) && !before.contains(owner)) work_->track_removed(owner, source);
    if (!hidden(owner) && before.contains(owner)) work_->track_added(owner, source);
  }
}

void Session::stop() {
  if (std::exchange(stopping_, true)) return;
  end_hard_in(kStopLimitSeconds);
  if (begun_)
    work_->stop();
  else
    finish({});
}

void Session::lost(const std::string& why) {
  if (!lost_) lost_ = base::Error{base::Code::kUnavailable, why};
  stop();
}

void Session::finish(base::Result<void> result) {
  if (result_) return;
  result_ = std::move(result);
  g_main_loop_quit(loop_.get());
}

void Session::failing(const std::string& why) {
  if (result_ || stuck_source_ != 0) return;
  failing_ = why;
  stuck_source_ = g_timeout_add_seconds(kEndLimitSeconds, on_stuck, this);
}

gboolean Session::on_stuck(gpointer self) noexcept {
  auto* session = static_cast<Session*>(self);
  session->report(StateReport{State::kFailed, session->failing_});
  session->reporter_.flush(kLastWords);
  _exit(kStuck);
}

void Session::report(const Report& what) {
  if (const auto* state = std::get_if<StateReport>(&what)) {
    reporter_.report(StateReport{state->state, discretion_.without_address(state->message)});
    return;
  }
  reporter_.report(what);
}

void Session::order(std::string_view line) {
  const auto order = parse_order(line);
  if (!order) {
    fmt::print(stderr, "an order cannot be read: {}\n", order.error().message);
    return;
  }
  std::visit(base::Overloaded{[&](const Hide& order) { hide(order.profiles); },
                              [&](const Stop&) { stop(); }},
             *order);
}

gboolean Session::on_orders(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  static_cast<Session*>(self)->read_orders();
  return G_SOURCE_CONTINUE;
}

void Session::read_orders() {
  std::array<char, 16'384> bytes{};
  const ssize_t size = read(orders_fd_, bytes.data(), bytes.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  const bool good = size > 0 && orders_.feed({bytes.data(), static_cast<std::size_t>(size)},
                                             [this](std::string_view line) { order(line); });
  if (good) return;
  // Nobody can say Stop any more.
  g_source_remove(std::exchange(orders_source_, 0));
  stop();
}

gboolean Session::on_beat(gpointer self) noexcept {
  static_cast<Session*>(self)->reporter_.report(Beat{});
  return G_SOURCE_CONTINUE;
}

gboolean Session::on_time_over(gpointer self) noexcept {
  auto* session = static_cast<Session*>(self);
  session->time_source_ = 0;
  session->lost(fmt::format("its time, {} s, is over", session->spec_.limits.seconds));
  return G_SOURCE_REMOVE;
}

}  // namespace parley::job
