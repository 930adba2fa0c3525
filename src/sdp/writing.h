// Lines of a description, as they are written.
#pragma once

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <utility>

#include "sdp/leg_session.h"

namespace parley::sdp {

template <class... Args>
void put(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
  out += "\r\n";
}

// Host candidates, the first preferred (RFC 8445, 5.1.2.1), and that there are no more.
void put_candidates(std::string& out, const Transport& transport);

}  // namespace parley::sdp
