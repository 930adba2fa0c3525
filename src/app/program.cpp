#include "app/program.h"

#include <glib-unix.h>

#include <csignal>
#include <utility>

#include "app/api.h"
#include "app/counters.h"
#include "app/defaults.h"
#include "app/driver.h"
#include "app/hls_folders.h"
#include "app/jobs.h"
#include "app/log.h"
#include "app/places.h"
#include "app/recordings.h"
#include "app/secrets.h"
#include "app/tap_socket.h"
#include "app/webhooks.h"
#include "app/whip.h"
#include "journal/journal.h"
#include "media/worker.h"
#include "net/http_client.h"
#include "net/server.h"
#include "net/targets.h"
#include "store/store.h"
#include "wrap/alarm.h"
#include "wrap/context_thread.h"
#include "wrap/mailbox.h"

namespace parley::app {
namespace {

// How long an orderly end may take: the disk, then the close frames.
constexpr std::chrono::milliseconds kCommitWait{2000};
constexpr std::chrono::milliseconds kGoodbyeWait{1500};
// ... and how long recordings may take to be closed: less than a service manager waits.
constexpr std::chrono::milliseconds kJobsWait{12'000};
constexpr std::chrono::milliseconds kEndCheck{20};

base::Instant read_clocks() {
  return {base::TimePoint(base::Duration(g_get_monotonic_time())),
          base::WallTime(std::chrono::milliseconds(g_get_real_time() / 1000))};
}

}  // namespace

class Program::Impl {
 public:
  explicit Impl(const Config& config)
      : loop_(wrap::Ref<GMainLoop>::adopt(g_main_loop_new(nullptr, FALSE))),
        media_events_(nullptr,
                      [this](std::vector<media::Event>& events) {
                        for (media::Event& event : events) driver_->media(std::move(event));
                      }),
        alarm_([this] { driver_->tick(); }),
        webhooks_alarm_([this] { webhooks_->tick(); }) {
    rules_.hello_timeout = config.hello_timeout;
    rules_.connections_per_user = config.connections_per_user;
    rules_.ice_servers = config.ice_servers;
    rules_.resume_window = config.calls.resume_window;
    rules_.replay = config.replay;
    const auto window =
        std::chrono::duration_cast<std::chrono::milliseconds>(config.calls.resume_window);
    rules_.limits = {config.http.limits.message_bytes,
                     config.http.limits.messages_per_second,
                     config.http.limits.message_burst,
                     config.calls.receivers_per_call,
                     config.calls.unanswered_calls_per_user,
                     config.calls.text_bytes,
                     window.count()};
  }
  ~Impl() {
    for (const guint source : signals_) g_source_remove(source);
    // In this order: nothing may be said to what is gone.
    messenger_.reset();
    targets_.reset();
    jobs_.reset();
    recordings_.reset();
    server_.reset();
    store_.reset();
    worker_.reset();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<void> start(const Config& config);
  void run() { g_main_loop_run(loop_.get()); }
  [[nodiscard]] std::uint16_t http_port() const { return server_->port(); }

 private:
  base::Result<void> open_rooms(const Config& config);
  base::Result<void> open_worker(const Config& config);
  void open_jobs(const Config& config);
  [[nodiscard]] JobPorts job_ports(const Config& config);
  void open_targets(const Config& config);
  base::Result<void> open_journal(const Config& config, const call::Limits& limits);
  [[nodiscard]] Ports ports(const Config& config);
  [[nodiscard]] StorePorts store_ports();
  [[nodiscard]] Announcements announcements();
  [[nodiscard]] WebhookPorts webhook_ports();
  base::Result<void> start_webhooks(const WebhookSettings& settings);
  void start_api(const Config& config);
  void start_whip(const Config& config);
  static gboolean on_signal(gpointer self) noexcept;
  void begin_end();
  void end_step();
  [[nodiscard]] std::string page();

  const wrap::Ref<GMainLoop> loop_;
  SessionRules rules_;
  std::optional<auth::Verifier> verifier_;
  wrap::ContextMailbox<media::Event> media_events_;
  wrap::Alarm alarm_;
  wrap::Alarm webhooks_alarm_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<media::Worker> worker_;
  std::string tap_socket_;
  std::unique_ptr<HlsFolders> hls_;  // nullptr: there is no HLS
  std::unique_ptr<net::Server> server_;
  std::unique_ptr<journal::Journal> journal_;  // outlives the driver, which writes it
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Jobs> jobs_;
  std::unique_ptr<Recordings> recordings_;
  std::unique_ptr<net::Targets> targets_;
  std::unique_ptr<ApiDesk> api_;
  std::unique_ptr<WhipDesk> whip_;
  std::unique_ptr<Webhooks> webhooks_;          // nullptr: nobody is told
  std::unique_ptr<net::HttpClient> messenger_;  // of the webhooks
  std::vector<guint> signals_;
  enum class Ending { kNot, kCommitting, kParting } ending_ = Ending::kNot;
  base::TimePoint end_step_due_;
  base::TimePoint jobs_due_;
  std::unique_ptr<wrap::RepeatingTimer> end_timer_;
};

base::Result<void> Program::Impl::open_rooms(const Config& config) {
  auto verifier = auth::Verifier::create(config.keys, config.audience);
  if (!verifier) return tl::unexpected(verifier.error());
  verifier_.emplace(std::move(*verifier));
  rules_.verifier = &*verifier_;

  store::StoreOptions options;
  options.on_readiness = [this](const store::Readiness& readiness) {
    if (readiness.accepting)
      log_info("The store takes texts and new calls again.");
    else
      log_warning("The store takes no texts and no new calls: {}", readiness.why);
    driver_->store_state(readiness.accepting);
  };
  auto store = store::Store::open(config.store, read_clocks().wall, std::move(options));
  if (!store) return tl::unexpected(store.error());
  store_ = std::move(*store);
  if (const store::Opening opening = store_->opening(); opening.unclean)
    log_warning("The last run died; {} calls that lived then have ended as failed.",
                opening.failed_calls);

  return open_worker(config);
}

base::Result<void> Program::Impl::open_worker(const Config& config) {
  media::WorkerConfig media = config.media;
  if (media.tap_socket.empty()) {
    auto claimed = claim_tap_socket();
    if (claimed)
      media.tap_socket = *std::move(claimed);
    else
      log_warning("Calls are not recorded, mixed or bridged: {}", claimed.error().message);
  }
  tap_socket_ = media.tap_socket;
  auto worker = media::Worker::start(
      media, [box = media_events_.box()](media::Event event) { box->post(std::move(event)); });
  if (!worker)
    return base::fail(worker.error().code,
                      fmt::format("{}\nMedia needs a UDP port of its own: set another one with "
                                  "'udp-port' in the group [media] of the configuration.",
                                  worker.error().message));
  worker_ = std::move(*worker);
  return {};
}

void Program::Impl::open_jobs(const Config& config) {
  if (auto hls = HlsFolders::create(config.bridges.hls_folder))
    hls_ = *std::move(hls);
  else
    log_warning("There is no HLS: {}", hls.error().message);
  RecordingSettings recordings = config.recordings;
  if (recordings.job_program.empty())
    recordings.job_program = config.jobs.program.empty() ? job_program() : config.jobs.program;
  recordings_ = std::make_unique<Recordings>(
      RecordingPorts{.now = read_clocks,
                     .store = store_.get(),
                     .announce =
                         [this](const call::RecordingOver& over) {
                           return webhooks_ ? webhooks_->of_save(over)
                                            : std::vector<store::Outgoing>{};
                         }},
      std::move(recordings));
  recordings_->start();
  jobs_ = std::make_unique<Jobs>(
      config.jobs,
      [this](const base::JobId& job, const job::Report& report) { driver_->job(job, report); });
  jobs_->look_at_plugins();
}

JobPorts Program::Impl::job_ports(const Config& config) {
  JobPorts ports{
      .start = [this](const job::Spec& spec) { return jobs_->start(spec); },
      .order = [this](const base::JobId& job,
                      const job::Order& order) { jobs_->order(job, order); },
      .fresh_secret = random_secret,
      .check_target =
          [this](net::Direction direction, const std::string& kind, const std::string& url,
                 net::Targets::Done done) {
            targets_->check(direction, kind, url, std::move(done));
          },
      .look_at_target =
          [this](net::Direction direction, const std::string& kind, const std::string& url) {
            return targets_->look_at(direction, kind, url);
          },
      .prepare_recording =
          [this](const base::JobId& recording, job::Layout layout, job::Container container,
                 base::WallTime began, Recordings::Prepared done) {
            recordings_->prepare(recording, layout, container, began, std::move(done));
          },
      .recording_reports = [this](const base::JobId& job,
                                  const job::Report& report) { recordings_->report(job, report); },
      .open_hls = {},
      .close_hls = {},
      .socket = tap_socket_,
      .pipelines = pipeline_folders(config.pipelines),
      .limits = {},
  };
  ports.limits.memory_bytes = config.job_memory_mb * 1'000'000;
  ports.limits.seconds = static_cast<std::uint64_t>(config.longest_job.count());
  if (hls_) {
    ports.open_hls = [this](const base::JobId& bridge) { return hls_->open(bridge); };
    ports.close_hls = [this](const base::JobId& bridge) { hls_->close(bridge); };
  }
  return ports;
}

// When it is known which ports are this server's own: no bridge may go there.
void Program::Impl::open_targets(const Config& config) {
  net::TargetRules rules = config.bridges.targets;
  rules.own_ports.push_back(server_->port());
  rules.own_ports.push_back(worker_->udp_port());
  for (const std::string& announced : config.media.announced_ips)
    if (const auto address = net::parse_address(announced)) rules.own_addresses.push_back(*address);
  targets_ = std::make_unique<net::Targets>(std::move(rules));
}

Ports Program::Impl::ports(const Config& config) {
  return Ports{
      .now = read_clocks,
      .send = [this](base::SocketId socket, std::string_view text) { server_->send(socket, text); },
      .close = [this](base::SocketId socket, std::uint16_t code,
                      std::string_view reason) { server_->close(socket, code, reason); },
      .proven = [this](base::SocketId socket) { server_->proven(socket); },
      .media = [this](media::Command command) { worker_->post(std::move(command)); },
      .store = store_ports(),
      .announce = announcements(),
      .jobs = job_ports(config),
      .rearm = [this] { alarm_.set(driver_->deadline()); },
      .journal = journal_.get(),
  };
}

StorePorts Program::Impl::store_ports() {
  return StorePorts{
      .submit =
          [this](std::vector<store::Record> records, StorePorts::Done<void> done) {
            store_->submit(std::move(records), std::move(done));
          },
      .find_call =
          [this](const base::CallId& call, StorePorts::Done<store::StoredCall> done) {
            store_->find_call(call, std::move(done));
          },
      .find_chain =
          [this](const base::ChainId& chain, StorePorts::Done<store::StoredChain> done) {
            store_->find_chain(chain, std::move(done));
          },
      .list_chains =
          [this](std::vector<base::ProfileId> profiles, std::optional<base::ChainId> before,
                 std::size_t limit, StorePorts::Done<store::Page<store::ChainSummary>> done) {
            store_->list_chains(std::move(profiles), std::move(before), limit, std::move(done));
          },
      .read_history =
          [this](std::vector<base::ProfileId> profiles, const base::ChainId& chain,
                 std::optional<std::string> before, std::size_t limit,
                 StorePorts::Done<store::Page<store::StoredItem>> done) {
            store_->read_history(std::move(profiles), chain, std::move(before), limit,
                                 std::move(done));
          },
  };
}

Announcements Program::Impl::announcements() {
  if (!webhooks_) return {};
  return {.of_save = [this](const call::Save& save) { return webhooks_->of_save(save); },
          .of_text = [this](const call::StoreText& text) { return webhooks_->of_text(text); }};
}

WebhookPorts Program::Impl::webhook_ports() {
  return WebhookPorts{
      .now = read_clocks,
      .fresh_id = random_name,
      .jitter = [] { return g_random_double(); },
      .post =
          [this](const std::string& url, const net::HttpClient::Headers& headers,
                 const std::string& body, net::HttpClient::Done done) {
            messenger_->post(url, headers, "application/json", body, std::move(done));
          },
      .due =
          [this](base::WallTime now, std::size_t limit,
                 std::function<void(base::Result<std::vector<store::DueOutgoing>>)> done) {
            store_->due_outgoing(now, limit, std::move(done));
          },
      .forget = [this](const std::string& id) { store_->forget_outgoing(id); },
      .put_off = [this](const std::string& id,
                        base::WallTime next) { store_->put_off_outgoing(id, next); },
      .lives =
          [this](const base::CallId& call) { return driver_->machine().find(call).has_value(); },
      .rearm = [this](std::optional<base::TimePoint> when) { webhooks_alarm_.set(when); },
  };
}

base::Result<void> Program::Impl::start_webhooks(const WebhookSettings& settings) {
  if (settings.url.empty()) return {};
  auto messenger = net::HttpClient::create({.timeout = settings.timeout,
                                            .connections = settings.parallel,
                                            .ca_file = settings.ca_file,
                                            .user_agent = "parleyd/" PARLEY_VERSION});
  if (!messenger) return tl::unexpected(messenger.error());
  messenger_ = std::move(*messenger);
  webhooks_ = std::make_unique<Webhooks>(webhook_ports(), settings);
  webhooks_->start();
  return {};
}

void Program::Impl::start_api(const Config& config) {
  admin::Rules rules;
  rules.verifier = &*verifier_;
  rules.audience = config.audience;
  if (auto key = signing_key(config)) rules.signing_key = std::move(*key);
  rules.requests_per_second = static_cast<double>(config.api_requests_per_second);
  rules.request_burst = static_cast<double>(config.api_request_burst);
  rules.fresh_id = random_name;
  ApiPorts ports{
      .now = read_clocks,
      .command =
          [this](call::CommandBody command, std::function<void(const Driver::Answer&)> done) {
            driver_->command(std::move(command), std::move(done));
          },
      .live = [this] { return driver_->machine().live(); },
      .find = [this](const base::CallId& call) { return driver_->machine().find(call); },
      .store = store_ports(),
      .recordings = recordings_.get(),
  };
  api_ = std::make_unique<ApiDesk>(std::move(ports), std::move(rules));
  server_->add(api_->route(config.api));
}

void Program::Impl::start_whip(const Config& config) {
  admin::GuestRules rules;
  rules.verifier = &*verifier_;
  rules.ice_servers = config.ice_servers;
  rules.fresh_name = random_name;
  rules.is_live = [this](const base::CallId& call) {
    return driver_->machine().find(call).has_value();
  };
  WhipPorts ports{
      .now = read_clocks,
      .command =
          [this](call::CommandBody command, std::function<void(const Driver::Answer&)> done) {
            driver_->command(std::move(command), std::move(done));
          },
  };
  whip_ = std::make_unique<WhipDesk>(std::move(ports), std::move(rules), config.http.origins);
  for (net::Route& route : whip_->routes()) server_->add(std::move(route));
}

base::Result<void> Program::Impl::open_journal(const Config& config, const call::Limits& limits) {
  if (config.journal.empty()) return {};
  auto opened = journal::Journal::open(config.journal, config.journal_bytes, limits,
                                       [](const std::string& why) { log_warning("{}", why); });
  if (!opened) return tl::unexpected(opened.error());
  journal_ = std::move(*opened);
  log_info("What the call machine does is written to {}", config.journal);
  return {};
}

base::Result<void> Program::Impl::start(const Config& config) {
  if (auto rooms = open_rooms(config); !rooms) return rooms;
  if (auto webhooks = start_webhooks(config.webhooks); !webhooks) return webhooks;
  call::Limits limits = config.calls;
  limits.push =
      webhooks_ != nullptr && config.webhooks.events.contains(admin::NoticeKind::kCallUnheard);
  if (auto opened = open_journal(config, limits); !opened) return opened;
  open_jobs(config);
  driver_ = std::make_unique<Driver>(ports(config), limits, rules_, config.node);
  net::ServerConfig http = config.http;
  if (hls_) http.mounts.push_back(hls_->mount());
  auto server = net::Server::start(http, *driver_, [this] { return page(); });
  if (!server)
    return base::fail(server.error().code,
                      fmt::format("{}\nSet another 'port' in the group [http] of the "
                                  "configuration, or stop what uses this one.",
                                  server.error().message));
  server_ = std::move(*server);
  open_targets(config);
  start_api(config);
  start_whip(config);
  for (const int signal : {SIGINT, SIGTERM})
    signals_.push_back(g_unix_signal_add(signal, on_signal, this));
  return {};
}

std::string Program::Impl::page() {
  return metrics_page(driver_->counters(), server_->stats(), store_->stats(), worker_->stats()) +
         api_->metrics() + whip_->metrics() + (webhooks_ ? webhooks_->metrics() : "");
}

gboolean Program::Impl::on_signal(gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  if (impl->ending_ == Ending::kNot)
    impl->begin_end();
  else
    g_main_loop_quit(impl->loop_.get());  // asked twice: at once
  return G_SOURCE_CONTINUE;
}

void Program::Impl::begin_end() {
  log_info("Stopping: ending {} calls.", driver_->counters().live_calls);
  ending_ = Ending::kCommitting;
  server_->stop_listening();
  driver_->shut_down();
  end_step_due_ = read_clocks().mono + kCommitWait;
  jobs_due_ = read_clocks().mono + kJobsWait;
  end_timer_ = std::make_unique<wrap::RepeatingTimer>(nullptr, kEndCheck, [this] { end_step(); });
}

// Decisions reach the disk, then everybody hears of them, then the sockets close.
void Program::Impl::end_step() {
  const base::TimePoint now = read_clocks().mono;
  const bool committed = driver_->idle() || now >= end_step_due_;
  const bool jobs_over = driver_->jobs_over() || now >= jobs_due_;
  if (ending_ == Ending::kCommitting && committed && jobs_over) {
    ending_ = Ending::kParting;
    end_step_due_ = now + kGoodbyeWait;
    driver_->say_goodbye();
  }
  if (ending_ == Ending::kParting && (server_->stats().sockets == 0 || now >= end_step_due_))
    g_main_loop_quit(loop_.get());
}

Program::Program(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Program::~Program() = default;

base::Result<std::unique_ptr<Program>> Program::start(const Config& config) {
  auto impl = std::make_unique<Impl>(config);
  if (auto started = impl->start(config); !started) return tl::unexpected(started.error());
  return std::unique_ptr<Program>(new Program(std::move(impl)));
}

void Program::run() { impl_->run(); }
std::uint16_t Program::http_port() const { return impl_->http_port(); }

}  // namespace parley::app
