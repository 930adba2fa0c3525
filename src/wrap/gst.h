// How to hold GStreamer's objects, and the bytes of a buffer as a scoped object.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "wrap/owned.h"
#include "wrap/ref.h"

namespace parley::wrap {

template <>
struct RefTraits<GstObject> : GObjectTraits<GstObject> {};
template <>
struct RefTraits<GstElement> : GObjectTraits<GstElement> {};
template <>
struct RefTraits<GstPad> : GObjectTraits<GstPad> {};
template <>
struct RefTraits<GstBus> : GObjectTraits<GstBus> {};

// Mini objects do not float: no acquire_floating, so Ref<T>::sink does not compile.
template <class T>
struct MiniObjectTraits {
  static void acquire(T* p) { gst_mini_object_ref(GST_MINI_OBJECT_CAST(p)); }
  static void release(T* p) { gst_mini_object_unref(GST_MINI_OBJECT_CAST(p)); }
};
template <>
struct RefTraits<GstBuffer> : MiniObjectTraits<GstBuffer> {};
template <>
struct RefTraits<GstCaps> : MiniObjectTraits<GstCaps> {};
template <>
struct RefTraits<GstPromise> : MiniObjectTraits<GstPromise> {};

template <>
struct OwnedTraits<GstIterator> {
  static void free(GstIterator* p) { gst_iterator_free(p); }
};

// Read access to a buffer's bytes for as long as it lives. The buffer must outlive it.
class ReadMap {
 public:
  [[nodiscard]] static std::optional<ReadMap> map(GstBuffer* buffer) {
    GstMapInfo info;
    if (gst_buffer_map(buffer, &info, GST_MAP_READ) == FALSE) return std::nullopt;
    return ReadMap(buffer, info);
  }
  ReadMap(ReadMap&& other) noexcept
      : buffer_(std::exchange(other.buffer_, nullptr)), info_(other.info_) {}
  ReadMap(const ReadMap&) = delete;
  ReadMap& operator=(const ReadMap&) = delete;
  ReadMap& operator=(ReadMap&&) = delete;
  ~ReadMap() {
    if (buffer_ != nullptr) gst_buffer_unmap(buffer_, &info_);
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {info_.data, info_.size}; }

 private:
  ReadMap(GstBuffer* buffer, const GstMapInfo& info) : buffer_(buffer), info_(info) {}
  GstBuffer* buffer_;
  GstMapInfo info_;
};

}  // namespace parley::wrap
