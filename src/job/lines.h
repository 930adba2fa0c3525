// Bytes that arrive in pieces, as lines. Thread-compatible.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace parley::job {

class Lines {
 public:
  explicit Lines(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // False: a line is longer than that, and nothing more can be made of it.
  [[nodiscard]] bool feed(std::string_view bytes,
                          const std::function<void(std::string_view line)>& on_line) {
    while (true) {
      const std::size_t end = bytes.find('\n');
      if (rest_.size() + std::min(end, bytes.size()) > most_bytes_) return false;
      rest_.append(bytes.substr(0, end));
      if (end == std::string_view::npos) return true;
      std::string line;
      line.swap(rest_);
      bytes.remove_prefix(end + 1);
      if (line.ends_with('\r')) line.pop_back();
      on_line(line);
    }
  }
  // What has no end of line yet.
  [[nodiscard]] const std::string& rest() const { return rest_; }

 private:
  const std::size_t most_bytes_;
  std::string rest_;
};

}  // namespace parley::job
