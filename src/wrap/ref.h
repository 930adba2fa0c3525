// Ref<T>: a strong reference to a shared C object of GLib or GStreamer.
//
// GLib counts references by hand, and "transfer full", "none" and "floating" look the same in C++.
// A Ref is made only by naming which of them it is, so that each reference is dropped exactly once.
//
// A Ref is as thread-safe as a pointer: the count is atomic, the Ref itself is not.
#pragma once

#include <glib-object.h>

#include <cstddef>
#include <utility>

namespace parley::wrap {

// How to hold a T: `acquire`, `acquire_floating` where T can float, and `release`. Left undefined
// on purpose: a type without traits does not compile, so a forgotten header can never fall back to
// g_object_unref on a mini object.
template <class T>
struct RefTraits;

// For types that are GObjects: `template <> struct RefTraits<GFoo> : GObjectTraits<GFoo> {};`
template <class T>
struct GObjectTraits {
  static void acquire(T* p) { g_object_ref(p); }
  static void acquire_floating(T* p) { g_object_ref_sink(p); }
  static void release(T* p) { g_object_unref(p); }
};

template <class T>
class Ref {
 public:
  Ref() = default;
  [[nodiscard]] static Ref adopt(T* p) { return Ref(p); }  // (transfer full)
  [[nodiscard]] static Ref retain(T* p) {                  // (transfer none)
    if (p != nullptr) RefTraits<T>::acquire(p);
    return Ref(p);
  }
  [[nodiscard]] static Ref sink(T* p) {  // (transfer floating)
    if (p != nullptr) RefTraits<T>::acquire_floating(p);
    return Ref(p);
  }

  Ref(const Ref& other) : p_(other.p_) {
    if (p_ != nullptr) RefTraits<T>::acquire(p_);
  }
  Ref(Ref&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Ref() { reset(); }

  [[nodiscard]] T* get() const { return p_; }                        // (transfer none)
  [[nodiscard]] T* release() { return std::exchange(p_, nullptr); }  // (transfer full)
  // For (out) (transfer full) arguments; what was held is dropped first.
  [[nodiscard]] T** out() {
    reset();
    return &p_;
  }
  void reset() {
    if (T* p = std::exchange(p_, nullptr)) RefTraits<T>::release(p);
  }
  explicit operator bool() const { return p_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.p_ == b.p_; }

 private:
  explicit Ref(T* p) : p_(p) {}
  T* p_ = nullptr;
};

template <>
struct RefTraits<GObject> : GObjectTraits<GObject> {};

template <>
struct RefTraits<GMainContext> {
  static void acquire(GMainContext* p) { g_main_context_ref(p); }
  static void release(GMainContext* p) { g_main_context_unref(p); }
};

template <>
struct RefTraits<GMainLoop> {
  static void acquire(GMainLoop* p) { g_main_loop_ref(p); }
  static void release(GMainLoop* p) { g_main_loop_unref(p); }
};

template <>
struct RefTraits<GBytes> {
  static void acquire(GBytes* p) { g_bytes_ref(p); }
  static void release(GBytes* p) { g_bytes_unref(p); }
};

}  // namespace parley::wrap
