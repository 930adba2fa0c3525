// Any bytes as a token; and as header and claims (first line, the rest) of a token that is then
// signed with the right key, so that what lies behind the signature is reached as well.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth/signing.h"
#include "auth/tokens.h"

namespace {

using namespace parley;

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";
const base::WallTime kNow{std::chrono::seconds(1'700'000'000)};

void require(bool held) {
  if (!held) std::abort();
}

const auth::Verifier& verifier() {
  static const auto kVerifier = auth::Verifier::create(
      {{"", auth::Algorithm::kHs256, std::string(kSecret)},
       {"k", auth::Algorithm::kHs256, std::string(kSecret)},
       {"e", auth::Algorithm::kEs256, test::public_pem(test::make_ec("P-256").get())}},
      "parley");
  return *kVerifier;
}

void check(std::string_view token) {
  const auto claims = verifier().verify(token, kNow);
  if (!claims) {
    require(claims.error().code == base::Code::kForbidden && !claims.error().message.empty());
    return;
  }
  require(base::is_valid_id(claims->user.str()));
  require(!claims->profiles.empty() && claims->profiles.size() <= auth::kMaxProfiles);
  for (const auto& profile : claims->profiles) require(base::is_valid_id(profile.str()));
  require(claims->grants.size() <= auth::kMaxGrants);
  require(claims->expires > kNow);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check(input);
  const std::size_t line = input.find('\n');
  if (line != std::string_view::npos)
    check(test::sign_hs256(input.substr(0, line), input.substr(line + 1), kSecret));
  return 0;
}
