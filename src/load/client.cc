#include "load/client.h"

#include <algorithm>
#include <utility>

#include "load/dispatcher.h"

namespace galileo::load {
namespace {

using wire::Failure;

// A lane whose connections fail waits a little longer each time, so that a closed loop against a
// dead host doesn't turn into a storm of failures.
constexpr Duration kBackOffFirst = std::chrono::milliseconds{10};
constexpr Duration kBackOffMost = std::chrono::seconds{1};

// What a pause has left over is told at this pace, so that the collector keeps up with it.
constexpr Duration kDisplacedEvery = std::chrono::microseconds{2};

// How many are in flight of a client that sends as fast as possible and says no number itself.
constexpr std::uint32_t kUnpacedLanes = 50;

// What a server may say to everybody, at once and for ever.
bool is_of_http2(Failure failure) {
  return (failure >= Failure::http2_reset && failure <= Failure::not_http2);
}

bool failed_to_connect(Failure failure) {
  return failure == Failure::connect_refused || failure == Failure::connect_failed ||
         failure == Failure::no_route || failure == Failure::no_socket ||
         failure == Failure::no_address || failure == Failure::reset ||
         failure == Failure::closed || failure == Failure::bad_response ||
         failure == Failure::bad_redirect || failure == Failure::not_made ||
         failure == Failure::step_skipped || is_of_http2(failure);
}

}  // namespace

std::uint32_t lanes_of(bool closed_loop, std::uint32_t connections, const ArrivalSpec& arrival) {
  if (closed_loop) return std::max(connections, 1u);
  if (!unpaced(arrival)) return 0;
  return connections > 0 ? connections : kUnpacedLanes;
}

std::uint32_t lanes_a_connection(const HttpSettings& settings) {
  return settings.may_be_2() ? std::max(settings.streams, 1u) : 1u;
}

Client::Client(Dispatcher& dispatcher, Group& group, const ClientIdentity& who, Stripe its_stripe,
               wire::NameId its_name, wire::NameId its_id_prefix)
    : name(its_name),
      id_prefix(its_id_prefix),
      stripe(its_stripe),
      policy(group.service.new_policy()),
      choices(dispatcher.options_.seed ^ 0x636f6963u, who.stream),
      key(Random(0, who.stream).bits()),
      trace_ids(dispatcher.options_.seed, who.stream),
      dispatcher_(dispatcher),
      group_(group),
      number_(who.number),
      stream_of_draws_(who.stream),
      timer_([this](Time) { on_due(); }) {}

Random Client::draws(std::uint64_t seed) {
  // Steps as far apart as can be, so that no client's second workload has another one's draws.
  const std::uint64_t step = workloads_begun_++ * 0x9e3779b97f4a7c15u;
  return Random(seed, stream_of_draws_ + step);
}

void Client::begin(Schedule schedule, Time start, StreamArrival* stream) {
  phase_ = Phase::kSending;
  start_ = start;
  schedule_.emplace(std::move(schedule));
  stream_ = stream;
  ends_.reset();
  if (schedule_->ends_after()) ends_ = start + *schedule_->ends_after();
  asked_for_more_ = false;
  numbers_before_ = turns_;
  take_next();
  ask_for_more();
  if (!next_ && !schedule_->waiting()) end();
}

void Client::begin_lanes(std::uint32_t lanes, std::optional<std::uint64_t> requests, Time start,
                         std::optional<Time> ends) {
  phase_ = Phase::kSending;
  start_ = start;
  requests_left_ = requests;
  ends_ = ends;
  for (std::uint32_t i = 0; i < lanes; ++i) {
    lanes_.push_back(std::make_unique<Lane>(*this, i));
    lanes_.back()->back_off = kBackOffFirst;
    dispatcher_.timers_.set(lanes_.back()->timer, start);
  }
}

void Client::change(std::unique_ptr<Arrival> arrival, Time from) {
  if (phase_ != Phase::kSending || !schedule_ || stream_) return;
  arrival->set_ahead(ahead);
  if (paused_) from = std::max(*paused_, start_);
  schedule_->change(from - start_ - shift_, std::move(arrival));
  if (next_ && due_time(*next_) < from) return;
  dispatcher_.timers_.cancel(timer_);
  take_next();
  if (!next_) end();
}

void Client::pause(Time at) {
  if (paused_) return;
  paused_ = at;
  if (phase_ != Phase::kSending) return;
  for (const auto& lane : lanes_) {
    lane->rests = lane->rests || lane->timer.is_set();
    dispatcher_.timers_.cancel(lane->timer);
  }
  wait_for_next();
}

void Client::go_on(Time at) {
  if (!paused_) return;
  shift_ += std::max(at - std::max(*paused_, start_), Duration{0});
  paused_.reset();
  if (phase_ != Phase::kSending) return;
  for (const auto& lane : lanes_) {
    if (std::exchange(lane->rests, false))
      dispatcher_.timers_.set(lane->timer, std::max(at, start_));
  }
  wait_for_next();
}

void Client::begin_part(wire::NameId part, Time from) {
  part_before_ = std::exchange(phase, part);
  part_from_ = from;
}

void Client::stop() {
  ++workload_;
  shift_ = Duration{0};
  paused_.reset();
  part_from_ = Time::min();
  dispatcher_.timers_.cancel(timer_);
  next_.reset();
  schedule_.reset();
  stream_ = nullptr;
  lanes_.clear();
  under_way_ = 0;
  phase_ = Phase::kIdle;
  rest();
}

void Client::bound_by(const Limits& limits) {
  fail_on = limits.fail_on;
  bounds = bounds_of(limits);
  keep_headers = limits.keep_headers;
  keep_response = limits.keep_response;
  keep_only_failed = limits.keep_only_failed;
}

void Client::feed(std::vector<double> between_s, bool last) {
  if (!stream_) return;
  stream_->append(std::move(between_s));
  if (last) stream_->end();
  asked_for_more_ = false;
  if (phase_ != Phase::kSending) return;
  if (!next_) take_next();
  ask_for_more();
  if (!next_ && !schedule_->waiting()) end();
}

void Client::rerouted() {
  policy = group_.service.new_policy();
  const Time now = dispatcher_.clock_.now();
  if (phase_ != Phase::kSending || now < start_) return;
  for (const auto& lane : lanes_) {
    if (!lane->timer.is_set()) continue;
    lane->back_off = kBackOffFirst;
    dispatcher_.timers_.set(lane->timer, now);
  }
}

void Client::over(std::uint32_t lane, std::uint32_t workload, Failure failure,
                  std::int32_t status) {
  --in_flight_;
  if (status < 0 || status >= 300) ++counts_.failed;
  if (workload == workload_) {
    --under_way_;
    if (lane != Sending::kNoLane && phase_ == Phase::kSending) lane_over(*lanes_[lane], failure);
    if (phase_ == Phase::kDispatched && under_way_ == 0) answered();
  }
  rest();
}

void Client::take_next() {
  next_ = schedule_->next();
  if (next_) wait_for_next();
}

// While it is paused nothing is due but the end; nor is it later than that.
void Client::wait_for_next() {
  net::Timers& timers = dispatcher_.timers_;
  const bool is_over = ends_ && next_ && due_time(*next_) > *ends_;
  if (!paused_ && !is_over && next_) return timers.set(timer_, due_time(*next_));
  const bool ends = ends_ && (paused_ || is_over) && (next_ || !schedule_);
  if (!ends) return timers.cancel(timer_);
  const Time now = dispatcher_.clock_.now();
  timers.set(timer_, *ends_ > now ? *ends_ : now + kDisplacedEvery);
}

void Client::on_due() {
  if (!schedule_) return end();  // lanes that rest, of a client that has come to its end
  const Due due = *next_;
  const bool displaced = paused_ || (ends_ && due_time(due) > *ends_);
  const Time at = due_time(due);
  take_next();
  if (displaced)
    displace(numbers_before_ + due.number);
  else
    send(numbers_before_ + due.number, at, Sending::kNoLane);
  if (phase_ != Phase::kSending) return;
  if (stream_) ask_for_more();
  if (!next_ && !schedule_->waiting()) end();
}

// Once, until something has come.
void Client::ask_for_more() {
  if (!stream_ || asked_for_more_ || !stream_->wants_more()) return;
  asked_for_more_ = true;
  dispatcher_.report(*this, ClientEvent::kHungry);
}

// A lane sends, now or when its back-off is over.
void Client::lane_send(Lane& lane) {
  if (phase_ != Phase::kSending) return;
  if (paused_) {
    lane.rests = true;
    return;
  }
  const Time now = dispatcher_.clock_.now();
  if ((requests_left_ && *requests_left_ == 0) || (ends_ && now >= *ends_)) return end();
  if (requests_left_) --*requests_left_;
  send(stripe.index + 1 + turns_ * stripe.count, now, lane.index);
  if (phase_ == Phase::kSending && requests_left_ && *requests_left_ == 0) end();
}

void Client::lane_over(Lane& lane, Failure failure) {
  net::Timers& timers = dispatcher_.timers_;
  if (group_.service.router().answers_itself()) {
    // It answers at once: on the next turn, not from within its own answer.
    timers.set(lane.timer, dispatcher_.clock_.now());
    return;
  }
  if (!failed_to_connect(failure)) {
    lane.back_off = kBackOffFirst;
    lane_send(lane);
    return;
  }
  timers.set(lane.timer, dispatcher_.clock_.now() + lane.back_off);
  lane.back_off = std::min(lane.back_off * 2, kBackOffMost);
}

void Client::send(std::uint64_t number, Time due, std::uint32_t lane) {
  ++turns_;
  ++counts_.requests;
  ++in_flight_;
  ++under_way_;
  if (dispatcher_.send(*this, number, due, lane)) return;
  --turns_;
  take_back(workload_);
}

// Its turn is no more: it is told as not sent.
void Client::displace(std::uint64_t number) {
  ++turns_;
  ++counts_.requests;
  ++in_flight_;
  ++under_way_;
  dispatcher_.displace(*this, number, *ends_);
}

void Client::take_back(std::uint32_t workload) {
  --counts_.requests;
  --in_flight_;
  if (workload == workload_) {
    --under_way_;
    if (phase_ == Phase::kSending)
      source_is_over();
    else if (phase_ == Phase::kDispatched && under_way_ == 0)
      answered();
  }
  rest();
}

void Client::take_source(RequestSources& shared, ClientPlace place) {
  place_ = std::make_unique<ClientPlace>(std::move(place));
  source_ = shared.of_client(*place_);
}

void Client::take_place(const Workload::Place& place, const std::optional<Workload::Draws>& draws) {
  if (!place_) return;
  place_->index = place.index;
  place_->of = std::max(place.of, 1u);
  if (!draws) return;
  place_->seed = draws->seed;
  place_->stream = draws->stream;
}

void Client::rest_of_turn_over(std::uint32_t workload) {
  --in_flight_;
  if (workload == workload_) {
    --under_way_;
    if (phase_ == Phase::kDispatched && under_way_ == 0) answered();
  }
  rest();
}

void Client::step_over(std::int32_t status) {
  if (status < 0 || status >= 300) ++counts_.failed;
}

// Its source makes no more: nothing more is due, whatever the schedule has.
void Client::source_is_over() {
  dispatcher_.timers_.cancel(timer_);
  next_.reset();
  end();
}

// The last request of the workload has been dispatched.
void Client::end() {
  phase_ = Phase::kDispatched;
  dispatcher_.report(*this, ClientEvent::kDispatched);
  if (under_way_ == 0) answered();
  rest();
}

void Client::answered() {
  phase_ = Phase::kIdle;
  dispatcher_.report(*this, ClientEvent::kAnswered);
}

void Client::rest() {
  if (phase_ != Phase::kSending && in_flight_ == 0) dispatcher_.rests(*this);
}

}  // namespace galileo::load
