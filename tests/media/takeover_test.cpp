// A participant who moves to another device: two legs for a while, one stream all the time.
#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fixture.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace media = parley::media;
using parley::base::Source;
using parley::test::Fixture;
using parley::test::HeardPacket;
using parley::test::Member;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::uint8_t kOpus = 111;
constexpr std::uint8_t kVp8 = 96;

// What a device sends, as a browser does: 50 packets of audio and 30 pictures a second, a key frame
// at the start and wherever one was asked for.
class Device {
 public:
  Device(Member& member, std::uint8_t mark) : member_(&member), mark_(mark) {}
  void run() {
    const auto now = Clock::now();
    if (!member_->peer->dtls_connected() || member_->closed) return;
    if (now >= next_audio_) {
      member_->peer->send_audio(mark_);
      next_audio_ = now + std::chrono::milliseconds(20);
    }
    if (now < next_video_) return;
    next_video_ = now + std::chrono::milliseconds(33);
    const int asked = member_->peer->key_frame_requests();
    if (asked == served_)
      member_->peer->send_video_delta(mark_);
    else
      member_->peer->send_video(mark_);
    served_ = asked;
  }

 private:
  Member* member_;
  std::uint8_t mark_;
  int served_ = -1;
  Clock::time_point next_audio_;
  Clock::time_point next_video_;
};

std::uint8_t mark_of(const HeardPacket& packet) {
  return packet.payload_type == kOpus ? packet.payload[1] : packet.payload[15];
}

bool is_key_frame(const HeardPacket& packet) { return (packet.payload[5] & 1) == 0; }

std::vector<HeardPacket> of_type(const Member& member, std::uint8_t payload_type) {
  std::vector<HeardPacket> out;
  for (const HeardPacket& packet : member.peer->heard())
    if (packet.payload_type == payload_type) out.push_back(packet);
  return out;
}

std::size_t heard(const Member& member, std::uint8_t payload_type, std::uint8_t mark) {
  const auto all = of_type(member, payload_type);
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [=](const HeardPacket& p) { return mark_of(p) == mark; }));
}

// One source, no hole and nothing twice; time goes on.
void check_continuous(const std::vector<HeardPacket>& packets) {
  for (std::size_t i = 1; i < packets.size(); ++i) {
    const HeardPacket& before = packets[i - 1];
    const HeardPacket& after = packets[i];
    ck_assert_uint_eq(after.ssrc, before.ssrc);
    ck_assert_uint_eq(after.sequence, static_cast<std::uint16_t>(before.sequence + 1));
    const auto passed = static_cast<std::int32_t>(after.timestamp - before.timestamp);
    ck_assert_int_gt(passed, 0);
    ck_assert_int_lt(passed, 10 * 90'000);
  }
}

// Each packet of these is a picture of its own.
void check_pictures(const std::vector<HeardPacket>& packets) {
  const auto id = [](const HeardPacket& p) { return (p.payload[2] & 0x7f) << 8 | p.payload[3]; };
  for (std::size_t i = 1; i < packets.size(); ++i) {
    ck_assert_int_eq(id(packets[i]), (id(packets[i - 1]) + 1) & 0x7fff);
    ck_assert_uint_eq(packets[i].payload[4],
                      static_cast<std::uint8_t>(packets[i - 1].payload[4] + 1));
  }
}

// From the last packet with the one mark to the first with the other.
double gap_ms(const std::vector<HeardPacket>& packets, std::uint8_t from, std::uint8_t to) {
  std::optional<Clock::time_point> last;
  for (const HeardPacket& packet : packets) {
    if (mark_of(packet) == from) last = packet.at;
    if (mark_of(packet) == to && last)
      return std::chrono::duration<double, std::milli>(packet.at - *last).count();
  }
  ck_abort_msg("nothing from device %d after device %d", to, from);
}

std::set<Source> shown(const Member& viewer, const std::string& owner) {
  std::set<Source> out;
  for (const auto& track : viewer.offers.back().tracks)
    if (track.owner == owner) out.insert(track.source);
  return out;
}

// A viewer who sees a participant on the laptop, and the participant's phone, ready.
struct Call {
  explicit Call(std::vector<Source> phone_publishes, media::WorkerConfig config = {})
      : f(std::move(config)) {
    std::tie(laptop, viewer) = f.open_pair();
    phone = &f.open_beside(*laptop, {}, std::move(phone_publishes));
    f.show(*phone, *viewer);
    ck_assert(f.run_until([&] { return phone->connected == 1 && phone->peer->dtls_connected(); }));
    ck_assert(f.run_until([&] { return !phone->offers.back().tracks.empty(); }));
  }
  bool until(const std::function<bool()>& done) {
    return f.run_until([&] {
      for (Device& device : devices) device.run();
      return done();
    });
  }
  Fixture f;
  Member* laptop = nullptr;
  Member* viewer = nullptr;
  Member* phone = nullptr;
  std::vector<Device> devices;
};

}  // namespace

START_TEST(others_see_one_track_without_a_seam) {
  Call call({Source::kMic, Source::kCamera});
  call.devices = {Device(*call.laptop, 1), Device(*call.phone, 2), Device(*call.viewer, 9)};
  ck_assert(call.until(
      [&] { return heard(*call.viewer, kVp8, 1) >= 5 && heard(*call.viewer, kOpus, 1) >= 5; }));
  // The phone sees the others already, and nothing of it or of the laptop is on it.
  ck_assert(call.until([&] { return heard(*call.phone, kVp8, 9) > 0; }));
  ck_assert_uint_eq(heard(*call.viewer, kVp8, 2) + heard(*call.viewer, kOpus, 2), 0);
  ck_assert_uint_eq(heard(*call.phone, kVp8, 1) + heard(*call.phone, kOpus, 1), 0);
  const std::size_t offers = call.viewer->offers.size();
  const int asked = call.phone->peer->key_frame_requests();

  call.f.switch_over(*call.laptop, *call.phone);
  ck_assert(call.until([&] {
    return call.laptop->closed && heard(*call.viewer, kVp8, 2) >= 10 &&
           heard(*call.viewer, kOpus, 2) >= 10;
  }));

  ck_assert_uint_eq(call.viewer->offers.size(), offers);
  ck_assert_int_eq(call.phone->peer->key_frame_requests(), asked + 1);
  const auto video = of_type(*call.viewer, kVp8);
  const auto audio = of_type(*call.viewer, kOpus);
  check_continuous(video);
  check_continuous(audio);
  check_pictures(video);
  const auto first = std::ranges::find_if(video, [](const auto& p) { return mark_of(p) == 2; });
  ck_assert(is_key_frame(*first));
  std::printf("gap: video %.0f ms, audio %.0f ms\n", gap_ms(video, 1, 2), gap_ms(audio, 1, 2));
}
END_TEST

START_TEST(a_participant_may_move_there_and_back) {
  Call call({Source::kMic, Source::kCamera});
  call.devices = {Device(*call.laptop, 1), Device(*call.phone, 2)};
  ck_assert(call.until([&] { return heard(*call.viewer, kVp8, 1) > 3; }));
  const std::size_t offers = call.viewer->offers.size();
  Member* from = call.laptop;
  Member* to = call.phone;
  for (std::uint8_t mark = 2; mark < 6; ++mark) {
    call.f.switch_over(*from, *to);
    ck_assert(call.until([&] {
      return from->closed && heard(*call.viewer, kVp8, mark) > 3 &&
             heard(*call.viewer, kOpus, mark) > 3;
    }));
    from = to;
    to = &call.f.open_beside(*from, {}, {Source::kMic, Source::kCamera});
    call.f.show(*to, *call.viewer);
    ck_assert(call.until([&] { return to->connected == 1 && to->peer->dtls_connected(); }));
    call.devices.emplace_back(*to, static_cast<std::uint8_t>(mark + 1));
  }
  ck_assert_uint_eq(call.viewer->offers.size(), offers);
  check_continuous(of_type(*call.viewer, kVp8));
  check_continuous(of_type(*call.viewer, kOpus));
  check_pictures(of_type(*call.viewer, kVp8));
  ck_assert(call.until([&] { return call.f.stats().legs_reaping == 0; }));
  ck_assert_uint_eq(call.f.stats().legs, 3);
  ck_assert_uint_eq(call.f.stats().auth_failures, 0);
}
END_TEST

START_TEST(a_take_over_that_fails_leaves_the_old_device_unharmed) {
  Fixture f;
  const auto [laptop, viewer] = f.open_pair();
  Device device(*laptop, 1);
  const auto until = [&](const std::function<bool()>& done) {
    return f.run_until([&] {
      device.run();
      return done();
    });
  };
  ck_assert(until([&] { return heard(*viewer, kVp8, 1) > 3; }));
  const std::size_t offers = viewer->offers.size();
  Member& phone = f.open_beside(*laptop, {}, {Source::kCamera});
  phone.answers = false;  // it never connects
  f.show(phone, *viewer);
  ck_assert(until([&] { return !phone.offers.empty(); }));
  f.worker().post(media::CloseLeg{phone.leg});
  ck_assert(until([&] { return phone.closed; }));
  viewer->peer->forget_heard();
  ck_assert(until([&] { return heard(*viewer, kVp8, 1) > 10 && heard(*viewer, kOpus, 1) > 10; }));
  check_continuous(of_type(*viewer, kVp8));
  check_continuous(of_type(*viewer, kOpus));
  ck_assert_uint_eq(viewer->offers.size(), offers);
  ck_assert_int_eq(laptop->silent, 0);
  ck_assert_uint_eq(f.stats().legs, 2);
}
END_TEST

// The microphone of the new device opens only when it is the active one.
START_TEST(tracks_stay_while_the_new_device_opens_its_microphone) {
  Call call({Source::kCamera});
  call.devices = {Device(*call.laptop, 1), Device(*call.phone, 2)};
  ck_assert(call.until([&] { return heard(*call.viewer, kOpus, 1) > 3; }));
  const std::size_t offers = call.viewer->offers.size();
  call.f.switch_over(*call.laptop, *call.phone);
  ck_assert(call.until([&] { return heard(*call.viewer, kVp8, 2) > 3; }));
  ck_assert_uint_eq(heard(*call.viewer, kOpus, 2), 0);  // it has not said that it publishes one
  call.f.worker().post(
      media::Publish{call.phone->leg, call.f.next_ticket(), {Source::kMic, Source::kCamera}});
  ck_assert(call.until([&] { return heard(*call.viewer, kOpus, 2) > 3; }));
  ck_assert_uint_eq(call.viewer->offers.size(), offers);
  check_continuous(of_type(*call.viewer, kOpus));
  check_continuous(of_type(*call.viewer, kVp8));
}
END_TEST

START_TEST(a_phone_without_a_camera_ends_the_video_and_nothing_else) {
  Call call({});
  call.devices = {Device(*call.laptop, 1), Device(*call.phone, 2)};
  ck_assert(call.until([&] { return heard(*call.viewer, kVp8, 1) > 3; }));
  call.f.switch_over(*call.laptop, *call.phone);
  call.f.worker().post(media::Publish{call.phone->leg, call.f.next_ticket(), {Source::kMic}});
  ck_assert(call.until([&] { return heard(*call.viewer, kOpus, 2) > 3; }));
  ck_assert(call.until(
      [&] { return shown(*call.viewer, call.phone->owner) == std::set<Source>{Source::kMic}; }));
  check_continuous(of_type(*call.viewer, kOpus));
  ck_assert_uint_eq(heard(*call.viewer, kVp8, 2), 0);
  ck_assert_str_eq(call.viewer->failure.c_str(), "");
}
END_TEST

START_TEST(what_the_new_device_does_not_speak_of_goes_after_a_while) {
  media::WorkerConfig config;
  config.kept_after_switch = std::chrono::milliseconds(200);
  Call call({}, config);
  const std::string owner = call.phone->owner;
  ck_assert(call.until([&] { return shown(*call.viewer, owner).size() == 2; }));
  call.f.switch_over(*call.laptop, *call.phone);
  ck_assert(call.until([&] { return shown(*call.viewer, owner).empty(); }));
}
END_TEST

START_TEST(a_shared_screen_stays_behind_with_its_device) {
  Call call({Source::kMic, Source::kCamera});
  const std::string owner = call.phone->owner;
  call.f.worker().post(media::Publish{
      call.laptop->leg, call.f.next_ticket(), {Source::kMic, Source::kCamera, Source::kScreen}});
  ck_assert(call.until([&] { return shown(*call.viewer, owner).contains(Source::kScreen); }));
  call.f.switch_over(*call.laptop, *call.phone);
  ck_assert(call.until([&] {
    return shown(*call.viewer, owner) == std::set<Source>{Source::kMic, Source::kCamera};
  }));
}
END_TEST

START_TEST(the_new_device_inherits_the_mute) {
  Call call({Source::kMic, Source::kCamera});
  call.devices = {Device(*call.laptop, 1), Device(*call.phone, 2)};
  ck_assert(call.until([&] { return heard(*call.viewer, kOpus, 1) > 3; }));
  call.f.worker().post(media::Mute{call.laptop->stream, true, false});
  call.f.switch_over(*call.laptop, *call.phone);
  ck_assert(call.until([&] { return heard(*call.viewer, kVp8, 2) > 10; }));
  ck_assert_uint_eq(heard(*call.viewer, kOpus, 2), 0);
  call.f.worker().post(media::Mute{call.laptop->stream, false, false});
  ck_assert(call.until([&] { return heard(*call.viewer, kOpus, 2) > 3; }));
  check_continuous(of_type(*call.viewer, kOpus));
}
END_TEST

int main() {
  return parley::test::run(
      "media takeover",
      {others_see_one_track_without_a_seam, a_participant_may_move_there_and_back,
       a_take_over_that_fails_leaves_the_old_device_unharmed,
       tracks_stay_while_the_new_device_opens_its_microphone,
       a_phone_without_a_camera_ends_the_video_and_nothing_else,
       what_the_new_device_does_not_speak_of_goes_after_a_while,
       a_shared_screen_stays_behind_with_its_device, the_new_device_inherits_the_mute});
}
