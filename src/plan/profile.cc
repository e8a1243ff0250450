#include "plan/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/text.h"
#include "wire/csv.h"
#include "wire/json.h"
#include "wire/pickle.h"

namespace galileo::plan {
namespace {

constexpr std::size_t kProfileMax = 20'000'000;

Error wrong_profile(std::string where, std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, {}, std::move(where), std::move(why), std::move(hint)};
}

// The first line of a profile that isn't empty: which column is meant.
struct Columns {
  std::size_t at = 0;
  std::size_t count = 0;
  bool are_headings = false;
};

Result<Columns> read_columns(const std::vector<std::string_view>& fields, std::string_view column,
                             const std::string& where) {
  Columns columns;
  columns.count = fields.size();
  columns.are_headings = !column.empty() || std::all_of(fields.begin(), fields.end(), [](auto one) {
    return wire::is_heading(one);
  });
  if (column.empty()) {
    // Also a decimal comma makes two of one.
    if (!columns.are_headings && columns.count > 1)
      return wrong_profile(where,
                           fmt::format("there are {} columns without headings", fields.size()),
                           "write one number a line, with a point for its decimals; or give the "
                           "columns headings");
    return columns;
  }
  std::vector<std::string> headings;
  for (const std::string_view heading : fields) headings.emplace_back(trim(heading));
  const auto found = std::find(headings.begin(), headings.end(), column);
  if (found == headings.end())
    return wrong_profile(where, fmt::format("no column is called '{}'", column),
                         hint_for_unknown(column, headings));
  if (std::count(headings.begin(), headings.end(), column) > 1)
    return wrong_profile(where, fmt::format("two columns are called '{}'", column), {});
  columns.at = static_cast<std::size_t>(found - headings.begin());
  return columns;
}

Result<double> wait_of(const std::vector<std::string_view>& fields, const Columns& columns,
                       const std::string& where) {
  const std::string hint = "write one number of seconds a line, from 0 up";
  if (fields.size() != columns.count)
    return wrong_profile(where,
                         fmt::format("{} fields instead of {}", fields.size(), columns.count),
                         columns.count == 1 ? hint : std::string());
  const auto value = wire::number_in_field(fields[columns.at]);
  if (!value.ok()) return wrong_profile(where, value.error().why, hint);
  if (*value < 0)
    return wrong_profile(
        where, fmt::format("'{}' isn't a time between requests", trim(fields[columns.at])), hint);
  return *value;
}

Result<std::vector<double>> parse_csv_profile(std::string_view text, std::string_view column) {
  std::vector<double> values;
  std::optional<Columns> columns;
  wire::CsvReader lines('#');
  lines.take(text);
  lines.finish();
  while (lines.next()) {
    const std::vector<std::string_view>& fields = lines.fields();
    if (fields.size() == 1 && trim(fields[0]).empty()) continue;
    const std::string where = fmt::format("line {}", lines.line());
    if (lines.fault()) return wrong_profile(where, lines.fault(), {});
    if (!columns) {
      columns = TRY(read_columns(fields, column, where));
      if (columns->are_headings) continue;
    }
    values.push_back(TRY(wait_of(fields, *columns, where)));
    if (values.size() > kProfileMax) break;
  }
  return values;
}

Result<double> wait_of_object(std::string_view line, std::string_view column,
                              const std::string& where) {
  const auto object = wire::parse_json(line);
  if (!object.ok()) return wrong_profile(where, object.error().why, {});
  if (object->kind != wire::Json::Kind::kObject || object->items.empty())
    return wrong_profile(where, "it isn't a JSON object with a number",
                         "write for example {\"seconds\": 0.5} on each line");
  const wire::Json* value = column.empty() ? object->items.data() : wire::find(*object, column);
  if (!value)
    return wrong_profile(where, fmt::format("no key is called '{}'", column),
                         hint_for_unknown(column, object->keys));
  const bool is_number =
      value->kind == wire::Json::Kind::kInteger || value->kind == wire::Json::Kind::kReal;
  const auto number = is_number ? parse_number(value->text) : std::nullopt;
  if (!number)
    return wrong_profile(
        where, fmt::format("it has {} instead of a number", wire::kind_name(value->kind)), {});
  return *number;
}

Result<std::vector<double>> parse_json_lines(std::string_view text, std::string_view column) {
  std::vector<double> values;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!trim(line).empty())
      values.push_back(TRY(wait_of_object(line, column, fmt::format("line {}", number))));
  }
  return values;
}

// Larger than what wire/json.h takes, and nothing but numbers.
Result<std::vector<double>> parse_json_list(std::string_view text) {
  text = trim(text);
  const std::size_t end = text.find(']');
  if (end != text.size() - 1)
    return wrong_profile({}, "the profile begins like a JSON list and isn't one",
                         "write one list of numbers, as [0.5, 1, 0.25]");
  const std::string_view inside = trim(text.substr(1, end - 1));
  std::vector<double> values;
  if (inside.empty()) return values;
  for (const std::string_view entry : split(inside, ',')) {
    const auto number = wire::number_in_field(entry);
    if (!number.ok())
      return wrong_profile(fmt::format("entry {}", values.size() + 1), number.error().why, {});
    values.push_back(*number);
  }
  return values;
}

Result<std::vector<double>> parse_any(std::string_view text, std::string_view column) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return wrong_profile({}, "the profile is in UTF-16", "save it as UTF-8");
  if (text.starts_with("PAR1"))
    return wrong_profile({}, "the profile is a Parquet file",
                         "make another of it: galileo profile convert FILE profile.csv");
  const bool pickled = wire::is_pickle(text);
  const std::string_view plain = trim(wire::after_byte_order_mark(text));
  if (!pickled && plain.starts_with('{')) return parse_json_lines(plain, column);
  if (!pickled && !plain.starts_with('[')) return parse_csv_profile(text, column);
  if (!column.empty())
    return wrong_profile({}, fmt::format("the profile is a list, without a column '{}'", column),
                         "leave the column out");
  return pickled ? wire::parse_pickle(text) : parse_json_list(plain);
}

}  // namespace

Result<std::vector<double>> parse_profile(std::string_view text, std::string_view column) {
  auto values = TRY(parse_any(text, column));
  if (values.empty()) return wrong_profile({}, "the profile has no numbers", {});
  if (values.size() > kProfileMax)
    return wrong_profile({}, "the profile has more than 20 million numbers", {});
  const auto wrong = std::find_if(values.begin(), values.end(), [](double one) { return one < 0; });
  if (wrong != values.end())
    return wrong_profile(fmt::format("entry {}", wrong - values.begin() + 1),
                         fmt::format("'{}' isn't a time between requests", *wrong),
                         "it holds the seconds between requests, each from 0 up");
  return values;
}

}  // namespace galileo::plan
