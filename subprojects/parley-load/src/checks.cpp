// Runs that test a server rather than measure it.
#include <cstdio>

#include "base.h"
#include "measure.h"
#include "process_stats.h"
#include "statistics.h"

namespace parley::load {
namespace {

constexpr double kReleaseTimeoutS = 10;  // a server may close what ended in the background

// One room with everybody but the last participant, who is invited too. Null when somebody failed.
Room* running_room(Stage& stage, const Options& options) {
  Room& room = stage.add_room();
  for (int index = 0; index < options.peers; index++) (void)stage.invite(room, index);
  for (int index = 0; index + 1 < options.peers; index++) {
    if (stage.add(room, index) == nullptr) return nullptr;
  }
  if (stage.wait_for_media(options.setup_timeout_s)) return &room;
  const Streams streams = stage.streams();
  log(0, "the call could not be set up: " + std::to_string(streams.arrived) + " of " +
             std::to_string(streams.expected) + " streams arrived");
  return nullptr;
}

int finish(Stage& stage, const Options& options, const Json& result) {
  if (Stage::interrupted()) return kInterrupted;
  stage.close();
  std::printf("%s\n", result.dump(2).c_str());
  const bool written = write_json(options.json_file, result);
  return flag_of(result, "ok") && written ? kPassed : kFailed;
}

Json server_state(const ProcessStats& stats) {
  return {{"threads", stats.threads}, {"files", stats.files}, {"rss_kib", stats.rss_kib}};
}

// Joins, waits until it and all others have each other's media, and leaves again.
bool one_cycle(Stage& stage, Room& room, const Options& options, std::vector<double>& times_ms) {
  Participant* guest = stage.add(room, options.peers - 1);
  if (guest == nullptr) return false;
  const bool arrived = stage.wait_for_media(options.setup_timeout_s);
  if (!arrived) {
    log(0, "the guest's media did not arrive: it has " +
               std::to_string(stage.streams_of(*guest).arrived) + " of " +
               std::to_string(stage.streams_of(*guest).expected) + " streams");
    return false;
  }
  times_ms.push_back(to_ms(monotonic_ns() - guest->joined_ns()));
  stage.remove(*guest);
  return true;
}

}  // namespace

int churn(Stage& stage, const Options& options) {
  Room* room = running_room(stage, options);
  if (room == nullptr) return kFailed;
  std::vector<double> times_ms;
  // The first guest warms up what a server makes once: pools, caches, threads.
  bool ok = one_cycle(stage, *room, options, times_ms);
  stage.run_for(options.settle_s);
  const ProcessStats before = read_process_stats(options.server_pids);
  int cycles = 0;
  while (ok && cycles < options.churn_cycles && !Stage::interrupted()) {
    ok = one_cycle(stage, *room, options, times_ms);
    if (ok) cycles++;
  }
  ProcessStats after;
  const auto released = [&] {
    after = read_process_stats(options.server_pids);
    return after.threads <= before.threads && after.files <= before.files;
  };
  const bool all_released = stage.run_until(released, kReleaseTimeoutS);
  const long growth = after.rss_kib - before.rss_kib;
  const bool small = options.max_rss_growth_kib == 0 || growth <= options.max_rss_growth_kib;
  if (!all_released) log(0, "the server did not release all threads and files");
  if (!small) log(0, "the server's memory grew by " + std::to_string(growth) + " KiB");
  return finish(stage, options,
                {{"test", "churn"},
                 {"cycles", cycles},
                 {"before", server_state(before)},
                 {"after", server_state(after)},
                 {"rss_growth_kib", growth},
                 {"join_to_all_media_ms", spread(times_ms)},
                 {"ok", ok && cycles == options.churn_cycles && all_released && small}});
}

int join_late(Stage& stage, const Options& options) {
  Room* room = running_room(stage, options);
  if (room == nullptr) return kFailed;
  stage.run_for(options.settle_s);
  Participant* guest = stage.add(*room, options.peers - 1);
  const bool arrived = guest != nullptr && stage.wait_for_media(options.setup_timeout_s);
  std::vector<double> media_ms;
  std::vector<double> key_frame_ms;
  if (guest != nullptr) {
    for (const auto& [key, at_ns] : guest->first_media()) {
      media_ms.push_back(to_ms(at_ns - guest->joined_ns()));
    }
    for (const auto& connection : guest->connections()) {
      for (const auto& [ssrc, stream] : connection->received()) {
        if (stream.key_frame_ns != 0) {
          key_frame_ms.push_back(to_ms(stream.key_frame_ns - guest->joined_ns()));
        }
      }
    }
  }
  const bool in_time = percentile(key_frame_ms, 1) <= options.max_key_frame_ms;
  if (arrived && !in_time) log(0, "a key frame came late: was it asked for?");
  return finish(stage, options,
                {{"test", "late join"},
                 {"join_to_media_ms", spread(media_ms)},
                 {"join_to_key_frame_ms", spread(key_frame_ms)},
                 {"ok", arrived && in_time}});
}

int flip_fingerprint(Stage& stage, const Options& options) {
  Room* room = running_room(stage, options);
  if (room == nullptr) return kFailed;
  Participant* liar = stage.add(*room, options.peers - 1, true);
  if (liar == nullptr) return kFailed;
  const bool refused =
      stage.run_until([&] { return !liar->refusal().empty(); }, options.setup_timeout_s);
  if (!refused) log(0, "the server did not refuse the wrong fingerprint");
  stage.run_for(options.duration_s);  // packets on their way may still come
  std::uint64_t received = 0;
  for (const auto& connection : liar->connections()) {
    received += connection->counters().srtp_datagrams;
  }
  std::size_t reached = 0;
  for (const auto& [id, other] : stage.participants()) {
    for (const Kind kind : {Kind::kAudio, Kind::kVideo}) {
      reached += other->first_media().count({liar->part().id, kind});
    }
  }
  const std::uint64_t sent = liar->media.audio_packets + liar->media.video_packets;
  if (received > 0) log(0, "media reached the participant with the wrong fingerprint");
  if (reached > 0) log(0, "media of the participant with the wrong fingerprint reached others");
  const bool others_well = !stage.anybody_failed() && stage.streams().complete();
  if (!others_well) log(0, "the other participants were disturbed");
  return finish(stage, options,
                {{"test", "flipped fingerprint"},
                 {"refused", refused},
                 {"refusal", liar->refusal()},
                 {"packets_it_received", received},
                 {"packets_it_sent", sent},
                 {"streams_of_it_at_others", reached},
                 {"ok", refused && received == 0 && reached == 0 && others_well}});
}

}  // namespace parley::load
