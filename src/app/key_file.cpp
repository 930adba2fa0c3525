#include "app/key_file.h"

#include <fmt/format.h>
#include <glib.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "wrap/owned.h"

namespace parley::app {
namespace {

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

struct KeyFileFree {
  void operator()(GKeyFile* file) const { g_key_file_unref(file); }
};

// Values are read by GKeyFile, so that its escapes mean here what they mean everywhere.
void read_values(KeyFile& file, const std::string& text) {
  const std::unique_ptr<GKeyFile, KeyFileFree> keys(g_key_file_new());
  wrap::Owned<GError> error;
  if (!g_key_file_load_from_data(keys.get(), text.data(), text.size(), G_KEY_FILE_NONE,
                                 wrap::OutParam(error))) {
    file.mistakes.push_back(
        {base::Code::kInvalid, fmt::format("{}: {}", file.path, error->message)});
    file.lines.clear();
    return;
  }
  std::erase_if(file.lines, [&](KeyLine& line) {
    const wrap::Owned<char> value(g_key_file_get_string(keys.get(), line.group.c_str(),
                                                        line.key.c_str(), wrap::OutParam(error)));
    if (value)
      line.value = value.get();
    else
      file.mistakes.push_back(file.at(line.line, fmt::format("the value of '{}' cannot be read: {}",
                                                             line.key, error->message)));
    return !value;
  });
}

// What is wrong with a line; nullopt: it has been taken. A group that cannot be read takes the keys
// behind it along: `group` is empty until the next one.
using Complaint = std::optional<std::string>;

Complaint take_group(KeyFile& file, std::string_view line, int number, std::string& group) {
  group.assign(line.substr(1, line.size() < 2 ? 0 : line.size() - 2));
  if (line.back() != ']' || group.empty() || group.find_first_of("[]") != std::string::npos) {
    group.clear();
    return "a group is written [name], on a line of its own";
  }
  for (const auto& [other, where] : file.groups)
    if (other == group)
      return fmt::format("the group [{}] stands in line {} already; put its keys there", group,
                         where);
  file.groups.emplace_back(group, number);
  return std::nullopt;
}

Complaint take_key(KeyFile& file, std::string_view line, int number, const std::string& group) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return fmt::format("'{}' is neither a comment (#), a [group] nor key = value", line);
  if (group.empty()) return "a key stands in a group; begin with one, such as [http]";
  KeyLine entry{group, std::string(trim(line.substr(0, equals))), {}, number};
  if (entry.key.find_first_of("[]") != std::string::npos)
    return fmt::format("'{}' is no key: it contains a bracket", entry.key);
  for (const KeyLine& other : file.lines)
    if (other.group == entry.group && other.key == entry.key)
      return fmt::format("'{}' is given in line {} already", entry.key, other.line);
  file.lines.push_back(std::move(entry));
  return std::nullopt;
}

}  // namespace

base::Error KeyFile::at(int line, const std::string& message) const {
  return {base::Code::kInvalid, fmt::format("{}:{}: {}", path, line, message)};
}

base::Result<KeyFile> read_key_file(const std::string& path) {
  KeyFile file{path, {}, {}, {}};
  wrap::Owned<char> contents;
  wrap::Owned<GError> error;
  gsize size = 0;
  if (!g_file_get_contents(path.c_str(), wrap::OutParam(contents), &size, wrap::OutParam(error)))
    return base::fail(base::Code::kNotFound, error->message);
  const std::string text(contents.get(), size);
  std::string good;  // the lines that were taken, the others empty
  std::string group;
  bool lost_group = false;
  int number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view raw(text.data() + start, end - start);
    start = end + 1;
    ++number;
    const bool utf8 =
        g_utf8_validate(raw.data(), static_cast<gssize>(raw.size()), nullptr) != FALSE;
    const std::string_view line = trim(raw);
    const bool is_group = utf8 && line.starts_with('[');
    Complaint wrong;
    if (!utf8)
      wrong = "the line is not UTF-8 text";
    else if (is_group)
      wrong = take_group(file, line, number, group);
    else if (!line.empty() && line.front() != '#' && !lost_group)
      wrong = take_key(file, line, number, group);
    if (is_group) lost_group = group.empty();
    if (wrong) file.mistakes.push_back(file.at(number, *wrong));
    // A group that stands here again goes on, so that its keys are looked at.
    if (!wrong && !lost_group)
      good += raw;
    else if (is_group && !lost_group)
      good += line;
    good += '\n';
  }
  read_values(file, good);
  return file;
}

std::vector<std::string> split_list(std::string_view value) {
  std::vector<std::string> items;
  while (!value.empty()) {
    const std::size_t end = value.find(';');
    const std::string_view item = trim(value.substr(0, end));
    if (!item.empty()) items.emplace_back(item);
    value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
  }
  return items;
}

}  // namespace parley::app
