#include "experiment/thresholds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace galileo::experiment {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
constexpr std::array kUnits{
    Unit{"ns", 1e-9},        Unit{"us", 1e-6}, Unit{"ms", 1e-3},  Unit{"s", 1},
    Unit{"m", 60},           Unit{"h", 3600},  Unit{"%", 0.01},   Unit{"k", 1e3},
    Unit{"M", 1e6},          Unit{"G", 1e9},   Unit{"KiB", 1024}, Unit{"MiB", 1048576},
    Unit{"GiB", 1073741824}, Unit{"kB", 1e3},  Unit{"MB", 1e6},   Unit{"GB", 1e9},
};

const std::vector<std::string>& times() {
  static const std::vector<std::string> names{"latency", "dispatch_error", "service_time"};
  return names;
}
const std::vector<std::string>& figures() {
  static const std::vector<std::string> names{"intended", "sent",      "not_sent", "answered",
                                              "failed",   "in_flight", "retried",  "offered",
                                              "achieved", "error_rate"};
  return names;
}
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

// min, mean, max as they are; of p95 the 95, of nothing else anything.
std::optional<double> percentile_of(std::string_view function) {
  if (function.size() < 2 || function[0] != 'p') return std::nullopt;
  const auto number = parse_number(function.substr(1));
  if (!number || *number < 0 || *number > 100) return std::nullopt;
  return *number / 100;
}

bool is_function(std::string_view name) {
  return name == "min" || name == "mean" || name == "max" || percentile_of(name).has_value();
}

Result<double> read_limit(Reader& reader) {
  std::string_view text = reader.rest();
  const std::size_t number_end = text.find_first_not_of("0123456789.-+eE");
  // "5e" may be the start of a unit that is none; the number is what parses.
  const auto number = parse_number(text.substr(0, number_end));
  const std::string_view unit =
      number_end == std::string_view::npos ? "" : trim(text.substr(number_end));
  if (!number) return reader.wrong("a number is missing", "write for example < 50ms");
  if (unit.empty()) return *number;
  for (const Unit& known : kUnits) {
    if (known.name == unit) return *number * known.factor;
  }
  return reader.wrong(fmt::format("unknown unit '{}'", unit),
                      "use ns, us, ms, s, m, h, %, k, M, G, KiB, MiB or GiB");
}

Result<void> check_metric(const Reader& reader, const Threshold& threshold) {
  const bool is_time = contains(times(), threshold.metric);
  const bool is_figure = contains(figures(), threshold.metric);
  if (is_time && threshold.function.empty())
    return reader.wrong(fmt::format("'{}' needs a function", threshold.metric),
                        fmt::format("write for example p95({})", threshold.metric));
  if (is_figure && !threshold.function.empty())
    return reader.wrong(fmt::format("'{}' is one number and takes no function", threshold.metric),
                        fmt::format("write {} {} ...", threshold.metric, threshold.comparison));
  if (!is_time && !is_figure) {
    if (threshold.function.empty()) {
      std::vector<std::string> known = figures();
      known.insert(known.end(), times().begin(), times().end());
      return reader.wrong(
          fmt::format("unknown metric '{}'", threshold.metric),
          hint_for_unknown(threshold.metric, known) + ", or a telemetry metric as in max(cpu)");
    }
    if (percentile_of(threshold.function))
      return reader.wrong(
          fmt::format("telemetry ('{}') has min, mean and max only", threshold.metric),
          fmt::format("write for example max({})", threshold.metric));
  }
  if (!threshold.group.empty() && threshold.metric != "latency" && threshold.metric != "answered" &&
      threshold.metric != "failed")
    return reader.wrong(fmt::format("'{}' isn't kept by {}", threshold.metric, threshold.group),
                        "latency, answered and failed are");
  return {};
}

Result<void> read_group(Reader& reader, Threshold& threshold) {
  if (!reader.take("{")) return {};
  threshold.group = reader.take_word();
  if (threshold.group != "service" && threshold.group != "server" && threshold.group != "phase")
    return reader.wrong(fmt::format("unknown group '{}'", threshold.group),
                        "use service, server or phase");
  if (!reader.take("=")) return reader.wrong("'=' is missing", "write {service=name}");
  threshold.group_name = reader.take_until('}');
  if (!reader.take("}")) return reader.wrong("'}' is missing", "write {service=name}");
  return {};
}

const GroupFigures* find_group(const Threshold& threshold, const Summary& summary) {
  const std::vector<GroupFigures>& rows = threshold.group == "service"  ? summary.services()
                                          : threshold.group == "server" ? summary.servers()
                                                                        : summary.phases();
  for (const GroupFigures& row : rows) {
    if (row.name == threshold.group_name) return &row;
  }
  return nullptr;
}

std::optional<double> of_histogram(const Histogram& histogram, std::string_view function) {
  if (histogram.count() == 0) return std::nullopt;
  if (function == "min") return to_seconds(histogram.min());
  if (function == "mean") return to_seconds(histogram.mean());
  if (function == "max") return to_seconds(histogram.max());
  return to_seconds(histogram.percentile(percentile_of(function).value_or(1)));
}

// The series that a metric means. `cpu` is all that keeps the machine busy: where the node tells
// that (cpu_busy), the old wire's own figure, which leaves niced programs out, isn't gone by.
bool is_of(const TelemetrySeries::Series& series, const std::string& metric,
           const TelemetrySeries& telemetry) {
  if (metric != "cpu") return series.metric == metric;
  const auto tells_busy = [&](const TelemetrySeries::Series& other) {
    return other.metric == "cpu_busy" && other.node == series.node;
  };
  return series.metric == "cpu_busy" ||
         (series.metric == "cpu" &&
          std::none_of(telemetry.all().begin(), telemetry.all().end(), tells_busy));
}

std::optional<double> of_telemetry(const Threshold& threshold, const TelemetrySeries& telemetry) {
  double sum = 0;
  double count = 0;
  std::optional<double> least;
  std::optional<double> most;
  for (const TelemetrySeries::Series& series : telemetry.all()) {
    if (series.count == 0 || !is_of(series, threshold.metric, telemetry)) continue;
    if (!threshold.subsystem.empty() && series.subsystem != threshold.subsystem) continue;
    sum += series.sum;
    count += static_cast<double>(series.count);
    least = least ? std::min(*least, series.min) : series.min;
    most = most ? std::max(*most, series.max) : series.max;
  }
  if (count == 0) return std::nullopt;
  if (threshold.function == "min") return least;
  if (threshold.function == "max") return most;
  return sum / count;
}

std::optional<double> of_summary(const Threshold& threshold, const Summary& summary) {
  const std::string& metric = threshold.metric;
  if (!threshold.group.empty()) {
    const GroupFigures* group = find_group(threshold, summary);
    if (!group) return std::nullopt;
    if (metric == "latency") return of_histogram(group->latency.answered, threshold.function);
    return static_cast<double>(metric == "answered" ? group->answered : group->failed);
  }
  if (metric == "latency") return of_histogram(summary.latency(), threshold.function);
  if (metric == "dispatch_error") return of_histogram(summary.dispatch_error(), threshold.function);
  if (metric == "service_time")
    return of_histogram(summary.service_times().answered, threshold.function);
  if (metric == "offered") return summary.offered_rps();
  if (metric == "achieved") return summary.achieved_rps();
  const auto counted = static_cast<double>(summary.counted());
  const auto answered = static_cast<double>(summary.latency().count());
  if (metric == "intended") return counted;
  if (metric == "sent") return counted - static_cast<double>(summary.not_sent());
  if (metric == "not_sent") return static_cast<double>(summary.not_sent());
  if (metric == "answered") return answered;
  if (metric == "failed") return static_cast<double>(summary.failed());
  if (metric == "in_flight") return static_cast<double>(summary.ledger().in_flight_at_end);
  if (metric == "retried") return static_cast<double>(summary.ledger().retried);
  if (metric == "error_rate" && counted > 0) return (counted - answered) / counted;
  return std::nullopt;
}

bool holds(double value, std::string_view comparison, double limit) {
  if (comparison == "<") return value < limit;
  if (comparison == "<=") return value <= limit;
  if (comparison == ">") return value > limit;
  if (comparison == ">=") return value >= limit;
  if (comparison == "==") return value == limit;
  return value != limit;
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
  const bool call = reader.take("(");
  if (call) {
    if (!is_function(word)) {
      reader.set_position(start);
      return reader.wrong(fmt::format("unknown function '{}'", word),
                          "use min, mean, max or p50, p90, p95, p99, p99.9");
    }
    threshold.function = word;
    word = reader.take_word();
  }
  const std::size_t slash = word.find('/');
  threshold.metric = word.substr(0, slash);
  if (slash != std::string_view::npos) threshold.subsystem = word.substr(slash + 1);
  if (threshold.metric.empty())
    return reader.wrong("a metric is missing", "write for example max(process_rss/name) < 1GiB");
  TRY(read_group(reader, threshold));
  if (call && !reader.take(")")) return reader.wrong("')' is missing", "close the function");
  for (const std::string_view comparison : {"<=", ">=", "==", "!=", "<", ">"}) {
    if (!threshold.comparison.empty() || !reader.take(comparison)) continue;
    threshold.comparison = comparison;
  }
  if (threshold.comparison.empty())
    return reader.wrong("a comparison is missing", "use <, <=, >, >=, == or !=");
  threshold.limit = TRY(read_limit(reader));
  TRY(check_metric(reader, threshold));
  return threshold;
}

ThresholdResult evaluate(const Threshold& threshold, const Summary& summary,
                         const TelemetrySeries& telemetry) {
  ThresholdResult result;
  result.expression = threshold.expression;
  result.limit = threshold.limit;
  const bool is_time = contains(times(), threshold.metric);
  if (is_time) result.unit = "s";
  if (threshold.metric == "offered" || threshold.metric == "achieved") result.unit = "rps";
  if (threshold.metric == "error_rate") result.unit = "share";
  result.value = is_time || contains(figures(), threshold.metric)
                     ? of_summary(threshold, summary)
                     : of_telemetry(threshold, telemetry);
  result.passed = result.value && holds(*result.value, threshold.comparison, threshold.limit);
  return result;
}

std::string format_value(const std::optional<double>& value, std::string_view unit) {
  if (!value) return "no data";
  if (unit == "s") return format_duration(seconds(*value));
  if (unit == "share") return fmt::format("{:.3g}%", *value * 100);
  if (unit == "rps") return fmt::format("{:.1f}/s", *value);
  if (*value == std::round(*value) && std::abs(*value) < 1e15) return fmt::format("{:.0f}", *value);
  return fmt::format("{:.4g}", *value);
}

}  // namespace galileo::experiment
