#include "wire/reader.h"

#include <fmt/format.h>

#include <utility>

namespace parley::wire {
namespace {

bool holds(JsonNode* node, GType type) {
  return node != nullptr && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

std::optional<std::string> string_of(JsonNode* node) {
  if (!holds(node, G_TYPE_STRING)) return std::nullopt;
  return std::string(json_node_get_string(node));
}

std::optional<std::string> id_of(JsonNode* node) {
  auto text = string_of(node);
  if (!text || !base::is_valid_id(*text)) return std::nullopt;
  return text;
}

}  // namespace

Reader::Reader(JsonObject* object, std::string path, std::optional<std::string>* problem)
    : object_(object), path_(std::move(path)), problem_(problem) {}

JsonNode* Reader::find(const char* name) const {
  JsonNode* node = object_ == nullptr ? nullptr : json_object_get_member(object_, name);
  return node == nullptr || JSON_NODE_HOLDS_NULL(node) ? nullptr : node;
}

bool Reader::has(const char* name) const { return find(name) != nullptr; }

void Reader::refuse(const char* name, std::string_view what) {
  if (!*problem_) *problem_ = fmt::format("`{}{}` must be {}.", path_, name, what);
}

std::string Reader::text(const char* name) {
  auto text = string_of(find(name));
  if (text && !text->empty()) return std::move(*text);
  refuse(name, "a string that is not empty");
  return {};
}

std::optional<std::string> Reader::optional_text(const char* name) {
  if (!has(name)) return std::nullopt;
  return text(name);
}

std::optional<bool> Reader::optional_flag(const char* name) {
  JsonNode* node = find(name);
  if (node == nullptr) return std::nullopt;
  if (holds(node, G_TYPE_BOOLEAN)) return json_node_get_boolean(node) != FALSE;
  refuse(name, "true or false");
  return std::nullopt;
}

bool Reader::flag(const char* name, bool fallback) {
  return optional_flag(name).value_or(fallback);
}

std::int64_t Reader::number(const char* name, std::int64_t least, std::int64_t most) {
  JsonNode* node = find(name);
  if (holds(node, G_TYPE_INT64)) {
    const std::int64_t value = json_node_get_int(node);
    if (value >= least && value <= most) return value;
  }
  refuse(name, fmt::format("a whole number from {} to {}", least, most));
  return least;
}

std::optional<std::int64_t> Reader::optional_number(const char* name, std::int64_t least,
                                                    std::int64_t most) {
  if (!has(name)) return std::nullopt;
  return number(name, least, most);
}

std::string Reader::id_text(const char* name) {
  if (auto text = id_of(find(name))) return std::move(*text);
  refuse(name, "an id: 1 to 64 characters of A-Z a-z 0-9 _ . : @ -");
  return {};
}

std::vector<std::string> Reader::id_texts(const char* name) {
  JsonNode* node = find(name);
  std::vector<std::string> ids;
  if (auto one = id_of(node)) {
    ids.push_back(std::move(*one));
    return ids;
  }
  bool good = node != nullptr && JSON_NODE_HOLDS_ARRAY(node);
  if (good) {
    JsonArray* items = json_node_get_array(node);
    const guint count = json_array_get_length(items);
    for (guint i = 0; good && i < count; ++i) {
      auto id = id_of(json_array_get_element(items, i));
      good = id.has_value();
      if (id) ids.push_back(std::move(*id));
    }
  }
  if (!good) {
    refuse(name, "an id or an array of ids");
    ids.clear();
  }
  return ids;
}

Reader Reader::object(const char* name) {
  JsonNode* node = find(name);
  JsonObject* object =
      node != nullptr && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : nullptr;
  if (node != nullptr && object == nullptr) refuse(name, "an object");
  return {object, path_ + name + ".", problem_};
}

JsonArray* Reader::array(const char* name, std::string_view what) {
  JsonNode* node = find(name);
  if (node != nullptr && JSON_NODE_HOLDS_ARRAY(node)) return json_node_get_array(node);
  refuse(name, what);
  return nullptr;
}

std::vector<std::string> Reader::texts(const char* name) {
  constexpr std::string_view kWhat = "an array of strings";
  std::vector<std::string> texts;
  JsonArray* items = array(name, kWhat);
  const guint count = items == nullptr ? 0 : json_array_get_length(items);
  for (guint i = 0; i < count; ++i) {
    auto text = string_of(json_array_get_element(items, i));
    if (!text) {
      refuse(name, kWhat);
      return {};
    }
    texts.push_back(std::move(*text));
  }
  return texts;
}

std::vector<Reader> Reader::objects(const char* name) {
  constexpr std::string_view kWhat = "an array of objects";
  std::vector<Reader> readers;
  JsonArray* items = array(name, kWhat);
  const guint count = items == nullptr ? 0 : json_array_get_length(items);
  for (guint i = 0; i < count; ++i) {
    JsonNode* node = json_array_get_element(items, i);
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
      refuse(name, kWhat);
      return {};
    }
    readers.emplace_back(json_node_get_object(node), fmt::format("{}{}[{}].", path_, name, i),
                         problem_);
  }
  return readers;
}

}  // namespace parley::wire
