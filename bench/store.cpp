// What the store costs: commits, pages of history, lists of chains, opening a large file, bytes.
//
//   store_bench [FOLDER [ITEMS]]      a folder on the disk to be measured (a new one in /tmp);
//                                     items of the large file (1000000)
#include <glib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace {

using namespace parley;
using store::Record;
using store::Store;
namespace fs = std::filesystem;

constexpr double kSeconds = 5;  // of each measurement of commits

std::mt19937_64 random_numbers(7);  // NOLINT: the same file every time

double now() { return static_cast<double>(g_get_monotonic_time()) / 1e6; }
base::WallTime wall() {
  return base::WallTime(std::chrono::milliseconds(g_get_real_time() / 1000));
}

[[noreturn]] void give_up(const base::Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  std::exit(1);
}

// As clients make them.
std::string uuid() {
  char* text = g_uuid_string_random();
  const std::string id = text;
  g_free(text);
  return id;
}

std::vector<Record> call(const std::string& id, const std::string& chain) {
  const base::ProfileId a("alice@example.org");
  const base::ProfileId b("bob@example.org");
  return {store::CallStarted{base::CallId(id), base::ChainId(chain), a, {b}, true, true, wall()},
          store::CallAccepted{base::CallId(id), b, base::ConnectionId("node1-123456"), wall()},
          store::CallEnded{
              base::CallId(id), "completed", 61200, {{a, "completed"}, {b, "completed"}}, wall()}};
}

store::TextSent text(const std::string& id, const std::string& chain,
                     std::vector<base::ProfileId> founders = {}) {
  return {base::RequestId(id),  base::ChainId(chain),
          std::move(founders),  base::ProfileId("alice@example.org"),
          std::string(80, 'x'), wall()};
}

std::unique_ptr<Store> open(const std::string& path) {
  auto opened = Store::open(path, wall());
  if (!opened) give_up(opened.error());
  return std::move(*opened);
}

// Submits what `next` makes, so many at a time, for a while or until it makes nothing more.
struct Flow {
  Store& store;
  std::function<std::vector<Record>()> next;
  double end = 0;
  std::size_t waiting = 0;
  std::size_t done = 0;

  void submit() {
    auto records = now() < end ? next() : std::vector<Record>();
    if (records.empty()) return;
    ++waiting;
    store.submit(std::move(records), [this](const base::Result<void>& result) {
      if (!result) give_up(result.error());
      --waiting;
      ++done;
      submit();
    });
  }
  void run(std::size_t at_a_time, double seconds) {
    end = now() + seconds;
    for (std::size_t i = 0; i < at_a_time; ++i) submit();
    while (waiting > 0) g_main_context_iteration(nullptr, TRUE);
  }
};

void measure_commits(const std::string& path) {
  for (const std::size_t at_a_time : {std::size_t{1}, std::size_t{16}, std::size_t{256}}) {
    // Start and end are two submissions, as a call makes them.
    const auto store = open(path);
    std::vector<Record> rest;
    Flow calls{*store, [&rest]() -> std::vector<Record> {
                 if (!rest.empty()) return {std::exchange(rest, {})};
                 const std::string id = uuid();
                 auto records = call(id, id);
                 rest = {records[1], records[2]};
                 return {records[0]};
               }};
    auto before = store->stats();
    calls.run(at_a_time, kSeconds);
    auto after = store->stats();
    std::printf("%4zu at a time: %7.0f calls/s, %6.0f commits/s", at_a_time,
                static_cast<double>(calls.done) / 2 / kSeconds,
                static_cast<double>(after.commits - before.commits) / kSeconds);
    const std::string chain = uuid();
    bool founded = false;
    Flow texts{*store, [&]() -> std::vector<Record> {
                 if (std::exchange(founded, true)) return {text(uuid(), chain)};
                 return {text(chain, chain, {base::ProfileId("alice@example.org")})};
               }};
    texts.run(at_a_time, kSeconds);
    std::printf("; %7.0f texts/s\n", static_cast<double>(texts.done) / kSeconds);
  }
}

// One chain of 100,000 items, 1,000 chains of alice, and the rest in chains of others.
std::string fill(const std::string& path, std::size_t items) {
  const auto store = open(path);
  const std::string long_chain = uuid();
  std::string other;
  std::size_t made = 0;
  const double begin = now();
  Flow flow{*store, [&]() -> std::vector<Record> {
              if (made >= items) return {};
              std::vector<Record> records;
              for (int i = 0; i < 100; ++i, ++made) {
                const std::string id = uuid();
                if (made == 0) {
                  records.emplace_back(text(
                      long_chain, long_chain,
                      {base::ProfileId("alice@example.org"), base::ProfileId("bob@example.org")}));
                } else if (made < 100'000) {
                  if (made % 10 == 0)
                    for (Record& record : call(id, long_chain)) records.push_back(record);
                  else
                    records.emplace_back(text(id, long_chain));
                } else if (made < 101'000) {
                  for (Record& record : call(id, id)) records.push_back(record);
                } else if (made % 500 == 0 || other.empty()) {
                  other = id;
                  records.emplace_back(text(id, id, {base::ProfileId(uuid())}));
                } else {
                  records.emplace_back(text(id, other));
                }
              }
              return records;
            }};
  flow.run(8, 1e9);
  std::printf("a file of %zu items: made in %.1f s\n", made, now() - begin);
  return long_chain;
}

void print_times(const char* what, std::vector<double>& ms) {
  std::sort(ms.begin(), ms.end());
  std::printf("%s: p50 %.2f ms, p99 %.2f ms\n", what, ms[ms.size() / 2], ms[ms.size() * 99 / 100]);
}

template <class Ask>
double timed(Ask ask) {
  const double begin = now();
  bool done = false;
  ask([&done](const auto& result) {
    if (!result) give_up(result.error());
    done = true;
  });
  while (!done) g_main_context_iteration(nullptr, TRUE);
  return (now() - begin) * 1000;
}

void measure_pages(const std::string& path, const std::string& long_chain) {
  const auto store = open(path);
  const std::vector<base::ProfileId> alice = {base::ProfileId("alice@example.org")};
  std::vector<double> newest;
  std::vector<double> back;
  std::optional<std::string> before;
  for (int i = 0; i < 400; ++i) {
    newest.push_back(timed(
        [&](auto done) { store->read_history(alice, base::ChainId(long_chain), {}, 200, done); }));
    // From page to page towards the beginning.
    std::optional<std::string> oldest;
    back.push_back(timed([&](auto done) {
      store->read_history(
          alice, base::ChainId(long_chain), before, 200,
          [&oldest, done](const base::Result<store::Page<store::StoredItem>>& page) {
            if (page && !page->items.empty()) {
              const auto& first = page->items.front();
              if (const auto* t = std::get_if<store::StoredText>(&first))
                oldest = t->id.str();
              else
                oldest = std::get<store::StoredCall>(first).call.str();
            }
            done(page);
          });
    }));
    before = oldest;
  }
  print_times("history, the newest 200 of 100,000", newest);
  print_times("history, page by page of 200 back", back);
  std::vector<double> lists;
  for (int i = 0; i < 200; ++i)
    lists.push_back(timed([&](auto done) { store->list_chains(alice, {}, 1000, done); }));
  print_times("list of 1,000 chains", lists);
  lists.clear();
  for (int i = 0; i < 400; ++i)
    lists.push_back(timed([&](auto done) { store->list_chains(alice, {}, 50, done); }));
  print_times("list, the first 50 of them", lists);
}

// Leaves the file as a killed server does.
void die_with_open(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    const auto store = open(path);
    const std::string id = uuid();
    bool done = false;
    store->submit({call(id, id)[0]}, [&done](const base::Result<void>&) { done = true; });
    while (!done) g_main_context_iteration(nullptr, TRUE);
    kill(getpid(), SIGKILL);
  }
  waitpid(child, nullptr, 0);
}

void measure_opening(const std::string& path) {
  double begin = now();
  open(path);
  std::printf("opening after a clean end: %.1f ms\n", (now() - begin) * 1000);
  die_with_open(path);
  begin = now();
  const auto store = open(path);
  std::printf("opening after SIGKILL, with the check of the file: %.0f ms (%d call failed)\n",
              (now() - begin) * 1000, store->opening().failed_calls);
}

double bytes_each(const std::string& path, const std::function<std::vector<Record>()>& make) {
  constexpr std::size_t kItems = 20'000;
  {
    const auto store = open(path);
    std::size_t made = 0;
    Flow flow{*store, [&]() -> std::vector<Record> {
                return made++ < kItems ? make() : std::vector<Record>();
              }};
    flow.run(512, 1e9);
  }
  const auto size = static_cast<double>(fs::file_size(path));
  fs::remove(path);
  return size / kItems;
}

void measure_sizes(const std::string& folder) {
  const double calls = bytes_each(folder + "/calls.db", [] {
    const std::string id = uuid();
    return call(id, id);
  });
  const std::string chain = uuid();
  bool founded = false;
  const double texts = bytes_each(folder + "/texts.db", [&]() -> std::vector<Record> {
    if (std::exchange(founded, true)) return {text(uuid(), chain)};
    return {text(chain, chain, {base::ProfileId("alice@example.org")})};
  });
  std::printf("on disk: %.0f bytes a call of two in a chain of its own, %.0f bytes a text of 80\n",
              calls, texts);
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder = argc > 1 ? argv[1] : "/tmp/parley-store-bench-XXXXXX";
  if (argc <= 1 && mkdtemp(folder.data()) == nullptr) return 1;
  const std::size_t items = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  measure_commits(folder + "/commits.db");
  fs::remove(folder + "/commits.db");
  const std::string large = folder + "/large.db";
  fs::remove(large);
  const std::string long_chain = fill(large, items);
  measure_opening(large);
  measure_pages(large, long_chain);
  std::printf("it takes %.0f MiB\n", static_cast<double>(fs::file_size(large)) / 1048576);
  fs::remove(large);
  measure_sizes(folder);
  if (argc <= 1) fs::remove_all(folder);
  return 0;
}
