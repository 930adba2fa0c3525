// Owners of json-glib's objects.
#pragma once

#include <json-glib/json-glib.h>

#include <memory>

namespace parley::wire {

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
struct NodeUnref {
  void operator()(JsonNode* node) const { json_node_unref(node); }
};
struct GlibFree {
  void operator()(char* text) const { g_free(text); }
};
using OwnedParser = std::unique_ptr<JsonParser, Unref>;
using OwnedBuilder = std::unique_ptr<JsonBuilder, Unref>;
using OwnedGenerator = std::unique_ptr<JsonGenerator, Unref>;
using OwnedNode = std::unique_ptr<JsonNode, NodeUnref>;
using OwnedText = std::unique_ptr<char, GlibFree>;

}  // namespace parley::wire
