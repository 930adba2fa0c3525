// Access tokens: JWTs signed with HS256, RS256 or ES256 (RFC 7519, RFC 7518).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace parley::auth {

enum class Algorithm { kHs256, kRs256, kEs256 };
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view name);

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
  std::vector<base::ProfileId> profiles;
  std::set<std::string> grants;
  std::optional<std::string> token_id;  // jti
  base::WallTime expires;
};

// Immutable after creation; any thread.
class Verifier {
 public:
  // kInvalid: a key that does not parse, is too short, or a kid given twice.
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
  std::vector<base::ProfileId> profiles;
  std::set<std::string> grants;
  std::string audience;
  base::WallTime expires;
};
[[nodiscard]] base::Result<std::string> mint(const Key& key, const Mint& token);

}  // namespace parley::auth
