// Pipeline files that are wrong in ways which only show when they are tried.
#include "pipeline/check.h"

#include <gst/gst.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "support/check_main.h"

namespace {

using namespace parley;

class World {
 public:
  World() {
    char name[] = "/tmp/parley-check-test-XXXXXX";
    ck_assert(mkdtemp(name) != nullptr);
    folder_ = name;
    ck_assert_int_eq(std::system(("mkdir " + folder_ + "/ours").c_str()), 0);
    options_.ours = folder_ + "/ours";
  }
  ~World() { (void)!std::system(("rm -r " + folder_).c_str()); }
  pipeline::CheckResult check(const std::string& text) {
    const std::string path = folder_ + "/x.pipeline";
    std::ofstream(path) << text;
    auto result = pipeline::check_file(path, options_);
    for (std::string& complaint : result.complaints)
      if (complaint.starts_with(folder_)) complaint.erase(0, folder_.size() + 1);
    return result;
  }
  void good(const std::string& text, const char* story) {
    const auto result = check(text);
    ck_assert_msg(result.complaints.empty(), "%s\n-> %s", text.c_str(),
                  result.complaints.empty() ? "" : result.complaints[0].c_str());
    ck_assert_msg(result.story.find(story) != std::string::npos, "%s", result.story.c_str());
  }
  void wrong(const std::string& text, const std::string& says) {
    const auto result = check(text);
    ck_assert_msg(!result.complaints.empty(), "nothing wrong with %s", text.c_str());
    ck_assert_msg(result.complaints[0].starts_with(says), "%s\n-> %s", text.c_str(),
                  result.complaints[0].c_str());
  }
  std::string folder_;
  pipeline::CheckOptions options_;
};

START_TEST(what_is_right_runs_to_its_end) {
  World world;
  world.good(
      "# A.\n# hook in appsrc opus - x\n# hook out fdsink any - x\n"
      "appsrc name=in format=time ! mux.audio_0 webmmux name=mux ! fdsink name=out\n",
      "in <- opus, out -> ");
  world.good(
      "# A mixer.\n# hook mix audiomixer raw-audio - x\n# hook out appsink raw-audio - x\n"
      "audiomixer name=mix force-live=true ! appsink name=out\n",
      "mix <- 2 x raw-audio, out -> ");
  world.good("# One that never ends by itself.\naudiotestsrc is-live=true ! fakesink name=out\n",
             "out -> ");
  world.good("# A beginning and an end that are open.\nvolume volume=0.5 ! audioconvert\n",
             "its open beginning <- raw-audio, the open end -> ");
  world.good(
      "# What decodes decides later what comes out of it.\n# hook in appsrc opus - x\n"
      "appsrc name=in format=time ! decodebin ! audioconvert\n",
      "the open end -> ");
  // What it writes to is never touched, a hook or not.
  world.good(
      "# A.\n# param where out.location string - - - - x\n"
      "fakesrc num-buffers=2 ! filesink name=out location=/proc/no/such/place\n",
      "out -> 2 buffers");
  // Nor is anything fetched.
  world.good(
      "# A.\n# hook in filesrc flv - x\n# hook out appsink any - x\n"
      "filesrc name=in location=/nonexistent ! flvdemux ! decodebin ! appsink name=out\n",
      "in <- flv, out -> ");
}
END_TEST

START_TEST(what_is_wrong_is_told_with_its_line) {
  World world;
  // A message of the parser comes through as it is, with every line.
  const auto both = world.check("# A.\n# hook in appsrc opus - x\nfakesrc ! ! fakesink\n");
  ck_assert_uint_eq(both.complaints.size(), 2);
  world.wrong("# A.\n# param n in.num-buffers int - -5..9 - - x\nfakesrc name=in ! fakesink\n",
              "x.pipeline:2: parameter 'n': in.num-buffers does not take '-5'");
  world.wrong("# A.\n# hook in appsrc smoke - x\nappsrc name=in ! fakesink\n",
              "x.pipeline:2: hook 'in': there is no test input for 'smoke'; there is raw-video");
  // The frames are not what the text expects.
  world.wrong(
      "# A.\n# hook in appsrc vp8 - x\nappsrc name=in format=time\n ! opusparse\n ! fakesink\n",
      "x.pipeline:3: in: Internal data stream error.");
  // Runs, and nothing comes out.
  world.wrong(
      "# A.\n# hook in appsrc opus - x\n# hook out appsink opus - x\n"
      "appsrc name=in format=time\n ! identity drop-probability=1\n ! appsink name=out "
      "async=false\n",
      "x.pipeline:6: nothing of the test input has come to out");
  // Never ends.
  const auto patience = std::exchange(world.options_.limit, std::chrono::milliseconds(700));
  world.wrong(
      "# A.\n# hook in appsrc opus - x\n# hook out appsink opus - x\n"
      "appsrc name=in format=time ! funnel name=f\n"
      "audiotestsrc is-live=true ! opusenc ! identity eos-after=-1 drop-allocation=true "
      "! queue ! identity sleep-time=900000 ! f.\nf. ! appsink name=out\n",
      "x.pipeline:6: the end of the input has not come to out within 0.7 s");
  world.options_.limit = patience;
  // An element's own error while it runs.
  world.wrong(
      "# A.\n# hook in appsrc opus - x\nappsrc name=in format=time\n"
      " ! identity name=weak error-after=3\n ! fakesink\n",
      "x.pipeline:4: weak: Failed after iterations as requested.");
  world.wrong("# A.\nfakesrc num-buffers=1\n ! identity error-after=1\n ! fakesink\n",
              "x.pipeline:3: identity");
  ck_assert(pipeline::check_file("/nonexistent.pipeline", {})
                .complaints[0]
                .starts_with("/nonexistent.pipeline:1: "));
}
END_TEST

START_TEST(a_file_in_place_of_ours_has_its_hooks) {
  World world;
  std::ofstream(world.folder_ + "/ours/x.pipeline")
      << "# Ours.\n# hook in appsrc opus - x\n# hook out fakesink any - x\n"
         "# param sync out.sync bool - - - - x\nappsrc name=in ! fakesink name=out\n";
  const auto result =
      world.check("# Mine.\n# hook in appsrc opus - x\nappsrc name=in format=time ! fakesink\n");
  ck_assert_uint_eq(result.complaints.size(), 2);
  ck_assert_str_eq(result.complaints[0].c_str(),
                   "x.pipeline:1: the file whose place it takes has: # hook out fakesink any");
  ck_assert_str_eq(
      result.complaints[1].c_str(),
      "x.pipeline:1: the file whose place it takes has a parameter 'sync', which is set");
  world.good(
      "# Mine.\n# hook in appsrc opus - x\n# hook out fakesink any - x\n"
      "# param sync out.sync bool - - - - x\nappsrc name=in format=time ! queue ! fakesink "
      "name=out\n",
      "out -> ");
}
END_TEST

}  // namespace

int main() {
  gst_init(nullptr, nullptr);
  return parley::test::run("pipeline check",
                           {what_is_right_runs_to_its_end, what_is_wrong_is_told_with_its_line,
                            a_file_in_place_of_ours_has_its_hooks});
}
