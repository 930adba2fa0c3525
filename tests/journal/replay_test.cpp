// A journal of a few calls and texts, as a file: replayed, damaged, full.
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "journal/journal.h"
#include "journal/replay.h"
#include "support/check_main.h"

namespace {

using namespace parley;  // NOLINT: every name here is ours
using namespace std::chrono_literals;
using journal::Journal;
using journal::Replayed;
using Verdict = journal::Replayed::Verdict;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/parley-journal-XXXXXX";
    ck_assert(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string file(const char* name = "journal") const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string read(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

Replayed replay(const std::string& text) {
  std::istringstream in(text);
  return journal::replay(in);
}

call::Input asks(const char* connection, const char* id, call::RequestBody body) {
  return call::Received{base::ConnectionId(connection), {base::RequestId(id), std::move(body)}};
}

// A and B connect, A calls B, B accepts on one of two devices, they talk, A texts and hangs up.
std::vector<call::Input> story() {
  const base::CallId call("k1");
  const auto device = [](const char* connection, const char* user) {
    return call::Connected{
        base::ConnectionId(connection), base::UserId(user), {base::ProfileId(user)}};
  };
  call::Init init;
  init.from = base::ProfileId("A");
  init.to = {base::ProfileId("B")};
  return {device("c1", "A"),
          device("c3", "B"),
          device("c4", "B"),
          asks("c1", "k1", init),
          asks("c3", "q2", call::Ringing{call}),
          asks("c3", "q3", call::Accept{call}),
          call::LegOffered{{1}, {1, "v=0 an offer", {{"00", {}, base::Source::kMic}}}},
          asks("c1", "q4", call::Media{call, call::MediaAnswer{1, "v=0 an answer"}}),
          call::LegVerdict{{1}, base::ConnectionId("c1"), base::RequestId("q4"), {}},
          asks("c1", "q5", call::Text{base::ProfileId("A"), base::ChainId("k1"), {}, "hello"}),
          call::TextStored{base::RequestId("q5"), {}},
          call::Disconnected{base::ConnectionId("c4")},
          asks("c1", "q6", call::Hangup{call}),
          call::Tick{}};
}

struct Recording {
  std::string stopped;
  std::string error;
};

// Writes the story, over and over.
Recording record(const std::string& path, std::uint64_t max_bytes = 1 << 20, int times = 1) {
  Recording result;
  call::Limits limits;
  limits.text_bytes = 100;
  auto journal = Journal::open(path, max_bytes, limits, [&](const std::string& why) {
    ck_assert_msg(result.stopped.empty(), "said twice");
    result.stopped = why;
  });
  if (!journal) {
    result.error = journal.error().message;
    return result;
  }
  call::Machine machine(limits);
  base::Instant now{base::TimePoint(1h), base::WallTime(1'700'000'000'000ms)};
  std::size_t effects = 0;
  for (int i = 0; i < times; ++i)
    for (const call::Input& input : story()) {
      now.mono += 50ms;
      now.wall += 50ms;
      effects += (*journal)->handle(machine, input, now).size();
    }
  ck_assert_uint_gt(effects, 20);
  return result;
}

// The journal with `from` replaced by `to` once.
std::string with(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  ck_assert_msg(at != std::string::npos, "%s", from.c_str());
  return text.replace(at, from.size(), to);
}

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

START_TEST(a_journal_is_replayed_with_the_same_effects) {
  const Folder folder;
  const Recording recording = record(folder.file());
  ck_assert_msg(recording.error.empty(), "%s", recording.error.c_str());
  const std::string text = read(folder.file());
  const Replayed done = replay(text);
  ck_assert_msg(done.verdict == Verdict::kSame, "%s", done.message.c_str());
  ck_assert_uint_eq(done.inputs, story().size());
  ck_assert_uint_eq(done.inputs + done.effects + 2, count_lines(text));
  ck_assert(done.ended && !done.cut_line);
  ck_assert_msg(text.find("hello") == std::string::npos, "%s", text.c_str());
  ck_assert_msg(text.find("v=0") == std::string::npos, "%s", text.c_str());
}
END_TEST

START_TEST(the_file_is_the_owners_alone_and_an_older_one_is_kept) {
  const Folder folder;
  umask(0);
  record(folder.file());
  const std::string before = read(folder.file());
  record(folder.file());
  struct stat status {};
  ck_assert_int_eq(stat(folder.file().c_str(), &status), 0);
  ck_assert_uint_eq(status.st_mode & 0777U, 0600);
  ck_assert(read(folder.file("journal.1")) == before);
  ck_assert(record(folder.file("missing/journal")).error.find("missing/journal") !=
            std::string::npos);
  std::filesystem::create_directory(folder.file("folder"));
  ck_assert(record(folder.file("folder")).error.find("no file") != std::string::npos);
}
END_TEST

START_TEST(a_file_that_is_no_journal_is_left_alone) {
  const Folder folder;
  std::ofstream(folder.file()) << "SQLite format 3";
  ck_assert(record(folder.file()).error.find("is no journal") != std::string::npos);
  ck_assert(read(folder.file()) == "SQLite format 3");
  ck_assert(!std::filesystem::exists(folder.file("journal.1")));
}
END_TEST

START_TEST(every_changed_byte_of_an_effect_is_noticed) {
  const Folder folder;
  record(folder.file());
  const std::string text = read(folder.file());
  std::size_t line = 1;
  bool effect = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 0 || text[i - 1] == '\n') effect = text.compare(i, 7, "{\"out\":") == 0;
    if (effect && text[i] != '\n') {
      std::string changed = text;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      const Replayed done = replay(changed);
      ck_assert_msg(done.verdict != Verdict::kSame, "byte %zu of line %zu", i, line);
      ck_assert_uint_eq(done.line, line);
    }
    if (text[i] == '\n') ++line;
  }
}
END_TEST

START_TEST(a_difference_is_shown_with_its_line_and_both_sides) {
  const Folder folder;
  record(folder.file());
  const std::string text = read(folder.file());
  const Replayed other = replay(with(text, "\"role\":\"active_receiver\"", "\"role\":\"none\""));
  ck_assert(other.verdict == Verdict::kDifferent);
  for (const char* part : {"recorded: {\"out\":\"send_reply\"", "now:      {\"out\":\"send_reply\"",
                           "call.accept", "\"role\":\"none\""})
    ck_assert_msg(other.message.find(part) != std::string::npos, "%s", other.message.c_str());
  // A missing effect, and one too many.
  const auto reply = text.find("{\"out\":\"send_reply\"");
  const std::string line = text.substr(reply, text.find('\n', reply) + 1 - reply);
  ck_assert(replay(with(text, line, "")).verdict == Verdict::kDifferent);
  ck_assert(replay(with(text, line, line + line)).verdict == Verdict::kDifferent);
  const auto last = text.rfind("{\"out\":");
  std::string fewer = text;
  fewer.erase(last, text.find('\n', last) + 1 - last);
  const Replayed missing = replay(fewer);
  ck_assert(missing.verdict == Verdict::kDifferent);
  ck_assert(missing.message.find("recorded: nothing more") != std::string::npos);
}
END_TEST

START_TEST(a_journal_that_was_cut_off_anywhere_is_good_as_far_as_it_goes) {
  const Folder folder;
  record(folder.file());
  const std::string text = read(folder.file());
  const auto header = text.find('\n') + 1;
  for (std::size_t length = header; length < text.size(); length += 7) {
    const Replayed done = replay(text.substr(0, length));
    ck_assert_msg(done.verdict == Verdict::kSame, "%zu: %s", length, done.message.c_str());
    ck_assert(!done.ended);
    ck_assert(done.cut_line == (text[length - 1] != '\n'));
  }
}
END_TEST

START_TEST(what_is_no_journal_is_refused_in_clear_words) {
  const Folder folder;
  record(folder.file());
  const std::string text = read(folder.file());
  struct Case {
    std::string text;
    std::size_t line;
    const char* says;
  };
  const Case cases[] = {
      {"", 0, "empty"},
      {"hello\n", 1, "character 1"},
      {"[]\n", 1, "object"},
      {"{}\n", 1, "'journal' is missing"},
      {with(text, "\"journal\":1", "\"journal\":2"), 1, "format 2"},
      {with(text, "\"text_bytes\":100", "\"text_bytes\":-1"), 1, "'text_bytes' is out of range"},
      {with(text, "\"push\":false", "\"push\":0"), 1, "'push' is neither"},
      {with(text, "\"in\":\"connected\"", "\"in\":\"invented\""), 2, "'in' is an unknown word"},
      {with(text, "\"connection\":\"c1\"", "\"connection\":\"\""), 2, "'connection' is no id"},
      {with(text, "\"user\":\"A\",", ""), 2, "'user' is missing"},
      {with(text, "\"profiles\":[\"A\"]", "\"profiles\":\"A\""), 2, "'profiles' is no list"},
      {with(text, "\"mono\":3600100000", "\"mono\":3600000000"), 4, "backwards"},
      {with(text, "\"body\":\"#5:", "\"body\":\"5:"), 0, "'body' is no"},
      {with(text, "\"end\":14", "\"end\":15"), 0, "after 15 inputs, but has 14"},
      {text + "{\"end\":14}\n", 0, "nothing may follow"},
  };
  for (const Case& one : cases) {
    const Replayed done = replay(one.text);
    ck_assert_msg(done.verdict == Verdict::kBroken, "%s: %s", one.says, done.message.c_str());
    ck_assert_msg(done.message.find(one.says) != std::string::npos, "%s", done.message.c_str());
    if (one.line > 0) ck_assert_uint_eq(done.line, one.line);
  }
}
END_TEST

START_TEST(limits_that_were_not_there_yet_are_what_they_are_by_default) {
  const Folder folder;
  record(folder.file());
  const std::string text = read(folder.file());
  ck_assert(replay(with(text, "\"push\":false", "\"later\":5")).verdict == Verdict::kSame);
  ck_assert(replay(with(text, "\"text_bytes\":100,", "")).verdict == Verdict::kSame);
  ck_assert(replay(with(text, "\"text_bytes\":100,", "\"text_bytes\":4,")).verdict ==
            Verdict::kDifferent);
}
END_TEST

START_TEST(a_full_journal_stops_between_two_inputs_and_the_machine_goes_on) {
  const Folder folder;
  const Recording recording = record(folder.file(), 10'000, 5);
  ck_assert_msg(recording.stopped.find("10000 bytes") != std::string::npos, "%s",
                recording.stopped.c_str());
  const std::string text = read(folder.file());
  ck_assert_uint_le(text.size(), 10'000);
  ck_assert_uint_gt(text.size(), 5'000);
  const Replayed done = replay(text);
  ck_assert_msg(done.verdict == Verdict::kSame, "%s", done.message.c_str());
  ck_assert(done.ended);
}
END_TEST

// A limit on the size of files stands for a full disk. Check writes files too: no assertion while
// it holds.
START_TEST(a_disk_that_takes_nothing_stops_the_journal_and_nothing_else) {
  const Folder folder;
  rlimit limit{};
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, limit.rlim_max};
  const bool limited = setrlimit(RLIMIT_FSIZE, &small) == 0;
  std::string stopped;
  std::size_t effects = 0;
  std::size_t inputs = 0;
  {
    auto journal =
        Journal::open(folder.file(), 1 << 20, {}, [&](const std::string& why) { stopped = why; });
    call::Machine machine({});
    // The writer fails on its own thread; the next input after that learns of it.
    for (; limited && journal && inputs < 1'000'000 && stopped.empty(); ++inputs) {
      const base::ConnectionId connection("c" + std::to_string(inputs));
      const call::Connected device{connection, base::UserId("A"), {base::ProfileId("A")}};
      effects += (*journal)->handle(machine, device, {}).size();
    }
  }
  const bool restored = setrlimit(RLIMIT_FSIZE, &limit) == 0;
  ck_assert(limited && restored);
  ck_assert_msg(stopped.find("File too large") != std::string::npos, "%s", stopped.c_str());
  ck_assert_uint_eq(effects, inputs);
  const Replayed done = replay(read(folder.file()));
  ck_assert_msg(done.verdict == Verdict::kSame, "%s", done.message.c_str());
  ck_assert(done.inputs > 5 && !done.ended);
}
END_TEST

int main() {
  return parley::test::run(
      "replay",
      {a_journal_is_replayed_with_the_same_effects,
       the_file_is_the_owners_alone_and_an_older_one_is_kept,
       a_file_that_is_no_journal_is_left_alone, every_changed_byte_of_an_effect_is_noticed,
       a_difference_is_shown_with_its_line_and_both_sides,
       a_journal_that_was_cut_off_anywhere_is_good_as_far_as_it_goes,
       what_is_no_journal_is_refused_in_clear_words,
       limits_that_were_not_there_yet_are_what_they_are_by_default,
       a_full_journal_stops_between_two_inputs_and_the_machine_goes_on,
       a_disk_that_takes_nothing_stops_the_journal_and_nothing_else});
}
