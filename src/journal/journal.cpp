#include "journal/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "journal/hidden.h"
#include "journal/scribe.h"

namespace parley::journal {
namespace {

// What may wait for the disk. Our choice: a second of 2,000 calls of four devices.
constexpr std::size_t kMaxWaitingBytes = 16U << 20;
// What each journal begins with (write_header).
constexpr std::string_view kJournalStart = "{\"journal\":";
// What the mark of the end takes at most.
constexpr std::size_t kEndBytes = 64;

// A file, and the thread that appends to it.
class Writer {
 public:
  explicit Writer(int descriptor)
      : descriptor_(descriptor), thread_([this] { write_until_end(); }) {}
  ~Writer() {
    {
      const std::lock_guard lock(mutex_);
      end_ = true;
    }
    wake_.notify_one();
    thread_.join();
    close(descriptor_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Why it cannot take this; empty: it did.
  std::string append(const std::string& text) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (!problem_.empty()) return problem_;
      if (waiting_.size() + text.size() > kMaxWaitingBytes)
        return problem_ = "the disk does not keep up";
      waiting_ += text;
      wake = std::exchange(asleep_, false);
    }
    if (wake) wake_.notify_one();
    return {};
  }

 private:
  void write_until_end() {
    std::string batch;
    std::unique_lock lock(mutex_);
    while (true) {
      while (waiting_.empty() && !end_) {
        asleep_ = true;
        wake_.wait(lock);
      }
      if (waiting_.empty()) return;
      batch.clear();
      batch.swap(waiting_);
      lock.unlock();
      const std::string problem = write_out(batch);
      lock.lock();
      if (!problem.empty()) problem_ = problem;
      if (!problem_.empty()) waiting_.clear();
    }
  }

  std::string write_out(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = write(descriptor_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return std::strerror(errno);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  const int descriptor_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;  // these three: under the mutex
  std::string problem_;
  bool asleep_ = false;
  bool end_ = false;
  std::thread thread_;  // last: it uses the rest
};

std::string reason() { return std::strerror(errno); }

// Whether a file is a journal, or holds nothing at all.
bool is_journal(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, kJournalStart.size()> start{};
  file.read(start.data(), start.size());
  const std::string_view read(start.data(), static_cast<std::size_t>(file.gcount()));
  return read.empty() || read == kJournalStart;
}

// What stands under the name becomes PATH.1: it may be what somebody looks for.
base::Result<void> make_way(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  const std::string older = path + ".1";
  if (!S_ISREG(status.st_mode))
    return base::fail(base::Code::kUnavailable,
                      fmt::format("the journal {} would replace what is no file", path));
  if (!is_journal(path))
    return base::fail(
        base::Code::kUnavailable,
        fmt::format("{} is no journal and would be replaced by one; name another file, "
                    "or remove this one first",
                    path));
  if (std::rename(path.c_str(), older.c_str()) != 0)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("the journal {} cannot become {}: {}", path, older, reason()));
  return {};
}

}  // namespace

class Journal::Impl {
 public:
  Impl(std::string path, int descriptor, std::uint64_t max_bytes, const DigestKey& key,
       Stopped stopped)
      : path_(std::move(path)),
        max_bytes_(max_bytes),
        hidden_(key),
        stopped_(std::move(stopped)),
        writer_(descriptor) {}
  ~Impl() {
    if (running_) end();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void begin(const call::Limits& limits) {
    write_header(text_, limits);
    pass_on();
  }

  std::vector<call::Effect> handle(call::Machine& machine, const call::Input& input,
                                   base::Instant now) {
    if (running_) write_input(text_, input, now, hidden_);
    std::vector<call::Effect> effects = machine.handle(input, now);
    if (!running_) return effects;
    write_effects(text_, effects, hidden_);
    if (bytes_ + text_.size() + kEndBytes > max_bytes_) {
      text_.clear();
      end();
      stop(fmt::format("it has reached {} bytes", max_bytes_));
    } else {
      ++inputs_;
      pass_on();
    }
    return effects;
  }

 private:
  void pass_on() {
    bytes_ += text_.size();
    const std::string problem = writer_.append(text_);
    text_.clear();
    if (!problem.empty()) stop(problem);
  }
  void end() {
    write_end(text_, inputs_);
    writer_.append(text_);
    text_.clear();
  }
  void stop(const std::string& why) {
    running_ = false;
    stopped_(fmt::format("The journal {} stops here: {}.", path_, why));
  }

  const std::string path_;
  const std::uint64_t max_bytes_;
  const Hidden hidden_;
  const Stopped stopped_;
  std::string text_;  // being composed
  std::uint64_t bytes_ = 0;
  std::size_t inputs_ = 0;
  bool running_ = true;
  Writer writer_;
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Journal::~Journal() = default;

base::Result<std::unique_ptr<Journal>> Journal::open(const std::string& path,
                                                     std::uint64_t max_bytes,
                                                     const call::Limits& limits, Stopped stopped) {
  DigestKey key{};
  if (getrandom(key.data(), sizeof key, 0) != static_cast<ssize_t>(sizeof key))
    return base::fail(base::Code::kUnavailable, "no random numbers: " + reason());
  if (auto free = make_way(path); !free) return tl::unexpected(free.error());
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return base::fail(base::Code::kUnavailable,
                      fmt::format("the journal {} cannot be written: {}", path, reason()));
  auto impl = std::make_unique<Impl>(path, descriptor, max_bytes, key, std::move(stopped));
  impl->begin(limits);
  return std::unique_ptr<Journal>(new Journal(std::move(impl)));
}

std::vector<call::Effect> Journal::handle(call::Machine& machine, const call::Input& input,
                                          base::Instant now) {
  return impl_->handle(machine, input, now);
}

}  // namespace parley::journal
