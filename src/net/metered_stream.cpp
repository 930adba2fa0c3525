#include "net/metered_stream.h"

#include <algorithm>
#include <utility>

using parley::net::ReadBudget;

// ---- input ----------------------------------------------------------------------------------

#define PARLEY_TYPE_METERED_INPUT (parley_metered_input_get_type())
G_DECLARE_FINAL_TYPE(ParleyMeteredInput, parley_metered_input, PARLEY, METERED_INPUT,
                     GFilterInputStream)

struct _ParleyMeteredInput {
  GFilterInputStream parent;
  std::shared_ptr<ReadBudget>* budget;  // owned; made in init, deleted in finalize
};

static void parley_metered_input_pollable_init(GPollableInputStreamInterface* iface);

G_DEFINE_TYPE_WITH_CODE(ParleyMeteredInput, parley_metered_input, G_TYPE_FILTER_INPUT_STREAM,
                        G_IMPLEMENT_INTERFACE(G_TYPE_POLLABLE_INPUT_STREAM,
                                              parley_metered_input_pollable_init))

static GInputStream* base_of(gpointer self) {
  return g_filter_input_stream_get_base_stream(G_FILTER_INPUT_STREAM(self));
}

// Charges what was read; the bytes that end the budget are withheld, as if the peer had left.
static gssize charge(ParleyMeteredInput* self, gssize bytes) {
  ReadBudget& budget = **self->budget;
  if (bytes <= 0 || budget.unlimited) return bytes;
  const auto used = static_cast<std::uint64_t>(bytes);
  if (used > budget.left_bytes) {
    budget.left_bytes = 0;
    return 0;
  }
  budget.left_bytes -= used;
  return bytes;
}

static gssize metered_input_read(GInputStream* stream, void* buffer, gsize count,
                                 GCancellable* cancellable, GError** error) {
  return charge(PARLEY_METERED_INPUT(stream),
                g_input_stream_read(base_of(stream), buffer, count, cancellable, error));
}

static gssize metered_input_read_nonblocking(GPollableInputStream* stream, void* buffer,
                                             gsize count, GError** error) {
  return charge(PARLEY_METERED_INPUT(stream),
                g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(base_of(stream)),
                                                         buffer, count, nullptr, error));
}

static gboolean metered_input_can_poll(GPollableInputStream* stream) {
  return g_pollable_input_stream_can_poll(G_POLLABLE_INPUT_STREAM(base_of(stream)));
}

static gboolean metered_input_is_readable(GPollableInputStream* stream) {
  return g_pollable_input_stream_is_readable(G_POLLABLE_INPUT_STREAM(base_of(stream)));
}

static GSource* metered_input_create_source(GPollableInputStream* stream,
                                            GCancellable* cancellable) {
  GSource* base =
      g_pollable_input_stream_create_source(G_POLLABLE_INPUT_STREAM(base_of(stream)), cancellable);
  GSource* source = g_pollable_source_new_full(stream, base, cancellable);
  g_source_unref(base);
  return source;
}

static void parley_metered_input_pollable_init(GPollableInputStreamInterface* iface) {
  iface->can_poll = metered_input_can_poll;
  iface->is_readable = metered_input_is_readable;
  iface->create_source = metered_input_create_source;
  iface->read_nonblocking = metered_input_read_nonblocking;
}

static void parley_metered_input_init(ParleyMeteredInput* self) {
  self->budget = new std::shared_ptr<ReadBudget>;
}

static void metered_input_finalize(GObject* object) {
  delete PARLEY_METERED_INPUT(object)->budget;
  G_OBJECT_CLASS(parley_metered_input_parent_class)->finalize(object);
}

static void parley_metered_input_class_init(ParleyMeteredInputClass* klass) {
  G_OBJECT_CLASS(klass)->finalize = metered_input_finalize;
  G_INPUT_STREAM_CLASS(klass)->read_fn = metered_input_read;
}

// ---- both directions ------------------------------------------------------------------------

struct _ParleyMeteredStream {
  GIOStream parent;
  GIOStream* base;      // a reference
  GInputStream* input;  // a reference
};

G_DEFINE_TYPE(ParleyMeteredStream, parley_metered_stream, G_TYPE_IO_STREAM)

static GInputStream* metered_stream_get_input(GIOStream* stream) {
  return PARLEY_METERED_STREAM(stream)->input;
}

static GOutputStream* metered_stream_get_output(GIOStream* stream) {
  return g_io_stream_get_output_stream(PARLEY_METERED_STREAM(stream)->base);
}

static gboolean metered_stream_close(GIOStream* stream, GCancellable* cancellable, GError** error) {
  return g_io_stream_close(PARLEY_METERED_STREAM(stream)->base, cancellable, error);
}

static void base_closed(GObject* base, GAsyncResult* result, gpointer data) {
  GTask* task = G_TASK(data);
  GError* error = nullptr;
  if (g_io_stream_close_finish(G_IO_STREAM(base), result, &error))
    g_task_return_boolean(task, TRUE);
  else
    g_task_return_error(task, error);
  g_object_unref(task);
}

// The base class would close in a thread of its pool.
static void metered_stream_close_async(GIOStream* stream, int priority, GCancellable* cancellable,
                                       GAsyncReadyCallback callback, gpointer data) {
  GTask* task = g_task_new(stream, cancellable, callback, data);
  g_io_stream_close_async(PARLEY_METERED_STREAM(stream)->base, priority, cancellable, base_closed,
                          task);
}

static gboolean metered_stream_close_finish(GIOStream*, GAsyncResult* result, GError** error) {
  return g_task_propagate_boolean(G_TASK(result), error);
}

static void metered_stream_finalize(GObject* object) {
  ParleyMeteredStream* self = PARLEY_METERED_STREAM(object);
  g_object_unref(self->input);
  g_object_unref(self->base);
  G_OBJECT_CLASS(parley_metered_stream_parent_class)->finalize(object);
}

static void parley_metered_stream_init(ParleyMeteredStream*) {}

static void parley_metered_stream_class_init(ParleyMeteredStreamClass* klass) {
  G_OBJECT_CLASS(klass)->finalize = metered_stream_finalize;
  GIOStreamClass* stream = G_IO_STREAM_CLASS(klass);
  stream->get_input_stream = metered_stream_get_input;
  stream->get_output_stream = metered_stream_get_output;
  stream->close_fn = metered_stream_close;
  stream->close_async = metered_stream_close_async;
  stream->close_finish = metered_stream_close_finish;
}

GIOStream* parley_metered_stream_new(GIOStream* base, std::shared_ptr<ReadBudget> budget) {
  auto* self = PARLEY_METERED_STREAM(g_object_new(PARLEY_TYPE_METERED_STREAM, nullptr));
  self->base = G_IO_STREAM(g_object_ref(base));
  self->input = G_INPUT_STREAM(g_object_new(PARLEY_TYPE_METERED_INPUT, "base-stream",
                                            g_io_stream_get_input_stream(base), "close-base-stream",
                                            FALSE, nullptr));
  *PARLEY_METERED_INPUT(self->input)->budget = std::move(budget);
  return G_IO_STREAM(self);
}
