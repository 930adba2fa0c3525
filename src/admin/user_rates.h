// How often each user may ask: a bucket for whoever asked lately.
//
// Tokens name users without end, so that only so many are kept. Who asked longest ago is forgotten
// first: that bucket is the fullest, and a fresh one makes the least difference.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

#include "base/ids.h"
#include "base/time.h"
#include "base/token_bucket.h"

namespace parley::admin {

// Not thread-safe. Time is an argument and must not run backwards.
class UserRates {
 public:
  static constexpr std::size_t kMostUsers = 1000;  // our choice: about 200 KiB

  UserRates(double rate_per_second, double burst) : rate_(rate_per_second), burst_(burst) {}

  // Takes one of the user's requests; false: there is none left now.
  [[nodiscard]] bool take(const base::UserId& user, base::TimePoint now) {
    if (const auto known = places_.find(user); known != places_.end()) {
      lately_.splice(lately_.begin(), lately_, known->second);
    } else {
      if (lately_.size() >= kMostUsers) {
        places_.erase(lately_.back().first);
        lately_.pop_back();
      }
      lately_.emplace_front(user, base::TokenBucket(rate_, burst_, now));
      places_.emplace(user, lately_.begin());
    }
    return lately_.front().second.take(now);
  }

 private:
  using Users = std::list<std::pair<base::UserId, base::TokenBucket>>;
  const double rate_;
  const double burst_;
  Users lately_;  // who asked last is first
  std::unordered_map<base::UserId, Users::iterator> places_;
};

}  // namespace parley::admin
