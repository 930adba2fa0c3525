#include "app/api.h"

#include <utility>

#include "app/log.h"
#include "app/pages.h"
#include "base/overloaded.h"
#include "metrics/page.h"

namespace parley::app {
namespace {

// A text at its largest, every character of it escaped, and what stands around it.
constexpr std::size_t kBodyBytes = 64UL * 1024;
constexpr std::size_t kInFlight = 64;               // our choice: an answer takes milliseconds
constexpr std::chrono::seconds kAnswerTimeout{15};  // our choice: longer than a slow disk takes

admin::Request to_request(const net::HttpRequest& request) {
  return {
      .method = request.method,
      .path = request.path,
      .query = request.query,
      .authorization = request.header("Authorization"),
      .accept = request.header("Accept"),
      .content_type = request.header("Content-Type"),
      .content_encoding = request.header("Content-Encoding"),
      .body = request.body,
  };
}

// The store's own words name files of the server, and are not for others.
admin::Response refusal(const admin::Question& question, const base::Error& error) {
  if (error.code == base::Code::kNotFound) return admin::not_found(question);
  log_warning("The HTTP API got no answer from the store: {}", error.message);
  return admin::error(error.code == base::Code::kUnavailable ? call::ErrorCode::kUnavailable
                                                             : call::ErrorCode::kInternal,
                      "the server cannot read it now; try again later");
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

ApiDesk::ApiDesk(ApiPorts ports, admin::Rules rules)
    : ports_(std::move(ports)), api_(std::move(rules)) {}

net::Route ApiDesk::route(net::Access access) {
  net::Route route;
  route.prefix = admin::kPrefix;
  route.access = access;
  route.body_bytes = kBodyBytes;
  route.in_flight = kInFlight;
  route.answer_timeout = kAnswerTimeout;
  route.refuse = [this](unsigned status) {
    return finish(admin::error_of_status(status, reason_of(status)));
  };
  route.serve = [this](const net::HttpRequest& request, const net::Respond& respond) {
    serve(request, respond);
  };
  return route;
}

// Nothing here may be kept by anybody on the way: it is about people, and true for a moment.
net::HttpResponse ApiDesk::finish(const admin::Response& response) {
  ++answers_[response.status];
  net::HttpResponse out{response.status, "application/json", response.body, response.headers};
  out.headers.emplace_back("Cache-Control", "no-store");
  return out;
}

void ApiDesk::serve(const net::HttpRequest& request, const net::Respond& respond) {
  if (const auto file = by_ticket(request)) return serve_file(*file, request, respond);
  const admin::Outcome outcome = api_.handle(to_request(request), ports_.now());
  const Answer answer = [this, respond](const admin::Response& response) {
    respond(finish(response));
  };
  if (const auto* response = std::get_if<admin::Response>(&outcome)) return answer(*response);
  std::visit(base::Overloaded{[&](const admin::RecordingFile& question) {
                                serve_file(question, request, respond);
                              },
                              [&](const auto& question) { ask(question, answer); }},
             std::get<admin::Question>(outcome));
}

void ApiDesk::ask(const admin::LiveCalls& question, const Answer& answer) {
  answer(admin::answer(question, ports_.live()));
}

void ApiDesk::ask(const admin::OneCall& question, const Answer& answer) {
  if (const auto live = ports_.find(question.call)) return answer(admin::answer(question, *live));
  ports_.store.find_call(
      question.call, [question, answer](const base::Result<store::StoredCall>& call) {
        if (!call) return answer(refusal(question, call.error()));
        answer(admin::answer(question, call->chain, std::get<wire::CallItem>(to_item(*call))));
      });
}

void ApiDesk::ask(const admin::LiveBridges& question, const Answer& answer) {
  const auto live = ports_.find(question.call);
  if (!live || (question.own && !admin::takes_part(*live, *question.own)))
    return answer(admin::not_found(question));
  answer(admin::answer(question, *live));
}

void ApiDesk::ask(const admin::Ask& question, const Answer& answer) {
  if (question.own) {
    const auto live = ports_.find(question.call);
    if (!live || !admin::takes_part(*live, *question.own))
      return answer(admin::not_found(question));
  }
  ports_.command(question.command, [question, answer](const Driver::Answer& done) {
    answer(admin::answer(question, done));
  });
}

void ApiDesk::ask(const admin::Chains& question, const Answer& answer) {
  ports_.store.list_chains(
      {question.profile}, question.before, question.limit,
      [question, answer](const base::Result<store::Page<store::ChainSummary>>& page) {
        if (!page) return answer(refusal(question, page.error()));
        std::vector<wire::ChainEntry> chains;
        for (const store::ChainSummary& chain : page->items)
          chains.push_back({chain.chain.chain, chain.chain.members, to_item(chain.last)});
        answer(admin::answer(question, chains, page->more));
      });
}

void ApiDesk::ask(const admin::History& question, const Answer& answer) {
  ports_.store.read_history(
      {}, question.chain, question.before, question.limit,
      [question, answer](const base::Result<store::Page<store::StoredItem>>& page) {
        if (!page) return answer(refusal(question, page.error()));
        std::vector<wire::Item> items;
        for (const store::StoredItem& item : page->items) items.push_back(to_item(item));
        answer(admin::answer(question, items, page->more));
      });
}

std::string ApiDesk::metrics() const {
  metrics::Page page;
  for (const auto& [status, n] : answers_)
    page.counter("parley_api_answers_total", "Answers of the HTTP API.", static_cast<double>(n),
                 {{"status", std::to_string(status)}});
  return page.text();
}

}  // namespace parley::app
