#include "fixture.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace parley::test {

namespace {
// For hangs, not for speed.
constexpr std::chrono::seconds kLimit{20};
constexpr std::chrono::milliseconds kStep{2};

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;
}  // namespace

Fixture::Fixture(media::WorkerConfig config) {
  auto worker = media::Worker::start(std::move(config), [this](media::Event event) {
    const std::scoped_lock lock(mutex_);
    events_.push_back(std::move(event));
  });
  if (!worker) {
    std::fprintf(stderr, "%s\n", worker.error().message.c_str());
    std::abort();
  }
  worker_ = std::move(*worker);
}

Member& Fixture::open(PeerOptions options, bool publishes) {
  const std::uint64_t id = next_id_++;
  auto member = std::make_unique<Member>();
  member->leg = {id};
  member->stream = {1000 + id};
  member->owner = "p" + std::to_string(id);
  member->peer = std::make_unique<WebRtcPeer>(options);
  Member& out = *member;
  members_[out.leg] = std::move(member);
  worker_->post(media::OpenLeg{out.leg});
  worker_->post(media::Feed{out.stream, out.leg});
  if (publishes)
    worker_->post(
        media::Publish{out.leg, next_ticket(), {base::Source::kMic, base::Source::kCamera}});
  return out;
}

Member& Fixture::open_beside(const Member& other, PeerOptions options,
                             std::vector<base::Source> publishes) {
  auto member = std::make_unique<Member>();
  member->leg = {next_id_++};
  member->stream = other.stream;
  member->owner = other.owner;
  member->peer = std::make_unique<WebRtcPeer>(options);
  Member& out = *member;
  members_[out.leg] = std::move(member);
  worker_->post(media::OpenLeg{out.leg});
  if (!publishes.empty())
    worker_->post(media::Publish{out.leg, next_ticket(), std::move(publishes)});
  return out;
}

Member& Fixture::open_guest(const std::string& offer, bool publishes) {
  const std::uint64_t id = next_id_++;
  auto member = std::make_unique<Member>();
  member->leg = {id};
  member->stream = {1000 + id};
  member->owner = "guest" + std::to_string(id);
  member->peer = std::make_unique<WebRtcPeer>(PeerOptions{});
  Member& out = *member;
  members_[out.leg] = std::move(member);
  worker_->post(media::OpenGuest{out.leg, next_ticket(), publishes, offer});
  if (publishes) worker_->post(media::Feed{out.stream, out.leg});
  return out;
}

Member& Fixture::open_port(const base::JobId& job, std::string owner) {
  const std::uint64_t id = next_id_++;
  auto member = std::make_unique<Member>();
  member->leg = {id};
  member->stream = {1000 + id};
  member->owner = std::move(owner);
  Member& out = *member;
  members_[out.leg] = std::move(member);
  worker_->post(media::OpenPort{out.leg, job, out.owner});
  worker_->post(media::Feed{out.stream, out.leg});
  return out;
}

void Fixture::switch_over(Member& from, const Member& to) {
  worker_->post(media::Feed{to.stream, to.leg});
  worker_->post(media::CloseLeg{from.leg});
}

void Fixture::show(const Member& viewer, const Member& shown) {
  worker_->post(media::Show{viewer.leg, shown.stream, shown.owner});
}

void Fixture::introduce(Member& a, Member& b) {
  show(a, b);
  show(b, a);
}

void Fixture::close(Member& member) {
  worker_->post(media::Feed{member.stream, std::nullopt});
  for (const auto& [id, other] : members_)
    if (!other->closed) worker_->post(media::Hide{id, member.stream});
  worker_->post(media::CloseLeg{member.leg});
}

void Fixture::drop(Member& member) { members_.erase(member.leg); }

void Fixture::answer(Member& member) {
  const media::Offered& offer = member.offers.back();
  member.peer->take_offer(offer.sdp);
  worker_->post(media::Answer{member.leg, next_ticket(), offer.rev, member.peer->answer()});
}

bool Fixture::run_until(const std::function<bool()>& done) {
  const auto limit = std::chrono::steady_clock::now() + kLimit;
  while (true) {
    take_events();
    if (done()) return true;
    if (std::chrono::steady_clock::now() > limit) return false;
    bool first = true;  // one wait per round, however many there are
    for (const auto& [id, member] : members_) {
      if (member->closed || member->peer == nullptr) continue;
      member->peer->poll(first ? kStep : std::chrono::milliseconds(0));
      first = false;
    }
    if (first) WebRtcPeer::idle(kStep);
  }
}

void Fixture::run_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  run_until([&] { return std::chrono::steady_clock::now() >= end; });
}

void Fixture::take_events() {
  std::vector<media::Event> events;
  {
    const std::scoped_lock lock(mutex_);
    events.swap(events_);
  }
  for (media::Event& event : events) {
    const base::LegId leg = std::visit([](const auto& e) { return e.leg; }, event);
    if (const auto found = members_.find(leg); found != members_.end()) on(*found->second, event);
  }
}

void Fixture::on(Member& member, media::Event& event) {
  std::visit(Overloaded{
                 [&](media::Offered& e) {
                   member.offers.push_back(std::move(e));
                   if (member.answers) answer(member);
                 },
                 [&](media::Verdict& e) { member.verdicts.push_back(std::move(e)); },
                 [&](media::Connected&) { ++member.connected; },
                 [&](media::Silent&) { ++member.silent; },
                 [&](media::Audible&) { ++member.audible; },
                 [&](media::Failed& e) { member.failure = std::move(e.message); },
                 [&](media::Closed&) { member.closed = true; },
                 [&](media::Answered& e) { member.guest_answers.push_back(std::move(e.sdp)); },
                 [&](media::Patched& e) { member.patches.push_back(std::move(e.fragment)); },
             },
             event);
}

std::pair<Member*, Member*> Fixture::open_pair(PeerOptions first, PeerOptions second) {
  Member& a = open(first);
  Member& b = open(second);
  introduce(a, b);
  const bool good = run_until([&] {
    return a.connected == 1 && b.connected == 1 && a.peer->dtls_connected() &&
           b.peer->dtls_connected();
  });
  if (!good) {
    std::fprintf(stderr, "no pair: connected %d %d, failed '%s' '%s', offers %zu %zu\n",
                 a.connected, b.connected, a.failure.c_str(), b.failure.c_str(), a.offers.size(),
                 b.offers.size());
    for (const auto& v : a.verdicts)
      if (v.error) std::fprintf(stderr, "verdict: %s\n", v.error->message.c_str());
    std::abort();
  }
  return {&a, &b};
}

bool Fixture::flows(Member& from, Member& to) {
  to.peer->forget_heard();
  auto next = std::chrono::steady_clock::now();
  std::uint8_t mark = 0;
  return run_until([&] {
    if (std::chrono::steady_clock::now() >= next) {
      from.peer->send_audio(++mark);
      from.peer->send_video(mark);
      next += std::chrono::milliseconds(10);
    }
    return to.peer->heard_of(111) > 0 && to.peer->heard_of(96) > 0;
  });
}

}  // namespace parley::test
