// The client against servers that behave badly, each a raw socket in this process.
#include "net/http_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "certificates.h"
#include "net/server.h"
#include "net_fixture.h"
#include "support/check_main.h"

using namespace parley;
using test::run_until;

namespace {

// Accepts connections, remembers what came, and says what it is told to say.
class BadServer {
 public:
  BadServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ck_assert_int_eq(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
    ck_assert_int_eq(::listen(listener_, 16), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
  }
  ~BadServer() {
    hang_up();
    ::close(listener_);
  }
  BadServer(const BadServer&) = delete;
  BadServer& operator=(const BadServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path = "/hook") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // What all connections have sent so far.
  const std::string& heard() {
    for (int fd = 0; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;)
      sockets_.push_back(fd);
    char buffer[4096];
    for (const int fd : sockets_) {
      const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
      if (n > 0) heard_.append(buffer, static_cast<std::size_t>(n));
    }
    return heard_;
  }
  bool wait_for(const std::string& text) {
    return run_until([&] { return heard().find(text) != std::string::npos; });
  }
  void say(const std::string& text) {
    ck_assert_uint_eq(::send(sockets_.back(), text.data(), text.size(), MSG_NOSIGNAL), text.size());
  }
  void hang_up() {
    for (const int fd : sockets_) ::close(fd);
    sockets_.clear();
  }
  [[nodiscard]] std::size_t connections() {
    heard();
    return sockets_.size();
  }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::vector<int> sockets_;
  std::string heard_;
};

struct Client {
  std::unique_ptr<net::HttpClient> client;
  std::vector<base::Result<net::HttpAnswer>> results;

  explicit Client(const net::HttpClientConfig& config = {})
      : client(net::HttpClient::create(config).value()) {}
  void post(const std::string& url, const std::string& body = "{}") {
    client->post(
        url, {{"Parley-Event", "x"}}, "application/json", body,
        [this](base::Result<net::HttpAnswer> result) { results.push_back(std::move(result)); });
  }
  // The status, or the message of the error.
  std::string result() {
    ck_assert(run_until([&] { return client->under_way() == 0; }));
    const auto& last = results.back();
    return last ? std::to_string(last->status) : last.error().message;
  }
};

net::HttpClientConfig hurried() {
  net::HttpClientConfig config;
  config.timeout = std::chrono::milliseconds(200);
  return config;
}

void same(const std::string& got, const std::string& expected) {
  ck_assert_msg(got == expected, "'%s' instead of '%s'", got.c_str(), expected.c_str());
}

}  // namespace

START_TEST(posts_a_body_with_its_headers) {
  BadServer server;
  net::HttpClientConfig config;
  config.user_agent = "Parley/test";
  Client client(config);
  client.post(server.url("/hook?key=1"), R"({"a":1})");
  ck_assert(server.wait_for("\r\n\r\n{\"a\":1}"));
  for (const char* part :
       {"POST /hook?key=1 HTTP/1.1\r\n", "Content-Type: application/json\r\n",
        "Parley-Event: x\r\n", "User-Agent: Parley/test\r\n", "Content-Length: 7\r\n"})
    ck_assert_msg(server.heard().find(part) != std::string::npos, "%s", server.heard().c_str());
  server.say("HTTP/1.1 204 No Content\r\n\r\n");
  same(client.result(), "204");
  ck_assert_uint_eq(client.client->under_way(), 0);
}
END_TEST

START_TEST(follows_no_redirect) {
  BadServer elsewhere;
  BadServer server;
  Client client;
  client.post(server.url());
  ck_assert(server.wait_for("{}"));
  server.say("HTTP/1.1 307 Temporary Redirect\r\nLocation: " + elsewhere.url() +
             "\r\nContent-Length: 0\r\n\r\n");
  same(client.result(), "307");
  ck_assert_uint_eq(elsewhere.connections(), 0);
}
END_TEST

START_TEST(waits_no_longer_than_it_may) {
  BadServer server;
  Client client(hurried());
  client.post(server.url());  // accepted by nobody, answered by nobody
  same(client.result(), "there was no answer in time");
  client.results.clear();
  client.post(server.url());
  ck_assert(server.wait_for("{}"));
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe beginning");
  same(client.result(), "there was no answer in time");
}
END_TEST

START_TEST(reads_no_more_than_it_must) {
  BadServer server;
  Client client;
  client.post(server.url());
  ck_assert(server.wait_for("{}"));
  server.say("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + std::string(20'000, 'x'));
  same(client.result(), "200");
}
END_TEST

START_TEST(notices_who_hangs_up) {
  BadServer server;
  Client client;
  client.post(server.url());
  ck_assert(server.wait_for("{}"));
  server.hang_up();
  ck_assert(run_until([&] { return client.results.size() == 1; }));
  ck_assert(!client.results[0].has_value());
  ck_assert(client.results[0].error().code == base::Code::kUnavailable);
  Client other;
  auto gone = std::make_unique<BadServer>();
  const std::string url = gone->url("/secret");
  gone.reset();
  other.post(url);
  ck_assert(run_until([&] { return other.results.size() == 1; }));
  ck_assert(!other.results[0].has_value());
  ck_assert(other.results[0].error().message.find("secret") == std::string::npos);
}
END_TEST

START_TEST(hears_when_to_come_again) {
  for (const auto& [said, seconds] : std::vector<std::pair<std::string, int>>{
           {"120", 120}, {"-1", 0}, {"Wed, 21 Oct 2026 07:28:00 GMT", 0}, {"1e9", 0}}) {
    BadServer server;
    Client client;
    client.post(server.url());
    ck_assert(server.wait_for("{}"));
    server.say("HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nRetry-After: " + said +
               "\r\n\r\n");
    same(client.result(), "503");
    ck_assert_int_eq(client.results[0]->retry_after.count(), seconds);
  }
}
END_TEST

START_TEST(opens_no_more_connections_than_it_may) {
  BadServer server;
  net::HttpClientConfig config;
  config.connections = 2;
  Client client(config);
  for (int i = 0; i < 5; ++i) client.post(server.url());
  ck_assert(run_until([&] { return server.connections() == 2; }));
  ck_assert_uint_eq(client.client->under_way(), 5);
  client.client.reset();  // with all of it under way: nobody is told
  ck_assert(run_until([&] { return !g_main_context_pending(nullptr); }));
  ck_assert(client.results.empty());
}
END_TEST

START_TEST(believes_no_certificate_it_need_not) {
  const test::Certificates certificates;
  test::Recorder events;
  net::ServerConfig config;
  config.listen = {"127.0.0.1"};
  config.tls_certificate = certificates.path("cert.pem");
  config.tls_key = certificates.path("key.pem");
  const auto server = net::Server::start(config, events, [] { return ""; }).value();
  const std::string url = "https://127.0.0.1:" + std::to_string(server->port()) + "/hook";
  net::HttpClientConfig trusting;
  trusting.timeout = std::chrono::seconds(60);  // a loaded machine with sanitizers is slow at TLS
  trusting.ca_file = certificates.path("ca.pem");
  Client client(trusting);
  client.post(url);
  same(client.result(), "405");  // somebody was there, and is who he says
  Client stranger;
  stranger.post(url);
  ck_assert(run_until([&] { return stranger.results.size() == 1; }));
  ck_assert(!stranger.results[0].has_value());
  trusting.ca_file = certificates.path("none.pem");
  ck_assert(net::HttpClient::create(trusting).error().code == base::Code::kInvalid);
}
END_TEST

START_TEST(judges_urls) {
  for (const char* good :
       {"https://app.example/hook", "http://127.0.0.1:3000/?a=b", "https://[2001:db8::1]:8443/x"})
    ck_assert_msg(net::is_http_url(good), "%s", good);
  for (const char* bad : {"", "app.example", "ftp://app.example/", "https://", "https:///x",
                          "https://u:p@app.example/", "https://app.example/#x", "http://a b/"})
    ck_assert_msg(!net::is_http_url(bad), "%s", bad);
  ck_assert(net::is_plain_beyond_loopback("http://app.example/"));
  ck_assert(net::is_plain_beyond_loopback("http://10.0.0.1/"));
  for (const char* fine :
       {"https://app.example/", "http://localhost:1/", "http://127.0.0.9/", "http://[::1]/"})
    ck_assert_msg(!net::is_plain_beyond_loopback(fine), "%s", fine);
  same(net::redacted("https://app.example:8443/hook/SECRET?key=SECRET"),
       "https://app.example:8443");
  same(net::redacted("https://[::1]/x"), "https://[::1]:443");
}
END_TEST

int main() {
  return test::run(
      "http client",
      {posts_a_body_with_its_headers, follows_no_redirect, waits_no_longer_than_it_may,
       reads_no_more_than_it_must, notices_who_hangs_up, hears_when_to_come_again,
       opens_no_more_connections_than_it_may, believes_no_certificate_it_need_not, judges_urls});
}
