#include "base/text.h"
#include "telemetry/instrument.h"
#include "telemetry/units.h"

namespace galileo::telemetry {
namespace {

// The topics of "tx/<dev>:kB/s rx/<dev>:kB/s".
std::vector<Topic> topics_of(std::string_view text) {
  std::vector<Topic> topics;
  for (const std::string_view topic : split(text, ' ')) {
    const std::size_t colon = std::min(topic.find(':'), topic.size());
    topics.push_back({topic.substr(0, colon), topic.substr(std::min(colon + 1, topic.size()))});
  }
  return topics;
}

}  // namespace

const std::vector<InstrumentRow>& instrument_rows() {
  static const std::vector<InstrumentRow> rows{
#define INSTRUMENT(name, period_ms, by_default, topics, text) \
  {#name, std::chrono::milliseconds{period_ms}, by_default, topics_of(topics), text, &make_##name},
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
  for (const InstrumentRow& row : instrument_rows()) {
    for (const Topic& topic : row.topics) {
      if (topic.metric() == metric) return std::string(topic.unit);
    }
  }
  return {};
}

}  // namespace galileo::telemetry
