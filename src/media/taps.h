// What jobs may have: which tracks and ports there are, by name, who was admitted to them, and the
// connections that came of it. Packets do not pass here: a tap's and an injection's descriptor goes
// on to the I/O thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/result.h"
#include "media/command.h"
#include "media/io_thread.h"
#include "media/tap_server.h"

namespace parley::media {

// Owned by the control thread.
class Taps {
 public:
  using Track = std::pair<std::string, base::Source>;  // owner, source

  struct Host {  // what it needs of control; outlives it
    GMainContext* context = nullptr;
    std::shared_ptr<IoThread::Inbox> io;
    // The sources of `port` that jobs are attached to, now.
    std::function<void(LegId port, std::set<base::Source> sources)> on_attached;
  };

  explicit Taps(Host host) : host_(std::move(host)) {}
  // Without it there are names and ports, and nobody who could ask for them.
  [[nodiscard]] base::Result<void> listen(std::string path);

  // Names stay for a while after forget(): a participant that is away may come back.
  void name(const Name& command);
  void forget(StreamId stream);
  void set_sources(StreamId stream, const std::set<base::Source>& sources);
  void admit(AdmitJob& command);
  void dismiss(const base::JobId& job);
  void add_port(const OpenPort& command);
  void remove_port(LegId port);

  void on(const ConnectionGone& report);
  void on_timer(base::TimePoint now);
  [[nodiscard]] std::size_t connections() const { return connections_.size() + watches_.size(); }

 private:
  struct Stream {
    std::string group;
    std::string owner;
    bool named = false;
    std::set<base::Source> sources;
    std::optional<base::TimePoint> forgotten;
  };
  struct Job {
    std::string secret;
    std::string group;
    std::set<std::string> hidden;
  };
  struct Port {
    base::JobId job;
    std::string group;
    std::string owner;
    std::map<base::Source, ConnectionId> attached;
  };
  // Who asks: a job, or with nullopt somebody who shows the server's own key.
  using Asker = std::optional<base::JobId>;
  struct Watcher {
    Asker asker;
    std::string group;
    std::set<Track> tracks;  // told of
    std::set<std::string> ports;
    OwnedFd fd;
    std::unique_ptr<FdWatch> watch;  // last: gone before the descriptor
  };
  struct Connection {  // a tap, or an injection
    Asker asker;
    std::string group;
    Track track;
    std::optional<LegId> port;
    bool ending = false;
  };

  void drop_name(StreamId id, const Stream& stream);
  void on_request(TapServer::Request request);
  [[nodiscard]] std::optional<Asker> who_shows(const std::string& secret) const;
  [[nodiscard]] base::Result<void> may(const Asker& asker, const std::string& group) const;
  base::Result<void> begin(TapServer::Request& request, const Asker& asker, tap::Watch& wish);
  base::Result<void> begin(TapServer::Request& request, const Asker& asker, tap::Tap& wish);
  base::Result<void> begin(TapServer::Request& request, const Asker& asker, tap::Inject& wish);

  // What somebody sees of a group.
  [[nodiscard]] std::set<Track> tracks_of(const Asker& asker, const std::string& group) const;
  [[nodiscard]] std::set<std::string> ports_of(const Asker& asker, const std::string& group) const;
  [[nodiscard]] bool is_hidden(const Asker& asker, const std::string& owner) const;
  // After a change in the group: tells who watches, ends taps of what is no more.
  void review(const std::string& group);
  // False: there is no room; the rest is told later.
  bool tell(Watcher& watcher) const;
  void end_connection(ConnectionId id, Connection& connection) const;

  Host host_;
  std::unique_ptr<TapServer> server_;
  std::unordered_map<StreamId, Stream> streams_;
  std::map<std::pair<std::string, std::string>, StreamId> by_name_;  // group, owner
  std::map<base::JobId, Job> jobs_;
  std::map<LegId, Port> ports_;
  std::map<std::uint64_t, Watcher> watches_;
  std::map<ConnectionId, Connection> connections_;
  std::uint64_t next_id_ = 1;
};

}  // namespace parley::media
