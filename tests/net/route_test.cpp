// Requests that somebody else answers, now or later, against a real server.
#include "net/route.h"

#include <memory>
#include <string>
#include <vector>

#include "net_fixture.h"
#include "support/check_main.h"

using namespace parley;
using test::RawClient;
using test::run_until;

namespace {

struct Asked {
  net::HttpRequest request;
  net::Respond respond;
};

// A server with one route, whose requests wait in `asked` unless `serve` answers them.
struct Running {
  test::Recorder events;
  std::vector<Asked> asked;
  std::function<void(net::HttpRequest&, const net::Respond&)> serve;
  std::unique_ptr<net::Server> server;

  explicit Running(net::Route route = {}, net::Limits limits = {}) {
    net::ServerConfig config;
    config.listen = {"127.0.0.1"};
    config.limits = limits;
    auto started = net::Server::start(std::move(config), events, [] { return "up 1\n"; });
    ck_assert(started.has_value());
    server = std::move(*started);
    route.prefix = "/api/";
    route.refuse = [](unsigned status) {
      return net::HttpResponse{
          status, "text/plain", "refused " + std::to_string(status), {{"Retry-After", "1"}}};
    };
    route.serve = [this](net::HttpRequest request, net::Respond respond) {
      if (serve) return serve(request, respond);
      asked.push_back({std::move(request), std::move(respond)});
    };
    server->add(std::move(route));
  }
  [[nodiscard]] std::unique_ptr<RawClient> ask(const std::string& request) const {
    auto client = std::make_unique<RawClient>(server->port());
    ck_assert(client->send(request));
    return client;
  }
  [[nodiscard]] std::string answer_to(const std::string& request) const {
    const auto client = ask(request);
    ck_assert(client->wait_for("\r\n\r\n"));
    return client->poll();
  }
  void wait_asked(std::size_t n) {
    ck_assert(run_until([&] { return asked.size() == n; }));
  }
};

std::string get(const std::string& path, const std::string& headers = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path +
         " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool starts(const std::string& answer, const char* with) {
  if (answer.starts_with(with)) return true;
  g_printerr("%s\n", answer.c_str());
  return false;
}

}  // namespace

START_TEST(hands_over_the_whole_request) {
  Running running;
  running.serve = [&](net::HttpRequest& request, const net::Respond& respond) {
    running.asked.push_back({request, {}});
    respond({201, "application/json", "{}", {{"Cache-Control", "no-store"}, {"Location", "/x"}}});
  };
  const std::string answer = running.answer_to(
      "PATCH /api/v1/a%20b%2Fc?x=%20y&z HTTP/1.1\r\nHost: x\r\naccept: a\r\nAccept: b\r\n"
      "Authorization: Bearer t\r\nContent-Length: 5\r\n\r\nab\"\xffz");
  ck_assert(starts(answer, "HTTP/1.1 201 "));
  for (const char* header : {"\r\nContent-Type: application/json\r\n", "\r\nLocation: /x\r\n",
                             "\r\nCache-Control: no-store\r\n", "\r\n\r\n{}"})
    ck_assert_msg(answer.find(header) != std::string::npos, "%s", header);
  ck_assert(answer.find("no-cache") == std::string::npos);
  ck_assert(answer.find("Access-Control") == std::string::npos);
  const net::HttpRequest& request = running.asked.at(0).request;
  ck_assert(request.method == "PATCH");
  ck_assert(request.path == "/api/v1/a b/c");
  ck_assert(request.query == "x=%20y&z");
  ck_assert(request.body == "ab\"\xffz");
  ck_assert(request.header("ACCEPT") == "a, b");
  ck_assert(request.header("authorization") == "Bearer t");
  ck_assert(request.header("nothing") == "");
}
END_TEST

START_TEST(answers_later_and_in_any_order) {
  Running running;
  const auto first = running.ask(get("/api/first"));
  running.wait_asked(1);
  const auto second = running.ask(get("/api/second"));
  running.wait_asked(2);
  running.asked[1].respond({200, "text/plain", "second", {}});
  ck_assert(second->wait_for("\r\n\r\nsecond"));
  ck_assert(first->poll() == "");
  running.asked[0].respond({200, "text/plain", "first", {}});
  ck_assert(first->wait_for("\r\n\r\nfirst"));
  // A client must not send another request into a connection that is about to close.
  ck_assert(first->poll().find("\r\nConnection: close\r\n") != std::string::npos);
  ck_assert(first->wait_closed());
  // A second answer is nobody's.
  running.asked[0].respond({200, "text/plain", "again", {}});
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
}
END_TEST

START_TEST(outlives_a_client_that_has_gone) {
  Running running;
  for (int i = 0; i < 3; ++i) (void)running.ask(get("/api/x"));
  running.wait_asked(3);
  for (Asked& one : running.asked) one.respond({200, "text/plain", "nobody hears", {}});
  ck_assert(starts(running.answer_to(get("/healthz")), "HTTP/1.1 200"));
  ck_assert(run_until([&] { return running.server->stats().connections <= 1; }));
}
END_TEST

START_TEST(outlives_the_server) {
  Running running;
  const auto client = running.ask(get("/api/x"));
  running.wait_asked(1);
  running.server.reset();
  running.asked[0].respond({200, "text/plain", "too late", {}});
  ck_assert(client->wait_closed());
  ck_assert(client->poll().find("too late") == std::string::npos);
}
END_TEST

START_TEST(says_that_a_body_is_too_large) {
  net::Route route;
  route.body_bytes = 1000;
  Running running(std::move(route));
  const std::string answer = running.answer_to(post("/api/x", std::string(1001, 'x')));
  ck_assert(starts(answer, "HTTP/1.1 413 "));
  ck_assert(answer.find("\r\n\r\nrefused 413") != std::string::npos);
  // Much larger than what one request may have elsewhere: its sender still reads why.
  ck_assert(starts(running.answer_to(post("/api/x", std::string(300'000, 'x'))), "HTTP/1.1 413 "));
  ck_assert(running.asked.empty());
  // Nobody knows how much is still to come.
  ck_assert(starts(running.answer_to("POST /api/x HTTP/1.1\r\nHost: x\r\n"
                                     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
                   "HTTP/1.1 411 "));
  // Half of what was announced is nothing.
  (void)running.ask("POST /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
  ck_assert(running.asked.empty());
  const auto fits = running.ask(post("/api/x", std::string(1000, 'x')));
  running.wait_asked(1);
  ck_assert_uint_eq(running.asked[0].request.body.size(), 1000);
  running.asked[0].respond({204, "", "", {}});
  ck_assert(fits->wait_for("HTTP/1.1 204 "));
}
END_TEST

START_TEST(asks_no_more_than_so_many_at_once) {
  net::Route route;
  route.in_flight = 2;
  Running running(std::move(route));
  const auto first = running.ask(get("/api/1"));
  const auto second = running.ask(get("/api/2"));
  running.wait_asked(2);
  const std::string answer = running.answer_to(get("/api/3"));
  ck_assert(starts(answer, "HTTP/1.1 503 "));
  ck_assert(answer.find("\r\nRetry-After: 1\r\n") != std::string::npos);
  running.asked[0].respond({204, "", "", {}});
  const auto fourth = running.ask(get("/api/4"));
  running.wait_asked(3);
}
END_TEST

START_TEST(gives_up_who_does_not_answer) {
  net::Route route;
  route.answer_timeout = std::chrono::milliseconds(100);
  net::Limits limits;
  limits.request_timeout = std::chrono::milliseconds(200);
  Running running(std::move(route), limits);
  const std::string answer = running.answer_to(get("/api/x"));
  ck_assert(starts(answer, "HTTP/1.1 503 "));
  running.asked.at(0).respond({200, "text/plain", "late", {}});
  ck_assert_uint_eq(running.server->stats().timed_out, 1);
}
END_TEST

START_TEST(is_there_for_whom_it_is_meant) {
  Running running;  // local
  running.serve = [](net::HttpRequest&, const net::Respond& respond) {
    respond({200, "text/plain", "yes", {}});
  };
  ck_assert(starts(running.answer_to(get("/api/x")), "HTTP/1.1 200"));
  ck_assert(
      starts(running.answer_to(get("/api/x", "X-Forwarded-For: 192.0.2.1\r\n")), "HTTP/1.1 404"));
  ck_assert(
      starts(running.answer_to(get("/api/x", "Forwarded: for=192.0.2.1\r\n")), "HTTP/1.1 404"));
  ck_assert(starts(running.answer_to(get("/apix")), "HTTP/1.1 404"));
  net::Route off;
  off.access = net::Access::kOff;
  const Running closed(std::move(off));
  ck_assert(starts(closed.answer_to(get("/api/x")), "HTTP/1.1 404"));
  ck_assert(starts(closed.answer_to(post("/api/x", "{}")), "HTTP/1.1 405"));
  net::Route all;
  all.access = net::Access::kAll;
  Running open(std::move(all));
  open.serve = running.serve;
  ck_assert(
      starts(open.answer_to(get("/api/x", "X-Forwarded-For: 192.0.2.1\r\n")), "HTTP/1.1 200"));
}
END_TEST

int main() {
  return test::run("routes", {hands_over_the_whole_request, answers_later_and_in_any_order,
                              outlives_a_client_that_has_gone, outlives_the_server,
                              says_that_a_body_is_too_large, asks_no_more_than_so_many_at_once,
                              gives_up_who_does_not_answer, is_there_for_whom_it_is_meant});
}
