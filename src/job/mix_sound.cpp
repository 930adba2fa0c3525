#include "job/mix_sound.h"

#include <chrono>
#include <utility>

#include "job/compose_log.h"
#include "job/gst_pipeline.h"
#include "job/mix_core.h"

namespace parley::job {
namespace {

constexpr std::chrono::milliseconds kTick{200};
constexpr std::int64_t kRetryUs = 1'000'000;
// A conversation bears less delay than a recording: one round trip for what is sent again.
constexpr const char* kLatencyMs = "100";
constexpr const char* kFormat = "audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=1";

}  // namespace

class MixSound::Core : public MixCore {
 public:
  using MixCore::MixCore;
};

struct MixSound::Port {
  std::string owner;
  std::unique_ptr<GstPipelineRun> run;
  bool over = false;
  std::int64_t retry_at_us = 0;
};

MixSound::MixSound(const Context& context, std::uint32_t kbps, GstClockTime base_time,
                   OnLevel on_level)
    : context_(context),
      kbps_(kbps),
      base_time_(base_time),
      on_level_(std::move(on_level)),
      core_(std::make_shared<Core>(base_time)),
      timer_(g_main_context_get_thread_default(), kTick, [this] { tick(); }) {}

MixSound::~MixSound() {
  voices_.clear();
  core_->stop();
}

base::Result<void> MixSound::start() { return core_->start(context_.pipelines, kbps_); }

std::function<GstClockTime(const std::string&)> MixSound::heard_later() const {
  return [core = core_](const std::string& owner) { return core->delay_of(owner); };
}

bool MixSound::failed() const { return core_->failed(); }

void MixSound::track_added(const std::string& owner, base::Source source) {
  if (base::kind_of(source) != base::Kind::kAudio || source == base::Source::kMixAudio) return;
  const Key key{owner, source};
  track_removed(owner, source);
  Voice& voice = voices_[key];
  voice.input = core_->add(owner);
  open(key, voice);
}

void MixSound::track_removed(const std::string& owner, base::Source source) {
  const auto found = voices_.find({owner, source});
  if (found == voices_.end()) return;
  found->second.decoder.reset();
  core_->remove(found->second.input);
  voices_.erase(found);
}

void MixSound::open(const Key& key, Voice& voice) {
  voice.retry_at_us = g_get_monotonic_time() + kRetryUs;
  std::function<void(double)> on_level;
  if (key.second == base::Source::kMic)
    on_level = [this, owner = key.first](double level) { on_level_(owner, level); };
  auto decoder =
      ComposeInput::start(context_.pipelines,
                          {.file = "input-audio",
                           .parameters = {{"call", context_.spec.call},
                                          {"profile", key.first},
                                          {"source", std::string(base::name_of(key.second))},
                                          {"latency", kLatencyMs},
                                          {"format", kFormat}},
                           .base_time = base_time_},
                          {.on_sample = [core = core_, input = voice.input](
                                            GstSample* sample) { core->push(input, sample); },
                           .on_level = std::move(on_level)});
  if (decoder)
    voice.decoder = std::move(*decoder);
  else
    warn(decoder.error().message);
}

void MixSound::port_added(const std::string& name, const std::string& owner) {
  port_removed(name);
  auto& port = ports_[name];
  port = std::make_unique<Port>();
  port->owner = owner;
  open(name, *port);
}

void MixSound::port_removed(const std::string& name) {
  core_->remove_port(name);
  ports_.erase(name);
}

void MixSound::open(const std::string& name, Port& port) {
  port.retry_at_us = g_get_monotonic_time() + kRetryUs;
  port.over = false;
  const auto description = context_.pipelines.load("mix-sound");
  auto instance = description ? description->make()
                              : base::Result<pipeline::Instance>(tl::unexpect, description.error());
  if (!instance) {
    warn(instance.error().message);
    return;
  }
  const std::pair<const char*, std::string> values[] = {
      {"call", context_.spec.call}, {"profile", name}, {"source", "mix-audio"}};
  for (const auto& [parameter, value] : values)
    if (auto set = instance->set_if_there(parameter, value); !set) warn(set.error().message);
  port.run = std::make_unique<GstPipelineRun>(
      "mix-sound",
      PipelineEvents{.failed = [&port](const std::string& /*why*/) { port.over = true; },
                     .ended = [&port] { port.over = true; }});
  port.run->add(*instance);
  port.run->start(base_time_);
  if (GstElement* in = instance->hook("in")) core_->add_port(name, port.owner, in);
}

// What has ended is begun again while it is there.
void MixSound::tick() {
  const std::int64_t now = g_get_monotonic_time();
  for (auto& [key, voice] : voices_) {
    if (voice.decoder && voice.decoder->over()) voice.decoder.reset();
    if (!voice.decoder && now >= voice.retry_at_us) open(key, voice);
  }
  for (auto& [name, port] : ports_) {
    if (port->over) {
      core_->remove_port(name);
      port->run.reset();
      port->over = false;
    }
    if (!port->run && now >= port->retry_at_us) open(name, *port);
  }
}

}  // namespace parley::job
