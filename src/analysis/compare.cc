#include "analysis/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "analysis/welch.h"

namespace galileo::analysis {
namespace {

constexpr double kLevel = 0.05;     // of all that are called regressions where there is none
constexpr double kTwoSided = 1.96;  // 95 % of a normal distribution lie within so many errors
constexpr double kErrorsMore = 0.001;
// The grain of a quantile, as logarithm: a histogram's steps.
constexpr double kResolution = 0.005;
// Past a quantile, in a stretch, on average: else it is the longest one there, which says little.
constexpr std::uint64_t kPastABatch = 2;
constexpr double kExact = std::numeric_limits<double>::infinity();

double seconds_at(const Slice& slice, double share) {
  const auto bound = slice.latency.all().percentile(share);
  return bound ? to_seconds(bound->value) : 0;
}

// Doesn't ask whether enough lie past it: it is for one stretch of several.
double seconds_within(const Slice& slice, double share) {
  return to_seconds(slice.latency.all().values.percentile(share));
}

double error_share(const Slice& slice) {
  const auto n = static_cast<double>(slice.count());
  return n > 0 ? 1 - static_cast<double>(slice.latency.answered.count()) / n : 0;
}

bool is_closed(const Batches& run) {
  return run.whole().count() > 0 && run.whole().closed_loop == run.whole().count();
}

// How a figure is taken from a run, and what is worse.
struct Figure {
  Compared row;
  bool relative = false;  // judged by ratios, else by differences
  double worse_sign = 1;
  double tolerance = 0;          // a ratio, or a difference
  double tolerance_of_base = 0;  // further, of differences: a share of the base's figure
  std::function<bool(const Batches&)> is_known = [](const Batches&) { return true; };
  std::function<double(const Batches&)> of;
  std::function<std::vector<double>(const Batches&)> of_batches;
  // One run's error beside what its stretches show, in the figure's own measure.
  std::function<double(const Batches&)> further_error;
};

double on_scale(const Figure& figure, double value) {
  return figure.relative ? std::log(std::max(value, 1e-12)) : value;
}

double mean_of(const Figure& figure, const Side& side) {
  double sum = 0;
  for (const Batches* run : side) sum += on_scale(figure, figure.of(*run));
  const double mean = sum / static_cast<double>(side.size());
  return figure.relative ? std::exp(mean) : mean;
}

Estimate of_runs(const Figure& figure, const Side& side) {
  std::vector<double> values;
  values.reserve(side.size());
  for (const Batches* run : side) values.push_back(on_scale(figure, figure.of(*run)));
  return estimate(values);
}

std::optional<Estimate> of_one(const Figure& figure, const Batches& run, double spread) {
  std::vector<double> values = figure.of_batches(run);
  if (values.size() < Batches::kBatches) return std::nullopt;
  for (double& value : values) value = on_scale(figure, value);
  const double spread_error = figure.relative ? spread : spread * figure.of(run);
  const Estimate noisy = with_error(estimate(values), figure.further_error(run), kExact);
  return with_error(noisy, spread_error, kExact);
}

// A side of one run beside one of several: runs differ as they do there.
Estimate as_others(const Figure& figure, const Side& side, const Estimate& others, std::size_t n) {
  return {on_scale(figure, figure.of(*side.front())),
          others.error * std::sqrt(static_cast<double>(n)), others.freedom};
}

// Both sides, as far as they are known.
struct Estimates {
  Estimate before, after;
};

std::optional<Estimates> estimates_of(const Figure& figure, const Side& base, const Side& other,
                                      double spread) {
  std::optional<Estimate> before;
  std::optional<Estimate> after;
  if (base.size() > 1) before = of_runs(figure, base);
  if (other.size() > 1) after = of_runs(figure, other);
  if (!before && after) before = as_others(figure, base, *after, other.size());
  if (!after && before) after = as_others(figure, other, *before, base.size());
  if (!before) before = of_one(figure, *base.front(), spread);
  if (!after) after = of_one(figure, *other.front(), spread);
  if (!before || !after) return std::nullopt;
  return Estimates{*before, *after};
}

double chance(const Figure& figure, Estimates of) {
  of.before.mean +=
      figure.relative
          ? std::log1p(figure.tolerance)
          : figure.worse_sign * (figure.tolerance + figure.tolerance_of_base * of.before.mean);
  return figure.worse_sign > 0 ? chance_of(of.before, of.after) : chance_of(of.after, of.before);
}

double noise(const Figure& figure, const Estimates& of) {
  const double error = kTwoSided * std::hypot(of.before.error, of.after.error);
  if (figure.relative) return std::expm1(error);
  const bool is_share_of_base = figure.tolerance_of_base > 0 && of.before.mean > 0;
  return is_share_of_base ? error / of.before.mean : error;
}

Figure quantile(double share, double tolerance) {
  Figure figure;
  figure.row = {fmt::format("p{:g}", share * 100), "s", {}, {}, {}, false};
  figure.relative = true;
  figure.tolerance = tolerance;
  figure.is_known = [share](const Batches& run) {
    return run.whole().latency.all().percentile(share).has_value();
  };
  figure.of = [share](const Batches& run) { return seconds_at(run.whole(), share); };
  figure.of_batches = [share](const Batches& run) {
    std::vector<double> values;
    const auto past = static_cast<double>(run.whole().count()) * std::min(share, 1 - share);
    if (past < static_cast<double>(kPastABatch * Batches::kBatches)) return values;
    for (const Slice& batch : run.batches()) {
      if (batch.count() > 0) values.push_back(seconds_within(batch, share));
    }
    return values;
  };
  figure.further_error = [](const Batches&) { return kResolution; };
  return figure;
}

Figure rate(double tolerance) {
  Figure figure;
  figure.row = {"achieved", "rps", {}, {}, {}, false};
  figure.worse_sign = -1;
  figure.tolerance_of_base = tolerance;
  figure.is_known = [](const Batches& run) { return run.span_s() > 0; };
  figure.of = [](const Batches& run) { return run.answer_rate(); };
  figure.of_batches = [](const Batches& run) { return run.answer_rates(); };
  figure.further_error = [](const Batches&) { return 0.0; };
  return figure;
}

Figure errors() {
  Figure figure;
  figure.row = {"errors", "share", {}, {}, {}, false};
  figure.tolerance = kErrorsMore;
  figure.is_known = [](const Batches& run) { return run.whole().count() > 0; };
  figure.of = [](const Batches& run) { return error_share(run.whole()); };
  figure.of_batches = [](const Batches& run) {
    std::vector<double> values;
    for (const Slice& batch : run.batches()) {
      if (batch.count() > 0) values.push_back(error_share(batch));
    }
    return values;
  };
  // Where all stretches have the same share, or none, that isn't known to the last request.
  figure.further_error = [](const Batches& run) {
    const auto n = static_cast<double>(run.whole().count());
    const double share = (n * error_share(run.whole()) + 1) / (n + 2);
    return std::sqrt(share * (1 - share) / std::max(n, 1.0));
  };
  return figure;
}

Compared shown(const char* name, const char* unit, const Side& base, const Side& other,
               const std::function<double(const Batches&)>& of) {
  Figure figure;
  figure.of = of;
  return {name, unit, mean_of(figure, base), mean_of(figure, other), {}, false};
}

bool all_have(const Side& side, const std::function<bool(const Batches&)>& has) {
  return std::all_of(side.begin(), side.end(), [&](const Batches* run) { return has(*run); });
}

// The same load, so that the rates of answers may be held against each other.
bool same_offered(const Side& base, const Side& other, double tolerance) {
  const bool closed = is_closed(*base.front());
  for (const Side* side : {&base, &other}) {
    if (!all_have(*side, [&](const Batches& run) { return is_closed(run) == closed; }))
      return false;
  }
  Figure offered;
  offered.of = [](const Batches& run) { return run.offered_rate(); };
  const double before = mean_of(offered, base);
  return closed || std::abs(mean_of(offered, other) - before) <= tolerance * before;
}

}  // namespace

std::vector<Compared> compare(const Side& base, const Side& other, const CompareOptions& options) {
  const auto longest = [](const Batches& run) {
    return to_seconds(run.whole().latency.all().values.max());
  };
  std::vector<Compared> rows{
      shown("requests", "", base, other,
            [](const Batches& run) { return static_cast<double>(run.whole().count()); }),
      shown("offered", "rps", base, other, [](const Batches& run) { return run.offered_rate(); })};
  std::vector<Figure> figures{rate(options.tolerance), errors()};
  for (const double share : {0.5, 0.9, 0.95, 0.99, 0.999})
    figures.push_back(quantile(share, options.tolerance));
  std::vector<std::size_t> judged;
  std::vector<double> chances;
  for (Figure& figure : figures) {
    if (all_have(base, figure.is_known)) figure.row.base = mean_of(figure, base);
    if (all_have(other, figure.is_known)) figure.row.other = mean_of(figure, other);
    const bool comparable = figure.worse_sign > 0 || same_offered(base, other, options.tolerance);
    const auto both = figure.row.base && figure.row.other && comparable
                          ? estimates_of(figure, base, other, options.spread)
                          : std::nullopt;
    if (both) figure.row.chance = chance(figure, *both);
    if (both) figure.row.noise = noise(figure, *both);
    if (figure.row.chance) {
      judged.push_back(rows.size());
      chances.push_back(*figure.row.chance);
    }
    rows.push_back(figure.row);
  }
  const std::vector<bool> is_shown = shown_by_holm(chances, kLevel);
  for (std::size_t i = 0; i < judged.size(); ++i) rows[judged[i]].regressed = is_shown[i];
  rows.push_back(shown("mean", "s", base, other,
                       [](const Batches& run) { return to_seconds(run.whole().latency.mean()); }));
  rows.push_back(shown("max", "s", base, other, longest));
  return rows;
}

}  // namespace galileo::analysis
