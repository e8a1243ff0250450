#include "analysis/report_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace galileo::analysis {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::size_t kTextMax = std::size_t{64} * 1024;
constexpr std::size_t kPointsMin = 20;  // a line of fewer points shows nothing any more

std::string dump(const OrderedJson& json) {
  return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

// Five digits are more than a chart shows. Large values keep all before the point: counters are
// drawn as the differences of neighbours.
double rounded(double value) {
  if (std::abs(value) >= 1e5) return std::round(value);
  const std::string text = fmt::format("{:.5g}", value);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void round_telemetry(OrderedJson& telemetry) {
  for (OrderedJson& row : telemetry) {
    for (const char* key : {"t_s", "mean", "max"}) {
      for (OrderedJson& value : row[key]) {
        if (value.is_number_float()) value = rounded(value.get<double>());
      }
    }
  }
}

OrderedJson mean_of(const OrderedJson& a, const OrderedJson& b) {
  if (!a.is_number() || !b.is_number()) return a.is_number() ? a : b;
  return rounded((a.get<double>() + b.get<double>()) / 2);
}

OrderedJson larger_of(const OrderedJson& a, const OrderedJson& b) {
  if (!a.is_number() || !b.is_number()) return a.is_number() ? a : b;
  return a.get<double>() < b.get<double>() ? b : a;
}

// Two neighbours become one, at the first one's time.
void halve(OrderedJson& row) {
  OrderedJson& t = row["t_s"];
  OrderedJson& mean = row["mean"];
  OrderedJson& max = row["max"];
  const std::size_t points = std::min({t.size(), mean.size(), max.size()});
  const std::size_t left = (points + 1) / 2;
  for (std::size_t i = 0; i < left; ++i) {
    const std::size_t a = 2 * i;
    const std::size_t b = std::min(a + 1, points - 1);
    t[i] = t[a];
    mean[i] = mean_of(mean[a], mean[b]);
    max[i] = larger_of(max[a], max[b]);
  }
  for (OrderedJson* values : {&t, &mean, &max})
    values->erase(values->begin() + static_cast<std::ptrdiff_t>(left), values->end());
}

// The rows with the most points; false where none has any to give.
bool thin(OrderedJson& telemetry) {
  std::size_t most = 0;
  for (const OrderedJson& row : telemetry) most = std::max(most, row["t_s"].size());
  if (most < 2 * kPointsMin) return false;
  for (OrderedJson& row : telemetry) {
    if (row["t_s"].size() > most / 2) halve(row);
  }
  return true;
}

bool is_result(const OrderedJson& json) {
  if (!json.is_object() || !json.contains("provenance") || !json.contains("notes")) return false;
  if (!json["provenance"].is_object() || !json["notes"].is_array()) return false;
  const OrderedJson telemetry = json.value("telemetry", OrderedJson());
  return telemetry.is_array() &&
         std::all_of(telemetry.begin(), telemetry.end(), [](const OrderedJson& row) {
           return row.is_object() && row.contains("t_s") && row.contains("mean") &&
                  row.contains("max") && row["t_s"].is_array() && row["mean"].is_array() &&
                  row["max"].is_array();
         });
}

void leave_out_long_texts(OrderedJson& json) {
  OrderedJson& provenance = json["provenance"];
  OrderedJson& notes = json["notes"];
  if (provenance.contains("plan") && dump(provenance["plan"]).size() > kTextMax) {
    provenance["plan"] = nullptr;
    notes.push_back("the plan is too long for this report: galileo run FILE --dry-run prints it");
  }
  if (provenance.contains("file_text") && dump(provenance["file_text"]).size() > kTextMax) {
    provenance["file_text"] = "";
    notes.push_back("the experiment file is too long for this report; the database keeps it");
  }
}

}  // namespace

std::string within_size(std::string_view json_text, std::size_t size_max) {
  if (json_text.size() <= size_max) return std::string(json_text);
  OrderedJson json = OrderedJson::parse(json_text, nullptr, false);
  if (!is_result(json)) return std::string(json_text);
  leave_out_long_texts(json);
  OrderedJson& telemetry = json["telemetry"];
  round_telemetry(telemetry);
  std::string text = dump(json);
  bool thinned = false;
  while (text.size() > size_max && thin(telemetry)) {
    if (!thinned) json["notes"].push_back("telemetry is drawn in longer steps than it was read");
    thinned = true;
    text = dump(json);
  }
  std::size_t left_out = 0;
  while (text.size() > size_max && !telemetry.empty()) {
    // A quarter at a time: each try writes the whole document.
    const std::size_t some = (telemetry.size() + 3) / 4;
    telemetry.erase(telemetry.end() - static_cast<std::ptrdiff_t>(some), telemetry.end());
    left_out += some;
    text = dump(json);
  }
  if (left_out == 0) return text;
  json["notes"].push_back(
      fmt::format("{} series of telemetry are left out of this report", left_out));
  return dump(json);
}

}  // namespace galileo::analysis
