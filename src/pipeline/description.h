// A *.pipeline file: a head comment that names hooks and parameters, and plain gst-launch text.
// pipelines/README.md is the contract.
//
// Nothing is ever spliced into the text: it is parsed as it stands, and values become properties of
// named elements afterwards. Thread-compatible.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wrap/gst.h"

namespace parley::pipeline {

// An element that the program reaches for by its name.
struct Hook {
  std::string name;     // in the text: name=…
  std::string factory;  // what it must be
  std::string media;    // what goes through it: "opus", "vp8", "raw-video", …, or "any"
  std::string about;
  int line = 0;
};
struct Parameter {
  std::string name;
  std::string element;
  std::string property;
  std::string type;   // uint, int, double, bool, string
  std::string unit;   // "bit/s", "px", …; "-": none
  std::string range;  // "1..100", "a|b|c", "-": any
  std::string value;  // default, as GStreamer writes it; "-": what the text says
  std::string about;
  int line = 0;
};

struct Content;  // of a file; see content.h

// A pipeline that was made of a description: a bin with everything in it.
class Instance {
 public:
  Instance(wrap::Ref<GstElement> bin, std::shared_ptr<const Content> content);

  [[nodiscard]] GstElement* bin() const { return bin_.get(); }  // (transfer none)
  // (transfer none) nullptr: there is no such hook.
  [[nodiscard]] GstElement* hook(std::string_view name) const;
  // kInvalid: no such parameter, or the value is not of its type or range; says what would be.
  [[nodiscard]] base::Result<void> set(std::string_view parameter, const std::string& value);
  // The same, but a file without that parameter is none the worse: who wrote it wants it fixed.
  [[nodiscard]] base::Result<void> set_if_there(std::string_view parameter,
                                                const std::string& value);

 private:
  wrap::Ref<GstElement> bin_;
  std::shared_ptr<const Content> content_;
};

// Cheap to copy. Instances outlive it.
class Description {
 public:
  // kInvalid: "FILE:LINE: what is wrong; what would be right", a line for each mistake.
  [[nodiscard]] static base::Result<Description> parse(const std::string& path,
                                                       std::string_view text);

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] const std::string& about() const;
  [[nodiscard]] const std::vector<Hook>& hooks() const;
  [[nodiscard]] const std::vector<Parameter>& parameters() const;
  [[nodiscard]] const Hook* find_hook(std::string_view name) const;  // nullptr: none

  // Pads that are not linked become the bin's own: "src", "sink" when there is one of a kind.
  // kInvalid with file and line: GStreamer's parser refuses it, or a hook or property is not there.
  [[nodiscard]] base::Result<Instance> make() const;
  // The line of an element, by its name in the text; 0: it has none there.
  [[nodiscard]] int line_of_element(std::string_view name) const;
  // The line of an element that GStreamer has named after its factory: "queue0"; 0: there is none.
  [[nodiscard]] int line_of_unnamed(std::string_view name) const;

 private:
  explicit Description(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  std::shared_ptr<const Content> content_;
};

// Folders with *.pipeline files; what stands in an earlier one hides the rest, file by file.
class Folders {
 public:
  explicit Folders(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  // "track-vp8" -> the description of track-vp8.pipeline. kNotFound: in none of them, with their
  // paths.
  [[nodiscard]] base::Result<Description> load(std::string_view name) const;

 private:
  std::vector<std::string> paths_;
};

}  // namespace parley::pipeline
