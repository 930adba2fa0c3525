#include <fmt/format.h>

#include <utility>

#include "pipeline/content.h"
#include "pipeline/description.h"
#include "pipeline/values.h"
#include "wrap/owned.h"

namespace parley::pipeline {
namespace {

class Value {
 public:
  explicit Value(GType type) { g_value_init(&value_, type); }
  ~Value() { g_value_unset(&value_); }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  [[nodiscard]] GValue* get() { return &value_; }

 private:
  GValue value_ = G_VALUE_INIT;
};

struct Target {
  wrap::Ref<GObject> object;
  GParamSpec* property = nullptr;  // of its class
};

// `picture.sink_0::xpos` is the property xpos of the pad sink_0.
base::Result<Target> find_target(GstElement* bin, const Parameter& parameter) {
  const auto element =
      wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), parameter.element.c_str()));
  const std::string full = parameter.element + "." + parameter.property;
  if (!element)
    return base::fail(base::Code::kInvalid, fmt::format("parameter '{}': no element has name={}",
                                                        parameter.name, parameter.element));
  Target target;
  const bool has_children = GST_IS_CHILD_PROXY(element.get()) != FALSE;
  if (has_children && parameter.property.find("::") != std::string::npos) {
    if (gst_child_proxy_lookup(GST_CHILD_PROXY(element.get()), parameter.property.c_str(),
                               target.object.out(), &target.property) == FALSE)
      target.property = nullptr;
  } else {
    target.object = wrap::Ref<GObject>::retain(G_OBJECT(element.get()));
    target.property =
        g_object_class_find_property(G_OBJECT_GET_CLASS(element.get()), parameter.property.c_str());
  }
  if (target.property == nullptr)
    return base::fail(base::Code::kInvalid,
                      fmt::format("parameter '{}': there is no property {}; gst-inspect-1.0 {} "
                                  "lists what there is",
                                  parameter.name, full, G_OBJECT_TYPE_NAME(element.get())));
  if ((target.property->flags & G_PARAM_WRITABLE) == 0 ||
      (target.property->flags & G_PARAM_CONSTRUCT_ONLY) != 0)
    return base::fail(base::Code::kInvalid,
                      fmt::format("parameter '{}': {} cannot be set", parameter.name, full));
  return target;
}

bool is_whole(GType type) {
  return type == G_TYPE_INT || type == G_TYPE_UINT || type == G_TYPE_INT64 ||
         type == G_TYPE_UINT64 || type == G_TYPE_LONG || type == G_TYPE_ULONG ||
         type == G_TYPE_UCHAR || type == G_TYPE_CHAR;
}

// The parameter's type that fits a property of GLib's `type`.
const char* type_for(GType type) {
  if (is_whole(type)) return "int or uint";
  if (type == G_TYPE_FLOAT || type == G_TYPE_DOUBLE) return "double";
  if (type == G_TYPE_BOOLEAN) return "bool";
  return "string";
}

bool fits(const std::string& type, GType property) {
  const std::string wanted = type_for(property);
  if (wanted == "int or uint") return type == "int" || type == "uint";
  return type == wanted;
}

bool read_into(GValue* value, const Parameter& parameter, GParamSpec* property,
               const std::string& text) {
  const GType type = G_VALUE_TYPE(value);
  if (type == G_TYPE_STRING) {
    g_value_set_string(value, text.c_str());
    return true;
  }
  if (parameter.type == "double") {
    // Not by the locale's decimal point.
    const double number = g_ascii_strtod(text.c_str(), nullptr);
    if (type == G_TYPE_DOUBLE)
      g_value_set_double(value, number);
    else
      g_value_set_float(value, static_cast<float>(number));
    return true;
  }
  return gst_value_deserialize_with_pspec(value, text.c_str(), property) != FALSE;
}

}  // namespace

base::Result<void> check_target(GstElement* bin, const Parameter& parameter) {
  const auto target = find_target(bin, parameter);
  if (!target) return tl::unexpected(target.error());
  const GType type = G_PARAM_SPEC_VALUE_TYPE(target->property);
  if (fits(parameter.type, type)) return {};
  return base::fail(base::Code::kInvalid,
                    fmt::format("parameter '{}': {}.{} is a {}, for which the type is {}, not {}",
                                parameter.name, parameter.element, parameter.property,
                                g_type_name(type), type_for(type), parameter.type));
}

base::Result<void> apply(GstElement* bin, const Parameter& parameter, const std::string& value) {
  if (const auto wrong = check_value(parameter, value))
    return base::fail(base::Code::kInvalid,
                      fmt::format("parameter '{}': '{}' {}", parameter.name, value, *wrong));
  const auto target = find_target(bin, parameter);
  if (!target) return tl::unexpected(target.error());
  Value converted(G_PARAM_SPEC_VALUE_TYPE(target->property));
  // The property's own range may be narrower than the file's.
  if (!read_into(converted.get(), parameter, target->property, value) ||
      g_param_value_validate(target->property, converted.get()) != FALSE)
    return base::fail(
        base::Code::kInvalid,
        fmt::format("parameter '{}': {}.{} does not take '{}'; gst-inspect-1.0 says what it takes",
                    parameter.name, parameter.element, parameter.property, value));
  g_object_set_property(target->object.get(), target->property->name, converted.get());
  return {};
}

Instance::Instance(wrap::Ref<GstElement> bin, std::shared_ptr<const Content> content)
    : bin_(std::move(bin)), content_(std::move(content)) {}

GstElement* Instance::hook(std::string_view name) const {
  for (const Hook& hook : content_->hooks) {
    if (hook.name != name) continue;
    // The bin holds it.
    return wrap::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin_.get()), hook.name.c_str()))
        .get();
  }
  return nullptr;
}

base::Result<void> Instance::set(std::string_view parameter, const std::string& value) {
  std::string known;
  for (const Parameter& each : content_->parameters) {
    if (each.name == parameter) {
      auto applied = apply(bin_.get(), each, value);
      if (!applied)
        return base::fail(applied.error().code, fmt::format("{}:{}: {}", content_->path, each.line,
                                                            applied.error().message));
      return {};
    }
    known += (known.empty() ? "" : ", ") + each.name;
  }
  return base::fail(base::Code::kInvalid,
                    fmt::format("{}: there is no parameter '{}' in it ({})", content_->path,
                                parameter, known.empty() ? "it has none" : known));
}

base::Result<void> Instance::set_if_there(std::string_view parameter, const std::string& value) {
  for (const Parameter& each : content_->parameters)
    if (each.name == parameter) return set(parameter, value);
  return {};
}

}  // namespace parley::pipeline
