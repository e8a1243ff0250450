#include "load/arrival.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "load/distribution.h"
#include "load/elapsed.h"

namespace galileo::load {
namespace {

constexpr double kRateMax = 1e9;
constexpr double kWaitMin_s = 1e-9;

// One draw an inter-arrival; a draw of 0 or less goes at once.
class DrawnArrival final : public Arrival {
 public:
  explicit DrawnArrival(const Distribution& distribution) : distribution_(distribution) {}
  std::optional<Duration> next(Random& random) override {
    if (!elapsed_.add(distribution_.draw(random))) return std::nullopt;
    return elapsed_.at();
  }
  double expected(Duration within) const override {
    return to_seconds(within) / distribution_.mean_wait();
  }

 private:
  const Distribution distribution_;
  Elapsed elapsed_;
};

class RateArrival final : public Arrival {
 public:
  RateArrival(std::unique_ptr<RateShape> shape, bool exponential)
      : shape_(std::move(shape)), exponential_(exponential) {}
  std::optional<Duration> next(Random& random) override {
    amount_ += exponential_ ? random.expovariate(1.0) : 1.0;
    const std::optional<double> at_s = shape_->when(amount_, random);
    if (!at_s || !(*at_s < to_seconds(kHorizon))) return std::nullopt;
    last_ = std::max(last_, Duration{std::llround(*at_s * 1e9)});
    return last_;
  }
  double expected(Duration within) const override { return expected_together(within, 1); }
  // Poisson processes don't meet, whenever they begin.
  void set_ahead(double share) override { amount_ = exponential_ ? 0 : -share; }
  double expected_together(Duration within, std::uint32_t clients) const override {
    const double reached = clients * shape_->reached(to_seconds(within));
    return exponential_ ? reached : std::floor(reached + 1e-6);
  }

 private:
  const std::unique_ptr<RateShape> shape_;
  const bool exponential_;
  double amount_ = 0;  // of the last request
  Duration last_{0};
};

struct Maker {
  std::string_view name;
  std::string_view parameters;
  std::size_t fewest;
  std::size_t most;
  std::string_view text;
  Result<std::unique_ptr<Arrival>> (*make)(const ArrivalSpec& spec);
};

constexpr std::array kMakers{
#define ARRIVAL(name, parameters, fewest, most, text) \
  Maker{#name, parameters, fewest, most, text, &make_##name},
#include "load/arrivals.def"
#undef ARRIVAL
};

}  // namespace

Error wrong_arrival(std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, std::move(why), {}, {}, std::move(hint)};
}

Result<void> check_rates(std::string_view kind, const std::vector<double>& rates_rps) {
  for (const double rate : rates_rps) {
    if (!(rate >= 0 && rate <= kRateMax))
      return wrong_arrival(fmt::format("{} can't have a rate of {}", kind, rate),
                           "rates go from 0 to 1e9 requests a second");
  }
  return {};
}

Result<std::unique_ptr<Arrival>> make_rate_arrival(std::unique_ptr<RateShape> shape,
                                                   const std::string& process) {
  if (process != "static" && process != "exponential")
    return wrong_arrival(fmt::format("unknown process '{}'", process),
                         hint_for_unknown(process, {"static", "exponential"}));
  return std::unique_ptr<Arrival>(
      std::make_unique<RateArrival>(std::move(shape), process == "exponential"));
}

Result<std::unique_ptr<Arrival>> make_arrival(const ArrivalSpec& spec) {
  for (const double parameter : spec.parameters) {
    if (!std::isfinite(parameter))
      return wrong_arrival(fmt::format("{} has a parameter that isn't finite", spec.kind), {});
  }
  for (const Maker& maker : kMakers) {
    if (maker.name != spec.kind) continue;
    if (spec.parameters.size() < maker.fewest || spec.parameters.size() > maker.most)
      return wrong_arrival(
          fmt::format("{} can't have {} parameters", spec.kind, spec.parameters.size()),
          fmt::format("it takes ({})", maker.parameters));
    return maker.make(spec);
  }
  if (distribution_parameters(spec.kind).empty())
    return wrong_arrival(fmt::format("unknown distribution '{}'", spec.kind),
                         hint_for_unknown(spec.kind, arrival_names()));
  const Distribution distribution = TRY(make_distribution(spec.kind, spec.parameters));
  return std::unique_ptr<Arrival>(std::make_unique<DrawnArrival>(distribution));
}

bool unpaced(const ArrivalSpec& spec) {
  if (spec.kind == "constant")
    return spec.parameters.empty() ||
           (spec.parameters.size() == 1 && spec.parameters[0] < kWaitMin_s);
  const auto distribution = make_distribution(spec.kind, spec.parameters);
  return distribution.ok() && distribution->mean_wait() < kWaitMin_s;
}

double expected_requests(const ArrivalSpec& spec, Duration duration) {
  if (unpaced(spec)) return std::numeric_limits<double>::infinity();
  const auto arrival = make_arrival(spec);
  return arrival.ok() ? (*arrival)->expected(duration) : 0;
}

const std::vector<ArrivalRow>& arrival_rows() {
  static const std::vector<ArrivalRow> rows = [] {
    std::vector<ArrivalRow> list;
    for (const Maker& maker : kMakers)
      list.push_back({maker.name, maker.parameters, maker.fewest, maker.most, maker.text});
    for (const std::string& name : distribution_names()) {
      const std::string_view parameters = distribution_parameters(name);
      const std::size_t count = split(parameters, ',').size();
      list.push_back({name, parameters, count, count, "one draw an inter-arrival, seconds"});
    }
    return list;
  }();
  return rows;
}

std::vector<std::string> arrival_names() {
  std::vector<std::string> names;
  for (const ArrivalRow& row : arrival_rows()) names.emplace_back(row.name);
  return names;
}

}  // namespace galileo::load
