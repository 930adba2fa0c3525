#include "pipeline/head.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "pipeline/values.h"

namespace parley::pipeline {
namespace {

constexpr std::string_view kSpace = " \t\r";
constexpr std::string_view kHookForm = "# hook NAME FACTORY MEDIA - TEXT";
constexpr std::string_view kParameterForm =
    "# param NAME ELEMENT.PROPERTY TYPE UNIT RANGE DEFAULT - TEXT";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The next word, taken off `rest`.
std::string take_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::size_t end = std::min(rest.find_first_of(kSpace), rest.size());
  std::string word(rest.substr(0, end));
  rest = trimmed(rest.substr(end));
  return word;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

class HeadReader {
 public:
  explicit HeadReader(const LaunchText& launch) : launch_(launch) {}

  void line(std::string_view text, int number) {
    number_ = number;
    const std::string_view line = trimmed(text);
    if (line.empty()) return;
    if (!line.starts_with('#')) {
      body_ = true;
      return;
    }
    std::string_view rest = line.substr(line.find_first_not_of('#') == std::string_view::npos
                                            ? line.size()
                                            : line.find_first_not_of('#'));
    std::string_view words = rest;
    const std::string first = take_word(words);
    if (first == "hook" || first == "param")
      entry(first == "hook", words);
    else if (!body_ && head_.hooks.empty() && head_.parameters.empty())
      about(trimmed(rest));
  }

  Head take() {
    if (head_.about.empty())
      head_.mistakes.insert(head_.mistakes.begin(),
                            {1, "the first line does not say what the pipeline does: # Records …"});
    return std::move(head_);
  }

 private:
  void complain(std::string message) { head_.mistakes.push_back({number_, std::move(message)}); }

  void about(std::string_view text) {
    // A blank comment line ends it: what follows is for the reader of the file.
    if (text.empty() && !head_.about.empty()) about_over_ = true;
    if (text.empty() || about_over_) return;
    head_.about += (head_.about.empty() ? "" : " ") + std::string(text);
  }

  void entry(bool hook_line, std::string_view words) {
    if (body_) {
      complain("hooks and parameters stand in the head, before the first line that is no comment");
      return;
    }
    if (hook_line)
      hook(words);
    else
      parameter(words);
  }

  void hook(std::string_view words) {
    Hook hook;
    hook.line = number_;
    for (std::string* word : {&hook.name, &hook.factory, &hook.media}) *word = take_word(words);
    const std::string dash = take_word(words);
    if (!is_name(hook.name) || hook.media.empty() || dash != "-" || words.empty())
      return complain(fmt::format("this is not: {}", kHookForm));
    hook.about = words;
    if (!names_.insert("hook " + hook.name).second)
      return complain(fmt::format("there are two hooks '{}'", hook.name));
    if (!launch_.line_of_name(hook.name))
      return complain(fmt::format("the hook '{}' is not in the text: a {} with name={}", hook.name,
                                  hook.factory, hook.name));
    head_.hooks.push_back(std::move(hook));
  }

  void parameter(std::string_view words) {
    Parameter found;
    found.line = number_;
    found.name = take_word(words);
    const std::string target = take_word(words);
    for (std::string* word : {&found.type, &found.unit, &found.range, &found.value})
      *word = take_word(words);
    const std::string dash = take_word(words);
    const std::size_t dot = target.find('.');
    if (!is_name(found.name) || dot == std::string::npos || dash != "-" || words.empty())
      return complain(fmt::format("this is not: {}", kParameterForm));
    found.about = words;
    found.element = target.substr(0, dot);
    found.property = target.substr(dot + 1);
    if (!names_.insert("param " + found.name).second)
      return complain(fmt::format("there are two parameters '{}'", found.name));
    if (const auto wrong = check_parameter(found))
      return complain(fmt::format("parameter '{}': {}", found.name, *wrong));
    if (!launch_.line_of_name(found.element))
      return complain(fmt::format("parameter '{}': no element has name={} in the text", found.name,
                                  found.element));
    head_.parameters.push_back(std::move(found));
  }

  const LaunchText& launch_;
  Head head_;
  std::set<std::string> names_;
  int number_ = 0;
  bool body_ = false;
  bool about_over_ = false;
};

}  // namespace

Head read_head(std::string_view text, const LaunchText& launch) {
  HeadReader reader(launch);
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.line(text.substr(0, end), ++number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.take();
}

}  // namespace parley::pipeline
