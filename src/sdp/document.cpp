#include "sdp/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sdp/leg_session.h"

namespace parley::sdp {
namespace {

using base::Result;

constexpr std::size_t kQuotedBytes = 40;
constexpr std::string_view kSessionTypes = "vosiuepcbtrzka";  // RFC 8866, 5
constexpr std::string_view kMediaTypes = "micbka";
constexpr std::size_t kMaxFormats = 128;  // there are no more payload types

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
}

// Cuts the first line off `text`, without its end.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

Result<MediaSection> parse_media(std::string_view value, std::size_t line) {
  MediaSection media;
  media.line = line;
  media.media = take_word(value);
  const auto port_text = take_word(value);
  media.proto = take_word(value);
  const auto port = parse_number(port_text, 65535);
  if (media.media.empty() || !port || media.proto.empty() || value.empty())
    return wrong(line, "expected m=<media> <port> <proto> <format> ...");
  media.port = static_cast<std::uint16_t>(*port);
  while (!value.empty()) {
    if (media.formats.size() == kMaxFormats)
      return wrong(line, fmt::format("more than {} formats", kMaxFormats));
    const auto format = take_word(value);
    if (format.empty()) return wrong(line, "formats are separated by one space");
    media.formats.push_back(format);
  }
  return media;
}

Result<Attribute> parse_attribute(std::string_view value, std::size_t line) {
  const auto colon = value.find(':');
  Attribute attribute{value.substr(0, colon), {}, line};
  if (colon != std::string_view::npos) attribute.value = value.substr(colon + 1);
  const auto is_token = [](char c) { return c > ' ' && c < '\x7f'; };
  if (attribute.name.empty() ||
      !std::all_of(attribute.name.begin(), attribute.name.end(), is_token))
    return wrong(line, "expected a=<name> or a=<name>:<value>");
  return attribute;
}

// Reads line by line; one object per document.
class Reader {
 public:
  Result<void> read(std::string_view line, std::size_t number) {
    if (line.size() < 2 || line[1] != '=')
      return wrong(number, "expected a letter, '=' and a value");
    if (std::any_of(line.begin(), line.end(), is_control))
      return wrong(number, "control characters are not allowed");
    const char type = line[0];
    // The first lines have one order (RFC 8866, 5); it also tells what is no SDP at all.
    if (number <= kHead.size() && type != kHead[number - 1])
      return wrong(number, fmt::format("expected {}=", kHead[number - 1]));
    if (number == 1 && line != "v=0") return wrong(number, "expected v=0");
    const std::string_view types =
        document_.media.empty() && type != 'm' ? kSessionTypes : kMediaTypes;
    if (types.find(type) == std::string_view::npos || (number > kHead.size() && is_head(type)))
      return wrong(number, fmt::format("{} has no place here", quoted(line.substr(0, 2))));
    if (type == 't') has_time_ = true;
    if (type == 'm') return add_media(line.substr(2), number);
    if (type == 'a') return add_attribute(line.substr(2), number);
    return {};
  }

  Result<Document> finish() && {
    if (!has_time_) return base::fail(base::Code::kInvalid, "the description has no t= line");
    return std::move(document_);
  }

 private:
  static constexpr std::string_view kHead = "vos";
  static bool is_head(char type) { return kHead.find(type) != std::string_view::npos; }

  Result<void> add_media(std::string_view value, std::size_t number) {
    if (document_.media.size() == kMaxMediaLines)
      return wrong(number, fmt::format("more than {} m-lines", kMaxMediaLines));
    auto media = parse_media(value, number);
    if (!media) return tl::make_unexpected(std::move(media).error());
    document_.media.push_back(*std::move(media));
    return {};
  }

  Result<void> add_attribute(std::string_view value, std::size_t number) {
    auto& attributes =
        document_.media.empty() ? document_.session : document_.media.back().attributes;
    if (attributes.size() == kMaxAttributesPerMedia)
      return wrong(number, fmt::format("more than {} attributes", kMaxAttributesPerMedia));
    auto attribute = parse_attribute(value, number);
    if (!attribute) return tl::make_unexpected(std::move(attribute).error());
    attributes.push_back(*attribute);
    return {};
  }

  Document document_;
  bool has_time_ = false;
};

}  // namespace

Result<Document> parse_document(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return base::fail(base::Code::kInvalid,
                      fmt::format("the description has {} bytes; at most {} are allowed",
                                  text.size(), kMaxBytes));
  }
  Reader reader;
  for (std::size_t number = 1; !text.empty(); ++number)
    if (auto read = reader.read(take_line(text), number); !read)
      return tl::make_unexpected(std::move(read).error());
  return std::move(reader).finish();
}

tl::unexpected<base::Error> wrong(std::size_t line, const std::string& what) {
  return base::fail(base::Code::kInvalid, fmt::format("line {}: {}", line, what));
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kQuotedBytes)) out += c >= ' ' && c < '\x7f' ? c : '?';
  return out + "'";
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

std::string_view take_word(std::string_view& text) {
  const auto end = text.find(' ');
  const auto word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

}  // namespace parley::sdp
