#include "wire/sample_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

Error no_sample(std::string_view topic, std::string why) {
  return Error{ErrorCode::kCorrupt,
               "can't read the telemetry",
               make_utf8(topic.substr(0, 200)),
               std::move(why),
               {}};
}

std::optional<Wall> read_time(std::string_view text) {
  const std::optional<Wall> at = parse_unix_time(text);
  const std::size_t point = text.find('.');
  if (!at || *at == kNoWall || point == std::string_view::npos || text.size() - point - 1 != 8)
    return at;
  const Duration decimals = at->time_since_epoch() % std::chrono::seconds{1};
  return *at - decimals + decimals / 10;
}

std::optional<double> read_value(std::string_view text) {
  if (const std::optional<double> number = parse_number(text)) return number;
  if (text == "true" || text == "True") return 1;
  if (text == "false" || text == "False") return 0;
  return std::nullopt;
}

}  // namespace

std::string sample_topic(const Sample& sample) {
  std::string topic = fmt::format("{}{}/{}", kTelemetryPrefix, sample.node, sample.metric);
  if (!sample.subsystem.empty()) topic += '/' + sample.subsystem;
  return topic;
}

void append_sample_line(std::string& to, const Sample& sample) {
  append_unix_time(to, sample.at, 9);
  fmt::format_to(std::back_inserter(to), " {:f}", sample.value);
}

Result<Sample> parse_sample_line(std::string_view topic, std::string_view text) {
  Sample sample;
  if (!topic.starts_with(kTelemetryPrefix)) return no_sample(topic, "it isn't below telem/");
  const std::string_view path = topic.substr(kTelemetryPrefix.size());
  const std::size_t node_end = std::min(path.find('/'), path.size());
  const std::string_view rest = path.substr(std::min(node_end + 1, path.size()));
  const std::size_t metric_end = std::min(rest.find('/'), rest.size());
  if (node_end == 0) return no_sample(topic, "the topic names no node");
  if (metric_end == 0) return no_sample(topic, "the topic names no metric");
  sample.node = make_utf8(path.substr(0, node_end));
  sample.metric = make_utf8(rest.substr(0, metric_end));
  sample.subsystem = make_utf8(rest.substr(std::min(metric_end + 1, rest.size())));

  const std::size_t blank = text.find(' ');
  const std::optional<Wall> at = read_time(text.substr(0, blank));
  if (!at)
    return no_sample(topic, fmt::format("'{}' doesn't begin with a time in seconds",
                                        make_utf8(text.substr(0, 40))));
  const std::string_view value_text =
      blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
  const std::optional<double> value = read_value(value_text);
  if (!value)
    return no_sample(
        topic, fmt::format("the value '{}' isn't a number", make_utf8(value_text.substr(0, 40))));
  sample.at = *at;
  sample.value = *value;
  return sample;
}

}  // namespace galileo::wire
