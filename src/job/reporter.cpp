#include "job/reporter.h"

#include <glib-unix.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace parley::job {
namespace {

constexpr std::size_t kMostNews = 256;    // lines that wait; our choice
constexpr std::size_t kMostLines = 4096;  // a day of parts of 10 tracks is 14,400: see drop_news()

bool is_news(const Report& report) {
  if (const auto* part = std::get_if<Part>(&report)) return !part->closed;
  return std::holds_alternative<Progress>(report) || std::holds_alternative<Beat>(report);
}

bool takes_more(int fd, int wait_ms) {
  pollfd target{fd, POLLOUT, 0};
  return poll(&target, 1, wait_ms) == 1 && (target.revents & (POLLOUT | POLLERR | POLLHUP)) != 0;
}

}  // namespace

Reporter::~Reporter() {
  if (source_ != 0) g_source_remove(source_);
}

void Reporter::report(const Report& report) {
  if (broken_) return;
  const bool news = is_news(report);
  if (news && lines_.size() >= kMostNews) drop_news();
  // Who has not read thousands of closed parts is gone; they are on disk all the same.
  if (lines_.size() >= kMostLines) lines_.erase(lines_.begin() + 1);
  lines_.push_back({encode(report) + "\n", news});
  write_some();
}

void Reporter::drop_news() {
  // The first may be half written.
  const auto kept =
      std::remove_if(lines_.begin() + 1, lines_.end(), [](const Line& line) { return line.news; });
  lines_.erase(kept, lines_.end());
}

void Reporter::write_some() {
  while (!lines_.empty() && !broken_ && takes_more(fd_, 0)) {
    const std::string& text = lines_.front().text;
    // A pipe that is writable takes PIPE_BUF bytes at once (pipe(7)), so that this never waits.
    const std::size_t piece = std::min<std::size_t>(text.size() - written_, PIPE_BUF);
    const ssize_t taken = write(fd_, text.data() + written_, piece);
    if (taken < 0 && errno != EINTR && errno != EAGAIN) {
      broken_ = true;
      lines_.clear();
      written_ = 0;
      break;
    }
    if (taken < 0) break;
    written_ += static_cast<std::size_t>(taken);
    if (written_ < text.size()) continue;
    lines_.pop_front();
    written_ = 0;
  }
  if (!lines_.empty() && source_ == 0) source_ = g_unix_fd_add(fd_, G_IO_OUT, on_writable, this);
  if (lines_.empty() && source_ != 0) g_source_remove(std::exchange(source_, 0));
}

gboolean Reporter::on_writable(gint /*fd*/, GIOCondition /*condition*/, gpointer self) noexcept {
  auto* reporter = static_cast<Reporter*>(self);
  reporter->write_some();
  return G_SOURCE_CONTINUE;
}

void Reporter::flush(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!lines_.empty() && !broken_) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !takes_more(fd_, static_cast<int>(left.count()))) return;
    write_some();
  }
}

}  // namespace parley::job
