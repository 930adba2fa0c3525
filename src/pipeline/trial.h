// One run of an instance on test input, to the end of it.
//
// Owned by one thread; GStreamer's threads only count. Runs no main loop.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/description.h"
#include "wrap/gst.h"

namespace parley::pipeline {

class Trial {
 public:
  Trial(const Description& description, Instance instance);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  // Complaints, "FILE:LINE: …".
  [[nodiscard]] std::vector<std::string> run(std::chrono::milliseconds limit);
  [[nodiscard]] const std::string& story() const { return story_; }

 private:
  struct Outlet {  // where something ends
    std::string name;
    bool hook = false;
    bool awaited = true;  // its end
    std::atomic<std::uint64_t> buffers{0};
    std::atomic<bool> ended{false};
  };
  void prepare_hook(const Hook& hook);
  void prepare_sinks();
  void prepare_open_pads();
  void feed_appsrc(const Hook& hook, GstElement* appsrc);
  void feed_pads(const Hook& hook, GstElement* element);
  void replace_source(const Hook& hook, GstElement* element, bool rtp);
  void replace_sink(GstElement* element);
  void write_to_scratch(GstElement* element);
  void watch(GstPad* pad, const std::string& name, bool hook);
  [[nodiscard]] wrap::Ref<GstElement> make_input(const std::string& launch,
                                                 const std::string& name);
  [[nodiscard]] bool is_hook(const std::string& name) const;

  void play(std::chrono::milliseconds limit);
  [[nodiscard]] bool heard(GstMessage* message);  // true: it is over
  void end_own_sources();
  [[nodiscard]] bool all_ended() const;
  void tear_down();
  void judge();
  void complain(int line, const std::string& what);

  const Description description_;
  Instance instance_;
  wrap::Ref<GstElement> pipeline_;
  std::vector<wrap::Ref<GstElement>> feeders_;  // pipelines that push into appsrc elements
  std::string scratch_;                         // folder; empty: none was needed
  std::vector<int> files_;
  std::vector<std::unique_ptr<Outlet>> outlets_;
  std::vector<std::string> own_sources_;  // that need nobody to run
  std::vector<std::string> live_mixers_;  // hooks that go on when their inputs end
  bool runs_ = true;                      // false: there is no test input for such a source
  std::vector<std::string> complaints_;
  bool only_parsed_ = false;
  std::string story_;
};

}  // namespace parley::pipeline
