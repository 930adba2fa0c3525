#include "pipeline/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "pipeline/elements.h"
#include "pipeline/test_media.h"
#include "wrap/owned.h"

namespace parley::wrap {
template <>
struct RefTraits<GstMessage> : MiniObjectTraits<GstMessage> {};
}  // namespace parley::wrap

namespace parley::pipeline {
namespace {

// What makes test data without end (a test source) runs so long before it is ended.
constexpr std::chrono::milliseconds kOwnSourcesRun{600};
constexpr std::chrono::milliseconds kTearDownLimit{5'000};

// Inputs that are made when they are asked for.
bool has_pads_on_request(GstElement* element) {
  for (const GList* each = gst_element_class_get_pad_template_list(GST_ELEMENT_GET_CLASS(element));
       each != nullptr; each = each->next) {
    auto* pad_template = GST_PAD_TEMPLATE(each->data);
    if (GST_PAD_TEMPLATE_PRESENCE(pad_template) == GST_PAD_REQUEST &&
        GST_PAD_TEMPLATE_DIRECTION(pad_template) == GST_PAD_SINK)
      return true;
  }
  return false;
}

}  // namespace

Trial::Trial(const Description& description, Instance instance)
    : description_(description),
      instance_(std::move(instance)),
      pipeline_(wrap::Ref<GstElement>::sink(gst_pipeline_new("trial"))) {
  gst_bin_add(GST_BIN(pipeline_.get()), instance_.bin());
}

Trial::~Trial() {
  for (const int file : files_) close(file);
  std::error_code ignored;
  if (!scratch_.empty()) std::filesystem::remove_all(scratch_, ignored);
}

void Trial::complain(int line, const std::string& what) {
  complaints_.push_back(fmt::format("{}:{}: {}", description_.path(), std::max(line, 1), what));
}

bool Trial::is_hook(const std::string& name) const {
  return description_.find_hook(name) != nullptr;
}

std::vector<std::string> Trial::run(std::chrono::milliseconds limit) {
  // What runs by itself is looked at before anything is added to it.
  for (const auto& element : children(instance_.bin())) {
    const bool source = GST_OBJECT_FLAG_IS_SET(element.get(), GST_ELEMENT_FLAG_SOURCE) != 0;
    if (source && !is_hook(GST_OBJECT_NAME(element.get())))
      own_sources_.emplace_back(GST_OBJECT_NAME(element.get()));
  }
  for (const Hook& hook : description_.hooks())
    if (runs_) prepare_hook(hook);
  if (!runs_) return complaints_;
  prepare_sinks();
  prepare_open_pads();
  if (complaints_.empty() && !only_parsed_) {
    play(limit);
    judge();
  }
  tear_down();
  return complaints_;
}

// ---- what goes in ---------------------------------------------------------------------------

wrap::Ref<GstElement> Trial::make_input(const std::string& launch, const std::string& name) {
  wrap::Owned<GError> error;
  auto input = wrap::Ref<GstElement>::sink(gst_parse_bin_from_description_full(
      launch.c_str(), TRUE, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, wrap::OutParam(error)));
  if (error || !input) {
    complain(1, fmt::format("test input cannot be made: {}", error ? error->message : "no text"));
    return {};
  }
  gst_object_set_name(GST_OBJECT(input.get()), name.c_str());
  return input;
}

void Trial::prepare_hook(const Hook& hook) {
  GstElement* element = instance_.hook(hook.name);
  if (hook.factory == "appsrc") return feed_appsrc(hook, element);
  if (hook.factory == "parleysrc") return replace_source(hook, element, true);
  // A mixer may call itself a source, too.
  if (has_pads_on_request(element)) {
    if (!first_pad(element, GST_PAD_SINK)) feed_pads(hook, element);
    if (GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SOURCE) != 0)
      live_mixers_.push_back(hook.name);
    return;
  }
  if (GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SOURCE) != 0)
    replace_source(hook, element, false);
}

void Trial::feed_appsrc(const Hook& hook, GstElement* appsrc) {
  const auto frames = test_media(hook.media);
  if (!frames)
    return complain(
        hook.line, fmt::format("hook '{}': there is no test input for '{}'; there is {}", hook.name,
                               hook.media, fmt::join(media_words(), ", ")));
  const auto input =
      make_input(*frames + " ! appsink name=feed sync=false async=false emit-signals=true",
                 "test-input-" + hook.name);
  if (!input) return;
  const auto feed = wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(input.get()), "feed"));
  GstCaps* caps = nullptr;
  g_object_get(appsrc, "caps", &caps, nullptr);
  const auto wanted = wrap::Ref<GstCaps>::adopt(caps);
  if (const auto filter =
          wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(input.get()), "wanted"));
      filter && wanted)
    g_object_set(filter.get(), "caps", wanted.get(), nullptr);
  // Sets the caps of what it gives, as the program does.
  const auto push = +[](GstElement* sink, gpointer target) -> GstFlowReturn {
    GstSample* sample = nullptr;
    g_signal_emit_by_name(sink, "pull-sample", &sample);
    if (sample == nullptr) return GST_FLOW_EOS;
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name(target, "push-sample", sample, &flow);
    gst_sample_unref(sample);
    return GST_FLOW_OK;
  };
  const auto end = +[](GstElement* /*sink*/, gpointer target) {
    GstFlowReturn flow = GST_FLOW_OK;
    g_signal_emit_by_name(target, "end-of-stream", &flow);
  };
  g_signal_connect_object(feed.get(), "new-sample", G_CALLBACK(push), appsrc,
                          static_cast<GConnectFlags>(0));
  g_signal_connect_object(feed.get(), "eos", G_CALLBACK(end), appsrc,
                          static_cast<GConnectFlags>(0));
  // A pipeline of its own, for it runs while this one waits for its first buffer.
  auto feeder = wrap::Ref<GstElement>::sink(gst_pipeline_new(("feeder-" + hook.name).c_str()));
  gst_bin_add(GST_BIN(feeder.get()), input.get());
  feeders_.push_back(std::move(feeder));
  story_ += fmt::format("{} <- {}, ", hook.name, hook.media);
}

// In the place of an element that fetches something.
void Trial::replace_source(const Hook& hook, GstElement* element, bool rtp) {
  if (!first_pad(element, GST_PAD_SRC)) {
    runs_ = false;
    story_ = fmt::format("read, but not run: what comes out of {} is known once it is connected",
                         hook.name);
    return;
  }
  if (hook.media == "any") {
    only_parsed_ = true;
    story_ += fmt::format("not run, for '{}' fetches what no test input stands for, ", hook.name);
    return;
  }
  const auto text = rtp ? test_rtp(hook.media) : test_media(hook.media);
  if (!text)
    return complain(
        hook.line,
        fmt::format("hook '{}': there is no test input for '{}'{}; there is {}", hook.name,
                    hook.media, rtp ? " in RTP" : "", fmt::join(media_words(), ", ")));
  const auto pad = first_pad(element, GST_PAD_SRC);
  const auto peer = wrap::Ref<GstPad>::adopt(pad ? gst_pad_get_peer(pad.get()) : nullptr);
  const auto input = make_input(*text, "test-input-" + hook.name);
  if (!input) return;
  if (!peer) {
    complain(hook.line, fmt::format("hook '{}': nothing is linked to its source pad", hook.name));
    return;
  }
  gst_pad_unlink(pad.get(), peer.get());
  const auto bin = wrap::Ref<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(element)));
  gst_bin_remove(GST_BIN(bin.get()), element);
  gst_bin_add(GST_BIN(bin.get()), input.get());
  const auto source = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(input.get(), "src"));
  const GstPadLinkReturn linked = gst_pad_link(source.get(), peer.get());
  if (linked != GST_PAD_LINK_OK)
    complain(hook.line, fmt::format("hook '{}': what follows it does not take {}{}", hook.name,
                                    hook.media, rtp ? " in RTP" : ""));
  story_ += fmt::format("{} <- {}, ", hook.name, hook.media);
}

// To an element that has a pad for each input.
void Trial::feed_pads(const Hook& hook, GstElement* element) {
  const auto text = test_media(hook.media);
  if (!text)
    return complain(
        hook.line, fmt::format("hook '{}': there is no test input for '{}'; there is {}", hook.name,
                               hook.media, fmt::join(media_words(), ", ")));
  for (int i = 0; i < 2; ++i) {
    const auto input = make_input(*text, fmt::format("test-input-{}-{}", hook.name, i));
    if (!input) return;
    const auto bin = wrap::Ref<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(element)));
    gst_bin_add(GST_BIN(bin.get()), input.get());
    if (gst_element_link_pads(input.get(), "src", element, nullptr) == FALSE)
      return complain(hook.line, fmt::format("hook '{}' does not take {}", hook.name, hook.media));
  }
  story_ += fmt::format("{} <- 2 x {}, ", hook.name, hook.media);
}

// ---- what is open ---------------------------------------------------------------------------

// The bin's own pads: what is not linked in the text.
void Trial::prepare_open_pads() {
  const auto source = first_pad(instance_.bin(), GST_PAD_SRC);
  if (source) {
    GstElement* sink = gst_element_factory_make("fakesink", "open-end");
    g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add(GST_BIN(pipeline_.get()), sink);
    const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
    gst_pad_link(source.get(), pad.get());
    watch(pad.get(), "the open end", true);
  }
  const auto open = first_pad(instance_.bin(), GST_PAD_SINK);
  if (!open) return;
  for (const char* media : {"raw-audio", "raw-video"}) {
    const auto input = make_input(*test_media(media), "test-input");
    if (!input) return;
    gst_bin_add(GST_BIN(pipeline_.get()), input.get());
    const auto pad = wrap::Ref<GstPad>::adopt(gst_element_get_static_pad(input.get(), "src"));
    if (gst_pad_link(pad.get(), open.get()) == GST_PAD_LINK_OK) {
      story_ += fmt::format("its open beginning <- {}, ", media);
      return;
    }
    gst_bin_remove(GST_BIN(pipeline_.get()), input.get());
  }
  complain(1, "its open beginning takes neither raw-audio nor raw-video");
}

// ---- the run --------------------------------------------------------------------------------

void Trial::end_own_sources() {
  for (const std::string& name : own_sources_) {
    const auto element =
        wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(instance_.bin()), name.c_str()));
    if (element) gst_element_send_event(element.get(), gst_event_new_eos());
  }
  // One that was told to be live goes on when its inputs have ended.
  for (const std::string& name : live_mixers_)
    if (const auto pad = first_pad(instance_.hook(name), GST_PAD_SRC))
      gst_pad_push_event(pad.get(), gst_event_new_eos());
}

bool Trial::all_ended() const {
  return !outlets_.empty() && std::all_of(outlets_.begin(), outlets_.end(), [](const auto& outlet) {
    return outlet->ended || !outlet->awaited;
  });
}

bool Trial::heard(GstMessage* message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS)
    return GST_MESSAGE_SRC(message) == GST_OBJECT_CAST(pipeline_.get());
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) return false;
  wrap::Owned<GError> error;
  wrap::Owned<char> detail;
  gst_message_parse_error(message, wrap::OutParam(error), wrap::OutParam(detail));
  // Up to something that the text names.
  int line = 0;
  for (GstObject* at = GST_MESSAGE_SRC(message); at != nullptr && line == 0; at = at->parent) {
    std::string_view name = GST_OBJECT_NAME(at);
    constexpr std::string_view kInput = "test-input-";
    if (name.starts_with(kInput)) name.remove_prefix(kInput.size());
    line = description_.line_of_element(name);
    if (line == 0) line = description_.line_of_unnamed(name);
  }
  std::string more = detail ? detail.get() : "";
  if (const std::size_t last = more.rfind('\n'); last != std::string::npos) more.erase(0, last + 1);
  complain(line, fmt::format("{}: {}{}{}", GST_MESSAGE_SRC_NAME(message), error->message,
                             more.empty() ? "" : " ", more));
  return true;
}

void Trial::play(std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto bus = wrap::Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  for (const auto& feeder : feeders_) {
    gst_element_set_bus(feeder.get(), bus.get());
    gst_element_set_state(feeder.get(), GST_STATE_PLAYING);
  }
  const bool failed =
      gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE;
  bool ended_own = own_sources_.empty() && live_mixers_.empty();
  while (true) {
    const auto message =
        wrap::Ref<GstMessage>::adopt(gst_bus_timed_pop(bus.get(), failed ? 0 : 20 * GST_MSECOND));
    if (message && heard(message.get())) break;
    if (!message && failed) return complain(1, "it cannot start");
    // An error is on the bus before the end that it brings.
    if (!message && all_ended()) break;
    const auto passed = Clock::now() - began;
    if (!ended_own && passed > kOwnSourcesRun) {
      ended_own = true;
      end_own_sources();
    }
    if (passed <= limit) continue;
    for (const auto& outlet : outlets_)
      if (!outlet->ended && outlet->awaited)
        complain(
            description_.line_of_element(outlet->name),
            fmt::format("the end of the input has not come to {} within {} s ({} buffers have)",
                        outlet->name, static_cast<double>(limit.count()) / 1000,
                        outlet->buffers.load()));
    if (complaints_.empty())
      complain(
          1, fmt::format("it does not end within {} s", static_cast<double>(limit.count()) / 1000));
    return;
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  for (const auto& outlet : outlets_)
    story_ += fmt::format("{} -> {} buffers, ", outlet->name, outlet->buffers.load());
  story_ += fmt::format("{:.1f} s", static_cast<double>(took.count()) / 1000);
}

void Trial::judge() {
  if (!complaints_.empty()) return;
  for (const auto& outlet : outlets_)
    if (outlet->hook && outlet->buffers == 0)
      complain(description_.line_of_element(outlet->name),
               fmt::format("nothing of the test input has come to {}", outlet->name));
}

// To NULL on another thread: a stuck element keeps the pipeline and what its probes count into.
void Trial::tear_down() {
  struct Done {
    std::mutex mutex;
    std::condition_variable wake;
    bool done = false;
  };
  const auto done = std::make_shared<Done>();
  std::thread([pipeline = pipeline_, feeders = feeders_, done]() mutable {
    for (const auto& feeder : feeders) gst_element_set_state(feeder.get(), GST_STATE_NULL);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    feeders.clear();
    pipeline.reset();
    const std::scoped_lock lock(done->mutex);
    done->done = true;
    done->wake.notify_one();
  }).detach();
  std::unique_lock lock(done->mutex);
  if (done->wake.wait_for(lock, kTearDownLimit, [&] { return done->done; })) return;
  complain(1, "it cannot be stopped: an element hangs");
  for (auto& outlet : outlets_) (void)outlet.release();
  files_.clear();
}

}  // namespace parley::pipeline
