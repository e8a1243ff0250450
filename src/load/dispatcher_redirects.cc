// Answers that lead to another one. All of a request's hops are one trace: they share its time-out,
// its bytes are theirs together, and its server is the last one's. A host that isn't known yet is
// asked for, and the request waits for the name server meanwhile.
#include <algorithm>

#include "load/dispatcher.h"
#include "wire/http1.h"

namespace galileo::load {

using wire::Failure;

namespace {

// Hosts that answers may lead to, over the whole run: who makes up a new one for each answer can't
// fill our memory.
constexpr std::size_t kRedirectHostsMax = 10'000;

// What TLS took on two hops, or waiting for a place; none on one that needed neither.
Duration together(Duration one, Duration other) {
  return one == kNoDuration ? other : other == kNoDuration ? one : one + other;
}

// What a request that went out comes to when its next hop can't: the reasons why requests aren't
// sent at all aren't its.
Failure failure_of_hop(Failure failure) {
  switch (failure) {
    case Failure::no_address:
      return Failure::bad_redirect;
    case Failure::no_connection:
      return Failure::timeout;
    case Failure::no_socket:
      return Failure::connect_failed;
    default:
      return failure;
  }
}

}  // namespace

// True: the request is under way again. Else what it has is its end, with a failure where it should
// have been followed and couldn't.
bool Dispatcher::redirect(Sending& sending) {
  const bool stopped = sending.workload != sending.client->workload();
  if (sending.redirects_max == 0 || stopped || !wire::is_redirect(sending.status, sending.location))
    return false;
  if (sending.redirect.count() >= sending.redirects_max) {
    sending.failure = Failure::too_many_redirects;
    return false;
  }
  const auto first = url_asked(sending);
  const bool followed =
      first.ok() && sending.redirect
                        .follow(sending.parts(), *first, sending.status, sending.location,
                                sending.set_cookies, wall(clock_.now()))
                        .ok();
  if (!followed) {
    sending.failure = Failure::bad_redirect;
    return false;
  }
  leave_hop(sending);
  sending.challenges = 0;
  sending.bytes = sending.redirect.bytes();
  sending.ahead = nullptr;
  sending.repeatable = wire::http1::is_idempotent(sending.redirect.method());
  if (sending.terms().remembers()) identify(sending);
  if (sending.adds_trace) say_trace(sending);
  ask_next_host(sending);
  return true;
}

// What the hop came to, before the next one.
void Dispatcher::leave_hop(Sending& sending) {
  sending.before.any = true;
  sending.before.status = sending.status;
  sending.before.response_bytes += sending.response_bytes;
  sending.before.read_late += sending.read_late;
  sending.before.retried = sending.before.retried || sending.retried;
  sending.before.first_byte = sending.first_byte;
  sending.before.handshake = together(sending.before.handshake, sending.handshake);
  sending.before.queued = together(sending.before.queued, sending.queued);
  if (!sending.hops_end.is_set())
    timers_.set(sending.hops_end, sending.first_sent + sending.timeout);
  sending.captured.clear();
}

void Dispatcher::ask_next_host(Sending& sending) {
  const std::string host = sending.redirect.to().route_host();
  if (!redirect_hosts_.contains(host)) {
    if (redirect_hosts_.size() >= kRedirectHostsMax) return end_hop(sending, Failure::no_address);
    redirect_hosts_.insert(host);
  }
  net::HttpTarget& target = hop_target(sending, host);
  sending.server = sink_.name(host);
  if (!target.has_addresses()) {
    const wire::Uri& to = sending.redirect.to();
    const int family = options_.limits.address_family;
    if (const auto address = net::literal_address(to.host, to.port); address.ok()) {
      if (family != 0 && address->family() != (family == 4 ? AF_INET : AF_INET6))
        return end_hop(sending, Failure::no_address);
      pool_.set_addresses(target, {*address});
    } else if (options_.on_unknown_host) {
      const bool asked = unresolved_.contains(host);
      unresolved_[host].push_back(&sending);
      if (!asked) options_.on_unknown_host(host);
      return;
    }
  }
  sending.request_bytes += sending.bytes.size();
  pool_.send(sending, target);
}

net::HttpTarget& Dispatcher::hop_target(const Sending& sending, const std::string& host) {
  return targets_.of(host, sending.terms().tls, sending.client->group().request.http);
}

// What waited for the host goes on, or ends where it has no addresses.
void Dispatcher::host_is_known(const std::string& host, bool found) {
  const auto waiting = unresolved_.find(host);
  if (waiting == unresolved_.end()) return;
  const std::vector<Sending*> sendings = std::move(waiting->second);
  unresolved_.erase(waiting);
  for (Sending* const sending : sendings) {
    if (!found) {
      end_hop(*sending, Failure::no_address);
      continue;
    }
    sending->request_bytes += sending->bytes.size();
    pool_.send(*sending, hop_target(*sending, host));
  }
}

// Those that wait for a name server, of stopped workloads or all.
void Dispatcher::end_unresolved(bool all, wire::Failure failure) {
  std::vector<Sending*> ended;
  for (auto& [host, sendings] : unresolved_) {
    std::erase_if(sendings, [&](Sending* sending) {
      const bool goes = all || sending->workload != sending->client->workload();
      if (goes) ended.push_back(sending);
      return goes;
    });
  }
  std::erase_if(unresolved_, [](const auto& entry) { return entry.second.empty(); });
  for (Sending* const sending : ended) end_hop(*sending, failure);
}

void Dispatcher::hops_timed_out(Sending& sending) {
  if (sending.held != Sending::Held::kNot) return held_timed_out(sending);
  bool waits = false;
  for (auto& [host, sendings] : unresolved_) waits = waits || std::erase(sendings, &sending) > 0;
  if (!waits) return pool_.time_out(sending);
  std::erase_if(unresolved_, [](const auto& entry) { return entry.second.empty(); });
  end_hop(sending, Failure::timeout);
}

// The hop isn't in the pool.
void Dispatcher::end_hop(Sending& sending, Failure failure) {
  sending.failure = failure;
  sending.status = -1;
  sending.read_late = Duration{0};
  sending.retried = false;
  sending.handshake = sending.queued = kNoDuration;
  sending.protocol = net::HttpProtocol::kNone;
  sending.first_byte = kNever;
  sending.response_bytes = 0;
  sending.done = clock_.now();
  over(sending);
}

// The request as a whole, from what its last hop came to and what those before it left.
void Dispatcher::sum_up_hops(Sending& sending) {
  timers_.cancel(sending.hops_end);
  sending.response_bytes += sending.before.response_bytes;
  sending.read_late += sending.before.read_late;
  sending.retried = sending.retried || sending.before.retried;
  sending.handshake = together(sending.before.handshake, sending.handshake);
  sending.queued = together(sending.before.queued, sending.queued);
  if (sending.failure == Failure::stopped) {
    // Its workload was stopped before the next hop: the last answer is the answer then.
    sending.failure = Failure::none;
    sending.status = sending.before.status;
    sending.first_byte = sending.before.first_byte;
    return;
  }
  sending.failure = failure_of_hop(sending.failure);
}

}  // namespace galileo::load
