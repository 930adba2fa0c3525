#include "app/key_file.h"

#include <fmt/format.h>
#include <glib.h>

#include <algorithm>

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
base::Result<void> read_values(KeyFile& file, const std::string& text) {
  const std::unique_ptr<GKeyFile, KeyFileFree> keys(g_key_file_new());
  wrap::Owned<GError> error;
  if (!g_key_file_load_from_data(keys.get(), text.data(), text.size(), G_KEY_FILE_NONE,
                                 wrap::OutParam(error)))
    return base::fail(base::Code::kInvalid, fmt::format("{}: {}", file.path, error->message));
  for (KeyLine& line : file.lines) {
    const wrap::Owned<char> value(g_key_file_get_string(keys.get(), line.group.c_str(),
                                                        line.key.c_str(), wrap::OutParam(error)));
    if (!value)
      return tl::unexpected(file.at(line.line, fmt::format("the value of '{}' cannot be read: {}",
                                                           line.key, error->message)));
    line.value = value.get();
  }
  return {};
}

base::Result<void> take_group(KeyFile& file, std::string_view line, int number) {
  const std::string name(line.substr(1, line.size() < 2 ? 0 : line.size() - 2));
  if (line.back() != ']' || name.empty() || name.find_first_of("[]") != std::string::npos)
    return tl::unexpected(file.at(number, "a group is written [name], on a line of its own"));
  for (const auto& [other, where] : file.groups)
    if (other == name)
      return tl::unexpected(file.at(
          number, fmt::format("the group [{}] stands in line {} already; put its keys there", name,
                              where)));
  file.groups.emplace_back(name, number);
  return {};
}

base::Result<void> take_key(KeyFile& file, std::string_view line, int number) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return tl::unexpected(file.at(
        number, fmt::format("'{}' is neither a comment (#), a [group] nor key = value", line)));
  if (file.groups.empty())
    return tl::unexpected(
        file.at(number, "a key stands in a group; begin with one, such as [http]"));
  KeyLine entry{file.groups.back().first, std::string(trim(line.substr(0, equals))), {}, number};
  if (entry.key.find_first_of("[]") != std::string::npos)
    return tl::unexpected(
        file.at(number, fmt::format("'{}' is no key: it contains a bracket", entry.key)));
  for (const KeyLine& other : file.lines)
    if (other.group == entry.group && other.key == entry.key)
      return tl::unexpected(
          file.at(number, fmt::format("'{}' is given in line {} already", entry.key, other.line)));
  file.lines.push_back(std::move(entry));
  return {};
}

}  // namespace

base::Error KeyFile::at(int line, const std::string& message) const {
  return {base::Code::kInvalid, fmt::format("{}:{}: {}", path, line, message)};
}

base::Result<KeyFile> read_key_file(const std::string& path) {
  KeyFile file{path, {}, {}};
  wrap::Owned<char> contents;
  wrap::Owned<GError> error;
  gsize size = 0;
  if (!g_file_get_contents(path.c_str(), wrap::OutParam(contents), &size, wrap::OutParam(error)))
    return base::fail(base::Code::kNotFound, error->message);
  const std::string text(contents.get(), size);
  int number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view raw(text.data() + start, end - start);
    start = end + 1;
    ++number;
    if (!g_utf8_validate(raw.data(), static_cast<gssize>(raw.size()), nullptr))
      return tl::unexpected(file.at(number, "the line is not UTF-8 text"));
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    const auto taken =
        line.front() == '[' ? take_group(file, line, number) : take_key(file, line, number);
    if (!taken) return tl::unexpected(taken.error());
  }
  if (auto values = read_values(file, text); !values) return tl::unexpected(values.error());
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
