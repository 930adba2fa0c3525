// The command line.
#pragma once

#include <string>
#include <vector>

#include "dtls.h"
#include "peer_connection.h"
#include "web_socket.h"

namespace parley::load {

enum class Mode { kMeasure, kChurn, kLateJoin, kFlipFingerprint };

struct Options {
  Mode mode = Mode::kMeasure;
  std::string driver = "parley";
  WebSocketUrl url;
  std::string url_text = "ws://127.0.0.1:8080/ws";
  int rooms = 1;
  int peers = 4;        // per room
  int publishers = -1;  // per room; -1: all
  bool publishers_view = true;
  double duration_s = 20;
  double settle_s = 2;
  double setup_timeout_s = 40;
  double hold_s = 0;
  int join_interval_ms = 40;
  int room_base = 0;  // 0: random, so that two runs do not meet in one room
  int pace_us = 0;
  double max_loss_pct = 100;
  int churn_cycles = 0;
  int max_rss_growth_kib = 0;   // 0: only reported
  int max_key_frame_ms = 1000;  // of a late join
  std::vector<int> server_pids;
  std::string json_file;
  std::string video_file;
  std::string label;
  std::string token_command;
  std::string token_key_file;
  std::string token_key_id;
  SrtpChoice srtp = SrtpChoice::kBoth;
  PeerConnectionOptions peer;
};

// What to do with the command line: run, or end with a status (0 after --help, 2 when it is wrong;
// the reason has been printed).
struct ParsedOptions {
  bool run = false;
  int status = 0;
  Options options;
};
[[nodiscard]] ParsedOptions parse_options(int argc, char** argv);

}  // namespace parley::load
