#include "store/mysql_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "store/mysql_schema.h"

namespace galileo::store {
namespace {

constexpr std::size_t kManyRows = 10'000;
constexpr std::size_t kManyBytes = std::size_t{4} << 20;
constexpr std::size_t kIdMax = 100;
constexpr std::size_t kErrorMax = 40;
// What all of a row but its long texts takes at most: names of four bytes a character.
constexpr std::size_t kRowHead = 8192;

// Each byte that isn't UTF-8 becomes a sign of three.
constexpr std::size_t kReplaced = 3;

using Kind = MysqlBatch::Kind;

bool goes_on(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

void time_or_null(MysqlBatch& batch, Wall at) {
  if (at == kNoWall)
    batch.null();
  else
    batch.number(to_unix_seconds(at));
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
      traces_("traces", {{"REQUEST_ID", Kind::kText},
                         {"CLIENT", Kind::kText},
                         {"SERVICE", Kind::kText},
                         {"CREATED", Kind::kNumber},
                         {"SENT", Kind::kNumber},
                         {"DONE", Kind::kNumber},
                         {"STATUS", Kind::kInteger},
                         {"RESPONSE", Kind::kText},
                         {"HEADERS", Kind::kText},
                         {"SERVER", Kind::kText},
                         {"EXP_ID", Kind::kText},
                         {"INTENDED", Kind::kNumber},
                         {"DISPATCHED", Kind::kNumber},
                         {"FIRST_BYTE", Kind::kNumber},
                         {"REQUEST_BYTES", Kind::kInteger},
                         {"RESPONSE_BYTES", Kind::kInteger},
                         {"ERROR", Kind::kText},
                         {"PHASE", Kind::kText}}),
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
  name(node_info_, id, kIdMax);
  name(node_info_, info.node, kMysqlNameMax);
  name(node_info_, info.key, kMysqlNameMax);
  text(node_info_, info.value, row_max - std::min(row_max, kRowHead));
}

void MysqlRows::put_trace(const std::string& id, const wire::Trace& trace, const wire::Names& names,
                          std::size_t row_max) {
  made_ = names.at(trace.id_prefix);
  if (trace.number > 0) {
    std::array<char, 24> digits{};
    char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), trace.number).ptr;
    made_ += ':';
    made_.append(digits.data(), end);
  }
  const std::string_view request_id = made_;
  if (is_utf8(request_id))
    traces_.text(first_characters(request_id, kMysqlNameMax));
  else
    traces_.text(first_characters(make_utf8(request_id), kMysqlNameMax));
  name(traces_, names.at(trace.client), kMysqlNameMax);
  name(traces_, names.at(trace.service), kMysqlNameMax);
  traces_.number(to_unix_seconds(trace.created));
  traces_.number(to_unix_seconds(trace.sent));
  traces_.number(to_unix_seconds(trace.done));
  traces_.integer(trace.status);
  // Headers are JSON, of which a part is nothing: too long ones are left out.
  const std::size_t bytes_max = row_max - std::min(row_max, kRowHead);
  const std::string_view headers =
      trace.headers.size() <= bytes_max / (2 * kReplaced) ? trace.headers : std::string_view{};
  if (trace.response.empty() && !trace.empty_response)
    traces_.null();
  else
    text(traces_, trace.response, bytes_max - headers.size() * kReplaced);
  name_or_null(traces_, headers, headers.size());
  name_or_null(traces_, trace.status < 0 ? std::string_view{} : names.at(trace.server),
               kMysqlNameMax);
  name_or_null(traces_, id, kIdMax);
  time_or_null(traces_, trace.has_intended() ? trace.created : kNoWall);
  time_or_null(traces_, trace.dispatched);
  time_or_null(traces_, trace.first_byte);
  traces_.integer(static_cast<std::int64_t>(trace.request_bytes));
  traces_.integer(static_cast<std::int64_t>(trace.response_bytes));
  name_or_null(traces_, wire::failure_name(trace, names), kErrorMax);
  name_or_null(traces_, names.at(trace.phase), kMysqlNameMax);
}

void MysqlRows::put_sample(const std::string& id, const wire::Sample& sample) {
  if (!std::isfinite(sample.value)) return;
  name(telemetry_, id, kIdMax);
  telemetry_.number(to_unix_seconds(sample.at));
  name(telemetry_, sample.metric, kMysqlNameMax);
  name_or_null(telemetry_, sample.subsystem, kMysqlNameMax);
  name(telemetry_, sample.node, kMysqlNameMax);
  telemetry_.number(sample.value);
}

void MysqlRows::put_event(const std::string& id, const wire::Event& event, std::size_t row_max) {
  name(events_, id, kIdMax);
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

std::string mysql_figure_columns(bool has_ours) {
  std::string columns = "SERVICE, CREATED, SENT, DONE, STATUS, SERVER";
  if (has_ours)
    columns += ", INTENDED, DISPATCHED, FIRST_BYTE, REQUEST_BYTES, RESPONSE_BYTES, ERROR, PHASE";
  return columns;
}

std::size_t read_mysql_figures(const MysqlRow& row, bool has_ours, wire::NamedTrace& trace) {
  trace.service = row.text(0);
  trace.created = mysql_time(row, 1);
  trace.sent = mysql_time(row, 2);
  trace.done = mysql_time(row, 3);
  trace.status = static_cast<std::int32_t>(row.integer(4));
  trace.server = row.text(5);
  if (!has_ours) return 6;
  trace.intended = mysql_time(row, 6);
  trace.dispatched = mysql_time(row, 7);
  trace.first_byte = mysql_time(row, 8);
  trace.request_bytes = static_cast<std::uint64_t>(row.integer(9));
  trace.response_bytes = static_cast<std::uint64_t>(row.integer(10));
  trace.failure = row.text(11);
  trace.phase = row.text(12);
  return 13;
}

void read_mysql_others(const MysqlRow& row, std::size_t first, wire::NamedTrace& trace) {
  trace.request_id = row.text(first);
  trace.client = row.text(first + 1);
  trace.response = row.text(first + 2);
  trace.empty_response = trace.response.empty() && !row.is_null(first + 2);
  trace.headers = row.text(first + 3);
}

Wall mysql_time(const MysqlRow& row, std::size_t column) {
  return row.is_null(column) ? kNoWall : from_unix_seconds(row.number(column));
}

MysqlValue mysql_time(Wall at) {
  return at == kNoWall ? MysqlValue() : MysqlValue(to_unix_seconds(at));
}

}  // namespace galileo::store
