#include "ice/agent.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "ice/stun.h"
#include "ice/vectors.h"
#include "support/check_main.h"

using parley::base::Path;
using parley::base::TimePoint;
using parley::ice::Attribute;
using parley::ice::Credentials;
using parley::ice::Handled;
using parley::ice::IntegrityKey;
using parley::ice::kMaxResponseBytes;
using parley::ice::LiteAgent;
using parley::ice::MessageType;
using parley::ice::requested_ufrag;
using parley::ice::StunMessage;

namespace {

std::size_t g_allocations = 0;

}  // namespace

// Every allocation of the program is counted, OpenSSL's too (main).
void* operator new(std::size_t size) {
  ++g_allocations;
  void* p = std::malloc(size);
  if (p == nullptr) std::abort();
  return p;
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

const std::string kUfrag = "sErv";
const std::string kPwd = "a/password+of22orMoreChars";
const std::string kUsername = "sErv:pEEr";

Path path(std::uint8_t last_byte, std::uint16_t port) {
  Path p;
  p.local = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}};
  p.remote = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last_byte}}, port};
  return p;
}

TimePoint at(int seconds) { return TimePoint(std::chrono::seconds(seconds)); }

// A peer's request, piece by piece, right or wrong.
class Request {
 public:
  explicit Request(MessageType type = MessageType::kBindingRequest) {
    const auto t = static_cast<std::uint16_t>(type);
    bytes_ = {static_cast<std::uint8_t>(t >> 8U),
              static_cast<std::uint8_t>(t),
              0,
              0,
              0x21,
              0x12,
              0xa4,
              0x42};
    for (std::uint8_t i = 1; i <= 12; ++i) bytes_.push_back(i);
  }
  Request& add(std::uint16_t type, std::string_view value) {
    bytes_.insert(bytes_.end(),
                  {static_cast<std::uint8_t>(type >> 8U), static_cast<std::uint8_t>(type), 0,
                   static_cast<std::uint8_t>(value.size())});
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    while (bytes_.size() % 4 != 0) bytes_.push_back(0);
    bytes_[2] = static_cast<std::uint8_t>((bytes_.size() - 20) >> 8U);
    bytes_[3] = static_cast<std::uint8_t>(bytes_.size() - 20);
    return *this;
  }
  Request& add(Attribute type, std::string_view value) {
    return add(static_cast<std::uint16_t>(type), value);
  }
  Request& user(std::string_view name) { return add(Attribute::kUsername, name); }
  Request& controlling() { return add(Attribute::kIceControlling, "12345678"); }
  Request& nominate() { return add(Attribute::kUseCandidate, ""); }
  Request& sign(std::string_view password) {
    IntegrityKey key(password);
    const auto length = static_cast<std::uint16_t>(bytes_.size() - 20 + 24);
    const auto digest = key.sign(bytes_, length);
    return add(Attribute::kMessageIntegrity,
               std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
  }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

Request good() { return Request().user(kUsername).controlling(); }

struct Outcome {
  Handled handled;
  std::vector<std::uint8_t> response;
};

Outcome give(LiteAgent& agent, const std::vector<std::uint8_t>& bytes, const Path& by,
             int seconds = 1) {
  std::array<std::uint8_t, kMaxResponseBytes> out{};
  Outcome outcome;
  outcome.handled = agent.handle(bytes, by, at(seconds), out);
  outcome.response.assign(out.begin(),
                          out.begin() + static_cast<long>(outcome.handled.response_bytes));
  return outcome;
}

// The ERROR-CODE of a response; 0: it has none.
int error_of(const std::vector<std::uint8_t>& response) {
  const auto message = StunMessage::parse(response);
  if (!message || !message->is(MessageType::kBindingError)) return 0;
  return response[20 + 6] * 100 + response[20 + 7];  // ERROR-CODE comes first
}

bool signed_by(const std::vector<std::uint8_t>& response, std::string_view password) {
  IntegrityKey key(password);
  const auto message = StunMessage::parse(response);
  return message && message->has_fingerprint() && message->authentic(key);
}

}  // namespace

START_TEST(answers_a_check_with_the_address_it_came_from) {
  LiteAgent agent({kUfrag, kPwd});
  const auto [handled, response] = give(agent, good().sign(kPwd).bytes(), path(7, 5000), 3);
  ck_assert(handled.authentic);
  ck_assert(!handled.malformed);
  ck_assert(!handled.path_changed);
  const auto message = StunMessage::parse(response);
  ck_assert(message.has_value());
  ck_assert(message->is(MessageType::kBindingSuccess));
  ck_assert(message->mapped() == path(7, 5000).remote);
  ck_assert(signed_by(response, kPwd));
  ck_assert(!agent.selected());
  ck_assert(agent.last_request() == at(3));
}
END_TEST

START_TEST(selects_the_nominated_path_and_moves_with_later_nominations) {
  LiteAgent agent({kUfrag, kPwd});
  const auto nomination = good().nominate().sign(kPwd).bytes();
  ck_assert(give(agent, nomination, path(7, 5000)).handled.path_changed);
  ck_assert(agent.selected() == path(7, 5000));
  ck_assert(!give(agent, nomination, path(7, 5000)).handled.path_changed);
  ck_assert(give(agent, nomination, path(8, 5001)).handled.path_changed);
  ck_assert(agent.selected() == path(8, 5001));
  ck_assert(!give(agent, good().sign(kPwd).bytes(), path(9, 5002)).handled.path_changed);
  ck_assert(agent.selected() == path(8, 5001));
}
END_TEST

START_TEST(refuses_a_controlled_peer_with_487) {
  LiteAgent agent({"evtj", std::string(parley::test::kVectorPassword)});
  const auto [handled, response] = give(agent, parley::test::kVectorRequest, path(7, 5000));
  ck_assert(handled.authentic);
  ck_assert_int_eq(error_of(response), 487);
  ck_assert(signed_by(response, parley::test::kVectorPassword));
}
END_TEST

START_TEST(a_role_conflict_nominates_nothing) {
  LiteAgent agent({kUfrag, kPwd});
  const auto request =
      Request().user(kUsername).add(Attribute::kIceControlled, "12345678").nominate().sign(kPwd);
  ck_assert_int_eq(error_of(give(agent, request.bytes(), path(7, 5000)).response), 487);
  ck_assert(!agent.selected());
}
END_TEST

START_TEST(refuses_unknown_required_attributes_with_420_and_names_them) {
  LiteAgent agent({kUfrag, kPwd});
  const auto request = good().add(0x7abc, "what").nominate().sign(kPwd);
  const auto [handled, response] = give(agent, request.bytes(), path(7, 5000));
  ck_assert(handled.authentic);
  ck_assert_int_eq(error_of(response), 420);
  ck_assert(signed_by(response, kPwd));
  const std::vector<std::uint8_t> named = {0x00, 0x0a, 0x00, 0x02, 0x7a, 0xbc};
  ck_assert(std::search(response.begin(), response.end(), named.begin(), named.end()) !=
            response.end());
  ck_assert(!agent.selected());
}
END_TEST

START_TEST(answers_even_when_every_attribute_is_unknown) {
  LiteAgent agent({kUfrag, kPwd});
  Request request = good();
  for (std::uint16_t n = 0; n < 40; ++n) request.add(0x7000 + n, "");
  const auto [handled, response] = give(agent, request.sign(kPwd).bytes(), path(7, 5000));
  ck_assert_int_eq(error_of(response), 420);
}
END_TEST

START_TEST(refuses_who_has_not_the_password_with_401_and_believes_nothing) {
  LiteAgent agent({kUfrag, kPwd});
  for (const auto& request :
       {good().nominate().sign("another/password+of22chars"),
        Request().user("else:pEEr").nominate().sign(kPwd),
        Request().user("sErv").nominate().sign(kPwd), Request().user("sErv:").nominate().sign(kPwd),
        Request().user(":sErv").nominate().sign(kPwd),
        Request().user("sErv:p:er").nominate().sign(kPwd),
        Request().user("sErvX:pEEr").nominate().sign(kPwd),
        Request().user("sEr:pEEr").nominate().sign(kPwd)}) {
    const auto [handled, response] = give(agent, request.bytes(), path(7, 5000));
    ck_assert(!handled.authentic);
    ck_assert(!handled.malformed);
    ck_assert_int_eq(error_of(response), 401);
  }
  ck_assert(!agent.selected());
  ck_assert(!agent.last_request());
}
END_TEST

START_TEST(refuses_a_request_without_integrity_or_username_with_400) {
  LiteAgent agent({kUfrag, kPwd});
  ck_assert_int_eq(error_of(give(agent, good().nominate().bytes(), path(7, 5000)).response), 400);
  const auto nameless = Request().controlling().nominate().sign(kPwd);
  ck_assert_int_eq(error_of(give(agent, nameless.bytes(), path(7, 5000)).response), 400);
  ck_assert(!agent.selected());
  ck_assert(!agent.last_request());
}
END_TEST

START_TEST(never_answers_a_stranger_with_more_bytes_than_came) {
  LiteAgent agent({kUfrag, kPwd});
  const auto bare = Request().bytes();
  const auto [handled, response] = give(agent, bare, path(7, 5000));
  ck_assert(!handled.malformed);
  ck_assert_uint_eq(response.size(), 0);
  Request request;
  for (int n = 0; n < 30; ++n) {
    request.add(0xc001, "");
    ck_assert_uint_le(give(agent, request.bytes(), path(7, 5000)).response.size(),
                      request.bytes().size());
  }
}
END_TEST

START_TEST(ignores_indications_answers_and_other_methods) {
  LiteAgent agent({kUfrag, kPwd});
  for (const auto type : {MessageType::kBindingIndication, MessageType::kBindingSuccess,
                          MessageType::kBindingError, static_cast<MessageType>(0x0003)}) {
    const auto request = Request(type).user(kUsername).nominate().sign(kPwd);
    const auto [handled, response] = give(agent, request.bytes(), path(7, 5000));
    ck_assert(!handled.authentic);
    ck_assert(!handled.malformed);
    ck_assert_uint_eq(response.size(), 0);
  }
  ck_assert(!agent.selected());
}
END_TEST

START_TEST(says_what_is_malformed_and_stays_silent) {
  LiteAgent agent({kUfrag, kPwd});
  auto cut = good().sign(kPwd).bytes();
  cut.pop_back();
  const std::vector<std::vector<std::uint8_t>> hostile = {
      {}, {0}, std::vector<std::uint8_t>(20, 0), std::vector<std::uint8_t>(1500, 0xff), cut};
  for (const auto& bytes : hostile) {
    const auto [handled, response] = give(agent, bytes, path(7, 5000));
    ck_assert(handled.malformed);
    ck_assert(!handled.authentic);
    ck_assert_uint_eq(response.size(), 0);
  }
}
END_TEST

START_TEST(takes_old_credentials_after_a_restart_until_new_ones_were_used) {
  const std::string new_pwd = "another/password+of22chars";
  LiteAgent agent({kUfrag, kPwd});
  const auto old_nomination = good().nominate().sign(kPwd).bytes();
  const auto new_nomination = Request().user("nEwU:pEEr").nominate().sign(new_pwd).bytes();
  give(agent, old_nomination, path(7, 5000));
  agent.restart({"nEwU", new_pwd});
  ck_assert(agent.selected() == path(7, 5000));

  const auto old_answer = give(agent, old_nomination, path(7, 5000));
  ck_assert(old_answer.handled.authentic);
  ck_assert(signed_by(old_answer.response, kPwd));

  const auto forged = Request().user("nEwU:pEEr").nominate().sign(kPwd).bytes();
  ck_assert_int_eq(error_of(give(agent, forged, path(9, 1)).response), 401);
  ck_assert(give(agent, old_nomination, path(7, 5000)).handled.authentic);

  const auto new_answer = give(agent, new_nomination, path(8, 5001));
  ck_assert(new_answer.handled.path_changed);
  ck_assert(signed_by(new_answer.response, new_pwd));
  ck_assert_int_eq(error_of(give(agent, old_nomination, path(7, 5000)).response), 401);
  ck_assert(agent.selected() == path(8, 5001));
}
END_TEST

START_TEST(a_second_restart_forgets_the_first_credentials) {
  LiteAgent agent({kUfrag, kPwd});
  agent.restart({"two2", "second/password+of22chars"});
  agent.restart({"thre", "third/password+of22+chars"});
  ck_assert(!give(agent, good().sign(kPwd).bytes(), path(7, 1)).handled.authentic);
  const auto second = Request().user("two2:pEEr").sign("second/password+of22chars").bytes();
  ck_assert(give(agent, second, path(7, 1)).handled.authentic);
}
END_TEST

START_TEST(finds_the_ufrag_a_request_is_for) {
  ck_assert(requested_ufrag(good().bytes()) == kUfrag);
  ck_assert(requested_ufrag(parley::test::kVectorRequest) == "evtj");
  ck_assert(!requested_ufrag(Request().bytes()));
  ck_assert(!requested_ufrag(Request().user("nocolon").bytes()));
  ck_assert(!requested_ufrag(Request().user("bad char:pEEr").bytes()));
  ck_assert(!requested_ufrag(Request(MessageType::kBindingIndication).user(kUsername).bytes()));
  ck_assert(!requested_ufrag({}));
}
END_TEST

START_TEST(allocates_nothing_per_datagram) {
  LiteAgent agent({kUfrag, kPwd});
  const std::vector<std::vector<std::uint8_t>> datagrams = {
      good().nominate().sign(kPwd).bytes(),
      good().sign("another/password+of22chars").bytes(),
      good().bytes(),
      good().add(0x7abc, "what").sign(kPwd).bytes(),
      parley::test::kVectorRequest,
      {1, 2, 3}};
  std::array<std::uint8_t, kMaxResponseBytes> out{};
  const std::size_t before = g_allocations;
  for (int round = 0; round < 3; ++round)
    for (const auto& datagram : datagrams)
      ck_assert(agent.handle(datagram, path(7, 5000), at(1), out).response_bytes <= out.size());
  ck_assert_uint_eq(g_allocations, before);
}
END_TEST

int main() {
  CRYPTO_set_mem_functions(
      [](std::size_t size, const char*, int) {
        ++g_allocations;
        return std::malloc(size);
      },
      [](void* p, std::size_t size, const char*, int) {
        ++g_allocations;
        return std::realloc(p, size);
      },
      [](void* p, const char*, int) { std::free(p); });
  return parley::test::run(
      "ice agent",
      {answers_a_check_with_the_address_it_came_from,
       selects_the_nominated_path_and_moves_with_later_nominations,
       refuses_a_controlled_peer_with_487, a_role_conflict_nominates_nothing,
       refuses_unknown_required_attributes_with_420_and_names_them,
       answers_even_when_every_attribute_is_unknown,
       refuses_who_has_not_the_password_with_401_and_believes_nothing,
       refuses_a_request_without_integrity_or_username_with_400,
       never_answers_a_stranger_with_more_bytes_than_came,
       ignores_indications_answers_and_other_methods, says_what_is_malformed_and_stays_silent,
       takes_old_credentials_after_a_restart_until_new_ones_were_used,
       a_second_restart_forgets_the_first_credentials, finds_the_ufrag_a_request_is_for,
       allocates_nothing_per_datagram});
}
