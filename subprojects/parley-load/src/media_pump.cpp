#include "media_pump.h"

#include <algorithm>
#include <cstring>

#include "base.h"
#include "participant.h"
#include "stamp.h"

namespace parley::load {
namespace {

constexpr std::uint64_t kAudioIntervalNs = 20 * kMilliNs;
constexpr std::uint64_t kVideoIntervalNs = 33'333'333;
constexpr std::uint32_t kAudioTicks = 960;   // 20 ms at 48 kHz
constexpr std::uint32_t kVideoTicks = 3000;  // 1/30 s at 90 kHz
constexpr std::size_t kAudioBytes = 90;      // 36 kbit/s, as speech in a browser
constexpr std::size_t kMaxVideoBytes = 1140;
constexpr std::size_t kDescriptorBytes = 4;                    // VP8 with a 15-bit picture id
constexpr std::uint64_t kKeyFrameIntervalNs = 300 * kMilliNs;  // as browsers limit them
constexpr std::uint64_t kLateNs = 500 * kMilliNs;              // beyond this media is skipped

}  // namespace

MediaPump::MediaPump(const VideoFile& video, int pace_us)
    : video_(video), pace_ns_(static_cast<std::uint64_t>(pace_us) * 1000) {
  for (std::uint8_t& byte : noise_) byte = static_cast<std::uint8_t>(random_u32());
}

void MediaPump::start(Participant& participant) {
  const int id = participant.part().id;
  if (!playing_.emplace(id, &participant).second) return;
  const std::uint64_t now = monotonic_ns();  // random phases, as independent people have
  due_.push({now + random_u64() % kAudioIntervalNs, id, Kind::kAudio});
  due_.push({now + random_u64() % kVideoIntervalNs, id, Kind::kVideo});
}

void MediaPump::stop(const Participant& participant) { playing_.erase(participant.part().id); }

std::uint64_t MediaPump::next_ns() const {
  std::uint64_t next = kNever;
  if (!due_.empty()) next = due_.top().at_ns;
  if (!paced_.empty()) next = std::min(next, paced_.top().at_ns);
  return next;
}

void MediaPump::run(std::uint64_t now_ns) {
  while (!due_.empty() && due_.top().at_ns <= now_ns) {
    Due due = due_.top();
    due_.pop();
    const auto it = playing_.find(due.id);
    if (it == playing_.end()) continue;
    if (due.kind == Kind::kAudio) {
      send_audio(*it->second);
    } else {
      send_frame(*it->second, now_ns);
    }
    due.at_ns += due.kind == Kind::kAudio ? kAudioIntervalNs : kVideoIntervalNs;
    if (due.at_ns + kLateNs < now_ns) due.at_ns = now_ns;
    due_.push(due);
  }
  while (!paced_.empty() && paced_.top().at_ns <= now_ns) {
    Paced paced = paced_.top();
    paced_.pop();
    const auto it = playing_.find(paced.id);
    if (it == playing_.end()) continue;
    send_video(*it->second, paced.payload, paced.last, paced.timestamp);
  }
}

void MediaPump::send_audio(Participant& participant) {
  MediaPosition& at = participant.media;
  // Code 3, one frame, with padding of the stamp's size (RFC 6716, 3.2.5).
  std::array<std::uint8_t, kAudioBytes> payload{0xFB, 0x41, Stamp::kBytes};
  constexpr std::size_t kFrameBytes = kAudioBytes - 3 - Stamp::kBytes;
  const std::size_t from = random_u32() % (noise_.size() - kFrameBytes);
  std::memcpy(&payload[3], &noise_[from], kFrameBytes);
  at.audio_timestamp += kAudioTicks;
  const Stamp stamp{participant.part().id, realtime_ns()};
  stamp.write(&payload[3 + kFrameBytes]);
  const bool first = at.audio_packets == 0;
  if (participant.publisher()->send_media(Kind::kAudio, payload, first, at.audio_timestamp)) {
    at.audio_packets++;
  }
}

void MediaPump::send_frame(Participant& participant, std::uint64_t now_ns) {
  MediaPosition& at = participant.media;
  if (at.key_frame_wanted && now_ns - at.last_key_frame_ns > kKeyFrameIntervalNs) {
    at.frame = video_.next_key_frame(at.frame);
  }
  at.frame %= video_.frames().size();
  const VideoFrame& frame = video_.frames()[at.frame++];
  if (frame.key) {
    at.last_key_frame_ns = now_ns;
    at.key_frame_wanted = false;
  }
  at.video_timestamp += kVideoTicks;
  at.picture_id = static_cast<std::uint16_t>((at.picture_id + 1) & 0x7fff);
  const std::size_t total = frame.data.size() + Stamp::kBytes;
  const std::size_t count = (total + kMaxVideoBytes - 1) / kMaxVideoBytes;
  std::size_t sent = 0;
  for (std::size_t i = 0; i < count; i++) {
    const bool last = i + 1 == count;
    const std::size_t share = (total - sent) / (count - i);  // equal sizes, as browsers make
    const std::size_t data = std::min(share, frame.data.size() - sent);
    std::vector<std::uint8_t> payload(kDescriptorBytes + data);
    payload[0] = static_cast<std::uint8_t>(0x80 | (i == 0 ? 0x10 : 0));  // RFC 7741, 4.2
    payload[1] = 0x80;
    payload[2] = static_cast<std::uint8_t>(0x80 | at.picture_id >> 8);
    payload[3] = static_cast<std::uint8_t>(at.picture_id);
    std::memcpy(&payload[kDescriptorBytes], frame.data.data() + sent, data);
    sent += data;
    if (last) payload.resize(payload.size() + Stamp::kBytes);
    if (pace_ns_ > 0 && i > 0) {
      paced_.push({now_ns + i * pace_ns_, participant.part().id, std::move(payload), last,
                   at.video_timestamp});
    } else {
      send_video(participant, payload, last, at.video_timestamp);
    }
  }
}

void MediaPump::send_video(Participant& participant, std::vector<std::uint8_t>& payload, bool last,
                           std::uint32_t timestamp) {
  if (last) {
    const Stamp stamp{participant.part().id, realtime_ns()};
    stamp.write(payload.data() + payload.size() - Stamp::kBytes);
  }
  if (participant.publisher()->send_media(Kind::kVideo, payload, last, timestamp)) {
    participant.media.video_packets++;
  }
}

}  // namespace parley::load
