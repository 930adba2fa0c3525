// Takes out of a text what nobody may read: a job's secret, and of its URL whatever could be a key.
// GStreamer's elements put both into their errors. Thread-compatible.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "job/spec.h"

namespace parley::job {

class Discretion {
 public:
  Discretion() = default;  // hides nothing
  explicit Discretion(const Spec& spec);
  [[nodiscard]] std::string clean(std::string_view text) const;
  // For people in a call: they are not told where it goes either.
  [[nodiscard]] std::string without_address(std::string_view text) const;

 private:
  void hide_url(std::string_view url);
  void hide(std::string_view secret);
  std::vector<std::string> secrets_;  // the longest first
  std::vector<std::string> places_;   // the host and its address
};

}  // namespace parley::job
