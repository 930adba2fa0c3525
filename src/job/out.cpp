// Sends a call on: composes it, and hands it to its target.
#include <fmt/format.h>
#include <glib.h>

#include <utility>

#include "base/url.h"
#include "job/compose.h"
#include "job/out_target.h"
#include "job/pinned_network.h"
#include "job/work.h"

namespace parley::job {
namespace {

constexpr guint kProgressMs = 2'000;

class OutWork : public Work {
 public:
  OutWork(const Context& context, Out out)
      : context_(context),
        out_(std::move(out)),
        target_(context.pipelines, out_,
                {[this](const StateReport& report) { context_.report(report); },
                 [this] { composer_.request_key_frame(); }}),
        composer_(context, options(),
                  {[this](base::Kind kind, const wrap::Ref<GstSample>& sample) {
                     target_.push(kind, sample.get());
                   },
                   [this](const base::Error& error) { end(tl::unexpected(error)); }}) {}
  ~OutWork() override {
    if (progress_ != 0) g_source_remove(progress_);
    composer_.stop();
  }
  OutWork(const OutWork&) = delete;
  OutWork& operator=(const OutWork&) = delete;

  base::Result<void> start() override {
    if (!out_.address.empty()) {
      const auto url = base::parse_url(out_.url);
      if (!url) return tl::unexpected(url.error());
      if (auto pinned = pin_network(url->host, out_.address, {url->port}); !pinned) return pinned;
    } else if (out_.kind != "hls") {
      return base::fail(base::Code::kInvalid, "the job names no address to send to");
    }
    if (auto started = composer_.start(); !started) return started;
    if (auto started = target_.start(composer_.base_time()); !started) return started;
    started_at_ = g_get_monotonic_time();
    progress_ = g_timeout_add(kProgressMs, on_progress, this);
    return {};
  }
  void track_added(const std::string& owner, base::Source source) override {
    composer_.track_added(owner, source);
  }
  void track_removed(const std::string& owner, base::Source source) override {
    composer_.track_removed(owner, source);
  }
  void stop() override { end({}); }

 private:
  Composer::Options options() const {
    Composer::Options made;
    made.layout = out_.layout;
    made.codecs = Codecs::kH264Aac;
    made.picture = context_.spec.picture;
    made.only = out_.only;
    return made;
  }
  static gboolean on_progress(gpointer data) noexcept {
    auto* self = static_cast<OutWork*>(data);
    self->context_.report(Progress{(g_get_monotonic_time() - self->started_at_) / 1000,
                                   self->target_.bytes(), self->target_.dropped(), std::nullopt});
    return G_SOURCE_CONTINUE;
  }
  void end(base::Result<void> result) {
    if (std::exchange(ending_, true)) return;
    composer_.stop();
    target_.stop([this, result = std::move(result)] { context_.finished(result); });
  }

  const Context& context_;
  const Out out_;
  OutTarget target_;
  Composer composer_;
  gint64 started_at_ = 0;  // g_get_monotonic_time()'s
  guint progress_ = 0;
  bool ending_ = false;
};

}  // namespace

std::unique_ptr<Work> make_out(const Context& context, const Out& out) {
  return std::make_unique<OutWork>(context, out);
}

}  // namespace parley::job
