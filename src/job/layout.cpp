#include "job/layout.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace parley::job {
namespace {

struct Grid {
  std::size_t columns = 1;
  double cell_width = 0;
  double cell_height = 0;
};

struct Box {  // pixels
  double x, y, width, height;
};

// The number of columns that leaves the largest cells of this shape.
Grid best_grid(const Box& box, std::size_t count, double shape, double gap) {
  Grid best;
  for (std::size_t columns = 1; columns <= count; ++columns) {
    const std::size_t rows = (count + columns - 1) / columns;
    const auto c = static_cast<double>(columns);
    const auto r = static_cast<double>(rows);
    const double width =
        std::min((box.width - (c + 1) * gap) / c, (box.height - (r + 1) * gap) / r * shape);
    if (width > best.cell_width + 1e-6) best = {columns, width, width / shape};
  }
  return best;
}

std::uint32_t even(double pixels) {
  return pixels < 2 ? 0 : static_cast<std::uint32_t>(pixels) & ~1U;
}

Rectangle rectangle(double x, double y, double width, double height) {
  return {even(x), even(y), even(width), even(height)};
}

// Rows from the top, the last one centred; the whole in the middle of the box.
void fill(const Box& box, std::span<const std::size_t> chosen, double shape, double gap,
          std::vector<Place>& places) {
  if (chosen.empty()) return;
  const Grid grid = best_grid(box, chosen.size(), shape, gap);
  // VP8 and H264 have macroblocks of 16; a smaller place shows nobody.
  if (grid.cell_height < 16) return;
  const std::size_t rows = (chosen.size() + grid.columns - 1) / grid.columns;
  const auto r = static_cast<double>(rows);
  const double top = box.y + (box.height - r * grid.cell_height - (r - 1) * gap) / 2;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::size_t row = i / grid.columns;
    const std::size_t in_row = std::min(grid.columns, chosen.size() - row * grid.columns);
    const auto n = static_cast<double>(in_row);
    const double left = box.x + (box.width - n * grid.cell_width - (n - 1) * gap) / 2;
    const auto column = static_cast<double>(i % grid.columns);
    places.push_back(
        {chosen[i], rectangle(left + column * (grid.cell_width + gap),
                              top + static_cast<double>(row) * (grid.cell_height + gap),
                              grid.cell_width, grid.cell_height)});
  }
}

bool is(const Candidate& candidate, LayoutText::Who who) {
  switch (who) {
    case LayoutText::Who::kScreen:
      return candidate.screen;
    case LayoutText::Who::kSpeaker:
      return candidate.speaker && !candidate.screen;
    case LayoutText::Who::kRest:
      return true;
  }
  return true;
}

// Who comes in, by the area's order of preference; then in the order of coming, so that nobody
// changes place because somebody else speaks.
std::vector<std::size_t> choose(const LayoutText::Area& area, std::span<const Candidate> candidates,
                                std::vector<bool>& taken) {
  std::vector<std::size_t> chosen;
  for (const LayoutText::Who who : area.who) {
    for (std::size_t i = 0; i < candidates.size() && chosen.size() < area.most; ++i) {
      if (taken[i] || !is(candidates[i], who)) continue;
      taken[i] = true;
      chosen.push_back(i);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

std::vector<Place> LayoutText::arrange(std::span<const Candidate> candidates, std::uint32_t width,
                                       std::uint32_t height) const {
  const bool screen = std::any_of(candidates.begin(), candidates.end(),
                                  [](const Candidate& c) { return c.screen; });
  const auto section = std::find_if(sections_.begin(), sections_.end(), [&](const Section& s) {
    return (!s.needs_screen || screen) && candidates.size() >= s.at_least &&
           candidates.size() <= s.at_most;
  });
  std::vector<Place> places;
  if (section == sections_.end()) return places;
  std::vector<bool> taken(candidates.size());
  const double gap = section->gap * height / 100;
  for (const Area& area : section->areas) {
    const Box box{area.x * width / 100, area.y * height / 100, area.width * width / 100,
                  area.height * height / 100};
    fill(box, choose(area, candidates, taken), shape_, gap, places);
  }
  return places;
}

}  // namespace parley::job
