#include "pipeline/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "pipeline/content.h"
#include "pipeline/head.h"
#include "pipeline/open_pads.h"
#include "wrap/owned.h"

namespace parley::wrap {
template <>
struct OwnedTraits<GstParseContext> {
  static void free(GstParseContext* p) { gst_parse_context_free(p); }
};
template <>
struct OwnedTraits<char*> {
  static void free(char** p) { g_strfreev(p); }
};
}  // namespace parley::wrap

namespace parley::pipeline {
namespace {

using Mistake = LaunchText::Mistake;

std::string listing(const std::string& path, std::vector<Mistake> mistakes) {
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.line < b.line; });
  std::string text;
  for (const Mistake& mistake : mistakes)
    text +=
        fmt::format("{}{}:{}: {}", text.empty() ? "" : "\n", path, mistake.line, mistake.message);
  return text;
}

Mistake parser_mistake(const LaunchText& launch, const GError* error, GstParseContext* context) {
  if (g_error_matches(error, GST_PARSE_ERROR, GST_PARSE_ERROR_SYNTAX) != FALSE) {
    if (auto mistake = launch.syntax_mistake()) return std::move(*mistake);
    return {launch.first_line(), "GStreamer cannot read the text that begins here: syntax error"};
  }
  const wrap::Owned<char*> missing(gst_parse_context_get_missing_elements(context));
  if (g_error_matches(error, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT) != FALSE &&
      missing && missing.get()[0] != nullptr) {
    const std::string factory = missing.get()[0];
    return {launch.line_of_complaint("\"" + factory + "\""),
            fmt::format("GStreamer has no element '{}' here: gst-inspect-1.0 lists those it has",
                        factory)};
  }
  return {launch.line_of_complaint(error->message), error->message};
}

std::optional<std::string> hook_mistake(GstElement* bin, const Hook& hook) {
  const auto element =
      wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), hook.name.c_str()));
  if (!element) return fmt::format("the hook '{}' is not in the text", hook.name);
  const GstElementFactory* factory = gst_element_get_factory(element.get());
  const char* name = factory == nullptr ? "bin" : GST_OBJECT_NAME(factory);
  if (hook.factory == name) return std::nullopt;
  return fmt::format("the hook '{}' is a {} in the text, and should be a {}", hook.name, name,
                     hook.factory);
}

std::vector<Mistake> mistakes_in(GstElement* bin, const Content& content) {
  std::vector<Mistake> mistakes;
  for (const Hook& hook : content.hooks)
    if (auto wrong = hook_mistake(bin, hook)) mistakes.push_back({hook.line, std::move(*wrong)});
  for (const Parameter& parameter : content.parameters) {
    auto target = check_target(bin, parameter);
    if (target && parameter.value != "-") target = apply(bin, parameter, parameter.value);
    if (!target) mistakes.push_back({parameter.line, target.error().message});
  }
  return mistakes;
}

}  // namespace

base::Result<Description> Description::parse(const std::string& path, std::string_view text) {
  if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) == FALSE ||
      text.find('\0') != std::string_view::npos)
    return base::fail(base::Code::kInvalid, fmt::format("{}:1: the file is not UTF-8", path));
  LaunchText launch(text);
  Head head = read_head(text, launch);
  if (launch.empty())
    head.mistakes.push_back({1, "there is no pipeline in it: comments only"});
  else if (auto mistake = launch.syntax_mistake())
    head.mistakes.push_back(std::move(*mistake));
  if (!head.mistakes.empty())
    return base::fail(base::Code::kInvalid, listing(path, std::move(head.mistakes)));
  return Description(
      std::make_shared<const Content>(Content{path, std::move(head.about), std::move(launch),
                                              std::move(head.hooks), std::move(head.parameters)}));
}

const std::string& Description::path() const { return content_->path; }
const std::string& Description::about() const { return content_->about; }
const std::vector<Hook>& Description::hooks() const { return content_->hooks; }
const std::vector<Parameter>& Description::parameters() const { return content_->parameters; }

const Hook* Description::find_hook(std::string_view name) const {
  for (const Hook& hook : content_->hooks)
    if (hook.name == name) return &hook;
  return nullptr;
}

int Description::line_of_element(std::string_view name) const {
  return content_->launch.line_of_name(name).value_or(0);
}

int Description::line_of_unnamed(std::string_view name) const {
  const std::size_t digits = name.find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits + 1 == name.size()) return 0;
  return content_->launch.line_of_factory(name.substr(0, digits + 1)).value_or(0);
}

base::Result<Instance> Description::make() const {
  const wrap::Owned<GstParseContext> context(gst_parse_context_new());
  wrap::Owned<GError> error;
  auto bin = wrap::Ref<GstElement>::sink(
      gst_parse_bin_from_description_full(content_->launch.text().c_str(), FALSE, context.get(),
                                          GST_PARSE_FLAG_FATAL_ERRORS, wrap::OutParam(error)));
  if (error || !bin) {
    Mistake mistake{content_->launch.first_line(), "GStreamer makes nothing of it"};
    if (error) mistake = parser_mistake(content_->launch, error.get(), context.get());
    return base::fail(base::Code::kInvalid, listing(content_->path, {std::move(mistake)}));
  }
  // Not by GStreamer's parser, which looks into elements that are bins, and takes what they keep
  // open for themselves.
  expose_open_pads(GST_BIN(bin.get()));
  if (auto mistakes = mistakes_in(bin.get(), *content_); !mistakes.empty())
    return base::fail(base::Code::kInvalid, listing(content_->path, std::move(mistakes)));
  return Instance(std::move(bin), content_);
}

}  // namespace parley::pipeline
