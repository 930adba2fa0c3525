// Prints the offers of tests/sdp/scenarios.h as one JSON object: {name: [offer, ...]}.
#include <cstdio>
#include <string>

#include "sdp/scenarios.h"

namespace {

std::string json(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;  // an offer of ours has no quotes and no backslashes
    }
  }
  return out + "\"";
}

}  // namespace

int main() {
  const char* separator = "{";
  for (const auto& scenario : parley::test::scenarios()) {
    std::printf("%s\"%s\":[", separator, scenario.name);
    separator = ",";
    parley::sdp::LegSession session(1, parley::test::transport());
    const char* comma = "";
    for (const auto& step : scenario.steps) {
      step(session);
      const auto offer = session.make_offer();
      std::printf("%s%s", comma, json(offer.sdp).c_str());
      comma = ",";
      if (!session.accept_answer(offer.rev, parley::test::answer_to(offer.sdp))) return 1;
    }
    std::printf("]");
  }
  std::printf("}\n");
  return 0;
}
