#include "net/http_client.h"

#include <fmt/format.h>
#include <libsoup/soup.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "net/handles.h"

namespace parley::net {
namespace {

struct UriUnref {
  void operator()(GUri* uri) const { g_uri_unref(uri); }
};
using Uri = std::unique_ptr<GUri, UriUnref>;

Uri parse(const std::string& text) {
  const bool clean =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!clean) return nullptr;
  Uri uri(g_uri_parse(text.c_str(), static_cast<GUriFlags>(SOUP_HTTP_URI_FLAGS), nullptr));
  if (!uri) return nullptr;
  const std::string_view scheme = g_uri_get_scheme(uri.get());
  const char* host = g_uri_get_host(uri.get());
  if ((scheme != "http" && scheme != "https") || host == nullptr || *host == '\0') return nullptr;
  return uri;
}

Object<SoupSession> make_session(std::size_t connections) {
  const int most = static_cast<int>(connections);
  return Object<SoupSession>(SOUP_SESSION(
      g_object_new(SOUP_TYPE_SESSION, "max-conns", most, "max-conns-per-host", most, nullptr)));
}

// A date, the other form of Retry-After (RFC 9110, 10.2.3), is not worth an exact clock.
std::chrono::seconds retry_after(SoupMessage* message) {
  const char* text =
      soup_message_headers_get_one(soup_message_get_response_headers(message), "Retry-After");
  if (text == nullptr) return {};
  const std::string_view digits(text);
  std::uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc() || end != digits.data() + digits.size()) return {};
  return std::chrono::seconds(seconds);
}

}  // namespace

class HttpClient::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(const HttpClientConfig& config)
      : config_(config), session_(make_session(config.connections)) {
    SoupSession* session = session_.get();
    soup_session_remove_feature_by_type(session, SOUP_TYPE_AUTH_MANAGER);
    soup_session_remove_feature_by_type(session, SOUP_TYPE_CONTENT_DECODER);
    if (!config.user_agent.empty()) soup_session_set_user_agent(session, config.user_agent.c_str());
  }
  ~Impl() {
    for (auto& [id, exchange] : exchanges_) g_cancellable_cancel(exchange.cancellable.get());
    soup_session_abort(session_.get());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<void> trust(const std::string& ca_file);
  void post(const std::string& url, const Headers& headers, const std::string& type,
            const std::string& body, Done done);
  [[nodiscard]] std::size_t under_way() const { return exchanges_.size(); }

 private:
  struct Exchange {
    Object<SoupMessage> message;
    Object<GCancellable> cancellable;
    Object<GInputStream> stream;
    Source timer;
    std::size_t read_bytes = 0;
    bool late = false;
    Done done;
  };
  // What a callback of GIO's holds: it may come after the client.
  struct Ticket {
    std::weak_ptr<Impl> client;
    std::uint64_t id;
  };

  static void on_answer(GObject* session, GAsyncResult* result, gpointer ticket) noexcept;
  static void on_read(GObject* stream, GAsyncResult* result, gpointer ticket) noexcept;
  static gboolean on_late(gpointer ticket) noexcept;
  [[nodiscard]] gpointer ticket(std::uint64_t id) {
    return std::make_unique<Ticket>(Ticket{weak_from_this(), id}).release();
  }
  void read(std::uint64_t id);
  void finish(std::uint64_t id, base::Result<HttpAnswer> result);
  [[nodiscard]] static base::Result<HttpAnswer> failure(const Exchange& exchange,
                                                        const ErrorOut& error);

  const HttpClientConfig config_;
  const Object<SoupSession> session_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Exchange> exchanges_;
};

base::Result<void> HttpClient::Impl::trust(const std::string& ca_file) {
  ErrorOut error;
  const Object<GTlsDatabase> database(g_tls_file_database_new(ca_file.c_str(), error.out()));
  if (!database)
    return base::fail(base::Code::kInvalid, fmt::format("cannot use the authorities in {}: {}",
                                                        ca_file, error.message()));
  soup_session_set_tls_database(session_.get(), database.get());
  return {};
}

void HttpClient::Impl::post(const std::string& url, const Headers& headers, const std::string& type,
                            const std::string& body, Done done) {
  const std::uint64_t id = next_id_++;
  Exchange& exchange = exchanges_[id];
  exchange.done = std::move(done);
  exchange.message.reset(soup_message_new("POST", url.c_str()));
  exchange.cancellable.reset(g_cancellable_new());
  exchange.timer.reset(g_timeout_source_new(static_cast<guint>(
      std::chrono::duration_cast<std::chrono::milliseconds>(config_.timeout).count())));
  g_source_set_callback(exchange.timer.get(), on_late, ticket(id),
                        [](gpointer data) { std::unique_ptr<Ticket>(static_cast<Ticket*>(data)); });
  g_source_attach(exchange.timer.get(), g_main_context_get_thread_default());

  SoupMessage* message = exchange.message.get();
  soup_message_add_flags(
      message,
      static_cast<SoupMessageFlags>(SOUP_MESSAGE_NO_REDIRECT | SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE));
  for (const auto& [name, value] : headers)
    soup_message_headers_replace(soup_message_get_request_headers(message), name.c_str(),
                                 value.c_str());
  GBytes* bytes = g_bytes_new(body.data(), body.size());
  soup_message_set_request_body_from_bytes(message, type.c_str(), bytes);
  g_bytes_unref(bytes);
  soup_session_send_async(session_.get(), message, G_PRIORITY_DEFAULT, exchange.cancellable.get(),
                          on_answer, ticket(id));
}

// The operation under way sees that it is cancelled, and ends in its own callback.
gboolean HttpClient::Impl::on_late(gpointer data) noexcept {
  const auto* ticket = static_cast<Ticket*>(data);
  if (const auto client = ticket->client.lock()) {
    const auto found = client->exchanges_.find(ticket->id);
    if (found != client->exchanges_.end()) {
      found->second.late = true;
      g_cancellable_cancel(found->second.cancellable.get());
    }
  }
  return G_SOURCE_REMOVE;
}

base::Result<HttpAnswer> HttpClient::Impl::failure(const Exchange& exchange,
                                                   const ErrorOut& error) {
  return base::fail(base::Code::kUnavailable,
                    exchange.late ? "there was no answer in time" : error.message());
}

void HttpClient::Impl::on_answer(GObject* session, GAsyncResult* result, gpointer data) noexcept {
  const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(data));
  ErrorOut error;
  Object<GInputStream> stream(soup_session_send_finish(SOUP_SESSION(session), result, error.out()));
  const auto client = ticket->client.lock();
  if (!client) return;
  const auto found = client->exchanges_.find(ticket->id);
  if (found == client->exchanges_.end()) return;
  if (!stream) return client->finish(ticket->id, failure(found->second, error));
  found->second.stream = std::move(stream);
  client->read(ticket->id);
}

void HttpClient::Impl::read(std::uint64_t id) {
  constexpr gsize kPiece = 4096;
  Exchange& exchange = exchanges_.at(id);
  g_input_stream_read_bytes_async(exchange.stream.get(), kPiece, G_PRIORITY_DEFAULT,
                                  exchange.cancellable.get(), on_read, ticket(id));
}

void HttpClient::Impl::on_read(GObject* stream, GAsyncResult* result, gpointer data) noexcept {
  const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(data));
  ErrorOut error;
  GBytes* bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(stream), result, error.out());
  const gsize size = bytes != nullptr ? g_bytes_get_size(bytes) : 0;
  const bool failed = bytes == nullptr;
  if (bytes != nullptr) g_bytes_unref(bytes);
  const auto client = ticket->client.lock();
  if (!client) return;
  const auto found = client->exchanges_.find(ticket->id);
  if (found == client->exchanges_.end()) return;
  Exchange& exchange = found->second;
  if (failed) return client->finish(ticket->id, failure(exchange, error));
  exchange.read_bytes += size;
  if (size > 0 && exchange.read_bytes <= client->config_.answer_bytes)
    return client->read(ticket->id);
  SoupMessage* message = exchange.message.get();
  client->finish(ticket->id, HttpAnswer{soup_message_get_status(message), retry_after(message)});
}

void HttpClient::Impl::finish(std::uint64_t id, base::Result<HttpAnswer> result) {
  auto node = exchanges_.extract(id);
  node.mapped().done(std::move(result));
}

// ---- the face -------------------------------------------------------------------------------

HttpClient::HttpClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

base::Result<std::unique_ptr<HttpClient>> HttpClient::create(const HttpClientConfig& config) {
  auto impl = std::make_shared<Impl>(config);
  if (!config.ca_file.empty())
    if (auto trusted = impl->trust(config.ca_file); !trusted)
      return tl::unexpected(trusted.error());
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

void HttpClient::post(const std::string& url, const Headers& headers, const std::string& type,
                      const std::string& body, Done done) {
  impl_->post(url, headers, type, body, std::move(done));
}

std::size_t HttpClient::under_way() const { return impl_->under_way(); }

bool is_http_url(const std::string& text) {
  const Uri uri = parse(text);
  return uri && g_uri_get_userinfo(uri.get()) == nullptr &&
         g_uri_get_fragment(uri.get()) == nullptr;
}

bool is_plain_beyond_loopback(const std::string& url) {
  const Uri uri = parse(url);
  if (!uri || std::string_view(g_uri_get_scheme(uri.get())) != "http") return false;
  const std::string_view host = g_uri_get_host(uri.get());
  if (host == "localhost") return false;
  const Object<GInetAddress> address(g_inet_address_new_from_string(std::string(host).c_str()));
  return !address || g_inet_address_get_is_loopback(address.get()) == FALSE;
}

std::string redacted(const std::string& url) {
  const Uri uri = parse(url);
  if (!uri) return "?";
  const std::string_view host = g_uri_get_host(uri.get());
  const int port = g_uri_get_port(uri.get());
  const bool v6 = host.find(':') != std::string_view::npos;
  return fmt::format("{}://{}{}{}{}", g_uri_get_scheme(uri.get()), v6 ? "[" : "", host,
                     v6 ? "]" : "", port > 0 ? fmt::format(":{}", port) : "");
}

}  // namespace parley::net
