#include "truth.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace parley::test {
namespace {

std::string id_of(const Message& item) { return item.text("id"); }

// The rows of a query, a line each.
std::string rows(const std::string& file, const char* sql) {
  sqlite3* db = nullptr;
  std::string text;
  const auto add = [](void* into, int columns, char** values, char**) noexcept {
    auto& out = *static_cast<std::string*>(into);
    for (int i = 0; i < columns; ++i)
      out.append(values[i] == nullptr ? "-" : values[i]).append(" ");
    out.append("\n");
    return 0;
  };
  if (sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr) != SQLITE_OK ||
      sqlite3_exec(db, sql, add, &text, nullptr) != SQLITE_OK)
    text = sqlite3_errmsg(db);
  sqlite3_close(db);
  return text;
}

}  // namespace

Truth::Truth(Parleyd& server, Ledger& ledger, std::string file)
    : server_(server), ledger_(ledger), file_(std::move(file)) {}

void Truth::compare(const std::array<std::string, Load::kUsers>& tokens) {
  read_.clear();
  check_file();
  for (std::size_t u = 0; u < tokens.size(); ++u) read_as("u" + std::to_string(u), tokens[u]);
  check_told();
  check_order();
}

std::size_t Truth::failed_calls() const {
  return static_cast<std::size_t>(std::count_if(items_.begin(), items_.end(), [](const auto& item) {
    return item.second.words.starts_with("failed ");
  }));
}

void Truth::check_file() {
  const std::string integrity = rows(file_, "PRAGMA integrity_check");
  if (integrity != "ok \n") complain("integrity_check: " + integrity);
  const std::string open = rows(file_,
                                "SELECT id FROM calls JOIN items ON seq = item WHERE ended_ms IS "
                                "NULL OR reason IS NULL");
  if (!open.empty()) complain("calls without an end: " + open);
  const std::string without = rows(
      file_, "SELECT id, profile FROM participants JOIN items ON seq = call WHERE outcome IS NULL");
  if (!without.empty()) complain("participants without an outcome: " + without);
}

void Truth::read_as(const std::string& profile, const std::string& token) {
  reader_ = std::make_unique<Device>(
      server_.port(), [this](const Message& message) { answers_.push_back(message); });
  const Message welcome = ask("hello", R"("token":")" + token + "\"");
  welcome.each("calls", [this, &profile](const Message& call) {
    complain(profile + " is shown call " + call.text("callId") + " as live");
  });
  std::set<std::string> listed;
  std::string before;
  for (bool more = true; more;) {
    const Message page = ask("chain.list", before + R"("limit":200)");
    more = page.flag("more");
    page.each("items", [&](const Message& entry) {
      const std::string chain = entry.text("chainId");
      if (!listed.insert(chain).second) complain("chain " + chain + " is listed twice");
      before = R"("before":")" + chain + "\",";
      read_chain(profile, chain, id_of(entry.part("last")));
    });
    if (page.type() != "ok") break;
  }
  for (const auto& [chain, members] : ledger_.members)
    if (members.contains(profile) && ledger_.texts[chain].at != 0 && !listed.contains(chain))
      complain("chain " + chain + " is missing in the list of " + profile);
}

// Back from the newest item to one that is known.
void Truth::read_chain(const std::string& profile, const std::string& chain,
                       const std::string& newest) {
  if (!read_.insert(chain).second) return;
  std::vector<std::string>& order = order_[chain];
  if (!order.empty() && order.back() == newest) return;  // nothing new
  std::vector<std::string> fresh;                        // newest first
  std::string before;
  bool known = false;
  for (bool more = true; more && !known;) {
    const Message page = ask("chain.history", before + R"("limit":200,"chainId":")" + chain + "\"");
    if (page.type() != "ok") complain(profile + " may not read chain " + chain);
    more = page.flag("more");
    std::vector<Message> items;
    page.each("items", [&items](const Message& item) { items.push_back(item); });
    for (auto item = items.rbegin(); item != items.rend() && !known; ++item) {
      known = !order.empty() && order.back() == id_of(*item);
      if (known) break;
      fresh.push_back(id_of(*item));
      take(chain, *item);
    }
    if (items.empty()) break;
    before = R"("before":")" + id_of(items.front()) + "\",";
  }
  if (!order.empty() && !known) complain("chain " + chain + " has lost " + order.back());
  order.insert(order.end(), fresh.rbegin(), fresh.rend());
  if (order.empty() || order.back() != newest)
    complain("chain " + chain + " is listed with " + newest + ", which is not its newest item");
}

void Truth::take(const std::string& chain, const Message& item) {
  const std::string id = id_of(item);
  Item kept{item.type() == "text", chain, {}};
  if (kept.text) {
    kept.words =
        item.text("from") + " " + item.text("body") + " " + std::to_string(item.number("at"));
    if (!ledger_.texts.contains(id)) complain("text " + id + " was never sent");
  } else {
    kept.words = how_it_ended(item);
    if (!item.has("endedAt")) complain("call " + id + " has no end");
  }
  if (!items_.emplace(id, std::move(kept)).second) complain(id + " is there twice");
}

void Truth::check_told() {
  for (const auto& [id, text] : ledger_.texts) {
    if (text.at == 0 || !checked_texts_.insert(id).second) continue;
    const auto item = items_.find(id);
    if (item == items_.end())
      complain("text " + id + " was told of, and is lost");
    else if (item->second.words != text.from + " " + text.body + " " + std::to_string(text.at) ||
             item->second.chain != text.chain)
      complain("text " + id + " has changed");
  }
  for (const std::string& call : ledger_.calls)
    if (!items_.contains(call)) complain("call " + call + " was acknowledged, and is lost");
  for (const auto& [call, how] : ledger_.ends) {
    if (!checked_calls_.insert(call).second) continue;
    const auto item = items_.find(call);
    if (item == items_.end())
      complain("call " + call + " ended, and is lost");
    else if (item->second.words != how)
      complain("call " + call + " was said to end as " + how + ", and ended as " +
               item->second.words);
  }
}

// Every connection was sent the texts of a chain in the order of its history.
void Truth::check_order() {
  std::map<std::string, std::size_t> place;
  for (const auto& [chain, order] : order_)
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  for (; checked_connections_ < ledger_.heard.size(); ++checked_connections_) {
    std::map<std::string, std::size_t> last;
    for (const auto& [chain, id] : ledger_.heard[checked_connections_]) {
      if (last.contains(chain) && place[id] <= last[chain])
        complain("text " + id + " came in another order than that of history");
      last[chain] = place[id];
    }
  }
}

Message Truth::ask(const std::string& type, const std::string& members) {
  static std::uint64_t last = 0;
  const std::string id = "q" + std::to_string(++last);
  answers_.clear();
  reader_->ask(type, id, members);
  const auto answer = [&] {
    return std::find_if(answers_.begin(), answers_.end(),
                        [&](const Message& message) { return message.text("ref") == id; });
  };
  if (!run_until(server_, {reader_.get()}, [&] { return answer() != answers_.end(); })) {
    complain("no answer to " + type);
    return Message("{}");
  }
  if (answer()->type() == "error") complain(type + " was refused: " + answer()->text("message"));
  return *answer();
}

void Truth::complain(const std::string& what) { ledger_.wrong.push_back(what); }

}  // namespace parley::test
