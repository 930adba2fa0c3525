#include "auth/tokens.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "signing.h"
#include "support/check_main.h"

namespace {

using namespace parley;
using namespace parley::auth;
using namespace parley::test;

constexpr std::int64_t kNow = 1'700'000'000;  // seconds
const std::string kSecret = "0123456789abcdef0123456789abcdef";

base::WallTime at(std::int64_t seconds) {
  return base::WallTime(std::chrono::milliseconds(seconds * 1000));
}

Key hs_key(std::string kid = "") { return {std::move(kid), Algorithm::kHs256, kSecret}; }

Verifier make_verifier(std::vector<Key> keys) {
  auto verifier = Verifier::create(std::move(keys), "parley");
  ck_assert_msg(verifier.has_value(), "%s", verifier ? "" : verifier.error().message.c_str());
  return std::move(*verifier);
}

// The claims of a good token, and `more` behind them.
std::string payload(const std::string& more = "") {
  return fmt::format(R"({{"sub":"anna","aud":"parley","exp":{}{}}})", kNow + 60, more);
}

// The one sentence a token was refused with; empty when it was taken.
std::string refusal(const Verifier& verifier, const std::string& token) {
  const auto claims = verifier.verify(token, at(kNow));
  if (claims) return "";
  ck_assert(claims.error().code == base::Code::kForbidden);
  return claims.error().message;
}

std::string refusal_of_claims(const std::string& claims) {
  return refusal(make_verifier({hs_key()}), sign_hs256(R"({"alg":"HS256"})", claims, kSecret));
}

// `refusal` is what refusal() said.
void assert_taken(const std::string& refusal) { ck_assert_str_eq(refusal.c_str(), ""); }

void assert_contains(const std::string& text, const char* part) {
  ck_assert_msg(text.find(part) != std::string::npos, "\"%s\" lacks \"%s\"", text.c_str(), part);
}

}  // namespace

START_TEST(takes_what_it_minted) {
  const Key key = hs_key("dev");
  const auto token = mint(key, {base::UserId("anna"),
                                {base::ProfileId("anna.work"), base::ProfileId("anna@home")},
                                {"record", "admin"},
                                "parley",
                                at(kNow + 60)});
  ck_assert(token.has_value());
  const auto claims = make_verifier({key}).verify(*token, at(kNow));
  ck_assert(claims.has_value());
  ck_assert_str_eq(claims->user.str().c_str(), "anna");
  ck_assert_uint_eq(claims->profiles.size(), 2);
  ck_assert_str_eq(claims->profiles[0].str().c_str(), "anna.work");
  ck_assert_str_eq(claims->profiles[1].str().c_str(), "anna@home");
  ck_assert(claims->grants == (std::set<std::string>{"admin", "record"}));
  ck_assert(claims->expires == at(kNow + 60));
  ck_assert(!claims->token_id.has_value());
}
END_TEST

START_TEST(minting_refuses_what_no_token_can_carry) {
  const Mint good{base::UserId("anna"), {}, {}, "parley", at(kNow + 60)};
  ck_assert(mint(hs_key(), good).has_value());
  ck_assert(!mint({"", Algorithm::kHs256, "short"}, good).has_value());
  ck_assert(!mint({"", Algorithm::kRs256, kSecret}, good).has_value());
  Mint bad = good;
  bad.audience = "par\"ley";
  ck_assert(!mint(hs_key(), bad).has_value());
  bad = good;
  bad.grants = {"a\",\"b"};
  ck_assert(!mint(hs_key(), bad).has_value());
}
END_TEST

START_TEST(takes_tokens_of_each_algorithm_signed_by_another_library) {
  const Pkey rsa = make_rsa(2048);
  const Pkey ec = make_ec("P-256");
  const Verifier verifier = make_verifier({hs_key("h"),
                                           {"r", Algorithm::kRs256, public_pem(rsa.get())},
                                           {"e", Algorithm::kEs256, public_pem(ec.get())}});
  assert_taken(refusal(verifier, sign_hs256(R"({"alg":"HS256","kid":"h"})", payload(), kSecret)));
  assert_taken(refusal(
      verifier, sign_rs256(R"({"alg":"RS256","typ":"JWT","kid":"r"})", payload(), rsa.get())));
  assert_taken(refusal(verifier, sign_es256(R"({"alg":"ES256","kid":"e"})", payload(), ec.get())));
}
END_TEST

START_TEST(refuses_signatures_of_another_key_of_the_same_kind) {
  const Pkey rsa = make_rsa(2048);
  const Pkey other_rsa = make_rsa(2048);
  const Pkey ec = make_ec("P-256");
  const Pkey other_ec = make_ec("P-256");
  const Verifier verifier = make_verifier({hs_key("h"),
                                           {"r", Algorithm::kRs256, public_pem(rsa.get())},
                                           {"e", Algorithm::kEs256, public_pem(ec.get())}});
  assert_contains(refusal(verifier, sign_hs256(R"({"alg":"HS256","kid":"h"})", payload(),
                                               "another secret of at least 32 bytes")),
                  "signature");
  assert_contains(
      refusal(verifier, sign_rs256(R"({"alg":"RS256","kid":"r"})", payload(), other_rsa.get())),
      "signature");
  assert_contains(
      refusal(verifier, sign_es256(R"({"alg":"ES256","kid":"e"})", payload(), other_ec.get())),
      "signature");
}
END_TEST

// The classical attack: the public key is public, so anyone can make an HMAC with it.
START_TEST(refuses_an_hmac_made_with_a_public_key) {
  const Pkey rsa = make_rsa(2048);
  const Pkey ec = make_ec("P-256");
  const std::string rsa_pem = public_pem(rsa.get());
  const std::string ec_pem = public_pem(ec.get());
  const Verifier verifier =
      make_verifier({{"", Algorithm::kRs256, rsa_pem}, {"e", Algorithm::kEs256, ec_pem}});
  assert_contains(refusal(verifier, sign_hs256(R"({"alg":"HS256"})", payload(), rsa_pem)),
                  "algorithm is not RS256");
  assert_contains(refusal(verifier, sign_hs256(R"({"alg":"HS256","kid":"e"})", payload(), ec_pem)),
                  "algorithm is not ES256");
}
END_TEST

START_TEST(refuses_alg_none_in_every_capitalisation_signed_or_not) {
  const Verifier verifier = make_verifier({hs_key()});
  for (unsigned bits = 0; bits < 16; ++bits) {
    std::string none = "none";
    for (unsigned i = 0; i < 4; ++i)
      if ((bits & (1U << i)) != 0) none[i] = static_cast<char>(none[i] - 'a' + 'A');
    const std::string head = fmt::format(R"({{"alg":"{}","typ":"JWT"}})", none);
    ck_assert(!refusal(verifier, signing_input(head, payload()) + ".").empty());
    ck_assert(!refusal(verifier, signing_input(head, payload()) + ".AAAA").empty());
    ck_assert(!refusal(verifier, sign_hs256(head, payload(), kSecret)).empty());
  }
}
END_TEST

START_TEST(refuses_other_algorithms_of_the_same_key_and_names_in_other_case) {
  const Verifier verifier = make_verifier({hs_key()});
  for (const char* head : {R"({"alg":"HS384"})", R"({"alg":"HS512"})", R"({"alg":"hs256"})",
                           R"({"alg":"Hs256"})", R"({"alg":""})", R"({"alg":7})", R"({})"})
    ck_assert_msg(!refusal(verifier, sign_hs256(head, payload(), kSecret)).empty(), "%s", head);
}
END_TEST

START_TEST(chooses_the_key_by_kid_and_refuses_unknown_ones) {
  const Verifier verifier = make_verifier({hs_key("one"), hs_key("two")});
  const auto with = [](const std::string& kid) {
    return sign_hs256(R"({"alg":"HS256")" + kid + "}", payload(), kSecret);
  };
  assert_taken(refusal(verifier, with(R"(,"kid":"two")")));
  assert_contains(refusal(verifier, with(R"(,"kid":"three")")), "unknown key");
  assert_contains(refusal(verifier, with("")), "no key");
  assert_contains(refusal(verifier, with(R"(,"kid":7)")), "kid");
  assert_contains(refusal(verifier, with(R"(,"kid":"")")), "kid");
  assert_contains(refusal(verifier, with(R"(,"kid":null)")), "kid");
  const Verifier unnamed = make_verifier({hs_key()});
  assert_taken(refusal(unnamed, with("")));
  assert_contains(refusal(unnamed, with(R"(,"kid":"one")")), "unknown key");
}
END_TEST

START_TEST(refuses_critical_extensions) {
  assert_contains(
      refusal(make_verifier({hs_key()}),
              sign_hs256(R"({"alg":"HS256","crit":["b64"],"b64":false})", payload(), kSecret)),
      "critical");
}
END_TEST

START_TEST(refuses_any_change_of_header_payload_or_signature) {
  const Verifier verifier = make_verifier({hs_key()});
  const std::string good = sign_hs256(R"({"alg":"HS256"})", payload(), kSecret);
  assert_taken(refusal(verifier, good));
  const std::string other =
      signing_input(R"({"alg":"HS256"})", payload(R"(,"grants":{"admin":true})"));
  ck_assert(!refusal(verifier, other + good.substr(good.rfind('.'))).empty());
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i] == '.') continue;
    // The last character of a part carries bits that are not part of a byte (RFC 4648, 3.5).
    if (i + 1 == good.size() || good[i + 1] == '.') continue;
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    ck_assert_msg(!refusal(verifier, bad).empty(), "character %zu", i);
  }
}
END_TEST

START_TEST(refuses_what_is_no_token) {
  const Verifier verifier = make_verifier({hs_key()});
  const std::string good = sign_hs256(R"({"alg":"HS256"})", payload(), kSecret);
  const std::string nul = good + std::string(1, '\0');
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("..."), std::string("a.b"),
        std::string("a.b.c"), std::string("a.b.c.d"), good + ".x", " " + good, good + "\n", nul,
        good + "=", sign_hs256("[]", payload(), kSecret), sign_hs256("{", payload(), kSecret),
        sign_hs256(R"({"alg":"HS256"})", "[]", kSecret),
        sign_hs256(R"({"alg":"HS256"})", R"({"sub":"a","sub":"b"})", kSecret)})
    ck_assert_msg(!refusal(verifier, bad).empty(), "%s", bad.c_str());
}
END_TEST

START_TEST(takes_tokens_up_to_8_kib) {
  const Verifier verifier = make_verifier({hs_key()});
  const auto padded = [](std::size_t bytes) {
    const std::string claims = payload(R"(,"pad":")" + std::string(bytes, 'x') + "\"");
    return sign_hs256(R"({"alg":"HS256"})", claims, kSecret);
  };
  std::size_t bytes = 5000;
  while (padded(bytes).size() < kMaxTokenBytes) ++bytes;
  assert_taken(refusal(verifier, padded(bytes - 3)));
  assert_contains(refusal(verifier, padded(bytes + 3)), "at most 8192");
}
END_TEST

START_TEST(checks_exp_to_the_second) {
  const Verifier verifier = make_verifier({hs_key()});
  const std::string token = sign_hs256(R"({"alg":"HS256"})", payload(), kSecret);
  ck_assert(verifier.verify(token, at(kNow + 59)).has_value());
  assert_contains(verifier.verify(token, at(kNow + 60)).error().message, "expired");
  assert_contains(verifier.verify(token, at(kNow + 61)).error().message, "expired");
}
END_TEST

START_TEST(requires_a_usable_exp) {
  assert_contains(refusal_of_claims(R"({"sub":"anna","aud":"parley"})"), "no exp");
  for (const char* exp : {"\"1700000060\"", "true", "null", "[]", "-1", "1e300", "99999999999999"})
    assert_contains(
        refusal_of_claims(fmt::format(R"({{"sub":"anna","aud":"parley","exp":{}}})", exp)),
        "not a time");
  assert_taken(refusal_of_claims(R"({"sub":"anna","aud":"parley","exp":1700000000.5})"));
}
END_TEST

START_TEST(honours_nbf_with_30_seconds_for_clocks_apart) {
  assert_taken(refusal_of_claims(payload(fmt::format(R"(,"nbf":{})", kNow + 30))));
  assert_contains(refusal_of_claims(payload(fmt::format(R"(,"nbf":{})", kNow + 31))),
                  "not valid yet");
  assert_contains(refusal_of_claims(payload(R"(,"nbf":"soon")")), "nbf");
}
END_TEST

START_TEST(wants_its_audience_alone_or_among_others) {
  const auto with = [](const std::string& aud) {
    return refusal_of_claims(fmt::format(R"({{"sub":"anna","exp":{},"aud":{}}})", kNow + 60, aud));
  };
  assert_taken(with(R"("parley")"));
  assert_taken(with(R"(["other","parley"])"));
  for (const char* aud : {R"("other")", R"("Parley")", R"([])", R"(["other"])", R"(["parley",7])",
                          R"({"parley":true})", "true", "null", R"("")", R"("parley ")"})
    assert_contains(with(aud), "aud is not parley");
  assert_contains(refusal_of_claims(fmt::format(R"({{"sub":"anna","exp":{}}})", kNow + 60)),
                  "aud is not parley");
}
END_TEST

START_TEST(wants_a_valid_sub) {
  for (const char* sub : {R"("")", R"("a b")", "7", "null", R"(["anna"])", R"("a\"b")"})
    assert_contains(
        refusal_of_claims(fmt::format(R"({{"sub":{},"exp":{},"aud":"parley"}})", sub, kNow + 60)),
        "sub");
  assert_contains(refusal_of_claims(fmt::format(R"({{"exp":{},"aud":"parley"}})", kNow + 60)),
                  "sub");
}
END_TEST

START_TEST(profiles_are_the_user_when_absent_and_1_to_64_ids_when_given) {
  const Verifier verifier = make_verifier({hs_key()});
  const auto claims =
      verifier.verify(sign_hs256(R"({"alg":"HS256"})", payload(), kSecret), at(kNow));
  ck_assert(claims.has_value());
  ck_assert_uint_eq(claims->profiles.size(), 1);
  ck_assert_str_eq(claims->profiles[0].str().c_str(), "anna");
  const auto ids = [](int count) {
    std::string list;
    for (int i = 0; i < count; ++i) list += fmt::format("{}\"p{}\"", i == 0 ? "" : ",", i);
    return fmt::format(R"(,"profiles":[{}])", list);
  };
  assert_taken(refusal_of_claims(payload(ids(64))));
  for (const std::string& bad :
       {ids(0), ids(65), std::string(R"(,"profiles":"anna")"), std::string(R"(,"profiles":[7])"),
        std::string(R"(,"profiles":null)"), std::string(R"(,"profiles":["a b"])"),
        std::string(R"(,"profiles":[""])"), std::string(R"(,"profiles":["a\n"])")})
    assert_contains(refusal_of_claims(payload(bad)), "profiles");
}
END_TEST

START_TEST(profiles_given_twice_count_once) {
  const auto claims = make_verifier({hs_key()})
                          .verify(sign_hs256(R"({"alg":"HS256"})",
                                             payload(R"(,"profiles":["b","a","b"])"), kSecret),
                                  at(kNow));
  ck_assert(claims.has_value());
  ck_assert_uint_eq(claims->profiles.size(), 2);
  ck_assert_str_eq(claims->profiles[0].str().c_str(), "b");
}
END_TEST

START_TEST(grants_are_what_is_true_or_listed) {
  const Verifier verifier = make_verifier({hs_key()});
  const auto grants = [&verifier](const std::string& json) {
    const auto claims = verifier.verify(
        sign_hs256(R"({"alg":"HS256"})", payload(R"(,"grants":)" + json), kSecret), at(kNow));
    ck_assert_msg(claims.has_value(), "%s", json.c_str());
    return claims->grants;
  };
  ck_assert(grants(R"({"record":true,"mix":false,"admin":true})") ==
            (std::set<std::string>{"admin", "record"}));
  ck_assert(grants(R"(["mix"])") == std::set<std::string>{"mix"});
  ck_assert(grants("{}").empty());
  for (const char* bad : {R"({"record":1})", R"({"record":"true"})", R"("record")", "true", "null",
                          R"([["record"]])", R"({"record":{"x":true}})"})
    assert_contains(refusal_of_claims(payload(std::string(R"(,"grants":)") + bad)), "grants");
}
END_TEST

START_TEST(gives_the_token_id) {
  const Verifier verifier = make_verifier({hs_key()});
  const auto claims = verifier.verify(
      sign_hs256(R"({"alg":"HS256"})", payload(R"(,"jti":"x/1+\"")"), kSecret), at(kNow));
  ck_assert(claims.has_value());
  ck_assert_str_eq(claims->token_id->c_str(), "x/1+\"");
  assert_contains(refusal_of_claims(payload(R"(,"jti":7)")), "jti");
}
END_TEST

START_TEST(creation_refuses_unfit_keys_with_a_sentence) {
  const auto why = [](std::vector<Key> keys, const char* audience = "parley") {
    const auto made = Verifier::create(std::move(keys), audience);
    ck_assert(!made.has_value());
    ck_assert(made.error().code == base::Code::kInvalid);
    return made.error().message;
  };
  const std::string pem = public_pem(make_rsa(2048).get());
  assert_contains(why({}), "At least one key");
  assert_contains(why({{"k", Algorithm::kHs256, std::string(31, 'x')}}), "31 bytes");
  assert_contains(why({{"k", Algorithm::kRs256, kSecret}}), "no public key in PEM form");
  assert_contains(why({{"k", Algorithm::kRs256, pem.substr(0, pem.size() / 2)}}), "no public key");
  assert_contains(why({{"k", Algorithm::kEs256, ""}}), "no public key");
  assert_contains(why({{"k", Algorithm::kRs256, public_pem(make_rsa(1024).get())}}), "1024 bits");
  assert_contains(why({{"k", Algorithm::kEs256, pem}}), "P-256");
  assert_contains(why({{"k", Algorithm::kEs256, public_pem(make_ec("P-384").get())}}), "P-256");
  assert_contains(why({{"k", Algorithm::kRs256, public_pem(make_ec("P-256").get())}}),
                  "not an RSA");
  assert_contains(why({hs_key("a"), hs_key("a")}), "given twice");
  assert_contains(why({hs_key(), hs_key()}), "no kid");
  assert_contains(why({hs_key("a b")}), "kid");
  assert_contains(why({hs_key()}, "par\"ley"), "audience");
  assert_contains(why({hs_key()}, ""), "audience");
}
END_TEST

START_TEST(names_of_algorithms_are_exact) {
  ck_assert(parse_algorithm("RS256") == Algorithm::kRs256);
  ck_assert(parse_algorithm("ES256") == Algorithm::kEs256);
  ck_assert(!parse_algorithm("rs256").has_value());
  ck_assert(!parse_algorithm("none").has_value());
}
END_TEST

int main() {
  return parley::test::run("tokens",
                           {takes_what_it_minted,
                            minting_refuses_what_no_token_can_carry,
                            takes_tokens_of_each_algorithm_signed_by_another_library,
                            refuses_signatures_of_another_key_of_the_same_kind,
                            refuses_an_hmac_made_with_a_public_key,
                            refuses_alg_none_in_every_capitalisation_signed_or_not,
                            refuses_other_algorithms_of_the_same_key_and_names_in_other_case,
                            chooses_the_key_by_kid_and_refuses_unknown_ones,
                            refuses_critical_extensions,
                            refuses_any_change_of_header_payload_or_signature,
                            refuses_what_is_no_token,
                            takes_tokens_up_to_8_kib,
                            checks_exp_to_the_second,
                            requires_a_usable_exp,
                            honours_nbf_with_30_seconds_for_clocks_apart,
                            wants_its_audience_alone_or_among_others,
                            wants_a_valid_sub,
                            profiles_are_the_user_when_absent_and_1_to_64_ids_when_given,
                            profiles_given_twice_count_once,
                            grants_are_what_is_true_or_listed,
                            gives_the_token_id,
                            creation_refuses_unfit_keys_with_a_sentence,
                            names_of_algorithms_are_exact});
}
