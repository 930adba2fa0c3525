#include "wire/writer.h"

namespace parley::wire {

Writer::Writer() : builder_(json_builder_new_immutable()) {
  json_builder_begin_object(builder_.get());
}

Writer::Writer(const char* type) : Writer() { name("type", type); }

void Writer::text(const char* name, const std::string& value) {
  member(name);
  item(value);
}

// A text frame that is not UTF-8 ends the connection (RFC 6455, 8.1), a NUL would end a C string
// here, and json-glib 1.6 forgets to escape U+001F, which a reader then refuses: none of them may
// come out of what a library or a peer gave us as an error text.
void Writer::item(const std::string& value) {
  const bool valid = g_utf8_validate_len(value.data(), value.size(), nullptr) != FALSE;
  if (valid && value.find('\x1f') == std::string::npos) {
    json_builder_add_string_value(builder_.get(), value.c_str());
    return;
  }
  const OwnedText repaired(g_utf8_make_valid(value.data(), static_cast<gssize>(value.size())));
  g_strdelimit(repaired.get(), "\x1f", ' ');
  json_builder_add_string_value(builder_.get(), repaired.get());
}

void Writer::name(const char* name, std::string_view value) {
  member(name);
  json_builder_add_string_value(builder_.get(), std::string(value).c_str());
}

void Writer::flag(const char* name, bool value) {
  member(name);
  json_builder_add_boolean_value(builder_.get(), value ? TRUE : FALSE);
}

void Writer::number(const char* name, std::int64_t value) {
  member(name);
  json_builder_add_int_value(builder_.get(), value);
}

void Writer::null(const char* name) {
  member(name);
  json_builder_add_null_value(builder_.get());
}

std::string Writer::finish() {
  json_builder_end_object(builder_.get());
  const OwnedNode root(json_builder_get_root(builder_.get()));
  const OwnedGenerator generator(json_generator_new());
  json_generator_set_root(generator.get(), root.get());
  gsize size = 0;
  const OwnedText text(json_generator_to_data(generator.get(), &size));
  return {text.get(), size};
}

}  // namespace parley::wire
