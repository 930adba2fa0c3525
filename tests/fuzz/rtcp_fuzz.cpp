// Any datagram as RTCP: every field of every item can be read, and valid() and the walk agree.

#include <cstdint>
#include <cstdlib>

#include "base/overloaded.h"
#include "rtp/bytes.h"
#include "rtp/rtcp.h"

namespace {

using namespace parley::rtp;  // NOLINT(google-build-using-namespace)

unsigned long sum(std::span<const std::uint8_t> bytes) {
  unsigned long total = 0;
  for (const std::uint8_t byte : bytes) total += byte;
  return total;
}

unsigned long sum(const ReportBlocks& blocks) {
  unsigned long total = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) total += blocks[i].ssrc + blocks[i].jitter;
  return total;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> compound(data, size);
  const bool valid = RtcpReader::valid(compound);
  RtcpReader reader(compound);
  volatile unsigned long total = 0;
  while (const auto item = reader.next()) {
    total =
        total +
        std::visit(parley::base::Overloaded{
                       [](const SenderReport& r) { return r.ntp + sum(r.blocks); },
                       [](const ReceiverReport& r) { return r.ssrc + sum(r.blocks); },
                       [](const SourceDescription& d) { return sum(d.chunks); },
                       [](const Bye& bye) { return sum(bye.ssrcs); },
                       [](const PictureLossIndication& p) -> unsigned long { return p.media_ssrc; },
                       [](const FullIntraRequest& f) { return sum(f.entries); },
                       [](const GenericNack& n) { return sum(n.entries); },
                       [](const OtherRtcp& o) -> unsigned long { return o.packet_type; },
                   },
                   *item);
  }
  if (size != 0 && size <= kMaxCompoundBytes && valid != reader.at_end()) std::abort();
  return 0;
}
