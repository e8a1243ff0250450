#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "load/arrival.h"
#include "load/distribution.h"
#include "load/engine.h"

namespace galileo::plan {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
// One loop has time for a hundred times as many; the rest is for answers that are long, and for
// what connections cost that are made anew for each request.
constexpr double kFewRps = 500;

bool is_open(const load::ClientSpec& client) {
  return !client.closed_loop && !load::unpaced(client.arrival);
}

// Does the sequence of due times come to an end of its own?
bool ends_by_itself(const load::ArrivalSpec& arrival) {
  if (arrival.kind == "ramp") return arrival.parameters.size() == 3 && arrival.parameters[1] <= 0;
  return arrival.kind == "prerecorded" || arrival.kind == "steps";
}

// Is the mean of its rate the same at all times?
bool is_even(const load::ArrivalSpec& arrival) {
  const std::vector<std::string>& drawn = load::distribution_names();
  return arrival.kind == "constant" || arrival.kind == "constant_rate" ||
         std::find(drawn.begin(), drawn.end(), arrival.kind) != drawn.end();
}

// Changes its rate when a condition holds, that is nobody knows when.
bool may_change(const load::ClientSpec& client, const Phase& phase) {
  return std::any_of(phase.actions.begin(), phase.actions.end(), [&](const Action& action) {
    const auto* const change = std::get_if<Action::ChangeArrival>(&action.what);
    return change && !action.at && change->client == client.name;
  });
}

// How long a client may send; nothing where no one says. As the schedule has it: a duration of its
// own counts from its start, that of the phase from the phase's.
std::optional<double> window_s(const load::ClientSpec& client, const Phase& phase) {
  if (client.duration) return to_seconds(*client.duration);
  if (!phase.duration) return std::nullopt;
  return std::max(0.0, to_seconds(*phase.duration - client.start_after));
}

// How many requests are due within so many seconds.
using DueIn = std::function<double(double within_s)>;

// When that many requests are due, in seconds; infinite where they never are.
double when_due(const DueIn& due_in, double requests) {
  const double horizon_s = to_seconds(load::kHorizon);
  double high = 1e-6;
  while (due_in(high) < requests) {
    high *= 2;
    if (high > horizon_s) return kInfinite;
  }
  double low = high / 2;
  for (int i = 0; i < 20; ++i) {
    const double middle = (low + high) / 2;
    (due_in(middle) < requests ? low : high) = middle;
  }
  return high;
}

// The sum of the first inter-arrivals of a list, which may be long: it is gone through once.
double when_due(const std::vector<double>& recorded_s, double requests) {
  double sum_s = 0;
  for (std::size_t i = 0; i < recorded_s.size() && static_cast<double>(i) < requests; ++i)
    sum_s += std::max(0.0, recorded_s[i]);
  return sum_s;
}

// Of a client whose arrival changes: what each of them makes due in its own time, one after
// another.
struct Stretch {
  double from_s = 0;  // since the client's start
  std::unique_ptr<const load::Arrival> arrival;
};

Result<std::vector<Stretch>> stretches_of(const load::ClientSpec& client) {
  std::vector<Stretch> stretches;
  stretches.push_back({0, TRY(load::make_arrival(client.arrival))});
  for (const load::ArrivalChange& change : client.changes)
    stretches.push_back({std::max(0.0, to_seconds(change.at - client.start_after)),
                         TRY(load::make_arrival(change.arrival))});
  return stretches;
}

double due_in(const std::vector<Stretch>& stretches, double within_s,
              const std::function<double(const load::Arrival&, Duration)>& expected) {
  double due = 0;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    const double from_s = stretches[i].from_s;
    if (from_s >= within_s) break;
    const double next_s = i + 1 < stretches.size() ? stretches[i + 1].from_s : kInfinite;
    due += expected(*stretches[i].arrival, seconds(std::min(within_s, next_s) - from_s));
  }
  return due;
}

// An open loop ends with its last request, its arrival or its time, whatever comes first.
ClientExpectation expect_open(const load::ClientSpec& client, std::optional<double> window) {
  ClientExpectation expectation;
  const auto stretches = stretches_of(client);
  if (!stretches.ok()) return expectation;
  // Some of the group's clients are ahead, and fit one request more into their time.
  const auto due_within = [&](Duration time) {
    const std::uint32_t count = std::max(1u, client.count);
    return due_in(*stretches, to_seconds(time), [&](const load::Arrival& arrival, Duration within) {
      return arrival.expected_together(within, count) / count;
    });
  };
  const DueIn one_client = [&](double within_s) {
    return due_in(*stretches, within_s, [](const load::Arrival& arrival, Duration within) {
      return arrival.expected(within);
    });
  };
  const load::ArrivalSpec& last =
      client.changes.empty() ? client.arrival : client.changes.back().arrival;
  double wanted = client.requests ? static_cast<double>(*client.requests) : kInfinite;
  if (ends_by_itself(last)) wanted = std::min(wanted, due_within(load::kHorizon));
  const double in_window = window ? due_within(seconds(*window)) : kInfinite;
  // The mean of some distributions is infinite: of those nothing is known but what limits them.
  const bool has_mean = ends_by_itself(last) || due_within(load::kHorizon) > 0;
  const double requests = has_mean ? std::min(wanted, in_window) : wanted;
  if (std::isfinite(requests)) expectation.requests = requests;
  double lasts_s = window.value_or(kInfinite);
  if (has_mean && std::isfinite(wanted) && wanted <= in_window) {
    const bool is_list = client.arrival.kind == "prerecorded" && client.changes.empty();
    const double last_s = is_list ? when_due(client.arrival.recorded_s, wanted)
                                  : when_due(one_client, wanted * (1 - 1e-9));
    lasts_s = std::min(lasts_s, last_s);
  }
  if (std::isfinite(lasts_s)) expectation.duration = seconds(lasts_s);
  return expectation;
}

}  // namespace

ClientExpectation expect(const load::ClientSpec& client, const Phase& phase) {
  const std::optional<double> window = window_s(client, phase);
  if (may_change(client, phase)) {
    ClientExpectation unknown;
    if (window) unknown.duration = seconds(*window);
    return unknown;
  }
  if (is_open(client)) return expect_open(client, window);
  ClientExpectation expectation;
  if (client.requests) expectation.requests = static_cast<double>(*client.requests);
  if (window) expectation.duration = seconds(*window);
  return expectation;
}

std::string service_of(const std::string& application, const std::string& zone) {
  return fmt::format("{}-{}", application, zone);
}

Expectation expect(const Plan& plan) {
  Expectation expectation;
  double requests = 0;
  Duration duration{0};
  bool counted = true;
  bool timed = true;
  for (const Phase& phase : plan.phases) {
    Duration longest{0};
    for (const load::ClientSpec& client : phase.clients) {
      const ClientExpectation one = expect(client, phase);
      expectation.clients += client.count;
      counted = counted && one.requests;
      requests += one.requests.value_or(0) * client.count;
      timed = timed && one.duration;
      longest = std::max(longest, client.start_after + one.duration.value_or(Duration{0}));
    }
    duration += longest;
  }
  if (counted && requests < 1e18)
    expectation.requests = static_cast<std::uint64_t>(std::llround(requests));
  if (timed) expectation.duration = duration;
  return expectation;
}

std::optional<double> even_rps(const Plan& plan) {
  double most = 0;
  for (const Phase& phase : plan.phases) {
    double rps = 0;
    for (const load::ClientSpec& client : phase.clients) {
      if (!is_open(client) || !is_even(client.arrival)) return std::nullopt;
      if (!client.changes.empty() || may_change(client, phase)) return std::nullopt;
      const double mean_over_s = to_seconds(load::kHorizon);
      rps += client.count * load::expected_requests(client.arrival, load::kHorizon) / mean_over_s;
    }
    most = std::max(most, rps);
  }
  return most;
}

unsigned load_loops(const Plan& plan) {
  const bool is_said = plan.limits.threads > 0;
  if (!is_said && even_rps(plan).value_or(kInfinite) <= kFewRps) return 1;
  return load::Engine::threads(plan.limits);
}

std::vector<std::string> check_names(const Plan& plan) {
  std::vector<std::string> names;
  const auto add = [&](const std::vector<load::CheckSpec>& checks) {
    for (const load::CheckSpec& check : checks) {
      if (std::find(names.begin(), names.end(), check.name) == names.end())
        names.push_back(check.name);
    }
  };
  for (const Phase& phase : plan.phases) {
    for (const load::ClientSpec& client : phase.clients) {
      add(client.request.checks);
      for (const load::Step& step : client.request.steps) add(step.request.checks);
    }
  }
  return names;
}

bool verifies_certificates(const Plan& plan) {
  for (const Phase& phase : plan.phases) {
    for (const load::TlsSettings& tls : load::tls_settings(plan.services, phase.clients)) {
      if (!tls.verify) return false;
    }
  }
  return true;
}

bool ends(const Phase& phase) {
  return std::all_of(phase.clients.begin(), phase.clients.end(), [&](const auto& client) {
    if (client.requests || client.duration || phase.duration) return true;
    const load::ArrivalSpec& last =
        client.changes.empty() ? client.arrival : client.changes.back().arrival;
    return is_open(client) && !may_change(client, phase) && ends_by_itself(last);
  });
}

}  // namespace galileo::plan
