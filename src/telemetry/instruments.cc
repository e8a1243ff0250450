#include "telemetry/instrument.h"
#include "telemetry/units.h"

namespace galileo::telemetry {

const std::vector<InstrumentRow>& instrument_rows() {
  static const std::vector<InstrumentRow> rows{
#define INSTRUMENT(name, period_ms, by_default, topics, unit) \
  {#name, std::chrono::milliseconds{period_ms}, by_default, topics, unit, &make_##name},
#include "telemetry/instruments.def"
#undef INSTRUMENT
  };
  return rows;
}

std::vector<std::string> instrument_names() {
  std::vector<std::string> names;
  for (const InstrumentRow& row : instrument_rows()) names.emplace_back(row.name);
  return names;
}

std::string unit_of(std::string_view metric) {
  if (metric == "process_cpu") return "%";
  if (metric == "process_rss" || metric == "process_read" || metric == "process_written")
    return "bytes";
  // A metric is the first part of one of its row's topics.
  for (const InstrumentRow& row : instrument_rows()) {
    std::string_view topics = row.topics;
    while (!topics.empty()) {
      const std::size_t end = std::min(topics.find(' '), topics.size());
      const std::string_view topic = topics.substr(0, end);
      if (topic.substr(0, topic.find('/')) == metric) return std::string(row.unit);
      topics.remove_prefix(std::min(end + 1, topics.size()));
    }
  }
  return {};
}

}  // namespace galileo::telemetry
