// Test input for a pipeline, by the word that stands for it in a file's head. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parley::pipeline {

// Less than a second of it, as launch text with one unlinked source pad; nullopt: nobody knows what
// that would be. Frames, or sound and picture in a container.
[[nodiscard]] std::optional<std::string> test_media(std::string_view media);
// The same in RTP packets.
[[nodiscard]] std::optional<std::string> test_rtp(std::string_view media);
// The words there are.
[[nodiscard]] std::vector<std::string> media_words();

}  // namespace parley::pipeline
