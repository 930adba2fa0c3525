// Owned<T>: a C value with one owner (GError, char*, …), freed by its own function.
#pragma once

#include <glib.h>

#include <memory>

namespace parley::wrap {

// How to free a T. Undefined on purpose for types nobody has named.
template <class T>
struct OwnedTraits;

template <class T>
struct OwnedDeleter {
  void operator()(T* p) const { OwnedTraits<T>::free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, OwnedDeleter<T>>;

template <>
struct OwnedTraits<char> {
  static void free(char* p) { g_free(p); }
};
template <>
struct OwnedTraits<GError> {
  static void free(GError* p) { g_error_free(p); }
};

// For (out) (transfer full) arguments: `f(a, OutParam(owned))`.
template <class T>
class OutParam {
 public:
  explicit OutParam(Owned<T>& target) : target_(target) { target_.reset(); }
  ~OutParam() { target_.reset(p_); }
  OutParam(const OutParam&) = delete;
  OutParam& operator=(const OutParam&) = delete;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the T** of a C call.
  operator T**() { return &p_; }

 private:
  Owned<T>& target_;
  T* p_ = nullptr;
};

}  // namespace parley::wrap
