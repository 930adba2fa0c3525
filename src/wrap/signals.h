// Signal connections that survive their C++ object.
//
// GObject calls handlers on whatever thread emits, and disconnecting does not wait for a handler
// that is running elsewhere. So a handler's user data is a heap block of its own, freed by
// GObject's destroy notify, that holds a weak_ptr: a late call finds either a living owner or none.
//
// The last strong reference may be dropped inside a handler, on the emitting thread: owners must be
// fit to be destroyed on any thread (our choice: owners are small objects that only post values).
#pragma once

#include <glib-object.h>

#include <memory>
#include <utility>

namespace parley::wrap {

// Disconnects when destroyed. Does not keep the instance alive.
class Connection {
 public:
  Connection() { g_weak_ref_init(&instance_, nullptr); }
  Connection(gpointer instance, gulong id) : id_(id) { g_weak_ref_init(&instance_, instance); }
  Connection(Connection&& other) noexcept : Connection() { swap(other); }
  Connection& operator=(Connection&& other) noexcept {
    Connection(std::move(other)).swap(*this);
    return *this;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    disconnect();
    g_weak_ref_clear(&instance_);
  }

  void disconnect() {
    const gulong id = std::exchange(id_, 0);
    if (id == 0) return;
    if (gpointer instance = g_weak_ref_get(&instance_)) {
      if (g_signal_handler_is_connected(instance, id) != FALSE)
        g_signal_handler_disconnect(instance, id);
      g_object_unref(instance);
    }
  }

 private:
  void swap(Connection& other) {
    gpointer mine = g_weak_ref_get(&instance_);
    gpointer theirs = g_weak_ref_get(&other.instance_);
    g_weak_ref_set(&instance_, theirs);
    g_weak_ref_set(&other.instance_, mine);
    if (mine != nullptr) g_object_unref(mine);
    if (theirs != nullptr) g_object_unref(theirs);
    std::swap(id_, other.id_);
  }
  GWeakRef instance_;
  gulong id_ = 0;
};

namespace internal {
template <class Owner, class Instance, class... Args>
struct Handler {
  using Function = void (*)(Owner&, Instance*, Args...);
  std::weak_ptr<Owner> owner;
  Function function;

  static void call(Instance* instance, Args... args, gpointer data) noexcept {
    auto* self = static_cast<Handler*>(data);
    if (const std::shared_ptr<Owner> owner = self->owner.lock())
      self->function(*owner, instance, args...);
  }
  static void destroy(gpointer data, GClosure* /*closure*/) noexcept {
    const std::unique_ptr<Handler> self(static_cast<Handler*>(data));
  }
};
}  // namespace internal

// Calls `function(owner, instance, args…)` at each emission while the owner lives. `function` is a
// captureless lambda turned into a pointer by `+`; its parameters after the owner are the C
// handler's, without the user data.
template <class Owner, class Instance, class... Args>
[[nodiscard]] Connection connect(gpointer instance, const char* signal, std::weak_ptr<Owner> owner,
                                 void (*function)(Owner&, Instance*, Args...)) {
  using Block = internal::Handler<Owner, Instance, Args...>;
  auto block = std::make_unique<Block>(Block{std::move(owner), function});
  // The destroy notify owns the block from here on.
  const gulong id =
      g_signal_connect_data(instance, signal, reinterpret_cast<GCallback>(&Block::call),
                            block.release(), &Block::destroy, static_cast<GConnectFlags>(0));
  return {instance, id};
}

}  // namespace parley::wrap
