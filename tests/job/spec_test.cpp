#include "job/spec.h"

#include <string>
#include <vector>

#include "support/check_main.h"

namespace {

using namespace parley;
using namespace parley::job;

Spec spec_of(std::variant<Record, Mix, Out, In> work) {
  Spec spec;
  spec.job = base::JobId("n1-j7");
  spec.call = "c1";
  spec.socket = "/run/parley/media.sock";
  spec.secret = std::string(64, 'a');
  spec.pipelines = {"/etc/parley/pipelines", "/usr/share/parley/pipelines"};
  spec.names = {{"alice", "Alice \"Al\" Æ\n"}, {"bob", ""}};
  spec.hidden = {"carol", "dave"};
  spec.picture = {640, 360, 15, 800, 64};
  spec.limits = {1'000'000'000, 3'600, 128};
  spec.sandbox = {Sandbox::Mode::kRequire, {"/srv/pictures"}, {"/dev/dri"}};
  spec.work = std::move(work);
  return spec;
}

template <class T>
void same(const std::string& line, const base::Result<T>& read) {
  ck_assert_msg(read.has_value(), "%s: %s", line.c_str(), read ? "" : read.error().message.c_str());
  const std::string again = encode(*read);
  ck_assert_str_eq(line.c_str(), again.c_str());
  ck_assert(line.find('\n') == std::string::npos);
}

START_TEST(specs_come_back) {
  const std::vector<std::variant<Record, Mix, Out, In>> works = {
      Record{"/var/lib/parley/r1", Layout::kSpeaker, Container::kMp4, 5'000, 268'435'456},
      Mix{Layout::kSpeaker},
      Out{"rtmp", "rtmp://h/a?key=s", "10.0.0.1", "", Layout::kGrid, "alice"},
      Out{"hls", "", "", "/srv/hls", Layout::kSpeaker, std::nullopt},
      In{"srt", "srt://h:9000", "10.0.0.1", "gate-1"}};
  for (const auto& work : works) {
    const std::string line = encode(spec_of(work));
    same(line, parse_spec(line));
  }
  const auto spec = parse_spec(encode(spec_of(works[0])));
  ck_assert_str_eq(spec->names.at("alice").c_str(), "Alice \"Al\" Æ\n");
  ck_assert(spec->hidden == std::set<std::string>({"carol", "dave"}));
  ck_assert_uint_eq(spec->pipelines.size(), 2);
  ck_assert_uint_eq(spec->picture.height, 360);
  ck_assert_uint_eq(spec->limits.seconds, 3'600);
  const auto& record = std::get<Record>(spec->work);
  ck_assert(record.layout == Layout::kSpeaker && record.container == Container::kMp4);
  ck_assert_int_eq(record.part_ms, 5'000);
  ck_assert(std::get<Out>(parse_spec(encode(spec_of(works[2])))->work).only == "alice");
}
END_TEST

START_TEST(orders_and_reports_come_back) {
  for (const Order& order : {Order(Hide{{"a", "b"}}), Order(Hide{}), Order(Stop{})}) {
    const std::string line = encode(order);
    same(line, parse_order(line));
  }
  Part part{"0001-vp8.mkv", "alice", base::Source::kScreenAudio, "opus", 60'000, 59'980, 1ULL << 40,
            true,           {}};
  part.gaps = {{100, 20, "muted"}, {200, 30, "lost"}};
  Part composed;
  composed.file = "1.mp4";
  composed.codec = "h264+aac";
  for (const Report& report :
       {Report(StateReport{State::kReconnecting, "no answer"}), Report(part), Report(composed),
        Report(Progress{1, 2, 3, -12.5}), Report(Progress{}), Report(Beat{})}) {
    const std::string line = encode(report);
    same(line, parse_report(line));
  }
  const auto read = parse_report(encode(Report(part)));
  ck_assert(std::get<Part>(*read).source == base::Source::kScreenAudio);
  ck_assert_str_eq(std::get<Part>(*read).gaps.at(1).why.c_str(), "lost");
  // What GStreamer says may be no UTF-8; the line is, all the same.
  ck_assert(parse_report(encode(Report(StateReport{State::kFailed, "\xff\xfe"}))).has_value());
}
END_TEST

struct Bad {
  const char* line;
  const char* says;
};

START_TEST(bad_lines_are_told_what_is_wrong) {
  const Bad reports[] = {
      {"", "not a JSON object"},
      {"[]", "not a JSON object"},
      {"{", "no JSON"},
      {"\xff{}", "not UTF-8"},
      {"{}", "'report' is missing"},
      {R"({"report":"song"})", "'report' is none of state, part, progress"},
      {R"({"report":"state","state":"asleep"})", "'state' is none of starting, live"},
      {R"({"report":"state","state":7})", "'state' is a number; it should be a text"},
      {R"({"report":"progress","runningMs":-1,"bytes":0,"dropped":0})",
       "'runningMs' is not a whole"},
      {R"({"report":"progress","runningMs":1.5,"bytes":0,"dropped":0})", "'runningMs' is not a"},
      {R"({"report":"part","file":"a","codec":"x","startMs":0,"durationMs":0,"bytes":0,"closed":true,)"
       R"("gaps":[{"startMs":0,"durationMs":0}]})",
       "'gaps[0].why' is missing"},
      {R"({"report":"part","file":"a","codec":"x","startMs":0,"durationMs":0,"bytes":0,"closed":1})",
       "'closed' is a number; it should be true or false"},
      {R"({"a":[[[[[[[[[[]]]]]]]]]]})", "more than 8 deep"},
      {R"(/*"*/{"a":[[[[[[[[[[]]]]]]]]]]})", "that JSON has not"},
      {R"({"report":"state)", "a text does not end"},
  };
  for (const Bad& bad : reports) {
    const auto read = parse_report(bad.line);
    ck_assert_msg(!read, "%s", bad.line);
    ck_assert(read.error().code == base::Code::kInvalid);
    ck_assert_msg(read.error().message.find(bad.says) != std::string::npos, "%s: %s", bad.line,
                  read.error().message.c_str());
  }
  ck_assert(!parse_order(R"({"order":"hide"})"));
  ck_assert(!parse_order(R"({"order":"hide","profiles":[1]})"));
  ck_assert(!parse_order(R"({"order":"dance"})"));
}
END_TEST

START_TEST(bad_specs_are_told_what_is_wrong) {
  const std::string good = encode(spec_of(Record{"/r", Layout::kTracks, Container::kWebm, 60'000}));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    const std::size_t at = line.find(from);
    ck_assert_msg(at != std::string::npos, "%s", from.c_str());
    line.replace(at, from.size(), to);
    const auto read = parse_spec(line);
    ck_assert_msg(!read, "%s", line.c_str());
    return read.error().message;
  };
  const auto check = [&](const std::string& from, const std::string& to, const char* says) {
    const std::string message = with(from, to);
    ck_assert_str_eq(message.c_str(), says);
  };
  check("\"n1-j7\"", "\"a b\"", "'job' is not 1 to 64 of A-Z a-z 0-9 _ . : @ -");
  check("\"/run/", "\"run/", "'socket' is not an absolute path");
  check("\"/r\"", "\"r\"", "'work.folder' is not an absolute path");
  check("\"record\"", "\"dance\"", "'work.kind' is none of record, mix, out, in");
  check("\"tracks\"", "\"round\"", "'work.layout' is none of tracks, grid, speaker");
  check("\"width\":640", "\"width\":0", "'picture.width' is not a whole number from 16 to 16384");
  check("\"work\":", "\"play\":", "'work' is missing");
  check("[\"carol\"", "[{}", "'hidden' holds an object; it should hold texts");
}
END_TEST

}  // namespace

int main() {
  return parley::test::run(
      "job spec", {specs_come_back, orders_and_reports_come_back, bad_lines_are_told_what_is_wrong,
                   bad_specs_are_told_what_is_wrong});
}
