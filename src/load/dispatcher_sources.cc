// Requests of clients that have a source (request_source.h): made when they are due, held while the
// source has none yet or a turn thinks, and followed by the rest of their turn. One Sending carries
// a turn from its first request to its last. What is held isn't in the pool: `hops_end` ends the
// wait.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "load/dispatcher.h"
#include "wire/http1.h"

namespace galileo::load {

using wire::Failure;

namespace {

constexpr std::string_view kOtherSteps = "other";

// Numbers of requests are the client's: those of a turn lie together.
std::uint64_t request_number(const Turn& turn, const RequestSource& source) {
  return (turn.number - 1) * source.requests_a_turn() + turn.step + 1;
}

}  // namespace

ClientPlace Dispatcher::place_of(Client& client, const ClientIdentity& identity) {
  ClientPlace place;
  place.id = identity.id;
  place.index = identity.index;
  place.of = identity.of;
  place.seed = options_.seed;
  place.stream = identity.stream;
  place.wall_clock = options_.wall_clock;
  place.name = [this](std::string_view text) { return step_name(text); };
  place.ready = [this, &client] { source_is_ready(client); };
  place.post = options_.post;
  return place;
}

// Names are kept for the life of a run: whoever makes up a new one for each request can't fill our
// memory.
wire::NameId Dispatcher::step_name(std::string_view text) {
  if (text.empty()) return 0;
  if (!step_names_.contains(text)) {
    if (step_names_.size() >= kStepNamesMax) return sink_.name(kOtherSteps);
    step_names_.emplace(text);
  }
  return sink_.name(text);
}

bool Dispatcher::uses(const RequestSources& sources) const {
  return std::any_of(groups_.begin(), groups_.end(),
                     [&](const auto& group) { return group->sources == &sources; });
}

// False: there are no more turns.
bool Dispatcher::begin_turn(Sending& sending) {
  const Client& client = *sending.client;
  const ClientPlace& place = client.place();
  sending.turn =
      Turn{sending.number, (sending.number - 1) * place.of + place.index, 0, 0, sending.created};
  sending.number = request_number(sending.turn, *client.source());
  // Turns go in order.
  const Made how = client.unmade.empty() ? make(sending) : Made::kNotYet;
  if (how != Made::kOver) {
    settle(sending, how);
    return true;
  }
  sending.client = nullptr;
  free_.push_back(&sending);
  return false;
}

// A turn that a pause has left no time for; nobody is asked for its request.
void Dispatcher::displace(Client& client, std::uint64_t number, Time due) {
  Sending& sending = free_sending();
  sending.begin(client, number, due, Sending::kNoLane);
  if (client.source()) {
    const ClientPlace& place = client.place();
    sending.turn = Turn{number, (number - 1) * place.of + place.index, 0, 0, due};
    sending.number = request_number(sending.turn, *client.source());
    sending.step = client.source()->name_of(0);
  }
  intend();
  fail_unsent(sending, Failure::paused);
}

// Asks the source. That it has no more is told here, once for each client.
Made Dispatcher::make(Sending& sending) {
  const Client& client = *sending.client;
  if (!sending.made) sending.made = std::make_unique<MadeRequest>();
  MadeRequest& made = *sending.made;
  made.shared_body = nullptr;
  made.has_body = false;
  made.terms.reset();
  made.name = 0;
  made.checks = nullptr;
  made.why.clear();
  const Made how = client.source()->make(sending.turn, made);
  sending.step = how == Made::kMade ? made.name : client.source()->name_of(sending.turn.step);
  if (made.checks) sending.checks = made.checks;
  if (how == Made::kMade) sending.take_terms();
  if (how != Made::kOver) return how;
  if (sending.turn.step > 0) return Made::kFailed;  // its turn has begun
  SourceFigures& figures = *client.figures;
  if (++figures.ended == 1) figures.why_ended = made.why;
  return how;
}

// Of any but kOver.
void Dispatcher::settle(Sending& sending, Made how) {
  SourceFigures& figures = *sending.client->figures;
  const Time now = clock_.now();
  if (how == Made::kNotYet) {
    sending.client->unmade.push_back(&sending);
    return hold(sending, Sending::Held::kUnmade, now + sending.client->group().timeout);
  }
  intend();
  if (how == Made::kMade) {
    ++figures.made;
    return ask(sending);
  }
  if (++figures.failed == 1) figures.why_failed = sending.made->why;
  fail_unsent(sending, Failure::not_made);
}

void Dispatcher::hold(Sending& sending, Sending::Held as, Time until) {
  sending.held = as;
  ++held_;
  if (as == Sending::Held::kPausing && sending.client->paused()) return;
  timers_.set(sending.hops_end, until);
}

void Dispatcher::let_go(Sending& sending) {
  if (sending.held == Sending::Held::kUnmade) std::erase(sending.client->unmade, &sending);
  sending.held = Sending::Held::kNot;
  --held_;
  timers_.cancel(sending.hops_end);
}

void Dispatcher::source_is_ready(Client& client) {
  while (!client.unmade.empty()) {
    Sending& sending = *client.unmade.front();
    const Made how = make(sending);
    if (how == Made::kNotYet) return;
    let_go(sending);
    if (how != Made::kOver) {
      SourceFigures& figures = *client.figures;
      ++figures.late;
      figures.late_most = std::max(figures.late_most, clock_.now() - sending.created);
      settle(sending, how);
      continue;
    }
    const std::uint32_t workload = sending.workload;
    sending.client = nullptr;
    free_.push_back(&sending);
    client.take_back(workload);
  }
}

// The wait is over: a turn goes on, or its source was too late.
void Dispatcher::held_timed_out(Sending& sending) {
  const bool pausing = sending.held == Sending::Held::kPausing;
  let_go(sending);
  if (pausing) return next_step(sending);
  intend();
  SourceFigures& figures = *sending.client->figures;
  const Duration waited = clock_.now() - sending.created;
  ++figures.late;
  figures.late_most = std::max(figures.late_most, waited);
  if (++figures.failed == 1)
    figures.why_failed = fmt::format("nothing came within {}", format_duration(waited));
  fail_unsent(sending, Failure::not_made);
}

// Turns under way go no further while their client is paused.
void Dispatcher::keep_turns(const Client& client) {
  if (held_ == 0) return;
  for (const auto& sending : sendings_) {
    if (sending->client == &client && sending->held == Sending::Held::kPausing)
      timers_.cancel(sending->hops_end);
  }
}

// The rest of their think time is what it was.
void Dispatcher::let_turns_go_on(const Client& client, Time paused, Time at) {
  if (held_ == 0) return;
  for (const auto& sending : sendings_) {
    if (sending->client != &client || sending->held != Sending::Held::kPausing) continue;
    sending->turn.due += std::max(at - std::max(paused, sending->done), Duration{0});
    timers_.set(sending->hops_end, sending->turn.due);
  }
}

// Turns of stopped workloads, or all: a request that was due wasn't sent, nor is the rest.
void Dispatcher::end_held(bool all) {
  for (std::size_t i = 0; i < sendings_.size() && held_ > 0; ++i) {
    Sending& sending = *sendings_[i];
    if (!sending.client || sending.held == Sending::Held::kNot) continue;
    if (!all && sending.workload == sending.client->workload()) continue;
    const bool unmade = sending.held == Sending::Held::kUnmade;
    let_go(sending);
    if (unmade) {
      intend();
      fail_unsent(sending, Failure::stopped);
      continue;
    }
    Client& client = *sending.client;
    client.source()->dropped(sending.turn);
    skip_rest(sending, Failure::stopped);
    sending.client = nullptr;
    free_.push_back(&sending);
    // The request before the pause is over, and was counted.
    client.rest_of_turn_over(sending.workload);
  }
}

// It never left; its trace says why.
void Dispatcher::fail_unsent(Sending& sending, Failure failure) {
  take_routing(sending);
  sending.failure = failure;
  sending.status = -1;
  sending.retried = false;
  sending.dispatched = sending.sent = sending.first_byte = kNever;
  sending.request_bytes = sending.response_bytes = 0;
  sending.done = clock_.now();
  over(sending);
}

// What the source makes of an answer, which may fail for that.
Then Dispatcher::heard(Sending& sending) {
  const Client& client = *sending.client;
  RequestSource& source = *client.source();
  const bool is_last = sending.turn.step + 1 >= source.requests_a_turn();
  if (sending.workload != client.workload() || sending.failure == Failure::not_made ||
      sending.failure == Failure::paused) {
    source.dropped(sending.turn);
    return {is_last ? Then::Kind::kOver : Then::Kind::kGivesUp, {}, {}, {}};
  }
  if (is_last && source.requests_a_turn() == 1 && source.wants_answers() == 0) return {};
  const std::string* const body =
      sending.failure == Failure::none && source.wants_answers() > 0 ? body_of(sending) : nullptr;
  const AnswerView answer{sending.failure, sending.status, &sending.captured.headers,
                          body ? std::string_view(*body) : std::string_view(), sending.done};
  Then then = source.answered(sending.turn, answer);
  if (then.failure != Failure::none && sending.failure == Failure::none) {
    sending.failure = then.failure;
    client.counting->figures.first_failures.try_emplace(then.failure, then.why);
  }
  return then;
}

// True: its turn has another request.
bool Dispatcher::goes_on(Sending& sending, const Then& then, std::int32_t status) {
  if (then.kind == Then::Kind::kGivesUp) {
    const bool stopped = sending.workload != sending.client->workload();
    const Failure own =
        sending.failure == Failure::paused ? Failure::paused : Failure::step_skipped;
    skip_rest(sending, stopped ? Failure::stopped : own);
    return false;
  }
  sending.client->step_over(status);
  const Time due = sending.done + then.pause;
  sending.turn.due = due;
  // A router that answers itself does so at once: on the next turn, not from within its own answer.
  if (due > clock_.now() || sending.client->paused() ||
      sending.client->group().service.router().answers_itself())
    hold(sending, Sending::Held::kPausing, due);
  else
    next_step(sending);
  return true;
}

void Dispatcher::next_step(Sending& sending) {
  Client& client = *sending.client;
  client.step_due();
  ++sending.turn.step;
  sending.begin(client, request_number(sending.turn, *client.source()), sending.turn.due,
                sending.lane);
  const Made how = client.unmade.empty() ? make(sending) : Made::kNotYet;
  settle(sending, how);
}

// A trace of each request of the turn that is still to come.
void Dispatcher::skip_rest(Sending& sending, Failure failure) {
  Client& client = *sending.client;
  const RequestSource& source = *client.source();
  const std::uint32_t workload = sending.workload;
  while (++sending.turn.step < source.requests_a_turn()) {
    client.step_due();
    intend();
    sending.begin(client, request_number(sending.turn, source), clock_.now(), sending.lane);
    sending.workload = workload;
    sending.step = source.name_of(sending.turn.step);
    sending.failure = failure;
    sending.status = -1;
    sending.retried = false;
    sending.first_byte = kNever;
    sending.request_bytes = sending.response_bytes = 0;
    sending.done = sending.created;
    put_trace(sending);
    --in_flight_;
    client.step_over(-1);
  }
}

void Dispatcher::render(Sending& sending, const Routing::Destination& destination) {
  const MadeRequest& made = *sending.made;
  const route::Router& router = sending.client->group().service.router();
  wire::http1::serialize_request_into(sending.rendered, made.method, router.path_of(made.path),
                                      destination.host_header, made.headers, made.sent_body(),
                                      !sending.client->group().request.http.keep_alive);
  sending.bytes = sending.rendered;
  sending.expects_no_body = made.method == "HEAD";
  sending.repeatable = wire::http1::is_idempotent(made.method);
}

}  // namespace galileo::load
