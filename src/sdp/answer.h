// Checks answers: nothing of what a peer says is used before it went through here.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "sdp/leg_session.h"

namespace parley::sdp {

// The answer to the offer of `offered`; kInvalid: what is wrong in which line.
[[nodiscard]] base::Result<Answer> check_answer(const std::vector<MediaLine>& offered,
                                                std::string_view sdp);

}  // namespace parley::sdp
