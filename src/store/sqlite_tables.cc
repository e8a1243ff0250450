#include "store/sqlite_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string_view>
#include <vector>

namespace galileo::store {
namespace {

constexpr const char* type_of(wire::FieldKind kind) {
  switch (kind) {
    case wire::FieldKind::id:
      return "VARCHAR(36)";
    case wire::FieldKind::name:
      return "VARCHAR(50)";
    case wire::FieldKind::time:
    case wire::FieldKind::intended:
    case wire::FieldKind::duration:
      return "DOUBLE";
    case wire::FieldKind::code:
    case wire::FieldKind::count:
      return "INTEGER";
    case wire::FieldKind::failure:
      return "VARCHAR(40)";
    case wire::FieldKind::headers:
    case wire::FieldKind::response:
      return "TEXT";
    case wire::FieldKind::hex_id:
      return "VARCHAR(32)";
    case wire::FieldKind::experiment:
      return "VARCHAR(100)";
  }
  return "";
}

}  // namespace

const char* const kSqliteTables = R"sql(
CREATE TABLE IF NOT EXISTS experiments (
  EXP_ID VARCHAR(100) NOT NULL, NAME VARCHAR(100), CREATOR VARCHAR(100), START DOUBLE, END DOUBLE,
  CREATED DOUBLE, STATUS VARCHAR(30) NOT NULL, CONSTRAINT experiments_pk PRIMARY KEY (EXP_ID));
CREATE TABLE IF NOT EXISTS nodeinfo (
  EXP_ID VARCHAR(100) NOT NULL, NODE VARCHAR(50) NOT NULL, INFO_KEY VARCHAR(50), INFO_VALUE TEXT);
CREATE TABLE IF NOT EXISTS telemetry (
  EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT NULL, METRIC VARCHAR(100) NOT NULL,
  SUBSYSTEM VARCHAR(100), NODE VARCHAR(50) NOT NULL, VALUE DOUBLE NOT NULL);
CREATE TABLE IF NOT EXISTS events (
  EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT NULL, NAME VARCHAR(100), VALUE TEXT);
CREATE TABLE IF NOT EXISTS metadata (EXP_ID VARCHAR(100) NOT NULL PRIMARY KEY, DATA JSON);
CREATE TABLE IF NOT EXISTS spool_position (EXP_ID VARCHAR(100) NOT NULL PRIMARY KEY,
  POSITION INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS traces_exp ON traces (EXP_ID);
CREATE INDEX IF NOT EXISTS telemetry_exp ON telemetry (EXP_ID);
CREATE INDEX IF NOT EXISTS events_exp ON events (EXP_ID);
CREATE INDEX IF NOT EXISTS nodeinfo_exp ON nodeinfo (EXP_ID);
)sql";

std::string sqlite_definition(const wire::TraceField& field) {
  return fmt::format("{} {}", field.column, type_of(field.kind));
}

std::string sqlite_create_traces() {
  std::vector<std::string> columns;
  for (const wire::TraceField& field : wire::kTraceFields) {
    if (!field.is_ours()) columns.push_back(sqlite_definition(field));
  }
  return fmt::format("CREATE TABLE IF NOT EXISTS traces ({})", fmt::join(columns, ", "));
}

std::string sqlite_insert_trace() {
  std::vector<std::string_view> columns;
  for (const wire::TraceField& field : wire::kTraceFields) columns.push_back(field.column);
  return fmt::format("INSERT INTO traces ({}) VALUES ({})", fmt::join(columns, ", "),
                     fmt::join(std::vector(columns.size(), '?'), ","));
}

}  // namespace galileo::store
