// What is submitted, what is answered, and what is there after a restart.
#include <glib.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "store_world.h"
#include "support/check_main.h"

using namespace parley;
using namespace parley::store;
using namespace parley::test;

START_TEST(keeps_a_call_from_start_to_end) {
  const Folder folder;
  const auto store = open_store(folder.file());
  ck_assert(submit(*store, {started("k")}).has_value());
  StoredCall call = found(*store, "k");
  ck_assert_str_eq(call.chain.str().c_str(), "k");
  ck_assert(call.started == at(100) && !call.ended && !call.reason);
  ck_assert_uint_eq(call.participants.size(), 3);
  ck_assert_str_eq(call.participants[0].profile.str().c_str(), "a");
  ck_assert(call.participants[0].initiator && !call.participants[1].initiator);
  ck_assert_str_eq(call.participants[1].profile.str().c_str(), "c");
  ck_assert_str_eq(call.participants[2].profile.str().c_str(), "b");

  ck_assert(submit(*store,
                   {ParticipantLeft{base::CallId("k"), base::ProfileId("c"), "rejected", at(200)}})
                .has_value());
  call = found(*store, "k");
  assert_outcome(call, 1, "rejected");

  ck_assert(submit(*store, {CallAccepted{base::CallId("k"), base::ProfileId("c"),
                                         base::ConnectionId("c3"), at(500)}})
                .has_value());
  call = found(*store, "k");
  assert_outcome(call, 1, "-");  // withdrawn by the accept

  ck_assert(submit(*store, {ended("k")}).has_value());
  call = found(*store, "k");
  ck_assert(call.ended == at(3000) && call.reason == "completed");
  ck_assert_int_eq(call.duration_ms, 2500);
  assert_outcome(call, 0, "completed");
  assert_outcome(call, 1, "completed");
  assert_outcome(call, 2, "missed");
}
END_TEST

START_TEST(survives_a_clean_close_and_keeps_what_was_only_submitted) {
  const Folder folder;
  {
    const auto store = open_store(folder.file());
    store->submit({started("k"), ended("k")}, [](const base::Result<void>&) {
      ck_abort_msg("an answer after the store has gone");
    });
  }
  const auto store = open_store(folder.file());
  ck_assert(found(*store, "k").reason == "completed");
}
END_TEST

START_TEST(unknown_calls_are_not_found) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const auto call = find(*store, "k");
  ck_assert(!call && call.error().code == base::Code::kNotFound);
}
END_TEST

START_TEST(answers_in_order_of_submission_on_the_openers_context) {
  const Folder folder;
  GMainContext* context = g_main_context_new();
  g_main_context_push_thread_default(context);
  auto store = open_store(folder.file());
  g_main_context_pop_thread_default(context);
  const GThread* const opener = g_thread_self();
  std::vector<int> submissions;
  std::vector<int> lookups;
  for (int i = 0; i < 200; ++i) {
    auto& order = i % 3 == 2 ? lookups : submissions;
    const auto note = [&order, i, opener](const auto& result) {
      ck_assert(result.has_value());
      ck_assert(g_thread_self() == opener);
      order.push_back(i);
    };
    if (i % 3 == 2)  // what was submitted just before
      store->find_call(base::CallId("k" + std::to_string(i - 1)), note);
    else
      store->submit({started("k" + std::to_string(i))}, note);
  }
  while (submissions.size() + lookups.size() < 200) g_main_context_iteration(context, TRUE);
  ck_assert(std::is_sorted(submissions.begin(), submissions.end()));
  ck_assert(std::is_sorted(lookups.begin(), lookups.end()));
  store.reset();
  g_main_context_unref(context);
}
END_TEST

// An outsider's write lock holds the first group up, so that the rest is queued behind it.
START_TEST(commits_what_is_queued_in_one_transaction) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const std::uint64_t before = store->stats().commits;
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  int answered = 0;
  for (int i = 0; i < 500; ++i)
    store->submit({started("k" + std::to_string(i)), ended("k" + std::to_string(i))},
                  [&answered](const base::Result<void>& result) {
                    ck_assert(result.has_value());
                    ++answered;
                  });
  outsider.run("COMMIT");
  iterate_until([&answered] { return answered == 500; });
  const StoreStats stats = store->stats();
  ck_assert_uint_ge(stats.commits - before, 1);
  ck_assert_uint_le(stats.commits - before, 2);
  ck_assert_uint_eq(stats.records, 1000);
  ck_assert_uint_eq(stats.failures, 0);
  ck_assert_uint_eq(stats.waiting, 0);
}
END_TEST

// So that answers keep coming.
START_TEST(a_transaction_has_an_upper_size) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const std::uint64_t before = store->stats().commits;
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  int answered = 0;
  for (int i = 0; i < 2000; ++i)
    store->submit({started("k" + std::to_string(i))},
                  [&answered](const base::Result<void>&) { ++answered; });
  outsider.run("COMMIT");
  iterate_until([&answered] { return answered == 2000; });
  ck_assert_uint_ge(store->stats().commits - before, 4);
  ck_assert_uint_le(store->stats().commits - before, 5);
}
END_TEST

START_TEST(one_bad_submission_refuses_only_itself_and_all_of_itself) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const Outsider outsider(folder.file());
  outsider.run("BEGIN IMMEDIATE");
  std::vector<std::string> results;
  const auto note = [&results](const base::Result<void>& result) {
    results.push_back(result ? "stored" : result.error().message);
  };
  store->submit({started("good1")}, note);
  store->submit({started("bad"), started("good1")}, note);  // the second of them is taken
  store->submit({started("good2")}, note);
  store->submit(
      {CallAccepted{base::CallId("good2"), base::ProfileId("zoe"), base::ConnectionId("c"), at(1)}},
      note);
  store->submit({ended("never")}, note);
  store->submit({ended("good2")}, note);
  outsider.run("COMMIT");
  iterate_until([&results] { return results.size() == 6; });
  ck_assert_str_eq(results[0].c_str(), "stored");
  assert_contains(results[1], "Id good1 is taken");
  ck_assert_str_eq(results[2].c_str(), "stored");
  assert_contains(results[3], "no participant zoe");
  assert_contains(results[4], "never is not stored as live");
  ck_assert_str_eq(results[5].c_str(), "stored");
  ck_assert(found(*store, "good2").ended.has_value());
  ck_assert(!find(*store, "bad").has_value());
  ck_assert_uint_eq(store->stats().failures, 3);
}
END_TEST

START_TEST(a_call_ends_once) {
  const Folder folder;
  const auto store = open_store(folder.file());
  ck_assert(submit(*store, {started("k"), ended("k")}).has_value());
  CallEnded again = ended("k");
  again.reason = "failed";
  const auto second = submit(*store, {again});
  assert_code(second, base::Code::kNotFound);
  ck_assert(found(*store, "k").reason == "completed");
}
END_TEST

// The id may be used again by a client that does not know of the call: after a restart, say.
START_TEST(an_ended_call_keeps_its_outcomes) {
  const Folder folder;
  const auto store = open_store(folder.file());
  const base::CallId call("k");
  const base::ProfileId b("b");
  ck_assert(submit(*store, {started("k"), ended("k")}).has_value());
  ck_assert(!submit(*store, {started("k")}).has_value());
  ck_assert(
      !submit(*store, {CallAccepted{call, b, base::ConnectionId("c"), at(4000)}}).has_value());
  ck_assert(!submit(*store, {ParticipantLeft{call, b, "rejected", at(5000)}}).has_value());
  assert_outcome(found(*store, "k"), 2, "missed");
}
END_TEST

START_TEST(what_was_answered_survives_sudden_death_and_live_calls_end_as_failed) {
  const Folder folder;
  in_process_that_dies([&folder] {
    const auto store = open_store(folder.file());
    ck_assert(submit(*store, {started("over"), ended("over")}).has_value());
    ck_assert(
        submit(*store,
               {started("live"), ParticipantAdded{base::CallId("live"), profile("d"), at(300)},
                CallAccepted{base::CallId("live"), base::ProfileId("b"), base::ConnectionId("c4"),
                             at(400)},
                ParticipantLeft{base::CallId("live"), base::ProfileId("c"), "rejected", at(500)}})
            .has_value());
    _exit(7);  // before the store's destructor can tidy up
  });
  ck_assert(fs::file_size(folder.file("parley.db-wal")) > 0);
  const auto store = open_store(folder.file(), 9000);
  ck_assert(found(*store, "over").reason == "completed");
  const StoredCall call = found(*store, "live");
  ck_assert(call.ended == at(9000) && call.reason == "failed");
  ck_assert_int_eq(call.duration_ms, 0);
  assert_outcome(call, 0, "failed");
  assert_outcome(call, 1, "rejected");  // was over for this one before
  assert_outcome(call, 2, "failed");
  assert_outcome(call, 3, "failed");  // added later
  ck_assert(store->opening().unclean);
  ck_assert_int_eq(store->opening().failed_calls, 1);
}
END_TEST

// What lies on the disk at the very moment of the answer, as after a power cut.
START_TEST(a_copy_taken_at_the_answer_holds_the_call) {
  const Folder folder;
  const Folder copy;
  const auto store = open_store(folder.file());
  ck_assert(submit(*store, {started("k"), ended("k")}).has_value());
  fs::copy_file(folder.file(), copy.file());
  fs::copy_file(folder.file("parley.db-wal"), copy.file("parley.db-wal"));
  const auto second = open_store(copy.file());
  ck_assert(found(*second, "k").reason == "completed");
}
END_TEST

int main() {
  return parley::test::run(
      "store",
      {keeps_a_call_from_start_to_end, survives_a_clean_close_and_keeps_what_was_only_submitted,
       unknown_calls_are_not_found, answers_in_order_of_submission_on_the_openers_context,
       commits_what_is_queued_in_one_transaction, a_transaction_has_an_upper_size,
       one_bad_submission_refuses_only_itself_and_all_of_itself, a_call_ends_once,
       an_ended_call_keeps_its_outcomes,
       what_was_answered_survives_sudden_death_and_live_calls_end_as_failed,
       a_copy_taken_at_the_answer_holds_the_call});
}
