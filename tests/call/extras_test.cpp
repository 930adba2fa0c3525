// What is made of a call beside forwarding it: recordings, the mix, bridges and guests.
#include <string>

#include "call/call_world.h"
#include "call/check_text.h"

using namespace std::chrono_literals;
using namespace parley;  // NOLINT(google-build-using-namespace)
using base::LegId;
using call::CallId;
using call::JobId;
using call::JobState;
using call::ProfileId;
using parley::test::FourDevices;

namespace {

const CallId kCall("call");

// A on c1 and B on c3 talk; c2 and c4 look on. Legs 1 and 2.
class Running : public FourDevices {
 public:
  Running() {
    media_connects_at_once();
    calls("c1", "A", {"B"});
    accepts("c3");
    forget();
  }
  void forget() {
    media();
    jobs();
    for (const char* c : {"c1", "c2", "c3", "c4"}) told(c);
  }
  void job(const std::string& id, JobState state, const std::string& message = "") {
    happens(call::JobReported{JobId(id), state, message, ""});
  }
  // The last name that was given to a job.
  std::string record(call::RecordPolicy policy = call::RecordPolicy::kNotify) {
    SAYS(send_as("r", "c1", call::Record{.call = kCall, .policy = policy}), "ok");
    return "jr";
  }
};

void mix(Running& w, call::Mode mode = call::Mode::kMix, std::optional<ProfileId> who = {}) {
  SAYS(w.send("c1", call::SetMode{kCall, mode, std::move(who)}), "ok");
}

}  // namespace

START_TEST(a_recording_is_told_to_everybody_and_ends_when_it_is_on_disk) {
  Running w;
  w.grants(false);
  SAYS(w.send("c1", call::Record{.call = kCall}), "forbidden");
  w.grants(true);
  SAYS(w.send("c1", call::Record{.call = kCall, .start = false}), "conflict");
  w.record();
  SAYS(w.jobs(), "start:jr");
  for (const char* c : {"c1", "c2", "c3", "c4"}) SAYS(w.told(c), "recording-starting");
  SAYS(w.send("c3", call::Record{.call = kCall}), "conflict");
  w.job("jr", JobState::kLive);
  w.connect("c5", "B");
  ck_assert(w.snapshots("c5").at(0).extras.recording->state == call::RecordingState::kOn);
  SAYS(w.send("c1", call::Record{.call = kCall, .start = false}), "ok");
  SAYS(w.send("c1", call::Record{.call = kCall, .start = false}), "ok");
  SAYS(w.jobs(), "stop:jr");
  SAYS(w.told("c4"), "recording-on");
  w.job("jr", JobState::kEnded);
  SAYS(w.told("c4"), "recording-ended");
  SAYS(w.records(), "started accepted:B@c3 recording:jr recorded:jr");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_recording_outlives_its_call_only_to_be_closed) {
  Running w;
  w.record();
  w.job("jr", JobState::kLive);
  w.forget();
  w.hangs_up("c1");
  SAYS(w.jobs(), "stop:jr");
  SAYS(w.told("c3"), "hangup:A@c1 end:completed");
  w.job("jr", JobState::kFailed, "the disk is full");
  SAYS(w.told("c3"), "");
  SAYS(w.records(), "started accepted:B@c3 recording:jr ended:completed recorded:jr!");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_has_not_agreed_is_hidden) {
  Running w;
  w.record(call::RecordPolicy::kConsent);
  SAYS(w.jobs(), "");
  SAYS(w.told("c4"), "recording-asking");
  SAYS(w.send("c4", call::Consent{kCall, false}), "ok");
  SAYS(w.jobs(), "start:jr-B");
  w.job("jr", JobState::kLive);
  SAYS(w.send("c3", call::Consent{kCall, true}), "ok");
  SAYS(w.send("c3", call::Consent{kCall, true}), "ok");
  SAYS(w.jobs(), "update:jr");
  SAYS(w.send("c2", call::Consent{kCall, false}), "ok");
  SAYS(w.jobs(), "update:jr-A");
  // A late joiner is hidden before anything of his can be seen.
  w.connect("x1", "X");
  w.invites("c1", {"X"});
  SAYS(w.jobs(), "update:jr-A-X");
  ck_assert(w.last_event("x1").body.index() == call::EventBody(call::InitEvent{}).index());
  const auto& init = std::get<call::InitEvent>(w.last_event("x1").body);
  ck_assert(init.accepted_at && init.participants.size() == 3 && init.extras.recording);
  w.accepts("x1");
  SAYS(w.send("x1", call::Consent{kCall, true}), "ok");
  SAYS(w.jobs(), "update:jr-A");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(silence_means_no) {
  Running w;
  w.record(call::RecordPolicy::kConsent);
  w.pass(31s);
  SAYS(w.jobs(), "start:jr-B");
  w.job("jr", JobState::kEnded);
  w.forget();
  SAYS(w.commands(call::Record{.call = kCall, .policy = call::RecordPolicy::kConsent}), "ok");
  w.pass(31s);
  SAYS(w.told("c3"), "recording-asking recording-failed");
  SAYS(w.send("c3", call::Consent{kCall, true}), "conflict");
  SAYS(w.jobs(), "");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_viewer_changes_over_when_there_is_something_to_see) {
  Running w;
  mix(w);
  SAYS(w.jobs(), "start:mix-1");
  SAYS(w.told("c3"), "mode-mix");
  SAYS(w.media(), "port3:mix feed3=3 port4:mix/A feed4=4 port5:mix/B feed5=5");
  w.leg(call::LegConnected{LegId{3}});
  SAYS(w.media(), "");
  w.leg(call::LegConnected{LegId{5}});
  SAYS(w.media(), "show2:mix show2:mix hide2:1");
  w.leg(call::LegConnected{LegId{4}});
  SAYS(w.media(), "show1:mix show1:mix hide1:2");
  // One goes back: tracks first.
  mix(w, call::Mode::kForward, ProfileId("B"));
  SAYS(w.media(), "show2:A hide2:3 hide2:5 feed5=none close5");
  SAYS(w.told("c3"), "mode-forward:B");
  mix(w, call::Mode::kForward);
  SAYS(w.media(), "show1:B hide1:3 hide1:4 feed4=none close4 feed3=none close3");
  SAYS(w.jobs(), "stop:mix-1");
  w.job("mix-1", JobState::kEnded);
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_mixer_that_dies_leaves_everybody_with_tracks) {
  Running w;
  mix(w);
  for (const std::uint64_t leg : {3, 4, 5}) w.leg(call::LegConnected{LegId{leg}});
  w.forget();
  w.job("mix-1", JobState::kFailed, "killed");
  SAYS(w.told("c4"), "mode-forward");
  SAYS(w.media(),
       "show1:B hide1:3 hide1:4 show2:A hide2:3 hide2:5 feed4=none close4 feed5=none close5 "
       "feed3=none close3");
  SAYS(w.jobs(), "");
  // The device changes while it is mixed, too: the new one is shown the same.
  mix(w);
  for (const std::uint64_t leg : {6, 7, 8}) w.leg(call::LegConnected{LegId{leg}});
  w.media();
  w.takes("c2");
  SAYS(w.media(), "open9 show9:mix show9:mix feed1=9 mute1+a+v close1");
  w.hangs_up("c1");
  SAYS(w.jobs(), "start:mix-2 stop:mix-2");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(what_a_bridge_brings_in_is_a_participant_but_nobody) {
  Running w;
  const call::StartBridge in{.call = kCall,
                             .direction = call::Direction::kIn,
                             .kind = call::BridgeKind::kSrt,
                             .url = "srt://there:9000?passphrase=secret"};
  SAYS(w.send_as("b", "c1", in), "ok");
  SAYS(w.jobs(), "start:jb");
  SAYS(w.media(), "port3:srt-1");
  SAYS(w.told("c3"), "bridge-starting:srt-1");
  w.leg(call::LegConnected{LegId{3}});
  SAYS(w.media(), "feed3=3 show1:srt-1 show2:srt-1");
  SAYS(w.told("c3"), "accept:srt-1");
  w.job("jb", JobState::kLive);
  w.leg(call::LegSilent{LegId{3}});
  w.pass(10min);
  w.leg(call::LegAudible{LegId{3}});
  SAYS(w.told("c3"), "bridge-live:srt-1 reconnecting:srt-1 reconnected:srt-1");
  SAYS(w.send("c3", call::Invite{kCall, {ProfileId("srt-1")}}), "conflict");
  w.forget();
  w.job("jb", JobState::kFailed, "no route");
  SAYS(w.told("c3"), "bridge-failed:srt-1 left-failed:srt-1");
  SAYS(w.media(), "feed3=none close3 hide1:3 hide2:3");
  // It comes back under the same name, and the call ends without it.
  SAYS(w.send_as("b2", "c1", in), "ok");
  w.leg(call::LegConnected{LegId{4}});
  w.hangs_up("c3");
  ck_assert(w.end().find("srt-1") == std::string::npos);
  SAYS(w.jobs(), "start:jb2 stop:jb2");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(bridges_out_come_and_go_and_are_bounded) {
  Running w;
  const call::StartBridge out{.call = kCall, .kind = call::BridgeKind::kHls};
  for (int i = 0; i < 8; ++i) SAYS(w.send_as("b" + std::to_string(i), "c1", out), "ok");
  SAYS(w.send("c1", out), "too_large");
  SAYS(w.send("c1", call::StopBridge{kCall, JobId("jb3")}), "ok");
  SAYS(w.send("c1", call::StopBridge{kCall, JobId("unknown")}), "not_found");
  w.forget();
  w.job("jb3", JobState::kEnded);
  SAYS(w.told("c2"), "bridge-ended");
  w.happens(call::JobReported{JobId("jb1"), JobState::kLive, "", "/hls/jb1/index.m3u8"});
  ck_assert_str_eq(std::get<call::BridgeView>(w.last_event("c2").body).watch.c_str(),
                   "/hls/jb1/index.m3u8");
  w.job("jb1", JobState::kReconnecting, "no answer");
  w.job("jb1", JobState::kReconnecting, "no answer");
  SAYS(w.told("c4"), "bridge-ended bridge-live bridge-reconnecting");
  w.hangs_up("c1");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(guests_publish_and_watch) {
  Running w;
  SAYS(w.commands(call::JoinGuest{kCall, ProfileId("obs"), true, {}, "v=0"}), "");
  SAYS(w.media(), "guest3");
  const auto& opened = std::get<call::OpenGuest>(w.effects().at(0));
  SAYS(w.told("c1"), "");
  w.happens(call::GuestAnswered{LegId{3}, opened.ticket, {}, "v=0 answer"});
  w.leg(call::LegConnected{LegId{3}});
  SAYS(w.told("c1"), "accept:obs bridge-live:obs");
  SAYS(w.media(), "feed3=3 show1:obs show2:obs");
  SAYS(w.commands(call::JoinGuest{kCall, ProfileId("obs"), true, {}, "v=0"}), "conflict");
  // One who watches the mix needs a mixer, and nobody is told.
  SAYS(w.commands(call::JoinGuest{kCall, ProfileId("tv"), false, {}, "v=0"}), "");
  SAYS(w.media(), "guest4 port5:mix feed5=5 port6:mix/ feed6=6");
  w.leg(call::LegConnected{LegId{5}});
  w.leg(call::LegConnected{LegId{6}});
  SAYS(w.media(), "show4:mix show4:mix");
  SAYS(w.told("c1"), "");
  // It never connects, and goes; the publisher is lost for too long.
  w.leg(call::LegSilent{LegId{3}});
  w.pass(16s);
  SAYS(w.media(), "close4 feed6=none close6 feed5=none close5");
  w.pass(15s);
  SAYS(w.told("c1"), "reconnecting:obs left-lost:obs bridge-failed:obs");
  SAYS(w.jobs(), "start:mix-1 stop:mix-1");
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(who_watches_a_mix_that_cannot_be_made_is_told_so) {
  Running w;
  SAYS(w.commands(call::JoinGuest{kCall, ProfileId("tv"), false, {}, "v=0"}), "");
  w.job("mix-1", JobState::kFailed, "the server runs as many jobs as it may");
  bool told = false;
  for (const call::Effect& effect : w.effects())
    if (const auto* done = std::get_if<call::CommandDone>(&effect))
      if (const auto* refusal = std::get_if<call::Refusal>(&done->body))
        told = refusal->code == call::ErrorCode::kUnavailable;
  ck_assert(told);
  SAYS(w.problems(), "");
}
END_TEST

START_TEST(a_call_has_at_most_a_hundred_guests) {
  Running w;
  for (int i = 0; i < 100; ++i)
    SAYS(w.commands(call::JoinGuest{kCall, ProfileId("tv"), false, ProfileId("A"), "v=0"}), "");
  SAYS(w.commands(call::JoinGuest{kCall, ProfileId("tv"), false, ProfileId("A"), "v=0"}),
       "too_large");
  SAYS(w.commands(call::JoinGuest{kCall, ProfileId("obs"), true, {}, "v=0"}), "too_large");
  // Those that never connect make room again.
  w.pass(16s);
  SAYS(w.commands(call::JoinGuest{kCall, ProfileId("tv"), false, ProfileId("A"), "v=0"}), "");
  SAYS(w.problems(), "");
}
END_TEST

int main() {
  return parley::test::run(
      "call extras",
      {a_recording_is_told_to_everybody_and_ends_when_it_is_on_disk,
       a_recording_outlives_its_call_only_to_be_closed, who_has_not_agreed_is_hidden,
       silence_means_no, a_viewer_changes_over_when_there_is_something_to_see,
       a_mixer_that_dies_leaves_everybody_with_tracks,
       what_a_bridge_brings_in_is_a_participant_but_nobody, bridges_out_come_and_go_and_are_bounded,
       guests_publish_and_watch, who_watches_a_mix_that_cannot_be_made_is_told_so,
       a_call_has_at_most_a_hundred_guests});
}
