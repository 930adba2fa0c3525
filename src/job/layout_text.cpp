// The reader of *.layout files: lines of words.
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "job/layout.h"

namespace parley::job {
namespace {

using base::Code;
using base::fail;
using base::Result;

// Areas and sections of one file; more is a mistake, or an attack.
constexpr std::size_t kMostLines = 500;
constexpr double kLargestGap = 10;  // percent of the frame's height

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  std::size_t at = 0;
  while (true) {
    at = line.find_first_not_of(" \t\r", at);
    if (at == std::string_view::npos || line[at] == '#') return words;
    const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
}

std::optional<double> number(std::string_view text, double least, double most) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least) ||
      !(value <= most))
    return std::nullopt;
  return value;
}

std::optional<std::size_t> count(std::string_view text) {
  const auto value = number(text, 1, 1000);
  if (!value || *value != std::floor(*value)) return std::nullopt;
  return static_cast<std::size_t>(*value);
}

// "A:B" of two positive numbers.
std::optional<double> ratio(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto width = number(text.substr(0, colon), 1, 100);
  const auto height = number(text.substr(colon + 1), 1, 100);
  if (!width || !height) return std::nullopt;
  return *width / *height;
}

bool overlap(const LayoutText::Area& a, const LayoutText::Area& b) {
  constexpr double kNothing = 1e-6;  // percent
  return a.x + a.width > b.x + kNothing && b.x + b.width > a.x + kNothing &&
         a.y + a.height > b.y + kNothing && b.y + b.height > a.y + kNothing;
}

class Reader {
 public:
  explicit Reader(std::string path) : path_(std::move(path)) {}

  void line(int number, std::string_view text) {
    line_ = number;
    const auto words = words_of(text);
    if (words.empty()) return;
    const auto rest = std::span(words).subspan(1);
    if (words[0] == "shape") return read_shape(rest);
    if (words[0] == "when") return read_when(rest);
    if (words[0] == "otherwise") return read_otherwise(rest);
    if (words[0] == "gap") return read_gap(rest);
    if (words[0] == "area") return read_area(rest);
    wrong("'" + std::string(words[0]) + "' means nothing; shape, when, otherwise, gap and area do");
  }

  void end() {
    if (sections.empty() || !otherwise_)
      wrong("there is no 'otherwise'; without it some pictures would have no place at all");
    for (const auto& section : sections)
      if (section.areas.empty()) wrong("a section has no area");
  }

  std::vector<LayoutText::Section> sections;
  double shape = 16.0 / 9;
  std::string mistakes;

 private:
  void wrong(const std::string& what) {
    if (!mistakes.empty()) mistakes += '\n';
    mistakes += path_ + ":" + std::to_string(line_) + ": " + what;
  }

  void read_shape(std::span<const std::string_view> words) {
    const auto value = words.size() == 1 ? ratio(words[0]) : std::nullopt;
    if (!value) return wrong("a shape is WIDTH:HEIGHT, each 1 to 100, such as 16:9");
    shape = *value;
  }

  void read_otherwise(std::span<const std::string_view> words) {
    if (!words.empty()) return wrong("'otherwise' stands alone");
    if (otherwise_) return wrong("this is the second 'otherwise'; it would never be taken");
    otherwise_ = true;
    sections.emplace_back();
  }

  // "screen", "pictures N", "pictures N..M"; both may stand in one line.
  void read_when(std::span<const std::string_view> words) {
    if (otherwise_) return wrong("nothing is taken after 'otherwise'; it has to be the last");
    sections.emplace_back();
    LayoutText::Section& section = sections.back();
    if (words.empty()) return wrong("'when' needs 'screen' or 'pictures N' or 'pictures N..M'");
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] == "screen") {
        section.needs_screen = true;
      } else if (words[i] == "pictures" && i + 1 < words.size()) {
        read_range(words[++i], section);
      } else {
        return wrong("'when' knows 'screen' and 'pictures N' or 'pictures N..M', not '" +
                     std::string(words[i]) + "'");
      }
    }
  }

  void read_range(std::string_view text, LayoutText::Section& section) {
    const std::size_t dots = text.find("..");
    const auto from = count(text.substr(0, dots));
    const auto to = dots == std::string_view::npos ? from : count(text.substr(dots + 2));
    if (!from || !to || *from > *to)
      return wrong("a number of pictures is N or N..M, 1 to 1000, not '" + std::string(text) + "'");
    section.at_least = *from;
    section.at_most = *to;
  }

  void read_gap(std::span<const std::string_view> words) {
    const auto value = words.size() == 1 ? number(words[0], 0, kLargestGap) : std::nullopt;
    if (!value) return wrong("a gap is 0 to 10 percent of the frame's height");
    if (sections.empty()) return wrong("a gap belongs to a section: below 'when' or 'otherwise'");
    sections.back().gap = *value;
  }

  void read_area(std::span<const std::string_view> words) {
    if (sections.empty()) return wrong("an area belongs to a section: below 'when' or 'otherwise'");
    LayoutText::Area area;
    area.line = line_;
    double* const sides[] = {&area.x, &area.y, &area.width, &area.height};
    if (words.size() < 5) return wrong("an area is X Y WIDTH HEIGHT WHO…, such as 0 0 100 80 rest");
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value = number(words[i], 0, 100);
      if (!value) return wrong("'" + std::string(words[i]) + "' is no percentage of the frame");
      *sides[i] = *value;
    }
    if (area.x + area.width > 100 || area.y + area.height > 100)
      return wrong("the area leaves the frame: X + WIDTH and Y + HEIGHT are 100 at most");
    if (area.width == 0 || area.height == 0) return wrong("the area has no size");
    if (!read_who(words.subspan(4), area)) return;
    for (const auto& other : sections.back().areas)
      if (overlap(area, other))
        return wrong("the area overlaps that of line " + std::to_string(other.line));
    sections.back().areas.push_back(std::move(area));
  }

  bool read_who(std::span<const std::string_view> words, LayoutText::Area& area) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] == "screen") {
        area.who.push_back(LayoutText::Who::kScreen);
      } else if (words[i] == "speaker") {
        area.who.push_back(LayoutText::Who::kSpeaker);
      } else if (words[i] == "rest") {
        area.who.push_back(LayoutText::Who::kRest);
      } else if (words[i] == "most" && i + 2 == words.size() && count(words[i + 1])) {
        area.most = *count(words[++i]);
      } else {
        wrong("'" + std::string(words[i]) +
              "': who is shown is screen, speaker or rest, and last of all 'most N'");
        return false;
      }
    }
    if (!area.who.empty()) return true;
    wrong("the area does not say who is shown: screen, speaker or rest");
    return false;
  }

  std::string path_;
  int line_ = 0;
  bool otherwise_ = false;
};

}  // namespace

Result<LayoutText> LayoutText::parse(const std::string& path, std::string_view text) {
  Reader reader(path);
  std::size_t at = 0;
  std::size_t number = 0;
  while (at < text.size()) {
    if (++number > kMostLines)
      return fail(Code::kInvalid, path + ": more than " + std::to_string(kMostLines) + " lines");
    const std::size_t end = std::min(text.find('\n', at), text.size());
    reader.line(static_cast<int>(number), text.substr(at, end - at));
    at = end + 1;
  }
  reader.end();
  if (!reader.mistakes.empty()) return fail(Code::kInvalid, reader.mistakes);
  LayoutText layout;
  layout.sections_ = std::move(reader.sections);
  layout.shape_ = reader.shape;
  return layout;
}

Result<LayoutText> LayoutText::load(std::span<const std::string> folders, std::string_view name) {
  std::string looked;
  for (const std::string& folder : folders) {
    const std::string path = folder + "/" + std::string(name) + ".layout";
    std::ifstream file(path);
    if (file) {
      std::ostringstream text;
      text << file.rdbuf();
      return parse(path, text.str());
    }
    looked += (looked.empty() ? "" : ", ") + path;
  }
  return fail(Code::kNotFound,
              "there is no layout '" + std::string(name) + "': looked for " + looked);
}

}  // namespace parley::job
