#include "commands/exp_compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "analysis/bundle.h"
#include "analysis/comparable.h"
#include "analysis/compare.h"
#include "analysis/stored_result.h"
#include "analysis/thresholds.h"
#include "analysis/whereabouts.h"
#include "base/output.h"
#include "base/text.h"
#include "commands/exit_codes.h"
#include "commands/exp_common.h"
#include "commands/json_output.h"
#include "commands/options.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;
using analysis::Compared;
using analysis::ComparedRun;

// The runs of one thing, as they were named.
struct LoadedSide {
  std::vector<std::unique_ptr<ComparedRun>> runs;
  analysis::Whereabouts whereabouts;

  analysis::Side batches() const {
    analysis::Side side;
    for (const auto& run : runs) side.push_back(&run->batches);
    return side;
  }
  std::string name() const {
    const std::string& first = runs.front()->result.experiment.id;
    return runs.size() == 1 ? first : fmt::format("{}+{}", first, runs.size() - 1);
  }
  analysis::VerdictValue verdict() const {
    analysis::VerdictValue worst = analysis::VerdictValue::kValid;
    for (const auto& run : runs) worst = std::max(worst, run->result.verdict.value);
    return worst;
  }
};
using Loaded = std::vector<LoadedSide>;
using Comparisons = std::vector<std::vector<Compared>>;  // each with the first

std::string value_text(const std::optional<double>& value, const std::string& unit) {
  if (!value) return "–";
  if (unit == "share") return fmt::format("{:.3f} %", *value * 100);
  if (unit == "rps") return fmt::format("{:.1f}/s", *value);
  if (unit.empty()) return fmt::format("{:.0f}", *value);
  return analysis::format_value(value, unit);
}

// "+12.3 %"; a share's in points of it.
std::string change_text(const Compared& row) {
  if (!row.base || !row.other) return "–";
  if (row.unit == "share") return fmt::format("{:+.3f} pt", (*row.other - *row.base) * 100);
  if (*row.base == 0) return *row.other == 0 ? "+0.0 %" : "–";
  return fmt::format("{:+.1f} %", (*row.other / *row.base - 1) * 100);
}

// A dash is one column wide, and three bytes.
std::string padded(const std::string& text, std::size_t width) {
  const std::size_t columns = text == "–" ? 1 : text.size();
  return std::string(width > columns ? width - columns : 0, ' ') + text;
}

std::string text_of(const Loaded& sides, const Comparisons& comparisons, bool colour) {
  std::string text = fmt::format("{:<10}", "");
  for (std::size_t i = 0; i < sides.size(); ++i)
    text +=
        fmt::format(" {:>20}{}", sides[i].name(), i == 0 ? "" : fmt::format(" {:>14}", "change"));
  text += fmt::format("\n{:<10}", "verdict");
  for (std::size_t i = 0; i < sides.size(); ++i)
    text += fmt::format(" {:>20}{}", verdict_name(sides[i].verdict()),
                        i == 0 ? "" : fmt::format(" {:>14}", ""));
  for (std::size_t line = 0; line < comparisons.front().size(); ++line) {
    const Compared& first = comparisons.front()[line];
    text += fmt::format("\n{:<10} {}", first.name, padded(value_text(first.base, first.unit), 20));
    for (const auto& rows : comparisons) {
      const Compared& row = rows[line];
      const std::string change = fmt::format("{} {}", padded(change_text(row), 12),
                                             row.regressed ? "✗"
                                             : row.chance  ? " "
                                                           : "·");
      text +=
          fmt::format(" {} {}", padded(value_text(row.other, row.unit), 20),
                      row.regressed && colour ? fmt::format("\x1b[31m{}\x1b[0m", change) : change);
    }
  }
  std::vector<analysis::Whereabouts> whereabouts;
  for (const LoadedSide& side : sides) whereabouts.push_back(side.whereabouts);
  return text + "\n" + whereabouts_text(whereabouts);
}

bool any_regressed(const std::vector<Compared>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Compared& row) { return row.regressed; });
}

// How far two such runs lie apart by chance, where that is known.
std::string noise_text(const std::vector<Compared>& rows) {
  std::string text;
  for (const Compared& row : rows) {
    if (!row.noise) continue;
    text += fmt::format("{}{} ±{:.{}f} {}", text.empty() ? "" : ", ", row.name, *row.noise * 100,
                        row.unit == "share" ? 3 : 1, row.unit == "share" ? "pt" : "%");
  }
  return text.empty()
             ? text
             : fmt::format("noise, within which 95 of 100 pairs without a change lie: {}\n", text);
}

// What may be said of it, in one sentence a pair.
std::string claim(const LoadedSide& base, const LoadedSide& other,
                  const std::vector<Compared>& rows, const CompareFlags& flags) {
  const bool single = base.runs.size() == 1 && other.runs.size() == 1;
  const std::string name = other.name();
  const std::string unknown =
      single ? fmt::format(
                   " One run a side doesn't tell how far runs of the same differ ({:g} % is "
                   "taken, --spread): repeat them, and name the runs of a side as A1,A2,A3.",
                   flags.spread_pct)
             : "";
  if (!any_regressed(rows)) {
    const bool judged = std::any_of(rows.begin(), rows.end(),
                                    [](const Compared& row) { return row.chance.has_value(); });
    return judged ? fmt::format("no regression is shown: {}.{}\n", name, unknown)
                  : fmt::format("nothing could be judged of {}: the runs are too short.\n", name);
  }
  std::string worse;
  for (const Compared& row : rows) {
    if (row.regressed)
      worse += fmt::format("{}{} {}", worse.empty() ? "" : ", ", row.name, change_text(row));
  }
  return fmt::format(
      "✗ {} was worse by more than {:g} % (errors: 0.1 % of the requests): {}. That "
      "is beyond what {} {}.{}\n",
      name, flags.tolerance_pct, worse,
      single ? "these two runs' own noise and that spread between runs explain"
             : "the spread of these runs explains",
      "(Welch's test with Holm's correction, 5 %)", unknown);
}

Json json_of(const Compared& row) {
  const auto number = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
  };
  return {{"name", row.name},
          {"unit", row.unit},
          {"base", number(row.base)},
          {"value", number(row.other)},
          {"judged", row.chance.has_value()},
          {"chance", number(row.chance)},
          {"noise", number(row.noise)},
          {"regressed", row.regressed}};
}

Json json_of(const analysis::Whereabouts& side) {
  Json rows = Json::array();
  for (const auto& [where, node] : side.nodes)
    rows.push_back({{"application", where.first},
                    {"node", where.second},
                    {"pods", side.pods_of(node)},
                    {"answered", node.answered},
                    {"share", side.share_of(where.first, node)}});
  return rows;
}

Json json_of(const LoadedSide& side) {
  const analysis::RunResult& first = side.runs.front()->result;
  Json runs = Json::array();
  for (const auto& run : side.runs) runs.push_back(run->result.experiment.id);
  return {{"id", first.experiment.id},
          {"name", first.experiment.name},
          {"verdict", verdict_name(side.verdict())},
          {"runs", runs},
          {"schedulers", side.whereabouts.schedulers},
          {"placement", json_of(side.whereabouts)}};
}

Json json_of(const Loaded& sides, const Comparisons& comparisons, const CompareFlags& flags,
             const std::vector<std::string>& warnings) {
  Json json{{"base", json_of(sides.front())},
            {"tolerance", flags.tolerance_pct / 100},
            {"spread", flags.spread_pct / 100},
            {"warnings", warnings},
            {"others", Json::array()}};
  for (std::size_t i = 1; i < sides.size(); ++i) {
    Json other = json_of(sides[i]);
    for (const Compared& row : comparisons[i - 1]) other["figures"].push_back(json_of(row));
    other["regressed"] = any_regressed(comparisons[i - 1]);
    json["others"].push_back(other);
  }
  return json;
}

// The words of a side, which commas part.
std::vector<std::string> words_of(std::string_view side) {
  std::vector<std::string> words;
  while (true) {
    const std::size_t comma = side.find(',');
    words.emplace_back(trim(side.substr(0, comma)));
    if (comma == std::string_view::npos) return words;
    side.remove_prefix(comma + 1);
  }
}

// A run that was named: of the database, or a bundle's file.
struct NamedRun {
  wire::Experiment experiment;
  std::unique_ptr<ComparedRun> bundled;
};

Result<NamedRun> find_run(store::Store* store, const std::string& word) {
  NamedRun found;
  if (is_bundle(word)) {
    auto read = analysis::parse_bundle(TRY(read_input(word, analysis::kBundleBytesMax)));
    if (!read.ok()) {
      Error error = read.error();
      error.where = word;
      return error;
    }
    found.bundled = std::make_unique<ComparedRun>(std::move(*read));
    found.experiment = found.bundled->result.experiment;
  } else {
    found.experiment = TRY(find_experiment(*store, word));
  }
  return found;
}

Result<std::vector<NamedRun>> find_runs(store::Store* store, std::string_view side) {
  std::vector<NamedRun> found;
  for (const std::string& word : words_of(side)) {
    NamedRun one = TRY(find_run(store, word));
    for (const NamedRun& other : found) {
      if (other.experiment.id == one.experiment.id)
        return Error{ErrorCode::kUsage, "can't compare", one.experiment.id,
                     "it is named twice for one side", "a run is evidence once"};
    }
    found.push_back(std::move(one));
  }
  return found;
}

Result<void> load(store::Store* store, NamedRun& named, LoadedSide& side) {
  if (named.bundled) {
    side.runs.push_back(std::move(named.bundled));
    return {};
  }
  auto run = std::make_unique<ComparedRun>();
  const auto stored =
      TRY(read_result(*store, named.experiment, "exp compare",
                      [&](const wire::NamedTrace& trace) { run->batches.add(trace); }));
  side.whereabouts.add(stored->result, placement(stored->joined, stored->summary));
  run->result = std::move(stored->result);
  side.runs.push_back(std::move(run));
  return {};
}

// Why they can't be held against each other: the others against the first run of all, and whose
// verdict is INVALID.
std::vector<std::string> refusals(const Loaded& sides) {
  std::vector<std::string> reasons;
  const ComparedRun& first = *sides.front().runs.front();
  // One may be named on both sides.
  const auto add = [&](std::string reason) {
    if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end())
      reasons.push_back(std::move(reason));
  };
  const auto refuse = [&](const ComparedRun& run, const std::string& reason) {
    add(fmt::format("{} and {}: {}", first.result.experiment.id, run.result.experiment.id, reason));
  };
  for (const LoadedSide& side : sides) {
    for (const auto& run : side.runs) {
      if (run->result.verdict.value == analysis::VerdictValue::kInvalid)
        add(fmt::format("{} is INVALID", run->result.experiment.id));
      if (run.get() == &first) continue;
      for (const std::string& reason : analysis::differences(first, *run)) refuse(*run, reason);
      for (const std::string& reason : other_circumstances(first.result, run->result))
        refuse(*run, reason);
    }
  }
  return reasons;
}

// What is in doubt all the same.
std::vector<std::string> doubts(const Loaded& sides) {
  std::vector<std::string> warnings;
  for (const LoadedSide& side : sides) {
    for (const auto& run : side.runs) {
      if (run->result.verdict.value == analysis::VerdictValue::kSuspect)
        warnings.push_back(fmt::format("{} is SUSPECT: galileo exp show {} tells why",
                                       run->result.experiment.id, run->result.experiment.id));
    }
  }
  return warnings;
}

std::string joined(const std::vector<std::string>& reasons) {
  std::string text;
  for (const std::string& reason : reasons) text += (text.empty() ? "" : "; ") + reason;
  return text;
}

void print(const Loaded& sides, const Comparisons& comparisons, const CompareFlags& flags,
           const std::vector<std::string>& warnings) {
  if (flags.json) {
    print_json(json_of(sides, comparisons, flags, warnings));
    return;
  }
  print_data(text_of(sides, comparisons, colour_allowed(1)));
  for (std::size_t i = 1; i < sides.size(); ++i)
    print_data(noise_text(comparisons[i - 1]) +
               claim(sides.front(), sides[i], comparisons[i - 1], flags));
}

}  // namespace

bool is_bundle(std::string_view word) {
  return word.ends_with(".json") || word.find('/') != std::string_view::npos;
}

bool needs_database(const CompareFlags& flags) {
  return std::any_of(flags.sides.begin(), flags.sides.end(), [](const std::string& side) {
    const std::vector<std::string> words = words_of(side);
    return !std::all_of(words.begin(), words.end(), is_bundle);
  });
}

Result<int> compare_experiments(store::Store* store, const CompareFlags& flags) {
  if (flags.sides.size() < 2)
    return Error{ErrorCode::kUsage,
                 "can't compare",
                 {},
                 "there is only one experiment",
                 "name two or more; the first is what the others are compared with"};
  std::vector<std::vector<NamedRun>> found;
  for (const std::string& side : flags.sides) found.push_back(TRY(find_runs(store, side)));
  Loaded sides;
  for (auto& runs : found) {
    LoadedSide& side = sides.emplace_back();
    for (NamedRun& one : runs) TRY(load(store, one, side));
  }
  std::vector<std::string> warnings = refusals(sides);
  if (!warnings.empty() && !flags.force) {
    print_talk(fmt::format(
        "galileo exp: not comparable: {}\n  run both sides of the same load in one job, on one "
        "machine, with one galileo, and compare these: galileo exp compare last~1 last; --force "
        "compares all the same\n",
        joined(warnings)));
    return kNotComparable;
  }
  for (std::string& doubt : doubts(sides)) warnings.push_back(std::move(doubt));
  Comparisons comparisons;
  bool regressed = false;
  const analysis::CompareOptions options{flags.tolerance_pct / 100, flags.spread_pct / 100};
  for (std::size_t i = 1; i < sides.size(); ++i) {
    comparisons.push_back(analysis::compare(sides.front().batches(), sides[i].batches(), options));
    regressed |= any_regressed(comparisons.back());
  }
  for (const std::string& warning : warnings) print_talk(fmt::format("galileo exp: {}\n", warning));
  print(sides, comparisons, flags, warnings);
  return regressed ? kRegression : kFine;
}

Result<int> write_bundle(store::Store& store, const std::string& id, const std::string& output) {
  const wire::Experiment experiment = TRY(find_experiment(store, id));
  ComparedRun run;
  const auto stored =
      TRY(read_result(store, experiment, "exp bundle",
                      [&](const wire::NamedTrace& trace) { run.batches.add(trace); }));
  run.result = std::move(stored->result);
  const std::string path = output.empty() ? TRY(name_by_id(experiment.id, ".json")) : output;
  TRY(write_document(path, bundle_text(run)));
  if (!is_stdout(path)) print_talk(fmt::format("galileo exp: wrote {}\n", path));
  return tell_missing(experiment.id, stored->traces_missing);
}

}  // namespace galileo::commands
