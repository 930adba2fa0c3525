// Whether a key is fit to verify tokens with: checked once at start, so that a bad key is an
// operator's error with a sentence and never a token's.
#pragma once

#include "auth/tokens.h"
#include "base/result.h"

namespace parley::auth {

// kInvalid: a short secret, a PEM that is not a public key, of another type, or too weak.
[[nodiscard]] base::Result<void> check_key(const Key& key);

}  // namespace parley::auth
