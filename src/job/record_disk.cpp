#include "job/record_disk.h"

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

}  // namespace parley::job
