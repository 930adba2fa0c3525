#include "router/outbox.h"

#include <cstdint>
#include <string>
#include <vector>

#include "support/check_main.h"

using parley::base::LegId;
using parley::router::Outbox;

namespace {

void put(Outbox& box, std::uint64_t leg, std::uint8_t byte, std::size_t bytes = 1) {
  std::uint8_t* slot = box.reserve(LegId{leg});
  ck_assert_ptr_nonnull(slot);
  for (std::size_t i = 0; i < bytes; ++i) slot[i] = byte;
  box.commit(bytes);
}

// "leg:bytes-of-each,…" in the order visited.
std::string contents(const Outbox& box) {
  std::string text;
  box.for_each_leg([&](LegId leg, std::span<const Outbox::Datagram> datagrams) {
    text += std::to_string(leg.value) + ":";
    for (const Outbox::Datagram datagram : datagrams) text += static_cast<char>(datagram[0]);
    text += " ";
  });
  return text;
}

}  // namespace

START_TEST(datagrams_are_grouped_by_leg_in_order) {
  Outbox box(8);
  ck_assert(box.empty());
  for (const char c : {'a', 'b', 'c'})
    for (const std::uint64_t leg : {7U, 3U}) put(box, leg, static_cast<std::uint8_t>(c));
  ck_assert(contents(box) == "7:abc 3:abc ");
  box.clear();
  ck_assert(box.empty());
  ck_assert(contents(box) == "");
  put(box, 3, 'x');
  ck_assert(contents(box) == "3:x ");
}
END_TEST

START_TEST(a_full_box_gives_no_slot_until_cleared) {
  Outbox box(2);
  put(box, 1, 'a');
  ck_assert(!box.full());
  put(box, 2, 'b');
  ck_assert(box.full());
  ck_assert_ptr_null(box.reserve(LegId{1}));
  box.commit(1);  // nothing is open
  ck_assert(contents(box) == "1:a 2:b ");
  box.clear();
  ck_assert_ptr_nonnull(box.reserve(LegId{1}));
}
END_TEST

START_TEST(a_full_box_is_drained_when_somebody_does_it) {
  Outbox box(2);
  std::string sent;
  box.on_full([&](Outbox& full) {
    sent += contents(full);
    full.clear();
  });
  for (const char c : {'a', 'b', 'c'}) put(box, 1, static_cast<std::uint8_t>(c));
  ck_assert((sent + contents(box)) == "1:ab 1:c ");
}
END_TEST

START_TEST(a_slot_that_is_not_committed_is_used_again) {
  Outbox box(1);
  box.reserve(LegId{1})[0] = 'a';
  put(box, 2, 'b');
  ck_assert(contents(box) == "2:b ");
}
END_TEST

START_TEST(a_datagram_of_no_bytes_or_too_many_is_not_taken) {
  Outbox box(2);
  ck_assert_ptr_nonnull(box.reserve(LegId{1}));
  box.commit(0);
  ck_assert_ptr_nonnull(box.reserve(LegId{1}));
  box.commit(Outbox::kSlotBytes + 1);
  ck_assert(box.empty());
  put(box, 1, 'a', Outbox::kSlotBytes);
  ck_assert(!box.empty());
}
END_TEST

START_TEST(what_is_queued_for_a_discarded_leg_is_not_sent) {
  Outbox box(4);
  put(box, 1, 'a');
  put(box, 2, 'b');
  box.discard(LegId{1});
  box.discard(LegId{9});
  ck_assert(contents(box) == "2:b ");
  put(box, 1, 'c');
  ck_assert(contents(box) == "1:c 2:b ");
}
END_TEST

int main() {
  return parley::test::run(
      "outbox",
      {datagrams_are_grouped_by_leg_in_order, a_full_box_gives_no_slot_until_cleared,
       a_full_box_is_drained_when_somebody_does_it, a_slot_that_is_not_committed_is_used_again,
       a_datagram_of_no_bytes_or_too_many_is_not_taken,
       what_is_queued_for_a_discarded_leg_is_not_sent});
}
