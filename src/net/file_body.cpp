#include "net/file_body.h"

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "net/handles.h"

namespace parley::net {
namespace {

constexpr gsize kPiece = 128 * 1024;  // bytes; our choice

// Lives as long as the message's signals and what is being read hold it.
struct Sending {
  SoupServerMessage* message = nullptr;  // nullptr: it is over
  std::shared_ptr<const OpenFile> file;
  Object<GInputStream> stream;  // reads it
  std::uint64_t left = 0;
  std::function<void()> on_progress;
};
using Held = std::shared_ptr<Sending>;

// The reader sees less than was announced, and knows by that.
void break_off(Sending& sending) {
  SoupServerMessage* message = std::exchange(sending.message, nullptr);
  if (message == nullptr) return;
  soup_message_body_complete(soup_server_message_get_response_body(message));
  soup_server_message_unpause(message);
}

void on_read(GObject* stream, GAsyncResult* result, gpointer data) noexcept {
  const std::unique_ptr<Held> held(static_cast<Held*>(data));
  Sending& sending = **held;
  GBytes* bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(stream), result, nullptr);
  if (sending.message != nullptr && (bytes == nullptr || g_bytes_get_size(bytes) == 0)) {
    break_off(sending);
  } else if (sending.message != nullptr) {
    SoupMessageBody* body = soup_server_message_get_response_body(sending.message);
    sending.left -= std::min<std::uint64_t>(sending.left, g_bytes_get_size(bytes));
    soup_message_body_append_bytes(body, bytes);
    if (sending.left == 0) soup_message_body_complete(body);
    soup_server_message_unpause(sending.message);
  }
  if (bytes != nullptr) g_bytes_unref(bytes);
}

void read_on(const Held& held) {
  g_input_stream_read_bytes_async(G_INPUT_STREAM(held->stream.get()),
                                  static_cast<gsize>(std::min<std::uint64_t>(kPiece, held->left)),
                                  G_PRIORITY_DEFAULT, nullptr, on_read, new Held(held));
}

void on_wrote(SoupServerMessage* message, gpointer data) noexcept {
  const Held& held = *static_cast<Held*>(data);
  if (held->message == nullptr || held->left == 0) return;
  held->on_progress();
  soup_server_message_pause(message);
  read_on(held);
}

void on_over(SoupServerMessage* /*message*/, gpointer data) noexcept {
  (*static_cast<Held*>(data))->message = nullptr;
}

void release(gpointer held, GClosure* /*closure*/) noexcept { delete static_cast<Held*>(held); }

// At its first byte. A stream of a plain file reads on a thread of GLib's.
Object<GInputStream> open_part(const FilePart& part) {
  if (::lseek(part.file->get(), static_cast<off_t>(part.first), SEEK_SET) < 0)
    return Object<GInputStream>();
  return Object<GInputStream>(g_unix_input_stream_new(part.file->get(), FALSE));
}

}  // namespace

OpenFile::~OpenFile() {
  if (fd_ >= 0) ::close(fd_);
}

void send_file(SoupServerMessage* message, const std::string& type, const FilePart& part,
               std::function<void()> on_progress) {
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_set_content_type(headers, type.c_str(), nullptr);
  soup_message_headers_set_content_length(headers, static_cast<goffset>(part.length));
  SoupMessageBody* body = soup_server_message_get_response_body(message);
  const bool head = std::string_view(soup_server_message_get_method(message)) == "HEAD";
  auto stream = head || part.length == 0 ? Object<GInputStream>() : open_part(part);
  if (!stream) {
    soup_message_body_complete(body);
    return soup_server_message_unpause(message);
  }
  soup_message_body_set_accumulate(body, FALSE);
  const auto held = std::make_shared<Sending>();
  held->message = message;
  held->file = part.file;
  held->stream = std::move(stream);
  held->left = part.length;
  held->on_progress = std::move(on_progress);
  g_signal_connect_data(message, "wrote-chunk", G_CALLBACK(on_wrote), new Held(held), release,
                        GConnectFlags{});
  for (const char* end : {"finished", "disconnected"})
    g_signal_connect_data(message, end, G_CALLBACK(on_over), new Held(held), release,
                          GConnectFlags{});
  read_on(held);
}

}  // namespace parley::net
