#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "sdp/leg_session.h"
#include "sdp/scenarios.h"
#include "support/check_main.h"

using parley::sdp::Answer;
using parley::sdp::AnsweredMedia;
using parley::sdp::kMaxBytes;
using parley::sdp::LegSession;
using parley::sdp::Setup;
using parley::test::scenarios;
using parley::test::transport;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::string read(const std::string& name) {
  std::ifstream file(std::string(PARLEY_SDP_DATA) + "/" + name, std::ios::binary);
  ck_assert_msg(file.good(), "cannot read %s", name.c_str());
  return {std::istreambuf_iterator<char>(file), {}};
}

// What `browser` answered to each offer of `scenario`, checked.
std::vector<Answer> answers(const std::string& browser, const std::string& scenario) {
  std::vector<Answer> out;
  for (const auto& s : scenarios()) {
    if (s.name != scenario) continue;
    LegSession session(1, transport());
    for (const auto& step : s.steps) {
      step(session);
      const auto offer = session.make_offer();
      const std::string name =
          browser + "-" + scenario + "-" + std::to_string(out.size() + 1) + ".sdp";
      const std::string text = read(name);
      ck_assert_uint_le(text.size(), kMaxBytes);
      auto answer = session.accept_answer(offer.rev, text);
      ck_assert_msg(answer.has_value(), "%s: %s", name.c_str(),
                    answer ? "" : answer.error().message.c_str());
      out.push_back(*answer);
    }
  }
  ck_assert_msg(!out.empty(), "no scenario %s", scenario.c_str());
  return out;
}

std::size_t senders(const Answer& answer) {
  return static_cast<std::size_t>(
      std::count_if(answer.media.begin(), answer.media.end(),
                    [](const AnsweredMedia& m) { return m.peer_sends; }));
}

std::size_t receivers(const Answer& answer) {
  return static_cast<std::size_t>(
      std::count_if(answer.media.begin(), answer.media.end(),
                    [](const AnsweredMedia& m) { return m.peer_receives; }));
}

// Debian's Firefox has no H264.
const std::map<std::string, Bytes> kVideoTypes = {{"chromium", {96, 98, 102, 45}},
                                                  {"firefox", {96, 98, 45}}};

}  // namespace

START_TEST(browsers_send_mic_and_camera_on_the_base_lines) {
  for (const auto& [browser, video_types] : kVideoTypes) {
    const auto answer = answers(browser, "publish").at(0);
    ck_assert(answer.setup == Setup::kActive);
    ck_assert_uint_eq(answer.fingerprints.at(0).digest.size(), 32);
    ck_assert_uint_eq(senders(answer), 2);
    for (const auto& media : answer.media) ck_assert_uint_eq(media.ssrcs.size(), 1);
    ck_assert(answer.media[0].payload_types == Bytes{111});
    ck_assert(answer.media[1].payload_types == video_types);
    ck_assert(answer.media[1].extensions.contains(parley::sdp::Extension::kMid));
  }
}
END_TEST

START_TEST(browsers_follow_joins_leaves_reused_lines_and_screens) {
  for (const auto& [browser, video_types] : kVideoTypes) {
    const auto group = answers(browser, "group");
    ck_assert_uint_eq(receivers(group.at(1)), 6);
    ck_assert_uint_eq(receivers(group.at(2)), 4);
    ck_assert(!group.at(2).media[4].peer_receives && group.at(2).media[4].accepted);
    ck_assert_uint_eq(group.at(3).media.size(), 10);
    ck_assert_uint_eq(receivers(group.at(3)), 6);
    ck_assert_uint_eq(senders(group.at(3)), 4);
    ck_assert(group.at(3).media[8].payload_types == video_types);
  }
}
END_TEST

START_TEST(browsers_may_stop_video) {
  for (const auto& [browser, video_types] : kVideoTypes) {
    for (const auto& answer : answers(browser, "novideo")) {
      ck_assert(answer.media[0].peer_sends);
      for (const auto& media : answer.media) {
        const bool video = media.mid == "01" || media.mid == "03";
        ck_assert(!video || (!media.peer_sends && !media.peer_receives));
      }
    }
  }
}
END_TEST

START_TEST(browsers_may_only_listen) {
  for (const auto& [browser, video_types] : kVideoTypes) {
    const auto answer = answers(browser, "listen").at(0);
    ck_assert_uint_eq(senders(answer), 0);
    ck_assert_uint_eq(receivers(answer), 2);
  }
}
END_TEST

// The largest call there may be, everybody with microphone and camera.
START_TEST(an_answer_in_a_call_of_fifty_fits_into_a_message) {
  constexpr std::size_t kMessageBytes = 64 * 1024;
  constexpr std::size_t kEnvelopeBytes = 256;  // media.answer around it
  for (const auto& [browser, video_types] : kVideoTypes) {
    ck_assert_uint_eq(receivers(answers(browser, "large").at(0)), 98);
    const std::string sdp = read(std::string(browser) + "-large-1.sdp");
    // As JSON, where the end of a line takes twice as much.
    const auto breaks = static_cast<std::size_t>(
        std::count_if(sdp.begin(), sdp.end(), [](char c) { return c == '\r' || c == '\n'; }));
    ck_assert_uint_le(sdp.size() + breaks + kEnvelopeBytes, kMessageBytes);
  }
}
END_TEST

int main() {
  return parley::test::run(
      "browsers", {browsers_send_mic_and_camera_on_the_base_lines,
                   browsers_follow_joins_leaves_reused_lines_and_screens, browsers_may_stop_video,
                   browsers_may_only_listen, an_answer_in_a_call_of_fifty_fits_into_a_message});
}
