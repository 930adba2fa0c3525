// Requests with tokens of every kind, and answers taken apart.
#pragma once

#include <json-glib/json-glib.h>

#include <string>

#include "admin/api.h"
#include "support/check_main.h"

namespace parley::test {

inline const auth::Key kKey{"k", auth::Algorithm::kHs256, std::string(32, 's')};
inline constexpr base::Instant kNow{base::TimePoint(std::chrono::hours(1)),
                                    base::WallTime(std::chrono::milliseconds(1'767'225'600'123))};

inline std::string token(std::set<std::string> grants,
                         std::chrono::seconds valid_for = std::chrono::hours(1),
                         const std::string& user = "server") {
  return auth::mint(kKey,
                    {base::UserId(user), {}, std::move(grants), "parley", kNow.wall + valid_for})
      .value();
}

struct Desk {
  auth::Verifier verifier = auth::Verifier::create({kKey}, "parley").value();
  admin::Api api;

  explicit Desk(bool may_sign = true, double burst = 1000) : api(rules(may_sign, burst)) {}

  admin::Rules rules(bool may_sign, double burst) const {
    admin::Rules rules;
    rules.verifier = &verifier;
    rules.audience = "parley";
    if (may_sign) rules.signing_key = kKey;
    rules.requests_per_second = 10;
    rules.request_burst = burst;
    rules.fresh_id = [] { return "fresh"; };
    return rules;
  }
  static admin::Request request(const std::string& method, const std::string& path,
                                const std::string& body = {}) {
    admin::Request request;
    request.method = method;
    const std::size_t mark = path.find('?');
    request.path = "/api/v1/" + path.substr(0, mark);
    if (mark != std::string::npos) request.query = path.substr(mark + 1);
    request.authorization = "Bearer " + token({"admin"});
    request.body = body;
    if (!body.empty()) request.content_type = "application/json";
    return request;
  }
  admin::Outcome ask(const std::string& method, const std::string& path,
                     const std::string& body = {}) {
    return api.handle(request(method, path, body), kNow);
  }
  // Fails the test when there is another outcome.
  template <class Question>
  Question question(const std::string& method, const std::string& path,
                    const std::string& body = {}) {
    const admin::Outcome outcome = ask(method, path, body);
    const auto* asked = std::get_if<admin::Question>(&outcome);
    ck_assert_msg(asked != nullptr, "%s %s: %s", method.c_str(), path.c_str(),
                  asked == nullptr ? std::get<admin::Response>(outcome).body.c_str() : "");
    ck_assert(std::holds_alternative<Question>(*asked));
    return std::get<Question>(*asked);
  }
  template <class Command>
  Command command(const std::string& method, const std::string& path,
                  const std::string& body = {}) {
    return std::get<Command>(question<admin::Ask>(method, path, body).command);
  }
  admin::Response response(const admin::Request& request, base::Instant now = kNow) {
    const admin::Outcome outcome = api.handle(request, now);
    ck_assert_msg(std::holds_alternative<admin::Response>(outcome), "%s", request.path.c_str());
    return std::get<admin::Response>(outcome);
  }
  admin::Response response(const std::string& method, const std::string& path,
                           const std::string& body = {}) {
    return response(request(method, path, body));
  }
};

inline std::string header(const admin::Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "";
}

// "404 request not_found", or "200" and the like.
inline std::string summary(const admin::Response& response) {
  if (response.status < 400) return std::to_string(response.status);
  JsonNode* node = json_from_string(response.body.c_str(), nullptr);
  ck_assert_ptr_nonnull(node);
  JsonObject* object = json_node_get_object(node);
  const std::string message = json_object_get_string_member(object, "message");
  ck_assert_msg(message.size() > 10 && message.back() == '.', "%s", message.c_str());
  const std::string text = std::to_string(response.status) + " " +
                           json_object_get_string_member(object, "kind") + " " +
                           json_object_get_string_member(object, "code");
  json_node_unref(node);
  return text;
}

inline void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

}  // namespace parley::test
