// One byte says which frame it is (its place in the variant), its members follow in the order of
// the struct: numbers in the host's byte order, texts as two bytes of length and the bytes.

#include "tap/frames.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

namespace parley::tap {
namespace {

// Our choice: above any id (64) and any sentence of a refusal.
constexpr std::size_t kMaxTextBytes = 256;
// RFC 3550, 5.1.
constexpr std::size_t kMinRtpBytes = 12;

template <class T, class... Others>
constexpr std::uint8_t index_in(const std::variant<Others...>* /*which*/) {
  std::uint8_t index = 0;
  (void)((std::is_same_v<T, Others> || (++index, false)) || ...);
  return index;
}
template <class T>
constexpr std::uint8_t kTag = index_in<T>(static_cast<const Frame*>(nullptr));

// What a struct holds, for writing and reading alike: one list, so that they cannot differ.
template <class Io>
bool members(Io& io, Hello& f) {
  return io.number(f.version) && io.text(f.secret);
}
template <class Io>
bool members(Io& io, Watch& f) {
  return io.text(f.group);
}
template <class Io>
bool members(Io& io, Tap& f) {
  return io.text(f.group) && io.text(f.owner) && io.source(f.source) && io.flag(f.patient);
}
template <class Io>
bool members(Io& io, Inject& f) {
  return io.text(f.group) && io.text(f.owner) && io.source(f.source) && io.codec(f.codec);
}
template <class Io>
bool members(Io& io, Refused& f) {
  return io.text(f.why);
}
template <class Io>
bool members(Io& io, TrackAdded& f) {
  return io.text(f.owner) && io.source(f.source);
}
template <class Io>
bool members(Io& io, TrackRemoved& f) {
  return io.text(f.owner) && io.source(f.source);
}
template <class Io>
bool members(Io& io, PortAdded& f) {
  return io.text(f.owner);
}
template <class Io>
bool members(Io& io, PortRemoved& f) {
  return io.text(f.owner);
}
template <class Io>
bool members(Io& io, Format& f) {
  return io.codec(f.codec) && io.number(f.payload_type) && io.number(f.clock_hz) &&
         io.number(f.ssrc);
}
template <class Io>
bool members(Io& io, Clock& f) {
  return io.number(f.ssrc) && io.number(f.timestamp) && io.time(f.captured) && io.flag(f.reported);
}
template <class Io>
bool members(Io& io, Muted& f) {
  return io.flag(f.muted);
}
template <class Io>
bool members(Io& io, Dropped& f) {
  return io.number(f.packets);
}
template <class Io>
bool members(Io& io, Packet& f) {
  return io.packet(f);
}
template <class Io>
bool members(Io& /*io*/, Accepted& /*f*/) {
  return true;
}
template <class Io>
bool members(Io& /*io*/, KeyFrame& /*f*/) {
  return true;
}
template <class Io>
bool members(Io& /*io*/, End& /*f*/) {
  return true;
}

class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) : out_(out) {}

  template <class T>
  bool number(const T& value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof value);
    std::memcpy(&out_[at], &value, sizeof value);
    return true;
  }
  bool flag(bool value) { return number(static_cast<std::uint8_t>(value ? 1 : 0)); }
  bool source(base::Source value) { return number(static_cast<std::uint8_t>(value)); }
  bool codec(rtp::Codec value) { return number(static_cast<std::uint8_t>(value)); }
  bool time(base::TimePoint value) {
    return number(static_cast<std::int64_t>(value.time_since_epoch().count()));
  }
  bool text(const std::string& value) {
    const std::size_t bytes = std::min(value.size(), kMaxTextBytes);
    number(static_cast<std::uint16_t>(bytes));
    out_.insert(out_.end(), value.begin(), value.begin() + static_cast<std::ptrdiff_t>(bytes));
    return true;
  }
  bool packet(const Packet& value) {
    out_.resize(kPacketHeadBytes);
    encode_packet_head(value.arrived, std::span(out_).first<kPacketHeadBytes>());
    out_.insert(out_.end(), value.rtp.begin(), value.rtp.end());
    return true;
  }

 private:
  std::vector<std::uint8_t>& out_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes), at_(1) {}

  template <class T>
  bool number(T& value) {
    if (bytes_.size() - at_ < sizeof value) return false;
    std::memcpy(&value, &bytes_[at_], sizeof value);
    at_ += sizeof value;
    return true;
  }
  bool flag(bool& value) {
    std::uint8_t byte = 0;
    if (!number(byte) || byte > 1) return false;
    value = byte == 1;
    return true;
  }
  bool source(base::Source& value) {
    std::uint8_t byte = 0;
    if (!number(byte) || byte > static_cast<std::uint8_t>(base::Source::kMixVideo)) return false;
    value = static_cast<base::Source>(byte);
    return true;
  }
  bool codec(rtp::Codec& value) {
    std::uint8_t byte = 0;
    if (!number(byte) || byte > static_cast<std::uint8_t>(rtp::Codec::kAv1)) return false;
    value = static_cast<rtp::Codec>(byte);
    return true;
  }
  bool time(base::TimePoint& value) {
    std::int64_t us = 0;
    if (!number(us)) return false;
    value = base::TimePoint(base::Duration(us));
    return true;
  }
  bool text(std::string& value) {
    std::uint16_t bytes = 0;
    if (!number(bytes) || bytes > kMaxTextBytes || bytes_.size() - at_ < bytes) return false;
    const auto piece = bytes_.subspan(at_, bytes);
    value.assign(piece.begin(), piece.end());
    at_ += bytes;
    return true;
  }
  bool packet(Packet& value) {
    if (bytes_.size() < kPacketHeadBytes + kMinRtpBytes) return false;
    at_ = kPacketHeadBytes - sizeof(std::int64_t);
    if (!time(value.arrived)) return false;
    value.rtp = bytes_.subspan(kPacketHeadBytes);
    at_ = bytes_.size();
    return true;
  }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_;
};

// Reads the frame that has the place `tag` in the variant.
template <std::size_t... kPlaces>
bool read(std::uint8_t tag, Reader& reader, Frame& out, std::index_sequence<kPlaces...> /*all*/) {
  return ((kPlaces == tag && members(reader, out.emplace<kPlaces>())) || ...);
}

}  // namespace

void encode(const Frame& frame, std::vector<std::uint8_t>& out) {
  out.clear();
  out.push_back(static_cast<std::uint8_t>(frame.index()));
  Writer writer(out);
  // A copy, because one list of members serves both ways; what is sent often holds no text.
  std::visit([&](auto f) { members(writer, f); }, frame);
}

void encode_packet_head(base::TimePoint arrived, std::span<std::uint8_t, kPacketHeadBytes> out) {
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  out[0] = kTag<Packet>;
  const auto us = static_cast<std::int64_t>(arrived.time_since_epoch().count());
  std::memcpy(&out[kPacketHeadBytes - sizeof us], &us, sizeof us);
}

bool is_packet(std::span<const std::uint8_t> bytes) {
  return !bytes.empty() && bytes[0] == kTag<Packet>;
}

base::Result<Frame> decode(std::span<const std::uint8_t> bytes) {
  if (bytes.empty() || bytes.size() > kMaxFrameBytes)
    return base::fail(base::Code::kInvalid, "a frame has 1 to 2048 bytes");
  if (bytes[0] >= std::variant_size_v<Frame>)
    return base::fail(base::Code::kInvalid, "a frame of an unknown kind");
  Frame frame;
  Reader reader(bytes);
  if (!read(bytes[0], reader, frame, std::make_index_sequence<std::variant_size_v<Frame>>()) ||
      !reader.at_end())
    return base::fail(base::Code::kInvalid, "a frame whose members are not those of its kind");
  return frame;
}

}  // namespace parley::tap
