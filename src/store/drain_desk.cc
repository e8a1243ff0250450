#include "store/drain_desk.h"

#include <algorithm>

#include "net/clock.h"

namespace galileo::store {
namespace {

// What came in between goes in with one commit: each costs the database something, and a run's rows
// trickle in all the time.
constexpr Duration kDrainEvery = std::chrono::milliseconds{500};
constexpr Duration kTurn = std::chrono::milliseconds{1};  // for whoever wants to stop us
constexpr Duration kDrainRetry = std::chrono::seconds{2};
constexpr Duration kStepShort = std::chrono::milliseconds{250};
constexpr Duration kStepLong = std::chrono::seconds{1};
constexpr std::size_t kRecordsMin = 500;
// How long the end of a run waits for a database that can't be reached just now: as long as a
// server takes to start again, or another program to give back its locks.
constexpr Duration kFinishPatience = std::chrono::seconds{10};
constexpr Duration kFinishRetry = std::chrono::milliseconds{200};
// A database's disk is waited for no more often than that.
constexpr Duration kSafeEvery = std::chrono::milliseconds{500};
constexpr std::uint64_t kSafeBytes = std::uint64_t{256} << 10;

}  // namespace

void DrainDesk::start() {
  desk_.start("drain", [this](Time) { return tick(); }, kNever);
  desk_.post([this] {
    net::lower_thread_priority();
    desk_.set_next(desk_.clock().now());
  });
}

Result<void> DrainDesk::finish(const std::function<bool()>& give_up) {
  const net::RealClock clock;
  Time moved_last = clock.now();
  while (true) {
    const auto moved = [&]() -> Result<bool> {
      if (TRY(step())) return true;
      return drain_->ended() && !TRY(drain_->settle());
    }();
    if (moved.ok() && !*moved) return {};
    if (moved.ok()) moved_last = clock.now();
    if (!moved.ok() && (moved.error().code != ErrorCode::kUnavailable ||
                        clock.now() - moved_last >= kFinishPatience))
      return moved.error();
    if (give_up && give_up())
      return Error{ErrorCode::kInterrupted, "can't drain the spool whole", spool_path_,
                   "it was told to stop", "the next `galileo exp` on the database takes the rest"};
    if (!moved.ok()) net::pause_thread(kFinishRetry);
  }
}

Time DrainDesk::tick() {
  const auto moved = step();
  Duration wait = kDrainEvery;
  if (!moved.ok()) wait = kDrainRetry;
  if (moved.ok() && *moved && !drain_->at_end()) wait = kTurn;
  if (moved.ok()) tell_what_is_safe();
  // From when the step was over: a database that is locked may have taken seconds to say so, and
  // whoever wants to stop us gets a turn between two tries.
  return desk_.clock().now() + wait;
}

// Only what is on the database's disk too: a machine that fails takes a commit back.
void DrainDesk::tell_what_is_safe() {
  const Time now = desk_.clock().now();
  const std::uint64_t position = drain_->position();
  if (!on_safe_ || position < safe_ + kSafeBytes || now - told_ < kSafeEvery) return;
  told_ = now;
  if (!store_->sync().ok()) return;
  safe_ = position;
  on_safe_(position);
}

Result<bool> DrainDesk::step() {
  if (!drain_) drain_ = TRY(Drain::open(spool_path_, *store_, may_write_));
  const net::RealClock clock;
  const Time began = clock.now();
  const std::uint64_t before = drain_->passed().traces;
  const bool moved = TRY(drain_->step(records_at_once_));
  const Duration took = clock.now() - began;
  // One that found little to do says nothing about more.
  const bool full = drain_->passed().traces - before >= records_at_once_ / 2;
  if (took < kStepShort && full)
    records_at_once_ = std::min(Drain::kRecordsAtOnce, records_at_once_ * 2);
  else if (took > kStepLong)
    records_at_once_ = std::max(kRecordsMin, records_at_once_ / 2);
  return moved;
}

}  // namespace galileo::store
