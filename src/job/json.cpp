#include "job/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "wrap/owned.h"

namespace parley::job {
namespace {

constexpr int kMostDeep = 8;  // our choice: a report nests 3 deep

// What is wrong with the line at a glance; nullptr: nothing. Outside of texts only what JSON has
// there may stand, so that this and the parser, which takes comments too, see the same brackets.
const char* refusal(std::string_view line) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > kMostDeep) return "the line nests more than 8 deep";
    if (g_ascii_isalnum(c) == 0 && std::string_view("\"{}[]:,+-. \t\r").find(c) == line.npos)
      return "the line is no JSON: it has a character outside of texts that JSON has not";
  }
  return quoted ? "the line is no JSON: a text does not end" : nullptr;
}

const char* kind_of(JsonNode* node) {
  if (JSON_NODE_HOLDS_OBJECT(node)) return "an object";
  if (JSON_NODE_HOLDS_ARRAY(node)) return "an array";
  if (JSON_NODE_HOLDS_NULL(node)) return "null";
  const GType type = json_node_get_value_type(node);
  return type == G_TYPE_STRING ? "a text" : type == G_TYPE_BOOLEAN ? "true or false" : "a number";
}

bool holds(JsonNode* node, GType type) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

}  // namespace

base::Result<OwnedNode> parse_object(std::string_view line) {
  if (g_utf8_validate(line.data(), static_cast<gssize>(line.size()), nullptr) == FALSE)
    return base::fail(base::Code::kInvalid, "the line is not UTF-8");
  if (const char* why = refusal(line)) return base::fail(base::Code::kInvalid, why);
  wrap::Owned<GError> error;
  // A copy, for json-glib wants a terminated text.
  OwnedNode node(json_from_string(std::string(line).c_str(), wrap::OutParam(error)));
  if (error) return base::fail(base::Code::kInvalid, fmt::format("no JSON: {}", error->message));
  if (!node || !JSON_NODE_HOLDS_OBJECT(node.get()))
    return base::fail(base::Code::kInvalid, "the line is not a JSON object");
  return node;
}

bool Reader::has(const char* member) const {
  return object_ != nullptr && json_object_has_member(object_, member) != FALSE &&
         !JSON_NODE_HOLDS_NULL(json_object_get_member(object_, member));
}

void Reader::complain(std::string_view member, std::string_view what) {
  if (complaint_->empty()) *complaint_ = fmt::format("'{}{}' {}", path_, member, what);
}

JsonNode* Reader::node(const char* member, bool wanted) {
  if (has(member)) return json_object_get_member(object_, member);
  if (wanted) complain(member, "is missing");
  return nullptr;
}

std::string Reader::text(const char* member) {
  JsonNode* found = node(member, true);
  if (found == nullptr) return {};
  if (!holds(found, G_TYPE_STRING)) {
    complain(member, fmt::format("is {}; it should be a text", kind_of(found)));
    return {};
  }
  return json_node_get_string(found);
}

std::string Reader::text_or(const char* member, std::string otherwise) {
  return has(member) ? text(member) : std::move(otherwise);
}

std::int64_t Reader::whole(const char* member, std::int64_t least, std::int64_t most) {
  JsonNode* found = node(member, true);
  if (found == nullptr) return least;
  const bool whole = holds(found, G_TYPE_INT64);
  const std::int64_t value = whole ? json_node_get_int(found) : 0;
  if (whole && value >= least && value <= most) return value;
  complain(member, fmt::format("is not a whole number from {} to {}", least, most));
  return least;
}

double Reader::number(const char* member) {
  JsonNode* found = node(member, true);
  if (found == nullptr) return 0;
  if (holds(found, G_TYPE_INT64) || holds(found, G_TYPE_DOUBLE)) {
    const double value = json_node_get_double(found);
    if (std::isfinite(value)) return value;
  }
  complain(member, fmt::format("is {}; it should be a number", kind_of(found)));
  return 0;
}

bool Reader::boolean(const char* member) {
  JsonNode* found = node(member, true);
  if (found == nullptr) return false;
  if (holds(found, G_TYPE_BOOLEAN)) return json_node_get_boolean(found) != FALSE;
  complain(member, fmt::format("is {}; it should be true or false", kind_of(found)));
  return false;
}

JsonArray* Reader::array(const char* member) {
  JsonNode* found = node(member, false);
  if (found == nullptr) return nullptr;
  if (JSON_NODE_HOLDS_ARRAY(found)) return json_node_get_array(found);
  complain(member, fmt::format("is {}; it should be an array", kind_of(found)));
  return nullptr;
}

std::vector<std::string> Reader::texts(const char* member) {
  std::vector<std::string> all;
  JsonArray* found = array(member);
  for (guint i = 0; found != nullptr && i < json_array_get_length(found); ++i) {
    JsonNode* item = json_array_get_element(found, i);
    if (holds(item, G_TYPE_STRING))
      all.emplace_back(json_node_get_string(item));
    else
      complain(member, fmt::format("holds {}; it should hold texts", kind_of(item)));
  }
  return all;
}

std::map<std::string, std::string> Reader::pairs(const char* member) {
  std::map<std::string, std::string> all;
  Reader inner = object(member);
  if (inner.object_ == nullptr) return all;
  JsonObjectIter each;
  json_object_iter_init(&each, inner.object_);
  const gchar* name = nullptr;
  while (json_object_iter_next(&each, &name, nullptr) != FALSE) all[name] = inner.text(name);
  return all;
}

Reader Reader::object(const char* member) {
  JsonNode* found = node(member, false);
  if (found != nullptr && !JSON_NODE_HOLDS_OBJECT(found)) {
    complain(member, fmt::format("is {}; it should be an object", kind_of(found)));
    found = nullptr;
  }
  JsonObject* inner = found == nullptr ? nullptr : json_node_get_object(found);
  return {inner, fmt::format("{}{}.", path_, member), complaint_};
}

std::vector<Reader> Reader::objects(const char* member) {
  std::vector<Reader> all;
  JsonArray* found = array(member);
  for (guint i = 0; found != nullptr && i < json_array_get_length(found); ++i) {
    JsonNode* item = json_array_get_element(found, i);
    if (JSON_NODE_HOLDS_OBJECT(item))
      all.push_back(
          {json_node_get_object(item), fmt::format("{}{}[{}].", path_, member, i), complaint_});
    else
      complain(member, fmt::format("holds {}; it should hold objects", kind_of(item)));
  }
  return all;
}

Writer::Writer() : builder_(json_builder_new()) { json_builder_begin_object(builder_.get()); }

void Writer::name(const char* member) {
  if (member != nullptr) json_builder_set_member_name(builder_.get(), member);
}

Writer& Writer::text(const char* member, std::string_view value) {
  name(member);
  element(std::string(value));
  return *this;
}

void Writer::element(const std::string& value) {
  // What came from GStreamer or an errno may be anything; a line that cannot be read helps nobody.
  const wrap::Owned<char> valid(g_utf8_make_valid(value.data(), static_cast<gssize>(value.size())));
  json_builder_add_string_value(builder_.get(), valid.get());
}

Writer& Writer::whole(const char* member, std::int64_t value) {
  name(member);
  json_builder_add_int_value(builder_.get(), value);
  return *this;
}

Writer& Writer::count(const char* member, std::uint64_t value) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  return whole(member, static_cast<std::int64_t>(std::min(value, kMost)));
}

Writer& Writer::number(const char* member, double value) {
  name(member);
  json_builder_add_double_value(builder_.get(), std::isfinite(value) ? value : 0);
  return *this;
}

Writer& Writer::boolean(const char* member, bool value) {
  name(member);
  json_builder_add_boolean_value(builder_.get(), value ? TRUE : FALSE);
  return *this;
}

Writer& Writer::begin(const char* member) {
  name(member);
  json_builder_begin_object(builder_.get());
  return *this;
}

Writer& Writer::end() {
  json_builder_end_object(builder_.get());
  return *this;
}

Writer& Writer::begin_array(const char* member) {
  name(member);
  json_builder_begin_array(builder_.get());
  return *this;
}

Writer& Writer::end_array() {
  json_builder_end_array(builder_.get());
  return *this;
}

std::string Writer::line() {
  json_builder_end_object(builder_.get());
  const OwnedNode root(json_builder_get_root(builder_.get()));
  const wrap::Owned<char> text(json_to_string(root.get(), FALSE));
  return text.get();
}

}  // namespace parley::job
