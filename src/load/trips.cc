#include "load/trips.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numbers>
#include <optional>

#include "base/text.h"

namespace galileo::load {
namespace {

constexpr double kNear_km = 0.5;
constexpr double kEarth_km = 6371.0;
constexpr double kDegree_km = kEarth_km * std::numbers::pi / 180;
constexpr double kFirstGap_s = 11;
constexpr double kLeastGap_s = 0.1;
constexpr std::int64_t kSecond_us = 1'000'000;
// As many as one profile may have.
constexpr std::size_t kPickupsMax = 20'000'000;
constexpr std::size_t kLineMax = std::size_t{1} << 20;

constexpr std::array<std::string_view, 4> kTripColumns{"pickup_datetime", "passenger_count",
                                                       "pickup_longitude", "pickup_latitude"};
constexpr std::array<std::string_view, 3> kTopologyColumns{"lon", "lat", "cloudlet"};

Error wrong_trips(std::string where, std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, {}, std::move(where), std::move(why), std::move(hint)};
}

template <std::size_t N>
Result<std::vector<std::size_t>> places_of(const std::array<std::string_view, N>& wanted,
                                           const std::vector<std::string_view>& headings) {
  std::vector<std::size_t> places;
  for (const std::string_view name : wanted) {
    const auto found = std::find_if(headings.begin(), headings.end(),
                                    [&](std::string_view one) { return trim(one) == name; });
    if (found == headings.end())
      return wrong_trips("line 1", fmt::format("it has no column {}", name),
                         fmt::format("it takes {}", fmt::join(wanted, ", ")));
    places.push_back(static_cast<std::size_t>(found - headings.begin()));
  }
  return places;
}

// What a field holds; nothing where its line is too short.
std::string_view field_at(const std::vector<std::string_view>& fields, std::size_t place) {
  return place < fields.size() ? trim(fields[place]) : std::string_view();
}

Result<double> number_at(const std::vector<std::string_view>& fields, std::size_t place,
                         const std::string& where) {
  const auto number = wire::number_in_field(field_at(fields, place));
  if (!number.ok()) return wrong_trips(where, number.error().why);
  return *number;
}

double radians(double degrees) {
  return degrees * std::numbers::pi / 180;
}

// The way along the earth, by the haversine.
double kilometres(double latitude, double longitude, const TopologyCell& cell) {
  const double here = radians(latitude);
  const double there = radians(cell.latitude);
  const double across = std::sin((there - here) / 2);
  const double along = std::sin(radians(cell.longitude - longitude) / 2);
  const double half = across * across + std::cos(here) * std::cos(there) * along * along;
  return 2 * kEarth_km * std::asin(std::sqrt(std::min(half, 1.0)));
}

// So many digits, which are taken off.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  int number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return number;
}
bool take_sign(std::string_view& text, std::string_view signs) {
  if (text.empty() || signs.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> day_us(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take_sign(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take_sign(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days{date}.time_since_epoch().count() * std::int64_t{86'400} * kSecond_us;
}

std::optional<std::int64_t> time_of_day_us(std::string_view text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take_sign(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take_sign(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  std::int64_t us = ((*hour * 60 + *minute) * 60 + *second) * kSecond_us;
  if (text.empty()) return us;
  if (!take_sign(text, ".") || text.empty() || text.size() > 6) return std::nullopt;
  std::int64_t unit = kSecond_us;
  while (!text.empty()) {
    const auto digit = take_digits(text, 1);
    if (!digit) return std::nullopt;
    unit /= 10;
    us += *digit * unit;
  }
  return us;
}

}  // namespace

Result<std::int64_t> parse_trip_time(std::string_view text) {
  std::string_view rest = trim(text);
  const auto day = day_us(rest);
  if (day && rest.empty()) return *day;
  const auto time = day && take_sign(rest, " T") ? time_of_day_us(rest) : std::nullopt;
  if (time) return *day + *time;
  return wrong_trips({}, fmt::format("'{}' is no time", text.substr(0, 40)),
                     "write it as 2016-01-01T12:00:05");
}

Result<std::vector<TopologyCell>> parse_topology(std::string_view text) {
  wire::CsvReader lines;
  lines.take(text);
  lines.finish();
  std::vector<std::size_t> columns;
  std::vector<TopologyCell> cells;
  while (lines.next()) {
    const auto& fields = lines.fields();
    if (fields.size() == 1 && trim(fields[0]).empty()) continue;
    const std::string where = fmt::format("line {}", lines.line());
    if (lines.fault()) return wrong_trips(where, lines.fault());
    if (columns.empty()) {
      columns = TRY(places_of(kTopologyColumns, fields));
      continue;
    }
    TopologyCell cell;
    cell.longitude = TRY(number_at(fields, columns[0], where));
    cell.latitude = TRY(number_at(fields, columns[1], where));
    cell.cloudlet = field_at(fields, columns[2]);
    const bool is_name = std::all_of(cell.cloudlet.begin(), cell.cloudlet.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-' || c == '.';
    });
    if (!is_name || cell.cloudlet.empty() || cell.cloudlet.front() == '.')
      return wrong_trips(
          where, fmt::format("a file can't be named after the cloudlet '{}'", cell.cloudlet),
          "letters, digits, '-' and '_' can be in its name");
    cells.push_back(std::move(cell));
  }
  if (cells.empty()) return wrong_trips({}, "it has no cells");
  return cells;
}

Trips::Trips(std::vector<TopologyCell> cells, std::int64_t begins_us, std::int64_t ends_us)
    : cells_(std::move(cells)), begins_us_(begins_us), ends_us_(ends_us) {
  std::sort(cells_.begin(), cells_.end(),
            [](const TopologyCell& a, const TopologyCell& b) { return a.latitude < b.latitude; });
}

Result<void> Trips::take(std::string_view bytes) {
  lines_.take(bytes);
  TRY(read_lines());
  if (lines_.waiting() <= kLineMax) return {};
  return wrong_trips(fmt::format("line {}", lines_.line() + 1), "it has more than 1 MiB");
}

Result<void> Trips::finish() {
  lines_.finish();
  TRY(read_lines());
  if (columns_.empty()) return wrong_trips({}, "it is empty");
  return {};
}

Result<void> Trips::read_lines() {
  while (lines_.next()) {
    const auto& fields = lines_.fields();
    if (fields.size() == 1 && trim(fields[0]).empty()) continue;
    const std::string where = fmt::format("line {}", lines_.line());
    if (lines_.fault()) return wrong_trips(where, lines_.fault());
    if (columns_.empty())
      columns_ = TRY(places_of(kTripColumns, fields));
    else
      TRY(read_trip(fields, where));
  }
  return {};
}

Result<void> Trips::read_trip(const std::vector<std::string_view>& fields,
                              const std::string& where) {
  const auto at_us = parse_trip_time(field_at(fields, columns_[0]));
  if (!at_us.ok()) return wrong_trips(where, at_us.error().why, at_us.error().hint);
  if (*at_us < begins_us_ || *at_us > ends_us_) return {};
  const double longitude = TRY(number_at(fields, columns_[2], where));
  const double latitude = TRY(number_at(fields, columns_[3], where));
  const TopologyCell* const cell = nearest(latitude, longitude);
  if (!cell) return {};
  const double passengers = TRY(number_at(fields, columns_[1], where));
  if (passengers > static_cast<double>(kPickupsMax - count_))
    return wrong_trips(where, "there are more than 20 million passengers up to here",
                       "take a part of the time, by --start and --end");
  const auto count = static_cast<std::size_t>(std::max(passengers, 0.0));
  if (count == 0) return {};
  count_ += count;
  auto& pickups = pickups_us_[cell->cloudlet];
  pickups.insert(pickups.end(), count, *at_us);
  return {};
}

// Of cells as near as each other, the one whose cloudlet comes first by name.
const TopologyCell* Trips::nearest(double latitude, double longitude) const {
  const double reach = kNear_km / kDegree_km;
  auto cell =
      std::lower_bound(cells_.begin(), cells_.end(), latitude - reach,
                       [](const TopologyCell& one, double least) { return one.latitude < least; });
  const TopologyCell* best = nullptr;
  double best_km = kNear_km;
  for (; cell != cells_.end() && cell->latitude <= latitude + reach; ++cell) {
    const double km = kilometres(latitude, longitude, *cell);
    if (km > best_km || (best && km == best_km && cell->cloudlet >= best->cloudlet)) continue;
    best = &*cell;
    best_km = km;
  }
  return best;
}

std::map<std::string, std::vector<double>> Trips::gaps() const {
  std::map<std::string, std::vector<double>> all;
  for (const auto& [cloudlet, pickups_us] : pickups_us_) {
    std::vector<std::int64_t> sorted = pickups_us;
    std::sort(sorted.begin(), sorted.end());
    std::vector<double>& gaps_s = all[cloudlet];
    gaps_s.push_back(kFirstGap_s);
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      const std::int64_t between_us = sorted[i] - sorted[i - 1];
      gaps_s.push_back(between_us == 0 ? kLeastGap_s : static_cast<double>(between_us) / 1e6);
    }
  }
  return all;
}

}  // namespace galileo::load
