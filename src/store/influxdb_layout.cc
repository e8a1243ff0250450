#include "store/influxdb_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/utf8.h"
#include "wire/body_text.h"
#include "wire/json.h"
#include "wire/line_protocol.h"

namespace galileo::store::influxdb {
namespace {

using wire::beginning;

using wire::PointWriter;

constexpr std::int64_t kPerMillisecond = 1'000'000;
// What servers promise to take in one field (InfluxDB 2.7 itself takes 1 MiB).
constexpr std::size_t kTextMax = 65'000;
// A tag of the old layout goes into the series' key, which has 64 KiB in all.
constexpr std::size_t kOldTagMax = 16'000;
constexpr const char* kEmptyResponse = "empty_response";
// Rows that have no time of their own are at the epoch.
constexpr std::int64_t kNoTime = 0;

std::int64_t nanoseconds(Wall at) {
  return at.time_since_epoch().count();
}

void put_time(PointWriter& point, std::string_view key, Wall at) {
  if (at != kNoWall) point.integer(key, nanoseconds(at));
}

// Puts it into several fields where it is too long for one; how many.
std::size_t put_long_text(PointWriter& point, const std::string& key, std::string_view text) {
  if (text.size() <= kTextMax) {
    point.text(key, text);
    return 1;
  }
  const std::string valid = make_utf8(text);
  std::string_view rest = valid;
  std::size_t count = 0;
  while (!rest.empty()) {
    const std::string_view part = beginning(rest, kTextMax);
    ++count;
    point.text(count == 1 ? key : fmt::format("{}.{}", key, count), part);
    rest.remove_prefix(part.size());
  }
  return count;
}

// As Python writes a float, and the old client a time: the millisecond of the nearest microsecond.
std::string old_number(double value) {
  return wire::json_real(value);
}
std::int64_t old_time(Wall at) {
  const std::int64_t microseconds = std::llrint(to_unix_seconds(at) * 1e6);
  return microseconds / 1000 * kPerMillisecond;
}

std::int64_t integer(std::string_view text, std::int64_t otherwise) {
  std::int64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

double real(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Wall time_of(std::string_view nanoseconds) {
  return Wall{Duration{integer(nanoseconds, -1)}};
}
// What isn't there is what a new row has.
template <class Value>
void read_value(std::string_view from, Value& to) {
  if constexpr (std::is_same_v<Value, Wall>)
    to = time_of(from);
  else if constexpr (std::is_same_v<Value, Duration>)
    to = Duration{integer(from, to.count())};
  else if constexpr (std::is_same_v<Value, wire::TraceId>)
    to = wire::trace_id_of(from);
  else
    to = static_cast<Value>(integer(from, static_cast<std::int64_t>(to)));
}
Wall old_time_of(std::string_view seconds) {
  return seconds.empty() ? kNoWall : from_unix_seconds(real(seconds));
}

// A field's key is its column in small letters; in place of the intended time stands whether there
// was none.
class FieldKey {
 public:
  constexpr FieldKey() = default;
  constexpr explicit FieldKey(const wire::TraceField& field) {
    const bool is_intended = field.kind == wire::FieldKind::intended;
    for (const char c : is_intended ? std::string_view("closed_loop") : field.column)
      text_[size_++] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  constexpr std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, 32> text_{};
  std::size_t size_ = 0;
};

constexpr auto kKeys = [] {
  std::array<FieldKey, wire::kTraceFieldCount> keys;
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = FieldKey(wire::kTraceFields[i]);
  return keys;
}();

// Names are tags, which come first; both in the order of their keys, as the server likes it best.
constexpr auto kByKey = [] {
  std::array<std::size_t, wire::kTraceFieldCount> places{};
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::sort(places.begin(), places.end(), [](std::size_t a, std::size_t b) {
    const bool a_is_tag = wire::kTraceFields[a].kind == wire::FieldKind::name;
    const bool b_is_tag = wire::kTraceFields[b].kind == wire::FieldKind::name;
    return a_is_tag != b_is_tag ? a_is_tag : kKeys[a].text() < kKeys[b].text();
  });
  return places;
}();

void put_text(PointWriter& point, std::string_view key, std::string_view value) {
  if (!value.empty()) point.text(key, value);
}

template <class Value>
void put_value(PointWriter& point, std::string_view key, const Value& value) {
  if constexpr (std::is_same_v<Value, Wall>)
    put_time(point, key, value);
  else if constexpr (std::is_integral_v<Value>)
    point.integer(key, static_cast<std::int64_t>(value));
  else if constexpr (std::is_same_v<Value, wire::TraceId>)
    put_text(point, key, to_text(value));
  else if constexpr (!std::is_same_v<Value, Duration>)
    put_text(point, key, value);
  else if (value != kNoDuration)
    point.integer(key, value.count());
}

template <std::size_t Place>
void put_field(PointWriter& point, const wire::TraceView& trace) {
  using wire::FieldKind;
  constexpr FieldKind kKind = wire::kTraceFields[Place].kind;
  constexpr std::string_view kKey = kKeys[Place].text();
  const auto& value = wire::field_of<Place>(trace);
  if constexpr (kKind == FieldKind::name) {
    point.tag(kKey, value);
  } else if constexpr (kKind == FieldKind::intended) {
    if (trace.closed_loop) point.boolean(kKey, true);
  } else if constexpr (kKind == FieldKind::id) {
    point.text(kKey, value);
  } else if constexpr (kKind == FieldKind::headers || kKind == FieldKind::response) {
    if (!value.empty()) put_long_text(point, std::string(kKey), value);
    // An answer that was kept and is empty: read back, an empty text is the same as none.
    if (kKind == FieldKind::response && value.empty() && trace.empty_response)
      point.boolean(kEmptyResponse, true);
  } else if constexpr (kKind != FieldKind::experiment) {
    put_value(point, kKey, value);
  }
}

template <std::size_t... I>
void put_fields(PointWriter& point, const wire::TraceView& trace, std::index_sequence<I...>) {
  (put_field<kByKey[I]>(point, trace), ...);
}

}  // namespace

std::int64_t point_time(Wall at, std::uint64_t place) {
  const auto millisecond = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch());
  return millisecond.count() * kPerMillisecond +
         static_cast<std::int64_t>(place % static_cast<std::uint64_t>(kPerMillisecond));
}

bool put_trace(std::string& out, const wire::TraceView& trace, std::int64_t time) {
  PointWriter point(out);
  point.point("traces");
  put_fields(point, trace, std::make_index_sequence<wire::kTraceFieldCount>());
  return point.at(time);
}

bool put_sample(std::string& out, const wire::Sample& sample, std::int64_t time) {
  if (std::isnan(sample.value)) return false;
  PointWriter point(out);
  point.point("telemetry").tag("metric", sample.metric).tag("node", sample.node);
  point.tag("subsystem", sample.subsystem);
  // The database has no infinite numbers.
  if (std::isinf(sample.value)) point.text("infinite", sample.value > 0 ? "inf" : "-inf");
  point.integer("ts", nanoseconds(sample.at)).real("value", sample.value);
  return point.at(time);
}

bool put_event(std::string& out, const wire::Event& event, std::int64_t time) {
  PointWriter point(out);
  point.point("events").tag("name", event.name).integer("ts", nanoseconds(event.at));
  put_long_text(point, "value", event.value);
  return point.at(time);
}

bool put_old_trace(std::string& out, const wire::TraceView& trace) {
  PointWriter point(out);
  point.point("traces").raw_tag("client", trace.client);
  point.raw_tag("created", old_number(to_unix_seconds(trace.created)));
  point.raw_tag("done", old_number(to_unix_seconds(trace.done))).raw_tag("exp_id", trace.exp_id);
  point.raw_tag("headers", beginning(trace.headers, kOldTagMax));
  point.raw_tag("response", beginning(trace.response, kOldTagMax));
  point.raw_tag("sent", old_number(to_unix_seconds(trace.sent))).raw_tag("server", trace.server);
  point.raw_tag("service", trace.service).raw_tag("status", std::to_string(trace.status));
  point.text("request_id", trace.request_id);
  return point.at(old_time(trace.sent));
}

bool put_old_sample(std::string& out, const std::string& id, const wire::Sample& sample) {
  PointWriter point(out);
  point.point("telemetry").raw_tag("exp_id", id).raw_tag("metric", sample.metric);
  point.raw_tag("node", sample.node).raw_tag("subsystem", sample.subsystem);
  point.raw_tag("ts", old_number(to_unix_seconds(sample.at))).real("value", sample.value);
  return point.at(old_time(sample.at));
}

bool put_old_event(std::string& out, const std::string& id, const wire::Event& event) {
  PointWriter point(out);
  point.point("events").raw_tag("exp_id", id).raw_tag("name", event.name);
  point.raw_tag("ts", old_number(to_unix_seconds(event.at)));
  put_long_text(point, "value", event.value);
  return point.at(old_time(event.at));
}

void put_experiment(std::string& out, const wire::Experiment& experiment) {
  PointWriter point(out);
  point.point("experiments").tag("exp_id", experiment.id);
  // All of them each time: what isn't written keeps the value it had.
  point.integer("created", nanoseconds(experiment.created)).text("creator", experiment.creator);
  point.integer("end", nanoseconds(experiment.end)).text("name", experiment.name);
  point.integer("start", nanoseconds(experiment.start)).text("status", experiment.status);
  point.at(kNoTime);
}

void put_metadata(std::string& out, const std::string& id, std::string_view json) {
  PointWriter point(out);
  point.point("metadata").tag("exp_id", id);
  // Parts of a longer text before stay there, so their number is said.
  const std::size_t parts = put_long_text(point, "data", json);
  point.integer("parts", static_cast<std::int64_t>(parts)).at(kNoTime);
}

void put_position(std::string& out, const std::string& id, std::uint64_t position) {
  PointWriter point(out);
  point.point("spool_position").tag("exp_id", id);
  point.integer("position", static_cast<std::int64_t>(position)).at(kNoTime);
}

void put_node_info(std::string& out, const std::string& id, RowNumber row,
                   const wire::NodeInfo& info) {
  PointWriter point(out);
  point.point("nodeinfo").tag("exp_id", id).tag("node", info.node).text("key", info.key);
  put_long_text(point, "value", info.value);
  point.at(static_cast<std::int64_t>(row));
}

void put_refused(std::string& out, const std::string& id, std::uint64_t number,
                 std::string_view line, std::string_view why) {
  PointWriter point(out);
  point.point("refused").tag("exp_id", id);
  point.text("line", beginning(line, 2000)).text("why", beginning(why, 2000));
  point.at(static_cast<std::int64_t>(number));
}

std::size_t Columns::at(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  return found == header_.end() ? kNone : static_cast<std::size_t>(found - header_.begin());
}

Columns::Parts Columns::parts(std::string_view name) const {
  Parts parts;
  for (std::size_t next = at(name); next != kNone;
       next = at(fmt::format("{}.{}", name, parts.size() + 1)))
    parts.push_back(next);
  return parts;
}

RowReader::RowReader(const Fields& header)
    : columns_(header), time_(columns_.at("time")), exp_id_(columns_.at("exp_id")) {}

std::int64_t RowReader::time(const Fields& row) const {
  return integer(value(row, time_), 0);
}

// InfluxQL tells a field and a tag of one name apart as "name" and "name_1".
RowReader::Place RowReader::place(std::string_view name) const {
  Place place;
  place.ours = columns_.at(name);
  place.old = columns_.at(fmt::format("{}_1", name));
  if (place.old == Columns::kNone) place.old = place.ours;
  return place;
}

std::string_view RowReader::value(const Fields& row, std::size_t column) {
  return column < row.size() ? row[column] : std::string_view();
}

std::string RowReader::text(const Fields& row, const Columns::Parts& parts) {
  std::string text;
  for (const std::size_t part : parts) text += value(row, part);
  return text;
}

std::string figure_keys() {
  std::vector<std::string_view> keys;
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    if (wire::kTraceFields[i].is_read_for(wire::FieldUse::figure)) keys.push_back(kKeys[i].text());
  }
  return fmt::format("{}", fmt::join(keys, ", "));
}

TraceReader::TraceReader(const Fields& header)
    : RowReader(header),
      empty_response_(columns_.at(kEmptyResponse)),
      headers_(columns_.parts("headers")),
      response_(columns_.parts("response")) {
  for (std::size_t i = 0; i < places_.size(); ++i) places_[i] = place(kKeys[i].text());
}

wire::NamedTrace TraceReader::read(const Fields& row) const {
  using wire::FieldKind;
  if (is_old(row)) return read_old(row);
  wire::NamedTrace trace;
  wire::each_field(trace, [&](auto place, auto& to) {
    constexpr FieldKind kKind = wire::kTraceFields[place].kind;
    const std::string_view from = ours(row, places_[place]);
    if constexpr (kKind == FieldKind::name)
      to = wire::text_of_tag(from);
    else if constexpr (kKind == FieldKind::id || kKind == FieldKind::failure)
      to = from;
    else if constexpr (kKind == FieldKind::headers)
      to = text(row, headers_);
    else if constexpr (kKind == FieldKind::response)
      to = text(row, response_);
    else if constexpr (kKind != FieldKind::intended)
      read_value(from, to);
  });
  const bool closed_loop = ours(row, places_[wire::field_place::intended]) == "true";
  const bool is_intended = trace.dispatched != kNoWall && !closed_loop;
  trace.intended = is_intended ? trace.created : kNoWall;
  trace.empty_response = value(row, empty_response_) == "true";
  return trace;
}

wire::NamedTrace TraceReader::read_old(const Fields& row) const {
  wire::NamedTrace trace;
  wire::each_field(trace, [&](auto place, auto& to) {
    constexpr wire::TraceField kField = wire::kTraceFields[place];
    const std::string_view from = old(row, places_[place]);
    if constexpr (kField.is_ours())
      return;  // it had none of those
    else if constexpr (kField.kind == wire::FieldKind::time)
      to = old_time_of(from);
    else if constexpr (kField.kind == wire::FieldKind::code)
      read_value(from, to);
    else
      to = from;
  });
  return trace;
}

SampleReader::SampleReader(const Fields& header)
    : RowReader(header),
      node_(columns_.at("node")),
      metric_(columns_.at("metric")),
      subsystem_(columns_.at("subsystem")),
      value_(columns_.at("value")),
      infinite_(columns_.at("infinite")),
      ts_(place("ts")) {}

wire::Sample SampleReader::read(const Fields& row) const {
  wire::Sample sample;
  const bool old_row = is_old(row);
  const auto name = [&](std::size_t column) {
    return old_row ? std::string(value(row, column)) : wire::text_of_tag(value(row, column));
  };
  sample.at = old_row ? old_time_of(old(row, ts_)) : time_of(ours(row, ts_));
  sample.node = name(node_);
  sample.metric = name(metric_);
  sample.subsystem = name(subsystem_);
  sample.value = real(value(row, value_));
  if (const std::string_view infinite = value(row, infinite_); !infinite.empty())
    sample.value = std::numeric_limits<double>::infinity() * (infinite == "-inf" ? -1 : 1);
  return sample;
}

EventReader::EventReader(const Fields& header)
    : RowReader(header),
      name_(columns_.at("name")),
      ts_(place("ts")),
      value_(columns_.parts("value")) {}

wire::Event EventReader::read(const Fields& row) const {
  const bool old_row = is_old(row);
  wire::Event event;
  event.at = old_row ? old_time_of(old(row, ts_)) : time_of(ours(row, ts_));
  event.name = old_row ? std::string(value(row, name_)) : wire::text_of_tag(value(row, name_));
  event.value = text(row, value_);
  return event;
}

ExperimentReader::ExperimentReader(const Fields& header)
    : RowReader(header),
      id_(columns_.at("exp_id")),
      name_(columns_.at("name")),
      creator_(columns_.at("creator")),
      created_(columns_.at("created")),
      start_(columns_.at("start")),
      end_(columns_.at("end")),
      status_(columns_.at("status")) {}

wire::Experiment ExperimentReader::read(const Fields& row) const {
  return {wire::text_of_tag(value(row, id_)), std::string(value(row, name_)),
          std::string(value(row, creator_)),  time_of(value(row, created_)),
          time_of(value(row, start_)),        time_of(value(row, end_)),
          std::string(value(row, status_))};
}

NodeInfoReader::NodeInfoReader(const Fields& header)
    : RowReader(header),
      node_(columns_.at("node")),
      key_(columns_.at("key")),
      value_(columns_.parts("value")) {}

wire::NodeInfo NodeInfoReader::read(const Fields& row) const {
  return {wire::text_of_tag(value(row, node_)), std::string(value(row, key_)), text(row, value_)};
}

MetadataReader::MetadataReader(const Fields& header)
    : RowReader(header), count_(columns_.at("parts")), data_(columns_.parts("data")) {}

std::string MetadataReader::read(const Fields& row) const {
  Columns::Parts parts = data_;
  const auto count =
      static_cast<std::size_t>(std::max<std::int64_t>(integer(value(row, count_), 1), 1));
  if (parts.size() > count) parts.resize(count);
  return text(row, parts);
}

}  // namespace galileo::store::influxdb
