#include "app/counters.h"

#include <type_traits>
#include <variant>

#include "base/overloaded.h"

namespace parley::app {

using base::Overloaded;

std::string kind_of(const call::RequestBody& body) {
  return std::visit(Overloaded{
                        [](const call::Init&) { return "init"; },
                        [](const call::Pending&) { return "pending"; },
                        [](const call::Ringing&) { return "ringing"; },
                        [](const call::Accept&) { return "accept"; },
                        [](const call::Reject&) { return "reject"; },
                        [](const call::Hangup&) { return "hangup"; },
                        [](const call::Take&) { return "take"; },
                        [](const call::Invite&) { return "invite"; },
                        [](const call::Text&) { return "text"; },
                        [](const call::Update&) { return "update"; },
                        [](const call::Media&) { return "media"; },
                        [](const call::Record&) { return "record"; },
                        [](const call::Consent&) { return "consent"; },
                        [](const call::SetMode&) { return "mode"; },
                        [](const call::StartBridge&) { return "bridge"; },
                        [](const call::StopBridge&) { return "bridge"; },
                    },
                    body);
}

std::string kind_of(const wire::ChainList& /*question*/) { return "chain_list"; }
std::string kind_of(const wire::ChainHistory& /*question*/) { return "chain_history"; }

namespace {

double number(std::uint64_t n) { return static_cast<double>(n); }

void add_signalling(metrics::Page& page, const Counters& c) {
  page.gauge("parley_connections", "Authenticated connections.", number(c.connections));
  page.gauge("parley_lost_connections", "Connections without a socket that may be resumed.",
             number(c.lost_connections));
  page.gauge("parley_live_calls", "Calls that ring or run.", number(c.live_calls));
  page.gauge("parley_waiting_effects", "Effects that wait for a commit.",
             number(c.waiting_effects));
  page.counter("parley_hellos_total", "Valid hellos that began a connection.", number(c.hellos));
  page.counter("parley_resumed_total", "Connections that came back on another socket.",
               number(c.resumed));
  page.counter("parley_refused_resumes_total", "Hellos with a resume that began a new connection.",
               number(c.refused_resumes));
  page.counter("parley_replaced_total", "Sockets closed because a newer one resumed.",
               number(c.replaced));
  page.counter("parley_ended_lost_total", "Lost connections that did not come back in time.",
               number(c.ended_lost));
  page.counter("parley_evicted_total", "Lost connections that gave way to a new one of their user.",
               number(c.evicted));
  page.counter("parley_refused_hellos_total", "Connections turned away: wrong token, or none.",
               number(c.refused_hellos));
  page.counter("parley_flooders_total", "Sockets closed for their message rate.",
               number(c.flooders));
  page.counter("parley_overloaded_total", "Requests refused because too much waits for the disk.",
               number(c.overloaded));
  for (const auto& [kind, n] : c.requests)
    page.counter("parley_requests_total", "Requests of clients.", number(n), {{"kind", kind}});
  for (const auto& [code, n] : c.errors)
    page.counter("parley_errors_total", "Messages answered with an error.", number(n),
                 {{"code", code}});
}

void add_store(metrics::Page& page, const Counters& c, const store::StoreStats& s) {
  page.counter("parley_commits_total", "Transactions on disk.", number(s.commits));
  page.counter("parley_records_total", "Records on disk.", number(s.records));
  page.counter("parley_store_failures_total", "Transactions that failed.", number(s.failures));
  page.counter("parley_uncommitted_decisions_total",
               "Decisions about live calls released although their commit had failed.",
               number(c.failed_commits));
  page.counter("parley_withdrawn_calls_total", "Calls refused because their id was taken on disk.",
               number(c.withdrawn_calls));
  page.counter("parley_texts_total", "Texts on disk.", number(c.texts));
  page.counter("parley_refused_texts_total", "Texts the store did not take.",
               number(c.refused_texts));
  page.gauge("parley_store_waiting", "Submissions and look-ups the store has not begun.",
             number(s.waiting));
  page.histogram("parley_commit_wait_seconds", "How long decisions waited for the disk.",
                 c.commit_wait);
}

void add_net(metrics::Page& page, const net::ServerStats& n) {
  page.gauge("parley_tcp_connections", "TCP connections.", number(n.connections));
  page.gauge("parley_sockets", "WebSockets.", number(n.sockets));
  page.counter("parley_accepted_total", "TCP connections accepted.", number(n.accepted));
  page.counter("parley_refused_total", "TCP connections over a limit.", number(n.refused));
  page.counter("parley_refused_upgrades_total", "WebSocket handshakes refused.",
               number(n.refused_upgrades));
  page.counter("parley_timed_out_total", "Connections closed for a request or response too slow.",
               number(n.timed_out));
  page.counter("parley_messages_in_total", "Text messages received.", number(n.messages_in));
  page.counter("parley_messages_out_total", "Text messages sent.", number(n.messages_out));
}

void add_media(metrics::Page& page, const media::WorkerStats& m) {
  page.gauge("parley_legs", "Media legs.", number(m.legs));
  page.gauge("parley_legs_reaping", "Media legs being taken down.", number(m.legs_reaping));
  page.gauge("parley_reaper_stuck", "Media legs taken down for too long.", number(m.reaper_stuck));
  page.counter("parley_packets_in_total", "Datagrams received.", number(m.packets_in));
  page.counter("parley_packets_out_total", "Datagrams sent.", number(m.packets_out));
  page.counter("parley_bytes_in_total", "Bytes received.", number(m.bytes_in));
  page.counter("parley_bytes_out_total", "Bytes sent.", number(m.bytes_out));
  page.counter("parley_auth_failures_total", "SRTP, SRTCP or STUN that failed authentication.",
               number(m.auth_failures));
  page.counter("parley_replays_total", "SRTP packets seen before.", number(m.replays));
  page.counter("parley_malformed_total", "Datagrams that are nothing we know.",
               number(m.malformed));
  page.counter("parley_send_drops_total", "Datagrams the kernel had no room for.",
               number(m.send_drops));
  page.counter("parley_keyframe_requests_total", "Key frames asked of publishers.",
               number(m.keyframe_requests));
  page.counter("parley_nacked_packets_total", "Packets of video asked of publishers again.",
               number(m.nacked));
  page.counter("parley_tap_packets_total", "Packets of calls given to jobs.",
               number(m.tap_packets));
  page.counter("parley_tap_drops_total", "Packets that a job did not read in time.",
               number(m.tap_drops));
  page.counter("parley_tap_injected_total", "Packets that jobs put into calls.",
               number(m.injected));
  page.counter("parley_tap_injected_drops_total", "Packets above what one job's track may have.",
               number(m.injected_drops));
  page.gauge("parley_tap_connections", "Connections of jobs.", number(m.job_connections));
  page.counter("parley_fingerprint_mismatches_total",
               "Legs ended because the certificate was not the announced one.",
               number(m.fingerprint_mismatches));
}

}  // namespace

std::string metrics_page(const Counters& counters, const net::ServerStats& net,
                         const store::StoreStats& store, const media::WorkerStats& media) {
  metrics::Page page;
  add_signalling(page, counters);
  add_store(page, counters, store);
  add_net(page, net);
  add_media(page, media);
  return page.text();
}

}  // namespace parley::app
