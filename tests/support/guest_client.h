// A WHIP or WHEP client without the HTTP: a stock webrtcbin, with libnice and all, that offers.
#pragma once

#include <gst/gst.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "wrap/gst.h"
#include "wrap/ref.h"

namespace parley::test {

// Used by one thread; GStreamer's threads only count.
class GuestClient {
 public:
  // Payload types that are not the server's.
  static constexpr int kOpus = 97;
  static constexpr int kVp8 = 98;

  // Publishes a test picture and a tone, or watches one of each.
  explicit GuestClient(bool publishes);
  ~GuestClient();
  GuestClient(const GuestClient&) = delete;
  GuestClient& operator=(const GuestClient&) = delete;

  // Waits for webrtcbin's; empty when there was none within 10 s.
  [[nodiscard]] std::string offer();
  void take_answer(const std::string& sdp);

  [[nodiscard]] std::uint64_t packets_of(int payload_type) const {
    return counts_->at(static_cast<std::size_t>(payload_type)).load();
  }
  // Key frames that the other side has asked for.
  [[nodiscard]] int keyframe_requests() const { return keyframe_requests_->load(); }

 private:
  void watch();

  using Counts = std::array<std::atomic<std::uint64_t>, 128>;
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  std::shared_ptr<std::atomic<int>> keyframe_requests_ = std::make_shared<std::atomic<int>>(0);
  wrap::Ref<GstElement> pipeline_;
  wrap::Ref<GstElement> webrtcbin_;
};

}  // namespace parley::test
