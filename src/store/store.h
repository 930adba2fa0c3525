// What outlives a restart: calls, their participants and outcomes, in SQLite (WAL).
//
// One thread of its own owns the connection and commits in groups: everything that came while the
// last commit went to disk is the next transaction. Callers submit and go on; the answer is posted
// back to the GMainContext that was the default of the thread that opened it.
//
// What is answered with success has been synced to the disk (synchronous=FULL): a client was told
// "ok" on its strength, so neither `kill -9` nor a power cut may take it back. Grouping is what
// makes that affordable: the price is one sync per group, not per call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace parley::store {

struct CallStarted {
  base::CallId call;
  base::ChainId chain;
  base::ProfileId from;
  std::vector<base::ProfileId> to;
  bool audio = true;
  bool video = true;
  base::WallTime at;
};
struct CallAccepted {
  base::CallId call;
  base::ProfileId profile;
  base::ConnectionId connection;
  base::WallTime at;
};
struct ParticipantAdded {  // while the call lived
  base::CallId call;
  base::ProfileId profile;
  base::WallTime at;
};
// Provisional: a later CallAccepted of the same participant withdraws it.
struct ParticipantLeft {
  base::CallId call;
  base::ProfileId profile;
  std::string outcome;
  base::WallTime at;
};
struct CallEnded {
  base::CallId call;
  std::string reason;
  std::int64_t duration_ms = 0;
  std::vector<std::pair<base::ProfileId, std::string>> outcomes;
  base::WallTime at;
};
// `founders`: the members of the chain that begins with it; empty: the chain is there.
struct TextSent {
  base::RequestId id;
  base::ChainId chain;
  std::vector<base::ProfileId> founders;
  base::ProfileId from;
  std::string body;
  base::WallTime at;
};
// A message for the application's server, kept until it has been delivered or given up.
struct Outgoing {
  std::string id;  // unique; the receiver tells repetitions by it
  std::string body;
  base::WallTime at;
};
using Record = std::variant<CallStarted, CallAccepted, ParticipantAdded, ParticipantLeft, CallEnded,
                            TextSent, Outgoing>;

struct StoredParticipant {
  base::ProfileId profile;
  bool initiator = false;
  std::optional<std::string> outcome;
};
struct StoredCall {
  base::CallId call;
  base::ChainId chain;
  bool audio = true;
  bool video = true;
  base::WallTime started;
  std::optional<base::WallTime> ended;
  std::optional<std::string> reason;
  std::int64_t duration_ms = 0;
  std::vector<StoredParticipant> participants;
};

struct StoredText {
  base::RequestId id;
  base::ChainId chain;
  base::ProfileId from;
  std::string body;
  base::WallTime at;
};
using StoredItem = std::variant<StoredText, StoredCall>;
struct StoredChain {
  base::ChainId chain;
  std::vector<base::ProfileId> members;
};
struct ChainSummary {
  StoredChain chain;
  StoredItem last;  // newest
};
template <class Item>
struct Page {
  std::vector<Item> items;
  bool more = false;  // beyond the last one asked for
};
struct DueOutgoing {
  Outgoing message;
  int attempts = 0;  // that failed so far
};

struct StoreStats {
  std::uint64_t commits = 0;   // transactions
  std::uint64_t records = 0;   // of committed submissions
  std::uint64_t failures = 0;  // submissions refused
  std::uint64_t waiting = 0;   // submissions and look-ups not taken up yet
};

// Owned by the thread that opened it, and destroyed there, not from within a `done`; submit(),
// find_call() and stats() may be called on any thread.
class Store {
 public:
  // Opens or creates the file (mode 0600; missing folders 0700), brings its schema up to date, and
  // ends calls that were live when the last process died (reason and missing outcomes `failed`;
  // their duration is unknown and stays 0). Blocks. kUnavailable with the path and SQLite's reason;
  // kConflict when another process has it, or it is of a newer version or another program.
  [[nodiscard]] static base::Result<std::unique_ptr<Store>> open(const std::string& path,
                                                                 base::WallTime now);
  // Commits what was submitted, then closes. Answers that were not delivered by then are dropped.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Records that belong together: all of them are stored or none; in order with earlier
  // submissions. `done` says whether they are on disk; called in order of submission on the
  // opener's main context. kConflict or kNotFound: the records contradict what is stored, and only
  // they are refused; kUnavailable: the disk's fault, with the path and SQLite's reason.
  void submit(std::vector<Record> records, std::function<void(base::Result<void>)> done);

  // A stored call, as earlier submissions left it; kNotFound.
  void find_call(const base::CallId& call, std::function<void(base::Result<StoredCall>)> done);

  // kNotFound.
  void find_chain(const base::ChainId& chain, std::function<void(base::Result<StoredChain>)> done);

  // Chains that one of `profiles` is a member of, the one with the newest item first. `before`: go
  // on behind this one. kNotFound: there is no such chain of theirs.
  void list_chains(std::vector<base::ProfileId> profiles, std::optional<base::ChainId> before,
                   std::size_t limit, std::function<void(base::Result<Page<ChainSummary>>)> done);

  // The newest items of the chain before the item of id `before`, oldest first. `profiles`: one of
  // them must be a member; empty: anybody may. kNotFound: no such chain, item, or member.
  void read_history(std::vector<base::ProfileId> profiles, const base::ChainId& chain,
                    std::optional<std::string> before, std::size_t limit,
                    std::function<void(base::Result<Page<StoredItem>>)> done);

  // Outgoing messages that are to be sent now, oldest first.
  void due_outgoing(base::WallTime now, std::size_t limit,
                    std::function<void(base::Result<std::vector<DueOutgoing>>)> done);
  // One was delivered, or is given up: it is forgotten.
  void forget_outgoing(const std::string& id);
  // An attempt failed: not before `next`.
  void put_off_outgoing(const std::string& id, base::WallTime next);

  [[nodiscard]] StoreStats stats() const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley::store
