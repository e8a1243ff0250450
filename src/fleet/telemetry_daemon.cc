#include "fleet/telemetry_daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/log.h"
#include "bus/keys.h"
#include "telemetry/containers.h"
#include "telemetry/machine.h"
#include "wire/prometheus.h"
#include "wire/sample_line.h"

namespace galileo::fleet {
namespace {

// So many go out in one round trip; more wait for the next.
constexpr std::size_t kAtOnce = 2000;
constexpr Duration kCareEvery = std::chrono::seconds{5};
constexpr double kStretchMax = 64;

}  // namespace

TelemetryDaemon::TelemetryDaemon(net::Loop& loop, bus::Bus& bus,
                                 const TelemetryDaemonOptions& options)
    : loop_(loop),
      bus_(bus),
      options_(options),
      info_key_(bus::node_info_key(options.sampler.machine.node)),
      timer_([this](Time now) { on_due(now); }),
      hand_over_timer_([this](Time) { hand_over(); }),
      care_timer_([this](Time now) { look_after(now); }) {}

Result<std::unique_ptr<TelemetryDaemon>> TelemetryDaemon::start(
    net::Loop& loop, bus::Bus& bus, const TelemetryDaemonOptions& options) {
  std::unique_ptr<TelemetryDaemon> daemon(new TelemetryDaemon(loop, bus, options));
  telemetry::SamplerOptions sampler = options.sampler;
  sampler.machine.loop = &loop;
  sampler.machine.old_wire = true;
  daemon->sampler_ = TRY(telemetry::Sampler::make(sampler, *daemon, [] {
    return telemetry::Moment{net::RealClock::wall_now(), net::RealClock().now()};
  }));
  TRY(daemon->begin());
  return daemon;
}

Result<void> TelemetryDaemon::begin() {
  desk_.start("publisher", [](Time) { return kNever; }, kNever);  // it does what it is told
  bus_.on_connected([this](bool connected) { on_connected(connected); });
  subscription_ = TRY(
      bus_.subscribe({bus::telemetry_command_channel(node())}, {},
                     [this](std::string_view, std::string_view message) {
                       loop_.post([this, command = std::string(message)] { on_command(command); });
                     }));
  TRY(write_info());
  const Time now = loop_.clock().now();
  sampler_->start(now);
  loop_.timers().set(timer_, now);
  failures_then_.resize(sampler_->instruments());
  cared_at_ = now;
  cpu_then_ = net::RealClock::process_cpu();
  loop_.timers().set(care_timer_, now + kCareEvery);
  return {};
}

TelemetryDaemon::~TelemetryDaemon() {
  subscription_.reset();
  loop_.timers().cancel(timer_);
  loop_.timers().cancel(care_timer_);
  loop_.timers().cancel(hand_over_timer_);
  desk_.stop([this] {
    publish_waiting();
    static_cast<void>(bus_.change({bus::remove_key(info_key_)}).ok());
  });
  bus_.on_connected({});
}

void TelemetryDaemon::on_due(Time now) {
  in_turn_ = true;
  sampler_->run_due(now);
  in_turn_ = false;
  hand_over();
  loop_.timers().set(timer_, sampler_->next_due());
}

void TelemetryDaemon::hand_over() {
  if (!turn_.empty()) desk_.post([this, turn = std::exchange(turn_, {})] { take(turn); });
}

// What goes wrong is told once, and when it is over.
void TelemetryDaemon::look_after(Time now) {
  for (std::size_t i = 0; i < sampler_->instruments(); ++i) {
    const std::uint64_t failures = sampler_->counters(i).failures;
    if (failures > 0 && failures_then_[i] == 0)
      log(LogLevel::kWarning, "an instrument finds other than it should",
          {{"instrument", sampler_->name(i)}});
    failures_then_[i] = failures;
  }
  const std::size_t left_out = sampler_->containers().left_out();
  if (left_out > left_out_then_)
    log(LogLevel::kWarning, "more containers than may be kept open; some are left out",
        {{"left_out", std::to_string(left_out)},
         {"at_most", std::to_string(options_.sampler.machine.containers_max)}});
  left_out_then_ = left_out;
  hold_cpu(now);
  loop_.timers().set(care_timer_, now + kCareEvery);
}

// The node is there for others: rather less is known of it than too much taken from it.
void TelemetryDaemon::hold_cpu(Time now) {
  const Duration cpu = net::RealClock::process_cpu();
  const double share = to_seconds(cpu - cpu_then_) / to_seconds(now - cared_at_);
  cpu_then_ = cpu;
  cared_at_ = now;
  const double before = stretch_;
  if (share > options_.cpu_max)
    stretch_ = std::min(stretch_ * 2, kStretchMax);
  else if (share < options_.cpu_max / 4)
    stretch_ = std::max(stretch_ / 2, 1.0);
  if (stretch_ == before) return;
  sampler_->stretch(stretch_);
  log(stretch_ > before ? LogLevel::kWarning : LogLevel::kInfo,
      stretch_ > before ? "it takes too much CPU: everything is read less often"
                        : "everything is read more often again",
      {{"cpu_pct", fmt::format("{:.1f}", share * 100)},
       {"cpu_max_pct", fmt::format("{:.1f}", options_.cpu_max * 100)},
       {"periods", fmt::format("{:g} times as long", stretch_)}});
}

// Also between turns: what an instrument had to wait for.
void TelemetryDaemon::put(const wire::Sample& sample) {
  ++samples_;
  if (!in_turn_ && turn_.empty()) loop_.timers().set(hand_over_timer_, loop_.clock().now());
  Waiting& waiting = turn_.emplace_back();
  waiting.channel = wire::sample_topic(sample);
  wire::append_sample_line(waiting.line, sample);
}

void TelemetryDaemon::take(std::vector<Waiting> turn) {
  for (Waiting& one : turn) {
    waiting_bytes_ += one.bytes();
    waiting_.push_back(std::move(one));
  }
  while (waiting_bytes_ > options_.waiting_bytes_max) {
    waiting_bytes_ -= waiting_.front().bytes();
    waiting_.pop_front();
    dropped_.add(1);
  }
  publish_waiting();
}

// They go out in the order in which they were read. What the bus refuses stays.
void TelemetryDaemon::publish_waiting() {
  while (bus_.connected() && !waiting_.empty()) {
    const std::size_t count = std::min(waiting_.size(), kAtOnce);
    std::vector<bus::Change> changes;
    changes.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      changes.push_back(bus::publish_in(waiting_[i].channel, waiting_[i].line));
    if (!bus_.change(changes).ok()) return;
    published_.add(count);
    for (std::size_t i = 0; i < count; ++i) {
      waiting_bytes_ -= waiting_.front().bytes();
      waiting_.pop_front();
    }
  }
}

void TelemetryDaemon::on_command(std::string_view command) {
  if (command == "pause" || command == "unpause") {
    ++commands_;
    const bool pause = command == "pause";
    if (pause == paused_) return;
    paused_ = pause;
    log(LogLevel::kInfo, pause ? "paused" : "reading again", {{"node", node()}});
    if (paused_) {
      loop_.timers().cancel(timer_);
      return;
    }
    // From now on, as after a start: nothing was missed.
    const Time now = loop_.clock().now();
    sampler_->start(now);
    loop_.timers().set(timer_, now);
  } else if (command == "info") {
    ++commands_;
    desk_.post([this] { static_cast<void>(write_info().ok()); });
  } else {
    ++malformed_;
    log(LogLevel::kWarning, "no command of mine; pause, unpause and info are",
        {{"node", node()}, {"command", std::string(command.substr(0, 60))}});
  }
}

// At the bus's desk. A pause stays, the info may be gone.
void TelemetryDaemon::on_connected(bool connected) {
  if (!connected) {
    log(LogLevel::kWarning, "the bus is away", {{"bus", bus_.where()}});
    return;
  }
  log(LogLevel::kInfo, "the bus is there again", {{"bus", bus_.where()}});
  desk_.post([this] {
    static_cast<void>(write_info().ok());
    publish_waiting();
  });
}

Result<void> TelemetryDaemon::write_info() {
  std::map<std::string, std::string> fields;
  for (const wire::NodeInfo& info : telemetry::node_info(options_.sampler.machine))
    fields[info.key] = info.value;
  TRY(bus_.change({bus::hash_set(info_key_, fields)}));
  return {};
}

TelemetryDaemonCounts TelemetryDaemon::counts() const {
  TelemetryDaemonCounts counts;
  counts.samples = samples_;
  counts.published = published_.load();
  counts.dropped = dropped_.load();
  counts.commands = commands_;
  counts.malformed = malformed_;
  for (std::size_t i = 0; i < sampler_->instruments(); ++i) {
    counts.failures += sampler_->counters(i).failures;
    counts.missed += sampler_->counters(i).missed;
    counts.left_out += sampler_->counters(i).left_out;
  }
  return counts;
}

std::string TelemetryDaemon::metrics() const {
  const TelemetryDaemonCounts now = counts();
  std::string text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value) {
    wire::append_metric(text, "galileo_telemd_" + std::string(name), type, help, value);
  };
  add("up", "gauge", "1 while the bus is connected.", bus_.connected() ? 1 : 0);
  add("paused", "gauge", "1 while it is paused.", paused_ ? 1 : 0);
  add("samples_total", "counter", "Values read.", now.samples);
  add("published_total", "counter", "Values published.", now.published);
  add("dropped_total", "counter", "Values dropped while the bus took nothing.", now.dropped);
  add("commands_total", "counter", "Commands obeyed.", now.commands);
  add("messages_malformed_total", "counter", "Messages that are no command.", now.malformed);
  add("readings_failed_total", "counter", "Readings that couldn't be made.", now.failures);
  add("readings_missed_total", "counter", "Readings that fell out.", now.missed);
  add("values_left_out_total", "counter", "Values that should be there and aren't known.",
      now.left_out);
  add("periods_stretched", "gauge", "How many times as long as asked for periods are.",
      static_cast<std::uint64_t>(stretch_));
  add("containers_left_out", "gauge", "Containers that aren't read.", left_out_then_);
  return text;
}

}  // namespace galileo::fleet
