#include "journal/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "call/machine.h"
#include "journal/line_reader.h"
#include "journal/scribe.h"

namespace parley::journal {
namespace {

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

class Replay {
 public:
  // With `renewed` nothing is compared, but written there.
  explicit Replay(std::istream& journal, std::string* renewed = nullptr)
      : journal_(journal), renewed_(renewed) {}

  Replayed run() {
    if (!next_line()) {
      broken("the file is empty; a journal begins with a line {\"journal\":1,…}");
    } else {
      take_header();
    }
    while (going() && next_line()) take_line();
    // Without its mark, what the last input led to need not be there.
    done_.ended = ended_;
    return std::move(done_);
  }

 private:
  [[nodiscard]] bool going() const { return done_.verdict == Replayed::Verdict::kSame; }
  void broken(std::string what) { stop(Replayed::Verdict::kBroken, std::move(what)); }
  void stop(Replayed::Verdict verdict, std::string message) {
    if (!going()) return;
    done_.verdict = verdict;
    done_.line = number_;
    done_.message = std::move(message);
  }

  // A line without its end is what a dying process leaves.
  bool next_line() {
    if (!std::getline(journal_, line_)) return false;
    ++number_;
    if (!journal_.eof()) return true;
    done_.cut_line = true;
    return false;
  }

  void take_header() {
    const auto json = object_of_line();
    if (!json) return;
    std::optional<std::string> problem;
    LineReader reader(*json, hidden_, problem);
    int version = 0;
    call::Limits limits;
    reader("journal", version);
    if (!problem && version != kFormatVersion)
      return broken(fmt::format("this journal has format {}; this program replays format {}",
                                version, kFormatVersion));
    reader.with_defaults("limits", limits);
    if (problem) return broken("no journal begins like this: " + *problem);
    machine_ = std::make_unique<call::Machine>(limits);
    if (renewed_ != nullptr) write_header(*renewed_, limits);
  }

  void take_line() {
    if (ended_) return broken("nothing may follow the mark of the end");
    if (line_.starts_with("{\"out\":")) return compare(line_);
    if (expected_ != now_.size()) return differs("nothing more", now_[expected_]);
    const auto json = object_of_line();
    if (!json) return;
    if (find_member(*json, "end") != nullptr)
      take_end(*json);
    else
      take_input(*json);
  }

  void take_input(const JsonObject& json) {
    std::optional<std::string> problem;
    LineReader reader(json, hidden_, problem);
    call::Input input;
    base::Duration mono{};
    std::int64_t wall = 0;
    reader("mono", mono);
    reader("wall", wall);
    reader.alternative("in", input);
    if (problem) return broken(*problem);
    if (base::TimePoint(mono) < last_) return broken("'mono' runs backwards");
    last_ = base::TimePoint(mono);
    ++done_.inputs;
    input_line_ = line_;
    input_number_ = number_;
    std::string text;
    write_effects(text,
                  machine_->handle(input, {last_, base::WallTime(std::chrono::milliseconds(wall))}),
                  hidden_);
    if (renewed_ != nullptr) {
      *renewed_ += line_ + "\n" + text;
      return;
    }
    now_ = split_lines(text);
    expected_ = 0;
  }

  void take_end(const JsonObject& json) {
    std::optional<std::string> problem;
    LineReader reader(json, hidden_, problem);
    std::size_t inputs = 0;
    reader("end", inputs);
    if (problem) return broken(*problem);
    if (inputs != done_.inputs)
      return broken(fmt::format("it ended after {} inputs, but has {}", inputs, done_.inputs));
    ended_ = true;
    if (renewed_ != nullptr) write_end(*renewed_, inputs);
  }

  void compare(const std::string& recorded) {
    if (renewed_ != nullptr) return;
    if (expected_ == now_.size()) return differs(recorded, "nothing more");
    if (now_[expected_] != recorded) return differs(recorded, now_[expected_]);
    ++expected_;
    ++done_.effects;
  }

  void differs(const std::string& recorded, const std::string& now) {
    const auto same = static_cast<std::size_t>(
        std::mismatch(recorded.begin(), recorded.end(), now.begin(), now.end()).first -
        recorded.begin());
    stop(Replayed::Verdict::kDifferent,
         fmt::format("the machine does something else now, from character {} on\n"
                     "  recorded: {}\n"
                     "  now:      {}\n"
                     "  input:    {}  (line {})",
                     same + 1, recorded, now, input_line_, input_number_));
  }

  std::optional<JsonObject> object_of_line() {
    auto json = parse_json(line_);
    if (!json) {
      broken(json.error().message);
      return std::nullopt;
    }
    auto* object = std::get_if<JsonObject>(&json->value);
    if (object == nullptr) {
      broken("an object is expected");
      return std::nullopt;
    }
    return std::move(*object);
  }

  std::istream& journal_;
  std::string* renewed_;
  Hidden hidden_{{}};
  std::unique_ptr<call::Machine> machine_;
  Replayed done_;
  std::string line_;
  std::size_t number_ = 0;
  base::TimePoint last_{};
  std::string input_line_;
  std::size_t input_number_ = 0;
  std::vector<std::string> now_;  // what the machine did
  std::size_t expected_ = 0;      // the first of these that was not compared
  bool ended_ = false;
};

}  // namespace

Replayed replay(std::istream& journal) { return Replay(journal).run(); }

Replayed renew(std::istream& journal, std::string& renewed) {
  Replayed done = Replay(journal, &renewed).run();
  if (done.verdict == Replayed::Verdict::kBroken) renewed.clear();
  return done;
}

}  // namespace parley::journal
