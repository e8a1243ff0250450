// The tables of docs/wire/database.md in MariaDB and MySQL: made, and brought from older versions
// and the old system's to what we write. Blocking, lives where its connection does.
#pragma once

#include <set>
#include <string>

#include "store/mysql_connection.h"
#include "wire/trace_fields.h"

namespace galileo::store {

// "TABLE.COLUMN" of all that is in the database; the column in capitals.
using MysqlColumns = std::set<std::string>;
Result<MysqlColumns> read_mysql_columns(MysqlConnection& connection);

// Whether rows may be written as they are. Where a newer version of ours has been there: an Error.
Result<bool> is_mysql_schema_current(MysqlConnection& connection);

// Makes it so: tables that are missing, columns and indices of ours, columns that are too narrow.
// One of several programs that begin at once does it, the others wait, with a deadline. Cut off in
// between it goes on where it was; rows that are there stay. A large table takes its time:
// give it a connection of MysqlPatience::kLong.
Result<void> migrate_mysql_schema(MysqlConnection& connection);

// How many characters the database takes of a name; texts of values may be as long as they like.
inline constexpr std::size_t kMysqlNameMax = 255;
inline constexpr std::size_t kMysqlIdMax = 100;  // of an experiment's
inline constexpr std::size_t kMysqlStatusMax = 30;

// The same of a trace's field; of one without a limit, `otherwise`.
constexpr std::size_t mysql_characters(wire::FieldKind kind, std::size_t otherwise) {
  switch (kind) {
    case wire::FieldKind::id:
    case wire::FieldKind::name:
      return kMysqlNameMax;
    case wire::FieldKind::failure:
      return 40;
    case wire::FieldKind::hex_id:
      return wire::kTraceIdSize;
    case wire::FieldKind::experiment:
      return kMysqlIdMax;
    default:
      return otherwise;
  }
}

}  // namespace galileo::store
