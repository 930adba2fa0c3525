// Plain requests: files, /healthz, /metrics, and routes that others answer.
#include <glib.h>

#include <algorithm>
#include <utility>

#include "net/file_body.h"
#include "net/responses.h"
#include "net/server_impl.h"

namespace parley::net {
namespace {

// Of a body that is too large so much is read and thrown away, so that its sender comes to read
// why.
constexpr std::size_t kDrained = 1024 * 1024;

bool is_loopback(const std::string& address) {
  const Object<GInetAddress> inet(g_inet_address_new_from_string(address.c_str()));
  return inet && g_inet_address_get_is_loopback(inet.get());
}

bool may_ask(Access access, SoupServerMessage* message, const std::string& address) {
  if (access != Access::kLocal) return access == Access::kAll;
  return is_loopback(address) && header(message, "X-Forwarded-For").empty() &&
         header(message, "Forwarded").empty();
}

void write(SoupServerMessage* message, const HttpResponse& response) {
  respond(message, response.status, response.type, response.body);
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  for (const auto& [name, value] : response.headers)
    soup_message_headers_replace(headers, name.c_str(), value.c_str());
}

HttpRequest to_request(SoupServerMessage* message, std::string_view path,
                       const std::string& range) {
  const char* query = g_uri_get_query(soup_server_message_get_uri(message));
  HttpRequest request{soup_server_message_get_method(message),
                      std::string(path),
                      query != nullptr ? query : "",
                      {},
                      {}};
  SoupMessageHeadersIter iter;
  soup_message_headers_iter_init(&iter, soup_server_message_get_request_headers(message));
  const char* name = nullptr;
  const char* value = nullptr;
  while (soup_message_headers_iter_next(&iter, &name, &value))
    request.headers.emplace_back(name, value);
  if (!range.empty()) request.headers.emplace_back("Range", range);
  SoupMessageBody* body = soup_server_message_get_request_body(message);
  GBytes* bytes = soup_message_body_flatten(body);
  gsize size = 0;
  const void* data = g_bytes_get_data(bytes, &size);
  if (size > 0) request.body.assign(static_cast<const char*>(data), size);
  g_bytes_unref(bytes);
  return request;
}

}  // namespace

std::string HttpRequest::header(std::string_view name) const {
  std::string list;
  for (const auto& [key, value] : headers) {
    if (key.size() != name.size() || g_ascii_strncasecmp(key.data(), name.data(), name.size()) != 0)
      continue;
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

void Server::Impl::on_request_read(SoupServer*, SoupServerMessage* message,
                                   gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  if (Client* client = impl->client_of(message))
    client->deadline = monotonic_now() + impl->config_.limits.response_timeout;
}

void Server::Impl::on_request_done(SoupServer*, SoupServerMessage* message,
                                   gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  impl->forget_waiting(message);
  Client* client = impl->client_of(message);
  if (client == nullptr || client->web_socket) return;
  client->deadline = monotonic_now() + impl->config_.limits.request_timeout;
  client->budget->left_bytes = impl->config_.limits.request_bytes;
}

void Server::Impl::on_request(SoupServer*, SoupServerMessage* message, const char* path,
                              GHashTable*, gpointer self) noexcept {
  static_cast<Impl*>(self)->serve(message, path);
}

void Server::Impl::serve(SoupServerMessage* message, std::string_view path) {
  Client* client = client_of(message);
  if (client == nullptr) return respond_text(message, SOUP_STATUS_SERVICE_UNAVAILABLE, {});
  // libsoup would cut the body into what a Range asks for: only a route knows whether it should be.
  const std::string range = header(message, "Range");
  soup_message_headers_remove(soup_server_message_get_request_headers(message), "Range");
  if (header(message, "Host").find(',') != std::string::npos)
    return respond_text(message, SOUP_STATUS_BAD_REQUEST, "A request has one Host.\n");
  if (const Route* route = route_of(message, path))
    return serve_route(message, *route, path, range);
  const std::string_view method = soup_server_message_get_method(message);
  if (method != "GET" && method != "HEAD") {
    soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow",
                                 "GET, HEAD");
    return respond_text(message, SOUP_STATUS_METHOD_NOT_ALLOWED, "Only GET is understood.\n");
  }
  if (path == "/ws") return upgrade(message, *client);
  if (path == "/healthz") return respond_text(message, SOUP_STATUS_OK, "ok\n");
  if (path == "/metrics" && may_ask(config_.metrics, message, client->address))
    return respond(message, SOUP_STATUS_OK, "text/plain; version=0.0.4; charset=utf-8", metrics_());
  serve_file(message, path);
}

void Server::Impl::serve_file(SoupServerMessage* message, std::string_view path) {
  const auto found = files_.find(path);
  if (!found) return respond_text(message, SOUP_STATUS_NOT_FOUND, "There is nothing here.\n");
  const std::shared_ptr<const File>& file = *found;
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "ETag", file->etag.c_str());
  if (file->any_origin) soup_message_headers_replace(headers, "Access-Control-Allow-Origin", "*");
  if (header(message, "If-None-Match").find(file->etag) != std::string::npos)
    return respond(message, SOUP_STATUS_NOT_MODIFIED, {}, {});
  respond(message, SOUP_STATUS_OK, file->content_type, file->body);
}

// ---- routes ---------------------------------------------------------------------------------

const Route* Server::Impl::route_of(SoupServerMessage* message, std::string_view path) {
  const Client* client = client_of(message);
  if (client == nullptr) return nullptr;
  const auto route = std::find_if(routes_.begin(), routes_.end(), [&](const Route& r) {
    return path.starts_with(r.prefix) && may_ask(r.access, message, client->address);
  });
  return route == routes_.end() ? nullptr : &*route;
}

// Before the body is read.
void Server::Impl::on_headers(SoupServer*, SoupServerMessage* message, const char* path,
                              GHashTable*, gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  Client* client = impl->client_of(message);
  const Route* route = impl->route_of(message, path);
  if (client != nullptr && route != nullptr) impl->check_size(message, *route, *client);
}

void Server::Impl::check_size(SoupServerMessage* message, const Route& route, Client& client) {
  SoupMessageHeaders* headers = soup_server_message_get_request_headers(message);
  const SoupEncoding encoding = soup_message_headers_get_encoding(headers);
  const goffset announced = soup_message_headers_get_content_length(headers);
  client.budget->left_bytes = route.body_bytes;
  const bool announces = encoding == SOUP_ENCODING_CONTENT_LENGTH || encoding == SOUP_ENCODING_NONE;
  if (announces && announced <= static_cast<goffset>(route.body_bytes)) return;
  client.budget->left_bytes = kDrained;
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
  write(message, route.refuse(announces ? SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE
                                        : SOUP_STATUS_LENGTH_REQUIRED));
}

void Server::Impl::serve_route(SoupServerMessage* message, const Route& route,
                               std::string_view path, const std::string& range) {
  if (soup_server_message_get_status(message) != 0) return;  // refused before its body
  const auto open = static_cast<std::size_t>(
      std::count_if(waiting_.begin(), waiting_.end(),
                    [&](const auto& entry) { return entry.second.route == &route; }));
  if (open >= route.in_flight) return write(message, route.refuse(SOUP_STATUS_SERVICE_UNAVAILABLE));
  const std::uint64_t id = next_waiting_++;
  waiting_.emplace(
      id, Waiting{Object<SoupServerMessage>(SOUP_SERVER_MESSAGE(g_object_ref(message))), &route,
                  monotonic_now() + route.answer_timeout});
  route.serve(to_request(message, path, range),
              [self = weak_from_this(), id](const HttpResponse& response) {
                if (const auto server = self.lock()) server->answer(id, response);
              });
  const auto waiting = waiting_.find(id);
  if (waiting == waiting_.end()) return;
  waiting->second.paused = true;
  soup_server_message_pause(message);
}

void Server::Impl::answer(std::uint64_t waiting, const HttpResponse& response) {
  const auto node = waiting_.extract(waiting);
  if (node.empty()) return;  // its client is gone, or it was given up
  SoupServerMessage* message = node.mapped().message.get();
  write(message, response);
  if (response.file) {
    if (!node.mapped().paused) soup_server_message_pause(message);
    send_file(message, response.type, *response.file, [self = weak_from_this(), message] {
      const auto server = self.lock();
      Client* client = server ? server->client_of(message) : nullptr;
      if (client != nullptr)
        client->deadline = monotonic_now() + server->config_.limits.response_timeout;
    });
    return;
  }
  if (node.mapped().paused) soup_server_message_unpause(message);
}

void Server::Impl::forget_waiting(SoupServerMessage* message) {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.message.get() == message; });
}

void Server::Impl::give_up_waiting(base::TimePoint now) {
  std::vector<std::uint64_t> late;
  for (const auto& [id, waiting] : waiting_)
    if (now >= waiting.deadline) late.push_back(id);
  for (const std::uint64_t id : late) {
    ++totals_.timed_out;
    answer(id, waiting_.at(id).route->refuse(SOUP_STATUS_SERVICE_UNAVAILABLE));
  }
}

}  // namespace parley::net
