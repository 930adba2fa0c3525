// Frames, decoded: what tests of the wire share.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "support/check_main.h"
#include "wire/wire.h"

namespace parley::test {

using wire::ClientMessage;
using wire::decode;
using wire::FrameError;

inline void assert_equal(const std::string& is, const std::string& should_be) {
  ck_assert_str_eq(is.c_str(), should_be.c_str());
}

template <class Message>
Message session(const std::string& frame) {
  auto decoded = decode(frame);
  ck_assert_msg(decoded.has_value(), "%s: %s", frame.c_str(),
                decoded ? "" : decoded.error().message.c_str());
  ck_assert(std::holds_alternative<Message>(*decoded));
  return std::get<Message>(std::move(*decoded));
}

// The body of the request in `frame`, whose id must be r1.
template <class Body>
Body request(const std::string& frame) {
  auto message = session<call::Request>(frame);
  ck_assert_str_eq(message.id.str().c_str(), "r1");
  ck_assert(std::holds_alternative<Body>(message.body));
  return std::get<Body>(std::move(message.body));
}

template <class Body>
Body media(const std::string& frame) {
  auto message = request<call::Media>(frame);
  ck_assert_str_eq(message.call.str().c_str(), "k");
  ck_assert(std::holds_alternative<Body>(message.body));
  return std::get<Body>(std::move(message.body));
}

inline FrameError refused(const std::string& frame) {
  auto decoded = decode(frame);
  ck_assert_msg(!decoded.has_value(), "taken: %s", frame.c_str());
  return std::move(decoded.error());
}

// The frame is refused for `why`, as a bad request that refers to r1, and the socket stays.
inline void assert_bad(const std::string& frame, const std::string& why) {
  const FrameError error = refused(frame);
  ck_assert_str_eq(error.message.c_str(), why.c_str());
  ck_assert(error.code == call::ErrorCode::kBadRequest);
  ck_assert_msg(error.ref && error.ref->str() == "r1", "%s", frame.c_str());
  ck_assert(!error.close_code.has_value());
}

}  // namespace parley::test
