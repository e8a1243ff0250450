#include "load/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "route/policy.h"
#include "route/router.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

using wire::Failure;

// A lane whose connections fail waits a little longer each time, so that a closed loop against a
// dead host doesn't turn into a storm of failures.
constexpr Duration kBackOffFirst = std::chrono::milliseconds{10};
constexpr Duration kBackOffMost = std::chrono::seconds{1};

bool repeatable(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "PUT" || method == "DELETE";
}

bool failed_to_connect(Failure failure) {
  return failure == Failure::connect_refused || failure == Failure::connect_failed ||
         failure == Failure::no_route || failure == Failure::no_socket ||
         failure == Failure::no_address || failure == Failure::reset ||
         failure == Failure::closed || failure == Failure::bad_response;
}

// A header value as JSON text.
void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  out += '"';
}

// A JSON object; repeated headers are joined by ", " as the wire has them.
std::string headers_json(const wire::http1::Headers& headers) {
  wire::http1::Headers joined;
  for (const auto& [name, value] : headers) {
    const auto same =
        std::find_if(joined.begin(), joined.end(), [&, &header = name](const auto& h) {
          return wire::http1::equals_ignoring_case(h.first, header);
        });
    if (same == joined.end())
      joined.emplace_back(name, value);
    else
      same->second += ", " + value;
  }
  std::string json = "{";
  for (const auto& [name, value] : joined) {
    if (json.size() > 1) json += ", ";
    append_json(json, name);
    json += ": ";
    append_json(json, value);
  }
  return json + "}";
}

}  // namespace

// What equal clients share: their routing and the bytes of their request.
struct Dispatcher::Group {
  const ClientSpec* spec = nullptr;
  const ServiceSpec* service = nullptr;
  route::Router router{};
  wire::NameId service_name = 0;
  std::string path;
  Duration timeout{};
  std::uint32_t redirects_max = 0;
  bool is_head = false;
  bool is_repeatable = false;

  // One host that the group sends to.
  struct Destination {
    net::HttpTarget* target = nullptr;
    wire::NameId name = 0;
    std::string bytes;  // the request, ready to be written
  };
  std::vector<Destination> destinations;  // in the order of the service's hosts
};

// A client's part on this loop.
class Dispatcher::Client {
 public:
  Client(Dispatcher& dispatcher, Group& group, const ClientShare& share)
      : dispatcher_(dispatcher),
        group_(group),
        stripe_(share.stripe),
        choices_(dispatcher.options_.seed ^ 0x636f6963u, share.index),
        timer_([this](Time now) { on_due(now); }) {}

  Group& group() { return group_; }
  wire::NameId name = 0;
  wire::NameId id_prefix = 0;
  std::unique_ptr<route::Policy> policy;
  std::optional<Schedule> schedule;
  Time start{};
  Random& choices() { return choices_; }

  void begin() {
    if (schedule) {
      next_ = schedule->next();
      arm();
    }
  }

  // A lane sends, now or when its back-off is over.
  void begin_lanes(std::uint32_t lanes, std::optional<std::uint64_t> requests,
                   std::optional<Time> ends) {
    requests_left_ = requests;
    ends_ = ends;
    lanes_.resize(lanes);
    for (std::uint32_t i = 0; i < lanes; ++i) {
      Lane& lane = lanes_[i];
      lane = std::make_unique<LaneState>(*this, i);
      dispatcher_.timers_.set(lane->timer, start);
    }
  }

  // The request of that lane is over.
  void lane_over(std::uint32_t index, Failure failure) {
    LaneState& lane = *lanes_[index];
    if (group_.destinations.empty() && failure == Failure::none) {
      // The debug router answers at once: on the next turn, not from within its own answer.
      dispatcher_.timers_.set(lane.timer, dispatcher_.clock_.now());
      return;
    }
    if (!failed_to_connect(failure)) {
      lane.back_off = kBackOffFirst;
      lane_send(lane);
      return;
    }
    const Time now = dispatcher_.clock_.now();
    dispatcher_.timers_.set(lane.timer, now + lane.back_off);
    lane.back_off = std::min(lane.back_off * 2, kBackOffMost);
  }

  void stop() {
    if (ended_) return;
    dispatcher_.timers_.cancel(timer_);
    for (Lane& lane : lanes_) dispatcher_.timers_.cancel(lane->timer);
    end();
  }

  bool ended() const { return ended_; }

 private:
  struct LaneState {
    LaneState(Client& client, std::uint32_t number)
        : index(number), timer([this, &client](Time) { client.lane_send(*this); }) {}
    const std::uint32_t index;
    Duration back_off = kBackOffFirst;
    net::Timer timer;
  };
  using Lane = std::unique_ptr<LaneState>;

  void arm() {
    if (!next_) return end();
    dispatcher_.timers_.set(timer_, start + next_->at);
  }

  void on_due(Time) {
    const Due due = *next_;
    next_ = schedule->next();
    arm();
    dispatcher_.send(*this, due.number, start + due.at, kNoLane);
  }

  void lane_send(LaneState& lane) {
    if (ended_) return;
    const Time now = dispatcher_.clock_.now();
    if ((requests_left_ && *requests_left_ == 0) || (ends_ && now >= *ends_)) return end();
    if (requests_left_) --*requests_left_;
    const std::uint64_t number = stripe_.index + 1 + count_++ * stripe_.count;
    dispatcher_.send(*this, number, now, lane.index);
  }

  void end() {
    if (ended_) return;
    ended_ = true;
    dispatcher_.client_ended();
  }

  Dispatcher& dispatcher_;
  Group& group_;
  const Stripe stripe_;
  Random choices_;  // of hosts; apart from the draws of the schedule
  net::Timer timer_;
  std::optional<Due> next_;
  std::vector<Lane> lanes_;
  std::optional<std::uint64_t> requests_left_;
  std::optional<Time> ends_;
  std::uint64_t count_ = 0;
  bool ended_ = false;
};

// A request under way; used again for another when it is over.
class Dispatcher::Sending final : public net::HttpExchange {
 public:
  explicit Sending(Dispatcher& dispatcher) : dispatcher_(dispatcher) {}
  void on_done() override { dispatcher_.over(*this); }

  Client* client = nullptr;
  std::uint64_t number = 0;
  Time created{};
  std::size_t host = 0;  // index among the service's hosts, of the policy's choice
  bool chosen = false;   // a policy chose `host` and must hear of the end
  std::uint32_t lane = kNoLane;
  wire::NameId server = 0;
  std::uint32_t redirects = 0;
  std::uint64_t request_bytes = 0;
  Time first_dispatched = kNever;  // of the first of several redirected requests
  Time first_sent = kNever;
  std::string redirected_path;
  std::string redirected_bytes;
  wire::http1::Capture captured;

 private:
  Dispatcher& dispatcher_;
};

Dispatcher::Dispatcher(const net::Clock& clock, net::Timers& timers, net::Connector& connector,
                       TraceSink& sink, const Options& options)
    : clock_(clock),
      timers_(timers),
      sink_(sink),
      options_(options),
      pool_(clock, timers, connector,
            {options.connections_max,
             options.limits.connect_timeout,
             {options.limits.head_max, options.limits.body_max}}),
      done_timer_([this](Time) { check_done(); }) {
  warmup_name_ = sink.name("warmup");
  for (const ServiceSpec& service : options_.services) {
    std::vector<route::Host> hosts;
    for (const auto& [name, weight] : service.hosts) hosts.push_back({name, weight});
    table_.set(service.name, std::move(hosts));
  }
}

Dispatcher::~Dispatcher() = default;

void Dispatcher::set_addresses(const std::string& host, std::vector<net::Address> addresses) {
  pool_.set_addresses(pool_.target(host), std::move(addresses));
}

Result<std::unique_ptr<Dispatcher::Group>> Dispatcher::make_group(const ClientSpec& spec) {
  auto group = std::make_unique<Group>();
  group->spec = &spec;
  for (const ServiceSpec& service : options_.services) {
    if (service.name == spec.service) group->service = &service;
  }
  if (!group->service)
    return Error{ErrorCode::kUsage,
                 fmt::format("no service is called '{}'", spec.service),
                 {},
                 {},
                 "name one of the services of the experiment"};
  group->router = TRY(route::router_named(group->service->router));
  group->service_name = sink_.name(spec.service);
  group->path = route::routed_path(group->router, spec.service, spec.request.path);
  group->timeout = spec.request.timeout.value_or(options_.limits.request_timeout);
  group->redirects_max = spec.request.redirects_max.value_or(options_.limits.redirects_max);
  group->is_head = spec.request.method == "HEAD";
  group->is_repeatable = repeatable(spec.request.method);
  std::vector<std::string> hosts;
  if (group->router == route::Router::StaticRouter) {
    const route::StaticHost where = TRY(route::parse_static_host(group->service->static_host));
    group->path = where.prefix + group->path;
    hosts.push_back(where.host);
  } else if (const auto* list = table_.find(spec.service); list && uses_table(group->router)) {
    for (const route::Host& host : *list) hosts.push_back(host.name);
  }
  const Request& request = spec.request;
  for (const std::string& host : hosts) {
    group->destinations.push_back(
        {&pool_.target(host), sink_.name(host),
         wire::http1::serialize_request(request.method, group->path, host, request.headers,
                                        request.has_body ? &request.body : nullptr, false)});
  }
  return group;
}

Result<void> Dispatcher::add_client(Group& group, const ClientShare& share, Time start,
                                    std::optional<Duration> ends_after) {
  const ClientSpec& spec = *share.spec;
  auto client = std::make_unique<Client>(*this, group, share);
  client->name = sink_.name(share.id);
  client->id_prefix = sink_.name(share.id_prefix);
  client->start = start;
  if (uses_table(group.router) && table_.find(spec.service))
    client->policy = TRY(route::make_policy(group.service->balancer, *table_.find(spec.service)));
  if (share.lanes == 0)
    client->schedule =
        TRY(Schedule::make(spec, options_.seed, share.index, share.stripe, ends_after));
  clients_.push_back(std::move(client));
  ++sending_clients_;
  return {};
}

Result<void> Dispatcher::begin_phase(const std::string& name,
                                     const std::vector<ClientShare>& shares, Time start,
                                     std::optional<Duration> ends_after,
                                     std::function<void()> on_done) {
  clients_.clear();
  groups_.clear();
  stopping_ = false;
  phase_name_ = sink_.name(name);
  on_done_ = std::move(on_done);
  for (const ClientShare& share : shares) {
    if (groups_.empty() || groups_.back()->spec != share.spec)
      groups_.push_back(TRY(make_group(*share.spec)));
    TRY(add_client(*groups_.back(), share, start, ends_after));
  }
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const ClientSpec& spec = *shares[i].spec;
    if (shares[i].lanes == 0) {
      clients_[i]->begin();
      continue;
    }
    const auto lasts = spec.duration ? spec.duration : ends_after;
    clients_[i]->start = start + spec.start_after;
    clients_[i]->begin_lanes(
        shares[i].lanes, shares[i].requests,
        lasts ? std::optional<Time>(clients_[i]->start + *lasts) : std::nullopt);
  }
  // Also where there is nothing to send: done, but not before this has returned.
  if (!done_timer_.is_set()) timers_.set(done_timer_, start);
  return {};
}

void Dispatcher::stop_sending() {
  stopping_ = true;
  for (const auto& client : clients_) client->stop();
  check_done();
}

void Dispatcher::end_all() {
  stop_sending();
  pool_.end_all(Failure::stopped, Failure::unfinished);
  pool_.close_idle();
}

void Dispatcher::client_ended() {
  --sending_clients_;
  if (sending_clients_ == 0 && !done_timer_.is_set()) timers_.set(done_timer_, clock_.now());
}

void Dispatcher::check_done() {
  if (sending_clients_ > 0 || in_flight_ > 0 || !on_done_) return;
  const auto done = std::exchange(on_done_, nullptr);
  done();
}

void Dispatcher::send(Client& client, std::uint64_t number, Time due, std::uint32_t lane) {
  Group& group = client.group();
  if (free_.empty()) {
    sendings_.push_back(std::make_unique<Sending>(*this));
    free_.push_back(sendings_.back().get());
  }
  Sending& sending = *free_.back();
  free_.pop_back();
  ++ledger_.intended;
  ++in_flight_;
  sending.client = &client;
  sending.number = number;
  sending.created = due;
  sending.lane = lane;
  sending.chosen = false;
  sending.server = 0;
  sending.redirects = 0;
  sending.first_dispatched = sending.first_sent = kNever;
  sending.timeout = group.timeout;
  sending.expects_no_body = group.is_head;
  sending.repeatable = group.is_repeatable;
  sending.want_location = group.redirects_max > 0;
  const Limits& limits = options_.limits;
  if (limits.keep_headers || limits.keep_response > 0) {
    sending.captured.clear();
    sending.captured.want_headers = limits.keep_headers;
    sending.captured.want_body = limits.keep_response;
    sending.capture = &sending.captured;
  }
  if (group.destinations.empty()) {
    answer_here(sending);
    return;
  }
  if (client.policy) {
    sending.host = client.policy->pick(client.choices());
    sending.chosen = true;
    client.policy->began(sending.host);
  } else {
    sending.host = 0;
  }
  const Group::Destination& destination = group.destinations[sending.host];
  sending.server = destination.name;
  sending.bytes = destination.bytes;
  sending.request_bytes = destination.bytes.size();
  pool_.send(sending, *destination.target);
}

// No host to ask: the debug router's own answer, or a failure for want of a route.
void Dispatcher::answer_here(Sending& sending) {
  const Time now = clock_.now();
  const bool debug = sending.client->group().router == route::Router::DebugRouter;
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
  if (sending.failure == Failure::none && sending.status >= 300 && redirect(sending)) return;
  Client& client = *sending.client;
  if (sending.chosen) client.policy->ended(sending.host);
  put_trace(sending);
  --in_flight_;
  const std::uint32_t lane = sending.lane;
  const Failure failure = sending.failure;
  free_.push_back(&sending);
  if (lane != kNoLane && !client.ended()) client.lane_over(lane, failure);
  if (sending_clients_ == 0 && in_flight_ == 0 && !done_timer_.is_set())
    timers_.set(done_timer_, clock_.now());
}

// Follows a redirect as part of the same request. False: it is the answer.
bool Dispatcher::redirect(Sending& sending) {
  const Group& group = sending.client->group();
  if (sending.redirects >= group.redirects_max || sending.location.empty() || stopping_)
    return false;
  const int status = sending.status;
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
    return false;
  net::HttpTarget* target = group.destinations[sending.host].target;
  std::string path = sending.location;
  if (path.front() != '/') {
    const auto uri = wire::parse_uri(path);
    if (!uri.ok() || path.find("://") == std::string::npos) return false;
    target = &pool_.target(uri->host_port());
    if (const auto address = net::literal_address(uri->host, uri->port); address.ok())
      pool_.set_addresses(*target, {*address});
    path = uri->path;
  }
  const Request& request = group.spec->request;
  // A redirected POST is asked for with GET, but for 307 and 308, which forbid that (RFC
  // 9110, 15.4).
  const bool keeps = status >= 307 || request.method == "GET" || request.method == "HEAD";
  const std::string method = keeps ? request.method : "GET";
  ++sending.redirects;
  sending.redirected_bytes = wire::http1::serialize_request(
      method, wire::encode_path(path), target->host(), request.headers,
      keeps && request.has_body ? &request.body : nullptr, false);
  sending.bytes = sending.redirected_bytes;
  sending.request_bytes += sending.redirected_bytes.size();
  sending.server = sink_.name(target->host());
  sending.captured.clear();
  pool_.send(sending, *target);
  return true;
}

void Dispatcher::put_trace(Sending& sending) {
  const Client& client = *sending.client;
  wire::Trace trace;
  trace.client = client.name;
  trace.id_prefix = client.id_prefix;
  trace.service = sending.client->group().service_name;
  trace.server = sending.server;
  const bool closed_loop = sending.lane != kNoLane;
  const bool warmup = sending.created < options_.warmup_until ||
                      sending.created < client.start + sending.client->group().spec->warmup;
  trace.phase = warmup ? warmup_name_ : phase_name_;
  const bool answered = sending.failure == Failure::none;
  trace.status = answered ? sending.status : -1;
  if (answered && sending.status >= 300) sending.failure = Failure::status;
  trace.failure = sending.failure;
  trace.closed_loop = closed_loop;
  trace.retried = sending.retried;
  trace.number = sending.number;
  trace.created = wall(sending.created);
  trace.dispatched = wall(sending.first_dispatched);
  trace.sent = wall(sending.first_sent);
  trace.first_byte = wall(sending.first_byte);
  trace.done = wall(sending.done);
  trace.request_bytes = sending.request_bytes;
  trace.response_bytes = sending.response_bytes;
  std::string headers;
  if (sending.capture && answered) {
    if (options_.limits.keep_headers) headers = headers_json(sending.captured.headers);
    trace.headers = headers;
    trace.response = sending.captured.body;
  }
  ledger_.count(trace);
  sink_.put(trace);
}

}  // namespace galileo::load
