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
// For so long the others wait for a reading; then they go around it.
constexpr Duration kPatience = std::chrono::milliseconds{100};
// A reading that takes longer says how it was, not how it is.
constexpr Duration kDeadline = std::chrono::seconds{5};
// At the end, for all of them.
constexpr int kLeaveAfterMs = 200;

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
  bool overdue = false;
  Time began{};
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

// A thread, and how it says that its reading is over: through a descriptor of its own, so that it
// may be left behind. Whoever has read from that has the reading.
class Apart::Desk final : private net::IoHandler {
 public:
  // Null where there are no descriptors left for it.
  static std::unique_ptr<Desk> open(Apart& apart, std::size_t number) {
    std::unique_ptr<Desk> desk(new Desk(apart, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
    if (desk->done_ < 0 || !apart.loop_.watch_listener(desk->done_, *desk).ok()) return nullptr;
    desk->thread_ = std::make_unique<net::LoopThread>("reading-" + std::to_string(number));
    return desk;
  }
  ~Desk() {
    if (done_ >= 0) apart_.loop_.unwatch(done_, *this);
    if (left_) return;
    thread_.reset();
    if (done_ >= 0) close(done_);
  }

  void begin(Job& next) {
    job = &next;
    thread_->loop().post([one = &next, done = done_] {
      one->read();
      const std::uint64_t count = 1;
      [[maybe_unused]] const ssize_t written = ::write(done, &count, sizeof count);
    });
  }
  bool is_over(int wait_ms) const {
    pollfd one{done_, POLLIN, 0};
    return poll(&one, 1, wait_ms) == 1;
  }
  // What is under way may never end: it stays as it is, until the process ends.
  void leave() {
    static_cast<void>(thread_.release());
    left_ = true;
  }

  Job* job = nullptr;  // under way

 private:
  Desk(Apart& apart, int done) : apart_(apart), done_(done) {}
  void on_io(std::uint32_t /*events*/) override {
    std::uint64_t count = 0;
    if (::read(done_, &count, sizeof count) == sizeof count) apart_.finished(*this);
  }

  Apart& apart_;
  const int done_;
  std::unique_ptr<net::LoopThread> thread_;
  bool left_ = false;
};

Apart::Apart(net::Loop& loop, Sink<wire::Sample>& sink, std::string node, MomentClock clock)
    : loop_(loop),
      sink_(sink),
      node_(std::move(node)),
      clock_(std::move(clock)),
      timer_([this](Time now) { look(now); }) {}

Apart::~Apart() {
  loop_.timers().cancel(timer_);
  int wait_ms = kLeaveAfterMs;
  for (const auto& desk : desks_) {
    if (!desk->job || desk->is_over(std::exchange(wait_ms, 0))) continue;
    desk->leave();
    for (auto& job : jobs_) {
      if (job.get() == desk->job) static_cast<void>(job.release());
    }
  }
}

Apart::Job& Apart::add(std::string name, std::unique_ptr<Instrument> instrument,
                       InstrumentCounters& counters) {
  jobs_.push_back(
      std::make_unique<Job>(std::move(name), std::move(instrument), counters, node_, clock_));
  return *jobs_.back();
}

bool Apart::read(Job& job) {
  if (job.waits) return false;
  job.waits = true;
  waiting_.push_back(&job);
  serve();
  set_timer();
  return true;
}

// Another desk is opened where none is free and all have been at theirs for too long.
void Apart::serve() {
  const Time now = loop_.clock().now();
  while (!waiting_.empty()) {
    auto free = std::find_if(desks_.begin(), desks_.end(),
                             [](const auto& desk) { return desk->job == nullptr; });
    if (free == desks_.end()) {
      const bool soon = std::any_of(desks_.begin(), desks_.end(), [&](const auto& desk) {
        return now - desk->job->began < kPatience;
      });
      if (soon || desks_.size() == kDesksMax) return;
      auto desk = Desk::open(*this, desks_.size());
      if (!desk) return;
      desks_.push_back(std::move(desk));
      free = std::prev(desks_.end());
    }
    Job& job = *waiting_.front();
    waiting_.pop_front();
    job.began = now;
    (*free)->begin(job);
  }
}

void Apart::finished(Desk& desk) {
  Job& job = *std::exchange(desk.job, nullptr);
  job.waits = false;
  const Duration took = loop_.clock().now() - job.began;
  if (job.outcome == ReadOutcome::kFailed) ++job.counters.failures;
  if (std::exchange(job.overdue, false)) {
    job.too_late += job.samples.size();
    log(LogLevel::kInfo, "a reading has come to an end after all",
        {{"instrument", job.name}, {"took_s", std::to_string(to_seconds(took))}});
  } else {
    for (const wire::Sample& sample : job.samples) sink_.put(sample);
  }
  job.samples.clear();
  job.counters.left_out = job.left_out() + job.too_late;
  serve();
  set_timer();
}

// Each is told of once, when its time is over.
void Apart::look(Time now) {
  for (const auto& desk : desks_) {
    if (!desk->job || desk->job->overdue || now - desk->job->began < kDeadline) continue;
    desk->job->overdue = true;
    ++desk->job->counters.failures;
    log(LogLevel::kWarning, "a reading comes to no end; the others go on without it",
        {{"instrument", desk->job->name}});
  }
  serve();
  set_timer();
}

void Apart::set_timer() {
  Time next = kNever;
  for (const auto& desk : desks_) {
    if (!desk->job) continue;
    if (!waiting_.empty() && desks_.size() < kDesksMax)
      next = std::min(next, std::max(desk->job->began + kPatience,
                                     loop_.clock().now() + std::chrono::milliseconds{1}));
    if (!desk->job->overdue) next = std::min(next, desk->job->began + kDeadline);
  }
  if (next == kNever)
    loop_.timers().cancel(timer_);
  else
    loop_.timers().set(timer_, next);
}

}  // namespace galileo::telemetry
