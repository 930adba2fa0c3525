// A device of a user: one WebSocket whose bytes are ours, so that a test decides what goes out in
// which order, and gets what came before the server died.
#pragma once

#include <json-glib/json-glib.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace parley::test {

// A JSON object that came in.
class Message {
 public:
  explicit Message(std::string_view text);
  // A part of another message, which must outlive it.
  explicit Message(JsonObject* part) : object_(part) {}
  [[nodiscard]] bool valid() const { return object_ != nullptr; }
  // "" and 0 when there is no such member, or it is of another type.
  [[nodiscard]] std::string text(const char* name) const;
  [[nodiscard]] std::int64_t number(const char* name) const;
  [[nodiscard]] bool flag(const char* name) const;
  [[nodiscard]] bool has(const char* name) const;
  [[nodiscard]] Message part(const char* name) const;
  void each(const char* array, const std::function<void(const Message&)>& take) const;
  // "a=x b=y": the members of an object of texts, by name.
  [[nodiscard]] std::string texts(const char* object) const;
  [[nodiscard]] std::string type() const { return text("type"); }

 private:
  std::shared_ptr<JsonNode> node_;
  JsonObject* object_ = nullptr;
};

// One thread.
class Device {
 public:
  using OnMessage = std::function<void(const Message&)>;

  // Connected and upgraded, or closed().
  Device(int port, OnMessage on_message);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Puts a text frame in line.
  void say(std::string_view text);
  // The same as a request: {"type": …, "id": …, members}.
  void ask(const std::string& type, const std::string& id, const std::string& members);
  // Writes what is in line.
  void flush();
  // Reads what has come, and hands on every whole message.
  void read();
  // Reads to the end of what a server sent before it died.
  void read_to_end();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool wants_to_write() const { return !out_.empty() && !closed_; }

 private:
  void upgrade();
  void take_frames();

  const OnMessage on_message_;
  int fd_;
  bool closed_ = false;
  std::string in_;
  std::string out_;
};

}  // namespace parley::test
