#include "analysis/threshold_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/threshold_metrics.h"
#include "base/text.h"
#include "telemetry/units.h"

namespace galileo::analysis {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

struct Kind {
  Dimension dimension;
  std::string_view base;   // as results name it
  std::string_view text;   // "a time"
  std::string_view usual;  // the unit that is meant, most likely, where there is none
  bool takes_bare;         // a number alone can mean one thing only
  std::vector<Unit> units;
};

const std::vector<Unit>& multiples() {
  static const std::vector<Unit> list{{"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}};
  return list;
}

const std::vector<Kind>& kinds() {
  const auto hertz = [](std::string_view one, std::string_view k, std::string_view m,
                        std::string_view g) {
    return std::vector<Unit>{{one, 1}, {k, 1e3}, {m, 1e6}, {g, 1e9}};
  };
  static const std::vector<Kind> list{
      {Dimension::kCount, "", "a count", "", true, multiples()},
      // A rate's slash and period are read apart.
      {Dimension::kRate, "rps", "a rate", "/s", true, multiples()},
      {Dimension::kShare, "share", "a share", "%", false, {{"%", 0.01}}},
      {Dimension::kTime,
       "s",
       "a time",
       "ms",
       false,
       {{"ns", 1e-9}, {"us", 1e-6}, {"µs", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}}},
      {Dimension::kBytes,
       "bytes",
       "a size",
       "MiB",
       false,
       {{"B", 1},
        {"KiB", 1024},
        {"MiB", 1048576},
        {"GiB", 1073741824},
        {"TiB", 1099511627776},
        {"kB", 1e3},
        {"MB", 1e6},
        {"GB", 1e9},
        {"TB", 1e12}}},
      {Dimension::kByteRate,
       "B/s",
       "bytes a second",
       "kB/s",
       false,
       {{"B/s", 1},
        {"kB/s", 1e3},
        {"MB/s", 1e6},
        {"GB/s", 1e9},
        {"KiB/s", 1024},
        {"MiB/s", 1048576},
        {"GiB/s", 1073741824}}},
      {Dimension::kFrequency, "Hz", "a frequency", "MHz", false, hertz("Hz", "kHz", "MHz", "GHz")},
      {Dimension::kBitRate, "bit/s", "bits a second", "Mbit/s", false,
       hertz("bit/s", "kbit/s", "Mbit/s", "Gbit/s")},
      {Dimension::kTemperature, "°C", "a temperature", "°C", false, {{"°C", 1}, {"C", 1}}},
      {Dimension::kPower, "W", "a power", "W", false, {{"mW", 1e-3}, {"W", 1}, {"kW", 1e3}}},
      {Dimension::kEnergy, "J", "an energy", "J", false, {{"mJ", 1e-3}, {"J", 1}, {"kJ", 1e3}}},
      {Dimension::kSignal, "dBm", "a signal's strength", "dBm", false, {{"dBm", 1}}},
      {Dimension::kUnknown, "", "a figure whose unit isn't known here", "", true, multiples()},
  };
  return list;
}

const Kind& kind_of(Dimension dimension) {
  return *std::find_if(kinds().begin(), kinds().end(),
                       [&](const Kind& kind) { return kind.dimension == dimension; });
}

const Unit* find_unit(const Kind& kind, std::string_view name) {
  const auto found = std::find_if(kind.units.begin(), kind.units.end(),
                                  [&](const Unit& unit) { return unit.name == name; });
  return found == kind.units.end() ? nullptr : &*found;
}

// The units are those that telemetry/units.h names.
Scale scale_of_unit(std::string_view unit) {
  if (unit == "kB") return {Dimension::kBytes, 1024};  // as /proc counts
  if (unit == "bytes") return {Dimension::kBytes, 1};
  if (unit.empty()) return {Dimension::kCount, 1};
  for (const Kind& kind : kinds()) {
    const Unit* const found = find_unit(kind, unit);
    if (found && !kind.usual.empty()) return {kind.dimension, found->factor};
  }
  return {};
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// "<page>/<metric>[/<label>=<value>...]", by Prometheus' rule for names.
Scale scale_of_scraped(std::string_view subsystem) {
  subsystem.remove_prefix(std::min(subsystem.find('/'), subsystem.size()));
  if (subsystem.empty()) return {};
  std::string_view name = subsystem.substr(1, subsystem.find('/', 1) - 1);
  if (ends_with(name, "_total")) name.remove_suffix(6);
  if (ends_with(name, "_seconds")) return {Dimension::kTime, 1};
  if (ends_with(name, "_bytes")) return {Dimension::kBytes, 1};
  if (ends_with(name, "_ratio")) return {Dimension::kShare, 1};
  return {};
}

// What was most likely meant by a number alone.
std::string mended(std::string_view number, double value, const Kind& kind) {
  if (kind.dimension == Dimension::kShare && value <= 1)
    return fmt::format("{:g}%", std::round(value * 1e8) / 1e6);
  if (kind.dimension == Dimension::kBytes && value >= 1048576) return fmt::format("{}B", number);
  return fmt::format("{}{}", number, kind.usual);
}

}  // namespace

Scale scale_of(std::string_view metric, std::string_view subsystem) {
  if (const ThresholdMetric* const ours = threshold_metric(metric)) return {ours->dimension, 1};
  if (metric == "scrape") return scale_of_scraped(subsystem);
  if (metric == "file" || metric == "command") return {};
  return scale_of_unit(telemetry::unit_of(metric));
}

std::string_view base_unit(Dimension dimension) {
  return kind_of(dimension).base;
}

Limit parse_limit(std::string_view text, Dimension dimension) {
  const Kind& kind = kind_of(dimension);
  const std::size_t number_end = text.find_first_not_of("0123456789.-+eE");
  const std::string_view digits = trim(text.substr(0, number_end));
  const auto number = parse_number(digits);
  std::string_view unit = number_end == std::string_view::npos ? "" : trim(text.substr(number_end));
  if (!number)
    return {0, "a number is missing", fmt::format("write for example < 50{}", kind.usual)};
  double factor = 1;
  if (const std::size_t slash = unit.find('/');
      dimension == Dimension::kRate && slash != std::string_view::npos) {
    const auto rate = parse_rate("1" + std::string(unit.substr(slash)));
    if (!rate.ok()) return {0, rate.error().why, rate.error().hint};
    factor = *rate;
    unit = trim(unit.substr(0, slash));
  }
  // Nothing is nothing in every unit.
  if (unit.empty() && (kind.takes_bare || *number == 0)) return {*number * factor, {}, {}};
  const std::string say = fmt::format("say {}", mended(digits, *number, kind));
  if (unit.empty())
    return {0, fmt::format("{} is {}: {} of what?", "the limit", kind.text, digits), say};
  if (const Unit* const found = find_unit(kind, unit))
    return {*number * found->factor * factor, {}, {}};
  std::string units;
  for (const Unit& one : kind.units)
    units += fmt::format("{}{}", units.empty() ? "" : ", ", one.name);
  return {0, fmt::format("'{}' isn't a unit of {}", unit, kind.text),
          fmt::format("{}; its units are {}{}", say, units, kind.takes_bare ? ", or none" : "")};
}

std::string format_value(const std::optional<double>& value, std::string_view unit) {
  if (!value) return "no data";
  if (unit == "s") return format_duration(seconds(*value));
  if (unit == "share") return fmt::format("{:.3g}%", *value * 100);
  if (unit == "rps") return fmt::format("{:.1f}/s", *value);
  if (unit == "bytes") return format_bytes(*value);
  if (unit == "B/s") return format_bytes(*value) + "/s";
  if (*value == std::round(*value) && std::abs(*value) < 1e15)
    return fmt::format("{:.0f}{}", *value, unit);
  return fmt::format("{:.4g}{}", *value, unit);
}

}  // namespace galileo::analysis
