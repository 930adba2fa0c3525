// Routers share nothing: each is its thread's, and batches come to it through a mailbox. Of use
// under ThreadSanitizer above all.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "router/room.h"
#include "support/check_main.h"

using namespace parley::test;  // NOLINT(google-build-using-namespace)
using parley::base::LegId;
using parley::base::Source;

namespace {

constexpr std::uint64_t kReceivers = 4;
constexpr std::uint16_t kBatches = 40;
constexpr std::uint16_t kPerBatch = 25;

// Values only, one writer, one reader. An empty batch is the last.
class Mailbox {
 public:
  void post(std::vector<Bytes> batch) {
    const std::scoped_lock lock(mutex_);
    batches_.push_back(std::move(batch));
    filled_.notify_one();
  }
  std::vector<Bytes> take() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return !batches_.empty(); });
    std::vector<Bytes> batch = std::move(batches_.front());
    batches_.pop_front();
    return batch;
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::vector<Bytes>> batches_;
};

// The I/O thread: owns its router from the first call to the last.
void route(Mailbox& mailbox, std::size_t& delivered) {
  Room room;
  room.add(1);
  room.publish(1);
  for (std::uint64_t leg = 2; leg < 2 + kReceivers; ++leg) {
    room.add(leg);
    room.receive(leg, {1});
  }
  for (auto batch = mailbox.take(); !batch.empty(); batch = mailbox.take()) {
    for (Bytes& datagram : batch) room.router.on_datagram(LegId{1}, datagram, room.now);
    room.deliver();
    room.pass(20ms);
  }
  for (std::uint64_t leg = 2; leg < 2 + kReceivers; ++leg)
    delivered += room.peers.at(leg)->rtp.size();
}

}  // namespace

START_TEST(two_routers_on_two_threads_do_not_meet) {
  std::array<Mailbox, 2> mailboxes;
  std::array<std::size_t, 2> delivered{};
  std::thread first(route, std::ref(mailboxes[0]), std::ref(delivered[0]));
  std::thread second(route, std::ref(mailboxes[1]), std::ref(delivered[1]));
  Peer browser(1);
  std::uint16_t sequence = 0;
  for (std::uint16_t i = 0; i < kBatches; ++i) {
    std::vector<Bytes> batch;
    for (std::uint16_t k = 0; k < kPerBatch; ++k) {
      const Bytes plain = make_rtp({.ssrc = Room::ssrc(1, Source::kMic), .sequence = sequence++});
      Bytes sealed(plain.size() + parley::srtp::kMaxRtpOverhead);
      sealed.resize(browser.seal.protect(plain, sealed.data()));
      batch.push_back(std::move(sealed));
    }
    for (Mailbox& mailbox : mailboxes) mailbox.post(batch);
  }
  for (Mailbox& mailbox : mailboxes) mailbox.post({});
  first.join();
  second.join();
  for (const std::size_t count : delivered)
    ck_assert_uint_eq(count, kReceivers * kBatches * kPerBatch);
}
END_TEST

int main() { return parley::test::run("router threads", {two_routers_on_two_threads_do_not_meet}); }
