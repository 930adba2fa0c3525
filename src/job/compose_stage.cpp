#include "job/compose_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "job/compose_log.h"

namespace parley::job {
namespace {

using base::Source;

constexpr std::chrono::milliseconds kTick{40};  // a frame of 25 a second: moves are smooth
constexpr std::int64_t kMoveUs = 240'000;       // from one place to another (our choice)
// A camera sends some frames each second; a screen on which nothing moves one a second or less.
constexpr std::int64_t kCameraStillUs = 2'000'000;
constexpr std::int64_t kScreenStillUs = 10'000'000;
constexpr std::int64_t kRetryUs = 1'000'000;  // after an input is over; doubled each time
constexpr std::int64_t kLongestRetryUs = 30'000'000;
constexpr std::size_t kLongestName = 40;  // characters
// In the compositor: names below pictures, so that a picture that comes hides its name.
constexpr guint kNameOrder = 1, kPictureOrder = 2;

base::TimePoint at(std::int64_t us) { return base::TimePoint(base::Duration(us)); }

// As text for Pango: no markup, one line, not too long.
std::string caption(const std::string& name) {
  wrap::Owned<char> valid(g_utf8_make_valid(name.c_str(), -1));
  std::string text;
  std::size_t length = 0;
  for (const char* p = valid.get(); *p != '\0' && length < kLongestName; p = g_utf8_next_char(p)) {
    const gunichar c = g_utf8_get_char(p);
    if (g_unichar_iscntrl(c) != FALSE) continue;
    text.append(p, static_cast<std::size_t>(g_utf8_next_char(p) - p));
    ++length;
  }
  const wrap::Owned<char> escaped(g_markup_escape_text(text.c_str(), -1));
  return escaped.get();
}

std::uint32_t between(std::uint32_t from, std::uint32_t to, double part) {
  const double value = from + (static_cast<double>(to) - from) * part;
  return static_cast<std::uint32_t>(value) & ~1U;
}

void put(const ComposeFeed* feed, const Rectangle& at) {
  if (feed == nullptr) return;
  g_object_set(feed->pad(), "xpos", static_cast<int>(at.x), "ypos", static_cast<int>(at.y), "width",
               static_cast<int>(at.width), "height", static_cast<int>(at.height), nullptr);
}

// A frame of nothing: zeros are black, but for colour, and silent.
bool push_nothing(ComposeFeed* feed, const char* format, std::size_t bytes) {
  if (feed == nullptr) return true;
  const auto buffer = wrap::Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, bytes, nullptr));
  gst_buffer_memset(buffer.get(), 0, 0, bytes);
  GST_BUFFER_PTS(buffer.get()) = 0;
  GST_BUFFER_DURATION(buffer.get()) = 20 * GST_MSECOND;
  const auto caps = wrap::Ref<GstCaps>::adopt(gst_caps_from_string(format));
  const auto sample =
      wrap::Ref<GstSample>::adopt(gst_sample_new(buffer.get(), caps.get(), nullptr, nullptr));
  return feed->push(sample.get());
}

bool alive(const ComposeInput* input, std::int64_t still_us, std::int64_t now) {
  if (input == nullptr || input->over()) return false;
  const std::int64_t last = input->last_sample_us();
  return last != 0 && now - last < still_us;
}

}  // namespace

base::Result<std::unique_ptr<ComposeStage>> ComposeStage::make(const Context& context,
                                                               Options options,
                                                               const Target& target) {
  std::vector<std::string> folders;
  folders.reserve(context.spec.pipelines.size());
  for (const std::string& folder : context.spec.pipelines) folders.push_back(folder + "/layouts");
  auto layout = LayoutText::load(folders, options.layout == Layout::kSpeaker ? "speaker" : "grid");
  if (!layout) return tl::unexpected(layout.error());
  std::unique_ptr<ComposeStage> stage(
      new ComposeStage(context, std::move(options), target, std::move(*layout)));
  if (auto laid = stage->lay_ground(); !laid) return tl::unexpected(laid.error());
  return stage;
}

base::Result<void> ComposeStage::lay_ground() {
  auto picture = ComposeFeed::make(target_.picture);
  if (!picture) return tl::unexpected(picture.error());
  ground_picture_ = std::move(*picture);
  g_object_set(ground_picture_->pad(), "alpha", 0.0, nullptr);
  if (target_.sound == nullptr) return {};
  auto sound = ComposeFeed::make(target_.sound);
  if (!sound) return tl::unexpected(sound.error());
  ground_sound_ = std::move(*sound);
  return {};
}

// Whether the ground has its frame: not before the pipeline has started.
bool ComposeStage::prime() {
  if (grounded_) return true;
  grounded_ =
      push_nothing(ground_picture_.get(),
                   "video/x-raw,format=I420,width=16,height=16,framerate=25/1", 384) &&
      push_nothing(ground_sound_.get(),
                   "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2", 3840);
  return grounded_;
}

ComposeStage::ComposeStage(const Context& context, Options options, const Target& target,
                           LayoutText layout)
    : context_(context),
      options_(std::move(options)),
      target_(target),
      layout_(std::move(layout)),
      timer_(g_main_context_get_thread_default(), kTick, [this] { tick(); }) {}

ComposeStage::~ComposeStage() = default;

bool ComposeStage::belongs(const std::string& owner) const {
  return !options_.only || *options_.only == owner;
}

void ComposeStage::track_added(const std::string& owner, Source source) {
  // What a mixer makes is no part of what is mixed.
  if (source == Source::kMixAudio || source == Source::kMixVideo || !belongs(owner)) return;
  const Key key{owner, source};
  if (std::find(tracks_.begin(), tracks_.end(), key) != tracks_.end()) track_removed(owner, source);
  tracks_.push_back(key);
  if (base::kind_of(source) == base::Kind::kAudio && target_.sound != nullptr) voices_[key];
  update_tiles();
}

void ComposeStage::track_removed(const std::string& owner, Source source) {
  const Key key{owner, source};
  std::erase(tracks_, key);
  if (const auto voice = voices_.find(key); voice != voices_.end()) {
    close(voice->second);
    voices_.erase(voice);
  }
  for (const auto& tile : tiles_) {
    if (tile->owner != owner || base::kind_of(source) != base::Kind::kVideo ||
        tile->screen != (source == Source::kScreen))
      continue;
    close(tile->video);
    tile->video.retry_at_us = tile->video.retry_after_us = 0;
  }
  if (source == Source::kMic) active_.remove(owner);
  update_tiles();
}

void ComposeStage::heard(const std::string& owner, double level) {
  active_.heard(owner, level, at(g_get_monotonic_time()));
}

// A tile for each participant and for each shared screen of tracks_.
void ComposeStage::update_tiles() {
  const auto wanted = [&](const std::string& owner, bool screen) {
    return std::any_of(tracks_.begin(), tracks_.end(), [&](const Key& key) {
      return key.first == owner &&
             (screen ? key.second == Source::kScreen
                     : key.second == Source::kCamera || key.second == Source::kMic);
    });
  };
  std::erase_if(tiles_, [&](const auto& tile) { return !wanted(tile->owner, tile->screen); });
  for (const Key& key : tracks_) {
    const bool screen = key.second == Source::kScreen;
    if (!wanted(key.first, screen)) continue;
    if (std::any_of(tiles_.begin(), tiles_.end(), [&](const auto& tile) {
          return tile->owner == key.first && tile->screen == screen;
        }))
      continue;
    tiles_.push_back(std::make_unique<Tile>());
    tiles_.back()->owner = key.first;
    tiles_.back()->screen = screen;
  }
  arrange();
}

void ComposeStage::arrange() {
  std::vector<Candidate> candidates;
  candidates.reserve(tiles_.size());
  for (const auto& tile : tiles_)
    candidates.push_back({.screen = tile->screen, .speaker = speaker_ == tile->owner});
  const std::int64_t now = g_get_monotonic_time();
  std::vector<bool> placed(tiles_.size());
  const Picture& picture = options_.picture;
  for (const Place& found : layout_.arrange(candidates, picture.width, picture.height)) {
    placed[found.candidate] = true;
    place(*tiles_[found.candidate], found.at, now);
  }
  for (std::size_t i = 0; i < tiles_.size(); ++i) {
    if (placed[i]) continue;
    tiles_[i]->placed = false;
    close(tiles_[i]->video);
    close(tiles_[i]->name);
  }
}

void ComposeStage::place(Tile& tile, const Rectangle& goal, std::int64_t now) {
  if (!tile.placed) {
    tile.placed = true;
    tile.at = tile.goal = goal;
    tile.moving_since_us = 0;
    return;  // what it shows is opened by the next tick
  }
  if (tile.goal == goal) return;
  tile.from = tile.at;
  tile.goal = goal;
  tile.moving_since_us = now;
  if (tile.video.input) tile.video.input->set("size", size_of(tile, false));
  if (tile.name.input) tile.name.input->set("size", size_of(tile, true));
}

void ComposeStage::move(Tile& tile, std::int64_t now) {
  if (tile.moving_since_us == 0) return;
  const double part =
      std::min(1.0, static_cast<double>(now - tile.moving_since_us) / static_cast<double>(kMoveUs));
  tile.at = {between(tile.from.x, tile.goal.x, part), between(tile.from.y, tile.goal.y, part),
             between(tile.from.width, tile.goal.width, part),
             between(tile.from.height, tile.goal.height, part)};
  if (part >= 1) tile.moving_since_us = 0;
  put(tile.video.feed.get(), tile.at);
  put(tile.name.feed.get(), tile.at);
}

void ComposeStage::tick() {
  if (!prime()) return;
  const std::int64_t now = g_get_monotonic_time();
  auto speaker = active_.speaker(at(now));
  if (speaker != speaker_) {
    speaker_ = std::move(speaker);
    arrange();
  }
  for (const auto& tile : tiles_) {
    if (!tile->placed) continue;
    tend(*tile, now);
    move(*tile, now);
  }
  for (auto& [key, voice] : voices_) tend(key, voice, now);
}

// Whatever is wanted of a tile is there, and what has ended is tried again.
void ComposeStage::tend(Tile& tile, std::int64_t now) {
  const Key key{tile.owner, tile.screen ? Source::kScreen : Source::kCamera};
  close_if_over(tile.video, now);
  close_if_over(tile.name, now);
  if (!tile.video.input && std::find(tracks_.begin(), tracks_.end(), key) != tracks_.end() &&
      now >= tile.video.retry_at_us) {
    auto input = input_of("input-video", key);
    input.parameters["size"] = size_of(tile, false);
    input.parameters["name"] = options_.names ? caption(name_of(tile.owner)) : "";
    open(tile.video, target_.picture, input, {}, now);
    show(tile, tile.video, kPictureOrder);
  }
  const bool visible =
      alive(tile.video.input.get(), tile.screen ? kScreenStillUs : kCameraStillUs, now);
  if (visible) {
    close(tile.name);
  } else if (!tile.name.input && now >= tile.name.retry_at_us) {
    auto input = input_of("input-name", key);
    input.parameters["size"] = size_of(tile, true);
    input.parameters["name"] = caption(name_of(tile.owner));
    open(tile.name, target_.picture, input, {}, now);
    show(tile, tile.name, kNameOrder);
  }
}

void ComposeStage::tend(const Key& key, Channel& voice, std::int64_t now) {
  close_if_over(voice, now);
  if (voice.input || now < voice.retry_at_us) return;
  std::function<void(double)> on_level;
  if (key.second == Source::kMic)
    on_level = [this, owner = key.first](double level) { heard(owner, level); };
  open(voice, target_.sound, input_of("input-audio", key), std::move(on_level), now);
}

void ComposeStage::show(const Tile& tile, const Channel& channel, guint order) {
  if (!channel.feed) return;
  const std::int64_t still_us = tile.screen ? kScreenStillUs : kCameraStillUs;
  g_object_set(channel.feed->pad(), "zorder", order, "max-last-buffer-repeat",
               static_cast<guint64>(still_us) * GST_USECOND, nullptr);
  put(channel.feed.get(), tile.at);
}

void ComposeStage::open(Channel& channel, GstElement* mixer, const ComposeInput::Options& options,
                        std::function<void(double)> on_level, std::int64_t now) {
  channel.opened_at_us = now;
  channel.retry_at_us = now + kLongestRetryUs;  // unless it succeeds
  auto feed = ComposeFeed::make(mixer);
  if (!feed) {
    warn(options.file + ": " + feed.error().message);
    return;
  }
  channel.feed = std::move(*feed);
  // A compositor shows what begins before the end of its own frame: a picture would be seen up to a
  // frame too early. So it is half a frame at most, to either side.
  const GstClockTime later = mixer == target_.picture ? GST_SECOND / 2 / options_.picture.fps : 0;
  const auto owner = options.parameters.find("profile");
  std::function<void(GstSample*)> on_sample = [to = channel.feed.get(), later](GstSample* sample) {
    to->push(sample, later);
  };
  if (mixer == target_.picture && options_.heard_later && owner != options.parameters.end())
    on_sample = [to = channel.feed.get(), later, heard_later = options_.heard_later,
                 owner = owner->second](GstSample* sample) {
      to->push(sample, later + heard_later(owner));
    };
  auto input =
      ComposeInput::start(context_.pipelines, options,
                          {.on_sample = std::move(on_sample), .on_level = std::move(on_level)});
  if (!input) {
    warn(input.error().message);
    channel.feed.reset();
    return;
  }
  channel.input = std::move(*input);
  channel.retry_at_us = 0;
}

void ComposeStage::close_if_over(Channel& channel, std::int64_t now) {
  if (!channel.input || !channel.input->over()) return;
  if (now - channel.opened_at_us > kLongestRetryUs) channel.retry_after_us = 0;
  channel.retry_after_us = std::clamp(channel.retry_after_us * 2, kRetryUs, kLongestRetryUs);
  channel.retry_at_us = now + channel.retry_after_us;
  close(channel);
}

void ComposeStage::close(Channel& channel) {
  if (channel.input) clock_errors_.add(channel.input->clock_errors());
  channel.input.reset();
  channel.feed.reset();
}

const ClockErrors& ComposeStage::clock_errors() {
  const auto look = [this](const Channel& channel) {
    if (channel.input) clock_errors_.add(channel.input->clock_errors());
  };
  for (const auto& tile : tiles_) look(tile->video);
  for (const auto& [key, voice] : voices_) look(voice);
  return clock_errors_;
}

ComposeInput::Options ComposeStage::input_of(const std::string& file, const Key& key) const {
  std::string source(base::name_of(key.second));
  return {.file = file,
          .parameters = {{"call", context_.spec.call},
                         {"profile", key.first},
                         {"source", std::move(source)},
                         {"latency", std::to_string(options_.latency_ms)},
                         {"patient", options_.patient ? "true" : "false"}},
          .base_time = target_.base_time};
}

std::string ComposeStage::size_of(const Tile& tile, bool name) const {
  return fmt::format("video/x-raw,format=I420,width={},height={},pixel-aspect-ratio=1/1{}",
                     tile.goal.width, tile.goal.height, name ? ",framerate=2/1" : "");
}

std::string ComposeStage::name_of(const std::string& owner) const {
  const auto found = context_.spec.names.find(owner);
  return found == context_.spec.names.end() ? owner : found->second;
}

}  // namespace parley::job
