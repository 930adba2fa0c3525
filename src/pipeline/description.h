// A *.pipeline file: a head comment that names hooks and parameters, and plain gst-launch text.
// pipelines/README.md is the contract.
//
// Nothing is ever spliced into the text: it is parsed as it stands, and values become properties of
// named elements afterwards. Thread-compatible.
#pragma once

#include <string>
#include <string_view>
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

// A pipeline that was made of a description: a bin with everything in it.
class Instance {
 public:
  explicit Instance(wrap::Ref<GstElement> bin, const class Description& description);

  [[nodiscard]] GstElement* bin() const { return bin_.get(); }
  // nullptr: there is no such hook.
  [[nodiscard]] GstElement* hook(std::string_view name) const;
  // kInvalid: no such parameter, or the value is not of its type or range; says what would be.
  [[nodiscard]] base::Result<void> set(std::string_view parameter, const std::string& value);

 private:
  wrap::Ref<GstElement> bin_;
  const Description* description_;
};

class Description {
 public:
  // kInvalid: "FILE:LINE: what is wrong; what would be right", a line for each mistake.
  [[nodiscard]] static base::Result<Description> parse(const std::string& path,
                                                       std::string_view text);

  [[nodiscard]] const std::string& about() const { return about_; }
  [[nodiscard]] const std::vector<Hook>& hooks() const { return hooks_; }
  [[nodiscard]] const std::vector<Parameter>& parameters() const { return parameters_; }

  // Pads that are not linked become the bin's own: "src", "sink" when there is one of a kind.
  // kInvalid with file and line: GStreamer's parser refuses it, or a hook or property is not there.
  [[nodiscard]] base::Result<Instance> make() const;

 private:
  std::string path_;
  std::string about_;
  std::string launch_;  // without comments, its lines where they stood
  std::vector<Hook> hooks_;
  std::vector<Parameter> parameters_;
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
