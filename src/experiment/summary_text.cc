#include "experiment/summary_text.h"

#include <fmt/format.h>

#include "base/text.h"

namespace galileo::experiment {
namespace {

using wire::Failure;
using wire::FailureGroup;

// Text with or without colour.
class Paint {
 public:
  explicit Paint(bool colour) : colour_(colour) {}
  std::string bold(std::string_view text) const { return wrap("1", text); }
  std::string dim(std::string_view text) const { return wrap("2", text); }
  std::string good(std::string_view text) const { return wrap("32", text); }
  std::string bad(std::string_view text) const { return wrap("31", text); }
  std::string doubt(std::string_view text) const { return wrap("33", text); }

 private:
  std::string wrap(const char* code, std::string_view text) const {
    return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  const bool colour_;
};

std::string verdict_text(const Verdict& verdict, const Paint& paint) {
  const std::string name = verdict_name(verdict.value);
  const std::string painted = verdict.value == VerdictValue::kValid     ? paint.good(name)
                              : verdict.value == VerdictValue::kSuspect ? paint.doubt(name)
                                                                        : paint.bad(name);
  std::string text = fmt::format("{} {}\n", paint.bold("verdict"), painted);
  for (const std::string& reason : verdict.reasons) text += fmt::format("  - {}\n", reason);
  return text;
}

std::string thresholds_text(const std::vector<ThresholdResult>& thresholds, const Paint& paint) {
  std::string text;
  for (const ThresholdResult& threshold : thresholds)
    text += fmt::format("  {} {:<36} {}\n", threshold.passed ? paint.good("✓") : paint.bad("✗"),
                        threshold.expression, format_value(threshold.value, threshold.unit));
  return text.empty() ? text : paint.bold("thresholds") + "\n" + text;
}

std::string latency_row(std::string_view name, const Histogram& histogram) {
  if (histogram.count() == 0) return fmt::format("  {:<14} no data\n", name);
  std::string row = fmt::format("  {:<14}", name);
  row += fmt::format(" {:>8} {:>8}", format_duration(histogram.min()),
                     format_duration(histogram.mean()));
  for (const double share : {0.5, 0.9, 0.95, 0.99, 0.999})
    row += fmt::format(" {:>8}", format_duration(histogram.percentile(share)));
  return row + fmt::format(" {:>8}\n", format_duration(histogram.max()));
}

std::string times_text(const Summary& summary, const Paint& paint) {
  std::string text =
      paint.bold(fmt::format("{:<16} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}", "times",
                             "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max")) +
      "\n";
  text += latency_row("latency", summary.latency());
  text += latency_row("service time", summary.service_time());
  if (summary.closed_loop() < summary.counted() || summary.counted() == 0)
    text += latency_row("dispatch error", summary.dispatch_error());
  return text;
}

std::string rates_text(const Summary& summary, const Paint& paint) {
  const double span = std::max(summary.span_s(), 1e-9);
  return fmt::format(
      "{} offered {:.1f}/s, sent {:.1f}/s, achieved {:.1f}/s; {} in, {} out a second\n",
      paint.bold("rate"), summary.offered_rps(), summary.sent_rps(), summary.achieved_rps(),
      format_bytes(static_cast<double>(summary.bytes_in()) / span),
      format_bytes(static_cast<double>(summary.bytes_out()) / span));
}

std::string failures_text(const Summary& summary, const Paint& paint) {
  const load::Ledger& ledger = summary.ledger();
  std::string text;
  for (std::size_t i = 0; i < ledger.failures.size(); ++i) {
    if (ledger.failures[i] == 0) continue;
    const auto failure = static_cast<Failure>(i);
    text += fmt::format("  {:>12}  {:<16} {}\n", format_count(ledger.failures[i]),
                        wire::failure_name(failure), wire::failure_text(failure));
  }
  for (const auto& [code, count] : summary.status_codes()) {
    if (code >= 300)
      text += fmt::format("  {:>12}  of these with status {}\n", format_count(count), code);
  }
  return text.empty() ? paint.bold("errors") + " none\n" : paint.bold("errors") + "\n" + text;
}

std::string ledger_text(const load::Ledger& ledger, std::uint64_t warmup, const Paint& paint) {
  std::string text = fmt::format(
      "{} intended {} = sent {} + not sent {}; sent = answered {} + failed {} + in flight {}\n",
      paint.bold("ledger"), format_count(ledger.intended), format_count(ledger.sent),
      format_count(ledger.not_sent()), format_count(ledger.answered), format_count(ledger.failed()),
      format_count(ledger.in_flight_at_end));
  text += fmt::format("       traces {} = stored {} + spooled {} + lost {}; {}\n",
                      format_count(ledger.traces_made), format_count(ledger.traces_stored),
                      format_count(ledger.traces_spooled), format_count(ledger.traces_lost),
                      ledger.balanced() ? paint.good("balanced") : paint.bad(ledger.imbalance()));
  if (ledger.retried > 0)
    text +=
        fmt::format("       {} sent again on a fresh connection\n", format_count(ledger.retried));
  if (warmup > 0)
    text += fmt::format("       {} in the warm-up, left out above\n", format_count(warmup));
  return text;
}

std::string generator_text(const RunResult& result, std::uint64_t requests, const Paint& paint) {
  const GeneratorUse& use = result.generator;
  return fmt::format(
      "{} {:.2f} s CPU, {:.1f} us a request, busiest loop {:.0f} %, {} threads, {} memory at "
      "most\n",
      paint.bold("generator"), use.cpu_s,
      requests > 0 ? 1e6 * use.cpu_s / static_cast<double>(requests) : 0.0,
      100 * use.busiest_loop_share, use.threads,
      format_bytes(static_cast<double>(use.rss_max_bytes)));
}

std::string places_text(const Provenance& provenance, const Paint& paint) {
  std::string text;
  const auto place = [&](std::string_view name, const std::string& where) {
    if (!where.empty()) text += fmt::format("{} {}\n", paint.bold(name), where);
  };
  place("database", provenance.database);
  place("spool", provenance.spool);
  place("report", provenance.report);
  return text;
}

}  // namespace

std::string summary_text(const RunResult& result, const Summary& summary, bool colour) {
  const Paint paint(colour);
  const wire::Experiment& experiment = result.experiment;
  const double lasted = experiment.start == kNoWall || experiment.end == kNoWall
                            ? 0
                            : to_seconds(experiment.end - experiment.start);
  const bool closed = summary.counted() > 0 && summary.closed_loop() == summary.counted();
  const std::uint64_t requests = summary.counted() + summary.warmup();
  std::string text = verdict_text(result.verdict, paint);
  text += fmt::format("{} {} ({}), {}, {}, seed {}\n", paint.bold("experiment"), experiment.id,
                      experiment.name, closed ? "closed loop" : "open loop",
                      format_duration(seconds(lasted)), result.provenance.seed);
  text += thresholds_text(result.thresholds, paint);
  text += times_text(summary, paint);
  text += rates_text(summary, paint);
  text += failures_text(summary, paint);
  text += ledger_text(result.ledger, summary.warmup(), paint);
  text += generator_text(result, requests, paint);
  text += places_text(result.provenance, paint);
  for (const std::string& note : result.notes) text += fmt::format("note: {}\n", note);
  return text;
}

}  // namespace galileo::experiment
