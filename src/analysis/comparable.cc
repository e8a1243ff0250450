#include "analysis/comparable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"

namespace galileo::analysis {
namespace {

using Json = nlohmann::json;

// Random arrivals of the same rate differ by less, and so do runs of the same duration.
constexpr double kSameRate = 0.1;
constexpr double kSameSpan = 0.2;

const char* mode_of(const Batches& run) {
  const Slice& whole = run.whole();
  return whole.closed_loop == 0               ? "an open loop"
         : whole.closed_loop == whole.count() ? "a closed loop"
                                              : "open and closed loops";
}

bool differ(double a, double b, double share) {
  return std::abs(a - b) > share * std::max(a, b);
}

// What a client asks for, in the words that people are told.
struct Asked {
  const char* what;
  const char* key;
};
constexpr Asked kAsked[]{{"the loop", "closed_loop"},
                         {"the rate", "arrival"},
                         {"the request", "request"},
                         {"the number of clients", "num"},
                         {"the number of requests", "requests"},
                         {"the duration", "duration_s"},
                         {"the warm-up", "warmup_s"}};

Json value_of(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) ? json[key] : Json();
}

std::string shown(const Json& value) {
  if (value.is_null()) return "none";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

void compare_clients(const std::string& phase, const Json& base, const Json& other,
                     std::vector<std::string>& reasons) {
  for (const Asked& asked : kAsked) {
    const Json before = value_of(base, asked.key);
    const Json after = value_of(other, asked.key);
    if (before == after) continue;
    const std::string reason = fmt::format("{} of {} isn't the same: {}, and {}", asked.what, phase,
                                           shown(before), shown(after));
    if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end())
      reasons.push_back(reason);
  }
}

// What of a phase's events changes its load; those that are put in say what the runs are for.
Json changes_of(const Json& phase) {
  Json changes = Json::array();
  const Json events = value_of(phase, "events");
  for (const Json& event : events) {
    if (event.is_object() && event.contains("arrival")) changes.push_back(event);
  }
  return changes;
}

void compare_plans(const Json& base, const Json& other, std::vector<std::string>& reasons) {
  const Json before = value_of(base, "phases");
  const Json after = value_of(other, "phases");
  if (before.size() != after.size()) {
    reasons.push_back(fmt::format("one has {} phases, the other {}", before.size(), after.size()));
    return;
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    const std::string phase = fmt::format("phase {}", shown(value_of(before[i], "name")));
    const Json clients = value_of(before[i], "clients");
    const Json others = value_of(after[i], "clients");
    if (clients.size() != others.size())
      reasons.push_back(
          fmt::format("{} has {} kinds of clients, and {}", phase, clients.size(), others.size()));
    else
      for (std::size_t n = 0; n < clients.size(); ++n)
        compare_clients(phase, clients[n], others[n], reasons);
    if (changes_of(before[i]) != changes_of(after[i]))
      reasons.push_back(fmt::format("the rate of {} changes otherwise: {}, and {}", phase,
                                    shown(changes_of(before[i])), shown(changes_of(after[i]))));
    if (value_of(before[i], "duration_s") != value_of(after[i], "duration_s"))
      reasons.push_back(fmt::format("{} doesn't last as long in both", phase));
  }
  if (value_of(base, "warmup_s") != value_of(other, "warmup_s"))
    reasons.push_back(fmt::format("the warm-up isn't the same: {} s, and {} s",
                                  shown(value_of(base, "warmup_s")),
                                  shown(value_of(other, "warmup_s"))));
}

}  // namespace

std::vector<std::string> differences(const ComparedRun& base, const ComparedRun& other) {
  std::vector<std::string> reasons;
  for (const ComparedRun* const run : {&base, &other}) {
    if (!run->result.steered.empty())
      reasons.push_back(fmt::format("the load of {} was changed by hand: {}",
                                    run == &base ? "one" : "the other",
                                    run->result.steered.front()));
  }
  const Json plan = Json::parse(base.result.provenance.plan_json, nullptr, false);
  const Json plan_other = Json::parse(other.result.provenance.plan_json, nullptr, false);
  const bool planned = plan.is_object() && plan_other.is_object();
  if (planned) compare_plans(plan, plan_other, reasons);
  const Batches& a = base.batches;
  const Batches& b = other.batches;
  if (a.whole().count() == 0 || b.whole().count() == 0) {
    reasons.emplace_back("one has no requests");
    return reasons;
  }
  if (!reasons.empty()) return reasons;
  if (std::string(mode_of(a)) != mode_of(b)) {
    reasons.push_back(fmt::format("one is {}, the other {}", mode_of(a), mode_of(b)));
    return reasons;
  }
  // In a closed loop rate and duration are what came of it; what was asked for is in the plans.
  if (a.whole().closed_loop > 0) return reasons;
  if (differ(a.offered_rate(), b.offered_rate(), kSameRate))
    reasons.push_back(fmt::format("{:.1f} requests a second were offered, and {:.1f}",
                                  a.offered_rate(), b.offered_rate()));
  else if (differ(a.span_s(), b.span_s(), kSameSpan))
    reasons.push_back(fmt::format("one lasted {}, the other {}",
                                  format_duration(seconds(a.span_s())),
                                  format_duration(seconds(b.span_s()))));
  return reasons;
}

std::vector<std::string> other_circumstances(const RunResult& base, const RunResult& other) {
  std::vector<std::string> reasons;
  const auto compare = [&](std::string_view what, const std::string& before,
                           const std::string& after) {
    if (!before.empty() && !after.empty() && before != after)
      reasons.push_back(fmt::format("{} isn't the same: {}, and {}", what, before, after));
  };
  const auto fact = [](const RunResult& of, std::string_view key) -> std::string {
    for (const auto& [name, value] : of.provenance.host) {
      if (name == key) return value;
    }
    return {};
  };
  for (const auto& [what, key] :
       {std::pair{"the host", "hostname"}, std::pair{"its processor", "cpu_model"},
        std::pair{"the number of its cores", "cpus"}, std::pair{"its architecture", "arch"},
        std::pair{"its kernel", "kernel"}})
    compare(what, fact(base, key), fact(other, key));
  compare("galileo's version", base.provenance.version, other.provenance.version);
  return reasons;
}

}  // namespace galileo::analysis
