// One event loop's share of the load: it holds clients, sends each request when it is due, and puts
// a trace of every one, sent or not. Passive over Clock, Timers and Connector, so that tests run it
// on simulated time over in-memory connections. Lives on its loop; every call is made there.
//
// Open loop: a request is due when the client's schedule says, whatever became of those before it;
// a late one goes out late, and the schedule isn't stretched. Closed loop (and arrivals without a
// pace): a client has lanes, and a lane sends again as soon as its request is answered.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "load/ledger.h"
#include "load/schedule.h"
#include "load/trace_sink.h"
#include "load/workload.h"
#include "net/http_pool.h"
#include "route/table.h"

namespace galileo::load {

// This loop's part of one client.
struct ClientShare {
  const ClientSpec* spec = nullptr;       // outlives the phase
  std::string id;                         // "<worker>:<service>:<n>"
  std::string id_prefix;                  // 10 characters: the first part of its request ids
  std::uint32_t index = 0;                // over all clients of the run: seeds its draws
  Stripe stripe;                          // which of its requests are this loop's
  std::uint32_t lanes = 0;                // of a client without a schedule; 0: it has one
  std::optional<std::uint64_t> requests;  // of the lanes: how many they send together
};

class Dispatcher {
 public:
  struct Options {
    Limits limits;
    std::vector<ServiceSpec> services;
    std::uint64_t seed = 0;
    std::size_t connections_max = 10'000;  // this loop's
    WallClock wall_clock;
    Time warmup_until = Time::min();  // requests due before are marked as warm-up
  };

  Dispatcher(const net::Clock& clock, net::Timers& timers, net::Connector& connector,
             TraceSink& sink, const Options& options);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Where "host:port" is. Before the first phase for every host of the services; again when a
  // name's addresses change.
  void set_addresses(const std::string& host, std::vector<net::Address> addresses);

  // Begins to send for these clients at `start`. `on_done` is called once, when the last request is
  // over. `ends_after` ends clients that have no end of their own.
  Result<void> begin_phase(const std::string& name, const std::vector<ClientShare>& clients,
                           Time start, std::optional<Duration> ends_after,
                           std::function<void()> on_done);
  // No request becomes due any more; those under way go on. The phase is over when they are.
  void stop_sending();
  // Ends what is under way at once, as unfinished or stopped; the phase is over then.
  void end_all();

  const Ledger& ledger() const { return ledger_; }
  std::uint64_t in_flight() const { return in_flight_; }
  std::size_t open_connections() const { return pool_.open_connections(); }

 private:
  class Client;
  class Sending;
  struct Group;

  static constexpr std::uint32_t kNoLane = static_cast<std::uint32_t>(-1);

  Result<std::unique_ptr<Group>> make_group(const ClientSpec& spec);
  Result<void> add_client(Group& group, const ClientShare& share, Time start,
                          std::optional<Duration> ends_after);
  void send(Client& client, std::uint64_t number, Time due, std::uint32_t lane);
  void answer_here(Sending& sending);
  void over(Sending& sending);
  bool redirect(Sending& sending);
  void put_trace(Sending& sending);
  void client_ended();
  void check_done();
  Wall wall(Time time) const { return time == kNever ? kNoWall : options_.wall_clock.wall(time); }

  const net::Clock& clock_;
  net::Timers& timers_;
  TraceSink& sink_;
  const Options options_;
  net::HttpPool pool_;
  route::Table table_;
  Ledger ledger_;
  wire::NameId warmup_name_ = 0;
  wire::NameId phase_name_ = 0;
  std::vector<std::unique_ptr<Group>> groups_;      // of the phase
  std::vector<std::unique_ptr<Client>> clients_;    // of the phase
  std::vector<std::unique_ptr<Sending>> sendings_;  // all ever made, used again and again
  std::vector<Sending*> free_;
  std::uint64_t in_flight_ = 0;
  std::size_t sending_clients_ = 0;  // clients that have more to send
  bool stopping_ = false;
  std::function<void()> on_done_;
  net::Timer done_timer_;
};

}  // namespace galileo::load
