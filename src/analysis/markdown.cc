#include "analysis/markdown.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/requirements.h"
#include "base/text.h"
#include "base/utf8.h"

namespace galileo::analysis {
namespace {

constexpr std::size_t kCellNameMax = 200;  // characters of a name
constexpr std::size_t kCellTextMax = 500;  // of what was found
// What the page always has: the headings, the figures, and what is said of what isn't there.
constexpr std::size_t kPageFrameBytes = std::size_t{3} << 10;

// Rows until the page is full; then how many more there would have been.
class Rows {
 public:
  explicit Rows(std::size_t bytes) : left_(bytes) {}
  void add(std::string& to, const std::string& row) {
    if (row.size() > left_) {
      ++left_out_;
      return;
    }
    left_ -= row.size();
    to += row;
  }
  std::string left_out(std::string_view of) const {
    return left_out_ == 0 ? ""
                          : fmt::format("\n{} more {} are left out, for the page's size.\n",
                                        format_count(left_out_), of);
  }

 private:
  std::size_t left_;
  std::uint64_t left_out_ = 0;
};

std::string time_cell(const std::optional<Bound>& bound) {
  if (!bound) return "–";
  return (bound->at_least ? "≥" : "") + format_duration(bound->value);
}

std::string times_row(std::string_view name, const Times& times) {
  std::string row = fmt::format("| {} | {} |", name, format_count(times.count()));
  for (const double share : {0.5, 0.9, 0.95, 0.99, 0.999})
    row += fmt::format(" {} |", time_cell(times.percentile(share)));
  return row + fmt::format(" {} |\n", time_cell(times.max()));
}

std::string figure_rows(const Summary& summary) {
  const Latencies& latency = summary.latencies();
  std::string text =
      "\n| latency | requests | p50 | p90 | p95 | p99 | p99.9 | max |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  text += times_row("all", latency.all());
  if (latency.answered.count() < latency.count())
    text += times_row("answered", times_of(latency.answered));
  const Rates rates = summary.rates();
  if (rates.span_s > 0)
    text += fmt::format("\noffered {:.1f}/s, sent {:.1f}/s, achieved {:.1f}/s\n", rates.offered_rps,
                        rates.sent_rps, rates.achieved_rps);
  return text;
}

std::string failed_rows(const load::Ledger& ledger, Rows& rows) {
  std::string text;
  for (std::size_t i = 0; i < ledger.failures.size(); ++i) {
    const auto failure = static_cast<wire::Failure>(i);
    if (ledger.failures[i] == 0) continue;
    rows.add(text,
             fmt::format("| {} | {} | {} |\n", format_count(ledger.failures[i]),
                         markdown_code(wire::failure_name(failure)), wire::failure_text(failure)));
  }
  if (text.empty()) return {};
  return "\n| failures | reason | |\n| ---: | --- | --- |\n" + text;
}

std::string requirement_rows(const RunResult& result, Rows& rows) {
  std::string text;
  for (const Requirement& one : requirements_of(result))
    rows.add(text, fmt::format("| {} | {} | {} |\n", one.met ? "✅" : "❌",
                               markdown_code(shortened(make_utf8(one.name), kCellNameMax)),
                               markdown_code(shortened(make_utf8(one.text), kCellTextMax))));
  return "\n| | what is asked | what was found |\n| --- | --- | --- |\n" + text +
         rows.left_out("requirements");
}

std::string note_lines(const std::vector<std::string>& notes, std::size_t bytes) {
  Rows rows(bytes);
  std::string text;
  for (const std::string& note : notes)
    rows.add(text, fmt::format("- {}\n", markdown_code(shortened(make_utf8(note), kCellTextMax))));
  return (text.empty() ? "" : "\n" + text) + rows.left_out("notes");
}

}  // namespace

// The fence is longer than each run of backticks inside, as CommonMark has it.
std::string markdown_code(std::string_view given) {
  const std::string text = one_line(make_utf8(given));
  if (trim(text).empty()) return "–";
  std::size_t longest = 0;
  std::size_t run = 0;
  std::string inside;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    if (c == '|') {  // else it ends the cell, in code too; after a backslash it can't be said
      if (inside.ends_with('\\')) inside.replace(inside.size() - 1, 1, "∖");
      inside += '\\';
    }
    inside += c;
  }
  const std::string fence(longest + 1, '`');
  const char* const pad = longest > 0 ? " " : "";
  return fence + pad + inside + pad + fence;
}

std::string markdown_page(const RunResult& result, const Summary& summary, std::size_t bytes_max) {
  const std::vector<Requirement> all = requirements_of(result);
  const bool is_met = std::all_of(all.begin(), all.end(), [](const auto& one) { return one.met; });
  const wire::Experiment& experiment = result.experiment;
  const std::string duration =
      experiment.start == kNoWall || experiment.end == kNoWall
          ? ""
          : fmt::format(", {}", format_duration(experiment.end - experiment.start));
  std::string text = fmt::format(
      "## {} galileo: {} {}\n\n{}verdict {}, experiment {}{}, seed {}\n", is_met ? "✅" : "❌",
      markdown_code(shortened(make_utf8(experiment.name), kCellNameMax)),
      is_met ? "passed" : "failed", result.ended_early.empty() ? "" : "**ended early**, ",
      verdict_name(result.verdict.value), markdown_code(shortened(experiment.id, kCellNameMax)),
      duration, result.provenance.seed);
  const std::size_t room = bytes_max - std::min(bytes_max, text.size() + kPageFrameBytes);
  Rows rows(room - room / 4);
  text += requirement_rows(result, rows);
  text += figure_rows(summary);
  text += failed_rows(summary.ledger(), rows);
  return text + note_lines(result.notes, room / 4) + "\n";
}

}  // namespace galileo::analysis
