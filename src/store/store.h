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

#include <cstddef>
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

// A chain that is not stored begins with it; `from` and `to` are its members.
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
// While the call lived. Who was a participant before is asked again. No member of the chain by it.
struct ParticipantAdded {
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
// The last word, also about participants who were not stored.
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
// A message for the application's server, kept until it has been delivered or given up. One whose
// id is there already is not added again.
struct Outgoing {
  std::string id;  // unique; the receiver tells repetitions by it
  std::string body;
  base::WallTime at;
};
// A recording that begins now. Its texts are the protocol's words.
struct RecordingBegan {
  base::JobId recording;
  base::CallId call;
  std::string layout;
  std::string format;
  std::string policy;
  std::string by;  // the profile that asked for it
  base::WallTime at;
};
// A file of it, as it is now; the same `file` again replaces what was said before. Times are from
// the recording's beginning.
struct RecordingPart {
  base::JobId recording;
  std::string file;
  std::string owner;   // empty: composed of everybody
  std::string source;  // empty: composed
  std::string codec;
  std::int64_t start_ms = 0;
  std::int64_t duration_ms = 0;
  std::uint64_t bytes = 0;
  bool closed = false;     // nothing more comes, and all of it is on disk
  bool recovered = false;  // closed by nobody: measured after its writer had died
  std::string gaps;        // JSON: [{"startMs", "durationMs", "why"}, …]
};
// Largest measured between two of its tracks.
struct RecordingMeasured {
  base::JobId recording;
  double offset_ms = 0;
};
// The first word about its end is the one that stays.
struct RecordingOver {
  base::JobId recording;
  std::string state;  // "ended" or "failed"
  std::string message;
  base::WallTime at;
};
// Only one that is over.
struct RecordingDeleted {
  base::JobId recording;
};
using Record = std::variant<CallStarted, CallAccepted, ParticipantAdded, ParticipantLeft, CallEnded,
                            TextSent, Outgoing, RecordingBegan, RecordingPart, RecordingMeasured,
                            RecordingOver, RecordingDeleted>;

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

// `state`: "running", or as RecordingOver says.
struct StoredRecording {
  RecordingBegan began;
  std::string state;
  std::string message;
  std::optional<double> offset_ms;
  std::optional<base::WallTime> over;
  std::vector<RecordingPart> parts;  // by their beginning
};
// Whose recordings: of this call; of calls that one of these profiles was in (empty: anybody's).
struct RecordingFilter {
  std::optional<base::CallId> call;
  std::vector<base::ProfileId> profiles;
};

struct StoreStats {
  std::uint64_t commits = 0;   // transactions
  std::uint64_t records = 0;   // of committed submissions
  std::uint64_t failures = 0;  // submissions refused
  std::uint64_t waiting = 0;   // submissions and look-ups not taken up yet
  bool accepting = true;       // as Readiness says
};

// Whether texts are taken. They are not while the disk refuses (full, read-only, an error) or lags
// so far behind that its queue is full; then the store tries again by itself. Decisions about calls
// that live are to be submitted all the same.
struct Readiness {
  bool accepting = true;
  std::string why;  // when not: for the log
};

struct StoreOptions {
  std::size_t waiting_submissions = 4096;  // at which the queue is full
  std::size_t waiting_lookups = 1024;      // beyond them look-ups are refused
  // Told of every change, on the opener's main context. A store begins as accepting.
  std::function<void(const Readiness&)> on_readiness;
};

// What open() found.
struct Opening {
  bool unclean = false;  // the last process died; the file has been checked
  int failed_calls = 0;  // that lived then, and have been ended
};

// Owned by the thread that opened it, and destroyed there, not from within a `done`; everything
// else may be called on any thread. Every `done` is called on the opener's main context.
class Store {
 public:
  // Opens or creates the file (mode 0600; missing folders 0700), brings its schema up to date, and
  // ends calls that were live when the last process died (reason and missing outcomes `failed`;
  // their duration is unknown and stays 0). Blocks; after an unclean end for as long as it takes to
  // read the file. kUnavailable with the path and SQLite's reason, and when the file is damaged
  // with what to do; kConflict when another process has it, or it is of a newer version or another
  // program.
  [[nodiscard]] static base::Result<std::unique_ptr<Store>> open(const std::string& path,
                                                                 base::WallTime now,
                                                                 StoreOptions options = {});
  // Commits what was submitted, then closes. Answers that were not delivered by then are dropped.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Records that belong together: all of them are stored or none; in order with earlier
  // submissions. `done` says whether they are on disk; called in order of submission.
  // kConflict: an id is taken; kNotFound: they speak of what is not stored, or is over; only these
  // records are refused. kUnavailable: the disk's fault, with the path and SQLite's reason; or
  // texts while none are taken, which are refused at once, ahead of what waits.
  void submit(std::vector<Record> records, std::function<void(base::Result<void>)> done);

  // Look-ups see what was submitted before them. All of them: kUnavailable, the disk's fault or too
  // many of them wait.

  // A stored call; kNotFound.
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

  // Outgoing messages that are to be sent now, those due longest first. kUnavailable while the disk
  // refuses: it could not be noted that they were delivered, and they would be sent again and
  // again.
  void due_outgoing(base::WallTime now, std::size_t limit,
                    std::function<void(base::Result<std::vector<DueOutgoing>>)> done);
  // One was delivered, or is given up: it is forgotten. When the disk refuses, this and the next
  // are done as soon as it works again.
  void forget_outgoing(const std::string& id);
  // An attempt failed: not before `next`.
  void put_off_outgoing(const std::string& id, base::WallTime next);

  // kNotFound: there is none, or the filter hides it.
  void find_recording(const base::JobId& recording, RecordingFilter filter,
                      std::function<void(base::Result<StoredRecording>)> done);
  // The newest first. `before`: go on behind this one; kNotFound: it is not there.
  void list_recordings(RecordingFilter filter, std::optional<base::JobId> before, std::size_t limit,
                       std::function<void(base::Result<Page<StoredRecording>>)> done);
  // Those without an end, and those with a part that nobody has closed.
  void stale_recordings(std::function<void(base::Result<std::vector<StoredRecording>>)> done);
  // Those that were over before `time`, the oldest first, without the first `skip`; at most
  // `limit`.
  void expired_recordings(base::WallTime time, std::size_t skip, std::size_t limit,
                          std::function<void(base::Result<std::vector<StoredRecording>>)> done);

  [[nodiscard]] StoreStats stats() const;
  [[nodiscard]] Opening opening() const;

 private:
  Store(std::unique_ptr<class Worker> worker, Opening opening);
  const std::unique_ptr<class Worker> worker_;
  const Opening opening_;
};

}  // namespace parley::store
