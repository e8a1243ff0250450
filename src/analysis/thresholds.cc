#include "analysis/thresholds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/threshold_metrics.h"
#include "base/text.h"
#include "telemetry/instrument.h"

namespace galileo::analysis {
namespace {

constexpr std::string_view kChecks = "checks";

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Reads an expression from the left.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Error wrong(std::string why, std::string hint) const {
    return Error{ErrorCode::kUsage, fmt::format("threshold '{}'", text_),
                 fmt::format("at character {}", at_ + 1), std::move(why), std::move(hint)};
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view token) {
    skip_blanks();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  // The same within a function, where a subsystem goes on to the end of it: labels of a scraped
  // metric hold more than letters.
  std::string_view take_metric() {
    const std::string_view word = take_word();
    if (word.find('/') == std::string_view::npos) return word;
    const std::size_t from = at_ - word.size();
    at_ = std::min(text_.find_first_of("){[", at_), text_.size());
    return trim(text_.substr(from, at_ - from));
  }
  // Letters, digits and what stands in metric and subsystem names.
  std::string_view take_word() {
    skip_blanks();
    const std::size_t from = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(from, at_ - from);
  }
  std::string_view take_until(char end) {
    const std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] != end) ++at_;
    return trim(text_.substr(from, at_ - from));
  }
  std::string_view rest() {
    skip_blanks();
    return trim(text_.substr(at_));
  }
  std::size_t position() const { return at_; }
  void set_position(std::size_t at) { at_ = at; }

 private:
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-' || c == ':';
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_function(std::string_view name) {
  return name == "min" || name == "mean" || name == "max" || percentile_of(name).has_value();
}

std::vector<std::string> function_names() {
  return {"min", "mean", "max", "p50", "p90", "p95", "p99", "p99.9"};
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const ThresholdMetric& metric : threshold_metrics()) names.emplace_back(metric.name);
  for (const TelemetryMetric& metric : telemetry_metrics()) names.push_back(metric.name);
  return names;
}

bool is_telemetry(std::string_view metric) {
  const auto& known = telemetry_metrics();
  return std::any_of(known.begin(), known.end(),
                     [&](const TelemetryMetric& one) { return one.name == metric; });
}

Result<double> read_limit(Reader& reader, const Threshold& threshold) {
  // Shares of checks are said as numbers of one, too: checks(login) > 0.99.
  if (threshold.metric == kChecks) {
    const auto share = parse_number(reader.rest());
    if (share && *share >= 0 && *share <= 1) return *share;
  }
  const Limit limit =
      parse_limit(reader.rest(), scale_of(threshold.metric, threshold.subsystem).dimension);
  if (limit.wrong.empty()) return limit.value;
  return reader.wrong(limit.wrong, limit.hint);
}

// How a metric and its function go together.
Result<void> check_function(const Reader& reader, const Threshold& threshold) {
  const ThresholdMetric* const metric = threshold_metric(threshold.metric);
  const bool is_time = metric && metric->takes_function();
  if (metric && !is_time && !threshold.function.empty())
    return reader.wrong(fmt::format("'{}' is one number and takes no function", threshold.metric),
                        fmt::format("write {} {} ...", threshold.metric, threshold.comparison));
  if (metric && !is_time) return {};
  if (!metric && !is_telemetry(threshold.metric))
    return reader.wrong(fmt::format("unknown metric '{}'", threshold.metric),
                        hint_for_unknown(threshold.metric, metric_names()));
  if (threshold.function.empty())
    return reader.wrong(
        fmt::format("'{}' needs a function", threshold.metric),
        fmt::format("write for example {}({})", is_time ? "p95" : "max", threshold.metric));
  if (!is_time && percentile_of(threshold.function))
    return reader.wrong(
        fmt::format("telemetry ('{}') has min, mean and max only", threshold.metric),
        fmt::format("write for example max({})", threshold.metric));
  return {};
}

// "latency and service_time are": the metrics of which `is_kept` holds.
template <class F>
std::string metrics_that_are(F&& is_kept) {
  std::vector<std::string_view> names;
  for (const ThresholdMetric& metric : threshold_metrics()) {
    if (is_kept(metric)) names.push_back(metric.name);
  }
  const std::string_view last = names.back();
  names.pop_back();
  return fmt::format("{} and {} are", fmt::join(names, ", "), last);
}

Result<void> check_metric(const Reader& reader, const Threshold& threshold) {
  TRY(check_function(reader, threshold));
  const ThresholdMetric* const metric = threshold_metric(threshold.metric);
  if (!threshold.outcome.empty() && !(metric && metric->by_outcome))
    return reader.wrong(fmt::format("'{}' isn't kept by outcome", threshold.metric),
                        metrics_that_are([](const auto& one) { return one.by_outcome; }));
  const bool is_node = threshold.group == "node";
  if (is_node && metric)
    return reader.wrong(
        fmt::format("'{}' isn't kept by node", threshold.metric),
        fmt::format("telemetry is: max(cpu{{node={}}}) < 90%", threshold.group_name));
  if (!threshold.group.empty() && !is_node && !(metric && metric->by_group))
    return reader.wrong(fmt::format("'{}' isn't kept by {}", threshold.metric, threshold.group),
                        metrics_that_are([](const auto& one) { return one.by_group; }));
  if (!threshold.subsystem.empty() && !is_telemetry(threshold.metric) &&
      threshold.metric != kChecks)
    return reader.wrong(fmt::format("'{}' has no part '{}'", threshold.metric, threshold.subsystem),
                        fmt::format("write {} alone", threshold.metric));
  return {};
}

Result<void> read_outcome(Reader& reader, Threshold& threshold) {
  if (!reader.take("[")) return {};
  threshold.outcome = reader.take_word();
  const std::vector<std::string> known{"answered", "failed", "all"};
  if (!contains(known, threshold.outcome))
    return reader.wrong(fmt::format("unknown outcome '{}'", threshold.outcome),
                        hint_for_unknown(threshold.outcome, known));
  if (threshold.outcome == "all") threshold.outcome.clear();
  if (!reader.take("]")) return reader.wrong("']' is missing", "write latency[answered]");
  return {};
}

Result<void> read_group(Reader& reader, Threshold& threshold) {
  if (!reader.take("{")) return {};
  threshold.group = reader.take_word();
  const std::vector<std::string> known{"service", "server", "phase", "worker", "node"};
  if (!contains(known, threshold.group))
    return reader.wrong(fmt::format("unknown group '{}'", threshold.group),
                        hint_for_unknown(threshold.group, known));
  if (!reader.take("=")) return reader.wrong("'=' is missing", "write {service=name}");
  threshold.group_name = reader.take_until('}');
  if (threshold.group_name.empty())
    return reader.wrong(fmt::format("the {}'s name is missing", threshold.group),
                        "write {service=name}");
  if (!reader.take("}")) return reader.wrong("'}' is missing", "write {service=name}");
  return {};
}

// The series that a metric means. `cpu` is all that keeps the machine busy: where the node tells
// that (cpu_busy), the old wire's own figure, which leaves niced programs out, isn't gone by.
bool means(const TelemetrySeries::Series& series, const std::string& metric,
           const TelemetrySeries& telemetry) {
  if (metric != "cpu") return series.metric == metric;
  const auto tells_busy = [&](const TelemetrySeries::Series& other) {
    return other.metric == "cpu_busy" && other.node == series.node;
  };
  return series.metric == "cpu_busy" ||
         (series.metric == "cpu" &&
          std::none_of(telemetry.all().begin(), telemetry.all().end(), tells_busy));
}

// The subsystem that was asked for, or one of its parts.
bool is_of(std::string_view wanted, std::string_view subsystem) {
  if (wanted.empty() || subsystem == wanted) return true;
  return subsystem.size() > wanted.size() && subsystem.substr(0, wanted.size()) == wanted &&
         subsystem[wanted.size()] == '/';
}

Measured of_telemetry(const Threshold& threshold, const Summary& summary,
                      const TelemetrySeries& telemetry) {
  const bool only_warmup = summary.warmup() > 0 && summary.counted() == 0;
  if (only_warmup) return unknown("the run ended within its warm-up");
  const Wall from = summary.warmup() > 0 ? summary.first_due() : kNoWall;
  TelemetrySeries::Figures all;
  for (const TelemetrySeries::Series& series : telemetry.all()) {
    if (!means(series, threshold.metric, telemetry)) continue;
    if (!is_of(threshold.subsystem, series.subsystem)) continue;
    if (!threshold.group.empty() && series.node != threshold.group_name) continue;
    all.merge(telemetry.figures(series, from));
  }
  if (all.count == 0 && !threshold.group.empty())
    return unknown(fmt::format("it wasn't read of the node '{}'", threshold.group_name));
  if (all.count == 0) return unknown("it wasn't read");
  const double factor = scale_of(threshold.metric, threshold.subsystem).factor;
  if (threshold.function == "min") return {all.min * factor};
  if (threshold.function == "max") return {all.max * factor};
  return {all.sum / static_cast<double>(all.count) * factor};
}

}  // namespace

Result<Threshold> parse_threshold(std::string_view text) {
  Reader reader(text);
  Threshold threshold;
  threshold.expression = trim(text);
  const std::size_t start = reader.position();
  std::string_view word = reader.take_word();
  if (word.empty())
    return reader.wrong("a metric is missing", "write for example p95(latency) < 50ms");
  const bool of_check = word == kChecks && reader.take("(");
  if (of_check) threshold.subsystem = reader.take_until(')');
  if (of_check && (threshold.subsystem.empty() || !reader.take(")")))
    return reader.wrong("a check's name is missing", "write for example checks(login) > 0.99");
  const bool call = !of_check && reader.take("(");
  if (call) {
    if (!is_function(word)) {
      reader.set_position(start);
      return reader.wrong(fmt::format("unknown function '{}'", word),
                          hint_for_unknown(word, function_names()));
    }
    threshold.function = word;
    word = reader.take_metric();
  }
  const std::size_t slash = word.find('/');
  threshold.metric = word.substr(0, slash);
  if (slash != std::string_view::npos && !of_check) threshold.subsystem = word.substr(slash + 1);
  if (threshold.metric.empty())
    return reader.wrong("a metric is missing", "write for example max(process_rss/name) < 1GiB");
  TRY(read_outcome(reader, threshold));
  TRY(read_group(reader, threshold));
  TRY(read_outcome(reader, threshold));
  if (call && !reader.take(")")) return reader.wrong("')' is missing", "close the function");
  for (const std::string_view comparison : {"<=", ">=", "==", "!=", "<", ">"}) {
    if (!threshold.comparison.empty() || !reader.take(comparison)) continue;
    threshold.comparison = comparison;
  }
  if (threshold.comparison.empty())
    return reader.wrong("a comparison is missing", "use <, <=, >, >=, == or !=");
  TRY(check_metric(reader, threshold));
  threshold.limit = TRY(read_limit(reader, threshold));
  return threshold;
}

ThresholdResult evaluate(const Threshold& threshold, const Summary& summary,
                         const TelemetrySeries& telemetry) {
  ThresholdResult result;
  result.expression = threshold.expression;
  result.limit = threshold.limit;
  result.unit = base_unit(scale_of(threshold.metric, threshold.subsystem).dimension);
  const ThresholdMetric* const metric = threshold_metric(threshold.metric);
  const Measured measured =
      metric ? metric->measure(threshold, summary) : of_telemetry(threshold, summary, telemetry);
  result.value = measured.value;
  result.at_least = measured.at_least;
  result.undecided = measured.why_not;
  result.passed = result.value && holds(measured, threshold);
  return result;
}

std::string_view mark_of(const ThresholdResult& result) {
  return result.passed ? "✓" : result.undecided.empty() ? "✗" : "?";
}

std::string measured_text(const ThresholdResult& result) {
  if (!result.undecided.empty()) return "not decidable: " + result.undecided;
  return (result.at_least ? "≥" : "") + format_value(result.value, result.unit);
}

const std::vector<TelemetryMetric>& telemetry_metrics() {
  static const std::vector<TelemetryMetric> list = [] {
    std::vector<TelemetryMetric> made;
    for (const telemetry::InstrumentRow& row : telemetry::instrument_rows()) {
      for (const telemetry::Topic& topic : row.topics) {
        std::string name(topic.metric());
        const auto same = [&](const TelemetryMetric& one) { return one.name == name; };
        if (!name.empty() && std::none_of(made.begin(), made.end(), same))
          made.push_back({std::move(name), std::string(row.name)});
      }
    }
    return made;
  }();
  return list;
}

}  // namespace galileo::analysis
