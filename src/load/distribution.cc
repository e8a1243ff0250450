#include "load/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/text.h"

namespace galileo::load {
namespace {

using Parameters = std::array<double, 3>;

struct Row {
  std::string_view name;
  std::string_view parameters;
  std::size_t count;
  bool (*holds)(const Parameters& p);
  std::string_view condition;
};

constexpr std::array kRows{
#define DISTRIBUTION(name, parameters, count, condition, words)                                 \
  Row{#name, parameters, count, []([[maybe_unused]] const Parameters& p) { return condition; }, \
      words},
#include "load/distributions.def"
#undef DISTRIBUTION
};

const Row* find(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

double normal_mean_wait(double mu, double sigma) {
  if (sigma == 0) return std::max(mu, 0.0);
  const double z = mu / sigma;
  const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
  const double below = std::erfc(-z / std::numbers::sqrt2) / 2;
  return std::max(mu * below + sigma * density, 0.0);
}

double mean_of_draws(const Distribution& distribution) {
  constexpr int kDraws = 100'000;
  Random random(1);
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) sum += std::max(distribution.draw(random), 0.0);
  return sum / kDraws;
}

Error wrong(std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, std::move(why), {}, {}, std::move(hint)};
}

}  // namespace

double Distribution::draw(Random& random) const {
  switch (kind) {
    case DistributionKind::uniform:
      return random.uniform(p[0], p[1]);
    case DistributionKind::triangular:
      return random.triangular(p[0], p[1], p[2]);
    case DistributionKind::normalvariate:
      return random.normalvariate(p[0], p[1]);
    case DistributionKind::gauss:
      return random.gauss(p[0], p[1]);
    case DistributionKind::lognormvariate:
      return random.lognormvariate(p[0], p[1]);
    case DistributionKind::expovariate:
      return random.expovariate(p[0]);
    case DistributionKind::vonmisesvariate:
      return random.vonmisesvariate(p[0], p[1]);
    case DistributionKind::gammavariate:
      return random.gammavariate(p[0], p[1]);
    case DistributionKind::betavariate:
      return random.betavariate(p[0], p[1]);
    case DistributionKind::paretovariate:
      return random.paretovariate(p[0]);
    case DistributionKind::weibullvariate:
      return random.weibullvariate(p[0], p[1]);
  }
  return 0;
}

double Distribution::mean_wait() const {
  switch (kind) {
    case DistributionKind::uniform: {
      const auto [low, high] = std::minmax(p[0], p[1]);
      if (high <= 0) return 0;
      return low >= 0 ? (low + high) / 2 : high / 2 * (high / (high - low));
    }
    case DistributionKind::triangular:
      if (p[1] <= 0) return 0;
      return p[0] >= 0 ? (p[0] + p[1] + p[2]) / 3 : mean_of_draws(*this);
    case DistributionKind::normalvariate:
    case DistributionKind::gauss:
      return normal_mean_wait(p[0], p[1]);
    case DistributionKind::lognormvariate:
      return std::exp(p[0] + p[1] * p[1] / 2);
    case DistributionKind::expovariate:
      return 1 / p[0];
    case DistributionKind::vonmisesvariate:
      return mean_of_draws(*this);
    case DistributionKind::gammavariate:
      return p[0] * p[1];
    case DistributionKind::betavariate:
      return p[0] / (p[0] + p[1]);
    case DistributionKind::paretovariate:
      return p[0] > 1 ? p[0] / (p[0] - 1) : std::numeric_limits<double>::infinity();
    case DistributionKind::weibullvariate:
      return p[0] * std::tgamma(1 + 1 / p[1]);
  }
  return 0;
}

const std::vector<std::string>& distribution_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Row& row : kRows) list.emplace_back(row.name);
    return list;
  }();
  return names;
}

std::string_view distribution_parameters(std::string_view name) {
  const Row* row = find(name);
  return row ? row->parameters : std::string_view{};
}

Result<Distribution> make_distribution(std::string_view name,
                                       const std::vector<double>& parameters) {
  const Row* row = find(name);
  if (!row)
    return wrong(fmt::format("unknown distribution '{}'", name),
                 hint_for_unknown(name, distribution_names()));
  const std::string form = fmt::format("write it as {}({})", row->name, row->parameters);
  if (parameters.size() != row->count)
    return wrong(fmt::format("{} takes {} parameter{}, not {}", name, row->count,
                             row->count == 1 ? "" : "s", parameters.size()),
                 form);
  Distribution distribution;
  distribution.kind = static_cast<DistributionKind>(row - kRows.data());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!std::isfinite(parameters[i]))
      return wrong(fmt::format("{} of a parameter that isn't finite", name), form);
    distribution.p[i] = parameters[i];
  }
  if (!row->holds(distribution.p))
    return wrong(fmt::format("{}({}) has no such distribution", name, fmt::join(parameters, ", ")),
                 fmt::format("it needs {}", row->condition));
  return distribution;
}

Result<Call> parse_call(std::string_view text) {
  const Error error = wrong(fmt::format("'{}' isn't of the form name(number, ...)", text),
                            "write for example expovariate(100)");
  text = trim(text);
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')') return error;
  Call call{std::string(trim(text.substr(0, open))), {}};
  const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  if (call.name.empty()) return error;
  if (trim(inside).empty()) return call;
  for (const std::string_view part : split(inside, ',')) {
    const auto number = parse_number(trim(part));
    if (!number) return error;
    call.arguments.push_back(*number);
  }
  return call;
}

Result<Distribution> parse_distribution(std::string_view text) {
  const Call call = TRY(parse_call(text));
  return make_distribution(call.name, call.arguments);
}

}  // namespace galileo::load
