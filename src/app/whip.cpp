#include "app/whip.h"

#include <algorithm>
#include <utility>

#include "metrics/page.h"
#include "net/origin.h"
#include "sdp/guest.h"

namespace parley::app {
namespace {

constexpr std::size_t kInFlight = 64;               // our choice: an answer takes milliseconds
constexpr std::chrono::seconds kAnswerTimeout{15};  // our choice: as for the HTTP API

admin::GuestRequest to_request(const net::HttpRequest& request) {
  return {
      .method = request.method,
      .path = request.path,
      .query = request.query,
      .authorization = request.header("Authorization"),
      .content_type = request.header("Content-Type"),
      .content_encoding = request.header("Content-Encoding"),
      .if_match = request.header("If-Match"),
      .body = request.body,
  };
}

const char* reason_of(unsigned status) {
  switch (status) {
    case 411:
      return "a body needs a `Content-Length`";
    case 413:
      return "the body has more than 65536 bytes";
    default:
      return "too many requests are in flight, or there was no answer in time; try again";
  }
}

}  // namespace

WhipDesk::WhipDesk(WhipPorts ports, admin::GuestRules rules, std::vector<std::string> origins)
    : ports_(std::move(ports)), door_(std::move(rules)), origins_(std::move(origins)) {}

std::vector<net::Route> WhipDesk::routes() {
  std::vector<net::Route> routes;
  for (const std::string_view prefix : {admin::kWhipPrefix, admin::kWhepPrefix}) {
    net::Route& route = routes.emplace_back();
    route.prefix = prefix;
    // From anywhere, with a token: encoders and viewers are not on this machine.
    route.access = net::Access::kAll;
    route.body_bytes = sdp::kMaxBytes;
    route.in_flight = kInFlight;
    route.answer_timeout = kAnswerTimeout;
    route.refuse = [this](unsigned status) {
      return finish(admin::error_of_status(status, reason_of(status)), nullptr);
    };
    route.serve = [this](const net::HttpRequest& request, const net::Respond& respond) {
      serve(request, respond);
    };
  }
  return routes;
}

void WhipDesk::serve(const net::HttpRequest& request, const net::Respond& respond) {
  const admin::GuestOutcome outcome = door_.handle(to_request(request), ports_.now());
  if (const auto* response = std::get_if<admin::Response>(&outcome))
    return respond(finish(*response, &request));
  const auto& question = std::get<admin::GuestQuestion>(outcome);
  if (const auto* join = std::get_if<call::JoinGuest>(&question.command)) {
    // Before anybody else sees it. Who has nothing to offer never reaches the call.
    if (const auto offer = sdp::check_guest_offer(join->sdp, join->publishes); !offer)
      return respond(finish(admin::GuestDoor::bad_offer(offer.error()), &request));
  }
  ports_.command(question.command, [this, question, request, respond](const Driver::Answer& done) {
    respond(finish(door_.answer(question, done), &request));
  });
}

net::HttpResponse WhipDesk::finish(const admin::Response& response,
                                   const net::HttpRequest* request) {
  ++answers_[response.status];
  net::HttpResponse out{response.status, "application/json", response.body, {}};
  for (const auto& [name, value] : response.headers) {
    if (name == "Content-Type")
      out.type = value;
    else
      out.headers.emplace_back(name, value);
  }
  out.headers.emplace_back("Cache-Control", "no-store");
  if (request == nullptr) return out;
  const std::string origin = request->header("Origin");
  if (origin.empty()) return out;
  out.headers.emplace_back("Vary", "Origin");
  if (!net::origin_allowed(origin, request->header("Host"), {"http", "https"}, origins_))
    return out;
  out.headers.emplace_back("Access-Control-Allow-Origin", origin);
  out.headers.emplace_back("Access-Control-Expose-Headers",
                           "Location, ETag, Link, Accept-Patch, Retry-After");
  if (request->method != "OPTIONS") return out;
  out.headers.emplace_back("Access-Control-Allow-Methods", "OPTIONS, POST, PATCH, DELETE");
  out.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
  out.headers.emplace_back("Access-Control-Max-Age", "600");
  return out;
}

std::string WhipDesk::metrics() const {
  metrics::Page page;
  for (const auto& [status, n] : answers_)
    page.counter("parley_whip_answers_total", "Answers to requests of WHIP and WHEP.",
                 static_cast<double>(n), {{"status", std::to_string(status)}});
  return page.text();
}

}  // namespace parley::app
