// The load of one process: event loops on threads of their own, a dispatcher on each, and the
// clients spread over them. The control thread begins phases or commands clients, asks how things
// stand, and stops; it never waits for the data plane longer than for one turn of its loops, which
// it asks all at once. When a command returns, it is in effect. Lives on the control thread;
// callbacks come through the control loop, which isn't run any more once the engine is gone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "load/dispatcher.h"
#include "load/roster.h"
#include "net/addresses.h"
#include "net/loop.h"
#include "net/loop_watch.h"
#include "route/table.h"

namespace galileo::load {

class Engine {
 public:
  struct Options {
    Limits limits;
    std::vector<ServiceSpec> services;
    // Router, balancer and static host of services that aren't among `services`; none: such a
    // service is an Error.
    std::optional<ServiceSpec> other_services;
    std::uint64_t seed = 0;
    WallClock wall_clock;
  };

  // How things stand, over all loops.
  struct Snapshot {
    Ledger ledger;  // traces_stored and the like are the collector's to fill
    std::uint64_t in_flight = 0;
    std::uint64_t connections = 0;
    std::uint64_t responses_packed = 0;  // answers whose body couldn't be unpacked
    std::uint64_t responses_cut = 0;     // answers whose body is not whole in its trace
    std::vector<Duration> loop_cpu;      // used by each loop's thread so far
    std::vector<Duration> loop_waited;   // by each loop's thread, for a core, so far
    net::TlsCounts handshakes;
    HttpCounts http;
    RunFigures figures;  // of phases, and of workloads of no run
    // That each loop stood still so far, though nobody had its core.
    std::vector<Duration> loop_stood_still;
  };

  // What clients tell, by their ids: each is called on the control loop, and any call of the engine
  // may be made from it. Nothing comes of a workload that was replaced or stopped by then, nor of a
  // client that was closed. May be empty.
  struct Events {
    // The last request of a workload with an end has been dispatched.
    std::function<void(const std::string& client)> on_dispatched;
    // And now all requests of that workload are over.
    std::function<void(const std::string& client)> on_answered;
    // The stream that the client follows has room for so many entries: to be fed.
    std::function<void(const std::string& client, std::size_t room)> on_hungry;
  };

  // `sinks`: one a loop, as many as threads(options.limits); they outlive the engine.
  Engine(net::Loop& control, const Options& options, const std::vector<TraceSink*>& sinks);
  ~Engine();

  // Loops that these limits mean.
  static unsigned threads(const Limits& limits);

  // Resolves every host of the services; the first that doesn't is the Error. Before the first
  // phase; without it names are resolved while clients run.
  Result<void> resolve();
  // Requests due before this are marked as warm-up. Before the first phase.
  void set_warmup_until(Time until) { warmup_until_ = until; }

  // Has the loops read what they need to speak TLS with these clients' hosts, so that no request is
  // late for it; check_tls() says what of it can't be used. After set_warmup_until().
  void prepare(const std::vector<ClientSpec>& clients);
  // Begins what makes requests of these clients one by one, and reads its files: what can't be is
  // the Error. Else begin_phase() does so.
  Result<void> prepare_sources(const std::vector<ClientSpec>& clients);
  // RequestSources::notes() of all that there are.
  std::vector<std::string> source_notes() const;

  // Begins the clients' work at `start`; they are kept until the phase is over. `on_done` runs on
  // the control loop.
  Result<void> begin_phase(const std::string& name, const std::vector<ClientSpec>& clients,
                           Time start, std::optional<Duration> ends_after,
                           std::function<void()> on_done);

  // From `from` on this arrival says when the requests of the phase's clients of that name are due,
  // within the ends that they have. What would have been due then isn't, where that hasn't been
  // sent already. An Error (no such clients, a closed loop, check_change()) changes nothing.
  // `part` is what their traces have as the phase of requests due since then; empty: what they had.
  Result<void> change_phase(const std::string& name, const ArrivalSpec& arrival, Time from,
                            const std::string& part = {});
  // All clients of the phase pause, from `at` on, or go on (Client::pause()); `part` as before.
  void pause_phase(Time at, const std::string& part = {});
  void go_on_phase(Time at, const std::string& part = {});

  // The hosts of a service from now on, whether it has clients yet or not; none: it has no route,
  // and its requests fail with Failure::no_route. A name that isn't resolved yet makes requests
  // fail with Failure::no_address until it is. An Error (an unknown service, weights or a host that
  // can't be) leaves the route as it was.
  Result<void> set_routes(const std::string& service, std::vector<route::Host> hosts);

  // Clients that do nothing yet, each on the loop that has the fewest. Their draws come from the
  // seed and their id, their request ids from these and from how many clients were made before.
  // Who makes their requests begins here, or has begun as `shared`: all clients of such a group
  // share it. An Error (an id that is there already, an unknown service) adds none of them.
  struct SharedSources {
    std::string group;
    std::unique_ptr<RequestSources> sources;  // none: those of the group's other clients
  };
  Result<void> add_clients(const std::string& service, const Request& request,
                           const std::vector<std::string>& ids, SharedSources shared = {});
  // What these clients do from `start` on, instead of what they do now. When this returns, nothing
  // of their old workloads is sent any more: what waited for a connection has ended as stopped, and
  // redirects aren't followed. The first request is due one inter-arrival after `start`, or at
  // once where nothing lies between them. An Error (an unknown id, an arrival that can't be)
  // changes nothing.
  Result<void> set_workload(const std::vector<std::string>& ids, const Workload& workload,
                            Time start);
  // Does as change_phase(), of clients that have a workload with a schedule; of others nothing
  // changes.
  Result<void> change_arrival(const std::vector<std::string>& ids, const ArrivalSpec& arrival,
                              Time from, const std::string& part = {});
  // Does as pause_phase() and go_on_phase(), of these clients.
  Result<void> pause(const std::vector<std::string>& ids, Time at, const std::string& part = {});
  Result<void> go_on(const std::vector<std::string>& ids, Time at, const std::string& part = {});
  // Ends what set_workload() began: they do nothing then; requests that were sent are waited for.
  Result<void> stop_workload(const std::vector<std::string>& ids);
  // The same, but requests that were sent end at once, as unfinished.
  Result<void> end_workload(const std::vector<std::string>& ids);
  // Does as stop_workload(), and their ids are free; the clients are gone when their requests are
  // over.
  Result<void> close_clients(const std::vector<std::string>& ids);
  // The counts come in the order of the ids.
  Result<std::vector<ClientCounts>> counts(const std::vector<std::string>& ids);

  // More entries of the stream that the client's workload (`fed`) follows; at most as many as
  // on_hungry said there is room for, all that were fed since counted. An Error takes none.
  Result<void> feed(const std::string& id, std::vector<double> between_s);
  // There will be no more.
  Result<void> end_feed(const std::string& id);

  void set_events(Events events) { events_ = std::move(events); }
  // Hosts whose names don't resolve, so far.
  std::vector<std::string> unresolved() const { return addresses_.unknown(); }

  // No request of any client becomes due any more; those under way go on.
  void stop_sending();
  void end_all();
  Snapshot snapshot();
  // Doesn't wait for the loops.
  Begun begun() const;
  // What of the latencies is the loops' own doing, of workloads of that run (Workload::run); empty:
  // of those of none, and of phases.
  OwnTimes own_times(const std::string& run = {});
  // What came of that run's requests; empty: of phases, and of workloads of none.
  RunFigures figures(const std::string& run);
  // And of the figures.
  void forget_own_times(const std::string& run);
  // Whether a host that is asked is on this machine, as far as its addresses tell.
  bool asks_this_machine() const;
  // Ends the loops; nothing may be called after it but the destructor.
  void join();

 private:
  struct LoopWorker {
    std::unique_ptr<net::LoopThread> thread;
    std::unique_ptr<net::TcpConnector> connector;
    std::unique_ptr<Dispatcher> dispatcher;
    std::unique_ptr<net::LoopWatch> watch;
  };
  using Pause = void (Dispatcher::*)(std::span<const std::uint32_t> clients, Time at,
                                     const std::string& part);
  using StopOfWorkload = void (Dispatcher::*)(std::span<const std::uint32_t> clients);
  using Numbers = std::vector<std::vector<std::uint32_t>>;  // of clients, by loop

  // 10 hex digits from the seed, so that a run can be repeated to the last letter.
  static std::string make_id_prefix(std::uint64_t seed, std::uint32_t client);
  void start_workers();
  void on_loops(const std::function<void(std::size_t loop)>& task,
                const std::function<bool(std::size_t loop)>& takes_part = {});
  Result<std::vector<std::vector<ClientShare>>> shares(const std::vector<ClientSpec>& clients);
  void share_out(ClientShare share, bool whole, std::vector<std::vector<ClientShare>>& loops);
  std::vector<std::string> hosts() const;
  std::vector<std::string> hosts_of(const ServiceSpec& service) const;
  void find_host(const std::string& host);
  Result<const ServiceSpec*> service_named(const std::string& name);
  Result<std::vector<Roster::Entry*>> entries(const std::vector<std::string>& ids);
  Result<std::vector<Roster::Entry*>> entries_once(const std::vector<std::string>& ids);
  Result<void> stop_workload(const std::vector<std::string>& ids, StopOfWorkload how);
  Result<void> pause(const std::vector<std::string>& ids, Time at, const std::string& part,
                     Pause how);
  void pause_phase(Time at, const std::string& part, Pause how);
  Result<RequestSources*> sources_of(const std::string& group, const Request& request);
  void drop_unused_sources();
  Numbers numbers(const std::vector<Roster::Entry*>& entries) const;
  Result<void> feed(const std::string& id, std::vector<double> between_s, bool last);
  void tell(const std::vector<ClientReport>& reports);

  net::Loop& control_;
  const Options options_;
  const std::vector<TraceSink*> sinks_;
  Time warmup_until_ = Time::min();
  std::vector<LoopWorker> workers_;
  std::map<std::string, ServiceSpec> services_;
  route::Table table_;
  net::Addresses addresses_;
  std::set<std::string> redirect_hosts_;  // that redirects have led to
  Roster roster_;
  // Who makes the requests of a group of clients: made once, and gone with the group's last client.
  struct Sources {
    std::string group;
    Request request;
    std::unique_ptr<RequestSources> sources;
  };
  std::vector<Sources> sources_;
  Events events_;
  std::vector<ClientSpec> clients_;   // of the phase under way
  std::uint32_t first_of_phase_ = 0;  // number of its first client; the others follow in order
  std::uint32_t clients_made_ = 0;    // of all phases and none: each has draws of its own
  std::size_t loops_busy_ = 0;        // with the phase
  std::function<void()> on_done_;
};

}  // namespace galileo::load
