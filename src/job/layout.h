// Where pictures go in a composed frame: layouts are text (pipelines/layouts/*.layout), and
// docs/mixing.md says how it is written.
//
// Pure and thread-compatible: text and pictures in, places out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace parley::job {

struct Rectangle {  // pixels; all four are even, as I420's halved colour planes want
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  friend bool operator==(const Rectangle&, const Rectangle&) = default;
};

// What may be shown, in the order in which it came.
struct Candidate {
  bool screen = false;   // a shared screen; else a participant
  bool speaker = false;  // the one who speaks, or spoke last
};

struct Place {
  std::size_t candidate = 0;
  Rectangle at;
};

class LayoutText {
 public:
  // kInvalid: "FILE:LINE: what is wrong; what would be right", a line for each mistake.
  [[nodiscard]] static base::Result<LayoutText> parse(const std::string& path,
                                                      std::string_view text);
  // `name`.layout of the first of `folders` that has it. kNotFound: none has.
  [[nodiscard]] static base::Result<LayoutText> load(std::span<const std::string> folders,
                                                     std::string_view name);

  // Places do not overlap and lie inside the frame. Whoever finds no place is left out.
  [[nodiscard]] std::vector<Place> arrange(std::span<const Candidate> candidates,
                                           std::uint32_t width, std::uint32_t height) const;

  enum class Who { kScreen, kSpeaker, kRest };
  struct Area {
    // Percent of the frame.
    double x = 0, y = 0, width = 100, height = 100;
    std::vector<Who> who;  // who comes in first
    std::size_t most = 25;
    int line = 0;
  };
  struct Section {
    // Both must hold.
    bool needs_screen = false;
    std::size_t at_least = 0, at_most = SIZE_MAX;  // pictures
    double gap = 0;                                // percent of the frame's height
    std::vector<Area> areas;
  };

 private:
  std::vector<Section> sections_;
  double shape_ = 16.0 / 9;  // width by height of every place
};

}  // namespace parley::job
