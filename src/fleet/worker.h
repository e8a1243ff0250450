// A worker: obeys the commands of docs/wire/bus.md with any number of clients in one process, old
// shells' and ours. It registers, answers calls, keeps the keys of its clients, takes routes from
// the routing table, and brings its traces to where they are wanted. Redis away: the load goes on,
// traces wait in the spool, and everything is published after, under the same name.
//
// Made, started and stopped on the control thread, whose loop must run meanwhile: the engine is
// commanded there. What blocks (the bus) is done at the registry's desk.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "apps/settings.h"
#include "base/counters.h"
#include "base/repeats.h"
#include "bus/bus.h"
#include "bus/directory.h"
#include "bus/rpc.h"
#include "fleet/taken_requests.h"
#include "fleet/trace_log.h"
#include "fleet/trace_outlet.h"
#include "load/engine.h"
#include "net/loop.h"
#include "wire/fleet_api.h"
#include "wire/fleet_requests.h"
#include "wire/worker_api.h"

namespace galileo::fleet {

struct WorkerOptions {
  std::string name;
  std::map<std::string, std::string> labels;  // what is published of the environment
  load::ServiceSpec routing;                  // router, balancer and static host of every service
  load::Limits limits;
  // Where traces go: "redis", "file" (the spool stays), "sql" (`database`), or empty: nowhere, they
  // are only counted.
  std::string trace_logging;
  std::string database;
  std::string spool_folder = ".";
  std::uint64_t spool_bytes_max = 0;  // of disk, for the traces that wait; 0: as much as there is
  std::string version;
  apps::Settings apps;           // how client apps are found and held
  bool counts_requests = false;  // for metrics(), by client and service
};

// Counts of what a worker has been told, for its /metrics.
struct WorkerCounts {
  std::uint64_t commands = 0;
  std::uint64_t malformed = 0;  // messages that couldn't be read
  std::uint64_t refused = 0;    // commands that couldn't be carried out
  std::uint64_t clients = 0;
  std::uint64_t reconnects = 0;
};

class Worker {
 public:
  // `control` and `bus` outlive it.
  static Result<std::unique_ptr<Worker>> make(net::Loop& control, bus::Bus& bus,
                                              WorkerOptions options);
  ~Worker();

  // Listens, then registers: a command that is sent when the worker is seen isn't lost. An Error
  // where the bus can't be reached, or another worker of that name lives.
  Result<void> start();
  // Ends the workloads, waits for their requests up to `grace`, un-registers, publishes what is in
  // the spool up to `deadline`. Runs the control loop meanwhile.
  void stop(Duration grace, Duration deadline);

  const WorkerCounts& counts() const { return counts_; }
  // Prometheus' text, for /metrics.
  std::string metrics();
  const std::string& boot() const { return boot_; }

 private:
  struct Run;
  struct ClientEntry {
    wire::ClientDescription description;
    std::string run;                             // experiment id; empty: none
    std::uint64_t workloads = 0;                 // it has been given so far
    std::optional<wire::RequestsName> requests;  // where they are described
    // Each client counts as a receiver of its own: that is how an old shell knows how many answers
    // to wait for.
    std::unique_ptr<bus::RpcRemote> info;
    // Until its profile can be read again; the timer is control's.
    Pauses hunger{std::chrono::milliseconds{50}, std::chrono::seconds{1}};
    std::unique_ptr<net::Timer> again;
  };

  Worker(net::Loop& control, bus::Bus& bus, WorkerOptions options);
  Result<void> listen();
  Result<void> serve();
  void serve_json(const std::string& remote, const std::string& type,
                  std::function<Result<std::string>(const wire::RpcRequest&)> answer,
                  bus::RpcServer* server = nullptr);  // null: rpc_
  void serve_requests();
  // At the desk of requests_rpc_.
  Result<std::string> take_requests(const wire::RpcRequest& request);
  Result<std::map<std::string, std::string>> take_contents(const wire::TakeRequests& take);
  Result<TakenRequest> make_ready(const std::string& description,
                                  const std::map<std::string, std::string>& places) const;
  Result<std::string> forget_requests(const wire::RpcRequest& request);
  // On the control loop.
  void forget_left_requests();
  Result<void> add_described(const std::string& service, const wire::RequestsName& name,
                             const std::vector<std::string>& ids);
  Error not_taken(const std::string& client) const;
  using Clients = std::map<std::string, std::string>;  // what describes each, by its id
  Clients clients() const;                             // on the control loop
  Result<void> register_now(const Clients& clients);

  // At the bus's desk: the message is taken along to the control loop.
  void on_message(std::string_view channel, std::string_view message);
  void on_connected(bool connected);
  // On the control loop.
  void obey(const std::string& channel, const std::string& message);
  void set_workload(const wire::SetWorkloadCommand& command);
  void refuse_workload(const std::string& client, const Error& error);
  void close_client(const std::string& id);
  void refuse(std::string_view what, const Error& error);
  void on_hungry(const std::string& client, std::size_t room);
  void feed(const std::string& client, const std::vector<std::string>& entries);
  void starve(const std::string& client, std::size_t room, const Error& error);
  void on_answered(const std::string& client);
  Result<std::string> create_clients(const wire::RpcRequest& request);
  Result<load::Request> request_of(const wire::ClientConfig& config) const;
  Result<void> announce(const std::vector<wire::ClientDescription>& clients);
  Result<void> serve_infos(const std::vector<wire::ClientDescription>& clients);
  Result<bus::RpcResult> client_info(const std::string& id);
  Result<std::string> start_workloads(const wire::RpcRequest& request);
  Result<void> begin(const wire::StartWorkloads& start);
  Result<load::Workload> ordered_workload(const wire::WorkloadOrder& order,
                                          const wire::StartWorkloads& start);
  Result<std::string> change_arrivals(const wire::RpcRequest& request);
  Result<std::string> pause_run(const wire::RpcRequest& request);
  Result<std::string> stop_run(const wire::RpcRequest& request);
  Result<std::string> answer_report(const wire::RpcRequest& request);
  Result<wire::RunReport> report(const std::string& run, bool next);
  wire::OwnReport own_report(const std::string& name, const Run& run);
  void forget_ended_runs(const std::string& but);
  // What was seen of the fleet's lease.
  struct LeaseSight {
    bool answered = false;    // the bus has
    std::uint64_t claim = 0;  // that has the fleet; 0: none
  };
  void on_lease(const LeaseSight& sight);
  void end_orphan(const std::string& name, Run& run);
  void publish_report(const std::string& run);
  void report_all();
  void tell_of_cut_responses();
  // At the registry's desk.
  void beat();
  void look_at_lease();
  void note_beat(const std::string& trouble);
  // At the desk of routes.
  void refresh_routes();
  enum class Missing : std::uint8_t { kKeep, kRemove };
  void refresh_route(const std::string& service, Missing missing);
  void set_route(const bus::Route& route);
  // From another desk: runs `task` on the control loop and waits for it.
  Result<void> on_control(std::function<void()> task);
  void publish(std::string channel, std::string message);
  void publish_done(const std::string& client);
  // At the registry's desk.
  void publish_unsaid();

  net::Loop& control_;
  bus::Bus& bus_;
  const WorkerOptions options_;
  const std::string boot_;
  const WallClock wall_clock_;
  std::unique_ptr<TraceLog> log_;
  std::unique_ptr<TraceOutlet> outlet_;
  std::unique_ptr<load::Engine> engine_;
  std::unique_ptr<net::LoopThread> registry_;  // the desk of blocking calls to the bus
  // The desk of routes: read at one place, so that a later one never loses to an earlier one. Not
  // the registry's, which waits for calls under way, and these for routes.
  std::unique_ptr<net::LoopThread> routes_;
  std::unique_ptr<bus::RpcServer> rpc_;
  std::unique_ptr<bus::RpcServer> requests_rpc_;  // a desk of its own, for what takes its time
  std::vector<std::unique_ptr<bus::RpcRemote>> remotes_;
  Result<void> served_;  // what went wrong in serve()
  std::unique_ptr<bus::Subscription> subscription_;
  std::unique_ptr<net::Timer> beat_timer_;    // the registry's
  std::unique_ptr<net::Timer> report_timer_;  // control's
  std::unordered_map<std::string, ClientEntry> clients_;
  std::map<std::string, Run> runs_;
  TakenRequests taken_;
  std::uint64_t clients_made_ = 0;
  bool tracing_ = true;
  bool told_of_cut_ = false;
  RelaxedFlag watches_lease_;  // it has a load of somebody who must have the fleet
  RelaxedFlag registered_;
  RelaxedFlag stopping_;
  WorkerCounts counts_;
  RelaxedCounter beats_failed_;
  Telling starving_told_;
  struct Unsaid {
    std::string channel;
    std::string message;
  };
  std::deque<Unsaid> unsaid_;  // events, at the registry's desk as the next two
  Pauses unsaid_pauses_{std::chrono::milliseconds{50}, std::chrono::seconds{1}};
  std::unique_ptr<net::Timer> unsaid_timer_;
  std::string beat_trouble_;  // at the registry's desk: why the last heartbeats failed
};

}  // namespace galileo::fleet
