// The log: one sink, to standard error or the journal, for us, GLib and GStreamer.
//
// Never tokens, keys or session descriptions; addresses only at debug. Any thread.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

namespace parley::app {

enum class LogLevel { kError, kWarning, kInfo, kDebug };

// To be called once, before other threads: routes GLib's structured log and GStreamer's warnings
// and errors into the sink. What is below `level` is dropped.
void start_log(LogLevel level);

void log_line(LogLevel level, const std::string& message);

template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace parley::app
