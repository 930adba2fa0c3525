// Owners of GLib things this room uses, so that no raw pointer owns anything.
#pragma once

#include <gio/gio.h>

#include <memory>
#include <string>

namespace parley::net {

struct ObjectUnref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
// One reference to a GObject; made from a (transfer full) pointer.
template <class T>
using Object = std::unique_ptr<T, ObjectUnref>;

struct Free {
  void operator()(gpointer memory) const { g_free(memory); }
};
using Chars = std::unique_ptr<char, Free>;

// An attached source; destroyed with its owner, so that its callback cannot outlive the data.
struct SourceDestroy {
  void operator()(GSource* source) const {
    g_source_destroy(source);
    g_source_unref(source);
  }
};
using Source = std::unique_ptr<GSource, SourceDestroy>;

// For (out) GError arguments: `g_thing(…, error.out())`.
class ErrorOut {
 public:
  ErrorOut() = default;
  ~ErrorOut() { g_clear_error(&error_); }
  ErrorOut(const ErrorOut&) = delete;
  ErrorOut& operator=(const ErrorOut&) = delete;
  [[nodiscard]] GError** out() { return &error_; }
  [[nodiscard]] explicit operator bool() const { return error_ != nullptr; }
  [[nodiscard]] bool matches(GQuark domain, int code) const {
    return g_error_matches(error_, domain, code);
  }
  [[nodiscard]] std::string message() const { return error_ ? error_->message : "unknown error"; }

 private:
  GError* error_ = nullptr;
};

}  // namespace parley::net
