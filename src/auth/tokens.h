// Access tokens: JWTs signed with HS256, RS256 or ES256 (RFC 7519, RFC 7518).
//
// A token is the only thing a client proves itself with, so what is checked is written here once:
// size and alphabet, the key by `kid`, the algorithm by the key, the signature, `exp`, `nbf`,
// `aud`, and the form of every claim that is used. libjwt does the signatures; it checks no claim.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace parley::auth {

// Our choice: eight times what a token with 64 profiles of usual length takes.
inline constexpr std::size_t kMaxTokenBytes = 8192;
inline constexpr std::size_t kMaxProfiles = 64;  // our choice: of one user
inline constexpr std::size_t kMaxGrants = 64;    // our choice
// RFC 7518, 3.2: a key at least as long as the hash.
inline constexpr std::size_t kMinSecretBytes = 32;

// How far `nbf` may lie in the future. An issuer sets it to its own "now" and the token is used at
// once: with two machines' clocks a few seconds apart every such token would be refused for a
// moment. Being early by this much gives nobody a right the issuer did not grant. `exp` gets no
// such allowance: that would lengthen a right.
inline constexpr std::chrono::seconds kNotBeforeSkew{30};

enum class Algorithm { kHs256, kRs256, kEs256 };
[[nodiscard]] std::string_view name_of(Algorithm algorithm);
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view name);

// Printable ASCII without spaces and the two characters JSON escapes.
[[nodiscard]] bool is_valid_audience(std::string_view text);

// A key that tokens may be signed with. The algorithm belongs to the key: a token that names
// another one is refused whatever its signature says (libjwt 1.10 takes HS256 made with an RSA
// public key).
struct Key {
  std::string kid;  // empty: for tokens without `kid`
  Algorithm algorithm = Algorithm::kHs256;
  std::string material;  // the secret (at least 32 bytes), or a public key as PEM
};

struct Claims {
  base::UserId user;
  std::vector<base::ProfileId> profiles;  // in the token's order, each once
  std::set<std::string> grants;
  std::optional<std::string> token_id;  // jti
  base::WallTime expires;
};

// Immutable after creation; any thread.
class Verifier {
 public:
  // kInvalid: no key, a key that does not parse or is too weak, or a kid given twice.
  [[nodiscard]] static base::Result<Verifier> create(std::vector<Key> keys, std::string audience);

  // kForbidden with the reason as a sentence that may be shown to the token's bearer.
  [[nodiscard]] base::Result<Claims> verify(std::string_view jwt, base::WallTime now) const;

 private:
  Verifier(std::vector<Key> keys, std::string audience);
  std::vector<Key> keys_;
  std::string audience_;
};

// A token for development and tests, signed with an HS256 key.
struct Mint {
  base::UserId user;
  std::vector<base::ProfileId> profiles;  // empty: the claim is left out, which means [user]
  std::set<std::string> grants;
  std::string audience;
  base::WallTime expires;
};
// kInvalid: another algorithm, a short secret, or a grant or audience no token can carry.
[[nodiscard]] base::Result<std::string> mint(const Key& key, const Mint& token);

}  // namespace parley::auth
