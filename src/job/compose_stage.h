// Who is seen and heard of a call, and where: inputs of all tracks into a compositor and an
// audiomixer of somebody else's pipeline.
//
// Each participant has a place, and each shared screen. Who sends no picture is shown by name.
// Whoever the layout leaves out is not decoded.
//
// Owned by the job's main thread, and lives on its context.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/source.h"
#include "job/compose_feed.h"
#include "job/compose_input.h"
#include "job/layout.h"
#include "job/layout_speaker.h"
#include "job/work.h"
#include "wrap/context_thread.h"

namespace parley::job {

class ComposeStage {
 public:
  struct Options {
    Layout layout = Layout::kGrid;  // kTracks: as kGrid
    Picture picture{};
    std::optional<std::string> only{};  // one participant
    std::uint32_t latency_ms = 300;     // how long packets wait for others that are missing
    bool patient = true;                // packets may come later and more at once, at less cost
    bool names = true;                  // written into the pictures
    // How much later than it was captured somebody is heard, where the sound is another's work: he
    // is seen as much later. Any thread.
    std::function<GstClockTime(const std::string& owner)> heard_later{};
  };
  // Where it goes, while this lives; `sound` may be nullptr.
  struct Target {
    GstElement* picture = nullptr;  // compositor
    GstElement* sound = nullptr;    // audiomixer
    GstClockTime base_time = 0;
  };

  // kNotFound, kInvalid: a layout, with its file.
  [[nodiscard]] static base::Result<std::unique_ptr<ComposeStage>> make(const Context& context,
                                                                        Options options,
                                                                        const Target& target);
  ~ComposeStage();
  ComposeStage(const ComposeStage&) = delete;
  ComposeStage& operator=(const ComposeStage&) = delete;

  void track_added(const std::string& owner, base::Source source);
  void track_removed(const std::string& owner, base::Source source);
  // How loud `owner` is, where there is no `sound` to hear it by.
  void heard(const std::string& owner, double level);
  // Of all inputs, since it was made.
  [[nodiscard]] const ClockErrors& clock_errors();

 private:
  struct Channel {  // one input and its pad; the input goes first
    std::unique_ptr<ComposeFeed> feed;
    std::unique_ptr<ComposeInput> input;
    std::int64_t opened_at_us = 0;
    std::int64_t retry_at_us = 0;
    std::int64_t retry_after_us = 0;  // of the last time it was over
  };
  struct Tile {
    std::string owner;
    bool screen = false;
    bool placed = false;
    Rectangle at;    // where it is
    Rectangle goal;  // where it is on its way to
    Rectangle from;
    std::int64_t moving_since_us = 0;  // 0: it stands
    Channel video;
    Channel name;
  };
  using Key = std::pair<std::string, base::Source>;

  ComposeStage(const Context& context, Options options, const Target& target, LayoutText layout);
  [[nodiscard]] base::Result<void> lay_ground();
  [[nodiscard]] bool prime();
  void tick();
  void arrange();
  void update_tiles();
  void place(Tile& tile, const Rectangle& goal, std::int64_t now);
  void move(Tile& tile, std::int64_t now);
  void tend(Tile& tile, std::int64_t now);
  void tend(const Key& key, Channel& voice, std::int64_t now);
  static void show(const Tile& tile, const Channel& channel, guint order);
  void open(Channel& channel, GstElement* mixer, const ComposeInput::Options& options,
            std::function<void(double)> on_level, std::int64_t now);
  void close(Channel& channel);
  void close_if_over(Channel& channel, std::int64_t now);
  [[nodiscard]] ComposeInput::Options input_of(const std::string& file, const Key& key) const;
  [[nodiscard]] std::string size_of(const Tile& tile, bool name) const;
  [[nodiscard]] std::string name_of(const std::string& owner) const;
  [[nodiscard]] bool belongs(const std::string& owner) const;

  const Context& context_;
  const Options options_;
  const Target target_;
  const LayoutText layout_;
  // A pad of each mixer that gets one black or silent frame and stays. Without it a compositor
  // whose last pad goes begins anew, and with the first frame that comes its time stamps go back to
  // where it began.
  std::unique_ptr<ComposeFeed> ground_picture_;
  std::unique_ptr<ComposeFeed> ground_sound_;
  bool grounded_ = false;                     // they have got it; nothing else is opened before
  std::vector<Key> tracks_;                   // in the order in which they came
  std::vector<std::unique_ptr<Tile>> tiles_;  // in the order in which they came
  std::map<Key, Channel> voices_;
  ActiveSpeaker active_;
  std::optional<std::string> speaker_;
  ClockErrors clock_errors_;  // of inputs that are closed, at least
  wrap::RepeatingTimer timer_;
};

}  // namespace parley::job
