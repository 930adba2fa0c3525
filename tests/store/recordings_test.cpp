// Recordings: what is stored of them and their parts, who sees them, and what is found at start.
#include <string>
#include <vector>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

namespace {

using base::JobId;

RecordingBegan began(const std::string& id, const std::string& call = "k", std::int64_t ms = 500) {
  return {JobId(id), base::CallId(call), "tracks", "webm", "notify", "a", at(ms)};
}
RecordingPart part(const std::string& id, const std::string& file, bool closed = false,
                   std::int64_t duration_ms = 2000) {
  return {.recording = JobId(id),
          .file = file,
          .owner = "a",
          .source = "mic",
          .codec = "opus",
          .start_ms = 40,
          .duration_ms = duration_ms,
          .bytes = 8000,
          .closed = closed,
          .gaps = "[]"};
}
RecordingOver over(const std::string& id, std::int64_t ms = 900) {
  return {JobId(id), "ended", "", at(ms)};
}

StoredRecording recording(Store& store, const std::string& id, RecordingFilter filter = {}) {
  return sound(await<StoredRecording>(
      [&](auto done) { store.find_recording(JobId(id), std::move(filter), done); }));
}

std::string names(const std::vector<StoredRecording>& all) {
  std::string text;
  for (const StoredRecording& one : all)
    text += (text.empty() ? "" : " ") + one.began.recording.str();
  return text;
}

std::string listed(Store& store, RecordingFilter filter, std::optional<JobId> before = {},
                   std::size_t limit = 10) {
  const auto page = sound(await<Page<StoredRecording>>(
      [&](auto done) { store.list_recordings(std::move(filter), before, limit, done); }));
  return names(page.items) + (page.more ? " …" : "");
}

std::string stale(Store& store) {
  return names(
      sound(await<std::vector<StoredRecording>>([&](auto done) { store.stale_recordings(done); })));
}

std::string expired(Store& store, std::int64_t ms, std::size_t skip = 0) {
  return names(sound(await<std::vector<StoredRecording>>(
      [&](auto done) { store.expired_recordings(at(ms), skip, 10, done); })));
}

}  // namespace

START_TEST(a_recording_is_kept_with_its_parts_and_its_end) {
  const Folder folder;
  {
    const auto store = open_store(folder.file());
    stored(*store, {began("r"), part("r", "2.mka"), part("r", "1.mka")});
    stored(*store, {part("r", "1.mka", true, 4000)});
    stored(*store, {part("r", "1.mka", false, 1)});  // late: what is closed stays
    ck_assert(recording(*store, "r").state == "running");
    stored(*store, {RecordingMeasured{JobId("r"), 12.25}, over("r")});
    RecordingOver second = over("r");
    second.state = "failed";
    stored(*store, {second});  // no second end
    assert_code(submit(*store, {began("r")}), base::Code::kConflict);
    assert_code(submit(*store, {part("unknown", "1.mka")}), base::Code::kNotFound);
  }
  const auto store = open_store(folder.file());
  const StoredRecording r = recording(*store, "r");
  same(r.began.call.str() + r.began.layout + r.began.format + r.began.policy + r.began.by,
       "ktrackswebmnotifya");
  same(r.state, "ended");
  ck_assert(r.began.at == at(500) && r.over == at(900) && r.offset_ms == 12.25);
  ck_assert_uint_eq(r.parts.size(), 2);
  same(r.parts[0].file, "1.mka");
  ck_assert(r.parts[0].closed && r.parts[0].duration_ms == 4000 && r.parts[0].bytes == 8000);
  ck_assert(!r.parts[1].closed && r.parts[1].source == "mic" && r.parts[1].gaps == "[]");
}
END_TEST

START_TEST(only_who_was_in_the_call_sees_its_recording) {
  const Folder folder;
  const auto store = open_store(folder.file());
  // a calls b and c; only c accepts.
  stored(*store, {started("k"),
                  CallAccepted{base::CallId("k"), profile("c"), base::ConnectionId("1"), at(110)}});
  stored(*store, {began("r"), began("s", "other"), began("t")});
  same(listed(*store, {}), "t s r");
  same(listed(*store, {base::CallId("k"), {}}), "t r");
  same(listed(*store, {{}, profiles({"x", "a"})}), "t r");
  same(listed(*store, {{}, profiles({"c"})}), "t r");
  same(listed(*store, {{}, profiles({"b"})}), "");
  same(listed(*store, {base::CallId("other"), profiles({"a"})}), "");
  same(listed(*store, {}, JobId("t")), "s r");
  same(listed(*store, {}, {}, 2), "t s …");
  recording(*store, "r", {{}, profiles({"a"})});
  assert_code(await<StoredRecording>([&](auto done) {
                store->find_recording(JobId("r"), {{}, profiles({"b"})}, done);
              }),
              base::Code::kNotFound);
}
END_TEST

START_TEST(what_a_dead_server_left_open_is_found_and_what_is_over_can_be_deleted) {
  const Folder folder;
  in_process_that_dies([&] {
    const auto store = open_store(folder.file());
    stored(*store, {began("whole"), part("whole", "1", true), over("whole", 800)});
    stored(*store, {began("open part"), part("open part", "1"), over("open part", 900)});
    stored(*store, {began("running"), part("running", "1", true)});
  });
  const auto store = open_store(folder.file());
  same(stale(*store), "open part running");
  RecordingPart measured = part("open part", "1", true);
  measured.recovered = true;
  stored(*store, {measured, over("running", 950)});
  same(stale(*store), "");
  ck_assert(recording(*store, "open part").parts[0].recovered);

  same(expired(*store, 800), "");
  same(expired(*store, 901), "whole open part");
  stored(*store, {RecordingDeleted{JobId("whole")}, began("new")});
  assert_code(submit(*store, {RecordingDeleted{JobId("new")}}), base::Code::kConflict);
  assert_code(submit(*store, {RecordingDeleted{JobId("whole")}}), base::Code::kNotFound);
  same(listed(*store, {}), "new running open part");
  same(Outsider(folder.file()).rows("SELECT count(*) FROM recording_parts"), "2\n");
}
END_TEST

int main() {
  return parley::test::run(
      "store recordings",
      {a_recording_is_kept_with_its_parts_and_its_end, only_who_was_in_the_call_sees_its_recording,
       what_a_dead_server_left_open_is_found_and_what_is_over_can_be_deleted});
}
