// The runs: each plays a stage and returns the exit status of the program.
#pragma once

#include "options.h"
#include "stage.h"

namespace parley::load {

inline constexpr int kPassed = 0;
inline constexpr int kFailed = 1;
inline constexpr int kInterrupted = 130;

// Steady load on the server; prints and writes what it cost.
[[nodiscard]] int measure(Stage& stage, const Options& options);

// One participant joins and leaves a running call over and over.
[[nodiscard]] int churn(Stage& stage, const Options& options);

// One participant per room joins a running call.
[[nodiscard]] int join_late(Stage& stage, const Options& options);

// One participant's answer has a wrong fingerprint.
[[nodiscard]] int flip_fingerprint(Stage& stage, const Options& options);

}  // namespace parley::load
