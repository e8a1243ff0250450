#include "commands/help_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/threshold_metrics.h"
#include "base/output.h"
#include "base/text.h"
#include "commands/exit_codes.h"
#include "commands/json_output.h"
#include "load/arrival.h"
#include "load/profile_segment.h"
#include "load/rate_shape.h"
#include "route/policy.h"
#include "route/router.h"
#include "store/store.h"
#include "telemetry/instrument.h"
#include "wire/request_log.h"
#include "wire/trace.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

Json commands_table() {
  Json rows = Json::array();
  for (const Command& row : all_commands())
    rows.push_back({{"name", row.name}, {"text", row.text}});
  return rows;
}

Json arrivals_table() {
  Json rows = Json::array();
  for (const load::ArrivalRow& row : load::arrival_rows())
    rows.push_back({{"name", row.name},
                    {"parameters", row.parameters},
                    {"fewest", row.fewest},
                    {"most", row.most},
                    {"text", row.text}});
  return rows;
}

std::string_view takes_text(load::ShapeParameter::Takes takes) {
  switch (takes) {
    case load::ShapeParameter::Takes::kRate:
      return "rate";
    case load::ShapeParameter::Takes::kRateOrNone:
      return "rate or 0";
    case load::ShapeParameter::Takes::kTime:
      return "time";
    case load::ShapeParameter::Takes::kSteps:
      return "list of {rps, for}";
  }
  return {};
}

Json shapes_table() {
  Json rows = Json::array();
  for (const load::ShapeRow& row : load::shape_rows()) {
    const auto& arrivals = load::arrival_rows();
    const auto arrival = std::find_if(arrivals.begin(), arrivals.end(),
                                      [&](const auto& one) { return one.name == row.arrival; });
    Json parameters = Json::array();
    std::vector<std::string> names;
    for (const load::ShapeParameter& parameter : row.parameters) {
      names.emplace_back(parameter.key);
      Json one{
          {"key", parameter.key}, {"takes", takes_text(parameter.takes)}, {"text", parameter.text}};
      if (parameter.otherwise) {
        one["otherwise"] = *parameter.otherwise;
        names.back() = fmt::format("[{}]", parameter.key);
      }
      parameters.push_back(std::move(one));
    }
    rows.push_back({{"name", row.name},
                    {"parameters", fmt::format("{}", fmt::join(names, ", "))},
                    {"text", arrival == arrivals.end() ? std::string_view() : arrival->text},
                    {"keys", std::move(parameters)}});
  }
  return rows;
}

Json profile_rates_table() {
  Json rows = Json::array();
  for (const load::ProfileRateRow& row : load::profile_rate_rows())
    rows.push_back({{"name", row.name}, {"parameters", row.parameters}, {"text", row.text}});
  return rows;
}

Json log_formats_table() {
  Json rows = Json::array();
  for (const wire::LogFormatRow& row : wire::log_format_rows())
    rows.push_back({{"name", row.name}, {"text", row.text}});
  return rows;
}

Json routers_table() {
  Json rows = Json::array();
  for (const route::RouterRow& row : route::router_rows())
    rows.push_back({{"name", row.name},
                    {"text", row.text},
                    {"reads_static_host", row.reads_static_host},
                    {"uses_table", [&] {
                       const auto router = row.make({"service", "http://static"});
                       return router.ok() && (*router)->uses_table();
                     }()}});
  return rows;
}

Json policies_table() {
  Json rows = Json::array();
  for (const route::PolicyRow& row : route::policy_rows())
    rows.push_back({{"name", row.name}, {"text", row.text}});
  return rows;
}

Json databases_table() {
  Json rows = Json::array();
  for (const store::DriverRow& row : store::driver_rows())
    rows.push_back({{"name", row.name}, {"scheme", row.scheme}, {"text", row.text}});
  return rows;
}

Json instruments_table() {
  Json rows = Json::array();
  for (const telemetry::InstrumentRow& row : telemetry::instrument_rows()) {
    Json topics = Json::array();
    std::vector<std::string> names;
    for (const telemetry::Topic& topic : row.topics) {
      topics.push_back({{"name", topic.name}, {"unit", topic.unit}});
      names.push_back(topic.unit.empty() ? std::string(topic.name)
                                         : fmt::format("{} ({})", topic.name, topic.unit));
    }
    rows.push_back(
        {{"name", row.name},
         {"period", row.period % std::chrono::seconds{1} == Duration{0}
                        ? fmt::format("{}s", row.period / std::chrono::seconds{1})
                        : fmt::format("{}ms", row.period / std::chrono::milliseconds{1})},
         {"unasked", row.by_default ? "yes" : "no"},
         {"topics", fmt::format("{}", fmt::join(names, ", "))},
         {"text", row.text},
         {"units", std::move(topics)}});
  }
  return rows;
}

Json metrics_table() {
  Json rows = Json::array();
  for (const analysis::ThresholdMetric& row : analysis::threshold_metrics()) {
    const std::string_view name = row.name;
    std::string form = row.takes_function() ? fmt::format("p95({})", name) : std::string(name);
    if (row.by_outcome) form += fmt::format(", p95({}[answered])", name);
    if (row.by_group)
      form += row.takes_function() ? fmt::format(", p95({}{{service=a}})", name)
                                   : fmt::format(", {}{{service=a}}", name);
    rows.push_back({{"name", name},
                    {"form", form},
                    {"unit", analysis::base_unit(row.dimension)},
                    {"by_outcome", row.by_outcome},
                    {"by_group", row.by_group},
                    {"takes_function", row.takes_function()},
                    {"text", row.text}});
  }
  return rows;
}

Json failures_table() {
  constexpr std::string_view kGroups[] = {"", "not sent", "failed", "in flight"};
  Json rows = Json::array();
  for (int i = 1; i < wire::kFailureCount; ++i) {
    const auto failure = static_cast<wire::Failure>(i);
    rows.push_back({{"name", wire::failure_name(failure)},
                    {"group", kGroups[static_cast<std::size_t>(wire::failure_group(failure))]},
                    {"text", wire::failure_text(failure)}});
  }
  return rows;
}

struct HelpTable {
  std::string_view name;
  std::string_view title;
  std::vector<std::string_view> columns;  // what a person sees of a row
  Json (*rows)();
};

const std::vector<HelpTable>& tables() {
  static const std::vector<HelpTable> list{
      {"commands", "commands", {"name", "text"}, &commands_table},
      {"arrivals",
       "when requests are due: `arrival` of a client, or --arrival 'name(parameters)'",
       {"name", "parameters", "text"},
       &arrivals_table},
      {"shapes",
       "shapes of a client's `rate`, and their parameters; what is in [] may be left out",
       {"name", "parameters", "text"},
       &shapes_table},
      {"profile_rates",
       "the rates of profiles that `galileo profile make` makes, as 'sine(100, 60) for 10m'",
       {"name", "parameters", "text"},
       &profile_rates_table},
      {"log_formats",
       "what a recorded log may be: --format, or `format` of a `replay`",
       {"name", "text"},
       &log_formats_table},
      {"routers",
       "how a request becomes a URL: `router` of a service",
       {"name", "text"},
       &routers_table},
      {"policies",
       "which host gets the next request: `balancer` of a service, or --policy of a gateway",
       {"name", "text"},
       &policies_table},
      {"databases", "what --db may name", {"name", "text"}, &databases_table},
      {"instruments",
       "what of a machine is read, how often, whether unasked, and its topics (units)",
       {"name", "period", "unasked", "text", "topics"},
       &instruments_table},
      {"metrics",
       "what a threshold may measure of the requests; of telemetry every topic's first part, as "
       "max(cpu)",
       {"name", "form", "text"},
       &metrics_table},
      {"failures",
       "why a request has no good answer, as traces and results name it",
       {"name", "group", "text"},
       &failures_table},
  };
  return list;
}

// Characters of UTF-8.
std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

const HelpTable* find_table(std::string_view name) {
  for (const HelpTable& table : tables()) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

Json all_tables() {
  Json all;
  for (const HelpTable& table : tables()) all[std::string(table.name)] = table.rows();
  return all;
}

}  // namespace

std::string help_table_text(std::string_view name) {
  const HelpTable* const table = find_table(name);
  if (!table) return {};
  const Json rows = table->rows();
  std::vector<std::size_t> widths(table->columns.size());
  const auto cell = [&](const Json& row, std::size_t column) {
    return row[std::string(table->columns[column])].get<std::string>();
  };
  for (const Json& row : rows) {
    for (std::size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], columns_of(cell(row, i)));
  }
  std::string text = fmt::format("{}:\n", table->title);
  for (const Json& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string word = cell(row, i);
      line += fmt::format(" {}{}", word, std::string(widths[i] - columns_of(word) + 1, ' '));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::optional<int> print_tables_if_asked(const Arguments& arguments, std::string_view flag,
                                         const std::vector<std::string>& tables) {
  if (std::find(arguments.begin(), arguments.end(), flag) == arguments.end()) return std::nullopt;
  std::string text;
  for (const std::string& table : tables)
    text += (text.empty() ? "" : "\n") + help_table_text(table);
  print_data(text);
  return kFine;
}

int help(const Arguments& arguments) {
  if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h") {
    print_data(help_text());
    return kFine;
  }
  const std::string& name = arguments.front();
  if (name == "--json") {
    print_json(all_tables());
    return kFine;
  }
  for (const Command& command : all_commands()) {
    if (command.name == name) return command.run({"--help"});
  }
  if (find_table(name)) {
    print_data(help_table_text(name));
    return kFine;
  }
  std::vector<std::string> names;
  for (const HelpTable& table : tables()) names.emplace_back(table.name);
  for (const Command& command : all_commands()) names.emplace_back(command.name);
  print_talk(
      fmt::format("galileo help: there is no '{}'; {}\n", name, hint_for_unknown(name, names)));
  return kWrongUsage;
}

}  // namespace galileo::commands
