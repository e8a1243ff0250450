#include "load/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/check.h"
#include "wire/content_coding.h"

namespace galileo::load {

using wire::Failure;

Result<void> check_change(const ArrivalSpec& arrival) {
  if (arrival.kind == "prerecorded" || unpaced(arrival))
    return wrong_arrival("a client can't change to that while it runs",
                         "give a rate or a distribution, of times that aren't 0");
  TRY(make_arrival(arrival));
  return {};
}

Result<void> check_workload(const Workload& workload) {
  if (workload.duration && *workload.duration <= Duration{0})
    return wrong_arrival("a workload can't have a duration of 0", "leave it out: without end");
  const bool has_schedule =
      !workload.fed && lanes_of(workload.closed_loop, workload.connections, workload.arrival) == 0;
  if (!has_schedule && !workload.changes.empty())
    return wrong_arrival("its arrival can't change",
                         "give it a rate or a distribution to begin with");
  if (has_schedule) TRY(make_arrival(workload.arrival));
  for (const ArrivalChange& change : workload.changes) TRY(check_change(change.arrival));
  return {};
}

Dispatcher::Dispatcher(const net::Clock& clock, net::Timers& timers, net::Connector& connector,
                       TraceSink& sink, const Options& options)
    : clock_(clock),
      timers_(timers),
      sink_(sink),
      options_(options),
      pool_(clock, timers, connector, {options.connections_max, bounds_of(options.limits)}),
      targets_(clock, pool_, connector, options.loop),
      warmup_name_(sink.name("warmup")),
      http2_name_(sink.name("HTTP/2")),
      later_timer_([this](Time) { do_later(); }) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::set_addresses(const std::string& host,
                               const std::vector<net::Address>& addresses) {
  pool_.set_addresses(host, addresses);
  host_is_known(host, true);
}

void Dispatcher::no_addresses(const std::string& host) {
  host_is_known(host, false);
}

// Made when it is first asked for.
Result<Service*> Dispatcher::service_named(const std::string& name) {
  if (const auto found = services_.find(name); found != services_.end()) return found->second.get();
  const auto listed = std::find_if(options_.services.begin(), options_.services.end(),
                                   [&](const ServiceSpec& spec) { return spec.name == name; });
  if (listed == options_.services.end() && !options_.other_services)
    return Error{ErrorCode::kUsage,
                 fmt::format("no service is called '{}'", name),
                 {},
                 {},
                 "name one of the services of the experiment"};
  ServiceSpec spec = listed != options_.services.end() ? *listed : *options_.other_services;
  spec.name = name;
  return (services_[name] = TRY(Service::make(spec, sink_))).get();
}

Result<Group*> Dispatcher::group_of(const std::string& service, const Request& request,
                                    RequestSources* sources) {
  const Service* const of = TRY(service_named(service));
  for (const auto& group : groups_) {
    if (&group->service == of && group->sources == sources && group->request == request)
      return group.get();
  }
  groups_.push_back(std::make_unique<Group>(*of, request, options_.limits, sources));
  groups_.back()->route(targets_, sink_);
  return groups_.back().get();
}

Result<void> Dispatcher::set_hosts(const std::string& service, std::vector<route::Host> hosts) {
  Service* const changed = TRY(service_named(service));
  if (changed->hosts() == hosts) return {};
  TRY(changed->set_hosts(std::move(hosts)));
  for (const auto& group : groups_) {
    if (&group->service == changed) group->route(targets_, sink_);
  }
  for (const auto& [number, client] : clients_) {
    if (&client->group().service == changed) client->rerouted();
  }
  close_unrouted();
  return {};
}

// Hosts that went keep no connection: they may have gone for good, and others take their place.
void Dispatcher::close_unrouted() {
  std::set<std::string> used;
  for (const auto& [name, service] : services_) {
    for (std::string& host : service->destinations()) used.insert(std::move(host));
  }
  pool_.close_idle_but(used);
}

Client& Dispatcher::add_client(Group& group, const ClientIdentity& identity, Stripe stripe) {
  std::unique_ptr<Client>& client = clients_[identity.number];
  ENSURE(!client, identity.number);
  client = std::make_unique<Client>(*this, group, identity, stripe, sink_.name(identity.id),
                                    sink_.name(identity.id_prefix));
  ++group.clients;
  if (group.sources) client->take_source(*group.sources, place_of(*client, identity));
  return *client;
}

Result<void> Dispatcher::add_clients(const std::string& service, const Request& request,
                                     std::span<const ClientIdentity> clients,
                                     RequestSources* sources) {
  Group* const group = TRY(group_of(service, request, sources));
  for (const ClientIdentity& identity : clients) add_client(*group, identity, {});
  return {};
}

Client& Dispatcher::client_numbered(std::uint32_t number) {
  const auto found = clients_.find(number);
  ENSURE(found != clients_.end(), number);
  return *found->second;
}

void Dispatcher::set_workload(std::span<const std::uint32_t> clients, Workload workload,
                              Time start) {
  if (clients.empty()) return;
  if (workload.requests == std::uint64_t{0}) workload.requests.reset();
  // Within the horizon, sums of times can't overflow.
  if (workload.duration) workload.duration = std::min(*workload.duration, kHorizon);
  const std::uint64_t number_of_work = ++works_made_;
  Work& work = works_[number_of_work];
  work.workload = std::move(workload);
  for (const std::uint32_t number : clients) {
    Client& client = client_numbered(number);
    ++work.clients;
    stop(client);
    client.work = number_of_work;
    begin_work(client, work.workload, start);
  }
  end_stopped_waits();
}

void Dispatcher::begin_work(Client& client, const Workload& workload, Time start) {
  client.phase = sink_.name(workload.phase);
  count_for(client, workload.run);
  if (workload.place) client.take_place(*workload.place, workload.draws);
  if (workload.draws)
    client.trace_ids = wire::TraceIds(workload.draws->seed, workload.draws->stream);
  client.bound_by(workload.limits ? *workload.limits : options_.limits);
  client.redirects_max = workload.redirects_max.value_or(client.group().redirects_max);
  client.warmup_until = workload.warmup > Duration{0} ? start + workload.warmup : Time::min();
  const auto lanes = lanes_of(workload.closed_loop, workload.connections, workload.arrival) *
                     lanes_a_connection(client.group().request.http);
  if (!workload.fed && lanes > 0) {
    const auto ends = workload.duration ? std::optional(start + *workload.duration) : std::nullopt;
    client.begin_lanes(lanes, workload.requests, start, ends);
    return;
  }
  StreamArrival* stream = nullptr;
  std::unique_ptr<Arrival> arrival;
  if (workload.fed) {
    auto fed = std::make_unique<StreamArrival>();
    stream = fed.get();
    arrival = std::move(fed);
  } else {
    auto made = make_arrival(workload.arrival);
    ENSURE(made.ok(), made.error().to_text());
    arrival = std::move(*made);
    arrival->set_ahead(workload.ahead);
  }
  client.ahead = workload.ahead;
  const Random draws = workload.draws ? Random(workload.draws->seed, workload.draws->stream)
                                      : client.draws(options_.seed);
  Schedule schedule(std::move(arrival), draws, workload.duration, workload.requests);
  for (const ArrivalChange& change : workload.changes) {
    auto made = make_arrival(change.arrival);
    ENSURE(made.ok(), made.error().to_text());
    (*made)->set_ahead(workload.ahead);
    schedule.change(change.at, std::move(*made));
  }
  client.begin(std::move(schedule), start, stream);
}

void Dispatcher::change_arrival(std::span<const std::uint32_t> clients, const ArrivalSpec& arrival,
                                Time from, const std::string& part) {
  for (const std::uint32_t number : clients) {
    const auto found = clients_.find(number);
    if (found == clients_.end()) continue;
    if (!part.empty()) found->second->begin_part(sink_.name(part), from);
    auto made = make_arrival(arrival);
    ENSURE(made.ok(), made.error().to_text());
    found->second->change(std::move(*made), from);
  }
}

void Dispatcher::pause(std::span<const std::uint32_t> clients, Time at, const std::string& part) {
  for (const std::uint32_t number : clients) {
    const auto found = clients_.find(number);
    if (found == clients_.end() || found->second->paused()) continue;
    Client& client = *found->second;
    if (!part.empty()) client.begin_part(sink_.name(part), at);
    client.pause(at);
    keep_turns(client);
  }
}

void Dispatcher::go_on(std::span<const std::uint32_t> clients, Time at, const std::string& part) {
  for (const std::uint32_t number : clients) {
    const auto found = clients_.find(number);
    if (found == clients_.end() || !found->second->paused()) continue;
    Client& client = *found->second;
    if (!part.empty()) client.begin_part(sink_.name(part), at);
    const Time paused = *client.paused();
    client.go_on(at);
    let_turns_go_on(client, paused, at);
  }
}

// What the client's arrival has read goes with the last client that reads it.
void Dispatcher::stop(Client& client) {
  client.stop();
  const auto work = works_.find(std::exchange(client.work, 0));
  if (work != works_.end() && --work->second.clients == 0) works_.erase(work);
}

void Dispatcher::stop_workload(std::span<const std::uint32_t> clients) {
  for (const std::uint32_t number : clients) stop(client_numbered(number));
  end_stopped_waits();
}

void Dispatcher::end_workload(std::span<const std::uint32_t> clients) {
  stop_workload(clients);
  const std::set<std::uint32_t> ended(clients.begin(), clients.end());
  for (const auto& sending : sendings_) {
    if (sending->client && ended.contains(sending->client->number()))
      pool_.end_in_flight(*sending, Failure::unfinished);
  }
}

void Dispatcher::close_clients(std::span<const std::uint32_t> clients) {
  stop_workload(clients);
  for (const std::uint32_t number : clients) {
    Client& client = client_numbered(number);
    client.closing = true;
    if (client.in_flight() == 0) remove(client);
  }
}

// Requests of workloads that were stopped, and haven't been sent.
void Dispatcher::end_stopped_waits() {
  if (!unresolved_.empty()) end_unresolved(false, Failure::stopped);
  if (held_ > 0) end_held(false);
  if (pool_.waiting() == 0) return;
  for (const auto& sending : sendings_) {
    if (sending->client && sending->waiting() && sending->workload != sending->client->workload())
      pool_.end_waiting(*sending, Failure::stopped);
  }
}

void Dispatcher::remove(Client& client) {
  Group& group = client.group();
  clients_.erase(client.number());
  if (--group.clients > 0) return;
  // Some of their checks may go with it.
  for (auto& [run, counting] : counting_) counting.check_places.clear();
  std::erase_if(groups_, [&](const auto& one) { return one.get() == &group; });
}

ClientCounts Dispatcher::counts(std::uint32_t client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? ClientCounts{} : found->second->counts();
}

void Dispatcher::feed(std::uint32_t client, std::uint32_t workload, std::vector<double> between_s,
                      bool last) {
  const auto found = clients_.find(client);
  if (found == clients_.end() || found->second->workload() != workload) return;
  found->second->feed(std::move(between_s), last);
}

Result<void> Dispatcher::begin_phase(const std::string& name,
                                     const std::vector<ClientShare>& shares, Time start,
                                     std::optional<Duration> ends_after,
                                     std::function<void()> on_done) {
  std::vector<std::uint32_t> before;
  for (const Client* client : phase_clients_) before.push_back(client->number());
  phase_clients_.clear();
  close_clients(before);
  on_done_ = std::move(on_done);
  for (const ClientShare& share : shares) {
    Group* const group = TRY(group_of(share.spec->service, share.spec->request, share.sources));
    Client& client = add_client(*group, share, share.stripe);
    client.of_phase = true;
    count_for(client, {});
    client.bound_by(options_.limits);
    client.redirects_max = group->redirects_max;
    client.phase = sink_.name(name);
    phase_clients_.push_back(&client);
  }
  phase_clients_left_ = shares.size();
  for (std::size_t i = 0; i < shares.size(); ++i)
    TRY(begin_share(*phase_clients_[i], shares[i], start, ends_after));
  // Also where there is nothing to send: done, but not before this has returned.
  if (!later_timer_.is_set()) timers_.set(later_timer_, start);
  return {};
}

Result<void> Dispatcher::begin_share(Client& client, const ClientShare& share, Time start,
                                     std::optional<Duration> ends_after) {
  const ClientSpec& spec = *share.spec;
  client.ahead = share.ahead;
  if (share.lanes == 0) {
    client.warmup_until = start + spec.warmup;
    client.begin(TRY(Schedule::make(spec, options_.seed, share.number, share.stripe, ends_after,
                                    share.ahead)),
                 start);
    return {};
  }
  const Time begins = start + spec.start_after;
  const auto lasts = spec.duration ? spec.duration : ends_after;
  client.warmup_until = begins + spec.warmup;
  client.begin_lanes(share.lanes, share.requests, begins,
                     lasts ? std::optional<Time>(begins + *lasts) : std::nullopt);
  return {};
}

void Dispatcher::stop_sending() {
  for (const auto& [number, client] : clients_) stop(*client);
  if (held_ > 0) end_held(false);
}

void Dispatcher::end_all() {
  stop_sending();
  end_unresolved(true, Failure::unfinished);
  pool_.end_all(Failure::stopped, Failure::unfinished);
  pool_.close_idle();
}

void Dispatcher::report(const Client& client, ClientEvent event) {
  if (client.of_phase || !options_.on_reports) return;
  reports_.push_back({client.number(), client.workload(), event, client.taken()});
  later();
}

// The client has nothing more to send and nothing under way.
void Dispatcher::rests(Client& client) {
  if (client.closing) {
    gone_.push_back(client.number());
    later();
  }
  if (!client.of_phase || client.rested) return;
  client.rested = true;
  if (--phase_clients_left_ == 0) later();
}

void Dispatcher::later() {
  const Time now = clock_.now();
  if (!later_timer_.is_set() || later_timer_.due() > now) timers_.set(later_timer_, now);
}

void Dispatcher::do_later() {
  for (const std::uint32_t number : std::exchange(gone_, {})) remove(client_numbered(number));
  if (std::exchange(routing_went_, false)) close_unrouted();
  if (!reports_.empty()) {
    // What is no longer so isn't told.
    std::vector<ClientReport> reports = std::exchange(reports_, {});
    std::erase_if(reports, [&](const ClientReport& report) {
      const auto found = clients_.find(report.client);
      return found == clients_.end() || found->second->workload() != report.workload;
    });
    if (!reports.empty()) options_.on_reports(reports);
  }
  if (phase_clients_left_ > 0 || !on_done_) return;
  const auto done = std::exchange(on_done_, nullptr);
  done();
}

// False: the client's source has no more requests, so that this is none.
bool Dispatcher::send(Client& client, std::uint64_t number, Time due, std::uint32_t lane) {
  Sending& sending = free_sending();
  sending.begin(client, number, due, lane);
  if (client.source()) return begin_turn(sending);
  intend();
  ask(sending);
  return true;
}

Sending& Dispatcher::free_sending() {
  if (free_.empty()) {
    sendings_.push_back(std::make_unique<Sending>(*this));
    free_.push_back(sendings_.back().get());
  }
  Sending& sending = *free_.back();
  free_.pop_back();
  return sending;
}

void Dispatcher::intend() {
  ++ledger_.intended;
  intended_.add(1);
  ++in_flight_;
}

void Dispatcher::take_routing(Sending& sending) {
  sending.routing = &sending.client->group().routing();
  ++sending.routing->in_flight;
}

void Dispatcher::ask(Sending& sending) {
  Client& client = *sending.client;
  take_routing(sending);
  const Routing& routing = *sending.routing;
  if (routing.destinations.empty()) {
    answer_here(sending);
    return;
  }
  sending.host = 0;
  if (client.policy) {
    sending.host = client.policy->pick({client.choices, client.key, clock_.now()});
    sending.chosen = true;
    client.policy->began(sending.host);
  }
  const Routing::Destination& destination = routing.destinations[sending.host];
  sending.server = destination.name;
  sending.bytes = destination.bytes;
  sending.ahead = destination.ahead.get();
  if (client.group().request.traceparent) take_trace(sending);
  if (client.source()) render(sending, destination);
  if (sending.terms().remembers()) identify(sending);
  if (sending.adds_trace) say_trace(sending);
  sending.request_bytes = sending.bytes.size();
  pool_.send(sending, target_of(sending, destination));
}

// A request of its own terms may speak TLS in another way than those of its group.
net::HttpTarget& Dispatcher::target_of(const Sending& sending,
                                       const Routing::Destination& destination) {
  const Request& request = sending.client->group().request;
  const RequestTerms& said = sending.terms();
  if (&said == &request || said.tls == request.tls) return *destination.target;
  return targets_.of(destination.target->host(), said.tls, request.http);
}

// No host to ask: the debug router's own answer, or a failure for want of a route.
void Dispatcher::answer_here(Sending& sending) {
  const Time now = clock_.now();
  const bool debug = sending.client->group().service.router().answers_itself();
  sending.failure = debug ? Failure::none : Failure::no_route;
  sending.status = debug ? 200 : -1;
  sending.retried = false;
  sending.dispatched = sending.sent = sending.first_byte = debug ? now : kNever;
  sending.request_bytes = sending.response_bytes = 0;
  sending.done = now;
  over(sending);
}

void Dispatcher::over(Sending& sending) {
  if (sending.first_dispatched == kNever) sending.first_dispatched = sending.dispatched;
  if (sending.first_sent == kNever) sending.first_sent = sending.sent;
  if (sending.first_asked == kNever) sending.first_asked = sending.asked;
  // Until then it was taken for one of HTTP/1.1.
  if (sending.protocol == net::HttpProtocol::kHttp2)
    sending.request_bytes += sending.frame_bytes - sending.bytes.size();
  const bool answered = sending.failure == Failure::none;
  if (answered && sending.terms().remembers()) {
    keep_cookies(sending);
    if (answer_challenge(sending)) return;
  }
  if (answered && redirect(sending)) return;
  if (sending.before.any) sum_up_hops(sending);
  if (sending.failure != Failure::none && !sending.why.empty())
    sending.client->counting->figures.first_failures.try_emplace(sending.failure, sending.why);
  Client& client = *sending.client;
  const bool checks_judge = sending.checks && sending.checks->judges_status();
  if (sending.failure == Failure::none && !checks_judge && is_failing(sending))
    sending.failure = Failure::status;
  if (sending.checks && is_answer(sending.failure)) run_checks(sending);
  const Then then = client.source() ? heard(sending) : Then{};
  Group& group = client.group();
  // A policy that is no longer in use needn't hear of it.
  if (sending.chosen && sending.routing == &group.routing()) {
    const Duration took =
        sending.dispatched == kNever ? Duration{0} : sending.done - sending.dispatched;
    const auto end = sending.failure == Failure::none ? route::Outcome::End::kAnswered
                                                      : route::Outcome::End::kFailed;
    client.policy->ended(sending.host, {took, end, sending.done});
  }
  const std::int32_t status = put_trace(sending);
  if (group.over(*sending.routing)) {
    routing_went_ = true;
    later();
  }
  --in_flight_;
  const Failure failure = sending.failure;
  if (then.kind != Then::Kind::kOver && goes_on(sending, then, status)) return;
  sending.client = nullptr;
  free_.push_back(&sending);
  client.over(sending.lane, sending.workload, failure, status);
}

// What a request calls a success goes before what a run calls a failure.
bool Dispatcher::is_failing(const Sending& sending) const {
  const std::optional<wire::StatusSet>& ok = sending.terms().ok;
  return ok ? !ok->contains(sending.status) : sending.client->fail_on.contains(sending.status);
}

// What the trace holds of the body, unpacked where it was compressed. Its text in UTF-8 may be
// longer than the body was.
std::string_view Dispatcher::kept_text(Sending& sending) {
  const std::size_t most = sending.keep_response;
  std::string_view body = sending.captured.body;
  bool is_cut = body.size() > most;
  if (const auto coding = sending.header("content-encoding"); wire::is_encoded(coding)) {
    const wire::DecodingEnd end = wire::decode_content(coding, body, most + 1, unpacked_);
    const bool beginning_only =
        end == wire::DecodingEnd::kFull || (end == wire::DecodingEnd::kCut && is_cut);
    if (beginning_only || end == wire::DecodingEnd::kWhole) {
      body = unpacked_;
      is_cut = beginning_only || body.size() > most;
    } else {
      ++responses_packed_;
    }
  }
  const std::string_view text =
      body_text_.of(sending.content_type(), wire::beginning(body, most), is_cut);
  if (is_cut || text.size() > most) ++responses_cut_;
  return wire::beginning(text, most);
}

std::int32_t Dispatcher::put_trace(Sending& sending) {
  const Client& client = *sending.client;
  wire::Trace trace;
  trace.client = client.name;
  trace.id_prefix = client.id_prefix;
  trace.service = client.group().service.name_id();
  trace.server = sending.server;
  const bool warmup = is_warmup(sending);
  trace.phase = warmup ? warmup_name_ : client.phase_at(sending.created);
  trace.step = sending.step;
  trace.failed_check = sending.failed_check;
  const bool answered = is_answer(sending.failure);
  trace.status = answered ? sending.status : -1;
  trace.failure = sending.failure;
  trace.closed_loop = sending.lane != Sending::kNoLane;
  trace.retried = sending.retried;
  trace.number = sending.number;
  trace.created = wall(sending.created);
  trace.dispatched = wall(sending.first_dispatched);
  trace.sent = wall(sending.first_sent);
  trace.first_byte = wall(sending.first_byte);
  trace.handshake = sending.handshake;
  trace.done = wall(sending.done);
  trace.request_bytes = sending.request_bytes;
  if (sending.protocol == net::HttpProtocol::kHttp2) {
    trace.protocol = http2_name_;
    ++http_counts_.over_2;
  } else if (sending.protocol == net::HttpProtocol::kHttp1) {
    ++http_counts_.over_1;
  }
  trace.queued = sending.queued;
  trace.trace_id = sending.trace_id;
  trace.response_bytes = sending.response_bytes;
  std::string headers;
  const bool kept = !sending.keep_only_failed || sending.failure != Failure::none;
  if (sending.capture && answered && kept) {
    if (sending.keep_headers) headers = sending.headers_json();
    trace.headers = headers;
    if (sending.keep_response > 0) {
      trace.response = kept_text(sending);
      trace.empty_response = trace.response.empty();
    }
  }
  if (!warmup) count_own_times(sending);
  ledger_.count(trace);
  if (wire::failure_group(trace.failure) == wire::FailureGroup::not_sent) not_sent_.add(1);
  sink_.put(trace);
  return trace.status;
}

// A closed loop's requests are due when they are sent.
void Dispatcher::count_own_times(const Sending& sending) {
  OwnTimes* const own = sending.client->own_times;
  if (!own || sending.first_asked == kNever) return;  // answered here
  const bool closed_loop = sending.lane != Sending::kNoLane;
  const Time chosen = sending.first_dispatched == kNever ? sending.done : sending.first_dispatched;
  own->add(sending.done - sending.created,
           closed_loop ? Duration{0} : sending.first_asked - sending.created, sending.read_late,
           chosen - sending.first_asked);
}

HttpCounts Dispatcher::http_counts() const {
  HttpCounts counts = http_counts_;
  counts.connections_made = pool_.connections_made();
  counts.given_up = pool_.given_up();
  return counts;
}

OwnTimes Dispatcher::own_times(const std::string& run) const {
  const auto found = own_times_.find(run);
  if (found != own_times_.end()) return found->second;
  const OwnTimes none;
  return none;
}

std::size_t Dispatcher::retired_routings() const {
  std::size_t count = 0;
  for (const auto& group : groups_) count += group->retired();
  return count;
}

}  // namespace galileo::load
