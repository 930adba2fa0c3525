#include "wire/document.h"

#include <utility>

#include "wire/scan.h"

namespace parley::wire {
namespace {

// Members of the tree, all levels together. Recursion is bounded: scan() has let kMaxDepth through.
int count_members(JsonNode* node) {  // NOLINT(misc-no-recursion)
  int count = 0;
  if (JSON_NODE_HOLDS_OBJECT(node)) {
    JsonObjectIter iter;
    json_object_iter_init(&iter, json_node_get_object(node));
    JsonNode* child = nullptr;
    while (json_object_iter_next(&iter, nullptr, &child) != FALSE)
      count += 1 + count_members(child);
  } else if (JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray* array = json_node_get_array(node);
    const guint length = json_array_get_length(array);
    for (guint i = 0; i < length; ++i) count += 1 + count_members(json_array_get_element(array, i));
  }
  return count;
}

}  // namespace

tl::expected<Document, FrameError> Document::parse(std::string_view text) {
  const auto members = scan(text);
  if (!members) return tl::unexpected(members.error());
  OwnedParser parser(json_parser_new_immutable());
  GError* error = nullptr;
  if (json_parser_load_from_data(parser.get(), text.data(), static_cast<gssize>(text.size()),
                                 &error) == FALSE) {
    g_clear_error(&error);
    FrameError refusal;
    refusal.message = "The frame is not JSON.";
    return tl::unexpected(std::move(refusal));
  }
  return Document(std::move(parser), *members);
}

JsonObject* Document::root() const {
  return json_node_get_object(json_parser_get_root(parser_.get()));
}

bool Document::repeats() const {
  return count_members(json_parser_get_root(parser_.get())) != members_;
}

}  // namespace parley::wire
