#include "media/control.h"

#include <fmt/format.h>

#include <utility>

#include "base/overloaded.h"
#include "media/guest_leg.h"
#include "media/leg.h"
#include "media/log.h"
#include "media/port_leg.h"

namespace parley::media {

namespace {
// How often the reaper's watchdog and what streams keep are looked after (our choice).
constexpr std::chrono::milliseconds kWatchInterval{500};

// Pipelines on their way to NULL beyond which no new one is made (our choice: with their threads
// and descriptors, 64 are some 300 and 1,500). Under more calls than the machine can bear, legs
// then open later, in place of ever more of them waiting for their end.
constexpr std::uint64_t kMostReaping = 64;

// What of a participant's tracks stays when another leg takes over that publishes `published`. A
// device opens its microphone last, when it has been told that it is the active one: without one it
// has not said everything yet. A shared screen belongs to the device that showed it.
std::set<base::Source> kept_across(const std::set<base::Source>& before,
                                   const std::set<base::Source>& published) {
  std::set<base::Source> kept;
  if (published.contains(base::Source::kMic)) return kept;
  for (const base::Source source : {base::Source::kMic, base::Source::kCamera})
    if (before.contains(source)) kept.insert(source);
  return kept;
}
}  // namespace

// ---- start and end --------------------------------------------------------------------------

Control::Control(GMainContext* context, WorkerConfig config, std::function<void(Event)> on_event)
    : config_(std::move(config)),
      on_event_(std::move(on_event)),
      mailbox_(context, [this](std::vector<ControlInput>& inputs) { on_inputs(inputs); }) {}

base::Result<std::unique_ptr<Control>> Control::start(GMainContext* context, WorkerConfig config,
                                                      std::function<void(Event)> on_event) {
  std::unique_ptr<Control> control(new Control(context, std::move(config), std::move(on_event)));
  std::vector<UdpSocket> sockets;
  if (auto opened = control->open_sockets(sockets); !opened) return tl::unexpected(opened.error());
  auto io = IoThread::start(
      std::move(sockets), {control->config_.silent_after, control->config_.consent},
      [box = control->box()](IoReport report) { box->post(ControlInput(std::move(report))); });
  if (!io) return tl::unexpected(io.error());
  control->io_ = std::move(*io);
  control->reaper_ = std::make_unique<Reaper>(control->box(), control->config_.reaper_watchdog);
  Control* self = control.get();
  control->timer_ =
      std::make_unique<wrap::RepeatingTimer>(context, kWatchInterval, [self] { self->on_timer(); });
  control->leg_context_ = {
      control->box(),
      control->io_->inbox(),
      [self](Event event) { self->on_event_(std::move(event)); },
      [self](Remains remains) { self->retire(std::move(remains)); },
      [self](LegId port) { self->retire_port(port); },
      [self] { return self->candidates(); },
      [self] { self->counters_.fingerprint_mismatches.fetch_add(1, std::memory_order_relaxed); },
  };
  control->taps_ = std::make_unique<Taps>(Taps::Host{
      context, control->io_->inbox(), [self](LegId port, std::set<base::Source> sources) {
        self->on_attached(port, std::move(sources));
      }});
  if (!control->config_.tap_socket.empty())
    if (auto heard = control->taps_->listen(control->config_.tap_socket); !heard)
      return tl::unexpected(heard.error());
  return control;
}

base::Result<void> Control::open_sockets(std::vector<UdpSocket>& sockets) {
  port_ = config_.udp_port;
  std::vector<std::optional<base::IpAddress>> addresses;
  for (const std::string& text : config_.listen) {
    addresses.push_back(parse_address(text));
    if (!addresses.back())
      return base::fail(base::Code::kInvalid,
                        fmt::format("'{}' is not a literal IP address to listen on", text));
  }
  for (const std::string& text : config_.announced_ips)
    if (!parse_address(text))
      return base::fail(base::Code::kInvalid,
                        fmt::format("'{}' is not a literal IP address to announce", text));
  if (addresses.empty()) addresses.push_back(std::nullopt);
  for (const auto& address : addresses) {
    auto socket = UdpSocket::open(address, port_);
    if (!socket) return tl::unexpected(socket.error());
    port_ = socket->port();
    if (!address) families_.v6 = socket->family() == AF_INET6;
    sockets.push_back(std::move(*socket));
  }
  return {};
}

std::vector<sdp::Candidate> Control::candidates() const {
  std::vector<sdp::Candidate> out;
  if (!config_.announced_ips.empty()) {
    for (const std::string& text : config_.announced_ips) out.push_back({text, port_});
  } else if (!config_.listen.empty()) {
    for (const std::string& text : config_.listen) out.push_back({text, port_});
  } else {
    for (const base::IpAddress& address : host_addresses(families_))
      out.push_back({to_text(address), port_});
  }
  return out;
}

Control::~Control() {
  // Legs that are still there go to NULL on the reaper, which finishes what it has.
  for (auto& [id, leg] : legs_) leg->close();
  legs_.clear();
  taps_.reset();
  timer_.reset();
  reaper_.reset();
  io_.reset();
}

void Control::close_all(std::function<void()> on_empty) {
  std::vector<LegId> ids;
  ids.reserve(legs_.size());
  for (const auto& [id, leg] : legs_) ids.push_back(id);
  for (const LegId id : ids) {
    CloseLeg close{id};
    handle(close);
  }
  if (leftovers_.empty())
    on_empty();
  else
    on_empty_ = std::move(on_empty);
}

void Control::on_timer() {
  const base::TimePoint now = monotonic_now();
  counters_.reaper_stuck.store(reaper_->check(now), std::memory_order_relaxed);
  open_waiting();
  taps_->on_timer(now);
  counters_.job_connections.store(taps_->connections(), std::memory_order_relaxed);
  for (auto& [id, stream] : streams_) {
    if (stream.kept.empty() || now < stream.kept_until) continue;
    stream.kept.clear();
    review_sources(id, stream);
  }
  refresh_touched();
}

// ---- what comes in --------------------------------------------------------------------------

void Control::on_inputs(std::vector<ControlInput>& inputs) {
  for (ControlInput& input : inputs) std::visit([this](auto& value) { on_input(value); }, input);
  refresh_touched();
}

void Control::on_input(Command& command) {
  std::visit([this](auto& c) { handle(c); }, command);
}

void Control::on_input(IoReport& report) {
  std::visit(base::Overloaded{
                 [this](TransportDropped& dropped) { part_gone(dropped.id.leg); },
                 [this](ConnectionGone& gone) { taps_->on(gone); },
                 [this](auto& r) { to_leg(r.id.leg, r); },
             },
             report);
}

void Control::on_input(Reaped& report) {
  counters_.legs_reaping.fetch_sub(1, std::memory_order_relaxed);
  part_gone(report.id.leg);
  open_waiting();
}

template <class Report>
void Control::to_leg(LegId id, Report& report) {
  if (AnyLeg* leg = find(id)) leg->on(report);  // or it crossed a CloseLeg
}

// The others change nothing of what is offered or routed.
void Control::on_input(BaseOffered& report) {
  to_leg(report.id.leg, report);
  touched_.insert(report.id.leg);
}

AnyLeg* Control::find(LegId leg) const {
  const auto found = legs_.find(leg);
  return found == legs_.end() ? nullptr : found->second.get();
}

base::Result<AnyLeg*> Control::require(LegId leg) const {
  AnyLeg* found = find(leg);
  if (found == nullptr) return base::fail(base::Code::kNotFound, "there is no such leg");
  return found;
}

void Control::refresh_touched() {
  for (const LegId id : std::exchange(touched_, {})) {
    AnyLeg* leg = find(id);
    if (leg == nullptr) continue;
    leg->refresh([this](StreamId stream) -> const std::set<base::Source>* {
      const auto found = streams_.find(stream);
      return found == streams_.end() ? nullptr : &found->second.sources;
    });
  }
}

void Control::verdict(LegId leg, std::uint64_t ticket, const base::Result<void>& result) {
  Verdict event{leg, ticket, std::nullopt};
  if (!result) event.error = result.error();
  on_event_(std::move(event));
}

// ---- legs -----------------------------------------------------------------------------------

void Control::handle(OpenLeg& command) {
  const auto [place, is_new] = legs_.try_emplace(command.leg);
  if (!is_new) {
    log(GST_LEVEL_WARNING, fmt::format("leg {} is open already", command.leg.value));
    return;
  }
  place->second = std::make_unique<Leg>(command.leg, leg_context_);
  counters_.legs.store(legs_.size(), std::memory_order_relaxed);
  to_open_.push_back(command.leg);
  open_waiting();
}

// Those that are stuck are nobody's reason to wait.
void Control::open_waiting() {
  const auto get = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  while (!to_open_.empty() &&
         get(counters_.legs_reaping) < kMostReaping + get(counters_.reaper_stuck)) {
    if (AnyLeg* leg = find(to_open_.front())) leg->open();  // or it was closed meanwhile
    to_open_.pop_front();
  }
}

void Control::handle(CloseLeg& command) {
  const auto found = legs_.find(command.leg);
  if (found == legs_.end()) return;
  const std::unique_ptr<AnyLeg> leg = std::move(found->second);
  legs_.erase(found);
  counters_.legs.store(legs_.size(), std::memory_order_relaxed);
  for (const auto& [stream, owner] : leg->shown()) {
    streams_[stream].viewers.erase(command.leg);
    forget_if_unused(stream);
  }
  if (const auto fed = fed_by_.find(command.leg); fed != fed_by_.end()) {
    for (const StreamId stream : std::set<StreamId>(fed->second)) {
      set_feeder(stream, std::nullopt);
      forget_if_unused(stream);
    }
  }
  taps_->remove_port(command.leg);
  leg->close();
  // Even of a leg whose transport never came to be, Closed is reported.
  leftovers_[command.leg].closing = true;
  ++leftovers_[command.leg].parts;
  part_gone(command.leg);
}

void Control::retire(Remains remains) {
  const TransportId id = remains.id;
  leftovers_[id.leg].parts += 2;
  counters_.legs_reaping.fetch_add(1, std::memory_order_relaxed);
  io_->inbox()->post(DropTransport{id});
  reaper_->take(std::move(remains));
}

void Control::retire_port(LegId leg) {
  ++leftovers_[leg].parts;
  io_->inbox()->post(DropPort{leg});
}

void Control::part_gone(LegId leg) {
  const auto found = leftovers_.find(leg);
  if (found == leftovers_.end() || --found->second.parts != 0) return;
  const bool closing = found->second.closing;
  leftovers_.erase(found);
  if (closing) on_event_(Closed{leg});
  if (on_empty_ && leftovers_.empty()) std::exchange(on_empty_, nullptr)();
}

void Control::handle(Answer& command) {
  verdict(command.leg, command.ticket,
          require(command.leg).and_then([&](AnyLeg* leg) { return leg->answer(command); }));
  touched_.insert(command.leg);
}

void Control::handle(Publish& command) {
  verdict(command.leg, command.ticket, require(command.leg).and_then([&](AnyLeg* leg) {
    return leg->publish(command.sources);
  }));
  touched_.insert(command.leg);
  if (const auto fed = fed_by_.find(command.leg); fed != fed_by_.end())
    for (const StreamId id : fed->second) {
      Stream& stream = streams_[id];
      stream.kept.clear();
      review_sources(id, stream);
    }
}

void Control::handle(Subscribe& command) {
  verdict(command.leg, command.ticket,
          require(command.leg).and_then([&](AnyLeg* leg) { return leg->subscribe(command); }));
  touched_.insert(command.leg);
}

void Control::handle(Restart& command) {
  verdict(command.leg, command.ticket,
          require(command.leg).and_then([&](AnyLeg* leg) { return leg->restart(command.fresh); }));
  touched_.insert(command.leg);
  // The I/O thread forgot with the old transport what the leg feeds.
  if (const auto fed = fed_by_.find(command.leg); command.fresh && fed != fed_by_.end())
    for (const StreamId stream : fed->second) io_->inbox()->post(SetFeed{stream, command.leg});
}

// ---- streams --------------------------------------------------------------------------------

void Control::handle(Feed& command) {
  if (command.leg && find(*command.leg) == nullptr) return;  // it crossed a CloseLeg
  set_feeder(command.stream, command.leg);
  forget_if_unused(command.stream);
}

// From one leg to the other in one step: the router keeps the receivers' tracks continuous.
void Control::set_feeder(StreamId id, std::optional<LegId> leg) {
  Stream& stream = streams_[id];
  if (stream.feeder == leg) return;
  if (stream.feeder) {
    const auto fed = fed_by_.find(*stream.feeder);
    fed->second.erase(id);
    if (fed->second.empty()) fed_by_.erase(fed);
  }
  stream.kept.clear();
  if (stream.feeder && leg) {
    stream.kept = kept_across(stream.sources, find(*leg)->published());
    stream.kept_until = monotonic_now() + config_.kept_after_switch;
  }
  stream.feeder = leg;
  if (leg) fed_by_[*leg].insert(id);
  io_->inbox()->post(SetFeed{id, leg});
  review_sources(id, stream);
}

void Control::review_sources(StreamId id, Stream& stream) {
  std::set<base::Source> sources = stream.kept;
  if (const AnyLeg* feeder = stream.feeder ? find(*stream.feeder) : nullptr)
    sources.insert(feeder->published().begin(), feeder->published().end());
  if (sources == stream.sources) return;
  stream.sources = std::move(sources);
  taps_->set_sources(id, stream.sources);
  touch_viewers(stream);
}

// With it go its mutes: they are told again when a leg comes to feed it.
void Control::forget_if_unused(StreamId id) {
  const auto found = streams_.find(id);
  if (found == streams_.end() || found->second.feeder || !found->second.viewers.empty()) return;
  streams_.erase(found);
  io_->inbox()->post(ForgetStream{id});
  taps_->forget(id);
}

void Control::touch_viewers(const Stream& stream) {
  touched_.insert(stream.viewers.begin(), stream.viewers.end());
}

void Control::handle(Show& command) {
  AnyLeg* leg = find(command.leg);
  if (leg == nullptr) return;
  leg->show(command.stream, std::move(command.owner));
  streams_[command.stream].viewers.insert(command.leg);
  touched_.insert(command.leg);
}

void Control::handle(Hide& command) {
  AnyLeg* leg = find(command.leg);
  if (leg == nullptr) return;
  leg->hide(command.stream);
  if (const auto stream = streams_.find(command.stream); stream != streams_.end())
    stream->second.viewers.erase(command.leg);
  forget_if_unused(command.stream);
  touched_.insert(command.leg);
}

void Control::handle(Mute& command) {
  if (!streams_.contains(command.stream)) return;
  io_->inbox()->post(SetMute{command.stream, command.audio_muted, command.video_muted});
}

// ---- jobs and guests ------------------------------------------------------------------------

void Control::handle(Name& command) { taps_->name(command); }
void Control::handle(AdmitJob& command) { taps_->admit(command); }
void Control::handle(DismissJob& command) { taps_->dismiss(command.job); }

void Control::handle(OpenPort& command) {
  const auto [place, is_new] = legs_.try_emplace(command.leg);
  if (!is_new) {
    log(GST_LEVEL_WARNING, fmt::format("leg {} is open already", command.leg.value));
    return;
  }
  place->second = std::make_unique<PortLeg>(command.leg, leg_context_);
  counters_.legs.store(legs_.size(), std::memory_order_relaxed);
  taps_->add_port(command);
}

// Called also when a job's connection comes, between inputs.
void Control::on_attached(LegId port, std::set<base::Source> sources) {
  auto* leg = dynamic_cast<PortLeg*>(find(port));
  if (leg == nullptr) return;
  leg->attach(std::move(sources));
  if (const auto fed = fed_by_.find(port); fed != fed_by_.end())
    for (const StreamId id : fed->second) review_sources(id, streams_[id]);
  refresh_touched();
}

void Control::handle(OpenGuest& command) {
  auto offer = sdp::check_guest_offer(command.sdp, command.publishes);
  if (!offer) return verdict(command.leg, command.ticket, tl::unexpected(offer.error()));
  const auto [place, is_new] = legs_.try_emplace(command.leg);
  if (!is_new)
    return verdict(command.leg, command.ticket,
                   base::fail(base::Code::kConflict, "this leg is open already"));
  place->second =
      std::make_unique<GuestLeg>(command.leg, leg_context_, command.ticket, *std::move(offer));
  counters_.legs.store(legs_.size(), std::memory_order_relaxed);
  to_open_.push_back(command.leg);
  open_waiting();
}

void Control::handle(PatchGuest& command) {
  auto fragment =
      require(command.leg).and_then([&](AnyLeg* leg) { return leg->patch(command.fragment); });
  if (!fragment) return verdict(command.leg, command.ticket, tl::unexpected(fragment.error()));
  on_event_(Patched{command.leg, command.ticket, *std::move(fragment)});
}

}  // namespace parley::media
