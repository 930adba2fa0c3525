// A JSON object that somebody sent, checked as strictly as frames are.
#pragma once

#include <string_view>

#include "wire/json.h"
#include "wire/wire.h"

namespace parley::wire {

// Thread-compatible.
class Document {
 public:
  // What is no JSON object, too large, too deep or too wide is refused.
  [[nodiscard]] static tl::expected<Document, FrameError> parse(std::string_view text);

  [[nodiscard]] JsonObject* root() const;  // lives as long as the document
  // A member is given twice: a reader must not choose between the two.
  [[nodiscard]] bool repeats() const;

 private:
  Document(OwnedParser parser, int members) : parser_(std::move(parser)), members_(members) {}
  OwnedParser parser_;
  int members_;  // in the text
};

}  // namespace parley::wire
