#include "pipeline/launch_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::pipeline {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool is_space(char c) { return kSpace.find(c) != std::string_view::npos; }

std::string without_comments(std::string_view text) {
  std::string kept;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t begin = line.find_first_not_of(kSpace);
    if (begin != std::string_view::npos && line[begin] != '#') kept += line;
    if (end < text.size()) kept += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return kept;
}

// "property" of property=value; empty: it is no assignment.
std::string_view property_of(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || word.find('/') < equals) return {};
  return word.substr(0, equals);
}

bool is_factory(const LaunchWord& word) {
  const char c = word.text.front();
  return property_of(word.text).empty() && c != '!' && c != '(' && c != ')' && c != ',' &&
         !word.text.ends_with('.');
}

// GStreamer names an element after its factory and a number: "queue0".
bool could_be_named(std::string_view factory, std::string_view name) {
  return name.starts_with(factory) &&
         name.find_first_not_of("0123456789", factory.size()) == std::string_view::npos;
}

std::vector<std::string> quoted_in(std::string_view sentence) {
  std::vector<std::string> names;
  while (true) {
    const std::size_t begin = sentence.find('"');
    if (begin == std::string_view::npos) return names;
    const std::size_t end = sentence.find('"', begin + 1);
    if (end == std::string_view::npos) return names;
    names.emplace_back(sentence.substr(begin + 1, end - begin - 1));
    sentence.remove_prefix(end + 1);
  }
}

}  // namespace

LaunchText::LaunchText(std::string_view text) : text_(without_comments(text)) {
  int line = 1;
  std::string word;
  int word_line = 1;
  char quote = 0;
  int quote_line = 1;
  const auto close = [&] {
    if (!word.empty()) words_.push_back({word, word_line});
    word.clear();
  };
  for (std::size_t i = 0; i < text_.size(); ++i) {
    const char c = text_[i];
    if (quote == 0 && is_space(c)) {
      close();
    } else if (quote == 0 && c == '!') {
      close();
      words_.push_back({"!", line});
    } else {
      if (word.empty()) word_line = line;
      word += c;
      if (c == '\\' && i + 1 < text_.size()) {
        word += text_[++i];
        if (text_[i] == '\n') ++line;
        continue;
      }
      if (quote == c)
        quote = 0;
      else if (quote == 0 && (c == '"' || c == '\''))
        quote = c, quote_line = line;
    }
    if (c == '\n') ++line;
  }
  close();
  if (quote != 0) open_quote_ = quote_line;
}

int LaunchText::first_line() const { return words_.empty() ? 1 : words_.front().line; }

std::optional<int> LaunchText::line_of_name(std::string_view name) const {
  for (const LaunchWord& word : words_)
    for (const char* quote : {"", "\"", "'"})
      if (word.text == fmt::format("name={}{}{}", quote, name, quote)) return word.line;
  return std::nullopt;
}

std::optional<int> LaunchText::line_of_factory(std::string_view factory) const {
  for (const LaunchWord& word : words_)
    if (is_factory(word) && word.text == factory) return word.line;
  return std::nullopt;
}

std::optional<int> LaunchText::line_of_word(std::string_view wanted) const {
  for (const LaunchWord& word : words_)
    if (word.text == wanted || word.text.starts_with(std::string(wanted) + '.')) return word.line;
  return std::nullopt;
}

std::optional<int> LaunchText::line_of_property(std::string_view property,
                                                std::string_view element) const {
  std::optional<int> candidate;
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (!is_factory(words_[i])) continue;
    std::optional<int> here;
    bool named = could_be_named(words_[i].text, element);
    for (std::size_t j = i + 1; j < words_.size(); ++j) {
      const std::string_view given = property_of(words_[j].text);
      if (given.empty()) break;
      if (given == property) here = words_[j].line;
      if (given == "name") named = words_[j].text.substr(5) == element;
    }
    if (here && named) return here;
    if (here) candidate = here;
  }
  return candidate;
}

int LaunchText::line_of_complaint(std::string_view sentence) const {
  const std::vector<std::string> quoted = quoted_in(sentence);
  if (quoted.size() >= 2 && sentence.find("property") != std::string_view::npos)
    if (const auto line = line_of_property(quoted[0], quoted[1])) return *line;
  for (const std::string& name : quoted) {
    if (const auto line = line_of_name(name)) return *line;
    if (const auto line = line_of_word(name)) return *line;
  }
  // "could not link audiotestsrc0 to videoconvert0": the second is what does not fit.
  std::optional<int> last;
  for (const LaunchWord& word : words_) {
    if (!is_factory(word)) continue;
    const std::size_t at = sentence.find(" to " + word.text);
    if (at != std::string_view::npos) last = word.line;
  }
  return last.value_or(first_line());
}

std::optional<LaunchText::Mistake> LaunchText::syntax_mistake() const {
  if (open_quote_) return Mistake{*open_quote_, "a quote is opened here and never closed"};
  for (std::size_t i = 0; i < words_.size(); ++i) {
    if (words_[i].text != "!") continue;
    if (i == 0) return Mistake{words_[i].line, "nothing stands before this '!'"};
    if (i + 1 == words_.size()) return Mistake{words_[i].line, "nothing stands behind this '!'"};
    if (words_[i + 1].text == "!")
      return Mistake{words_[i + 1].line, "nothing stands between two '!'"};
  }
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const bool alone = i == 0 || words_[i - 1].text == "!";
    const std::string_view property = property_of(words_[i].text);
    if (alone && !property.empty() && property.find('/') == std::string_view::npos)
      return Mistake{words_[i].line,
                     fmt::format("'{}' belongs behind the name of an element", words_[i].text)};
  }
  return std::nullopt;
}

}  // namespace parley::pipeline
