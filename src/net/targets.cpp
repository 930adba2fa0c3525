#include "net/targets.h"

#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "net/handles.h"

namespace parley::net {
namespace {

// Our choice: far more than anybody starts at a time, and few enough for the resolver's threads.
constexpr std::size_t kMostAtOnce = 32;

std::optional<base::IpAddress> address_of(const sockaddr* address) {
  base::IpAddress ip;
  if (address != nullptr && address->sa_family == AF_INET) {
    ip.bytes[10] = ip.bytes[11] = 0xff;
    std::memcpy(ip.bytes.data() + 12, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, 4);
    return ip;
  }
  if (address != nullptr && address->sa_family == AF_INET6) {
    std::memcpy(ip.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, 16);
    return ip;
  }
  return std::nullopt;
}

std::vector<base::IpAddress> own_addresses() {
  std::vector<base::IpAddress> all;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return all;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next)
    if (const auto ip = address_of(one->ifa_addr)) all.push_back(*ip);
  freeifaddrs(first);
  return all;
}

std::vector<base::IpAddress> to_addresses(GList* found) {
  std::vector<base::IpAddress> all;
  for (const GList* one = found; one != nullptr; one = one->next) {
    auto* address = G_INET_ADDRESS(one->data);
    const guint8* bytes = g_inet_address_to_bytes(address);
    base::IpAddress ip;
    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV4) {
      ip.bytes[10] = ip.bytes[11] = 0xff;
      std::memcpy(ip.bytes.data() + 12, bytes, 4);
    } else {
      std::memcpy(ip.bytes.data(), bytes, 16);
    }
    all.push_back(ip);
  }
  return all;
}

// Whether there is such a plain file, by the kernel's own word that no link leads out.
base::Result<Target> find_file(const WantedTarget& wanted, const TargetRules& rules) {
  const int folder = ::open(rules.source_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long file =
      folder < 0 ? -1 : syscall(SYS_openat2, folder, wanted.url.path.c_str(), &how, sizeof how);
  struct stat info {};
  const bool plain =
      file >= 0 && fstat(static_cast<int>(file), &info) == 0 && S_ISREG(info.st_mode);
  if (file >= 0) ::close(static_cast<int>(file));
  if (folder >= 0) ::close(folder);
  if (!plain)
    return base::fail(base::Code::kNotFound, "There is no such file in the server's folder.");
  return Target{"file", wanted.url.path, rules.source_folder, "", 0};
}

}  // namespace

class Targets::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(TargetRules rules, base::Duration timeout) : rules_(std::move(rules)), timeout_(timeout) {}
  ~Impl() {
    for (auto& [id, look] : looks_) g_cancellable_cancel(look.cancellable.get());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void check(Direction direction, const std::string& kind, const std::string& url, Done done);
  // nullopt: its name must be looked up.
  [[nodiscard]] std::optional<base::Result<Target>> known(const WantedTarget& wanted) const;
  [[nodiscard]] const TargetRules& rules() const { return rules_; }

 private:
  struct Look {
    WantedTarget wanted;
    Object<GCancellable> cancellable;
    Source timer;
    std::optional<base::Result<Target>> known;  // already, to be told from the loop
    Done done;
  };
  // What a callback of GIO's holds: it may come after us.
  struct Ticket {
    std::weak_ptr<Impl> targets;
    std::uint64_t id;
  };

  static gboolean on_timer(gpointer ticket) noexcept;
  static void on_found(GObject* resolver, GAsyncResult* result, gpointer ticket) noexcept;
  [[nodiscard]] gpointer ticket(std::uint64_t id) {
    return std::make_unique<Ticket>(Ticket{weak_from_this(), id}).release();
  }
  void arm(std::uint64_t id, Look& look, base::Duration after);
  void finish(std::uint64_t id, const base::Result<Target>& result);
  [[nodiscard]] base::Result<Target> settle(const WantedTarget& wanted,
                                            const std::vector<base::IpAddress>& found) const;

  const TargetRules rules_;
  const base::Duration timeout_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Look> looks_;
};

void Targets::Impl::arm(std::uint64_t id, Look& look, base::Duration after) {
  look.timer.reset(g_timeout_source_new(
      static_cast<guint>(std::chrono::duration_cast<std::chrono::milliseconds>(after).count())));
  g_source_set_callback(look.timer.get(), on_timer, ticket(id),
                        [](gpointer data) { std::unique_ptr<Ticket>(static_cast<Ticket*>(data)); });
  g_source_attach(look.timer.get(), g_main_context_get_thread_default());
}

std::optional<base::Result<Target>> Targets::Impl::known(const WantedTarget& wanted) const {
  if (wanted.kind == "file") return find_file(wanted, rules_);
  if (wanted.url.host.empty()) return Target{wanted.kind, "", "", "", 0};
  if (const auto literal = parse_address(wanted.url.host)) return settle(wanted, {*literal});
  if (wanted.url.literal_v6)
    return base::fail(base::Code::kInvalid, "What stands in brackets is no IPv6 address.");
  return std::nullopt;
}

void Targets::Impl::check(Direction direction, const std::string& kind, const std::string& url,
                          Done done) {
  const std::uint64_t id = next_id_++;
  Look& look = looks_[id];
  look.done = std::move(done);
  look.cancellable.reset(g_cancellable_new());
  const auto know = [&](base::Result<Target> result) {
    look.known = std::move(result);
    arm(id, look, base::Duration::zero());
  };
  if (looks_.size() > kMostAtOnce)
    return know(base::fail(base::Code::kBusy, "Too many targets are being looked up; try again."));
  auto wanted = want_target(direction, kind, url, rules_);
  if (!wanted) return know(tl::unexpected(wanted.error()));
  look.wanted = std::move(*wanted);
  if (auto at_once = this->known(look.wanted)) return know(*std::move(at_once));
  arm(id, look, timeout_);
  const Object<GResolver> resolver(g_resolver_get_default());
  g_resolver_lookup_by_name_async(resolver.get(), look.wanted.url.host.c_str(),
                                  look.cancellable.get(), on_found, ticket(id));
}

base::Result<Target> Targets::Impl::settle(const WantedTarget& wanted,
                                           const std::vector<base::IpAddress>& found) const {
  const auto address = choose_address(wanted, found, own_addresses(), rules_);
  if (!address) return tl::unexpected(address.error());
  return Target{wanted.kind, base::to_text(wanted.url), to_text(*address), wanted.url.host,
                wanted.url.port};
}

gboolean Targets::Impl::on_timer(gpointer ticket) noexcept {
  const auto* self = static_cast<Ticket*>(ticket);
  const auto targets = self->targets.lock();
  if (!targets) return G_SOURCE_REMOVE;
  const auto look = targets->looks_.find(self->id);
  if (look == targets->looks_.end()) return G_SOURCE_REMOVE;
  const auto known = look->second.known;
  if (!known) g_cancellable_cancel(look->second.cancellable.get());
  targets->finish(self->id, known
                                ? *known
                                : base::fail(base::Code::kUnavailable,
                                             "The target's name could not be looked up in time."));
  return G_SOURCE_REMOVE;
}

void Targets::Impl::on_found(GObject* resolver, GAsyncResult* result, gpointer ticket) noexcept {
  const std::unique_ptr<Ticket> self(static_cast<Ticket*>(ticket));
  ErrorOut error;
  GList* found = g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, error.out());
  const auto addresses = to_addresses(found);
  g_resolver_free_addresses(found);
  const auto targets = self->targets.lock();
  if (!targets) return;
  const auto look = targets->looks_.find(self->id);
  if (look == targets->looks_.end()) return;  // it was not in time
  targets->finish(self->id, targets->settle(look->second.wanted, addresses));
}

void Targets::Impl::finish(std::uint64_t id, const base::Result<Target>& result) {
  const auto node = looks_.extract(id);
  if (!node.empty()) node.mapped().done(result);
}

Targets::Targets(TargetRules rules, base::Duration timeout)
    : impl_(std::make_shared<Impl>(std::move(rules), timeout)) {}
Targets::~Targets() = default;

base::Result<void> Targets::look_at(Direction direction, const std::string& kind,
                                    const std::string& url) const {
  auto wanted = want_target(direction, kind, url, impl_->rules());
  if (!wanted) return tl::unexpected(wanted.error());
  // A name of this machine, whoever is asked (RFC 6761, 6.3).
  if (wanted->url.host == "localhost" && !impl_->rules().private_addresses)
    wanted->url.host = "127.0.0.1";
  const auto known = impl_->known(*wanted);
  if (known && !*known) return tl::unexpected(known->error());
  return {};
}

void Targets::check(Direction direction, const std::string& kind, const std::string& url,
                    Done done) {
  impl_->check(direction, kind, url, std::move(done));
}

}  // namespace parley::net
