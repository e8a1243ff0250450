#include "store/mysql_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "base/text.h"

namespace galileo::store {
namespace {

// Goes up with the fields of a trace. Other changes of the tables are to be counted beside them.
constexpr int kVersion = wire::kTraceFieldsVersion;
constexpr int kLockSeconds = 60;

struct Column {
  std::string name;
  const char* type;
  std::size_t characters = 0;  // at least; 0: it is no text
};
constexpr std::size_t kLong = 4'294'967'295;  // what LONGTEXT says of itself
constexpr const char* kName = "VARCHAR(255)";

Column column_of(const wire::TraceField& field) {
  Column column{std::string(field.column), "", mysql_characters(field.kind, 0)};
  switch (field.kind) {
    case wire::FieldKind::id:
    case wire::FieldKind::name:
      column.type = kName;
      break;
    case wire::FieldKind::time:
    case wire::FieldKind::intended:
    case wire::FieldKind::duration:
      column.type = "DOUBLE";
      break;
    case wire::FieldKind::code:
      column.type = "INT";
      break;
    case wire::FieldKind::count:
      column.type = "BIGINT";
      break;
    case wire::FieldKind::failure:
      column.type = "VARCHAR(40)";
      break;
    case wire::FieldKind::headers:
    case wire::FieldKind::response:
      column.type = "LONGTEXT";
      column.characters = kLong;
      break;
    case wire::FieldKind::hex_id:
      column.type = "VARCHAR(32)";
      break;
    case wire::FieldKind::experiment:
      column.type = "VARCHAR(100)";
      break;
  }
  return column;
}

std::vector<Column> columns_of_traces() {
  std::vector<Column> columns;
  for (const wire::TraceField& field : wire::kTraceFields) columns.push_back(column_of(field));
  return columns;
}

// How rows are told apart: by the experiment's id, or by a number that tells their order too.
enum class Key : unsigned char { kExperiment, kNumbered };

struct Table {
  const char* name;
  Key key;
  std::vector<Column> columns;
};

// The old system's columns first, in its order, then ours. Names of its that SQL knows otherwise
// are quoted everywhere.
const std::vector<Table>& tables() {
  static const std::vector<Table> all{
      {"experiments",
       Key::kExperiment,
       {{"EXP_ID", "VARCHAR(100) NOT NULL", 100},
        {"NAME", kName, kMysqlNameMax},
        {"CREATOR", kName, kMysqlNameMax},
        {"START", "DOUBLE"},
        {"END", "DOUBLE"},
        {"CREATED", "DOUBLE"},
        {"STATUS", "VARCHAR(30) NOT NULL", kMysqlStatusMax}}},
      {"nodeinfo",
       Key::kNumbered,
       {{"EXP_ID", "VARCHAR(100) NOT NULL", 100},
        {"NODE", "VARCHAR(255) NOT NULL", kMysqlNameMax},
        {"INFO_KEY", kName, kMysqlNameMax},
        {"INFO_VALUE", "LONGTEXT", kLong}}},
      {"telemetry",
       Key::kNumbered,
       {{"EXP_ID", "VARCHAR(100) NOT NULL", 100},
        {"TIMESTAMP", "DOUBLE NOT NULL"},
        {"METRIC", "VARCHAR(255) NOT NULL", kMysqlNameMax},
        {"SUBSYSTEM", kName, kMysqlNameMax},
        {"NODE", "VARCHAR(255) NOT NULL", kMysqlNameMax},
        {"VALUE", "DOUBLE NOT NULL"}}},
      {"events",
       Key::kNumbered,
       {{"EXP_ID", "VARCHAR(100) NOT NULL", 100},
        {"TIMESTAMP", "DOUBLE NOT NULL"},
        {"NAME", kName, kMysqlNameMax},
        {"VALUE", "LONGTEXT", kLong}}},
      {"traces", Key::kNumbered, columns_of_traces()},
      // Text, not the server's JSON: MySQL's own puts keys and numbers into a form of its liking.
      {"metadata",
       Key::kExperiment,
       {{"EXP_ID", "VARCHAR(100) NOT NULL", 100}, {"DATA", "LONGTEXT", kLong}}},
      {"spool_position",
       Key::kExperiment,
       {{"EXP_ID", "VARCHAR(100) NOT NULL", 100}, {"POSITION", "BIGINT NOT NULL"}}},
  };
  return all;
}

constexpr const char* kCharacters = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

std::string definition(const Column& column) {
  std::string type = column.type;
  // Behind the type, before what else is said of the column.
  if (column.characters > 0)
    type.insert(std::min(type.find(' '), type.size()), fmt::format(" {}", kCharacters));
  return fmt::format("`{}` {}", column.name, type);
}

constexpr const char* kRowId = "`ROW_ID` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT";

std::string create_text(const Table& table) {
  std::string text = fmt::format("CREATE TABLE IF NOT EXISTS `{}` (", table.name);
  for (const Column& column : table.columns) text += definition(column) + ", ";
  if (table.key == Key::kExperiment)
    text += "PRIMARY KEY (`EXP_ID`)";
  else
    text +=
        fmt::format("{}, PRIMARY KEY (`ROW_ID`), INDEX `{}_exp` (`EXP_ID`)", kRowId, table.name);
  return text + fmt::format(") ENGINE=InnoDB DEFAULT {}", kCharacters);
}

// A table as it is in the database.
struct Found {
  struct Text {
    std::int64_t characters = 0;
    bool is_utf8mb4 = false;
  };
  bool is_innodb = false;
  bool has_primary_key = false;
  bool has_index = false;                              // by EXP_ID
  bool has_unique = false;                             // by EXP_ID
  std::map<std::string, std::optional<Text>> columns;  // by name in capitals; nothing: no text
};

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

// Nothing: there is no such table.
Result<std::optional<Found>> find(MysqlConnection& connection, const char* table) {
  std::optional<Found> found;
  TRY(
      connection.select("SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = "
                        "DATABASE() AND TABLE_NAME = ?",
                        {table}, [&](const MysqlRow& row) {
                          found.emplace();
                          found->is_innodb = to_lower(row.text(0)) == "innodb";
                        }));
  if (!found) return found;
  TRY(connection.select(
      "SELECT COLUMN_NAME, CAST(CHARACTER_MAXIMUM_LENGTH AS SIGNED), CHARACTER_SET_NAME, DATA_TYPE "
      "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
      {table}, [&](const MysqlRow& row) {
        auto& column = found->columns[to_upper(row.text(0))];
        if (!row.is_null(1) || to_lower(row.text(3)) == "json")
          column = Found::Text{row.integer(1), row.text(2) == "utf8mb4"};
      }));
  TRY(connection.select(
      "SELECT INDEX_NAME, NON_UNIQUE, COLUMN_NAME FROM information_schema.STATISTICS WHERE "
      "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1",
      {table}, [&](const MysqlRow& row) {
        found->has_primary_key = found->has_primary_key || row.text(0) == "PRIMARY";
        if (to_upper(row.text(2)) != "EXP_ID") return;
        found->has_index = true;
        found->has_unique = found->has_unique || row.integer(1) == 0;
      }));
  return found;
}

// What has to be done with a table that is there.
std::vector<std::string> changes(const Table& table, const Found& found) {
  std::vector<std::string> changes;
  if (!found.is_innodb) changes.emplace_back("ENGINE=InnoDB");
  for (const Column& column : table.columns) {
    const auto there = found.columns.find(column.name);
    if (there == found.columns.end()) {
      changes.push_back("ADD COLUMN " + definition(column));
    } else if (column.characters > 0 && there->second &&
               (there->second->characters < static_cast<std::int64_t>(column.characters) ||
                !there->second->is_utf8mb4)) {
      changes.push_back("MODIFY COLUMN " + definition(column));
    }
  }
  if (table.key == Key::kExperiment) {
    if (!found.has_unique) changes.emplace_back("ADD UNIQUE INDEX (`EXP_ID`)");
    return changes;
  }
  if (!found.columns.contains("ROW_ID")) {
    changes.push_back(fmt::format("ADD COLUMN {}", kRowId));
    changes.emplace_back(found.has_primary_key ? "ADD UNIQUE INDEX (`ROW_ID`)"
                                               : "ADD PRIMARY KEY (`ROW_ID`)");
  }
  if (!found.has_index) changes.push_back(fmt::format("ADD INDEX `{}_exp` (`EXP_ID`)", table.name));
  return changes;
}

// Removes all but an experiment's last row: the old system's metadata had no key.
Result<void> remove_doubles(MysqlConnection& connection, const char* table, bool has_row_id) {
  if (!has_row_id)
    TRY(
        connection.execute(fmt::format("ALTER TABLE `{0}` ADD COLUMN {1}, ADD UNIQUE INDEX "
                                       "`galileo_row` (`ROW_ID`)",
                                       table, kRowId)));
  TRY(
      connection.execute(fmt::format("DELETE older FROM `{0}` older JOIN `{0}` newer ON "
                                     "older.EXP_ID = newer.EXP_ID AND older.ROW_ID < newer.ROW_ID",
                                     table)));
  return connection.execute(fmt::format("ALTER TABLE `{0}` DROP COLUMN `ROW_ID`", table));
}

Result<void> bring_up(MysqlConnection& connection, const Table& table) {
  const auto found = TRY(find(connection, table.name));
  if (!found) return connection.execute(create_text(table));
  const std::vector<std::string> wanted = changes(table, *found);
  if (wanted.empty()) return {};
  const std::string text = fmt::format("ALTER TABLE `{}` {}", table.name, fmt::join(wanted, ", "));
  auto changed = connection.execute(text);
  if (changed.ok() || connection.last_error() != kMysqlDouble) return changed;
  TRY(remove_doubles(connection, table.name, found->columns.contains("ROW_ID")));
  return connection.execute(text);
}

Result<void> bring_all_up(MysqlConnection& connection) {
  for (const Table& table : tables()) TRY(bring_up(connection, table));
  TRY(
      connection.execute("CREATE TABLE IF NOT EXISTS galileo_schema (VERSION INT NOT NULL PRIMARY "
                         "KEY) ENGINE=InnoDB"));
  // Last: whoever sees it need look no further.
  return connection.execute(
      fmt::format("INSERT IGNORE INTO galileo_schema (VERSION) VALUES ({})", kVersion));
}

// The version that the tables have been brought to; 0 where that isn't known.
Result<std::int64_t> version(MysqlConnection& connection) {
  std::int64_t version = 0;
  const auto read = connection.select("SELECT MAX(VERSION) FROM galileo_schema", {},
                                      [&](const MysqlRow& row) { version = row.integer(0); });
  if (!read.ok() && connection.last_error() != kMysqlNoTable) return read.error();
  return version;
}

}  // namespace

Result<MysqlColumns> read_mysql_columns(MysqlConnection& connection) {
  MysqlColumns columns;
  TRY(connection.select(
      "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "
      "DATABASE()",
      {}, [&](const MysqlRow& row) {
        columns.insert(fmt::format("{}.{}", row.text(0), to_upper(row.text(1))));
      }));
  return columns;
}

Result<bool> is_mysql_schema_current(MysqlConnection& connection) {
  const std::int64_t there = TRY(version(connection));
  if (there > kVersion)
    return Error{
        ErrorCode::kUsage, "can't write into the database", connection.where(),
        fmt::format("its tables are of version {}, this program knows {}", there, kVersion),
        "use the newer galileo that made them, or name another database"};
  return there == kVersion;
}

Result<void> migrate_mysql_schema(MysqlConnection& connection) {
  bool locked = false;
  constexpr const char* kLock = "CONCAT('galileo.', LEFT(DATABASE(), 50))";
  TRY(connection.select(fmt::format("SELECT GET_LOCK({}, {})", kLock, kLockSeconds), {},
                        [&](const MysqlRow& row) { locked = row.integer(0) == 1; }));
  if (!locked)
    return Error{ErrorCode::kUnavailable, "can't make the database's tables", connection.where(),
                 fmt::format("another program has been at it for {} s", kLockSeconds),
                 "try again when it is done"};
  const auto made = [&]() -> Result<void> {
    if (TRY(is_mysql_schema_current(connection))) return {};
    return bring_all_up(connection);
  }();
  static_cast<void>(connection.execute(fmt::format("DO RELEASE_LOCK({})", kLock)).ok());
  return made;
}

}  // namespace galileo::store
