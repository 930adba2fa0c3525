// Runs one suite: `int main() { return parley::test::run("seq mapper", {closes_the_hole, …}); }`.
//
// Include after every C++ standard header: check.h defines `fail`.
#pragma once

#include <check.h>

#include <initializer_list>

namespace parley::test {

// Exit status for meson: 0 when every test passed. Prints Check's closing line.
inline int run(const char* name, std::initializer_list<const TTest*> tests) {
  Suite* suite = suite_create(name);
  TCase* cases = tcase_create(name);
  tcase_set_timeout(cases, 60);  // seconds; for hangs, not for speed
  for (const TTest* test : tests) tcase_add_test(cases, test);
  suite_add_tcase(suite, cases);
  SRunner* runner = srunner_create(suite);
  srunner_run_all(runner, CK_ENV);
  const int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed == 0 ? 0 : 1;
}

}  // namespace parley::test
