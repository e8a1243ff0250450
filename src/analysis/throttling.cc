#include "analysis/throttling.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"

namespace galileo::analysis {
namespace {

// As of the generator's own quota: less of it changes no figure.
constexpr double kIgnored = 0.005;
constexpr std::size_t kToldMax = 5;
constexpr const char* kClients = "client";  // the function of workers' pods
constexpr const char* kTelemetryContainer = "telemd";

bool says_itself(const GeneratorState* generator, const PodLives::Pod& pod) {
  return generator && std::any_of(generator->workers.begin(), generator->workers.end(),
                                  [&](const GeneratorState& worker) {
                                    return worker.worker == pod.name &&
                                           worker.throttled_periods > 0;
                                  });
}

}  // namespace

double Throttled::share() const {
  return periods > 0 ? static_cast<double>(throttled) / static_cast<double>(periods) : 0;
}

std::optional<Throttled> throttled_of(const JoinedView& joined, const PodLives::Pod& pod) {
  std::optional<Throttled> all;
  for (const PodLives::Container& container : pod.containers) {
    for (const std::string& id : container.ids) {
      const JoinedView::Use* const use = joined.use_of(id);
      if (!use || !use->limit_periods.is_known() || !use->limit_throttled.is_known()) continue;
      if (!all) all.emplace();
      all->periods += static_cast<std::uint64_t>(use->limit_periods.grown());
      all->throttled += static_cast<std::uint64_t>(use->limit_throttled.grown());
    }
  }
  return all;
}

std::string part_of(const PodLives::Pod& pod) {
  if (pod.is_gateway) return "gateway";
  if (pod.function == kClients) return "worker";
  const bool is_telemetry =
      std::any_of(pod.containers.begin(), pod.containers.end(),
                  [](const auto& container) { return container.name == kTelemetryContainer; });
  return is_telemetry && pod.function.empty() ? "telemetry" : "";
}

std::vector<std::string> doubts_of_throttling(const JoinedView& joined,
                                              const GeneratorState* generator) {
  std::vector<std::string> doubts;
  std::size_t left_out = 0;
  for (const PodLives::Pod& pod : joined.pods().all()) {
    const std::string part = part_of(pod);
    const auto held = part.empty() ? std::nullopt : throttled_of(joined, pod);
    if (!held || held->throttled == 0 || held->share() < kIgnored || says_itself(generator, pod))
      continue;
    if (doubts.size() == kToldMax) {
      ++left_out;
      continue;
    }
    doubts.push_back(fmt::format(
        "the {} {}{} was held back by its CPU limit in {} of {} periods ({:.0f} %): take the limit "
        "out",
        part, one_line(pod.name), pod.node.empty() ? "" : " on " + one_line(pod.node),
        format_count(held->throttled), format_count(held->periods), 100 * held->share()));
  }
  if (left_out > 0)
    doubts.push_back(
        fmt::format("{} further pods of ours were held back by their CPU limits", left_out));
  return doubts;
}

}  // namespace galileo::analysis
