// JSON objects of one line, read with a complaint that names the member, and written.
//
// Reports come from a process that reads what strangers send, so a line is not trusted: it is
// looked at before json-glib's parser, which recurses, gets it. Thread-compatible.
#pragma once

#include <json-glib/json-glib.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace parley::job {

struct NodeFree {
  void operator()(JsonNode* node) const { json_node_unref(node); }
};
using OwnedNode = std::unique_ptr<JsonNode, NodeFree>;

// kInvalid: not one JSON object, not UTF-8, or nested more than 8 deep.
[[nodiscard]] base::Result<OwnedNode> parse_object(std::string_view line);

// Reads members. The first complaint is kept, and what is read after it is of no use.
class Reader {
 public:
  explicit Reader(JsonObject* object) : Reader(object, "", std::make_shared<std::string>()) {}

  [[nodiscard]] bool has(const char* member) const;
  [[nodiscard]] std::string text(const char* member);
  [[nodiscard]] std::string text_or(const char* member, std::string otherwise);
  [[nodiscard]] std::int64_t whole(const char* member, std::int64_t least, std::int64_t most);
  // `value` stays when there is no such member.
  template <class T>
  void whole_into(const char* member, T& value, std::int64_t least, std::int64_t most) {
    if (has(member)) value = static_cast<T>(whole(member, least, most));
  }
  [[nodiscard]] double number(const char* member);
  [[nodiscard]] bool boolean(const char* member);
  [[nodiscard]] std::vector<std::string> texts(const char* member);  // none: empty
  [[nodiscard]] std::map<std::string, std::string> pairs(const char* member);
  [[nodiscard]] Reader object(const char* member);  // a missing one reads as empty
  [[nodiscard]] std::vector<Reader> objects(const char* member);

  void complain(std::string_view member, std::string_view what);
  [[nodiscard]] bool good() const { return complaint_->empty(); }
  [[nodiscard]] const std::string& complaint() const { return *complaint_; }

 private:
  Reader(JsonObject* object, std::string path, std::shared_ptr<std::string> complaint)
      : object_(object), path_(std::move(path)), complaint_(std::move(complaint)) {}
  JsonNode* node(const char* member, bool wanted);
  JsonArray* array(const char* member);

  JsonObject* object_;  // of the node that was parsed; nullptr: has no members
  std::string path_;    // "work." before the members of work
  std::shared_ptr<std::string> complaint_;
};

// Writes one object.
class Writer {
 public:
  Writer();
  Writer& text(const char* member, std::string_view value);
  Writer& whole(const char* member, std::int64_t value);
  Writer& count(const char* member, std::uint64_t value);  // at most 2^63 - 1, JSON's reader's most
  Writer& number(const char* member, double value);
  Writer& boolean(const char* member, bool value);
  template <class Texts>
  Writer& texts(const char* member, const Texts& values) {
    begin_array(member);
    for (const std::string& value : values) element(value);
    return end_array();
  }
  Writer& begin(const char* member);  // an object; nullptr: in an array
  Writer& end();
  Writer& begin_array(const char* member);
  Writer& end_array();
  [[nodiscard]] std::string line();

 private:
  struct Unref {
    void operator()(JsonBuilder* builder) const { g_object_unref(builder); }
  };
  void name(const char* member);
  void element(const std::string& value);
  std::unique_ptr<JsonBuilder, Unref> builder_;
};

}  // namespace parley::job
