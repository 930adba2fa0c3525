// Brings something into a call: feeds the port that was opened for it.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "base/url.h"
#include "job/in_source.h"
#include "job/nested_sources.h"
#include "job/pinned_network.h"
#include "job/work.h"

namespace parley::job {
namespace {

// Below the folder, by the kernel's word; -1: there is no such plain file.
int open_beneath(const std::string& folder, const std::string& name) {
  const int at = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) return -1;
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const int file = static_cast<int>(syscall(SYS_openat2, at, name.c_str(), &how, sizeof how));
  ::close(at);
  struct stat info {};
  if (file >= 0 && (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))) {
    ::close(file);
    return -1;
  }
  return file;
}

class InWork : public Work {
 public:
  InWork(const Context& context, In in) : context_(context), in_(std::move(in)) {}
  ~InWork() override {
    source_.reset();
    if (file_ >= 0) ::close(file_);
  }
  InWork(const InWork&) = delete;
  InWork& operator=(const InWork&) = delete;

  base::Result<void> start() override {
    forbid_nested_sources(in_.kind);
    if (in_.kind == "file") {
      file_ = open_beneath(in_.address, in_.url);
      if (file_ < 0)
        return base::fail(base::Code::kNotFound, "there is no such file in the server's folder");
    } else {
      const auto url = base::parse_url(in_.url);
      if (!url) return tl::unexpected(url.error());
      std::vector<std::uint16_t> ports = {url->port};
      // A server of playlists may lead from http to https.
      if (in_.kind == "hls") ports.insert(ports.end(), {80, 443});
      if (auto pinned = pin_network(url->host, in_.address, std::move(ports)); !pinned)
        return pinned;
    }
    if (port_) return begin();
    return {};
  }
  void track_added(const std::string& /*owner*/, base::Source /*source*/) override {}
  void track_removed(const std::string& /*owner*/, base::Source /*source*/) override {}
  // Nothing can be fed before there is a port.
  void port_added(const std::string& owner) override {
    if (owner != in_.owner || std::exchange(port_, true)) return;
    if (auto begun = begin(); !begun) end(tl::unexpected(begun.error()));
  }
  void stop() override { end({}); }

 private:
  base::Result<void> begin() {
    if (source_ || ending_) return {};
    source_ = std::make_unique<InSource>(
        context_.pipelines, context_.spec.call, in_, file_,
        InSource::Callbacks{[this](const StateReport& report) { context_.report(report); },
                            [this] { end({}); }});
    return source_->start();
  }
  void end(base::Result<void> result) {
    if (std::exchange(ending_, true)) return;
    if (!source_) return context_.finished(std::move(result));
    source_->stop([this, result = std::move(result)] { context_.finished(result); });
  }

  const Context& context_;
  const In in_;
  int file_ = -1;
  bool port_ = false;
  bool ending_ = false;
  std::unique_ptr<InSource> source_;
};

}  // namespace

std::unique_ptr<Work> make_in(const Context& context, const In& in) {
  return std::make_unique<InWork>(context, in);
}

}  // namespace parley::job
