// Pipelines that do not go to NULL: counted, left behind, and no obstacle to the others.
#include "media/reaper.h"

#include <gst/gst.h>
#include <gst/gsttracer.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "fixture.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
namespace wrap = parley::wrap;
using parley::test::Fixture;
using parley::test::Member;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kWatchdog{100};
constexpr std::chrono::seconds kLimit{20};  // for hangs

// Whoever holds the lock of an element's state keeps others from changing it.
class Stuck {
 public:
  explicit Stuck(GstElement* element) : element_(wrap::Ref<GstElement>::retain(element)) {
    GST_STATE_LOCK(element_.get());
  }
  ~Stuck() { GST_STATE_UNLOCK(element_.get()); }
  Stuck(const Stuck&) = delete;
  Stuck& operator=(const Stuck&) = delete;

 private:
  wrap::Ref<GstElement> element_;
};

// A reaper, and what it reports.
struct Bench {
  Bench()
      : box(g_main_context_default(),
            [this](std::vector<media::ControlInput>& inputs) {
              for (const auto& input : inputs)
                if (const auto* report = std::get_if<media::Reaped>(&input))
                  reaped.insert(report->id.leg.value);
            }),
        reaper(std::make_unique<media::Reaper>(box.box(), kWatchdog)) {}

  // Hands a playing pipeline to the reaper; returned for whoever wants to hold it up.
  wrap::Ref<GstElement> give(std::uint64_t leg, std::unique_ptr<Stuck>* stuck = nullptr) {
    auto pipeline = wrap::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
    auto element = wrap::Ref<GstElement>::sink(gst_element_factory_make("bin", nullptr));
    gst_bin_add(GST_BIN(pipeline.get()), element.get());
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    if (stuck != nullptr) *stuck = std::make_unique<Stuck>(pipeline.get());
    reaper->take({{{leg}, 1}, pipeline, std::move(element), {}});
    return pipeline;
  }
  bool until(const std::function<bool()>& done) {
    const auto limit = Clock::now() + kLimit;
    while (!done()) {
      if (Clock::now() > limit) return false;
      g_main_context_iteration(g_main_context_default(), FALSE);
      g_usleep(1000);
    }
    return true;
  }
  std::uint64_t check() { return reaper->check(media::monotonic_now()); }

  std::set<std::uint64_t> reaped;
  wrap::ContextMailbox<media::ControlInput> box;
  std::unique_ptr<media::Reaper> reaper;
};

// Every webrtcbin that is made, as a tracer's hook sees them. One in a process.
class Watched {
 public:
  Watched() {
    const GType type =
        g_type_register_static_simple(GST_TYPE_TRACER, "ParleyTestTracer", sizeof(GstTracerClass),
                                      nullptr, sizeof(GstTracer), nullptr, G_TYPE_FLAG_NONE);
    tracer_ = static_cast<GstTracer*>(g_object_new(type, nullptr));
    gst_tracing_register_hook(tracer_, "element-new", G_CALLBACK(on_element_new));
  }
  ~Watched() { gst_object_unref(tracer_); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  [[nodiscard]] std::size_t made() const { return g_made; }
  // Without a reference.
  [[nodiscard]] GstElement* last() const { return g_last; }

 private:
  static void on_element_new(GObject* /*tracer*/, GstClockTime /*at*/, GstElement* element) {
    const GstElementFactory* factory = gst_element_get_factory(element);
    if (factory == nullptr || !g_str_equal(GST_OBJECT_NAME(factory), "webrtcbin")) return;
    g_last = element;
    ++g_made;
  }
  static inline std::atomic<std::size_t> g_made = 0;
  static inline std::atomic<GstElement*> g_last = nullptr;
  GstTracer* tracer_;
};

}  // namespace

START_TEST(a_pipeline_goes_to_null_and_is_reported) {
  Bench bench;
  bench.give(1);
  bench.give(2);
  ck_assert(bench.until([&] { return bench.reaped.size() == 2; }));
  ck_assert_uint_eq(bench.check(), 0);
}
END_TEST

START_TEST(the_others_go_on_when_one_is_stuck) {
  Bench bench;
  std::unique_ptr<Stuck> stuck;
  bench.give(1, &stuck);
  bench.give(2);
  ck_assert(bench.until([&] { return bench.check() == 1; }));
  ck_assert(bench.until([&] { return bench.reaped.contains(2); }));
  ck_assert(!bench.reaped.contains(1));
  // It comes back after all: the count goes down, and its thread with it.
  stuck.reset();
  ck_assert(bench.until([&] { return bench.reaped.contains(1) && bench.check() == 0; }));
  bench.give(3);
  ck_assert(bench.until([&] { return bench.reaped.contains(3); }));
}
END_TEST

START_TEST(several_may_be_stuck) {
  Bench bench;
  std::vector<std::unique_ptr<Stuck>> stuck(3);
  for (std::uint64_t i = 0; i < stuck.size(); ++i) bench.give(i, &stuck[i]);
  bench.give(9);
  ck_assert(bench.until([&] { return bench.check() == stuck.size(); }));
  ck_assert(bench.until([&] { return bench.reaped.contains(9); }));
  stuck.clear();
  ck_assert(bench.until([&] { return bench.reaped.size() == 4 && bench.check() == 0; }));
}
END_TEST

START_TEST(a_stuck_pipeline_does_not_hold_up_the_end_of_a_reaper) {
  Bench bench;
  std::unique_ptr<Stuck> stuck;
  bench.give(1, &stuck);
  ck_assert(bench.until([&] { return bench.check() == 1; }));
  bench.reaper.reset();  // returns
  ck_assert(!bench.reaped.contains(1));
  stuck.reset();
  ck_assert(bench.until([&] { return bench.reaped.contains(1); }));
}
END_TEST

// Under more calls than the machine can bear, closing falls behind opening.
START_TEST(legs_open_later_while_too_many_wait_for_their_end) {
  const Watched watched;
  media::WorkerConfig config;
  config.reaper_watchdog = std::chrono::minutes(1);
  Fixture f(config);
  f.open_pair();
  Member& first = f.open();
  ck_assert(f.run_until([&] { return !first.offers.empty(); }));
  auto stuck = std::make_unique<Stuck>(watched.last());
  f.close(first);
  std::vector<Member*> members;
  for (int i = 0; i < 200; ++i) {
    members.push_back(&f.open());
    f.close(*members.back());
  }
  const std::uint64_t ticket = f.next_ticket();  // answered when all that has been handled
  Member& last = f.open();
  f.worker().post(media::Publish{last.leg, ticket, {}});
  ck_assert(f.run_until([&] {
    return std::ranges::any_of(last.verdicts, [=](const auto& v) { return v.ticket == ticket; });
  }));
  ck_assert_uint_eq(f.stats().legs_reaping, 64);
  ck_assert_uint_eq(watched.made(), 2 + 64);
  ck_assert(last.offers.empty());
  stuck.reset();
  ck_assert(f.run_until([&] { return last.connected == 1; }));
  ck_assert(f.run_until([&] {
    return std::ranges::all_of(members, [](const Member* member) { return member->closed; });
  }));
}
END_TEST

START_TEST(a_stuck_leg_does_not_hold_up_the_end_of_a_worker) {
  const Watched watched;
  media::WorkerConfig config;
  config.shutdown_stall = std::chrono::milliseconds(300);
  auto f = std::make_unique<Fixture>(config);
  f->open_pair();
  std::unique_ptr<Stuck> stuck;
  std::atomic<bool> gone = false;
  ck_assert_uint_eq(watched.made(), 2);
  g_object_weak_ref(
      G_OBJECT(watched.last()),
      [](gpointer flag, GObject*) { *static_cast<std::atomic<bool>*>(flag) = true; }, &gone);
  stuck = std::make_unique<Stuck>(watched.last());
  const auto start = Clock::now();
  f.reset();
  // Far below the watchdog, which is 10 s.
  ck_assert(Clock::now() - start < std::chrono::seconds(5));
  stuck.reset();
  const auto limit = Clock::now() + kLimit;
  while (!gone && Clock::now() < limit) g_usleep(1000);
  ck_assert(gone);
}
END_TEST

int main() {
  gst_init(nullptr, nullptr);
  return parley::test::run(
      "media reaper", {a_pipeline_goes_to_null_and_is_reported, the_others_go_on_when_one_is_stuck,
                       several_may_be_stuck, a_stuck_pipeline_does_not_hold_up_the_end_of_a_reaper,
                       legs_open_later_while_too_many_wait_for_their_end,
                       a_stuck_leg_does_not_hold_up_the_end_of_a_worker});
}
