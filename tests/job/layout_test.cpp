#include "job/layout.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "support/check_main.h"

namespace parley::job {
namespace {

constexpr std::uint32_t kWidth = 1280;
constexpr std::uint32_t kHeight = 720;

LayoutText shipped(const char* name) {
  const std::array<std::string, 1> folders{PARLEY_LAYOUTS};
  auto layout = LayoutText::load(folders, name);
  ck_assert_msg(layout.has_value(), "%s", layout ? "" : layout.error().message.c_str());
  return *layout;
}

bool overlap(const Rectangle& a, const Rectangle& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

void check_frame(const std::vector<Place>& places, std::uint32_t width, std::uint32_t height) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Rectangle& at = places[i].at;
    ck_assert_uint_gt(at.width, 0);
    ck_assert_uint_le(at.x + at.width, width);
    ck_assert_uint_le(at.y + at.height, height);
    ck_assert_uint_eq((at.x | at.y | at.width | at.height) & 1U, 0);
    // 16:9, but for rounding to even numbers.
    const double wrong = at.width - at.height * 16.0 / 9;
    ck_assert_msg(wrong > -2.1 && wrong < 3.7, "%u x %u", at.width, at.height);
    for (std::size_t j = 0; j < i; ++j) {
      // Not a check each: half a million of them would take longer than all else.
      if (overlap(at, places[j].at) || places[i].candidate == places[j].candidate)
        ck_abort_msg("places %zu and %zu are not apart", j, i);
    }
  }
}

std::vector<Candidate> people(std::size_t count, std::size_t speaker = SIZE_MAX) {
  std::vector<Candidate> all(count);
  if (speaker < count) all[speaker].speaker = true;
  return all;
}

const Place* place_of(const std::vector<Place>& places, std::size_t candidate) {
  const auto found = std::find_if(places.begin(), places.end(),
                                  [&](const Place& p) { return p.candidate == candidate; });
  return found == places.end() ? nullptr : &*found;
}

START_TEST(places_lie_inside_the_frame_do_not_overlap_and_keep_their_shape) {
  for (const char* name : {"grid", "speaker"}) {
    const LayoutText layout = shipped(name);
    for (std::size_t n = 0; n <= 60; ++n) {
      for (const bool screen : {false, true}) {
        auto candidates = people(n, n / 2);
        if (screen) candidates.push_back({.screen = true});
        for (const auto& [w, h] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
                 {kWidth, kHeight}, {640, 360}, {1920, 1080}, {720, 1280}, {854, 480}}) {
          const auto places = layout.arrange(candidates, w, h);
          check_frame(places, w, h);
          ck_assert_int_eq(places.empty(), candidates.empty());
        }
      }
    }
  }
}
END_TEST

START_TEST(a_grid_gives_all_of_25_the_same_size_and_one_the_whole_frame) {
  const LayoutText grid = shipped("grid");
  ck_assert(grid.arrange(people(1), kWidth, kHeight).at(0).at ==
            (Rectangle{0, 0, kWidth, kHeight}));
  for (std::size_t n = 2; n <= 25; ++n) {
    const auto places = grid.arrange(people(n), kWidth, kHeight);
    ck_assert_uint_eq(places.size(), n);
    for (const Place& p : places) {
      ck_assert_uint_eq(p.at.width, places[0].at.width);
      ck_assert_uint_eq(p.at.height, places[0].at.height);
    }
  }
  // 2 x 2, in the order of coming.
  const auto four = grid.arrange(people(4), kWidth, kHeight);
  ck_assert_uint_gt(four[0].at.width, kWidth * 45 / 100);
  ck_assert_uint_eq(four[0].at.y, four[1].at.y);
  ck_assert_uint_lt(four[0].at.x, four[1].at.x);
  ck_assert_uint_eq(four[0].at.x, four[2].at.x);
  // Of 40, 25 are shown, and whoever speaks is among them, without the others changing order.
  const auto many = grid.arrange(people(40, 39), kWidth, kHeight);
  ck_assert_uint_eq(many.size(), 25);
  ck_assert_ptr_nonnull(place_of(many, 39));
  ck_assert_uint_eq(many[0].candidate, 0);
}
END_TEST

START_TEST(speaking_in_a_grid_moves_nobody) {
  const LayoutText grid = shipped("grid");
  const auto quiet = grid.arrange(people(9), kWidth, kHeight);
  const auto loud = grid.arrange(people(9, 7), kWidth, kHeight);
  for (std::size_t i = 0; i < 9; ++i) ck_assert(place_of(quiet, i)->at == place_of(loud, i)->at);
}
END_TEST

START_TEST(whoever_speaks_is_large_and_a_screen_larger_than_all) {
  const LayoutText speaker = shipped("speaker");
  const auto places = speaker.arrange(people(5, 3), kWidth, kHeight);
  ck_assert_uint_eq(places.size(), 5);
  for (std::size_t i = 0; i < 5; ++i) {
    if (i == 3) continue;
    ck_assert_uint_gt(place_of(places, 3)->at.height, 3 * place_of(places, i)->at.height);
    ck_assert_uint_gt(place_of(places, i)->at.y, place_of(places, 3)->at.y);
  }
  auto sharing = people(5, 3);
  sharing.insert(sharing.begin() + 2, {.screen = true});
  for (const char* name : {"grid", "speaker"}) {
    const auto shared = shipped(name).arrange(sharing, kWidth, kHeight);
    for (const Place& p : shared) {
      if (p.candidate == 2) continue;
      ck_assert_uint_gt(place_of(shared, 2)->at.width, 3 * p.at.width);
    }
    ck_assert_ptr_nonnull(place_of(shared, 4));
  }
}
END_TEST

void check_wrong(const char* text, const char* start, const char* part) {
  const auto layout = LayoutText::parse("x.layout", text);
  ck_assert_msg(!layout.has_value(), "taken: %s", text);
  const std::string& message = layout.error().message;
  ck_assert_msg(message.rfind(start, 0) == 0 && message.find(part) != std::string::npos, "%s",
                message.c_str());
}

START_TEST(mistakes_are_told_with_their_line_and_what_would_be_right) {
  check_wrong("", "x.layout:0: ", "otherwise");
  check_wrong("shape 16\notherwise\narea 0 0 100 100 rest\n", "x.layout:1: ", "16:9");
  check_wrong("otherwise\narea 0 0 100 101 rest\n", "x.layout:2: ", "percentage");
  check_wrong("otherwise\narea 50 0 51 100 rest\n", "x.layout:2: ", "leaves the frame");
  check_wrong("otherwise\narea 0 0 60 100 rest\narea 50 0 50 100 rest\n", "x.layout:3: ", "line 2");
  check_wrong("otherwise\narea 0 0 nan 100 rest\n", "x.layout:2: ", "percentage");
  check_wrong("otherwise\narea 0 0 100 100 everybody\n", "x.layout:2: ", "screen, speaker or rest");
  check_wrong("otherwise\narea 0 0 100 100 most 3\n", "x.layout:2: ", "who is shown");
  check_wrong("otherwise\narea 0 0 100 100 rest most 0\n", "x.layout:2: ", "most");
  check_wrong("area 0 0 100 100 rest\n", "x.layout:1: ", "section");
  check_wrong("otherwise\narea 0 0 100 100 rest\nwhen screen\narea 0 0 1 1 rest\n",
              "x.layout:3: ", "last");
  check_wrong("when pictures 3..2\narea 0 0 1 1 rest\notherwise\narea 0 0 1 1 rest\n",
              "x.layout:1: ", "N..M");
  check_wrong("when screen\notherwise\narea 0 0 1 1 rest\n", "x.layout:3: ", "no area");
  check_wrong("gap 20\n\notherwise # all\n\tarea 0 0 100 100 rest\n", "x.layout:1: ", "10 percent");
  check_wrong("zoom 3\notherwise\narea 0 0 1 1 rest\n", "x.layout:1: ", "zoom");
  const std::array<std::string, 1> folders{"/nowhere"};
  const auto none = LayoutText::load(folders, "grid");
  ck_assert(!none.has_value() && none.error().code == base::Code::kNotFound);
}
END_TEST

}  // namespace
}  // namespace parley::job

int main() {
  using namespace parley::job;
  return parley::test::run(
      "layout",
      {places_lie_inside_the_frame_do_not_overlap_and_keep_their_shape,
       a_grid_gives_all_of_25_the_same_size_and_one_the_whole_frame,
       speaking_in_a_grid_moves_nobody, whoever_speaks_is_large_and_a_screen_larger_than_all,
       mistakes_are_told_with_their_line_and_what_would_be_right});
}
