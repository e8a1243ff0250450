// `galileo profile`: files of the seconds between requests are made, looked at, and written in
// another form.
#include "plan/profile.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/output.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/help_tables.h"
#include "commands/json_output.h"
#include "commands/options.h"
#include "commands/profile_trips.h"
#include "commands/profile_view.h"
#include "load/profile_figures.h"
#include "load/profile_segment.h"
#include "tables/parquet.h"
#include "tables/parquet_numbers.h"
#include "wire/json.h"

namespace galileo::commands {
namespace {

constexpr const char* kColumnName = "seconds";

struct ProfileFlags {
  std::string input;
  std::string output;
  std::string column;
  std::string form;
  std::string python;
  std::vector<std::string> segments;
  std::uint64_t seed = 1;
  bool json = false;
  TripFlags trips;
};

Result<std::vector<double>> read_parquet_profile(const ProfileFlags& flags) {
  // So that what is wrong with a number is said by one rule.
  std::string text;
  for (const double number : TRY(tables::read_parquet_numbers(
           flags.python, flags.input, flags.column, plan::kProfileFileMax / sizeof(double))))
    text += fmt::format("{}\n", number);
  return plan::parse_profile(text, {});
}

Result<std::vector<double>> read_gaps(const ProfileFlags& flags) {
  auto gaps = [&]() -> Result<std::vector<double>> {
    if (flags.input.ends_with(".parquet")) return read_parquet_profile(flags);
    const std::string bytes = TRY(read_input(flags.input, plan::kProfileFileMax));
    return plan::parse_profile(bytes, flags.column);
  }();
  if (gaps.ok() || !gaps.error().what.empty()) return gaps;
  Error error = gaps.error();
  error.what = "can't read the profile";
  error.where = error.where.empty() ? flags.input : fmt::format("{}, {}", flags.input, error.where);
  return error;
}

// csv, txt, jsonl or parquet.
Result<std::string> form_of(const ProfileFlags& flags) {
  const std::vector<std::string> forms{"csv", "txt", "jsonl", "parquet"};
  std::string suffix = std::filesystem::path(flags.output).extension().string();
  if (!suffix.empty()) suffix.erase(0, 1);
  std::string form = flags.form.empty() ? suffix : flags.form;
  if (std::find(forms.begin(), forms.end(), form) != forms.end()) {
    if (form != "parquet" || !is_stdout(flags.output)) return form;
    return Error{ErrorCode::kUsage, "can't write Parquet to stdout", {}, {}, "name a file"};
  }
  if (form.empty()) return "csv";
  if (form == "pkl" || form == "pickle")
    return Error{ErrorCode::kUsage,
                 "pickles are read and not written",
                 flags.output,
                 {},
                 "what reads profiles takes profile.csv too"};
  return Error{ErrorCode::kUsage,
               fmt::format("a profile has no form '{}'", form),
               flags.output,
               {},
               hint_for_unknown(form, forms) + "; name it by --format"};
}

std::string text_of_gaps(std::span<const double> gaps_s, const std::string& form) {
  std::string text = form == "csv" ? fmt::format("{}\n", kColumnName) : std::string();
  for (const double gap_s : gaps_s) {
    if (form == "jsonl")
      text += fmt::format("{{\"{}\": {}}}\n", kColumnName, wire::json_real(gap_s));
    else
      text += wire::json_real(gap_s) + "\n";
  }
  return text;
}

// Beside its place first, so that there is never half of it.
Result<void> write_parquet_profile(std::span<const double> gaps_s, const ProfileFlags& flags) {
  const std::string beside = flags.output + ".part";
  auto written = [&]() -> Result<void> {
    const tables::TableSchema schema{"profile", {{kColumnName, tables::ColumnType::kSeconds}}};
    const auto writer = TRY(tables::parquet_writer(flags.python));
    TRY(writer->begin_table(schema, beside));
    for (const double gap_s : gaps_s) {
      writer->number(gap_s);
      writer->end_row();
    }
    TRY(writer->end_table());
    return writer->finish();
  }();
  std::error_code failed;
  if (written.ok()) std::filesystem::rename(beside, flags.output, failed);
  if (failed) return system_error("can't write the profile", flags.output, failed.value());
  if (!written.ok()) std::filesystem::remove(beside, failed);
  return written;
}

Result<int> write_gaps(const std::vector<double>& gaps_s, const ProfileFlags& flags) {
  const std::string form = TRY(form_of(flags));
  if (form == "parquet")
    TRY(write_parquet_profile(gaps_s, flags));
  else
    TRY(write_document(flags.output, text_of_gaps(gaps_s, form)));
  if (is_stdout(flags.output)) return kFine;
  const load::ProfileFigures figures = load::figures_of_profile(gaps_s);
  print_talk(fmt::format("galileo profile: wrote {} gaps of {:.6g} s in all to {}\n",
                         format_count(figures.count), figures.length_s, flags.output));
  return kFine;
}

// Where the rate is next to 0, 1 / rate may be longer than all else together.
void tell_length(const std::vector<double>& gaps_s,
                 const std::vector<load::ProfileSegment>& segments) {
  constexpr double kLonger = 1.1;
  double asked_s = 0;
  for (const load::ProfileSegment& segment : segments) asked_s += segment.seconds;
  const load::ProfileFigures figures = load::figures_of_profile(gaps_s);
  if (figures.length_s > kLonger * asked_s)
    print_talk(
        fmt::format("galileo profile: that is more than the {:.6g} s of its segments, since "
                    "its largest gap is {:.6g} s; max TIME bounds gaps\n",
                    asked_s, figures.gap_max_s));
}

Result<int> make_one(const ProfileFlags& flags) {
  TRY(form_of(flags));
  std::vector<load::ProfileSegment> segments;
  for (const std::string& text : flags.segments) {
    auto segment = load::parse_profile_segment(text);
    if (!segment.ok()) {
      Error error = segment.error();
      error.where = fmt::format("'{}'", text);
      return error;
    }
    segments.push_back(std::move(*segment));
  }
  const std::vector<double> gaps_s = TRY(load::make_profile(segments, flags.seed));
  const int code = TRY(write_gaps(gaps_s, flags));
  tell_length(gaps_s, segments);
  return code;
}

Result<int> convert_one(const ProfileFlags& flags) {
  TRY(form_of(flags));
  return write_gaps(TRY(read_gaps(flags)), flags);
}

int width_of_stdout() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

Result<int> show_one(const ProfileFlags& flags) {
  const std::vector<double> gaps_s = TRY(read_gaps(flags));
  const load::ProfileFigures figures = load::figures_of_profile(gaps_s);
  if (!flags.json) {
    const std::size_t columns = chart_columns(width_of_stdout());
    print_data(profile_text(flags.input, figures, load::rates_of_profile(gaps_s, columns)));
    return kFine;
  }
  using Json = nlohmann::ordered_json;
  const auto number = [](const std::optional<double>& figure) {
    return figure ? Json(*figure) : Json(nullptr);
  };
  Json dispersion;
  for (std::size_t i = 0; i < figures.dispersion.size(); ++i)
    dispersion[fmt::format("{}s", load::kDispersionWindows_s[i])] = number(figures.dispersion[i]);
  print_json({{"count", figures.count},
              {"length_s", figures.length_s},
              {"rps", number(figures.rps)},
              {"gap_min_s", figures.gap_min_s},
              {"gap_max_s", figures.gap_max_s},
              {"gap_variation", number(figures.gap_variation)},
              {"dispersion", dispersion}});
  return kFine;
}

Result<int> of_trips(const ProfileFlags& flags) {
  return write_profiles_of_trips(flags.trips);
}

constexpr const char* kProfileExamples =
    "Arrival profiles: files of the seconds between requests, which an experiment file names by\n"
    "arrival: {profile: FILE}.\n\nexamples:\n"
    "  galileo profile make day.csv 'sine(100, 60) for 10m max 1s' 'constant(20) for 5m "
    "exponential'\n"
    "  galileo profile show day.csv\n"
    "  galileo profile convert old.pkl new.csv\n"
    "  galileo profile trips trips.csv topology.csv profiles --start 2016-01-01T12:00:00\n";

void add_read(CLI::App& command, ProfileFlags& flags) {
  command
      .add_option("FILE", flags.input,
                  "CSV, a number a line, JSON, Parquet, or a pickle of the old system; -: stdin")
      ->required();
  command.add_option("--column", flags.column, "of CSV, JSON lines, Parquet [the first one]");
}

void add_write(CLI::App& command, ProfileFlags& flags) {
  command.add_option("OUTPUT", flags.output, "file; -: stdout")->required();
  command.add_option("--format", flags.form, "csv, txt, jsonl or parquet [by the file's name]");
}

}  // namespace

int profile(const Arguments& arguments) {
  ProfileFlags flags;
  flags.python = environment("galileo_python").value_or("python3");
  CLI::App app(kProfileExamples, "galileo profile");
  app.require_subcommand(1);
  Result<int> (*chosen)(const ProfileFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text,
                       Result<int> (*run)(const ProfileFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    command
        ->add_option("--python", flags.python,
                     "for parquet: a Python that has the package pyarrow (also galileo_python)")
        ->capture_default_str();
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  CLI::App* make = add("make", "make one of rates over time", &make_one);
  add_write(*make, flags);
  make->add_option("SEGMENT", flags.segments,
                   "RATE for TIME [static|exponential] [scale X] [max TIME]: as 'sine(100, 60) for "
                   "10m'; several come one after the other")
      ->required();
  make->add_option("--seed", flags.seed, "of all draws")->capture_default_str();
  make->footer(help_table_text("profile_rates"));
  CLI::App* show = add("show", "show what one is like, and its rate over time", &show_one);
  add_read(*show, flags);
  show->add_flag("--json", flags.json, "as JSON");
  CLI::App* convert = add("convert", "write one in another form", &convert_one);
  add_read(*convert, flags);
  add_write(*convert, flags);
  CLI::App* trips = add("trips", "make one of recorded trips for each cloudlet", &of_trips);
  trips
      ->add_option("TRIPS", flags.trips.trips,
                   "CSV: pickup_datetime, passenger_count, pickup_longitude, pickup_latitude")
      ->required();
  trips->add_option("TOPOLOGY", flags.trips.topology, "CSV: radio, cell, lon, lat, cloudlet")
      ->required();
  trips->add_option("FOLDER", flags.trips.folder, "of the profiles")->required();
  trips->add_option("--start", flags.trips.start, "pickups from then on, as 2016-01-01T12:00:00");
  trips->add_option("--end", flags.trips.end, "pickups until then");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? *done : fail("profile", done.error());
}

}  // namespace galileo::commands
