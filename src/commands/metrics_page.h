// /metrics of a run that goes on, for scrapers (Prometheus' text format), and /healthz and /readyz
// with it. It has a thread of its own, which gets a copy of the counts now and then: however often
// it is asked, neither the load nor the collector's desk hears of it. A page never fails a run:
// where its port is taken it goes to another one, or there is none, and that is said.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "commands/status_page.h"
#include "experiment/live_rates.h"
#include "experiment/run_observer.h"
#include "load/request_metrics.h"
#include "net/loop.h"

namespace galileo::commands {

class MetricsPage final : public experiment::RunObserver {
 public:
  // Listens from now on, or says why not.
  explicit MetricsPage(const net::Address& address);
  ~MetricsPage() override;
  MetricsPage(const MetricsPage&) = delete;
  MetricsPage& operator=(const MetricsPage&) = delete;

  void begin(const wire::Experiment& experiment, const plan::Plan& plan) override;
  void on_trace(const wire::Trace& trace, const wire::Names& names) override;
  void on_turn() override;
  void on_counts(const load::Begun& begun) override;
  void on_in_flight(std::uint64_t requests) override;
  std::vector<std::string> end() override;

 private:
  Result<void> listen(const net::Address& address);
  Result<void> listen_elsewhere(const net::Address& address);
  void hand_over();
  // On the page's thread.
  std::string page();

  net::LoopThread thread_;
  std::unique_ptr<StatusPage> page_;
  RelaxedCounter intended_;  // written by the run's thread
  RelaxedCounter sent_;
  // The collector's desk's.
  load::RequestMetrics counted_;
  Time handed_over_{};
  const net::RealClock clock_;
  // The page's thread's.
  load::RequestMetrics shown_;
  experiment::LiveRates rates_;
  std::string info_;  // the run's line
  std::uint64_t in_flight_ = 0;
  bool is_over_ = false;
};

// What --metrics says: a host and port, or a port of this machine's; nothing where it isn't given.
Result<std::optional<net::Address>> metrics_address(const std::string& flag);

}  // namespace galileo::commands
