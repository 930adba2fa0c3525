#include "media/taps.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <array>
#include <limits>

namespace parley::media {

namespace {

using base::Code;

// Our choice: many times the 50 participants' tracks of the largest call, well below the usual
// limit of descriptors.
constexpr std::size_t kMaxConnections = 4096;
// Who comes back within this is called what he was called (our choice).
constexpr base::Duration kNameKept = std::chrono::hours(1);

bool is_secret(const std::string& shown, const std::string& secret) {
  return !secret.empty() && shown.size() == secret.size() &&
         CRYPTO_memcmp(shown.data(), secret.data(), secret.size()) == 0;
}

// As parleysrc's and parleysink's property `source` has it.
std::string_view track_name(base::Source source) {
  if (source == base::Source::kMixAudio) return "mix-audio";
  if (source == base::Source::kMixVideo) return "mix-video";
  return base::name_of(source);
}

base::Kind kind_of(rtp::Codec codec) {
  return codec == rtp::Codec::kOpus ? base::Kind::kAudio : base::Kind::kVideo;
}

}  // namespace

base::Result<void> Taps::listen(std::string path) {
  auto server = TapServer::open(host_.context, std::move(path), [this](TapServer::Request request) {
    on_request(std::move(request));
  });
  if (!server) return tl::unexpected(server.error());
  server_ = std::move(*server);
  return {};
}

// ---- what there is --------------------------------------------------------------------------

void Taps::name(const Name& command) {
  Stream& stream = streams_[command.stream];
  if (stream.named && (stream.group != command.group || stream.owner != command.owner)) {
    const std::string before = stream.group;
    drop_name(command.stream, stream);
    review(before);
  }
  stream.named = true;
  stream.group = command.group;
  stream.owner = command.owner;
  // A name that is given anew means the newer stream.
  by_name_[{command.group, command.owner}] = command.stream;
  review(command.group);
}

// Unless a newer stream has it.
void Taps::drop_name(StreamId id, const Stream& stream) {
  const auto name = by_name_.find({stream.group, stream.owner});
  if (name != by_name_.end() && name->second == id) by_name_.erase(name);
}

void Taps::forget(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  if (!stream.named) {
    streams_.erase(found);
    return;
  }
  stream.forgotten = monotonic_now();
  stream.sources.clear();
  review(stream.group);
}

void Taps::set_sources(StreamId id, const std::set<base::Source>& sources) {
  Stream& stream = streams_[id];
  stream.forgotten.reset();
  stream.sources = sources;
  if (stream.named) review(stream.group);
}

void Taps::admit(AdmitJob& command) {
  Job& job = jobs_[command.job];
  job.secret = std::move(command.secret);
  job.group = command.group;
  job.hidden = std::move(command.hidden);
  for (auto& [leg, port] : ports_)
    if (port.job == command.job) port.group = job.group;  // also of ports opened before
  review(command.group);
}

void Taps::dismiss(const base::JobId& job) {
  jobs_.erase(job);
  std::erase_if(watches_, [&](const auto& entry) { return entry.second.asker == job; });
  for (auto& [id, connection] : connections_)
    if (connection.asker == job) end_connection(id, connection);
}

void Taps::add_port(const OpenPort& command) {
  const auto job = jobs_.find(command.job);
  Port& port = ports_[command.leg];
  port.job = command.job;
  port.owner = command.owner;
  if (job == jobs_.end()) return;  // not admitted yet, or ended already
  port.group = job->second.group;
  review(port.group);
}

// Its connections are ended by the I/O thread, with the port.
void Taps::remove_port(LegId id) {
  const auto found = ports_.find(id);
  if (found == ports_.end()) return;
  const std::string group = found->second.group;
  for (const auto& [source, connection] : found->second.attached)
    if (const auto one = connections_.find(connection); one != connections_.end())
      one->second.ending = true;
  ports_.erase(found);
  review(group);
}

void Taps::on(const ConnectionGone& report) {
  const auto found = connections_.find(report.id);
  if (found == connections_.end()) return;
  const Connection gone = std::move(found->second);
  connections_.erase(found);
  if (!gone.port) return;
  const auto port = ports_.find(*gone.port);
  if (port == ports_.end()) return;
  std::set<base::Source> sources;
  std::erase_if(port->second.attached,
                [&](const auto& entry) { return entry.second == report.id; });
  for (const auto& [source, connection] : port->second.attached) sources.insert(source);
  host_.on_attached(*gone.port, std::move(sources));
}

void Taps::on_timer(base::TimePoint now) {
  if (server_) server_->on_timer(now);
  for (auto& [id, watcher] : watches_) tell(watcher);  // for whom there was no room
  std::erase_if(streams_, [&](const auto& entry) {
    const Stream& stream = entry.second;
    if (!stream.forgotten || now - *stream.forgotten < kNameKept) return false;
    drop_name(entry.first, stream);
    return true;
  });
}

// ---- who asks for it ------------------------------------------------------------------------

std::optional<Taps::Asker> Taps::who_shows(const std::string& secret) const {
  if (is_secret(secret, server_->key())) return Asker();
  for (const auto& [id, job] : jobs_)
    if (is_secret(secret, job.secret)) return Asker(id);
  return std::nullopt;
}

base::Result<void> Taps::may(const Asker& asker, const std::string& group) const {
  if (asker && jobs_.at(*asker).group != group)
    return base::fail(Code::kForbidden, fmt::format("this job is not for call '{}'", group));
  return {};
}

bool Taps::is_hidden(const Asker& asker, const std::string& owner) const {
  if (!asker) return false;
  const auto job = jobs_.find(*asker);
  return job == jobs_.end() || job->second.hidden.contains(owner);
}

void Taps::on_request(TapServer::Request request) {
  const auto refuse = [&](std::string why) {
    send_frame(request.fd, tap::Refused{std::move(why)});
  };
  const auto asker = who_shows(request.secret);
  if (!asker) return refuse("wrong secret: a job's own, or what stands in the socket's .key file");
  if (connections() >= kMaxConnections) return refuse("too many connections of jobs");
  const auto begun =
      std::visit([&](auto& wish) { return begin(request, *asker, wish); }, request.wish);
  if (!begun) refuse(begun.error().message);
}

base::Result<void> Taps::begin(TapServer::Request& request, const Asker& asker, tap::Watch& wish) {
  if (auto allowed = may(asker, wish.group); !allowed) return allowed;
  send_frame(request.fd, tap::Accepted{});
  const std::uint64_t id = next_id_++;
  Watcher& watcher = watches_[id];
  watcher.asker = asker;
  watcher.group = std::move(wish.group);
  watcher.fd = std::move(request.fd);
  // Nobody who watches says anything more: what is readable is the end, or as good as that.
  watcher.watch = std::make_unique<FdWatch>(host_.context, watcher.fd.get(),
                                            [this, id] { watches_.erase(id); });
  tell(watcher);
  return {};
}

base::Result<void> Taps::begin(TapServer::Request& request, const Asker& asker, tap::Tap& wish) {
  if (auto allowed = may(asker, wish.group); !allowed) return allowed;
  const auto named = by_name_.find({wish.group, wish.owner});
  if (named == by_name_.end() || is_hidden(asker, wish.owner))
    return base::fail(Code::kNotFound,
                      fmt::format("there is no '{}' in call '{}'", wish.owner, wish.group));
  const Stream& stream = streams_.at(named->second);
  if (!stream.sources.contains(wish.source)) {
    std::string there;
    for (const base::Source source : stream.sources)
      there += (there.empty() ? "" : ", ") + std::string(track_name(source));
    return base::fail(Code::kNotFound,
                      fmt::format("'{}' sends no {} now, but: {}", wish.owner,
                                  track_name(wish.source), there.empty() ? "nothing" : there));
  }
  send_frame(request.fd, tap::Accepted{});
  const ConnectionId id{next_id_++};
  connections_[id] = {asker, wish.group, {wish.owner, wish.source}, std::nullopt};
  host_.io->post(AddTap{id, std::move(request.fd), named->second, wish.source, wish.patient});
  return {};
}

base::Result<void> Taps::begin(TapServer::Request& request, const Asker& asker, tap::Inject& wish) {
  if (auto allowed = may(asker, wish.group); !allowed) return allowed;
  for (auto& [leg, port] : ports_) {
    if (port.group != wish.group || port.owner != wish.owner || (asker && port.job != *asker))
      continue;
    if (kind_of(wish.codec) != base::kind_of(wish.source))
      return base::fail(Code::kInvalid, fmt::format("{} is {}: another codec belongs there",
                                                    track_name(wish.source),
                                                    base::name_of(base::kind_of(wish.source))));
    if (port.attached.contains(wish.source))
      return base::fail(Code::kConflict, fmt::format("something is {} of '{}' already",
                                                     track_name(wish.source), wish.owner));
    send_frame(request.fd, tap::Accepted{});
    const ConnectionId id{next_id_++};
    connections_[id] = {asker, wish.group, {wish.owner, wish.source}, leg};
    port.attached.emplace(wish.source, id);
    std::set<base::Source> sources;
    for (const auto& [source, connection] : port.attached) sources.insert(source);
    host_.on_attached(leg, std::move(sources));
    host_.io->post(AddInjection{id, std::move(request.fd), leg, wish.source});
    return {};
  }
  return base::fail(Code::kNotFound,
                    fmt::format("there is no port for '{}' in call '{}'", wish.owner, wish.group));
}

// ---- what they see --------------------------------------------------------------------------

std::set<Taps::Track> Taps::tracks_of(const Asker& asker, const std::string& group) const {
  std::set<Track> tracks;
  for (auto at = by_name_.lower_bound({group, {}});
       at != by_name_.end() && at->first.first == group; ++at) {
    const std::string& owner = at->first.second;
    if (is_hidden(asker, owner)) continue;
    for (const base::Source source : streams_.at(at->second).sources)
      tracks.insert({owner, source});
  }
  return tracks;
}

std::set<std::string> Taps::ports_of(const Asker& asker, const std::string& group) const {
  std::set<std::string> owners;
  for (const auto& [leg, port] : ports_)
    if (port.group == group && (!asker || port.job == *asker)) owners.insert(port.owner);
  return owners;
}

void Taps::review(const std::string& group) {
  for (auto& [id, watcher] : watches_)
    if (watcher.group == group) tell(watcher);
  for (auto& [id, connection] : connections_) {
    if (connection.port || connection.ending || connection.group != group) continue;
    const auto named = by_name_.find({group, connection.track.first});
    const bool there = named != by_name_.end() &&
                       streams_.at(named->second).sources.contains(connection.track.second) &&
                       !is_hidden(connection.asker, connection.track.first);
    if (!there) end_connection(id, connection);
  }
}

void Taps::end_connection(ConnectionId id, Connection& connection) const {
  if (std::exchange(connection.ending, true)) return;
  host_.io->post(EndConnection{id});
}

bool Taps::tell(Watcher& watcher) const {
  const std::set<Track> tracks = tracks_of(watcher.asker, watcher.group);
  const std::set<std::string> ports = ports_of(watcher.asker, watcher.group);
  // Of a copy, for what was told changes on the way.
  for (const Track& track : std::set<Track>(watcher.tracks)) {
    if (tracks.contains(track)) continue;
    if (!send_frame(watcher.fd, tap::TrackRemoved{track.first, track.second})) return false;
    watcher.tracks.erase(track);
  }
  for (const std::string& owner : std::set<std::string>(watcher.ports)) {
    if (ports.contains(owner)) continue;
    if (!send_frame(watcher.fd, tap::PortRemoved{owner})) return false;
    watcher.ports.erase(owner);
  }
  for (const std::string& owner : ports) {
    if (watcher.ports.contains(owner)) continue;
    if (!send_frame(watcher.fd, tap::PortAdded{owner})) return false;
    watcher.ports.insert(owner);
  }
  for (const Track& track : tracks) {
    if (watcher.tracks.contains(track)) continue;
    if (!send_frame(watcher.fd, tap::TrackAdded{track.first, track.second})) return false;
    watcher.tracks.insert(track);
  }
  return true;
}

}  // namespace parley::media
