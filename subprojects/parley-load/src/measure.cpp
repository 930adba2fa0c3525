#include "measure.h"

#include <cstdio>
#include <fstream>

#include "base.h"
#include "process_stats.h"
#include "statistics.h"

namespace parley::load {
namespace {

struct Totals {
  PeerCounters peers;
  std::uint64_t expected = 0;  // packets, by their sequence numbers
  std::uint64_t nacked = 0;
  std::uint64_t sent = 0;
  std::uint64_t ideal = 0;  // every sent packet at every viewer
};

struct Reading {
  std::uint64_t at_ns = 0;
  Totals totals;
  ProcessStats server;
  MachineStats machine;
  double own_cpu_s = 0;
};

struct SetUp {
  double seconds = 0;
  bool complete = false;
  ProcessStats server_before;
  ProcessStats server_after;
};

struct Latencies {
  std::vector<float> us[kKinds];
};

Totals totals_of(const Stage& stage) {
  Totals sum;
  for (const auto& [id, participant] : stage.participants()) {
    for (const auto& connection : participant->connections()) {
      sum.peers += connection->counters();
      for (const auto& [ssrc, stream] : connection->received()) {
        sum.expected += stream.expected();
        sum.nacked += stream.nacked;
      }
    }
    std::uint64_t viewers = 0;
    for (const Participant* member : participant->room().members) {
      if (member != participant.get() && member->part().views) viewers++;
    }
    const std::uint64_t sent = participant->media.audio_packets + participant->media.video_packets;
    sum.sent += sent;
    sum.ideal += sent * viewers;
  }
  return sum;
}

Reading read_all(const Stage& stage, const Options& options) {
  return {monotonic_ns(), totals_of(stage), read_process_stats(options.server_pids),
          read_machine_stats(), own_cpu_s()};
}

double per(double amount, std::uint64_t count) {
  return count > 0 ? amount / static_cast<double>(count) : 0;
}

Json latency_json(const Latencies& latencies) {
  const auto& audio = latencies.us[index_of(Kind::kAudio)];
  const auto& video = latencies.us[index_of(Kind::kVideo)];
  std::vector<float> all = audio;
  all.insert(all.end(), video.begin(), video.end());
  return {{"samples", all.size()},
          {"p50", percentile(all, 0.5)},
          {"p95", percentile(all, 0.95)},
          {"p99", percentile(all, 0.99)},
          {"max", percentile(all, 1)},
          {"audio_p99", percentile(audio, 0.99)},
          {"video_p99", percentile(video, 0.99)}};
}

Json media_json(const Reading& from, const Reading& to) {
  const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
  const PeerCounters& a = from.totals.peers;
  const PeerCounters& b = to.totals.peers;
  const std::uint64_t packets = b.rtp_packets - a.rtp_packets;
  const std::uint64_t expected = to.totals.expected - from.totals.expected;
  const std::uint64_t ideal = to.totals.ideal - from.totals.ideal;
  const double lost = expected > packets ? static_cast<double>(expected - packets) : 0;
  return {{"duration_s", seconds},
          {"sent_packets", to.totals.sent - from.totals.sent},
          {"forwarded_packets", packets},
          {"pps", static_cast<double>(packets) / seconds},
          {"mbps", static_cast<double>(b.rtp_bytes - a.rtp_bytes) * 8 / seconds / 1e6},
          {"lost_pct", per(100 * lost, expected)},
          {"delivered_pct", per(100.0 * static_cast<double>(packets), ideal)},
          {"nacked", to.totals.nacked - from.totals.nacked},
          {"rtx_packets", b.rtx_packets - a.rtx_packets},
          {"received_drops", b.received_drops - a.received_drops},
          {"sent_drops", b.sent_drops - a.sent_drops},
          {"retransmitted", b.retransmitted - a.retransmitted},
          {"nacks_from_server", b.nacks_received - a.nacks_received},
          {"key_requests_from_server", b.key_requests_received - a.key_requests_received},
          {"rtcp_from_server", b.rtcp_packets - a.rtcp_packets},
          {"transport_cc_sent", b.transport_cc_sent - a.transport_cc_sent},
          {"send_errors", b.send_errors - a.send_errors},
          {"unprotect_failures", b.unprotect_failures}};
}

Json server_json(const Reading& from, const Reading& to, const SetUp& set_up,
                 std::size_t participants) {
  const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
  const std::uint64_t packets = to.totals.peers.rtp_packets - from.totals.peers.rtp_packets;
  const double cpu = ProcessStats::cpu_s(from.server, to.server);
  const long switches = to.server.context_switches - from.server.context_switches;
  const ProcessStats& before = set_up.server_before;
  return {{"cpu_s", cpu},
          {"cpu_pct", 100 * cpu / seconds},
          {"us_per_forwarded_packet", per(cpu * 1e6, packets)},
          {"user_us_per_packet", per((to.server.user_s - from.server.user_s) * 1e6, packets)},
          {"system_us_per_packet", per((to.server.system_s - from.server.system_s) * 1e6, packets)},
          {"rss_before_kib", before.rss_kib},
          {"rss_after_kib", to.server.rss_kib},
          {"rss_kib_per_peer",
           per(static_cast<double>(to.server.rss_kib - before.rss_kib), participants)},
          {"pss_kib_per_peer",
           per(static_cast<double>(to.server.pss_kib - before.pss_kib), participants)},
          {"threads_before", before.threads},
          {"threads", to.server.threads},
          {"threads_per_peer", per(to.server.threads - before.threads, participants)},
          {"files_before", before.files},
          {"files", to.server.files},
          {"setup_cpu_ms_per_peer",
           per(1e3 * ProcessStats::cpu_s(before, set_up.server_after), participants)},
          {"context_switches_per_packet", per(static_cast<double>(switches), packets)}};
}

// How long participants took to connect, to their first packet of each other, to a key frame.
void add_set_up_times(const Stage& stage, Json& result) {
  std::vector<double> connected;
  std::vector<double> media;
  std::vector<double> key_frame;
  Json profiles = Json::object();
  const auto& all = stage.participants();
  for (const auto& [id, viewer] : all) {
    const auto since = [&](std::uint64_t at_ns, int sender) {
      const auto other = all.find(sender);
      const std::uint64_t from = other == all.end()
                                     ? viewer->joined_ns()
                                     : std::max(viewer->joined_ns(), other->second->joined_ns());
      return at_ns > from ? to_ms(at_ns - from) : 0.0;
    };
    if (viewer->connected_ns() != 0) connected.push_back(since(viewer->connected_ns(), -1));
    for (const auto& [key, at_ns] : viewer->first_media()) {
      if (key.second == Kind::kAudio) media.push_back(since(at_ns, key.first));
    }
    for (const auto& connection : viewer->connections()) {
      if (!connection->srtp_profile().empty()) {
        Json& count = profiles[connection->srtp_profile()];
        count = (count.is_number() ? count.get<int>() : 0) + 1;
      }
      for (const auto& [ssrc, stream] : connection->received()) {
        if (stream.key_frame_ns != 0)
          key_frame.push_back(since(stream.key_frame_ns, stream.source));
      }
    }
  }
  result["srtp"] = profiles;
  result["join_to_connected_ms"] = spread(connected);
  result["join_to_first_media_ms"] = spread(media);
  result["join_to_key_frame_ms"] = spread(key_frame);
}

std::string failures(const Stage& stage, int& count) {
  constexpr std::size_t kMaxText = 400;
  std::string text;
  for (const auto& [id, participant] : stage.participants()) {
    if (!participant->failed()) continue;
    count++;
    if (text.size() < kMaxText) {
      text += participant->part().name + ": " + participant->error() + "; ";
    }
  }
  return text;
}

double number_in(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_number() ? value.get<double>() : 0;
}

void print_summary(const Json& r) {
  const auto value = [&](const char* name) { return number_in(r, name); };
  const Json& latency = r["latency_us"];
  const Json& first = r["join_to_first_media_ms"];
  std::printf("== %s %s: %.0f rooms of %.0f, %.0f publishing, %.1f s: %s\n",
              text_of(r, "label").c_str(), text_of(r, "driver").c_str(), value("rooms"),
              value("peers_per_room"), value("publishers_per_room"), value("duration_s"),
              flag_of(r, "ok") ? "ok" : "FAILED");
  std::printf("set-up   %.2f s, streams %.0f of %.0f, first media p50 %.0f max %.0f ms, SRTP %s\n",
              value("setup_s"), value("streams_arrived"), value("streams_expected"),
              number_in(first, "p50"), number_in(first, "max"), r["srtp"].dump().c_str());
  std::printf(
      "media    sent %.0f, forwarded %.0f (%.2f %% of ideal), %.0f packets/s, %.1f Mbit/s, "
      "lost %.3f %%\n",
      value("sent_packets"), value("forwarded_packets"), value("delivered_pct"), value("pps"),
      value("mbps"), value("lost_pct"));
  std::printf("latency  p50 %.0f p95 %.0f p99 %.0f µs (%.0f samples)\n", number_in(latency, "p50"),
              number_in(latency, "p95"), number_in(latency, "p99"), number_in(latency, "samples"));
  if (const Json& server = member(r, "server"); server.is_object()) {
    std::printf(
        "server   %.2f µs CPU per forwarded packet (user %.2f, system %.2f), CPU %.1f %%, "
        "RSS %.0f -> %.0f KiB, threads %.0f -> %.0f, set-up %.1f ms CPU per participant\n",
        number_in(server, "us_per_forwarded_packet"), number_in(server, "user_us_per_packet"),
        number_in(server, "system_us_per_packet"), number_in(server, "cpu_pct"),
        number_in(server, "rss_before_kib"), number_in(server, "rss_after_kib"),
        number_in(server, "threads_before"), number_in(server, "threads"),
        number_in(server, "setup_cpu_ms_per_peer"));
  }
  std::printf("machine  client %.1f %%, others %.1f %%, stolen %.1f %% of one CPU\n",
              value("client_cpu_pct"), value("other_cpu_pct"), value("steal_pct"));
  if (const std::string errors = text_of(r, "errors"); !errors.empty()) {
    std::printf("errors   %s\n", errors.c_str());
  }
}

Json result_json(const Stage& stage, const Options& options, const SetUp& set_up,
                 const Reading& from, const Reading& to) {
  Json r = media_json(from, to);
  const Streams streams = stage.streams();
  int failed = 0;
  const std::string errors = failures(stage, failed);
  const double seconds = number_in(r, "duration_s");
  const double client = to.own_cpu_s - from.own_cpu_s;
  const double server = ProcessStats::cpu_s(from.server, to.server);
  const double busy = to.machine.busy_s - from.machine.busy_s;
  r["label"] = options.label;
  r["driver"] = options.driver;
  r["rooms"] = options.rooms;
  r["peers_per_room"] = options.peers;
  r["publishers_per_room"] = options.publishers;
  r["peers"] = stage.participants().size();
  r["streams_expected"] = streams.expected;
  r["streams_arrived"] = streams.arrived;
  r["failed_peers"] = failed;
  r["errors"] = errors;
  r["setup_s"] = set_up.seconds;
  r["client_cpu_pct"] = 100 * client / seconds;
  r["other_cpu_pct"] = std::max(0.0, 100 * (busy - client - server) / seconds);
  r["steal_pct"] = 100 * (to.machine.stolen_s - from.machine.stolen_s) / seconds;
  add_set_up_times(stage, r);
  if (!options.server_pids.empty()) {
    r["server"] = server_json(from, to, set_up, stage.participants().size());
  }
  r["ok"] = failed == 0 && set_up.complete && streams.arrived == streams.expected &&
            number_in(r, "lost_pct") <= options.max_loss_pct;
  return r;
}

}  // namespace

bool write_json(const std::string& path, const Json& value) {
  if (path.empty()) return true;
  std::ofstream file(path);
  file << value.dump(2) << "\n";
  file.close();
  if (file) return true;
  log(0, "cannot write the results to " + path);
  return false;
}

int measure(Stage& stage, const Options& options) {
  for (int room = 0; room < options.rooms; room++) stage.add_room();
  for (int index = 0; index < options.peers; index++) {
    for (Room& room : stage.rooms()) {
      if (stage.add(room, index) == nullptr) return kFailed;
    }
  }
  const double yardstick_before = yardstick_us();
  SetUp set_up;
  set_up.server_before = read_process_stats(options.server_pids);
  const std::uint64_t start = monotonic_ns();
  set_up.complete = stage.wait_for_media(options.setup_timeout_s);
  set_up.seconds = static_cast<double>(monotonic_ns() - start) / 1e9;
  set_up.server_after = read_process_stats(options.server_pids);
  const Streams streams = stage.streams();
  log(0, "set up: " + std::to_string(streams.arrived) + " of " + std::to_string(streams.expected) +
             " streams" + (set_up.complete ? "" : "; incomplete, measuring 1 s only"));
  stage.run_for(set_up.complete ? options.settle_s : 0);
  Latencies latencies;
  stage.on_latency = [&](Kind kind, std::uint64_t ns) {
    if (kind != Kind::kOther) {
      latencies.us[index_of(kind)].push_back(static_cast<float>(ns) / 1000);
    }
  };
  const Reading from = read_all(stage, options);
  (void)stage.run_until(Stage::measured_enough,
                        set_up.complete ? options.duration_s : std::min(options.duration_s, 1.0));
  const Reading to = read_all(stage, options);
  stage.on_latency = nullptr;
  if (options.hold_s > 0) stage.run_for(options.hold_s);
  if (Stage::interrupted()) return kInterrupted;
  Json result = result_json(stage, options, set_up, from, to);
  result["latency_us"] = latency_json(latencies);
  stage.close();
  result["yardstick_us"] = {yardstick_before, yardstick_us()};
  print_summary(result);
  const bool written = write_json(options.json_file, result);
  return flag_of(result, "ok") && written ? kPassed : kFailed;
}

}  // namespace parley::load
