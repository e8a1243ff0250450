#include "store/drain_desk.h"

namespace galileo::store {
namespace {

constexpr Duration kDrainEvery = std::chrono::milliseconds{100};
constexpr Duration kDrainRetry = std::chrono::seconds{2};
constexpr std::size_t kDrainAtOnce = 5000;

}  // namespace

void DrainDesk::start() {
  desk_ = std::make_unique<net::LoopThread>("drain");
  timer_ = std::make_unique<net::Timer>([this](Time) { tick(); });
  desk_->loop().post([this] {
    net::lower_thread_priority();
    tick();
  });
}

void DrainDesk::stop() {
  if (!desk_) return;
  desk_->call([this] { desk_->loop().timers().cancel(*timer_); });
  desk_->join();
  desk_.reset();
}

Result<void> DrainDesk::finish(const std::function<bool()>& give_up) {
  if (!drain_) drain_ = TRY(Drain::open(spool_path_, *store_));
  while (TRY(drain_->step())) {
    if (give_up && give_up())
      return Error{ErrorCode::kInterrupted, "can't drain the spool whole", spool_path_,
                   "it was told to stop", "the next `galileo exp` on the database takes the rest"};
  }
  return {};
}

void DrainDesk::tick() {
  const auto moved = step();
  Duration wait = kDrainEvery;
  if (!moved.ok()) wait = kDrainRetry;
  if (moved.ok() && *moved) wait = std::chrono::milliseconds{1};
  // From when the step was over: a database that is locked may have taken seconds to say so, and
  // whoever wants to stop us gets a turn between two tries.
  desk_->loop().timers().set(*timer_, desk_->loop().clock().now() + wait);
}

Result<bool> DrainDesk::step() {
  if (!drain_) drain_ = TRY(Drain::open(spool_path_, *store_));
  return drain_->step(kDrainAtOnce);
}

}  // namespace galileo::store
