// Any bytes as a client's frame, and as text that we quote in a frame of ours.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "base/overloaded.h"
#include "wire/scan.h"
#include "wire/wire.h"

namespace {

using namespace parley;

void require(bool held) {
  if (!held) std::abort();
}

template <class Tag>
void require_valid(const base::Id<Tag>& id) {
  require(base::is_valid_id(id.str()));
}

void check_body(const call::RequestBody& body) {
  std::visit(base::Overloaded{[](const call::Init& init) {
                                require_valid(init.from);
                                for (const auto& profile : init.to) require_valid(profile);
                                if (init.chain) require_valid(*init.chain);
                              },
                              [](const call::Text& text) {
                                require_valid(text.from);
                                require(text.chain.has_value() != !text.to.empty());
                              },
                              [](const auto& message) { require_valid(message.call); }},
             body);
}

void check_message(const wire::ClientMessage& message) {
  std::visit(base::Overloaded{[](const call::Request& request) {
                                require_valid(request.id);
                                check_body(request.body);
                              },
                              [](const wire::ChainList& query) {
                                require_valid(query.id);
                                require(query.limit >= 1 && query.limit <= wire::kMaxPage);
                              },
                              [](const wire::ChainHistory& query) {
                                require_valid(query.id);
                                require_valid(query.chain);
                              },
                              [](const auto& session) {
                                require_valid(session.id);
                                require(!session.token.empty());
                              }},
             message);
}

void check_refusal(const wire::FrameError& error) {
  require(!error.message.empty());
  if (error.ref) require_valid(*error.ref);
  require(wire::scan(wire::encode(error)).has_value());
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  const auto decoded = wire::decode(frame);
  if (decoded)
    check_message(*decoded);
  else
    check_refusal(decoded.error());
  call::Event event;
  event.call = base::CallId("k");
  event.body = call::MediaFailedEvent{std::string(frame)};
  const std::string quoted = wire::encode(event, 1);
  require(quoted.size() > wire::kMaxFrameBytes || wire::scan(quoted).has_value());
  return 0;
}
