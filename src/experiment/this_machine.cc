#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "experiment/telemetry_source.h"
#include "net/desk.h"
#include "telemetry/machine.h"
#include "telemetry/sampler.h"
#include "wire/csv.h"

namespace galileo::experiment {
namespace {

// Its first line holds it; some servers write more behind.
Result<std::int64_t> pid_in_file(const plan::WatchedProcess& process) {
  const std::string text = TRY(read_whole_file(process.pid_file, 4096));
  const std::string_view whole = wire::after_byte_order_mark(text);
  const auto number = parse_integer(trim(whole.substr(0, whole.find('\n'))));
  if (number && *number > 0 && *number <= std::numeric_limits<pid_t>::max()) return *number;
  return Error{ErrorCode::kUsage,
               fmt::format("can't watch process '{}'", process.name),
               process.pid_file,
               "the file holds no process id in its first line",
               {}};
}

// Reads at a desk of its own.
class ThisMachine final : public TelemetrySource, private Sink<wire::Sample> {
 public:
  ThisMachine() { machine_.node = telemetry::hostname(); }
  ~ThisMachine() override { stop(); }

  Result<std::vector<wire::NodeInfo>> nodes() override { return telemetry::node_info(machine_); }

  Result<void> start(const Context& context) override {
    const auto options = TRY(options_of(context));
    collector_ = &context.collector;
    desk_.start("telemetry", [this](Time now) { return tick(now); }, kNever);
    Result<void> started;
    desk_.call([&] { started = start_at_desk(options, context.wall_clock); });
    return started;
  }

  void stop() override {
    desk_.stop();
    sampler_.reset();  // may have timers and sockets on the desk's loop, which runs no more
  }

 private:
  Result<telemetry::SamplerOptions> options_of(const Context& context) const {
    const plan::Telemetry& wanted = context.plan.telemetry;
    telemetry::SamplerOptions options;
    options.machine = machine_;
    options.instruments = wanted.instruments;
    options.period = wanted.period;
    // Who asks others asks no more often than the daemon would.
    for (const telemetry::InstrumentRow& row : telemetry::instrument_rows()) {
      if (row.name == "scrape" || row.name == "command")
        options.periods[std::string(row.name)] = std::max(row.period, wanted.period);
    }
    options.machine.files = wanted.files;
    options.machine.pages = wanted.pages;
    options.machine.page_metrics = wanted.page_metrics;
    options.machine.commands = wanted.commands;
    for (const std::string& name : wanted.applications)
      options.machine.processes.push_back({name, context.platform.pid(name)});
    for (const plan::WatchedProcess& process : wanted.processes) {
      std::int64_t pid = process.pid;
      if (!process.pid_file.empty()) pid = TRY(pid_in_file(process));
      options.machine.processes.push_back({process.name, pid, false});
    }
    // Our own use too: what the generator takes from the machine under test is part of the picture.
    // The applications that it has started are no part of that.
    options.machine.processes.push_back({"galileo", getpid(), true});
    return options;
  }

  Result<void> start_at_desk(telemetry::SamplerOptions options, const WallClock& wall_clock) {
    options.machine.loop = &desk_.loop();
    sampler_ = TRY(telemetry::Sampler::make(options, *this, [wall_clock] {
      const Time at = net::RealClock().now();
      return telemetry::Moment{wall_clock.wall(at), at};
    }));
    const Time now = desk_.clock().now();
    sampler_->start(now);
    desk_.set_next(tick(now));
    return {};
  }

  Time tick(Time now) {
    is_reading_ = true;
    sampler_->run_due(now);
    is_reading_ = false;
    hand_on();
    return sampler_->next_due();
  }

  void put(const wire::Sample& sample) override {
    // Those that come later (of a page, a command, a slow file) come several in one turn too.
    if (samples_.empty() && !is_reading_) desk_.post([this] { hand_on(); });
    samples_.push_back(sample);
  }

  // What was read in one turn wakes the collector once.
  void hand_on() {
    if (!samples_.empty()) collector_->put(std::exchange(samples_, {}));
  }

  telemetry::Machine machine_;
  Collector* collector_ = nullptr;
  std::vector<wire::Sample> samples_;
  bool is_reading_ = false;
  net::Desk desk_;
  std::unique_ptr<telemetry::Sampler> sampler_;
};

}  // namespace

std::unique_ptr<TelemetrySource> this_machine() {
  return std::make_unique<ThisMachine>();
}

}  // namespace galileo::experiment
