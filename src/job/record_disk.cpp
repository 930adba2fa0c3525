#include "job/record_disk.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <utility>
#include <vector>

namespace parley::job {

struct Disk::Inside {
  using Work = std::function<Then()>;
  using Answers = wrap::ContextMailbox<Then>::Box;

  Inside(GMainContext* context, std::shared_ptr<Answers> answers)
      : box(context, [answers = std::move(answers)](std::vector<Work>& works) {
          for (Work& work : works) {
            if (Then then = work()) answers->post(std::move(then));
            work = {};
          }
        }) {}
  wrap::ContextMailbox<Work> box;
};

Disk::Disk()
    : answers_(g_main_context_get_thread_default(),
               [](std::vector<Then>& answers) {
                 for (const Then& then : answers) then();
               }),
      thread_(std::make_unique<wrap::ContextThread>("parley-disk")) {
  thread_->run_and_wait(
      [this] { inside_ = std::make_unique<Inside>(thread_->context(), answers_.box()); });
}

Disk::~Disk() {
  thread_.reset();
  inside_.reset();
}

void Disk::run(std::function<Then()> work) { inside_->box.box()->post(std::move(work)); }

FreeRoom::FreeRoom(Disk& disk, int folder, std::uint64_t keep_bytes,
                   std::function<void(base::Error)> on_short)
    : disk_(disk),
      folder_(folder),
      keep_bytes_(keep_bytes),
      on_short_(std::move(on_short)),
      self_(std::make_shared<FreeRoom*>(this)) {}

void FreeRoom::look() {
  if (keep_bytes_ == 0 || looking_ || !on_short_) return;
  looking_ = true;
  disk_.run([self = self_, folder = folder_]() -> Disk::Then {
    struct statvfs disk {};
    const bool known = fstatvfs(folder, &disk) == 0;
    const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    return [self, known, free_bytes] {
      if (*self == nullptr) return;
      FreeRoom& room = **self;
      room.looking_ = false;
      if (!known || free_bytes >= room.keep_bytes_) return;
      constexpr double kMiB = 1024.0 * 1024;
      std::exchange(room.on_short_, nullptr)(
          {base::Code::kUnavailable,
           fmt::format("The disk of the recordings has only {:.1f} MiB left, and a recording ends "
                       "with less than {:.1f} MiB.",
                       static_cast<double>(free_bytes) / kMiB,
                       static_cast<double>(room.keep_bytes_) / kMiB)});
    };
  });
}

}  // namespace parley::job
