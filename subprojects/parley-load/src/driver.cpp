#include "driver.h"

#include <array>
#include <utility>

namespace parley::load {
namespace {

using Factory = std::unique_ptr<Driver> (*)(Participant&);
constexpr std::array<std::pair<const char*, Factory>, 3> kDrivers{{
    {"parley", make_parley_driver},
    {"janus", make_janus_driver},
    {"generic", make_generic_driver},
}};

}  // namespace

std::vector<std::string> driver_names() {
  std::vector<std::string> names;
  names.reserve(kDrivers.size());
  for (const auto& [name, factory] : kDrivers) names.emplace_back(name);
  return names;
}

std::unique_ptr<Driver> make_driver(const std::string& name, Participant& participant) {
  for (const auto& [known, factory] : kDrivers) {
    if (name == known) return factory(participant);
  }
  return nullptr;
}

}  // namespace parley::load
