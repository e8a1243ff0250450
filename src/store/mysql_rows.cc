#include "store/mysql_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "store/mysql_schema.h"

namespace galileo::store {
namespace {

constexpr std::size_t kManyRows = 10'000;
constexpr std::size_t kManyBytes = std::size_t{4} << 20;
// What all of a row but its long texts takes at most: names of four bytes a character.
constexpr std::size_t kRowHead = 8192;

// Each byte that isn't UTF-8 becomes a sign of three.
constexpr std::size_t kReplaced = 3;

using Kind = MysqlBatch::Kind;

bool goes_on(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

Kind kind_of(wire::FieldKind kind) {
  switch (kind) {
    case wire::FieldKind::time:
    case wire::FieldKind::intended:
    case wire::FieldKind::duration:
      return Kind::kNumber;
    case wire::FieldKind::code:
    case wire::FieldKind::count:
      return Kind::kInteger;
    default:
      return Kind::kText;
  }
}

std::vector<MysqlBatch::Column> trace_columns() {
  std::vector<MysqlBatch::Column> columns;
  for (const wire::TraceField& field : wire::kTraceFields)
    columns.push_back({field.column, kind_of(field.kind)});
  return columns;
}

template <class Value>
void read(const MysqlRow& row, std::size_t column, Value& into) {
  if constexpr (std::is_same_v<Value, std::string>)
    into = row.text(column);
  else if constexpr (std::is_same_v<Value, Wall>)
    into = mysql_time(row, column);
  else if constexpr (std::is_same_v<Value, Duration>)
    into = row.is_null(column) ? kNoDuration : from_seconds(row.number(column));
  else if constexpr (std::is_same_v<Value, wire::TraceId>)
    into = wire::trace_id_of(row.text(column));
  else
    into = static_cast<Value>(row.integer(column));
}

}  // namespace

std::string_view first_characters(std::string_view text, std::size_t characters) {
  if (text.size() <= characters) return text;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (!goes_on(text[at]) && characters-- == 0) break;
  }
  return text.substr(0, at);
}

MysqlRows::MysqlRows()
    : node_info_("nodeinfo", {{"EXP_ID", Kind::kText},
                              {"NODE", Kind::kText},
                              {"INFO_KEY", Kind::kText},
                              {"INFO_VALUE", Kind::kText}}),
      traces_("traces", trace_columns()),
      telemetry_("telemetry", {{"EXP_ID", Kind::kText},
                               {"TIMESTAMP", Kind::kNumber},
                               {"METRIC", Kind::kText},
                               {"SUBSYSTEM", Kind::kText},
                               {"NODE", Kind::kText},
                               {"VALUE", Kind::kNumber}}),
      events_("events", {{"EXP_ID", Kind::kText},
                         {"TIMESTAMP", Kind::kNumber},
                         {"NAME", Kind::kText},
                         {"VALUE", Kind::kText}}) {}

void MysqlRows::name(MysqlBatch& batch, std::string_view text, std::size_t characters) {
  if (!is_utf8(text)) {
    made_ = make_utf8(text);
    text = made_;
  }
  batch.text(first_characters(text, characters));
}

void MysqlRows::name_or_null(MysqlBatch& batch, std::string_view text, std::size_t characters) {
  if (text.empty())
    batch.null();
  else
    name(batch, text, characters);
}

void MysqlRows::text(MysqlBatch& batch, std::string_view text, std::size_t bytes_max) {
  if (!is_utf8(text)) {
    made_ = make_utf8(text);
    text = made_;
  }
  if (text.size() <= bytes_max) return batch.text(text);
  const std::string note = fmt::format(
      " [cut: {} bytes are more than the database's max_allowed_packet takes]", text.size());
  std::size_t size = bytes_max - std::min(bytes_max, note.size());
  while (size > 0 && goes_on(text[size])) --size;
  const std::string cut = std::string(text.substr(0, size)) + note;
  batch.text(cut);
}

void MysqlRows::put_node_info(const std::string& id, const wire::NodeInfo& info,
                              std::size_t row_max) {
  name(node_info_, id, kMysqlIdMax);
  name(node_info_, info.node, kMysqlNameMax);
  name(node_info_, info.key, kMysqlNameMax);
  text(node_info_, info.value, row_max - std::min(row_max, kRowHead));
}

template <wire::FieldNone kNone>
void MysqlRows::field(std::string_view value, std::size_t characters) {
  if (kNone == wire::FieldNone::null)
    name_or_null(traces_, value, characters);
  else
    name(traces_, value, characters);
}
template <wire::FieldNone kNone>
void MysqlRows::field(Wall value, std::size_t /*characters*/) {
  if (kNone == wire::FieldNone::null && value == kNoWall)
    traces_.null();
  else
    traces_.number(to_unix_seconds(value));
}
template <wire::FieldNone kNone>
void MysqlRows::field(Duration value, std::size_t /*characters*/) {
  if (value == kNoDuration)
    traces_.null();
  else
    traces_.number(to_seconds(value));
}
template <wire::FieldNone kNone>
void MysqlRows::field(const wire::TraceId& value, std::size_t characters) {
  name_or_null(traces_, to_text(value), characters);
}
template <wire::FieldNone kNone, std::integral Number>
void MysqlRows::field(Number value, std::size_t /*characters*/) {
  traces_.integer(static_cast<std::int64_t>(value));
}

void MysqlRows::put_trace(const std::string& id, const wire::Trace& trace, const wire::Names& names,
                          std::size_t row_max) {
  wire::put_request_id(request_id_, trace, names);
  wire::TraceView row = wire::view(trace, names, id, request_id_);
  // Headers are JSON, of which a part is nothing: too long ones are left out.
  const std::size_t bytes_max = row_max - std::min(row_max, kRowHead);
  if (row.headers.size() > bytes_max / (2 * kReplaced)) row.headers = {};
  wire::each_field(row, [&](auto place, const auto& value) {
    constexpr wire::TraceField kField = wire::kTraceFields[place];
    if (kField.kind == wire::FieldKind::response && (!row.response.empty() || row.empty_response))
      text(traces_, row.response, bytes_max - row.headers.size() * kReplaced);
    else
      field<kField.none>(value, mysql_characters(kField.kind, row.headers.size()));
  });
}

void MysqlRows::put_sample(const std::string& id, const wire::Sample& sample) {
  if (!std::isfinite(sample.value)) return;
  name(telemetry_, id, kMysqlIdMax);
  telemetry_.number(to_unix_seconds(sample.at));
  name(telemetry_, sample.metric, kMysqlNameMax);
  name_or_null(telemetry_, sample.subsystem, kMysqlNameMax);
  name(telemetry_, sample.node, kMysqlNameMax);
  telemetry_.number(sample.value);
}

void MysqlRows::put_event(const std::string& id, const wire::Event& event, std::size_t row_max) {
  name(events_, id, kMysqlIdMax);
  events_.number(to_unix_seconds(event.at));
  name(events_, event.name, kMysqlNameMax);
  if (event.value.empty())
    events_.null();
  else
    text(events_, event.value, row_max - std::min(row_max, kRowHead));
}

bool MysqlRows::are_many() const {
  return node_info_.rows() + traces_.rows() + telemetry_.rows() + events_.rows() >= kManyRows ||
         node_info_.bytes() + traces_.bytes() + telemetry_.bytes() + events_.bytes() >= kManyBytes;
}

Result<void> MysqlRows::write_to(MysqlConnection& connection) {
  for (MysqlBatch* batch : {&node_info_, &traces_, &telemetry_, &events_}) {
    if (batch->rows() > 0) TRY(connection.insert(*batch));
    batch->clear();
  }
  return {};
}

void MysqlRows::clear() {
  for (MysqlBatch* batch : {&node_info_, &traces_, &telemetry_, &events_}) batch->clear();
}

std::string mysql_trace_columns(wire::FieldUse use,
                                const std::function<bool(const std::string&)>& has) {
  std::vector<std::string> columns;
  for (const wire::TraceField& field : wire::kTraceFields) {
    if (!field.is_read_for(use)) continue;
    const bool is_there = !field.is_ours() || has(fmt::format("traces.{}", field.column));
    columns.push_back(is_there ? fmt::format("`{}`", field.column) : "NULL");
  }
  return fmt::format("{}", fmt::join(columns, ", "));
}

void read_mysql_trace(const MysqlRow& row, wire::FieldUse use, wire::NamedTrace& trace) {
  std::size_t column = 0;
  wire::each_field(trace, [&](auto place, auto& value) {
    constexpr wire::TraceField kField = wire::kTraceFields[place];
    if (!kField.is_read_for(use)) return;
    read(row, column, value);
    if (kField.kind == wire::FieldKind::response)
      trace.empty_response = trace.response.empty() && !row.is_null(column);
    ++column;
  });
}

Wall mysql_time(const MysqlRow& row, std::size_t column) {
  return row.is_null(column) ? kNoWall : from_unix_seconds(row.number(column));
}

MysqlValue mysql_time(Wall at) {
  return at == kNoWall ? MysqlValue() : MysqlValue(to_unix_seconds(at));
}

}  // namespace galileo::store
