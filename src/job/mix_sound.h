// What everybody in a mixed call hears: all who speak, but for himself.
//
// Each microphone is decoded once and goes into one sum (MixMinus). One encoder makes the stream
// that all listeners share; each who is in the sum has one of a few others, for the sum without
// him. So the number of encoders does not grow with the call.
//
// Owned by the job's main thread; a thread of its own mixes every 20 ms.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/source.h"
#include "job/compose_input.h"
#include "job/work.h"
#include "wrap/context_thread.h"

namespace parley::job {

class MixSound {
 public:
  // How loud `owner` is, dBFS, on the main context.
  using OnLevel = std::function<void(const std::string& owner, double level)>;

  MixSound(const Context& context, std::uint32_t kbps, GstClockTime base_time, OnLevel on_level);
  ~MixSound();
  MixSound(const MixSound&) = delete;
  MixSound& operator=(const MixSound&) = delete;

  // kNotFound, kInvalid: a pipeline, and what is wrong.
  [[nodiscard]] base::Result<void> start();
  // Nobody hears anything any more: an encoder has failed.
  // For ComposeStage::Options::heard_later; outlives this.
  [[nodiscard]] std::function<GstClockTime(const std::string& owner)> heard_later() const;
  [[nodiscard]] bool failed() const;
  // Of audio; others are ignored.
  void track_added(const std::string& owner, base::Source source);
  void track_removed(const std::string& owner, base::Source source);
  // `port` of `owner`: where he hears it.
  void port_added(const std::string& port, const std::string& owner);
  void port_removed(const std::string& port);

 private:
  class Core;  // shared with the mixing thread and streaming threads
  struct Port;
  struct Voice {
    std::uint64_t input = 0;  // of the core
    std::unique_ptr<ComposeInput> decoder;
    std::int64_t retry_at_us = 0;
  };
  using Key = std::pair<std::string, base::Source>;

  void tick();
  void open(const Key& key, Voice& voice);
  void open(const std::string& name, Port& port);

  const Context& context_;
  const std::uint32_t kbps_;
  const GstClockTime base_time_;
  const OnLevel on_level_;
  std::shared_ptr<Core> core_;
  std::map<Key, Voice> voices_;
  std::map<std::string, std::unique_ptr<Port>> ports_;
  wrap::RepeatingTimer timer_;
};

}  // namespace parley::job
