#include "app/options.h"

#include <fmt/format.h>
#include <glib.h>

#include <memory>

#include "app/key_file.h"
#include "wrap/owned.h"

namespace parley::app {
namespace {

constexpr const char* kExamples =
    "Without arguments it serves this machine alone: the demo page at http://localhost:8080, media "
    "on UDP port 8189,\ncalls in a database in your data folder, and a key for tokens that it "
    "makes "
    "the first time.\n"
    "\n"
    "Examples:\n"
    "  parleyd                                       try it; prints a link for each of four "
    "devices\n"
    "  parleyd --config /etc/parley/parleyd.conf     run it for others\n"
    "  parleyd --config parleyd.conf --check-config  is the configuration right?\n"
    "  parleyd --print-token carol                   a token for a fifth device, good for a day\n"
    "  parleyd --config parleyd.conf --print-token support --user carol\n"
    "  parleyd replay parley.journal                 does it still do what is written there?\n"
    "\n"
    "The configuration is explained in parleyd.conf.sample and docs/OPERATING.md.";

struct ContextFree {
  void operator()(GOptionContext* context) const { g_option_context_free(context); }
};

std::string text_of(const char* value) { return value != nullptr ? value : ""; }

base::Result<std::chrono::seconds> parse_lifetime(const std::string& text) {
  char* end = nullptr;
  const gint64 amount = g_ascii_strtoll(text.c_str(), &end, 10);
  const std::string unit = end;
  const gint64 factor = unit == "s" ? 1 : unit == "min" ? 60 : unit == "h" ? 3600 : 0;
  if (end == text.c_str() || factor == 0 || amount < 1 || amount > 366 * 24 * 3600)
    return base::fail(
        base::Code::kInvalid,
        fmt::format("--valid-for: '{}' is not a time such as 30s, 15min or 24h", text));
  return std::chrono::seconds(amount * factor);
}

// What GOption writes into.
struct Arguments {
  gboolean version = FALSE;
  gboolean check = FALSE;
  char* config = nullptr;
  char* pipelines = nullptr;
  char* profile = nullptr;
  char* user = nullptr;
  char* grants = nullptr;
  char* lifetime = nullptr;
  char* journal = nullptr;
  std::vector<std::string> words;  // that are no options

  Arguments() = default;
  ~Arguments() {
    for (char* text : {config, pipelines, profile, user, grants, lifetime, journal}) g_free(text);
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
};

base::Result<void> read_arguments(const std::vector<std::string>& given, Arguments& into) {
  const GOptionEntry entries[] = {
      {"config", 'c', 0, G_OPTION_ARG_FILENAME, &into.config, "Read the configuration from FILE",
       "FILE"},
      {"check-config", 0, 0, G_OPTION_ARG_NONE, &into.check, "Say what is wrong with it, and exit",
       nullptr},
      {"check-pipelines", 0, 0, G_OPTION_ARG_FILENAME, &into.pipelines,
       "Try the *.pipeline files in FOLDER on test input, say what is wrong with them, and exit",
       "FOLDER"},
      {"print-token", 0, 0, G_OPTION_ARG_STRING, &into.profile,
       "Print an access token for PROFILE, signed with the first HS256 key, and exit", "PROFILE"},
      {"user", 0, 0, G_OPTION_ARG_STRING, &into.user,
       "... of this user (default: named as the profile)", "USER"},
      {"grants", 0, 0, G_OPTION_ARG_STRING, &into.grants, "... with these rights", "A,B"},
      {"valid-for", 0, 0, G_OPTION_ARG_STRING, &into.lifetime, "... for so long (default: 24h)",
       "TIME"},
      {"journal", 0, 0, G_OPTION_ARG_FILENAME, &into.journal,
       "Write down in FILE what the call machine does", "FILE"},
      {"version", 'v', 0, G_OPTION_ARG_NONE, &into.version, "Print the version, and exit", nullptr},
      {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr},
  };
  const std::unique_ptr<GOptionContext, ContextFree> context(
      g_option_context_new("- calls between users with several devices"));
  g_option_context_set_summary(context.get(), kExamples);
  g_option_context_add_main_entries(context.get(), entries, nullptr);

  // GOption wants a vector it may shorten.
  char** argv = g_new0(char*, given.size() + 1);
  for (std::size_t i = 0; i < given.size(); ++i) argv[i] = g_strdup(given[i].c_str());
  wrap::Owned<GError> error;
  const bool parsed = g_option_context_parse_strv(context.get(), &argv, wrap::OutParam(error));
  if (parsed && argv != nullptr && argv[0] != nullptr)
    for (char** word = argv + 1; *word != nullptr; ++word) into.words.emplace_back(*word);
  g_strfreev(argv);
  if (!parsed)
    return base::fail(base::Code::kInvalid, fmt::format("{}; see parleyd --help", error->message));
  return {};
}

base::Result<void> take_words(const std::vector<std::string>& words, Options& options) {
  if (words.empty()) return {};
  if (words.front() != "replay")
    return base::fail(base::Code::kInvalid,
                      fmt::format("'{}' is not expected; see parleyd --help", words.front()));
  if (words.size() != 2 || words[1].empty())
    return base::fail(base::Code::kInvalid, "replay needs one FILE: a journal; see parleyd --help");
  options.replay = words[1];
  return {};
}

}  // namespace

base::Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Arguments given;
  if (auto read = read_arguments(arguments, given); !read) return tl::unexpected(read.error());
  Options options;
  if (auto words = take_words(given.words, options); !words) return tl::unexpected(words.error());
  options.journal = text_of(given.journal);
  options.version = given.version != FALSE;
  options.check_config = given.check != FALSE;
  options.check_pipelines = text_of(given.pipelines);
  options.config = text_of(given.config);
  if (given.profile != nullptr) options.token_profile = given.profile;
  options.token_user = text_of(given.user);
  std::string list = text_of(given.grants);
  for (char& c : list)
    if (c == ',') c = ';';
  for (std::string& grant : split_list(list)) options.grants.insert(std::move(grant));
  if (options.token_profile && options.token_profile->empty())
    return base::fail(base::Code::kInvalid, "--print-token: the name of the profile is empty");
  if (!options.token_profile &&
      (!options.token_user.empty() || !options.grants.empty() || given.lifetime != nullptr))
    return base::fail(base::Code::kInvalid,
                      "--user, --grants and --valid-for belong to --print-token PROFILE");
  if (given.lifetime != nullptr) {
    const auto valid_for = parse_lifetime(given.lifetime);
    if (!valid_for) return tl::unexpected(valid_for.error());
    options.valid_for = *valid_for;
  }
  return options;
}

}  // namespace parley::app
