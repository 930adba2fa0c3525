#include "auth/tokens.h"

#include <fmt/format.h>
#include <jwt.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "auth/compact_json.h"
#include "auth/keys.h"

namespace parley::auth {
namespace {

using base::Code;
using base::fail;
using base::Result;

struct JwtFree {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
};
using OwnedJwt = std::unique_ptr<jwt_t, JwtFree>;

// libjwt allocates what it hands out with malloc unless told otherwise; we never tell it.
struct MallocFree {
  void operator()(char* text) const { std::free(text); }
};
using OwnedText = std::unique_ptr<char, MallocFree>;

// A claim or header as JSON; nullopt when the token has none of that name.
std::optional<std::string> claim(jwt_t* jwt, const char* name) {
  const OwnedText text(jwt_get_grants_json(jwt, name));
  if (!text) return std::nullopt;
  return std::string(text.get());
}
std::optional<std::string> header(jwt_t* jwt, const char* name) {
  const OwnedText text(jwt_get_headers_json(jwt, name));
  if (!text) return std::nullopt;
  return std::string(text.get());
}

jwt_alg_t libjwt_algorithm(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kHs256:
      return JWT_ALG_HS256;
    case Algorithm::kRs256:
      return JWT_ALG_RS256;
    case Algorithm::kEs256:
      return JWT_ALG_ES256;
  }
  return JWT_ALG_NONE;
}

// Three parts of base64url (RFC 7515, 7.1), the first two not empty. This keeps NULs, white space
// and the other base64 alphabet away from libjwt, which takes C strings.
Result<void> check_form(std::string_view jwt) {
  if (jwt.size() > kMaxTokenBytes)
    return fail(Code::kForbidden, fmt::format("The token has {} bytes; at most {} are taken.",
                                              jwt.size(), kMaxTokenBytes));
  const bool alphabet = std::all_of(jwt.begin(), jwt.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  const std::size_t first = jwt.find('.');
  if (!alphabet || std::count(jwt.begin(), jwt.end(), '.') != 2 || first == 0 ||
      jwt[first + 1] == '.')
    return fail(Code::kForbidden, "The token is not a signed JWT (three base64url parts).");
  return {};
}

// The key the token says it is signed with. Nothing read here is trusted: it chooses which of our
// keys the signature is checked against, and that key fixes the algorithm.
Result<const Key*> choose_key(const std::string& jwt, const std::vector<Key>& keys) {
  jwt_t* raw = nullptr;
  if (jwt_decode(&raw, jwt.c_str(), nullptr, 0) != 0)
    return fail(Code::kForbidden, "The token's header or claims are not JSON objects.");
  const OwnedJwt untrusted(raw);
  // RFC 7515, 4.1.11: what a recipient must understand and does not makes the token invalid.
  if (header(raw, "crit"))
    return fail(Code::kForbidden, "The token names critical extensions; none are supported.");
  std::string kid;
  if (const auto text = header(raw, "kid")) {
    auto name = read_string(*text);
    if (!name || name->empty())
      return fail(Code::kForbidden, "The token's kid is not the id of a key.");
    kid = std::move(*name);
  }
  const auto key =
      std::find_if(keys.begin(), keys.end(), [&kid](const Key& k) { return k.kid == kid; });
  if (key == keys.end())
    return fail(Code::kForbidden, kid.empty() ? "The token names no key (kid)."
                                              : "The token is signed with an unknown key (kid).");
  const auto algorithm = header(raw, "alg");
  if (!algorithm || *algorithm != fmt::format("\"{}\"", name_of(key->algorithm)))
    return fail(Code::kForbidden,
                fmt::format("The token's algorithm is not {}, which its key is for.",
                            name_of(key->algorithm)));
  return &*key;
}

Result<OwnedJwt> check_signature(const std::string& jwt, const Key& key) {
  jwt_t* raw = nullptr;
  const int error =
      jwt_decode(&raw, jwt.c_str(), reinterpret_cast<const unsigned char*>(key.material.data()),
                 static_cast<int>(key.material.size()));
  OwnedJwt verified(error == 0 ? raw : nullptr);
  if (!verified || jwt_get_alg(raw) != libjwt_algorithm(key.algorithm))
    return fail(Code::kForbidden, "The token's signature does not fit its key.");
  return verified;
}

// A NumericDate: seconds since 1970, whole or not (RFC 7519, 2).
std::optional<base::WallTime> parse_date(std::string_view json) {
  constexpr double kYear10000 = 253402300800.0;  // seconds; keeps the milliseconds in 64 bits
  double seconds = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), seconds);
  if (error != std::errc() || end != json.data() + json.size()) return std::nullopt;
  if (!(seconds >= 0 && seconds < kYear10000)) return std::nullopt;
  return base::WallTime(
      std::chrono::milliseconds(static_cast<std::int64_t>(std::floor(seconds * 1000.0))));
}

Result<base::WallTime> check_dates(jwt_t* jwt, base::WallTime now) {
  const auto exp = claim(jwt, "exp");
  if (!exp) return fail(Code::kForbidden, "The token has no exp; tokens must expire.");
  const auto expires = parse_date(*exp);
  if (!expires) return fail(Code::kForbidden, "The token's exp is not a time in seconds.");
  if (now >= *expires) return fail(Code::kForbidden, "The token has expired.");
  if (const auto nbf = claim(jwt, "nbf")) {
    const auto from = parse_date(*nbf);
    if (!from) return fail(Code::kForbidden, "The token's nbf is not a time in seconds.");
    if (now + kNotBeforeSkew < *from) return fail(Code::kForbidden, "The token is not valid yet.");
  }
  return *expires;
}

Result<void> check_audience(jwt_t* jwt, const std::string& audience) {
  const auto text = claim(jwt, "aud");
  if (text) {
    if (const auto one = read_string(*text); one && *one == audience) return {};
    if (const auto list = read_string_list(*text))
      if (std::find(list->begin(), list->end(), audience) != list->end()) return {};
  }
  return fail(Code::kForbidden,
              fmt::format("The token is not for this server (aud is not {}).", audience));
}

Result<std::vector<base::ProfileId>> read_profiles(jwt_t* jwt, const base::UserId& user) {
  const auto text = claim(jwt, "profiles");
  if (!text) return std::vector{base::ProfileId(user.str())};
  const auto names = read_string_list(*text);
  if (!names || names->empty() || names->size() > kMaxProfiles)
    return fail(Code::kForbidden,
                fmt::format("The token's profiles must be an array of 1 to {} ids.", kMaxProfiles));
  std::vector<base::ProfileId> profiles;
  for (const std::string& name : *names) {
    auto profile = base::ProfileId::parse(name);
    if (!profile) return fail(Code::kForbidden, "One of the token's profiles is not a valid id.");
    if (std::find(profiles.begin(), profiles.end(), *profile) == profiles.end())
      profiles.push_back(std::move(*profile));
  }
  return profiles;
}

// An object of booleans, or an array of names.
Result<std::set<std::string>> read_grants(jwt_t* jwt) {
  const auto text = claim(jwt, "grants");
  if (!text) return std::set<std::string>{};
  std::vector<std::pair<std::string, bool>> flags;
  if (auto object = read_flags(*text)) {
    flags = std::move(*object);
  } else if (auto list = read_string_list(*text)) {
    for (std::string& name : *list) flags.emplace_back(std::move(name), true);
  } else {
    return fail(Code::kForbidden, "The token's grants must be an object of booleans.");
  }
  if (flags.size() > kMaxGrants)
    return fail(Code::kForbidden, fmt::format("The token has more than {} grants.", kMaxGrants));
  std::set<std::string> grants;
  for (auto& [name, given] : flags)
    if (given) grants.insert(std::move(name));
  return grants;
}

Result<std::optional<std::string>> read_token_id(jwt_t* jwt) {
  constexpr std::size_t kMaxBytes = 256;  // our choice
  if (!claim(jwt, "jti")) return std::nullopt;
  const char* text = jwt_get_grant(jwt, "jti");
  if (text == nullptr || std::string_view(text).size() > kMaxBytes)
    return fail(Code::kForbidden, "The token's jti must be a string of at most 256 bytes.");
  return std::string(text);
}

Result<Claims> read_claims(jwt_t* jwt, const std::string& audience, base::WallTime now) {
  const auto expires = check_dates(jwt, now);
  if (!expires) return tl::unexpected(expires.error());
  if (const auto ok = check_audience(jwt, audience); !ok) return tl::unexpected(ok.error());
  const char* sub = jwt_get_grant(jwt, "sub");
  auto user = base::UserId::parse(sub == nullptr ? "" : sub);
  if (!user) return fail(Code::kForbidden, "The token's sub is not a valid user id.");
  auto profiles = read_profiles(jwt, *user);
  if (!profiles) return tl::unexpected(profiles.error());
  auto grants = read_grants(jwt);
  if (!grants) return tl::unexpected(grants.error());
  auto token_id = read_token_id(jwt);
  if (!token_id) return tl::unexpected(token_id.error());
  return Claims{std::move(*user), std::move(*profiles), std::move(*grants), std::move(*token_id),
                *expires};
}

template <class Strings>
std::string json_list(const Strings& items) {
  std::string json = "[";
  for (const auto& item : items) {
    if (json.size() > 1) json += ',';
    json += fmt::format("\"{}\"", item);
  }
  return json + "]";
}

// The claims beside sub, aud and exp.
std::string extra_claims(const Mint& token) {
  std::vector<std::string> members;
  if (!token.profiles.empty()) {
    std::vector<std::string> names;
    names.reserve(token.profiles.size());
    for (const auto& profile : token.profiles) names.push_back(profile.str());
    members.push_back("\"profiles\":" + json_list(names));
  }
  if (!token.grants.empty()) {
    std::string flags;
    for (const auto& grant : token.grants)
      flags += fmt::format("{}\"{}\":true", flags.empty() ? "" : ",", grant);
    members.push_back("\"grants\":{" + flags + "}");
  }
  std::string json = "{";
  for (const auto& member : members) json += (json.size() > 1 ? "," : "") + member;
  return json + "}";
}

Result<void> check_mint(const Key& key, const Mint& token) {
  if (key.algorithm != Algorithm::kHs256)
    return fail(Code::kInvalid, "Tokens are minted with an HS256 key only.");
  if (const auto ok = check_key(key); !ok) return tl::unexpected(ok.error());
  if (!base::is_valid_id(token.user.str()))
    return fail(Code::kInvalid, "A token needs a valid user id.");
  for (const auto& profile : token.profiles)
    if (!base::is_valid_id(profile.str()))
      return fail(Code::kInvalid, "A token's profiles must be valid ids.");
  for (const auto& grant : token.grants)
    if (!base::is_valid_id(grant))
      return fail(Code::kInvalid, "A grant has 1 to 64 characters of A-Z a-z 0-9 _ . : @ -.");
  if (!is_valid_audience(token.audience))
    return fail(Code::kInvalid,
                "An audience is printable ASCII without spaces, quotes and backslashes.");
  return {};
}

}  // namespace

std::string_view name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kHs256:
      return "HS256";
    case Algorithm::kRs256:
      return "RS256";
    case Algorithm::kEs256:
      return "ES256";
  }
  return "";
}

std::optional<Algorithm> parse_algorithm(std::string_view name) {
  for (const Algorithm a : {Algorithm::kHs256, Algorithm::kRs256, Algorithm::kEs256})
    if (name == name_of(a)) return a;
  return std::nullopt;
}

// What read_string() gives back unchanged.
bool is_valid_audience(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '\\';
  });
}

Verifier::Verifier(std::vector<Key> keys, std::string audience)
    : keys_(std::move(keys)), audience_(std::move(audience)) {}

Result<Verifier> Verifier::create(std::vector<Key> keys, std::string audience) {
  if (keys.empty()) return fail(Code::kInvalid, "At least one key for tokens is needed.");
  if (!is_valid_audience(audience))
    return fail(Code::kInvalid,
                "An audience is printable ASCII without spaces, quotes and backslashes.");
  std::set<std::string> kids;
  for (const Key& key : keys) {
    if (const auto ok = check_key(key); !ok) return tl::unexpected(ok.error());
    if (!kids.insert(key.kid).second)
      return fail(Code::kInvalid, key.kid.empty()
                                      ? std::string("Two keys have no kid; only one may.")
                                      : fmt::format("The kid {} is given twice.", key.kid));
  }
  return Verifier(std::move(keys), std::move(audience));
}

Result<Claims> Verifier::verify(std::string_view jwt, base::WallTime now) const {
  if (const auto ok = check_form(jwt); !ok) return tl::unexpected(ok.error());
  const std::string text(jwt);
  const auto key = choose_key(text, keys_);
  if (!key) return tl::unexpected(key.error());
  const auto verified = check_signature(text, **key);
  if (!verified) return tl::unexpected(verified.error());
  return read_claims(verified->get(), audience_, now);
}

Result<std::string> mint(const Key& key, const Mint& token) {
  if (const auto ok = check_mint(key, token); !ok) return tl::unexpected(ok.error());
  jwt_t* raw = nullptr;
  if (jwt_new(&raw) != 0) return fail(Code::kInternal, "No memory for a token.");
  const OwnedJwt jwt(raw);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(token.expires.time_since_epoch());
  const bool made =
      jwt_set_alg(raw, JWT_ALG_HS256, reinterpret_cast<const unsigned char*>(key.material.data()),
                  static_cast<int>(key.material.size())) == 0 &&
      (key.kid.empty() || jwt_add_header(raw, "kid", key.kid.c_str()) == 0) &&
      jwt_add_grant(raw, "sub", token.user.str().c_str()) == 0 &&
      jwt_add_grant(raw, "aud", token.audience.c_str()) == 0 &&
      jwt_add_grant_int(raw, "exp", static_cast<long>(seconds.count())) == 0 &&
      jwt_add_grants_json(raw, extra_claims(token).c_str()) == 0;
  const OwnedText text(made ? jwt_encode_str(raw) : nullptr);
  if (!text) return fail(Code::kInternal, "libjwt could not encode the token.");
  return std::string(text.get());
}

}  // namespace parley::auth
