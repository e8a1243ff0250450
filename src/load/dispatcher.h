// One event loop's share of the load: it holds clients, sends each request when it is due, and puts
// a trace of every one, sent or not. Passive over Clock, Timers and Connector, so that tests run it
// on simulated time over in-memory connections. Lives on its loop; every call is made there.
//
// Open loop: a request is due when the client's schedule says, whatever became of those before it;
// a late one goes out late, and the schedule isn't stretched. Closed loop (and arrivals without a
// pace): a client has lanes, and a lane sends again as soon as its request is answered.
//
// Clients come and go, and so do their workloads and the hosts of their services (add_clients() and
// what follows it). A phase is clients that are known beforehand, each with one workload.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/counters.h"
#include "load/checks.h"
#include "load/client.h"
#include "load/host_targets.h"
#include "load/http_counts.h"
#include "load/ledger.h"
#include "load/own_times.h"
#include "load/request_source.h"
#include "load/routing.h"
#include "load/run_figures.h"
#include "load/sending.h"
#include "load/trace_sink.h"
#include "load/workload.h"
#include "net/http_pool.h"
#include "wire/body_text.h"

namespace galileo::load {

// This loop's part of one client of a phase.
struct ClientShare : ClientIdentity {
  const ClientSpec* spec = nullptr;       // outlives the phase
  Stripe stripe;                          // which of its requests are this loop's
  double ahead = 0;                       // of its group's other clients (Arrival::set_ahead())
  std::uint32_t lanes = 0;                // of a client without a schedule; 0: it has one
  std::optional<std::uint64_t> requests;  // of the lanes: how many turns they begin together
  RequestSources* sources = nullptr;      // who makes its requests; outlives the phase
};

// What a client has to tell the control thread.
enum class ClientEvent : unsigned char {
  kDispatched,  // the last request of a workload with an end is on its way
  kAnswered,    // and all of that workload's requests are over
  kHungry,      // the stream that it follows is at most half full
};
struct ClientReport {
  std::uint32_t client = 0;
  std::uint32_t workload = 0;  // Client::workload() of the workload that it is about
  ClientEvent event{};
  std::uint64_t taken = 0;  // of kHungry: StreamArrival::taken()
};

// An Error where a client can't change to this arrival while it runs: to a list, to as fast as
// possible, or to one that can't be.
Result<void> check_change(const ArrivalSpec& arrival);

// An Error where the workload's arrival, its changes, number or duration can't be.
Result<void> check_workload(const Workload& workload);

class Dispatcher {
 public:
  struct Options {
    Limits limits;
    std::vector<ServiceSpec> services;
    // Router, balancer and static host of services that aren't among `services`; none: such a
    // service is an Error.
    std::optional<ServiceSpec> other_services;
    std::uint64_t seed = 0;
    std::size_t connections_max = 10'000;  // this loop's
    LoopShare loop;
    WallClock wall_clock;
    Time warmup_until = Time::min();  // requests due before are marked as warm-up
    // Gets what clients of no phase have to tell, in order, all of one turn at once. Called on the
    // loop, from no call of this class; any call may be made from it. May be empty.
    std::function<void(const std::vector<ClientReport>&)> on_reports;
    // A redirect leads to the name of a host whose addresses aren't known: set_addresses() or
    // no_addresses() is to follow. Called on the loop. Empty: such a redirect fails.
    std::function<void(const std::string& host)> on_unknown_host;
    // Does that on this loop, later; from any thread. Empty: sources can't ask for it.
    std::function<void(std::function<void()>)> post;
  };

  Dispatcher(const net::Clock& clock, net::Timers& timers, net::Connector& connector,
             TraceSink& sink, const Options& options);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Where "host:port" is. Until that is known, requests to it fail with Failure::no_address.
  void set_addresses(const std::string& host, const std::vector<net::Address>& addresses);
  // Nobody knows where it is: redirected requests that waited for it fail.
  void no_addresses(const std::string& host);

  // The hosts of the service from now on; none: requests fail with Failure::no_route. Requests
  // under way go on where they began. Each client's choice begins anew, unless nothing has changed.
  // An Error (weights, an unknown service) changes nothing.
  Result<void> set_hosts(const std::string& service, std::vector<route::Host> hosts);

  // Clients of that service with that request, who do nothing yet. Their numbers are new here.
  // `sources`, who make their requests, outlive them; null: the request is a fixed one.
  Result<void> add_clients(const std::string& service, const Request& request,
                           std::span<const ClientIdentity> clients,
                           RequestSources* sources = nullptr);
  // What these clients do from `start` on, instead of what they do now. The first request is due
  // one inter-arrival after `start`. `workload` has been checked; the clients are there.
  void set_workload(std::span<const std::uint32_t> clients, Workload workload, Time start);
  // From `from` on this arrival says when these clients' requests are due, within the ends that
  // their workloads have. It has been checked; of those that aren't here nothing is changed.
  // `part`: as of pause().
  void change_arrival(std::span<const std::uint32_t> clients, const ArrivalSpec& arrival, Time from,
                      const std::string& part = {});
  // Client::pause() and go_on() of those that are here; `part`: of the phase, where that isn't
  // empty (Client::begin_part()).
  void pause(std::span<const std::uint32_t> clients, Time at, const std::string& part);
  void go_on(std::span<const std::uint32_t> clients, Time at, const std::string& part);
  // From here on nothing of these clients' workloads is sent: what waits for a connection ends as
  // stopped, a redirect isn't followed. What was sent goes on.
  void stop_workload(std::span<const std::uint32_t> clients);
  // The same, and what was sent ends at once, as unfinished.
  void end_workload(std::span<const std::uint32_t> clients);
  // Does as stop_workload(); the clients are gone when what was sent is over.
  void close_clients(std::span<const std::uint32_t> clients);
  ClientCounts counts(std::uint32_t client) const;
  // More of the stream that the client's workload follows, and whether that is all; nothing where
  // it is another workload by now, or the client gone.
  void feed(std::uint32_t client, std::uint32_t workload, std::vector<double> between_s, bool last);

  // Begins to send for these clients at `start`. `on_done` is called once, when the last request is
  // over. `ends_after` ends clients that have no end of their own. The last phase's clients go.
  Result<void> begin_phase(const std::string& name, const std::vector<ClientShare>& clients,
                           Time start, std::optional<Duration> ends_after,
                           std::function<void()> on_done);
  // No request of any client becomes due any more; those under way go on. The phase is over when
  // they are.
  void stop_sending();
  // Ends what is under way at once, as unfinished or stopped; the phase is over then.
  void end_all();

  const Ledger& ledger() const { return ledger_; }
  // May be called from any thread, and doesn't wait: those under way are among them.
  Begun begun() const {
    const std::uint64_t not_sent = not_sent_.load();
    const std::uint64_t intended = intended_.load();
    return {intended, intended - std::min(intended, not_sent)};
  }
  // What of the latencies is this loop's own doing, of workloads of that run; empty: of those of
  // none, and of phases.
  OwnTimes own_times(const std::string& run) const;
  // With figures(). What is still under way of that run counts as of none.
  void forget_own_times(const std::string& run);
  std::uint64_t in_flight() const { return in_flight_; }
  // Answers whose body the trace holds only the beginning of (Limits::keep_response).
  std::uint64_t responses_cut() const { return responses_cut_; }
  // Answers whose body is kept as it came, because it couldn't be unpacked.
  std::uint64_t responses_packed() const { return responses_packed_; }
  // Reads the files of these settings, before requests are due that need them.
  void prepare(const TlsSettings& settings) { targets_.prepare(settings); }
  net::TlsCounts handshakes() const { return targets_.handshakes(); }
  // What came of that run's requests here; empty: of those of none, and of phases.
  RunFigures figures(const std::string& run = {}) const;
  // Whether a client here has requests made by these.
  bool uses(const RequestSources& sources) const;
  std::size_t open_connections() const { return pool_.open_connections(); }
  HttpCounts http_counts() const;
  std::size_t clients() const { return clients_.size(); }
  // Routings that are kept for requests under way only.
  std::size_t retired_routings() const;

 private:
  friend class Client;
  friend class Sending;
  // A workload of several clients: what their arrivals read is kept once for all of them.
  struct Work {
    Workload workload;
    std::size_t clients = 0;
  };

  Result<Service*> service_named(const std::string& name);
  Result<Group*> group_of(const std::string& service, const Request& request,
                          RequestSources* sources);
  Client& add_client(Group& group, const ClientIdentity& identity, Stripe stripe);
  ClientPlace place_of(Client& client, const ClientIdentity& identity);
  wire::NameId step_name(std::string_view text);
  Client& client_numbered(std::uint32_t number);
  void begin_work(Client& client, const Workload& workload, Time start);
  Result<void> begin_share(Client& client, const ClientShare& share, Time start,
                           std::optional<Duration> ends_after);
  void count_for(Client& client, const std::string& run);
  void stop(Client& client);
  void end_stopped_waits();
  void end_held(bool all);
  void keep_turns(const Client& client);
  void let_turns_go_on(const Client& client, Time paused, Time at);
  void remove(Client& client);
  bool send(Client& client, std::uint64_t number, Time due, std::uint32_t lane);
  void ask(Sending& sending);
  void displace(Client& client, std::uint64_t number, Time due);
  Sending& free_sending();
  void intend();
  void take_routing(Sending& sending);
  bool begin_turn(Sending& sending);
  Made make(Sending& sending);
  void settle(Sending& sending, Made how);
  void hold(Sending& sending, Sending::Held as, Time until);
  void let_go(Sending& sending);
  void source_is_ready(Client& client);
  void held_timed_out(Sending& sending);
  void next_step(Sending& sending);
  void fail_unsent(Sending& sending, wire::Failure failure);
  Then heard(Sending& sending);
  void run_checks(Sending& sending);
  static const std::string* body_of(Sending& sending);
  bool is_warmup(const Sending& sending) const;
  bool goes_on(Sending& sending, const Then& then, std::int32_t status);
  void skip_rest(Sending& sending, wire::Failure failure);
  void render(Sending& sending, const Routing::Destination& destination);
  net::HttpTarget& target_of(const Sending& sending, const Routing::Destination& destination);
  void answer_here(Sending& sending);
  void over(Sending& sending);
  bool redirect(Sending& sending);
  void leave_hop(Sending& sending);
  std::string host_asked(const Sending& sending);
  Result<wire::Uri> url_asked(const Sending& sending);
  bool is_at_home(const Sending& sending);
  Remembered& remembered_by(Client& client);
  void identify(Sending& sending);
  void add_cookies(Sending& sending);
  bool authorize(Sending& sending, wire::DigestAnswers& answers);
  void keep_cookies(Sending& sending);
  static void take_trace(Sending& sending);
  static void say_trace(Sending& sending);
  bool answer_challenge(Sending& sending);
  bool is_failing(const Sending& sending) const;
  void ask_next_host(Sending& sending);
  net::HttpTarget& hop_target(const Sending& sending, const std::string& host);
  void host_is_known(const std::string& host, bool found);
  void end_unresolved(bool all, wire::Failure failure);
  void hops_timed_out(Sending& sending);
  void end_hop(Sending& sending, wire::Failure failure);
  void sum_up_hops(Sending& sending);
  void close_unrouted();
  std::int32_t put_trace(Sending& sending);
  std::string_view kept_text(Sending& sending);
  void count_own_times(const Sending& sending);
  void report(const Client& client, ClientEvent event);
  void rests(Client& client);
  void later();
  void do_later();
  Wall wall(Time time) const { return time == kNever ? kNoWall : options_.wall_clock.wall(time); }

  const net::Clock& clock_;
  net::Timers& timers_;
  TraceSink& sink_;
  const Options options_;
  net::HttpPool pool_;
  HostTargets targets_;
  wire::BodyText body_text_;
  Ledger ledger_;
  RelaxedCounter intended_;  // what the ledger says, for others
  RelaxedCounter not_sent_;
  std::map<std::string, OwnTimes> own_times_;    // by run
  std::map<std::string, RunCounting> counting_;  // by run
  const wire::NameId warmup_name_;
  const wire::NameId http2_name_;
  HttpCounts http_counts_;  // less what the pool counts
  std::unordered_map<std::string, std::unique_ptr<Service>> services_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::unordered_map<std::uint64_t, Work> works_;
  std::uint64_t works_made_ = 0;
  std::unordered_map<std::uint32_t, std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Sending>> sendings_;  // all ever made, used again and again
  std::vector<Sending*> free_;
  std::set<std::string> redirect_hosts_;                     // that answers have led to
  std::map<std::string, std::vector<Sending*>> unresolved_;  // wait for that host's addresses
  std::uint64_t in_flight_ = 0;
  std::size_t held_ = 0;  // wait for their source, or for a turn to go on
  std::set<std::string, std::less<>> step_names_;
  std::uint64_t responses_cut_ = 0;
  std::uint64_t responses_packed_ = 0;
  std::string unpacked_;  // a body that was compressed, for a moment
  std::vector<Client*> phase_clients_;
  std::size_t phase_clients_left_ = 0;  // that have more to send, or requests under way
  std::function<void()> on_done_;       // of the phase
  // What must not be done from within a request's end or a client's timer is done a moment later.
  net::Timer later_timer_;
  std::vector<ClientReport> reports_;
  std::vector<std::uint32_t> gone_;
  bool routing_went_ = false;
};

}  // namespace galileo::load
