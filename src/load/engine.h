// The load of one process: event loops on threads of their own, a dispatcher on each, and the
// clients spread over them. The control thread begins phases, asks how things stand, and stops; it
// never waits for the data plane longer than for one turn of a loop. Lives on the control thread;
// on_done callbacks come through the control loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "load/dispatcher.h"
#include "net/loop.h"
#include "net/resolver.h"

namespace galileo::load {

class Engine {
 public:
  struct Options {
    Limits limits;
    std::vector<ServiceSpec> services;
    std::uint64_t seed = 0;
    std::string worker = "local";  // the first part of client ids
    WallClock wall_clock;
  };

  // How things stand, over all loops.
  struct Snapshot {
    Ledger ledger;  // traces_stored and the like are the collector's to fill
    std::uint64_t in_flight = 0;
    std::uint64_t connections = 0;
    std::vector<Duration> loop_cpu;  // used by each loop's thread so far
  };

  // `sinks`: one a loop, as many as threads(options.limits); they outlive the engine.
  Engine(net::Loop& control, const Options& options, const std::vector<TraceSink*>& sinks);
  ~Engine();

  // Loops that these limits mean.
  static unsigned threads(const Limits& limits);

  // Resolves every host of the services; the first that doesn't is the Error. Before the first
  // phase.
  Result<void> resolve();
  // Requests due before this are marked as warm-up. Before the first phase.
  void set_warmup_until(Time until) { warmup_until_ = until; }

  // Begins the clients' work at `start`; they are kept until the phase is over. `on_done` runs on
  // the control loop.
  Result<void> begin_phase(const std::string& name, const std::vector<ClientSpec>& clients,
                           Time start, std::optional<Duration> ends_after,
                           std::function<void()> on_done);
  void stop_sending();
  void end_all();
  Snapshot snapshot();
  // Ends the loops; nothing may be called after it but the destructor.
  void join();

 private:
  struct Worker {
    std::unique_ptr<net::LoopThread> thread;
    std::unique_ptr<net::TcpConnector> connector;
    std::unique_ptr<Dispatcher> dispatcher;
  };

  void start_workers();
  std::vector<std::vector<ClientShare>> shares(const std::vector<ClientSpec>& clients);
  std::vector<std::string> hosts() const;
  void refresh_addresses();

  net::Loop& control_;
  const Options options_;
  const std::vector<TraceSink*> sinks_;
  Time warmup_until_ = Time::min();
  std::vector<Worker> workers_;
  std::vector<ClientSpec> clients_;   // of the phase under way
  std::uint32_t clients_before_ = 0;  // of earlier phases: each client has draws of its own
  std::size_t loops_busy_ = 0;
  std::vector<std::pair<std::string, std::vector<net::Address>>> addresses_;
  std::function<void()> on_done_;
  std::unique_ptr<net::LoopThread> resolver_;  // the desk of getaddrinfo
  std::unique_ptr<net::Timer> refresh_timer_;
};

}  // namespace galileo::load
