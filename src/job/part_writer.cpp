#include "job/part_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gst/app/gstappsrc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace parley::job {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr mode_t kFileMode = 0640;

wrap::Ref<GstElement> make_source(const pipeline::Instance& made,
                                  const PartWriter::Stream& stream) {
  GstElement* source = made.hook(stream.hook);
  const bool good = source != nullptr && GST_IS_APP_SRC(source) != FALSE;
  if (!good) return {};
  // Frames are turned away in push(), where it is known what that means; here nothing waits.
  g_object_set(source, "caps", stream.caps.get(), "format", GST_FORMAT_TIME, "is-live", FALSE,
               "block", FALSE, "max-bytes", guint64{0}, "max-buffers", guint64{0}, "max-time",
               guint64{0}, nullptr);
  return wrap::Ref<GstElement>::retain(source);
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

base::Error disk_error(const std::string& doing, int error_number) {
  if (error_number == ENOSPC || error_number == EDQUOT)
    return {Code::kUnavailable, "There is no space left on the disk of the recordings."};
  if (error_number == EROFS)
    return {Code::kUnavailable, "The disk of the recordings is read-only."};
  return {Code::kUnavailable, fmt::format("The disk of the recordings failed at {}: {}.", doing,
                                          std::strerror(error_number))};
}

Result<std::unique_ptr<PartWriter>> PartWriter::open(const pipeline::Folders& pipelines, Disk& disk,
                                                     int folder, Options options) {
  std::unique_ptr<PartWriter> writer(new PartWriter(disk, folder, std::move(options)));
  if (auto started = writer->start(pipelines); !started) return tl::unexpected(started.error());
  return writer;
}

PartWriter::PartWriter(Disk& disk, int folder, Options options)
    : disk_(disk),
      folder_(folder),
      file_(options.file),
      options_(std::move(options)),
      syncing_(std::make_shared<Syncing>()) {}

Result<void> PartWriter::start(const pipeline::Folders& pipelines) {
  auto description = pipelines.load(options_.pipeline);
  if (!description) return tl::unexpected(description.error());
  auto made = description->make();
  if (!made) return tl::unexpected(made.error());
  GstElement* sink = made->hook("file");
  if (sink == nullptr) return fail(Code::kInvalid, options_.pipeline + " has no hook 'file'");
  for (const Stream& stream : options_.streams) {
    sources_.push_back(make_source(*made, stream));
    if (!sources_.back())
      return fail(Code::kInvalid, fmt::format("{} has no hook '{}' that is an appsrc",
                                              options_.pipeline, stream.hook));
  }
  const int fd =
      openat(folder_, file_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode);
  if (fd < 0) return tl::unexpected(disk_error("opening a file", errno));
  descriptor_ = std::make_shared<Descriptor>(fd);
  g_object_set(sink, "fd", fd, "sync", FALSE, "async", FALSE, nullptr);

  pipeline_ = wrap::Ref<GstElement>::sink(gst_pipeline_new(nullptr));
  gst_bin_add(GST_BIN(pipeline_.get()), made->bin());
  const auto bus = wrap::Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  watch_ = gst_bus_add_watch(bus.get(), on_message, this);
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    return fail(Code::kInternal, fmt::format("The pipeline {} does not start.", options_.pipeline));
  return {};
}

PartWriter::~PartWriter() {
  if (watch_ != 0) g_source_remove(watch_);
  if (!pipeline_ || finishing_) return;
  // Joins the writing thread, which may hang in the disk.
  disk_.run([pipeline = std::move(pipeline_), file = std::move(descriptor_)]() -> Disk::Then {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return {};
  });
}

bool PartWriter::push(std::size_t stream, const wrap::Ref<GstBuffer>& frame) {
  if (failed_ || closing_ || is_behind(stream)) return false;
  auto* source = GST_APP_SRC(sources_.at(stream).get());
  auto copy = wrap::Ref<GstBuffer>(frame);
  return gst_app_src_push_buffer(source, copy.release()) == GST_FLOW_OK;
}

bool PartWriter::is_behind(std::size_t stream) const {
  auto* source = GST_APP_SRC(sources_.at(stream).get());
  return gst_app_src_get_current_level_time(source) >= kMostWaiting ||
         gst_app_src_get_current_level_bytes(source) >= kMostWaitingBytes;
}

void PartWriter::sync() {
  if (syncing_->busy || failed_ || closing_) return;
  syncing_->busy = true;
  disk_.run([file = descriptor_, syncing = syncing_]() -> Disk::Then {
    if (fdatasync(file->get()) != 0) syncing->error = errno;  // told when the file is closed
    return [syncing] { syncing->busy = false; };
  });
}

std::uint64_t PartWriter::bytes() const {
  struct stat status {};
  return fstat(descriptor_->get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void PartWriter::note_offset(double offset_ms) {
  const auto muxer = wrap::Ref<GstElement>::adopt(
      gst_bin_get_by_interface(GST_BIN(pipeline_.get()), GST_TYPE_TAG_SETTER));
  if (!muxer || closing_) return;
  gst_tag_setter_add_tags(GST_TAG_SETTER(muxer.get()), GST_TAG_MERGE_REPLACE, GST_TAG_COMMENT,
                          fmt::format("{}{:.1f} ms", kOffsetTag, offset_ms).c_str(), nullptr);
}

void PartWriter::close(std::function<void(Result<void>)> closed) {
  if (closing_) return;
  closing_ = true;
  closed_ = std::move(closed);
  if (failed_) return finish();
  for (const auto& source : sources_) gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
}

gboolean PartWriter::on_message(GstBus* /*bus*/, GstMessage* message, gpointer self) noexcept {
  auto* writer = static_cast<PartWriter*>(self);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) writer->take_error(message);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS && writer->closing_) writer->finish();
  return G_SOURCE_CONTINUE;
}

void PartWriter::take_error(GstMessage* message) {
  if (failed_ || finishing_) return;
  failed_ = true;
  wrap::Owned<GError> error;
  gst_message_parse_error(message, wrap::OutParam(error), nullptr);
  const bool full =
      g_error_matches(error.get(), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT) != FALSE;
  base::Error why = full ? disk_error("writing", ENOSPC)
                         : base::Error{Code::kUnavailable,
                                       fmt::format("A part of the recording cannot be written: {}",
                                                   error->message)};
  outcome_ = tl::unexpected(why);
  if (closing_) return finish();
  if (options_.on_failed) options_.on_failed(std::move(why));
}

// The name is on disk when the folder is. What could be written stays.
void PartWriter::finish() {
  if (finishing_) return;
  finishing_ = true;
  disk_.run([pipeline = pipeline_, file = descriptor_, folder = folder_, outcome = outcome_,
             closed = closed_, syncing = syncing_]() -> Disk::Then {
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    Result<void> result = outcome;
    if (fsync(file->get()) != 0) syncing->error = errno;
    if (syncing->error != 0 && result)
      result = tl::unexpected(disk_error("syncing", syncing->error));
    if (fsync(folder) != 0 && result) result = tl::unexpected(disk_error("syncing", errno));
    return [closed, result] { closed(result); };
  });
}

}  // namespace parley::job
