#include "tap_properties.h"

namespace parley::plugins {

namespace {

constexpr auto kFlags =
    static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

std::string text_of(const GValue* value) {
  const char* text = g_value_get_string(value);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

void install_tap_properties(GObjectClass* object_class, const char* source_default,
                            const char* call_blurb, const char* profile_blurb,
                            const char* source_blurb) {
  g_object_class_install_property(
      object_class, kPropSocket,
      g_param_spec_string("socket", "Socket",
                          "Path of the media worker's Unix socket. Not set: the environment "
                          "variable PARLEY_SOCKET, else parley/media.sock in XDG_RUNTIME_DIR, else "
                          "/run/parley/media.sock",
                          nullptr, kFlags));
  // Not readable, so that neither gst-launch-1.0 -v nor a drawing of the pipeline shows it.
  g_object_class_install_property(
      object_class, kPropSecret,
      g_param_spec_string("secret", "Secret",
                          "What the media worker lets this process in by. Not set: the environment "
                          "variable PARLEY_SECRET, else the content of the file SOCKET.key",
                          nullptr,
                          static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS |
                                                   GST_PARAM_MUTABLE_READY)));
  g_object_class_install_property(object_class, kPropCall,
                                  g_param_spec_string("call", "Call", call_blurb, nullptr, kFlags));
  g_object_class_install_property(
      object_class, kPropProfile,
      g_param_spec_string("profile", "Profile", profile_blurb, nullptr, kFlags));
  g_object_class_install_property(
      object_class, kPropSource,
      g_param_spec_string("source", "Source", source_blurb, source_default, kFlags));
}

bool set_tap_property(Options& options, guint id, const GValue* value) {
  switch (id) {
    case kPropSocket:
      options.socket = text_of(value);
      return true;
    case kPropSecret:
      options.secret = text_of(value);
      return true;
    case kPropCall:
      options.call = text_of(value);
      return true;
    case kPropProfile:
      options.profile = text_of(value);
      return true;
    case kPropSource:
      options.source = text_of(value);
      return true;
    default:
      return false;
  }
}

bool get_tap_property(const Options& options, guint id, GValue* value) {
  switch (id) {
    case kPropSocket:
      g_value_set_string(value, socket_of(options).c_str());
      return true;
    case kPropCall:
      g_value_set_string(value, options.call.c_str());
      return true;
    case kPropProfile:
      g_value_set_string(value, options.profile.c_str());
      return true;
    case kPropSource:
      g_value_set_string(value, options.source.c_str());
      return true;
    default:
      return false;
  }
}

}  // namespace parley::plugins
