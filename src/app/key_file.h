// A key file (GKeyFile's format) that knows its lines, which GKeyFile does not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace parley::app {

struct KeyLine {
  std::string group;
  std::string key;
  std::string value;  // unescaped; still one text where it is a list
  int line = 0;       // from 1
};

struct KeyFile {
  std::string path;
  std::vector<std::pair<std::string, int>> groups;  // with their lines
  std::vector<KeyLine> lines;
  // What is neither a comment, a group nor key=value; a key outside a group; a group or key given
  // twice; text that is not UTF-8. The rest of the file has been read all the same.
  std::vector<base::Error> mistakes;

  // "path:line: " and the message.
  [[nodiscard]] base::Error at(int line, const std::string& message) const;
};

// kNotFound: the file cannot be read.
[[nodiscard]] base::Result<KeyFile> read_key_file(const std::string& path);

// The items of a list: separated by ';', trimmed, empty ones left out.
[[nodiscard]] std::vector<std::string> split_list(std::string_view value);

}  // namespace parley::app
