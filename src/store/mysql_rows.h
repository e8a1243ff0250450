// What a trace, a reading, an event or a fact of a node is as a row of MariaDB's tables, and back.
// Texts are made UTF-8, and what can't be stored as it is is cut rather than refused: a row that
// the database never takes would hold up all that come behind it. Lives where its store does.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "store/mysql_connection.h"
#include "store/mysql_schema.h"
#include "wire/sample.h"
#include "wire/trace_fields.h"

namespace galileo::store {

// Rows on their way into the four tables of an experiment's rows.
class MysqlRows {
 public:
  MysqlRows();

  // A row longer than `row_max` bytes has its longest text cut, which says so at its end.
  void put_node_info(const std::string& id, const wire::NodeInfo& info, std::size_t row_max);
  void put_trace(const std::string& id, const wire::Trace& trace, const wire::Names& names,
                 std::size_t row_max);
  void put_sample(const std::string& id, const wire::Sample& sample);
  void put_event(const std::string& id, const wire::Event& event, std::size_t row_max);

  // It is time to write them.
  bool are_many() const;
  Result<void> write_to(MysqlConnection& connection);
  void clear();

 private:
  void name(MysqlBatch& batch, std::string_view text, std::size_t characters);
  void name_or_null(MysqlBatch& batch, std::string_view text, std::size_t characters);
  void text(MysqlBatch& batch, std::string_view text, std::size_t bytes_max);
  template <wire::FieldNone kNone>
  void field(std::string_view value, std::size_t characters);
  template <wire::FieldNone kNone>
  void field(Wall value, std::size_t characters);
  template <wire::FieldNone kNone>
  void field(Duration value, std::size_t characters);
  template <wire::FieldNone kNone>
  void field(const wire::TraceId& value, std::size_t characters);
  template <wire::FieldNone kNone, std::integral Number>
  void field(Number value, std::size_t characters);

  MysqlBatch node_info_;
  MysqlBatch traces_;
  MysqlBatch telemetry_;
  MysqlBatch events_;
  std::string made_;        // a text that had to be changed
  std::string request_id_;  // of the trace that is put
};

// The text's first characters, up to that many.
std::string_view first_characters(std::string_view text, std::size_t characters);

// The fields of a trace that are read for that use, as columns; one of ours that the database, by
// `has` ("traces.PHASE"), doesn't have reads as null.
std::string mysql_trace_columns(wire::FieldUse use,
                                const std::function<bool(const std::string&)>& has);
// A row of those; texts of the trace before are used again.
void read_mysql_trace(const MysqlRow& row, wire::FieldUse use, wire::NamedTrace& trace);

// A time in a double; null: it didn't happen.
Wall mysql_time(const MysqlRow& row, std::size_t column);
MysqlValue mysql_time(Wall at);

}  // namespace galileo::store
