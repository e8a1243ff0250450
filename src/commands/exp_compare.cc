#include "commands/exp_compare.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands/exit_codes.h"
#include "commands/exp_common.h"
#include "commands/json_output.h"
#include "commands/options.h"
#include "experiment/compare.h"
#include "experiment/stored_result.h"
#include "experiment/thresholds.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;
using Loaded = std::vector<std::unique_ptr<experiment::StoredResult>>;
using Comparisons = std::vector<std::vector<experiment::Compared>>;  // each with the first

std::string value_text(double value, const std::string& unit) {
  if (unit == "share") return fmt::format("{:.3f} %", value * 100);
  if (unit == "rps") return fmt::format("{:.1f}/s", value);
  if (unit.empty()) return fmt::format("{:.0f}", value);
  return experiment::format_value(value, unit);
}

// "+12.3 %"; a share's in points of it.
std::string change_text(const experiment::Compared& row) {
  if (row.unit == "share") return fmt::format("{:+.3f} pt", (row.other - row.base) * 100);
  if (row.base == 0) return row.other == 0 ? "+0.0 %" : "-";
  return fmt::format("{:+.1f} %", (row.other / row.base - 1) * 100);
}

std::string text_of(const Loaded& loaded, const Comparisons& comparisons, bool colour) {
  std::string text = fmt::format("{:<10}", "");
  for (std::size_t i = 0; i < loaded.size(); ++i)
    text += fmt::format(" {:>18}{}", loaded[i]->result.experiment.id,
                        i == 0 ? "" : fmt::format(" {:>14}", "change"));
  text += fmt::format("\n{:<10}", "verdict");
  for (std::size_t i = 0; i < loaded.size(); ++i)
    text += fmt::format(" {:>18}{}", verdict_name(loaded[i]->result.verdict.value),
                        i == 0 ? "" : fmt::format(" {:>14}", ""));
  for (std::size_t line = 0; line < comparisons.front().size(); ++line) {
    const experiment::Compared& first = comparisons.front()[line];
    text += fmt::format("\n{:<10} {:>18}", first.name, value_text(first.base, first.unit));
    for (const auto& rows : comparisons) {
      const experiment::Compared& row = rows[line];
      const std::string change = fmt::format("{:>12} {}", change_text(row),
                                             row.regressed   ? "✗"
                                             : row.is_judged ? " "
                                                             : "·");
      text +=
          fmt::format(" {:>18} {}", value_text(row.other, row.unit),
                      row.regressed && colour ? fmt::format("\x1b[31m{}\x1b[0m", change) : change);
    }
  }
  return text + "\n";
}

Json json_of(const experiment::Compared& row) {
  return {{"name", row.name},   {"unit", row.unit},        {"base", row.base},
          {"value", row.other}, {"judged", row.is_judged}, {"regressed", row.regressed}};
}

Json json_of(const Loaded& loaded, const Comparisons& comparisons, double tolerance) {
  const auto head = [](const experiment::StoredResult& one) {
    return Json{{"id", one.result.experiment.id},
                {"name", one.result.experiment.name},
                {"verdict", verdict_name(one.result.verdict.value)}};
  };
  Json json{{"base", head(*loaded.front())}, {"tolerance", tolerance}, {"others", Json::array()}};
  for (std::size_t i = 1; i < loaded.size(); ++i) {
    Json other = head(*loaded[i]);
    for (const experiment::Compared& row : comparisons[i - 1])
      other["figures"].push_back(json_of(row));
    json["others"].push_back(other);
  }
  return json;
}

}  // namespace

Result<int> compare_experiments(store::Store& store, const CompareFlags& flags) {
  if (flags.ids.size() < 2)
    return Error{ErrorCode::kUsage,
                 "can't compare",
                 {},
                 "there is only one experiment",
                 "name two or more; the first is what the others are compared with"};
  std::vector<wire::Experiment> found;
  for (const std::string& id : flags.ids) found.push_back(TRY(find_experiment(store, id)));
  Loaded loaded;
  for (const wire::Experiment& one : found)
    loaded.push_back(TRY(experiment::load_stored_result(store, one)));
  const double tolerance = flags.tolerance_pct / 100;
  Comparisons comparisons;
  bool regressed = false;
  for (std::size_t i = 1; i < loaded.size(); ++i) {
    comparisons.push_back(
        experiment::compare(loaded.front()->summary, loaded[i]->summary, tolerance));
    for (const experiment::Compared& row : comparisons.back()) regressed |= row.regressed;
  }
  bool invalid = false;
  for (const auto& one : loaded)
    invalid |= one->result.verdict.value == experiment::VerdictValue::kInvalid;
  if (flags.json) {
    print_json(json_of(loaded, comparisons, tolerance));
  } else {
    fmt::print("{}", text_of(loaded, comparisons, colour_allowed(1)));
    fmt::print("{}\n", regressed ? fmt::format("✗ worse by more than {:g} % (errors: by more than "
                                               "0.1 % of the requests), and not by chance",
                                               flags.tolerance_pct)
                                 : "no regression");
  }
  if (invalid)
    fmt::print(stderr, "galileo exp: a verdict is INVALID: galileo exp show ID tells why\n");
  return regressed ? kRegression : invalid ? kInvalidResult : kFine;
}

}  // namespace galileo::commands
