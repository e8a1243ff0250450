// One client's part on one loop: what it does at present, and how often it has. It says when a
// request is due; its Dispatcher sends it and tells when it is over. A workload is paced (a
// schedule says when) or has lanes (each sends again when it is answered); another one may take its
// place at any time, and the numbers of its requests go on. Lives on its loop, owned by its
// Dispatcher; no call may come from within a request's end.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "load/own_times.h"
#include "load/remembered.h"
#include "load/request_source.h"
#include "load/routing.h"
#include "load/schedule.h"
#include "load/sending.h"
#include "load/stream_arrival.h"

namespace galileo::load {

class Dispatcher;
struct RunCounting;

// Who a client is, on all loops.
struct ClientIdentity {
  std::uint32_t number = 0;  // of all that the engine has made: names it in calls
  std::string id;            // "<worker>:<service>:<n>"
  std::string id_prefix;     // 10 characters: the first part of its request ids
  std::uint64_t stream = 0;  // with the seed: its draws
  std::uint32_t index = 0;   // among the clients of its group, over all workers
  std::uint32_t of = 1;
};

struct ClientCounts {
  std::uint64_t requests = 0;  // that became due so far
  // No complete answer, or a status of 300 or above: as the old wire counts, whatever `fail_on`.
  std::uint64_t failed = 0;
};

// Lanes of a client that does this; 0: it has a schedule.
std::uint32_t lanes_of(bool closed_loop, std::uint32_t connections, const ArrivalSpec& arrival);
// HTTP/2 has several lanes on each.
std::uint32_t lanes_a_connection(const HttpSettings& settings);

class Client {
 public:
  Client(Dispatcher& dispatcher, Group& group, const ClientIdentity& identity, Stripe stripe,
         wire::NameId name, wire::NameId id_prefix);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Begins, after stop() or as the first thing: at the schedule's times since `start`. `stream` is
  // the schedule's arrival where that is fed.
  void begin(Schedule schedule, Time start, StreamArrival* stream = nullptr);
  // Begins with so many lanes, which send `requests` together (none: without end) before `ends`.
  void begin_lanes(std::uint32_t lanes, std::optional<std::uint64_t> requests, Time start,
                   std::optional<Time> ends);
  // From `from` on another arrival says when requests are due. Nothing where it has no schedule, or
  // one that is fed, or its last request has been dispatched.
  void change(std::unique_ptr<Arrival> arrival, Time from);
  // From `at` on nothing becomes due, and what would have been due then is due that much later
  // once it goes on: as if there had been no time in between. What is under way goes on, a turn of
  // several requests where it stands. An end in time stays where it is; what has no place before it
  // any more is told as not sent (Failure::paused) then. A client that is paused already, or goes
  // on already, does so.
  void pause(Time at);
  void go_on(Time at);
  // Since when it is.
  const std::optional<Time>& paused() const { return paused_; }
  // Requests due from `from` on are of this part of the phase.
  void begin_part(wire::NameId part, Time from);
  // The part that a request of that time belongs to.
  wire::NameId phase_at(Time due) const { return due < part_from_ ? part_before_ : phase; }
  // Nothing of the workload is sent any more; what is under way goes on, and isn't part of any
  // workload then.
  void stop();
  // More of the stream that the workload follows; nothing where it follows none.
  void feed(std::vector<double> between_s, bool last);
  // Its service's hosts have changed: it chooses among the new ones, and lanes that wait because
  // the old ones couldn't be reached try again at once.
  void rerouted();
  // A request of its is over; `status` is its trace's.
  void over(std::uint32_t lane, std::uint32_t workload, wire::Failure failure, std::int32_t status);
  // A request of a turn is over that goes on.
  void step_over(std::int32_t status);
  // A turn that was due is none: its source has no more requests.
  void take_back(std::uint32_t workload);
  // A turn is over whose last request was counted by step_over().
  void rest_of_turn_over(std::uint32_t workload);
  // Another request of a turn that is under way becomes due.
  void step_due() { ++counts_.requests; }
  // Has a source from now on, before anything begins. `shared` outlives it.
  void take_source(RequestSources& shared, ClientPlace place);
  // Where it stands from now on, and whose draws its source has.
  void take_place(const Workload::Place& place, const std::optional<Workload::Draws>& draws);

  // What of `limits` is each request's.
  void bound_by(const Limits& limits);

  Group& group() const { return group_; }
  std::uint32_t number() const { return number_; }
  const ClientCounts& counts() const { return counts_; }
  std::uint64_t in_flight() const { return in_flight_; }
  // Which of its workloads this is: one more with each stop().
  std::uint32_t workload() const { return workload_; }
  std::unique_ptr<Remembered> new_memory(std::uint64_t seed) const {
    return std::make_unique<Remembered>(Random(seed ^ 0x6e6f6e63u, stream_of_draws_));
  }
  // Draws for the n-th workload: the first one's are those of a client of a phase.
  Random draws(std::uint64_t seed);
  // Entries of its stream that were used so far.
  std::uint64_t taken() const { return stream_ ? stream_->taken() : 0; }

  const wire::NameId name;
  const wire::NameId id_prefix;
  const Stripe stripe;
  std::unique_ptr<route::Policy> policy;
  Random choices;           // of hosts; apart from the draws of the schedule
  const std::uint64_t key;  // of all its requests, for policies that keep a client's host
  wire::NameId phase = 0;
  double ahead = 0;  // of its group's other clients, as ClientShare has it
  bool of_phase = false;
  bool rested = false;              // of a phase: it is over for this client
  Time warmup_until = Time::min();  // requests due before are marked as warm-up
  std::uint32_t redirects_max = 0;
  // The bounds of its requests, as Limits has them.
  wire::StatusSet fail_on = wire::failing_by_default();
  net::HttpBounds bounds;
  bool keep_headers = false;
  std::uint32_t keep_response = 0;
  bool keep_only_failed = false;
  wire::TraceIds trace_ids;  // of its requests, where they say which trace they belong to
  std::unique_ptr<Remembered> remembered;  // null: nothing is kept or answered, so far
  OwnTimes* own_times = nullptr;    // where its requests count: its dispatcher's, of a run or none
  RunCounting* counting = nullptr;  // the same; there once it has anything to do
  // Who makes its requests; null: all are its group's.
  RequestSource* source() const { return source_.get(); }
  const ClientPlace& place() const { return *place_; }  // where it has a source
  SourceFigures* figures = nullptr;                     // its dispatcher's
  std::deque<Sending*> unmade;                          // wait for its source, in order
  std::uint64_t work = 0;  // what the workload reads, by the dispatcher's number; 0: nothing
  bool closing = false;    // gone when nothing is in flight

 private:
  // kDispatched: nothing more will be due, but not all is answered.
  enum class Phase : unsigned char { kIdle, kSending, kDispatched };

  struct Lane {
    Lane(Client& client, std::uint32_t number)
        : index(number), timer([this, &client](Time) { client.lane_send(*this); }) {}
    const std::uint32_t index;
    Duration back_off{};
    bool rests = false;  // it would send, were the client not paused
    net::Timer timer;
  };

  void take_next();
  void wait_for_next();
  void on_due();
  Time due_time(const Due& due) const { return start_ + shift_ + due.at; }
  void lane_send(Lane& lane);
  void lane_over(Lane& lane, wire::Failure failure);
  void send(std::uint64_t number, Time due, std::uint32_t lane);
  void displace(std::uint64_t number);
  void ask_for_more();
  void source_is_over();
  void end();
  void answered();
  void rest();

  Dispatcher& dispatcher_;
  Group& group_;
  const std::uint32_t number_;
  const std::uint64_t stream_of_draws_;
  Phase phase_ = Phase::kIdle;
  std::uint32_t workload_ = 0;
  std::uint64_t workloads_begun_ = 0;
  ClientCounts counts_;
  std::uint64_t turns_ = 0;  // that became due: requests, but where a turn has several
  std::uint64_t in_flight_ = 0;
  std::uint64_t under_way_ = 0;  // of them, those of this workload
  Time start_{};
  Duration shift_{0};           // by the pauses so far
  std::optional<Time> paused_;  // since then
  wire::NameId part_before_ = 0;
  Time part_from_ = Time::min();
  // Paced.
  std::optional<Schedule> schedule_;
  StreamArrival* stream_ = nullptr;  // the schedule's
  bool asked_for_more_ = false;
  std::optional<Due> next_;
  std::uint64_t numbers_before_ = 0;  // turns of earlier workloads
  net::Timer timer_;
  // Its lanes, in a closed loop.
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::optional<std::uint64_t> requests_left_;
  std::optional<Time> ends_;  // nothing is due later, of a schedule too
  std::unique_ptr<ClientPlace> place_;
  std::unique_ptr<RequestSource> source_;
};

}  // namespace galileo::load
