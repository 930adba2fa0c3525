// Any text as a guest's offer, and as a fragment of one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "sdp/guest.h"
#include "sdp/peer.h"

using parley::base::Code;
using parley::sdp::check_guest_fragment;
using parley::sdp::check_guest_offer;
using parley::sdp::GuestMedia;
using parley::sdp::GuestOffer;
using parley::test::transport;

namespace {

void require(bool held) {
  if (!held) std::abort();
}

void check(const GuestOffer& offer) {
  std::set<std::uint8_t> types;
  std::size_t accepted = 0;
  for (const GuestMedia& media : offer.media) {
    require(media.accepted != media.formats.empty());
    require(media.accepted == media.head.empty());
    if (!media.accepted) continue;
    ++accepted;
    require(media.formats.size() <= (offer.publishes ? 1U : 4U));
    for (const auto& format : media.formats)
      require(format.theirs < 128 && types.insert(format.theirs).second);
  }
  require(accepted == 1 || accepted == 2);
  // Our answer is well-formed: our own reader takes it for what it is.
  const std::string answer = write_guest_answer(offer, transport(), 1, {1, 2});
  const auto fingerprint = parley::sdp::fingerprint_of(answer);
  require(fingerprint.has_value() && fingerprint->digest == transport().fingerprint.digest);
  const auto fragment = check_guest_fragment(write_guest_fragment(offer, transport()));
  require(fragment.has_value() && fragment->pwd == transport().pwd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool publishes : {true, false}) {
    const auto offer = check_guest_offer(text, publishes);
    if (offer) {
      check(*offer);
    } else {
      require(offer.error().code == Code::kInvalid || offer.error().code == Code::kConflict);
      require(!offer.error().message.empty() && offer.error().message.size() < 250);
    }
  }
  const auto fragment = check_guest_fragment(text);
  if (fragment) require(fragment->ufrag.empty() == fragment->pwd.empty());
  return 0;
}
