#include "telemetry/apart.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "telemetry/sampler.h"

namespace galileo::telemetry {
namespace {

constexpr std::size_t kDesksMax = 16;
// So long the others wait for a reading; then they go around it.
constexpr Duration kPatience = std::chrono::milliseconds{100};
// A reading that takes longer says how it was, not how it is.
constexpr Duration kDeadline = std::chrono::seconds{5};
// What all of them get together at the end.
constexpr int kLeaveAfterMs = 200;

// A count of things between the loop and a desk that may never come back. Whoever takes from it
// has what was written before it was added to.
class Count {
 public:
  explicit Count(int flags = 0) : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | flags)) {}
  ~Count() {
    if (fd_ >= 0) close(fd_);
  }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;

  int fd() const { return fd_; }
  void add(std::uint64_t things) const { static_cast<void>(!::write(fd_, &things, sizeof things)); }
  // All of them, or one where it was made so.
  std::uint64_t take() const {
    std::uint64_t things = 0;
    return ::read(fd_, &things, sizeof things) == sizeof things ? things : 0;
  }

 private:
  const int fd_;
};

}  // namespace

// An instrument, and a reading of it. While that is under way it is its desk's alone.
class Apart::Job final : private Sink<wire::Sample> {
 public:
  Job(std::string named, std::unique_ptr<Instrument> of, InstrumentCounters& counted,
      const std::string& node, MomentClock clock)
      : name(std::move(named)),
        counters(counted),
        instrument_(std::move(of)),
        clock_(std::move(clock)),
        readings_(*this, node) {
    readings_.set_clock(&clock_);
  }

  // At the desk.
  void read() {
    readings_.stamp();
    outcome = instrument_->read(readings_);
  }

  const std::string name;
  InstrumentCounters& counters;
  bool waits = false;  // or is under way
  Time overdue_since = kNever;
  ReadOutcome outcome = ReadOutcome::kNoData;
  std::vector<wire::Sample> samples;
  std::uint64_t too_late = 0;
  std::uint64_t left_out() const { return readings_.left_out(); }

 private:
  void put(const wire::Sample& sample) override { samples.push_back(sample); }

  const std::unique_ptr<Instrument> instrument_;
  const MomentClock clock_;
  Readings readings_;
};

// A thread that works through a batch of readings. It takes each off `open_`, counts it in `done_`
// when it is over, and says `over_` when there is none left; so the loop can take back those that
// aren't begun. Only that last word wakes the loop.
class Apart::Desk final : private net::IoHandler {
 public:
  // Null where there are no descriptors left for it.
  static std::unique_ptr<Desk> make(Apart& apart, std::size_t number) {
    std::unique_ptr<Desk> desk(new Desk(apart));
    if (desk->open_.fd() < 0 || desk->done_.fd() < 0 || desk->over_.fd() < 0) return nullptr;
    if (!apart.loop_.watch_listener(desk->over_.fd(), *desk).ok()) return nullptr;
    desk->watched_ = true;
    desk->thread_ = std::make_unique<net::LoopThread>("reading-" + std::to_string(number));
    return desk;
  }
  ~Desk() {
    if (watched_) apart_.loop_.unwatch(over_.fd(), *this);
    thread_.reset();
  }

  bool is_free() const { return batch_.empty(); }
  // Null: none, or the end of the last one isn't heard yet.
  Job* under_way() const { return finished_ < batch_.size() ? batch_[finished_] : nullptr; }
  // When the reading under way has begun at the latest.
  Time began() const { return began_; }
  bool has_more() const { return finished_ + 1 < batch_.size(); }

  void begin(std::vector<Job*> batch, Time now) {
    batch_ = std::move(batch);
    finished_ = 0;
    began_ = now;
    open_.add(batch_.size());
    thread_->loop().post([jobs = batch_, open = &open_, done = &done_, over = &over_] {
      for (std::size_t next = 0; open->take() > 0; ++next) {
        jobs[next]->read();
        done->add(1);
      }
      over->add(1);
    });
  }
  // Hands on what is over.
  void look(Time now) {
    const std::uint64_t done = done_.take();
    if (done > 0) began_ = now;
    for (std::uint64_t i = 0; i < done; ++i) apart_.finish(*batch_[finished_++], now);
  }
  // Those that aren't begun yet, in their order; they aren't this desk's any longer.
  std::vector<Job*> take_back() {
    std::size_t count = 0;
    while (open_.take() > 0) ++count;
    const auto first = batch_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<Job*> back(first, batch_.end());
    batch_.erase(first, batch_.end());
    return back;
  }

  bool is_over(int wait_ms) const {
    pollfd one{over_.fd(), POLLIN, 0};
    return poll(&one, 1, wait_ms) == 1;
  }
  // What is under way may never end: it and the desk stay as they are, until the process ends.
  static Job* leave(std::unique_ptr<Desk> desk) {
    desk->apart_.loop_.unwatch(desk->over_.fd(), *desk);
    return desk.release()->under_way();
  }

 private:
  explicit Desk(Apart& apart) : apart_(apart) {}
  void on_io(std::uint32_t /*events*/) override {
    if (over_.take() == 0) return;
    look(apart_.loop_.clock().now());
    batch_.clear();
    finished_ = 0;
    apart_.serve();
    apart_.set_timer();
  }

  Apart& apart_;
  Count open_{EFD_SEMAPHORE};
  Count done_;
  Count over_;
  std::unique_ptr<net::LoopThread> thread_;
  bool watched_ = false;
  std::vector<Job*> batch_;
  std::size_t finished_ = 0;
  Time began_{};
};

Apart::Apart(net::Loop& loop, Sink<wire::Sample>& sink, std::string node, MomentClock clock)
    : loop_(loop),
      sink_(sink),
      node_(std::move(node)),
      clock_(std::move(clock)),
      timer_([this](Time now) { look(now); }) {}

Apart::~Apart() {
  loop_.timers().cancel(timer_);
  for (const auto& desk : desks_) desk->take_back();
  int wait_ms = kLeaveAfterMs;
  for (auto& desk : desks_) {
    if (desk->is_free() || desk->is_over(std::exchange(wait_ms, 0))) continue;
    desk->look(loop_.clock().now());
    const Job* left = Desk::leave(std::move(desk));
    for (auto& job : jobs_) {
      // Whoever reads it still has it. NOLINTNEXTLINE(bugprone-unused-return-value)
      if (job.get() == left) static_cast<void>(job.release());
    }
  }
}

Apart::Job& Apart::add(std::string name, std::unique_ptr<Instrument> instrument,
                       InstrumentCounters& counters) {
  jobs_.push_back(
      std::make_unique<Job>(std::move(name), std::move(instrument), counters, node_, clock_));
  return *jobs_.back();
}

bool Apart::ask(Job& job) {
  if (job.waits) return false;
  job.waits = true;
  waiting_.push_back(&job);
  return true;
}

void Apart::begin() {
  serve();
  set_timer();
}

// Another desk is opened where none is free and all have been at theirs for too long.
void Apart::serve() {
  if (waiting_.empty()) return;
  const Time now = loop_.clock().now();
  auto free =
      std::find_if(desks_.begin(), desks_.end(), [](const auto& desk) { return desk->is_free(); });
  if (free == desks_.end()) {
    const bool soon = std::any_of(desks_.begin(), desks_.end(), [&](const auto& desk) {
      return now - desk->began() < kPatience;
    });
    if (soon || desks_.size() == kDesksMax) return;
    auto desk = Desk::make(*this, desks_.size());
    if (!desk) return;
    desks_.push_back(std::move(desk));
    free = std::prev(desks_.end());
  }
  (*free)->begin(std::exchange(waiting_, {}), now);
}

void Apart::finish(Job& job, Time now) {
  job.waits = false;
  if (job.outcome == ReadOutcome::kFailed) ++job.counters.failures;
  if (job.overdue_since != kNever) {
    job.too_late += job.samples.size();
    log(LogLevel::kInfo, "a reading has come to an end after all",
        {{"instrument", job.name},
         {"took_s", std::to_string(to_seconds(kDeadline + (now - job.overdue_since)))}});
    job.overdue_since = kNever;
  } else {
    for (const wire::Sample& sample : job.samples) sink_.put(sample);
  }
  job.samples.clear();
  job.counters.left_out = job.left_out() + job.too_late;
}

// Each is told of once, when its time is over. The others of its desk don't wait for it.
void Apart::look(Time now) {
  for (const auto& desk : desks_) {
    if (desk->is_free()) continue;
    desk->look(now);
    Job* job = desk->under_way();
    if (!job) continue;
    if (now - desk->began() >= kPatience) {
      const auto back = desk->take_back();
      waiting_.insert(waiting_.begin(), back.begin(), back.end());
    }
    if (job->overdue_since != kNever || now - desk->began() < kDeadline) continue;
    job->overdue_since = now;
    ++job->counters.failures;
    log(LogLevel::kWarning, "a reading comes to no end; the others go on without it",
        {{"instrument", job->name}});
  }
  serve();
  set_timer();
}

void Apart::set_timer() {
  const Time soonest = loop_.clock().now() + std::chrono::milliseconds{1};
  Time next = kNever;
  for (const auto& desk : desks_) {
    const Job* job = desk->under_way();
    if (!job) continue;
    if (desk->has_more() || (!waiting_.empty() && desks_.size() < kDesksMax))
      next = std::min(next, std::max(desk->began() + kPatience, soonest));
    if (job->overdue_since == kNever) next = std::min(next, desk->began() + kDeadline);
  }
  if (next == kNever)
    loop_.timers().cancel(timer_);
  else
    loop_.timers().set(timer_, next);
}

}  // namespace galileo::telemetry
