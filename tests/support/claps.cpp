#include "support/claps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/check_main.h"

namespace parley::test {

namespace {

constexpr double kHalfASecond = 0.5;  // they clap at every full one

// What follows `word` in each line that ffmpeg says about the file before it sums up. Afterwards it
// tells what the end of the file has ended.
std::vector<double> told(const std::string& file, const char* filter, const char* word) {
  // NOLINTNEXTLINE(cert-env33-c): our own words
  FILE* out = popen(
      fmt::format("ffmpeg -hide_banner -nostdin -copyts -i '{}' {} -f null - 2>&1", file, filter)
          .c_str(),
      "r");
  ck_assert(out != nullptr);
  std::vector<double> all;
  std::string said;
  std::array<char, 1024> line{};
  bool over = false;
  while (std::fgets(line.data(), line.size(), out) != nullptr) {
    said += line.data();
    over = over || std::strncmp(line.data(), "video:", 6) == 0;
    if (const char* at = std::strstr(line.data(), word); at != nullptr && !over)
      all.push_back(std::atof(at + std::strlen(word)));
  }
  ck_assert_msg(pclose(out) == 0 && over, "%s", said.c_str());
  return all;
}

}  // namespace

std::vector<double> claps_in(const std::string& file, base::Kind kind) {
  return kind == base::Kind::kVideo
             ? told(file, "-an -vf blackdetect=d=0.1:pix_th=0.3", "black_end:")
             : told(file, "-vn -af silencedetect=n=-30dB:d=0.3", "silence_end: ");
}

std::vector<double> claps_in(const std::vector<std::string>& files, base::Kind kind) {
  std::vector<double> all;
  for (const std::string& file : files) {
    const auto some = claps_in(file, kind);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<double> apart_ms(const std::string& what, const std::vector<double>& these,
                             const std::vector<double>& those) {
  std::vector<double> all;
  std::string text;
  for (const double one : these) {
    const auto other = std::min_element(those.begin(), those.end(), [one](double a, double b) {
      return std::abs(a - one) < std::abs(b - one);
    });
    if (other == those.end() || std::abs(*other - one) > kHalfASecond) continue;
    all.push_back((one - *other) * 1000);
    text += fmt::format(" {:+.1f} at {:.1f} s,", all.back(), one);
  }
  std::printf("%s, ms:%s\n", what.c_str(), text.c_str());
  std::fflush(stdout);
  return all;
}

}  // namespace parley::test
