// Attacks on the listener with raw sockets, against a real server.
#include "net/server.h"

#include <glib/gstdio.h>

#include <memory>
#include <string>
#include <vector>

#include "net_fixture.h"
#include "support/check_main.h"

using namespace parley;
using test::frame;
using test::RawClient;
using test::run_until;
using test::upgrade_request;

namespace {

struct Running {
  test::Recorder events;
  std::unique_ptr<net::Server> server;

  explicit Running(net::Limits limits = {}, net::ServerConfig config = {}) {
    config.listen = {"127.0.0.1"};
    config.limits = limits;
    auto started = net::Server::start(std::move(config), events, [] { return "up 1\n"; });
    ck_assert_msg(started.has_value(), "%s", started ? "" : started.error().message.c_str());
    server = std::move(*started);
  }
  [[nodiscard]] std::uint16_t port() const { return server->port(); }
};

// Opens a WebSocket.
std::unique_ptr<RawClient> join(const Running& running, std::string_view headers = {},
                                int receive_buffer_bytes = 0) {
  auto client = std::make_unique<RawClient>(running.port(), receive_buffer_bytes);
  ck_assert(client->send(upgrade_request(headers)));
  ck_assert_msg(client->wait_for("\r\n\r\n"), "%s", client->poll().c_str());
  ck_assert_msg(client->poll().starts_with("HTTP/1.1 101"), "%s", client->poll().c_str());
  return client;
}

std::string answer_to(const Running& running, const std::string& request) {
  RawClient client(running.port());
  ck_assert(client.send(request));
  ck_assert(client.wait_for("\r\n\r\n"));
  return client.poll();
}

std::string close_bytes(int code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
}

}  // namespace

START_TEST(carries_text_both_ways) {
  Running running;
  running.events.on_text = [&](net::SocketId socket, std::string_view text) {
    running.server->send(socket, "echo " + std::string(text));
  };
  const auto client = join(running);
  ck_assert(client->send(frame(0x81, "hello")));
  ck_assert(
      client->wait_for("\x81\x0a"
                       "echo hello"));
  ck_assert(client->send(frame(0x89, "there?")));
  ck_assert(client->wait_for("\x8a\x06there?"));
  ck_assert_str_eq(running.events.addresses[running.events.last].c_str(), "127.0.0.1");
}
END_TEST

START_TEST(loses_no_frame_that_comes_with_the_handshake) {
  Running running;
  RawClient client(running.port());
  std::string bytes = upgrade_request();
  for (int i = 0; i < 50; ++i)
    bytes += frame(0x81, std::string(500, static_cast<char>('a' + i % 26)));
  ck_assert(client.send(bytes));
  ck_assert(run_until([&] { return running.events.texts.size() == 50; }));
  for (std::size_t i = 0; i < 50; ++i)
    ck_assert_int_eq(running.events.texts[i][0], static_cast<char>('a' + i % 26));
  ck_assert_int_eq(running.events.open, 1);
}
END_TEST

START_TEST(closes_when_either_side_says_so) {
  Running running;
  const auto leaving = join(running);
  ck_assert(leaving->send(frame(0x88, close_bytes(1000))));
  ck_assert(leaving->wait_closed());
  ck_assert(leaving->poll().find("\x88\x02" + close_bytes(1000)) != std::string::npos);
  const auto told = join(running);
  running.server->close(running.events.last, 1001, "bye");
  ck_assert(told->wait_for("\x88\x05" + close_bytes(1001) + "bye"));
  ck_assert(told->send(frame(0x88, close_bytes(1001))));
  ck_assert(told->wait_closed());
  ck_assert(run_until([&] { return running.events.codes.size() == 2; }));
  ck_assert_uint_eq(running.events.codes[0], 1000);
  ck_assert_uint_eq(running.events.codes[1], 1001);
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
}
END_TEST

START_TEST(notices_a_peer_that_hung_up) {
  Running running;
  { const auto client = join(running); }
  ck_assert(run_until([&] { return running.events.codes.size() == 1; }));
  ck_assert_uint_eq(running.events.codes[0], 1006);
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
}
END_TEST

START_TEST(agrees_on_no_deflate) {
  Running running;
  const auto client = join(running, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  ck_assert(client->poll().find("permessage-deflate") == std::string::npos);
  // A compressed frame all the same: a reserved bit.
  ck_assert(client->send(frame(0xC1, "\xf2\x48\xcd\xc9\xc9\x07")));
  ck_assert(client->wait_for(close_bytes(1002)));
}
END_TEST

START_TEST(refuses_a_socket_without_the_sub_protocol) {
  Running running;
  ck_assert(answer_to(running, upgrade_request({}, "")).starts_with("HTTP/1.1 400"));
  ck_assert(answer_to(running, upgrade_request({}, "jsapi.v2")).starts_with("HTTP/1.1 400"));
  ck_assert(answer_to(running, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 426"));
  ck_assert_int_eq(running.events.open, 0);
}
END_TEST

START_TEST(refuses_pages_of_other_origins) {
  net::ServerConfig config;
  config.origins = {"https://app.example"};
  Running running({}, config);
  ck_assert(answer_to(running, upgrade_request("Origin: http://evil.example\r\n"))
                .starts_with("HTTP/1.1 403"));
  ck_assert(answer_to(running, upgrade_request("Origin: null\r\n")).starts_with("HTTP/1.1 403"));
  join(running, "Origin: http://localhost\r\n");
  join(running, "Origin: https://app.example\r\n");
}
END_TEST

START_TEST(ends_a_hundred_thousand_fragments) {
  Running running;
  const auto client = join(running);
  std::string bytes = frame(0x01, "x");
  for (int i = 0; i < 100'000; ++i) bytes += frame(0x00, "x");
  client->send(bytes);
  ck_assert(client->wait_closed());
  ck_assert(client->poll().find(close_bytes(1008)) != std::string::npos);
  ck_assert(running.events.texts.empty());
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
}
END_TEST

START_TEST(ends_a_message_that_is_too_large_in_one_frame_or_in_many) {
  Running running;
  const auto whole = join(running);
  whole->send(frame(0x81, std::string(65'537, 'x')));
  ck_assert(whole->wait_for(close_bytes(1009)));
  const auto pieces = join(running);
  pieces->send(frame(0x01, std::string(40'000, 'x')) + frame(0x80, std::string(40'000, 'x')));
  ck_assert(pieces->wait_for(close_bytes(1009)));
  const auto fits = join(running);
  ck_assert(fits->send(frame(0x81, std::string(65'536, 'x'))));
  ck_assert(run_until([&] { return running.events.texts.size() == 1; }));
}
END_TEST

START_TEST(refuses_binary_frames) {
  Running running;
  const auto client = join(running);
  client->send(frame(0x82, "\x01\x02"));
  ck_assert(client->wait_for(close_bytes(1003)));
}
END_TEST

START_TEST(lets_go_of_a_reader_that_does_not_read) {
  net::Limits limits;
  limits.close_wait = std::chrono::milliseconds(200);
  Running running(limits);
  const auto client = join(running, {}, 4096);
  const net::SocketId socket = running.events.last;
  const std::string text(60'000, 'x');
  int sent = 0;
  // Kernel buffers take some; then our queue fills to 1 MiB, never beyond.
  ck_assert(run_until([&] {
    running.server->send(socket, text);
    ++sent;
    return !running.events.codes.empty();
  }));
  ck_assert_uint_eq(running.events.codes[0], 1013);
  ck_assert_int_gt(sent, 17);
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
}
END_TEST

START_TEST(tells_a_slow_reader_that_wakes_up_in_time_why) {
  net::Limits limits;
  limits.queue_messages = 10;
  Running running(limits);
  const auto client = join(running);
  for (int i = 0; i < 11; ++i) running.server->send(running.events.last, "news");
  ck_assert(client->wait_for(close_bytes(1013)));
}
END_TEST

START_TEST(answers_a_ping_flood_with_the_message_rate) {
  Running running;
  running.events.on_flood = [&](net::SocketId socket) {
    running.server->send(socket, "slow down");
    running.server->close(socket, 1008, "");
  };
  const auto client = join(running);
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += frame(0x89, std::string(125, 'p'));
  client->send(bytes);
  ck_assert(client->wait_for("slow down"));
  ck_assert(client->wait_for(close_bytes(1008)));
  ck_assert_int_eq(running.events.floods, 1);
}
END_TEST

START_TEST(ends_a_message_flood) {
  Running running;
  running.events.on_flood = [&](net::SocketId socket) { running.server->close(socket, 1008, ""); };
  const auto client = join(running);
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += frame(0x81, "{}");
  client->send(bytes);
  ck_assert(client->wait_for(close_bytes(1008)));
  ck_assert_int_eq(running.events.floods, 1);
  // The burst, and what the rate gave back meanwhile.
  ck_assert_uint_ge(running.events.texts.size(), 200);
  ck_assert_uint_lt(running.events.texts.size(), 300);
}
END_TEST

START_TEST(drops_a_peer_that_answers_no_ping) {
  net::Limits limits;
  limits.ping_interval = std::chrono::milliseconds(100);
  Running running(limits);
  const auto deaf = join(running);
  ck_assert(deaf->wait_for(std::string("\x89\x00", 2)));
  ck_assert(run_until([&] { return running.events.codes.size() == 1; }));
  ck_assert_uint_eq(running.events.codes[0], 1006);
  ck_assert(deaf->wait_closed());
}
END_TEST

START_TEST(keeps_a_peer_that_answers_pings) {
  net::Limits limits;
  limits.ping_interval = std::chrono::milliseconds(50);
  Running running(limits);
  const auto alive = join(running);
  for (int i = 0; i < 6; ++i) {
    alive->forget();
    ck_assert(alive->wait_for(std::string("\x89\x00", 2)));
    ck_assert(alive->send(frame(0x8A, "")));
  }
  ck_assert_int_eq(running.events.open, 1);
}
END_TEST

START_TEST(closes_three_hundred_half_requests) {
  net::Limits limits;
  limits.request_timeout = std::chrono::milliseconds(500);
  limits.unproven_per_address = 1000;
  Running running(limits);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<RawClient>(running.port()));
    clients.back()->send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  }
  ck_assert(run_until([&] { return running.server->stats().accepted == 300; }));
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
  for (const auto& client : clients) ck_assert(client->wait_closed());
  ck_assert_uint_eq(running.server->stats().timed_out, 300);
}
END_TEST

START_TEST(closes_a_connection_that_asks_nothing_more) {
  net::Limits limits;
  limits.request_timeout = std::chrono::milliseconds(300);
  Running running(limits);
  RawClient client(running.port());
  ck_assert(client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
  ck_assert(client.wait_for("ok\n"));
  ck_assert(client.wait_closed());
}
END_TEST

START_TEST(bounds_headers_and_bodies) {
  Running running;
  RawClient headers(running.port());
  std::string request = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 3000; ++i)
    request += "X-Padding-" + std::to_string(i) + ": xxxxxxxxxxxxxxxx\r\n";
  headers.send(request);
  ck_assert(headers.wait_closed());
  RawClient body(running.port());
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" +
            std::string(1'000'000, 'x'));
  ck_assert(body.wait_closed());
  ck_assert(run_until([&] { return running.server->stats().connections == 0; }));
}
END_TEST

START_TEST(bounds_strangers_of_one_address) {
  net::Limits limits;
  limits.unproven_per_address = 5;
  Running running(limits);
  std::vector<std::unique_ptr<RawClient>> known;
  for (int i = 0; i < 5; ++i) known.push_back(join(running));
  RawClient refused(running.port());
  ck_assert(refused.wait_closed());
  ck_assert_uint_eq(running.server->stats().refused, 1);
  // Who has shown a token no longer counts.
  running.server->proven(running.events.last);
  join(running);
}
END_TEST

START_TEST(counts_the_clients_behind_a_proxy_one_by_one) {
  net::Limits limits;
  limits.unproven_per_address = 2;
  net::ServerConfig config;
  config.trusted_proxies = {"127.0.0.1"};
  Running running(limits, config);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 1; i <= 4; ++i)
    clients.push_back(join(running, "X-Forwarded-For: 10.9.9.9, 192.0.2." + std::to_string(i / 2) +
                                        "\r\nX-Forwarded-Proto: https\r\n"
                                        "Origin: https://localhost\r\n"));
  ck_assert_str_eq(running.events.addresses[running.events.last].c_str(), "192.0.2.2");
  ck_assert(answer_to(running, upgrade_request("X-Forwarded-For: 192.0.2.1\r\n"))
                .starts_with("HTTP/1.1 503"));
}
END_TEST

START_TEST(answers_health_and_metrics) {
  Running running;
  const auto get = [&](const std::string& path, const std::string& headers = {}) {
    return answer_to(running, "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  };
  ck_assert(get("/healthz").find("\r\n\r\nok\n") != std::string::npos);
  ck_assert(get("/metrics").find("\r\n\r\nup 1\n") != std::string::npos);
  ck_assert(get("/metrics", "X-Forwarded-For: 192.0.2.1\r\n").starts_with("HTTP/1.1 404"));
  ck_assert(
      answer_to(running, "POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 405"));
}
END_TEST

START_TEST(serves_the_client_and_nothing_beside_it) {
  char* root = g_dir_make_tmp("parley-net-XXXXXX", nullptr);
  const std::string base = root;
  g_free(root);
  g_mkdir((base + "/site").c_str(), 0700);
  const auto put = [&](const std::string& name, const char* text) {
    ck_assert(g_file_set_contents((base + "/" + name).c_str(), text, -1, nullptr));
  };
  put("site/index.html", "<p>page</p>");
  put("site/app.js", "export {};");
  put("site/.hidden", "hidden");
  put("secret", "secret");
  ck_assert_int_eq(symlink((base + "/secret").c_str(), (base + "/site/link.txt").c_str()), 0);
  net::ServerConfig config;
  config.mounts = {{"/", base + "/site"}, {"/lib/", base + "/site", /*any_origin=*/true}};
  Running running({}, config);
  const auto get = [&](const std::string& path, const std::string& headers = {}) {
    return answer_to(running, "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  };
  const std::string page = get("/");
  ck_assert(page.find("Content-Type: text/html; charset=utf-8\r\n") != std::string::npos);
  ck_assert(page.find("Content-Security-Policy: ") != std::string::npos);
  ck_assert(page.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos);
  ck_assert(page.find("Permissions-Policy: camera=(self)") != std::string::npos);
  ck_assert(page.find("Cache-Control: no-cache\r\n") != std::string::npos);
  ck_assert(page.find("\r\n\r\n<p>page</p>") != std::string::npos);
  const std::size_t etag = page.find("ETag: ") + 6;
  const std::string tag = page.substr(etag, page.find('\r', etag) - etag);
  ck_assert(get("/", "If-None-Match: " + tag + "\r\n").starts_with("HTTP/1.1 304"));
  ck_assert(get("/app.js").find("Content-Type: text/javascript") != std::string::npos);
  const std::string any_origin = "Access-Control-Allow-Origin: *\r\n";
  ck_assert(get("/lib/app.js").find(any_origin) != std::string::npos);
  ck_assert(get("/app.js").find(any_origin) == std::string::npos);
  ck_assert(get("/app.js", "Range: bytes=0-1\r\n").find("\r\n\r\nexport {};") != std::string::npos);
  for (const char* path : {"/../secret", "/%2e%2e/secret", "/..%2fsecret", "/.hidden", "/link.txt",
                           "//secret", "/site/../../secret", "/none", "/%00", "/a%00b"}) {
    const std::string answer = get(path);
    ck_assert_msg(answer.starts_with("HTTP/1.1 40"), "%s: %s", path, answer.c_str());
  }
}
END_TEST

START_TEST(says_what_is_wrong_with_an_address) {
  test::Recorder events;
  Running running;
  net::ServerConfig taken;
  taken.listen = {"127.0.0.1"};
  taken.port = running.port();
  const auto clash = net::Server::start(taken, events, [] { return ""; });
  ck_assert(!clash.has_value());
  ck_assert(clash.error().message.find("127.0.0.1 port") != std::string::npos);
  taken.listen = {"localhost"};
  ck_assert(net::Server::start(taken, events, [] { return ""; }).error().code ==
            base::Code::kInvalid);
}
END_TEST

int main() {
  return test::run("net server", {carries_text_both_ways,
                                  loses_no_frame_that_comes_with_the_handshake,
                                  closes_when_either_side_says_so,
                                  notices_a_peer_that_hung_up,
                                  agrees_on_no_deflate,
                                  refuses_a_socket_without_the_sub_protocol,
                                  refuses_pages_of_other_origins,
                                  ends_a_hundred_thousand_fragments,
                                  ends_a_message_that_is_too_large_in_one_frame_or_in_many,
                                  refuses_binary_frames,
                                  lets_go_of_a_reader_that_does_not_read,
                                  tells_a_slow_reader_that_wakes_up_in_time_why,
                                  answers_a_ping_flood_with_the_message_rate,
                                  ends_a_message_flood,
                                  drops_a_peer_that_answers_no_ping,
                                  keeps_a_peer_that_answers_pings,
                                  closes_three_hundred_half_requests,
                                  closes_a_connection_that_asks_nothing_more,
                                  bounds_headers_and_bodies,
                                  bounds_strangers_of_one_address,
                                  counts_the_clients_behind_a_proxy_one_by_one,
                                  answers_health_and_metrics,
                                  serves_the_client_and_nothing_beside_it,
                                  says_what_is_wrong_with_an_address});
}
