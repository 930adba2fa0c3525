// Where in a launch text something stands: GStreamer's parser says what it does not like, but not
// on which line. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::pipeline {

struct LaunchWord {
  std::string text;  // quotes and all
  int line = 1;
};

// Words as GStreamer's own scanner would cut them, near enough to find their lines.
class LaunchText {
 public:
  // Lines that begin with # (after white space) are comments, and made empty.
  explicit LaunchText(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] int first_line() const;  // of the first word; 1: there is none
  [[nodiscard]] bool empty() const { return words_.empty(); }
  // The line with name=`name`.
  [[nodiscard]] std::optional<int> line_of_name(std::string_view name) const;
  [[nodiscard]] std::optional<int> line_of_factory(std::string_view factory) const;  // the first
  // The line that a sentence of GStreamer's parser is about, by the names it has in quotes.
  [[nodiscard]] int line_of_complaint(std::string_view sentence) const;

  struct Mistake {
    int line = 1;
    std::string message;
  };
  // Of those that GStreamer calls no more than "syntax error".
  [[nodiscard]] std::optional<Mistake> syntax_mistake() const;

 private:
  [[nodiscard]] std::optional<int> line_of_property(std::string_view property,
                                                    std::string_view element) const;
  [[nodiscard]] std::optional<int> line_of_word(std::string_view word) const;

  std::string text_;
  std::vector<LaunchWord> words_;
  std::optional<int> open_quote_;  // line of a quote that nothing closes
};

}  // namespace parley::pipeline
