// Who speaks, for layouts: from levels of everybody's sound, and slow enough to look at.
//
// Pure and thread-compatible.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"

namespace parley::job {

class ActiveSpeaker {
 public:
  // At least this long one stays large; our choice, of what does not look nervous.
  static constexpr base::Duration kLeastStay{1'500'000};

  // `level`: RMS in dBFS of a while that ended at `now`; some ten a second.
  void heard(const std::string& owner, double level, base::TimePoint now);
  void remove(const std::string& owner);
  // The one who speaks or spoke last; nullopt: nobody has so far. May change with each call.
  [[nodiscard]] std::optional<std::string> speaker(base::TimePoint now);

 private:
  struct Voice {
    double activity = 0;  // 0: silent, to 1: speaks loud and steadily
    base::TimePoint last{};
  };
  std::map<std::string, Voice> voices_;
  std::optional<std::string> speaker_;
  base::TimePoint since_{};
};

}  // namespace parley::job
