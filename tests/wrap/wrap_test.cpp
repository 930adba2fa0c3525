#include <gst/gst.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "wrap/context_thread.h"
#include "wrap/gst.h"
#include "wrap/mailbox.h"
#include "wrap/ref.h"
#include "wrap/signals.h"

// After every C++ standard header: check.h defines `fail`.
#include "support/check_main.h"

namespace wrap = parley::wrap;

namespace {
guint count_of(gpointer object) { return G_OBJECT(object)->ref_count; }

struct Counter {
  int calls = 0;
};
}  // namespace

START_TEST(a_ref_holds_exactly_the_reference_its_name_says) {
  GstElement* bin = gst_bin_new("bin");  // floating
  {
    const auto sunk = wrap::Ref<GstElement>::sink(bin);
    ck_assert_uint_eq(count_of(bin), 1);
    const auto second = wrap::Ref<GstElement>::retain(bin);
    wrap::Ref<GstElement> third = second;
    ck_assert_uint_eq(count_of(bin), 3);
    gst_object_ref(bin);
    { const auto adopted = wrap::Ref<GstElement>::adopt(bin); }
    ck_assert_uint_eq(count_of(bin), 3);
    third.reset();
    ck_assert_uint_eq(count_of(bin), 2);
  }
}
END_TEST

START_TEST(a_handler_is_not_called_after_its_owner_is_gone) {
  const auto bin = wrap::Ref<GstElement>::sink(gst_bin_new("bin"));
  auto owner = std::make_shared<Counter>();
  auto connection = wrap::connect(
      bin.get(), "element-added", std::weak_ptr(owner),
      +[](Counter& c, GstBin*, GstElement*) { ++c.calls; });
  gst_bin_add(GST_BIN(bin.get()), gst_bin_new("one"));
  ck_assert_int_eq(owner->calls, 1);
  const std::weak_ptr<Counter> gone = owner;
  owner.reset();
  ck_assert(gone.expired());                            // the connection keeps nothing alive
  gst_bin_add(GST_BIN(bin.get()), gst_bin_new("two"));  // must not touch freed memory
}
END_TEST

START_TEST(a_connection_disconnects_when_it_goes_and_outlives_the_instance) {
  auto bin = wrap::Ref<GstElement>::sink(gst_bin_new("bin"));
  const auto owner = std::make_shared<Counter>();
  const auto handler = +[](Counter& c, GstBin*, GstElement*) { ++c.calls; };
  { auto scoped = wrap::connect(bin.get(), "element-added", std::weak_ptr(owner), handler); }
  gst_bin_add(GST_BIN(bin.get()), gst_bin_new("one"));
  ck_assert_int_eq(owner->calls, 0);
  wrap::Connection moved;
  moved = wrap::connect(bin.get(), "element-added", std::weak_ptr(owner), handler);
  gst_bin_add(GST_BIN(bin.get()), gst_bin_new("two"));
  ck_assert_int_eq(owner->calls, 1);
  bin.reset();
  moved.disconnect();
}
END_TEST

START_TEST(a_context_mailbox_delivers_in_order_on_the_context_thread) {
  constexpr int kValues = 10'000;
  std::vector<int> got;
  std::promise<void> all;
  wrap::ContextThread thread("mailbox");
  const auto on_values = [&](std::vector<int>& values) {
    ck_assert(g_main_context_is_owner(thread.context()));
    got.insert(got.end(), values.begin(), values.end());
    if (got.size() == kValues) all.set_value();
  };
  std::unique_ptr<wrap::ContextMailbox<int>> mailbox;
  thread.run_and_wait(
      [&] { mailbox = std::make_unique<wrap::ContextMailbox<int>>(thread.context(), on_values); });
  const auto box = mailbox->box();
  std::thread poster([&] {
    for (int i = 0; i < kValues; ++i) box->post(i);
  });
  poster.join();
  all.get_future().wait();
  for (int i = 0; i < kValues; ++i) ck_assert_int_eq(got[static_cast<std::size_t>(i)], i);
  thread.run_and_wait([&] { mailbox.reset(); });
  box->post(1);  // nobody takes it; it goes with the box
}
END_TEST

START_TEST(an_eventfd_mailbox_is_readable_until_taken) {
  auto waker = wrap::EventFdWaker::create();
  ck_assert(waker.has_value());
  wrap::EventFdMailbox<std::string> box(std::move(*waker));
  const auto readable = [&] {
    GPollFD poll{box.waker().fd(), G_IO_IN, 0};
    return g_poll(&poll, 1, 0) == 1;
  };
  ck_assert(!readable());
  box.post("a");
  box.post("b");
  ck_assert(readable());
  std::vector<std::string> values;
  box.take(values);
  ck_assert(!readable());
  ck_assert_uint_eq(values.size(), 2);
  ck_assert_str_eq(values[1].c_str(), "b");
}
END_TEST

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  return parley::test::run("wrap", {a_ref_holds_exactly_the_reference_its_name_says,
                                    a_handler_is_not_called_after_its_owner_is_gone,
                                    a_connection_disconnects_when_it_goes_and_outlives_the_instance,
                                    a_context_mailbox_delivers_in_order_on_the_context_thread,
                                    an_eventfd_mailbox_is_readable_until_taken});
}
