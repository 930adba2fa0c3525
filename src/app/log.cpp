#include "app/log.h"

#include <glib.h>
#include <gst/gst.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <ctime>

namespace parley::app {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

LogLevel level_of(GLogLevelFlags flags) {
  if ((flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0) return LogLevel::kError;
  if ((flags & G_LOG_LEVEL_WARNING) != 0) return LogLevel::kWarning;
  if ((flags & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO)) != 0) return LogLevel::kInfo;
  return LogLevel::kDebug;
}

GLogLevelFlags flags_of(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      // Not G_LOG_LEVEL_ERROR: GLib ends the process on that.
      return G_LOG_LEVEL_CRITICAL;
    case LogLevel::kWarning:
      return G_LOG_LEVEL_WARNING;
    case LogLevel::kInfo:
      return G_LOG_LEVEL_MESSAGE;
    case LogLevel::kDebug:
      return G_LOG_LEVEL_DEBUG;
  }
  return G_LOG_LEVEL_DEBUG;
}

struct Look {
  const char* name;
  const char* colour;
};
Look look_of(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return {"error", "\033[31m"};
    case LogLevel::kWarning:
      return {"warning", "\033[33m"};
    case LogLevel::kInfo:
      return {"info", ""};
    case LogLevel::kDebug:
      return {"debug", "\033[2m"};
  }
  return {"debug", ""};
}

std::string clock_text() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  localtime_r(&now.tv_sec, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return fmt::format("{}.{:03}", text.data(), now.tv_nsec / 1'000'000);
}

const char* field(const GLogField* fields, gsize count, const char* key) {
  for (gsize i = 0; i < count; ++i)
    if (std::strcmp(fields[i].key, key) == 0) return static_cast<const char*>(fields[i].value);
  return nullptr;
}

GLogWriterOutput write(GLogLevelFlags flags, const GLogField* fields, gsize count,
                       gpointer) noexcept {
  static const bool journal = g_log_writer_is_journald(STDERR_FILENO);
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  const LogLevel level = level_of(flags);
  if (level > g_level.load(std::memory_order_relaxed)) return G_LOG_WRITER_HANDLED;
  if (journal) return g_log_writer_journald(flags, fields, count, nullptr);
  const char* message = field(fields, count, "MESSAGE");
  const char* domain = field(fields, count, "GLIB_DOMAIN");
  const Look look = look_of(level);
  const bool foreign = domain != nullptr && std::strcmp(domain, "parley") != 0;
  const std::string line =
      fmt::format("{} {}{:7}{} {}{}{}\n", clock_text(), terminal ? look.colour : "", look.name,
                  terminal ? "\033[0m" : "", foreign ? domain : "", foreign ? ": " : "",
                  message != nullptr ? message : "");
  // One write, so that lines of several threads do not mix.
  const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  static_cast<void>(written);
  return G_LOG_WRITER_HANDLED;
}

// What GStreamer warns of in every good call. webrtcbin misses the SSRCs of lines it shall send on;
// our own packet path sends there, and the description we write names them.
bool is_expected(std::string_view category, std::string_view text) {
  return category == "webrtcbin" && text.ends_with("are missing ssrc");
}

void on_gstreamer_message(GstDebugCategory* category, GstDebugLevel level, const gchar*,
                          const gchar*, gint, GObject*, GstDebugMessage* message,
                          gpointer) noexcept {
  if (level == GST_LEVEL_NONE || level > GST_LEVEL_WARNING) return;
  const char* name = gst_debug_category_get_name(category);
  const char* text = gst_debug_message_get(message);
  if (text == nullptr || is_expected(name, text)) return;
  log_line(level == GST_LEVEL_ERROR ? LogLevel::kError : LogLevel::kWarning,
           fmt::format("{}: {}", name, text));
}

}  // namespace

void start_log(LogLevel level) {
  g_level = level;
  g_log_set_writer_func(write, nullptr, nullptr);
  // GStreamer's own printer stays when somebody asked for it with GST_DEBUG.
  if (g_getenv("GST_DEBUG") != nullptr) return;
  // In brackets: the macros of these names compare pointers ISO C++ keeps apart.
  (gst_debug_remove_log_function)(nullptr);
  (gst_debug_add_log_function)(on_gstreamer_message, nullptr, nullptr);
  gst_debug_set_default_threshold(GST_LEVEL_WARNING);
}

void log_line(LogLevel level, const std::string& message) {
  if (level > g_level.load(std::memory_order_relaxed)) return;
  g_log_structured("parley", flags_of(level), "MESSAGE", "%s", message.c_str());
}

}  // namespace parley::app
