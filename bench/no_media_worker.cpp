// A media worker that does nothing: no thread, no port, no leg ever opens. Linked into parleyd in
// place of the real one, it leaves what signalling alone costs.
#include "media/worker.h"

namespace parley::media {

class Worker::Impl {};

Worker::Worker(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Worker::~Worker() = default;

base::Result<std::unique_ptr<Worker>> Worker::start(WorkerConfig /*config*/,
                                                    std::function<void(Event)> /*on_event*/) {
  return std::unique_ptr<Worker>(new Worker(std::make_unique<Impl>()));
}

void Worker::post(Command /*command*/) {}
WorkerStats Worker::stats() const { return {}; }
std::uint16_t Worker::udp_port() const { return 0; }

}  // namespace parley::media
