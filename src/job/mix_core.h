// The mixing thread: every 20 ms a frame of the sum to the encoders, and their packets to whoever
// is to hear them.
#pragma once

#include <gst/gst.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "job/mix_encoder.h"
#include "job/mix_minus.h"
#include "pipeline/description.h"
#include "wrap/gst.h"

namespace parley::job {

// Thread-safe, but for start() and stop().
class MixCore {
 public:
  // Voices at a time; more than that nobody can tell apart (our choice).
  static constexpr std::size_t kLoudest = 6;

  explicit MixCore(GstClockTime base_time) : base_time_(base_time), mix_(kLoudest) {}
  ~MixCore() { stop(); }
  MixCore(const MixCore&) = delete;
  MixCore& operator=(const MixCore&) = delete;

  // kNotFound, kInvalid: the encoder's pipeline.
  [[nodiscard]] base::Result<void> start(const pipeline::Folders& folders, std::uint32_t kbps);
  void stop();
  // An encoder is of no more use. On the thread of start() and stop().
  [[nodiscard]] bool failed() const;

  [[nodiscard]] MixMinus::Input add(const std::string& owner);
  void remove(MixMinus::Input input);
  // A decoded frame: 32-bit float, mono, 48 kHz (transfer none).
  void push(MixMinus::Input input, GstSample* sample);
  // As MixMinus has it.
  [[nodiscard]] GstClockTime delay_of(const std::string& owner);

  // Packets for `owner` go into `source`, an appsrc.
  void add_port(const std::string& port, const std::string& owner, GstElement* source);
  void remove_port(const std::string& port);

 private:
  // Everybody's, one for each in the sum, and some for those who come while others fade out.
  static constexpr std::size_t kEncoders = 1 + kLoudest + 2;
  static constexpr std::size_t kNobody = kEncoders;
  static constexpr std::size_t kPlans = 64;  // frames that are remembered: more than encoders hold

  struct Slot {  // of an encoder but the first
    std::unique_ptr<MixEncoder> encoder;
    std::string owner;  // empty: free
    std::int64_t last_used = -1000;
  };
  struct Plan {  // who is encoded by what in one frame
    std::int64_t index = -1;
    std::map<std::string, std::size_t> encoder_of;  // others: the first
  };
  struct Port {
    std::string owner;
    wrap::Ref<GstElement> source;
  };

  void loop();
  void mix(std::int64_t index);
  [[nodiscard]] std::size_t slot_for(const std::string& owner, std::int64_t index);
  void deliver(std::size_t encoder, std::int64_t index, GstSample* sample);

  const GstClockTime base_time_;
  std::array<Slot, kEncoders> slots_;  // mixing thread only, between start and stop

  std::mutex mix_mutex_;
  MixMinus mix_;  // guarded by mix_mutex_

  std::mutex ports_mutex_;
  std::map<std::string, Port> ports_;  // guarded by ports_mutex_, as is what follows
  std::array<Plan, kPlans> plans_;

  std::mutex stop_mutex_;
  std::condition_variable stop_wake_;
  bool stopping_ = false;  // guarded by stop_mutex_
  std::thread thread_;
};

}  // namespace parley::job
