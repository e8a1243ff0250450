#include "analysis/summary_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/balance.h"
#include "analysis/placement.h"
#include "analysis/throttling.h"
#include "base/text.h"
#include "base/utf8.h"

namespace galileo::analysis {
namespace {

using wire::Failure;

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
    text +=
        fmt::format("  {} {:<36} {}\n",
                    threshold.passed              ? paint.good(mark_of(threshold))
                    : threshold.undecided.empty() ? paint.bad(mark_of(threshold))
                                                  : paint.doubt(mark_of(threshold)),
                    threshold.expression, measured_text(threshold)) +
        (threshold.proof.empty() ? "" : fmt::format("    ended the run: {}\n", threshold.proof));
  return text.empty() ? text : paint.bold("thresholds") + "\n" + text;
}

// Those that failed first: who looks at the first lines must see them.
std::string checks_text(std::vector<CheckFigures> checks, const Paint& paint) {
  constexpr std::size_t kRowsMax = 20;
  if (checks.empty()) return {};
  const auto is_good = [](const CheckFigures& check) {
    return check.ran() > 0 && check.failed == 0;
  };
  std::partition(checks.begin(), checks.end(), [&](const auto& check) { return !is_good(check); });
  std::string text = paint.bold("checks") + "\n";
  for (std::size_t i = 0; i < std::min(checks.size(), kRowsMax); ++i) {
    const CheckFigures& check = checks[i];
    text += fmt::format("  {} {:<36} {}\n",
                        check.ran() == 0    ? paint.doubt("?")
                        : check.failed == 0 ? paint.good("✓")
                                            : paint.bad("✗"),
                        shortened(one_line(check.name), 36),
                        check.ran() == 0
                            ? std::string("never ran")
                            : fmt::format("{} passed, {} failed", format_count(check.passed),
                                          format_count(check.failed)));
  }
  if (checks.size() > kRowsMax) text += fmt::format("  and {} more\n", checks.size() - kRowsMax);
  return text;
}

constexpr std::string_view kNotKnown = "–";

std::string time_text(const std::optional<Bound>& bound) {
  if (!bound) return std::string(kNotKnown);
  return (bound->at_least ? "≥" : "") + format_duration(bound->value);
}

struct TimesRow {
  std::string name;
  Times times;
};

// The latencies of all, and apart those that were answered and those that weren't, where there are
// such; then what else is timed.
std::vector<TimesRow> times_rows(const Summary& summary) {
  const Latencies& latency = summary.latencies();
  const auto named = [](std::string_view name, const Times& times) {
    return TimesRow{fmt::format("  {} ({})", name, format_count(times.count())), times};
  };
  std::vector<TimesRow> rows;
  if (latency.answered.count() < latency.count()) {
    rows.push_back(named("answered", times_of(latency.answered)));
    rows.push_back(named("failed", times_of(latency.failed)));
    if (latency.pending.count() > 0) rows.push_back(named("unfinished", times_of(latency.pending)));
  }
  rows.push_back(named("all", latency.all()));
  rows.push_back({"service time", summary.service_times().all()});
  if (summary.closed_loop() < summary.counted() || summary.counted() == 0)
    rows.push_back({"scheduling delay", times_of(summary.dispatch_error())});
  return rows;
}

std::string times_text(const Summary& summary, const Paint& paint) {
  const std::vector<TimesRow> rows = times_rows(summary);
  std::size_t width = 16;
  for (const TimesRow& row : rows) width = std::max(width, row.name.size());
  std::string head = fmt::format("{:<{}}", "latency", width);
  for (const char* name : {"min", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"})
    head += fmt::format(" {:>7}", name);
  std::string text = paint.bold(head) + "\n";
  for (const TimesRow& row : rows) {
    text += fmt::format("{:<{}}", row.name, width);
    text += fmt::format(" {:>7} {:>7}", time_text(row.times.min()), time_text(row.times.mean()));
    for (const double share : {0.5, 0.9, 0.95, 0.99, 0.999})
      text += fmt::format(" {:>7}", time_text(row.times.percentile(share)));
    text += fmt::format(" {:>7}\n", time_text(row.times.max()));
  }
  return text;
}

// What came long after the last request was due is in no rate.
std::string tail_text(const Summary& summary, const Rates& rates) {
  const double tail_s = to_seconds(summary.tail());
  if (tail_s < std::max(1.0, rates.span_s / 10)) return {};
  return fmt::format("     the last answer came {} after the last request was due\n",
                     format_duration(seconds(tail_s)));
}

std::string rates_text(const Summary& summary, const Paint& paint) {
  const Rates rates = summary.rates();
  if (rates.span_s <= 0)
    return paint.bold("rate") + " not known: too few requests were due to tell\n" +
           tail_text(summary, rates);
  return fmt::format(
             "{} offered {:.1f}/s, sent {:.1f}/s, achieved {:.1f}/s; {} in, {} out a second\n",
             paint.bold("rate"), rates.offered_rps, rates.sent_rps, rates.achieved_rps,
             format_bytes(static_cast<double>(summary.bytes_in()) / rates.span_s),
             format_bytes(static_cast<double>(summary.bytes_out()) / rates.span_s)) +
         tail_text(summary, rates);
}

std::string failures_text(const RunResult& result, const Summary& summary, const Paint& paint) {
  const load::Ledger& ledger = summary.ledger();
  std::string text;
  for (std::size_t i = 0; i < ledger.failures.size(); ++i) {
    if (ledger.failures[i] == 0) continue;
    const auto failure = static_cast<Failure>(i);
    text += fmt::format("  {:>12}  {:<16} {}\n", format_count(ledger.failures[i]),
                        wire::failure_name(failure), wire::failure_text(failure));
  }
  // What clients call a success themselves (`ok`) needn't be what the run does: then it isn't known
  // here whose answers of a status have failed.
  std::uint64_t failed = 0;
  for (const auto& [code, count] : summary.status_codes())
    failed += result.fail_on.contains(code) ? count : 0;
  const bool of_each = failed != ledger.failures[static_cast<std::size_t>(Failure::status)];
  for (const auto& [code, count] : summary.status_codes()) {
    if (!of_each && result.fail_on.contains(code))
      text += fmt::format("  {:>12}  of these with status {}\n", format_count(count), code);
  }
  text = text.empty() ? paint.bold("errors") + " none\n" : paint.bold("errors") + "\n" + text;
  if (of_each) return text + "       which statuses are failures differs by client\n";
  // Said wherever somebody could count otherwise.
  std::string answers;
  for (const auto& [code, count] : summary.status_codes()) {
    if (code >= 300 && !result.fail_on.contains(code))
      answers += fmt::format("{}{} with status {}", answers.empty() ? "" : ", ",
                             format_count(count), code);
  }
  if (!answers.empty()) answers += " are answers; ";
  if (!answers.empty() || !(result.fail_on == wire::failing_by_default()))
    text +=
        fmt::format("       {}failures are the statuses {}\n", answers, result.fail_on.to_text());
  return text;
}

// A table of services, or of phases, where there is more than one to tell apart.
std::string groups_text(const char* title, const std::vector<GroupFigures>& groups,
                        const Paint& paint) {
  constexpr std::size_t kRowsMax = 20;
  constexpr std::size_t kNameMax = 24;
  const auto counted = [](const GroupFigures& group) { return group.intended > 0; };
  if (std::count_if(groups.begin(), groups.end(), counted) < 2) return {};
  std::string text = paint.bold(fmt::format("{:<26} {:>11} {:>11} {:>8} {:>8} {:>8}", title, "due",
                                            "answered", "failed", "p50", "p99")) +
                     "\n";
  std::size_t rows = 0;
  for (const GroupFigures& group : groups) {
    if (!counted(group)) continue;
    if (++rows > kRowsMax) continue;
    const Times times = group.latency.all();
    const auto time = [&](double share) { return time_text(times.percentile(share)); };
    text += fmt::format("  {:<24} {:>11} {:>11} {:>8} {:>8} {:>8}\n",
                        shortened(one_line(group.name), kNameMax), format_count(group.intended),
                        format_count(group.answered), format_count(group.failed), time(0.5),
                        time(0.99));
  }
  if (rows > kRowsMax) text += fmt::format("  and {} more\n", rows - kRowsMax);
  return text;
}

// Application by node, where pods are known.
std::string placement_text(const std::vector<PlacementRow>& rows, const Paint& paint) {
  constexpr std::size_t kRowsMax = 20;
  constexpr std::size_t kNameMax = 24;
  if (rows.empty()) return {};
  std::string text =
      paint.bold(fmt::format("{:<26} {:<16} {:>4} {:>10} {:>8} {:>7} {:>7} {:>9} {:>11}",
                             "applications", "node", "pods", "answered", "failed", "p50", "p95",
                             "execution", "CPU/request")) +
      "\n";
  for (std::size_t i = 0; i < std::min(rows.size(), kRowsMax); ++i) {
    const PlacementRow& row = rows[i];
    const Times latency = times_of(row.latency);
    const Times execution = times_of(row.execution.values);
    const auto cpu = row.cpu_s_per_request();
    text += fmt::format("  {:<24} {:<16} {:>4} {:>10} {:>8} {:>7} {:>7} {:>9} {:>11}\n",
                        shortened(one_line(row.application), kNameMax),
                        row.node.empty() ? kNotKnown : shortened(one_line(row.node), 16),
                        row.node.empty() ? std::string(kNotKnown) : format_count(row.pods),
                        format_count(row.answered), format_count(row.failed),
                        time_text(latency.percentile(0.5)), time_text(latency.percentile(0.95)),
                        time_text(execution.percentile(0.5)),
                        cpu ? format_duration(seconds(*cpu)) : kNotKnown);
  }
  if (rows.size() > kRowsMax) text += fmt::format("  and {} more\n", rows.size() - kRowsMax);
  return text;
}

// Pods that their CPU limits held back, ours and the applications'.
std::string throttling_text(const JoinedView& joined, const Paint& paint) {
  constexpr std::size_t kRowsMax = 20;
  std::string text;
  std::size_t rows = 0;
  for (const PodLives::Pod& pod : joined.pods().all()) {
    const auto held = throttled_of(joined, pod);
    if (!held || held->throttled == 0 || ++rows > kRowsMax) continue;
    text += fmt::format("  {:<43} {:>10} of {:>8} periods {:>8.0f} %\n",
                        shortened(one_line(pod.name), 43), format_count(held->throttled),
                        format_count(held->periods), 100 * held->share());
  }
  if (rows > kRowsMax) text += fmt::format("  and {} more\n", rows - kRowsMax);
  return text.empty() ? text : paint.bold("held back by CPU limits") + "\n" + text;
}

std::string ledger_text(const RunResult& result, std::uint64_t warmup, const Paint& paint) {
  const load::Ledger& ledger = result.ledger;
  const std::string imbalance = imbalance_of(result);
  std::string text = fmt::format(
      "{} intended {} = sent {} + not sent {}; sent = answered {} + failed {} + in flight {}\n",
      paint.bold("ledger"), format_count(ledger.intended), format_count(ledger.sent),
      format_count(ledger.not_sent()), format_count(ledger.answered), format_count(ledger.failed()),
      format_count(ledger.in_flight_at_end));
  text += fmt::format("       traces {} = stored {} + spooled {} + lost {}; {}\n",
                      format_count(ledger.traces_made), format_count(ledger.traces_stored),
                      format_count(ledger.traces_spooled), format_count(ledger.traces_lost),
                      imbalance.empty() ? paint.good("balanced") : paint.bad(imbalance));
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
      "{} {:.2f} s CPU, {:.1f} us a request, busiest loop {:.0f} %, {} thread{}, {} memory at "
      "most\n",
      paint.bold("generator"), use.cpu_s,
      requests > 0 ? 1e6 * use.cpu_s / static_cast<double>(requests) : 0.0,
      100 * use.busiest_loop_share, use.threads, use.threads == 1 ? "" : "s",
      format_bytes(static_cast<double>(use.rss_max_bytes)));
}

std::string revocation_text(const net::TlsCounts& tls) {
  if (tls.crl_checked == 0) return "certificates verified, revocation not looked at";
  if (tls.crl_checked == tls.done) return "certificates verified, none of them revoked";
  return fmt::format("certificates verified, revocation looked at in {}",
                     format_count(tls.crl_checked));
}

std::string tls_text(const net::TlsCounts& tls, const Paint& paint) {
  if (tls.done == 0) return {};
  return fmt::format("{} {} handshakes, {} of them resumed; {}\n", paint.bold("TLS"),
                     format_count(tls.done), format_count(tls.resumed),
                     tls.unverified == 0
                         ? revocation_text(tls)
                         : paint.doubt(fmt::format("certificates not verified in {}",
                                                   format_count(tls.unverified))));
}

// Where it was HTTP/2, or would have been.
std::string http_text(const load::HttpCounts& http, const Paint& paint) {
  if (http.over_2 == 0) return {};
  const std::string older =
      http.over_1 > 0 ? fmt::format(", {} over HTTP/1.1", format_count(http.over_1)) : "";
  const std::string given_up =
      http.given_up > 0
          ? fmt::format("; {} streams reset here, by time-outs", format_count(http.given_up))
          : "";
  return fmt::format("{} {} requests over HTTP/2{}; {} connection{} made{}\n", paint.bold("HTTP"),
                     format_count(http.over_2), older, format_count(http.connections_made),
                     http.connections_made == 1 ? "" : "s", given_up);
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

std::string summary_text(const RunResult& result, const Summary& summary, const JoinedView& joined,
                         bool colour) {
  const Paint paint(colour);
  const wire::Experiment& experiment = result.experiment;
  const double lasted = experiment.start == kNoWall || experiment.end == kNoWall
                            ? 0
                            : to_seconds(experiment.end - experiment.start);
  const bool closed = summary.counted() > 0 && summary.closed_loop() == summary.counted();
  const std::uint64_t requests = summary.counted() + summary.warmup();
  std::string text = verdict_text(result.verdict, paint);
  text += fmt::format("{} {} ({}), {}, {}, seed {}\n", paint.bold("experiment"), experiment.id,
                      one_line(experiment.name), closed ? "closed loop" : "open loop",
                      format_duration(seconds(lasted)), result.provenance.seed);
  text += thresholds_text(result.thresholds, paint);
  text += checks_text(result.checks, paint);
  text += times_text(summary, paint);
  text += rates_text(summary, paint);
  text += failures_text(result, summary, paint);
  text += groups_text("services", summary.services(), paint);
  text += groups_text("phases", summary.phases(), paint);
  text += groups_text("steps", summary.steps(), paint);
  text += placement_text(placement(joined, summary), paint);
  text += throttling_text(joined, paint);
  text += ledger_text(result, summary.warmup(), paint);
  text += generator_text(result, requests, paint);
  text += tls_text(result.generator.tls, paint) + http_text(result.generator.http, paint);
  text += places_text(result.provenance, paint);
  for (const std::string& note : result.notes) text += fmt::format("note: {}\n", note);
  return text;
}

}  // namespace galileo::analysis
