// SAYS(actual, expected): compares texts, and shows both when they differ.
//
// Include after every C++ standard header, as check_main.h.
#pragma once

#include <string>

#include "support/check_main.h"

#define SAYS(actual, expected)                                    \
  do {                                                            \
    const std::string actual_text = (actual);                     \
    const std::string expected_text = (expected);                 \
    ck_assert_str_eq(actual_text.c_str(), expected_text.c_str()); \
  } while (false)
