#include "pipeline/description.h"

#include <gst/gst.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "support/check_main.h"

namespace {

using namespace parley;
using pipeline::Description;

constexpr const char* kGood =
    "# Makes noise quieter\n"
    "# and nothing else.\n"
    "#\n"
    "# Written for the test.\n"
    "# hook out fakesink any - where it goes\n"
    "# param loudness quiet.volume double - 0..1 0.25 - of the noise\n"
    "# param wave noise.wave string - sine|silence silence - what noise\n"
    "# param buffers noise.num-buffers int - 1..100 - - how many\n"
    "# param level pad.sink_0::volume double - - 0.5 - of one input of the mixer\n"
    "\n"
    "audiotestsrc name=noise num-buffers=3\n"
    "  # quieter\n"
    "  ! volume name=quiet\n"
    "  ! audiomixer name=pad sink_0::mute=false\n"
    "  ! fakesink name=out\n";

std::string error_of(const std::string& text) {
  const auto description = Description::parse("x.pipeline", text);
  if (!description) {
    ck_assert(description.error().code == base::Code::kInvalid);
    return description.error().message;
  }
  const auto instance = description->make();
  ck_assert_msg(!instance, "%s", text.c_str());
  ck_assert(instance.error().code == base::Code::kInvalid);
  return instance.error().message;
}

double property(GstElement* bin, const char* element, const char* name) {
  const auto found = wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), element));
  gdouble value = 0;
  g_object_get(found.get(), name, &value, nullptr);
  return value;
}

START_TEST(a_file_is_read) {
  const auto description = Description::parse("x.pipeline", kGood);
  ck_assert_msg(description.has_value(), "%s", description.error().message.c_str());
  ck_assert_str_eq(description->about().c_str(), "Makes noise quieter and nothing else.");
  ck_assert_uint_eq(description->hooks().size(), 1);
  ck_assert_str_eq(description->hooks()[0].about.c_str(), "where it goes");
  ck_assert_int_eq(description->hooks()[0].line, 5);
  ck_assert_uint_eq(description->parameters().size(), 4);
  ck_assert_str_eq(description->parameters()[0].property.c_str(), "volume");
  ck_assert_str_eq(description->parameters()[3].property.c_str(), "sink_0::volume");
  ck_assert_int_eq(description->line_of_element("quiet"), 13);
}
END_TEST

START_TEST(values_become_properties) {
  auto description = std::make_unique<Description>(*Description::parse("x.pipeline", kGood));
  auto instance = description->make();
  ck_assert_msg(instance.has_value(), "%s", instance.error().message.c_str());
  description.reset();  // an instance needs it no more
  ck_assert(instance->hook("out") != nullptr);
  ck_assert(instance->hook("noise") == nullptr);
  ck_assert_double_eq(property(instance->bin(), "quiet", "volume"), 0.25);
  ck_assert(instance->set("loudness", "0.75").has_value());
  ck_assert_double_eq(property(instance->bin(), "quiet", "volume"), 0.75);
  ck_assert(instance->set("wave", "sine").has_value());
  ck_assert(instance->set("buffers", "7").has_value());
  ck_assert(instance->set_if_there("nothing", "7").has_value());
  for (const auto& [name, value, says] : std::vector<std::array<const char*, 3>>{
           {"loudness", "2", "'2' is not in 0..1"},
           {"loudness", "0,5", "'0,5' is not a number"},
           {"loudness", "", "'' is not a number"},
           {"wave", "square", "'square' is not in sine|silence"},
           {"buffers", "1.5", "'1.5' is not a whole number"},
           {"nothing", "1", "no parameter 'nothing' in it (loudness, wave, buffers, level)"}}) {
    const auto set = instance->set(name, value);
    ck_assert(!set && set.error().code == base::Code::kInvalid);
    ck_assert_msg(set.error().message.find(says) != std::string::npos, "%s",
                  set.error().message.c_str());
  }
  // What was refused has changed nothing.
  ck_assert_double_eq(property(instance->bin(), "quiet", "volume"), 0.75);
}
END_TEST

START_TEST(values_are_never_text) {
  // As text these would add elements, or end the description.
  const auto description =
      Description::parse("x.pipeline",
                         "# Names a file.\n"
                         "# param location out.location string - - - - where\n"
                         "fakesrc num-buffers=0 ! filesink name=out location=/dev/null\n");
  ck_assert_msg(description.has_value(), "%s", description.error().message.c_str());
  for (const char* value :
       {"/tmp/a ! filesink location=/tmp/b", "a\" ! fakesink name=\"b", "!", ""}) {
    auto instance = description->make();
    ck_assert(instance->set("location", value).has_value());
    ck_assert_int_eq(GST_BIN_NUMCHILDREN(GST_BIN(instance->bin())), 2);
    const auto out =
        wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(instance->bin()), "out"));
    gchar* location = nullptr;
    g_object_get(out.get(), "location", &location, nullptr);
    ck_assert_str_eq(location == nullptr ? "" : location, value);
    g_free(location);
  }
}
END_TEST

START_TEST(unlinked_pads_become_the_bins) {
  const auto input = Description::parse("in.pipeline", "# In.\naudiotestsrc ! audioconvert\n");
  const auto instance = input->make();
  ck_assert(instance.has_value());
  GstPad* pad = gst_element_get_static_pad(instance->bin(), "src");
  ck_assert(pad != nullptr);
  gst_object_unref(pad);
}
END_TEST

struct Bad {
  const char* text;
  const char* says;  // the beginning of the message
};

START_TEST(mistakes_are_told_with_their_lines) {
  const Bad all[] = {
      {"", "x.pipeline:1: the first line does not say"},
      {"# Nothing.\n", "x.pipeline:1: there is no pipeline in it"},
      {"fakesrc ! fakesink", "x.pipeline:1: the first line does not say"},
      {"# A\n\xff", "x.pipeline:1: the file is not UTF-8"},
      {"# A\n\nfakesrc !\n ! fakesink", "x.pipeline:4: nothing stands between two '!'"},
      {"# A\nfakesrc\n ! fakesink !\n", "x.pipeline:3: nothing stands behind this '!'"},
      {"# A\n! fakesink", "x.pipeline:2: nothing stands before this '!'"},
      {"# A\nfakesrc ! filesink\n location=\"a\n", "x.pipeline:3: a quote is opened here"},
      {"# A\nfakesrc\n ! name=a\n", "x.pipeline:3: 'name=a' belongs behind the name of an element"},
      {"# A\nfakesrc\n ! nosuchelement\n ! fakesink", "x.pipeline:3: GStreamer has no element"},
      {"# A\nfakesrc ! queue !\n queue\n  colour=red\n ! fakesink",
       "x.pipeline:4: no property \"colour\" in element"},
      {"# A\nvideotestsrc !\n\n audioconvert ! fakesink", "x.pipeline:4: could not link"},
      {"# A\n# hook in appsrc\nappsrc name=in ! fakesink",
       "x.pipeline:2: this is not: # hook NAME FACTORY MEDIA - TEXT"},
      {"# A\n# hook in appsrc opus - x\nappsrc name=inn ! fakesink",
       "x.pipeline:2: the hook 'in' is not in the text: a appsrc with name=in"},
      {"# A\n# hook in appsrc opus - x\n# hook in appsrc opus - x\nappsrc name=in ! fakesink",
       "x.pipeline:3: there are two hooks 'in'"},
      {"# A\n# hook in appsrc opus - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: the hook 'in' is a fakesrc in the text, and should be a appsrc"},
      {"# A\nfakesrc name=in ! fakesink\n# hook in fakesrc any - late\n",
       "x.pipeline:3: hooks and parameters stand in the head"},
      {"# A\n# param n in uint - - - - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: this is not: # param NAME ELEMENT.PROPERTY"},
      {"# A\n# param n in.num-buffers number - - - - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: parameter 'n': the type 'number' is none of uint, int, double, bool, string"},
      {"# A\n# param n in.num-buffers int - 9..1 - - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: parameter 'n': the range '9..1' is not LEAST..MOST of type int"},
      {"# A\n# param n in.num-buffers int - 1..9 10 - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: parameter 'n': the default '10' is not in 1..9"},
      {"# A\n# param n on.num-buffers int - 1..9 1 - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: parameter 'n': no element has name=on in the text"},
      {"# A\n# param n in.number int - 1..9 1 - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: parameter 'n': there is no property in.number"},
      {"# A\n# param n in.num-buffers double - 1..9 1 - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: parameter 'n': in.num-buffers is a gint, for which the type is int or uint"},
      {"# A\n# param n in.num-buffers int - - -7 - x\nfakesrc name=in ! fakesink",
       "x.pipeline:2: parameter 'n': in.num-buffers does not take '-7'"},
      {"# A\n# param n q.current-level-time uint ns - 1 - x\nfakesrc ! queue name=q ! fakesink",
       "x.pipeline:2: parameter 'n': q.current-level-time cannot be set"},
  };
  for (const Bad& bad : all) {
    const std::string error = error_of(bad.text);
    ck_assert_msg(error.starts_with(bad.says), "%s\n-> %s", bad.text, error.c_str());
  }
  // All of a file's mistakes at once, in their order.
  const std::string both =
      error_of("# A\n# hook in appsrc opus - x\n# param n a.b uint - - - - x\nfakesrc !\n");
  ck_assert_str_eq(both.c_str(),
                   "x.pipeline:2: the hook 'in' is not in the text: a appsrc with name=in\n"
                   "x.pipeline:3: parameter 'n': no element has name=a in the text\n"
                   "x.pipeline:4: nothing stands behind this '!'");
}
END_TEST

START_TEST(an_earlier_folder_hides_a_later_one) {
  char base[] = "/tmp/parley-pipelines-XXXXXX";
  ck_assert(mkdtemp(base) != nullptr);
  const std::string own = std::string(base) + "/own";
  const std::string ours = std::string(base) + "/ours";
  for (const std::string& folder : {own, ours})
    ck_assert_int_eq(g_mkdir_with_parents(folder.c_str(), 0700), 0);
  std::ofstream(own + "/a.pipeline") << "# Own.\nfakesrc ! fakesink\n";
  std::ofstream(ours + "/a.pipeline") << "# Ours.\nfakesrc ! fakesink\n";
  std::ofstream(ours + "/b.pipeline") << "# Ours.\nfakesrc ! fakesink\n";
  std::ofstream(own + "/c.pipeline") << "bad\n";
  std::ofstream(ours + "/c.pipeline") << "# Ours.\nfakesrc ! fakesink\n";
  const pipeline::Folders folders({own, ours, std::string(base) + "/none"});
  ck_assert(folders.load("a")->about() == "Own.");
  ck_assert(folders.load("b")->about() == "Ours.");
  // A mistake in an operator's file is told; ours does not take its place in silence.
  ck_assert(folders.load("c").error().message.starts_with(own + "/c.pipeline:1:"));
  const auto missing = folders.load("d");
  ck_assert(missing.error().code == base::Code::kNotFound);
  ck_assert(missing.error().message.find(ours) != std::string::npos);
  ck_assert_int_eq(std::system(("rm -r " + std::string(base)).c_str()), 0);
}
END_TEST

}  // namespace

int main() {
  gst_init(nullptr, nullptr);
  return parley::test::run("pipeline",
                           {a_file_is_read, values_become_properties, values_are_never_text,
                            unlinked_pads_become_the_bins, mistakes_are_told_with_their_lines,
                            an_earlier_folder_hides_a_later_one});
}
