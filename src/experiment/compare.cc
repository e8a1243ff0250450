#include "experiment/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace galileo::experiment {
namespace {

constexpr double kZ = 1.96;  // of 95 %
constexpr double kErrorsMore = 0.001;

struct Interval {
  double low = 0;
  double high = 0;
};

// Where the true quantile lies: between the values whose ranks are that far around its own.
Interval quantile_interval(const Histogram& histogram, double share) {
  const auto n = static_cast<double>(histogram.count());
  const double around = n > 0 ? kZ * std::sqrt(share * (1 - share) / n) : 1;
  // The rank beyond the last value: nothing is known of what is longer.
  const double above = share + around;
  return {to_seconds(histogram.percentile(std::max(0.0, share - around))),
          above >= 1 ? to_seconds(histogram.max()) * 2 : to_seconds(histogram.percentile(above))};
}

// Wilson's, which holds for shares near 0 too.
Interval share_interval(double hits, double n) {
  if (n <= 0) return {0, 1};
  const double p = hits / n;
  const double z2 = kZ * kZ;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double around = kZ / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {middle - around, middle + around};
}

double errors_of(const Summary& summary) {
  return static_cast<double>(summary.failed() + summary.not_sent());
}
double share_of(const Summary& summary) {
  return summary.counted() > 0 ? errors_of(summary) / static_cast<double>(summary.counted()) : 0;
}
bool is_closed(const Summary& summary) {
  return summary.counted() > 0 && summary.closed_loop() == summary.counted();
}

Compared compare_quantile(const Summary& base, const Summary& other, double share,
                          double tolerance) {
  Compared row{fmt::format("p{:g}", share * 100), "s", to_seconds(base.latency().percentile(share)),
               to_seconds(other.latency().percentile(share))};
  const bool both = base.latency().count() > 0 && other.latency().count() > 0;
  row.is_judged = both;
  row.regressed =
      both && row.other > row.base * (1 + tolerance) &&
      quantile_interval(other.latency(), share).low > quantile_interval(base.latency(), share).high;
  return row;
}

Compared compare_rate(const Summary& base, const Summary& other, double tolerance) {
  Compared row{"achieved", "rps", base.achieved_rps(), other.achieved_rps()};
  const double offered = base.offered_rps();
  const bool same_offered = std::abs(other.offered_rps() - offered) <= tolerance * offered;
  row.is_judged = is_closed(base) == is_closed(other) && (is_closed(base) || same_offered);
  // Of n random arrivals the count is that far from its mean.
  const auto around = [](const Summary& summary) {
    const auto n = static_cast<double>(summary.latency().count());
    return n > 0 ? kZ / std::sqrt(n) : 0;
  };
  row.regressed = row.is_judged && row.other < row.base * (1 - tolerance) &&
                  row.other * (1 + around(other)) < row.base * (1 - around(base));
  return row;
}

Compared compare_errors(const Summary& base, const Summary& other) {
  Compared row{"errors", "share", share_of(base), share_of(other)};
  row.is_judged = base.counted() > 0 && other.counted() > 0;
  const Interval before = share_interval(errors_of(base), static_cast<double>(base.counted()));
  const Interval after = share_interval(errors_of(other), static_cast<double>(other.counted()));
  row.regressed = row.is_judged && row.other - row.base > kErrorsMore && after.low > before.high;
  return row;
}

}  // namespace

std::vector<Compared> compare(const Summary& base, const Summary& other, double tolerance) {
  const auto shown = [](const char* name, const char* unit, double a, double b) {
    return Compared{name, unit, a, b, false, false};
  };
  std::vector<Compared> rows{
      shown("requests", "", static_cast<double>(base.counted()),
            static_cast<double>(other.counted())),
      shown("offered", "rps", base.offered_rps(), other.offered_rps()),
      compare_rate(base, other, tolerance), compare_errors(base, other),
      shown("mean", "s", to_seconds(base.latency().mean()), to_seconds(other.latency().mean()))};
  for (const double share : {0.5, 0.9, 0.95, 0.99, 0.999})
    rows.push_back(compare_quantile(base, other, share, tolerance));
  rows.push_back(
      shown("max", "s", to_seconds(base.latency().max()), to_seconds(other.latency().max())));
  return rows;
}

}  // namespace galileo::experiment
