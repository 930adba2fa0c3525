// Fragments of a description (RFC 8840, 9): the lines a= and m= alone.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "sdp/document.h"
#include "sdp/guest.h"
#include "sdp/reading.h"

namespace parley::sdp {
namespace {

using base::Code;
using base::Result;

// The fragment as a description with a head, so that one reader knows all the rules.
constexpr std::string_view kHead = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
constexpr std::size_t kHeadLines = 4;

// "line 7: what" of the text with its head as "line 3: what".
base::Error without_head(base::Error error) {
  constexpr std::string_view kLine = "line ";
  if (!error.message.starts_with(kLine)) return error;
  const auto end = error.message.find(':');
  const auto number =
      parse_number(std::string_view(error.message).substr(kLine.size(), end - kLine.size()), 65535);
  if (number && *number > kHeadLines)
    error.message = fmt::format("line {}{}", *number - kHeadLines, error.message.substr(end));
  return error;
}

Result<TransportWords> read(const Document& document) {
  auto words = read_transport(document.session, true);
  if (!words) return words;
  for (const MediaSection& section : document.media) {
    auto own = read_transport(section.attributes, true);
    if (!own) return own;
    if (auto done = merge(*words, *own, section.line); !done)
      return tl::make_unexpected(std::move(done).error());
  }
  if (words->ufrag.empty() != words->pwd.empty())
    return base::fail(Code::kInvalid, "a=ice-ufrag and a=ice-pwd come together");
  return words;
}

}  // namespace

Result<GuestFragment> check_guest_fragment(std::string_view text) {
  if (text.size() > kMaxFragmentBytes) {
    return base::fail(Code::kInvalid, fmt::format("the fragment has {} bytes; at most {} are "
                                                  "allowed",
                                                  text.size(), kMaxFragmentBytes));
  }
  if (text.empty()) return base::fail(Code::kInvalid, "the fragment is empty");
  if (!text.starts_with("a=") && !text.starts_with("m="))
    return base::fail(Code::kInvalid, "line 1: a fragment starts with a= or m=");
  const std::string whole = fmt::format("{}{}", kHead, text);
  const auto document = parse_document(whole);
  if (!document) return tl::make_unexpected(without_head(document.error()));
  const auto words = read(*document);
  if (!words) return tl::make_unexpected(without_head(words.error()));
  return GuestFragment{std::string(words->ufrag), std::string(words->pwd)};
}

}  // namespace parley::sdp
