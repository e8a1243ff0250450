// The telemetry daemon: reads this node's instruments, publishes each value on the bus
// (docs/wire/telemetry.md), tells who the node is, and obeys `pause`, `unpause` and `info`. What is
// read in one turn goes out in one round trip, from a desk of its own: a bus that is slow or away
// keeps no reading from its time. What it can't be told waits, up to a bound, and goes out with the
// times at which it was read; the oldest is dropped first, and counted.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "bus/bus.h"
#include "net/desk.h"
#include "net/loop.h"
#include "telemetry/sampler.h"

namespace galileo::fleet {

struct TelemetryDaemonOptions {
  telemetry::SamplerOptions sampler;
  std::size_t waiting_bytes_max = std::size_t{1} << 20;
  double cpu_max = 0.1;  // share of one core; beyond it everything is read less often
};

// What has become of the values, for its /metrics; those read, and neither out nor dropped, wait.
struct TelemetryDaemonCounts {
  std::uint64_t samples = 0;    // read
  std::uint64_t published = 0;  // and out
  std::uint64_t dropped = 0;    // for want of room, while the bus took nothing
  std::uint64_t commands = 0;   // obeyed
  std::uint64_t malformed = 0;  // on the command channel, and no command
  std::uint64_t failures = 0;   // readings that should be there and couldn't be read
  std::uint64_t missed = 0;     // readings that fell out since an earlier one took too long
  std::uint64_t left_out = 0;   // values that should be there and aren't known
};

class TelemetryDaemon final : private Sink<wire::Sample> {
 public:
  // Writes the node's info, listens and begins to read, on `loop`. `loop` and `bus` outlive it.
  // Errors: an instrument or period that can't be, a bus that is away.
  static Result<std::unique_ptr<TelemetryDaemon>> start(net::Loop& loop, bus::Bus& bus,
                                                        const TelemetryDaemonOptions& options);
  // Publishes what waits, as far as the bus takes it at once, and takes the node's info away.
  ~TelemetryDaemon() override;

  // On `loop`.
  bool paused() const { return paused_; }
  TelemetryDaemonCounts counts() const;
  const std::string& node() const { return options_.sampler.machine.node; }
  // Prometheus' text, for /metrics.
  std::string metrics() const;

 private:
  struct Waiting {
    std::string channel;
    std::string line;
    std::size_t bytes() const { return sizeof *this + channel.size() + line.size(); }
  };

  TelemetryDaemon(net::Loop& loop, bus::Bus& bus, const TelemetryDaemonOptions& options);
  Result<void> begin();
  void on_due(Time now);
  void hand_over();
  void look_after(Time now);
  void hold_cpu(Time now);
  void put(const wire::Sample& sample) override;
  // At the desk.
  void take(std::vector<Waiting> turn);
  void publish_waiting();
  void on_command(std::string_view command);
  void on_connected(bool connected);
  Result<void> write_info();

  net::Loop& loop_;
  bus::Bus& bus_;
  const TelemetryDaemonOptions options_;
  const std::string info_key_;
  std::unique_ptr<telemetry::Sampler> sampler_;
  net::Timer timer_;
  net::Timer hand_over_timer_;
  bool in_turn_ = false;
  // What is looked after every now and then: its own use of CPU, and what can't be read.
  net::Timer care_timer_;
  Time cared_at_{};
  Duration cpu_then_{0};
  double stretch_ = 1;
  std::vector<std::uint64_t> failures_then_;  // by instrument
  std::size_t left_out_then_ = 0;
  bool paused_ = false;
  std::uint64_t samples_ = 0;
  std::uint64_t commands_ = 0;
  std::uint64_t malformed_ = 0;
  std::vector<Waiting> turn_;    // what this turn of the loop has read
  std::deque<Waiting> waiting_;  // at the desk, like its size
  std::size_t waiting_bytes_ = 0;
  RelaxedCounter published_;
  RelaxedCounter dropped_;
  net::Desk desk_;  // speaks to the bus
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace galileo::fleet
