// Any datagram as RTP: what the view names lies inside it, and a header written from it is read
// back as it was meant.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "rtp/keyframe.h"
#include "rtp/packet.h"

namespace {

using namespace parley::rtp;  // NOLINT(google-build-using-namespace)

void must(bool good) {
  if (!good) std::abort();
}

void rewrite(const Packet& packet, ExtensionForm form, unsigned wanted) {
  HeaderWriter writer(packet, form);
  unsigned added = 0;
  for (std::uint8_t id = 1; id <= kMaxExtensionId; ++id)
    if ((wanted >> id & 1U) != 0 && writer.add(id, packet.extension(id)) != 0) added |= 1U << id;
  const auto header = writer.finish();
  set_sequence(header.data(), 1);
  set_ssrc(header.data(), 2);
  const auto again = Packet::parse(header);
  must(again && again->sequence() == 1 && again->ssrc() == 2);
  must(again->timestamp() == packet.timestamp() && again->marker() == packet.marker() &&
       again->payload_type() == packet.payload_type() && again->payload().empty());
  for (std::uint8_t id = 1; id <= kMaxExtensionId; ++id)
    must(std::ranges::equal(again->extension(id), (added >> id & 1U) != 0
                                                      ? packet.extension(id)
                                                      : std::span<const std::uint8_t>()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned wanted = data[0] << 8U | data[1];
  const auto packet = Packet::parse({data + 2, size - 2});
  if (!packet) return 0;
  rewrite(*packet, ExtensionForm::kOneByte, wanted);
  rewrite(*packet, ExtensionForm::kTwoByte, wanted);
  for (const Codec codec : {Codec::kOpus, Codec::kVp8, Codec::kVp9, Codec::kH264, Codec::kAv1})
    (void)starts_key_frame(codec, packet->payload());
  return 0;
}
