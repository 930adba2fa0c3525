// The work of a mixer: one picture for all, and for each participant what he hears.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "job/compose_stage.h"
#include "job/gst_pipeline.h"
#include "job/mix_sound.h"
#include "job/work.h"
#include "wrap/context_thread.h"

namespace parley::job {
namespace {

// Names of ports: docs/mixing.md.
constexpr std::string_view kPicturePort = "mix";
constexpr std::string_view kSoundPorts = "mix/";
constexpr std::chrono::milliseconds kTick{500};
constexpr std::int64_t kRetryUs = 1'000'000;
constexpr std::uint32_t kLatencyMs = 100;  // as for sound
constexpr std::uint32_t kMostKbps = 64;    // one channel of Opus is transparent there

class MixWork : public Work {
 public:
  MixWork(const Context& context, const Mix& mix)
      : context_(context),
        layout_(mix.layout),
        base_time_(monotonic_now()),
        timer_(g_main_context_get_thread_default(), kTick, [this] { tick(); }) {}

  base::Result<void> start() override {
    sound_ =
        std::make_unique<MixSound>(context_, std::min(context_.spec.picture.audio_kbps, kMostKbps),
                                   base_time_, [this](const std::string& owner, double level) {
                                     if (stage_) stage_->heard(owner, level);
                                   });
    if (auto started = sound_->start(); !started) return started;
    context_.report(StateReport{State::kLive, ""});
    return {};
  }
  void track_added(const std::string& owner, base::Source source) override {
    tracks_.emplace_back(owner, source);
    if (sound_) sound_->track_added(owner, source);
    if (stage_) stage_->track_added(owner, source);
  }
  void track_removed(const std::string& owner, base::Source source) override {
    std::erase(tracks_, std::pair(owner, source));
    if (sound_) sound_->track_removed(owner, source);
    if (stage_) stage_->track_removed(owner, source);
  }
  void port_added(const std::string& port) override {
    if (port == kPicturePort) {
      wanted_ = true;
      retry_at_us_ = 0;
      open_picture();
    } else if (port.starts_with(kSoundPorts) && sound_) {
      sound_->port_added(port, port.substr(kSoundPorts.size()));
    }
  }
  void port_removed(const std::string& port) override {
    if (port == kPicturePort) {
      wanted_ = false;
      close_picture();
    } else if (sound_) {
      sound_->port_removed(port);
    }
  }
  void stop() override { end({}); }

 private:
  void tick() {
    if (sound_ && sound_->failed()) {
      end(base::fail(base::Code::kUnavailable, "an encoder of the sound failed"));
      return;
    }
    if (over_) close_picture();
    if (wanted_ && !run_) open_picture();
  }
  void end(base::Result<void> result) {
    if (std::exchange(ended_, true)) return;
    wanted_ = false;
    close_picture();
    sound_.reset();
    context_.finished(std::move(result));
  }
  void open_picture() {
    const std::int64_t now = g_get_monotonic_time();
    if (run_ || now < retry_at_us_) return;
    retry_at_us_ = now + kRetryUs;
    if (auto opened = try_picture(); !opened) {
      close_picture();
      context_.report(StateReport{State::kReconnecting, opened.error().message});
    }
  }
  base::Result<void> try_picture();
  void close_picture() {
    stage_.reset();
    run_.reset();
    over_ = false;
  }

  const Context& context_;
  const Layout layout_;
  const GstClockTime base_time_;
  std::vector<std::pair<std::string, base::Source>> tracks_;
  std::unique_ptr<MixSound> sound_;
  bool ended_ = false;
  bool wanted_ = false;  // the port is there
  bool over_ = false;    // the picture's pipeline is of no more use
  std::int64_t retry_at_us_ = 0;
  std::unique_ptr<GstPipelineRun> run_;
  std::unique_ptr<ComposeStage> stage_;  // goes first: its feeds are in run_
  wrap::RepeatingTimer timer_;
};

base::Result<void> MixWork::try_picture() {
  auto description = context_.pipelines.load("mix-picture");
  if (!description) return tl::unexpected(description.error());
  auto main = description->make();
  if (!main) return tl::unexpected(main.error());
  const Picture& picture = context_.spec.picture;
  const std::pair<const char*, std::string> values[] = {
      {"frame", fmt::format("video/x-raw,format=I420,width={},height={},framerate={}/1",
                            picture.width & ~1U, picture.height & ~1U, picture.fps)},
      {"video_bps", std::to_string(std::uint64_t{picture.kbps} * 1000)},
      {"call", context_.spec.call},
      {"profile", std::string(kPicturePort)},
      {"source", "mix-video"}};
  for (const auto& [name, value] : values)
    if (auto set = main->set_if_there(name, value); !set) return set;
  GstElement* compositor = main->hook("picture");
  if (compositor == nullptr)
    return base::fail(base::Code::kInvalid,
                      description->path() + ":1: it needs the hook 'picture'");
  run_ = std::make_unique<GstPipelineRun>(
      "mix-picture", PipelineEvents{.failed = [this](const std::string& /*why*/) { over_ = true; },
                                    .ended = [this] { over_ = true; }});
  run_->add(*main);
  // Its time line begins when it does, so that it has nothing to make up for.
  const GstClockTime now = monotonic_now();
  auto stage = ComposeStage::make(context_,
                                  {.layout = layout_,
                                   .picture = picture,
                                   .latency_ms = kLatencyMs,
                                   .patient = false,
                                   .heard_later = sound_->heard_later()},
                                  {compositor, nullptr, now});
  if (!stage) return tl::unexpected(stage.error());
  stage_ = std::move(*stage);
  for (const auto& [owner, source] : tracks_) stage_->track_added(owner, source);
  run_->start(now);
  return {};
}

}  // namespace

std::unique_ptr<Work> make_mix(const Context& context, const Mix& mix) {
  return std::make_unique<MixWork>(context, mix);
}

}  // namespace parley::job
