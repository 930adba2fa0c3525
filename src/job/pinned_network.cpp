#include "job/pinned_network.h"

#include <arpa/inet.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace {

struct Pin {
  std::string host;
  std::string address;
  std::vector<std::uint16_t> ports;
  std::array<unsigned char, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
};
// Set once, before other threads look; never freed.
std::atomic<const Pin*> pin{nullptr};

std::array<unsigned char, 16> mapped(const in_addr& address) {
  std::array<unsigned char, 16> bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes.data() + 12, &address, 4);
  return bytes;
}

bool has_port(in_port_t port) {
  const auto& ports = pin.load()->ports;
  return std::find(ports.begin(), ports.end(), ntohs(port)) != ports.end();
}

bool is_pinned(const sockaddr* address, socklen_t size) {
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return mapped(v4.sin_addr) == pin.load()->bytes && has_port(v4.sin_port);
  }
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    return std::memcmp(&v6.sin6_addr, pin.load()->bytes.data(), 16) == 0 && has_port(v6.sin6_port);
  }
  return address->sa_family == AF_UNIX || address->sa_family == AF_UNSPEC;
}

}  // namespace

// Stands before the C library's for every library of the process.
extern "C" __attribute__((visibility("default"))) int connect(int socket, const sockaddr* address,
                                                              socklen_t size) {
  if (pin.load() != nullptr && address != nullptr && size >= sizeof(sa_family_t) &&
      !is_pinned(address, size)) {
    errno = EACCES;
    return -1;
  }
  return static_cast<int>(syscall(SYS_connect, socket, address, size));
}

// ---- the resolver ---------------------------------------------------------------------------

struct ParleyPinnedResolver {
  GResolver parent;
};
struct ParleyPinnedResolverClass {
  GResolverClass parent;
};
G_DEFINE_TYPE(ParleyPinnedResolver, parley_pinned_resolver, G_TYPE_RESOLVER)

static GList* parley_pinned_answer(const gchar* name, GError** error) {
  const Pin* pinned = pin.load();
  if (pinned != nullptr && g_ascii_strcasecmp(pinned->host.c_str(), name) == 0)
    return g_list_append(nullptr, g_inet_address_new_from_string(pinned->address.c_str()));
  g_set_error_literal(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND,
                      "only the host of the bridge can be reached");
  return nullptr;
}

static GList* parley_pinned_look_up(GResolver* /*self*/, const gchar* name,
                                    GResolverNameLookupFlags /*flags*/, GCancellable* /*c*/,
                                    GError** error) {
  return parley_pinned_answer(name, error);
}
static GList* parley_pinned_look_up_any(GResolver* /*self*/, const gchar* name, GCancellable* /*c*/,
                                        GError** error) {
  return parley_pinned_answer(name, error);
}
static void parley_pinned_look_up_later(GResolver* self, const gchar* name,
                                        GResolverNameLookupFlags /*flags*/,
                                        GCancellable* cancellable, GAsyncReadyCallback done,
                                        gpointer data) {
  GTask* task = g_task_new(self, cancellable, done, data);
  GError* error = nullptr;
  GList* found = parley_pinned_answer(name, &error);
  if (error != nullptr)
    g_task_return_error(task, error);
  else
    g_task_return_pointer(
        task, found, [](gpointer list) { g_resolver_free_addresses(static_cast<GList*>(list)); });
  g_object_unref(task);
}
static void parley_pinned_look_up_any_later(GResolver* self, const gchar* name,
                                            GCancellable* cancellable, GAsyncReadyCallback done,
                                            gpointer data) {
  parley_pinned_look_up_later(self, name, G_RESOLVER_NAME_LOOKUP_FLAGS_DEFAULT, cancellable, done,
                              data);
}
static GList* parley_pinned_finish(GResolver* /*self*/, GAsyncResult* result, GError** error) {
  return static_cast<GList*>(g_task_propagate_pointer(G_TASK(result), error));
}

static void parley_pinned_resolver_class_init(ParleyPinnedResolverClass* type) {
  GResolverClass& resolver = type->parent;
  resolver.lookup_by_name = parley_pinned_look_up_any;
  resolver.lookup_by_name_async = parley_pinned_look_up_any_later;
  resolver.lookup_by_name_finish = parley_pinned_finish;
  resolver.lookup_by_name_with_flags = parley_pinned_look_up;
  resolver.lookup_by_name_with_flags_async = parley_pinned_look_up_later;
  resolver.lookup_by_name_with_flags_finish = parley_pinned_finish;
}
static void parley_pinned_resolver_init(ParleyPinnedResolver* /*self*/) {}

namespace parley::job {

base::Result<void> pin_network(const std::string& host, const std::string& address,
                               std::vector<std::uint16_t> ports) {
  auto made = std::make_unique<Pin>(Pin{host, address, std::move(ports), {}});
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1)
    made->bytes = mapped(v4);
  else if (inet_pton(AF_INET6, address.c_str(), made->bytes.data()) != 1)
    return base::fail(base::Code::kInvalid, "the job's address is no literal address");
  pin = made.release();
  auto* resolver = G_RESOLVER(g_object_new(parley_pinned_resolver_get_type(), nullptr));
  g_resolver_set_default(resolver);
  g_object_unref(resolver);
  return {};
}

}  // namespace parley::job
