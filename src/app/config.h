// What an operator may set, and how it is read from a key file.
//
// A mistake is answered with the file, the line, what is wrong and what would be right.
// config/parleyd.conf.sample documents every key; a test holds the two together.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/jobs.h"
#include "app/log.h"
#include "app/recordings.h"
#include "app/replay_buffer.h"
#include "app/webhooks.h"
#include "auth/tokens.h"
#include "base/result.h"
#include "call/machine.h"
#include "media/worker.h"
#include "net/server.h"
#include "net/target_policy.h"
#include "wire/wire.h"

namespace parley::app {

struct BridgeSettings {
  net::TargetRules targets;  // .own_ports are known when the server listens
  std::string hls_folder;    // empty: in the user's runtime folder
};

struct Config {
  net::ServerConfig http;                 // .mounts are set from `client`, .limits from [limits]
  bool allow_plain = false;               // http without TLS beyond loopback
  net::Access api = net::Access::kLocal;  // who may use the HTTP API
  std::size_t api_requests_per_second = 200;  // of one user of it
  std::size_t api_request_burst = 400;
  WebhookSettings webhooks;
  BridgeSettings bridges;
  std::string pipelines;  // the operator's own folder of them, absolute; empty: there is none
  JobSettings jobs;
  std::uint64_t job_memory_mb = 2'000;  // of one job
  std::chrono::seconds longest_job{86'400};
  RecordingSettings recordings;
  std::string client;  // the folder with demo/ and jsapi/; empty: where it was installed
  media::WorkerConfig media;
  std::string store;  // path; empty: in the user's data folder
  std::string audience = "parley";
  std::vector<auth::Key> keys;  // empty: the development key; on loopback only
  call::Limits calls;
  base::Duration hello_timeout = std::chrono::seconds(5);
  std::size_t connections_per_user = 50;
  ReplayBounds replay;
  std::vector<wire::IceServer> ice_servers;
  std::string node = "n1";
  LogLevel log_level = LogLevel::kInfo;
  std::string journal;  // path; empty: none is written
  std::uint64_t journal_bytes = 100'000'000;
};

// What runs without any configuration: http on loopback, media on one UDP port.
[[nodiscard]] Config default_config();

// kInvalid: "FILE:LINE: what is wrong; what would be right", a line for each mistake there is.
// Files named in it are relative to it.
[[nodiscard]] base::Result<Config> load_config(const std::string& path);

// Every key there is, as "group/key"; for [key "…"] groups, "key/…".
[[nodiscard]] std::vector<std::string> config_keys();

}  // namespace parley::app
