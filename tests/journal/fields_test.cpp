// A member that fields.h does not name would be lost in silence, and a replay would differ or,
// worse, not differ. So the members of every type that is written are counted by the compiler.
#include <string>
#include <utility>

#include "journal/effect_fields.h"
#include "support/check_main.h"

namespace parley::test::fields {

// Converts to any member, so that an aggregate can be made of as many as it has.
struct Any {
  template <class T>
  operator T&() const&& noexcept;  // NOLINT: it stands for anything
  template <class T>
  operator T&&() const&& noexcept;  // NOLINT: likewise
};

template <std::size_t>
using AnyAt = Any;

template <class T, class Numbers>
inline constexpr bool kMadeOf = false;
template <class T, std::size_t... I>
  requires requires { T{AnyAt<I>{}...}; }
inline constexpr bool kMadeOf<T, std::index_sequence<I...>> = true;

template <class T, std::size_t N = 20>
constexpr std::size_t members_of() {
  if constexpr (kMadeOf<T, std::make_index_sequence<N>> || N == 0)
    return N;
  else
    return members_of<T, N - 1>();
}

struct Counter {
  std::size_t count = 0;
  template <class T>
  void operator()(std::string_view /*name*/, const T& /*value*/) {
    ++count;
  }
  template <class T>
  void hide(std::string_view /*name*/, const T& /*text*/) {
    ++count;
  }
  void flag(std::string_view /*name*/, bool /*value*/) { ++count; }
};

template <class T>
void every_member_is_named() {
  Counter counter;
  const T value{};
  journal::fields(counter, value);
  ck_assert_msg(counter.count == members_of<T>(), "%s: %zu fields for %zu members",
                __PRETTY_FUNCTION__, counter.count, members_of<T>());
}

template <class Variant>
struct Alternatives;
template <class... T>
struct Alternatives<std::variant<T...>> {
  static void check() {
    (
        [] {
          if constexpr (!std::is_same_v<T, call::Save>) every_member_is_named<T>();
        }(),
        ...);
  }
};

}  // namespace parley::test::fields

namespace call = parley::call;
using parley::test::fields::Alternatives;
using parley::test::fields::every_member_is_named;
using parley::test::fields::members_of;

START_TEST(the_count_counts) {
  struct Three {
    std::optional<int> a;
    std::vector<std::string> b;
    call::Settings c;
  };
  ck_assert_uint_eq(members_of<Three>(), 3);
  ck_assert_uint_eq(members_of<call::Tick>(), 0);
}
END_TEST

START_TEST(every_member_of_what_enters_is_named) {
  Alternatives<call::Input>::check();
  Alternatives<call::RequestBody>::check();
  Alternatives<call::MediaBody>::check();
  Alternatives<call::CommandBody>::check();
  every_member_is_named<call::Limits>();
  every_member_is_named<call::Settings>();
  every_member_is_named<call::Request>();
  every_member_is_named<call::Refusal>();
  every_member_is_named<call::OfferedTrack>();
  every_member_is_named<call::MediaSubscribe::Track>();
  every_member_is_named<call::Recalled::Chain>();
}
END_TEST

START_TEST(every_member_of_what_leaves_is_named) {
  Alternatives<call::Effect>::check();
  Alternatives<call::Save>::check();
  Alternatives<call::EventBody>::check();
  every_member_is_named<call::Event>();
  every_member_is_named<call::Reply>();
  every_member_is_named<call::Ok>();
  every_member_is_named<call::Snapshot>();
  every_member_is_named<call::ParticipantView>();
  every_member_is_named<call::TextMessage>();
}
END_TEST

int main() {
  return parley::test::run("fields", {the_count_counts, every_member_of_what_enters_is_named,
                                      every_member_of_what_leaves_is_named});
}
