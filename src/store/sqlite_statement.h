// SQLite's statements with owners: bound from the left, read by columns, reset in the end. For the
// files of store that speak to SQLite (sqlite*.cc). Any thread, one at a time for a database.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/utf8.h"
#include "wire/trace_fields.h"

namespace galileo::store {

struct CloseSqlite {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeSqlite {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using SqliteDatabase = std::unique_ptr<sqlite3, CloseSqlite>;
using SqliteStatement = std::unique_ptr<sqlite3_stmt, FinalizeSqlite>;

// A statement while it is used: bound from the left, reset in the end.
class SqliteUse {
 public:
  explicit SqliteUse(sqlite3_stmt* statement) : statement_(statement) {}
  ~SqliteUse() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  SqliteUse(const SqliteUse&) = delete;
  SqliteUse& operator=(const SqliteUse&) = delete;

  // The text must outlive the use.
  SqliteUse& text(std::string_view value) {
    if (!is_utf8(value)) return replaced(make_utf8(value));
    sqlite3_bind_text(statement_, ++bound_, value.data() ? value.data() : "",
                      static_cast<int>(value.size()), SQLITE_STATIC);
    return *this;
  }
  SqliteUse& text_or_null(std::string_view value) { return value.empty() ? null() : text(value); }
  SqliteUse& number(double value) {
    sqlite3_bind_double(statement_, ++bound_, value);
    return *this;
  }
  SqliteUse& integer(std::int64_t value) {
    sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  SqliteUse& null() {
    ++bound_;  // unbound is null
    return *this;
  }
  SqliteUse& time_or_null(Wall at) { return at == kNoWall ? null() : number(to_unix_seconds(at)); }
  // A trace's field, by what stands in its column where there is none.
  template <wire::FieldNone kNone>
  SqliteUse& field(std::string_view value) {
    return kNone == wire::FieldNone::null ? text_or_null(value) : text(value);
  }
  template <wire::FieldNone kNone>
  SqliteUse& field(Wall value) {
    return kNone == wire::FieldNone::null ? time_or_null(value) : number(to_unix_seconds(value));
  }
  template <wire::FieldNone kNone>
  SqliteUse& field(Duration value) {
    return value == kNoDuration ? null() : number(to_seconds(value));
  }
  template <wire::FieldNone kNone>
  SqliteUse& field(const wire::TraceId& value) {
    return value.is_none() ? null() : replaced(to_text(value));
  }
  template <wire::FieldNone kNone, std::integral Number>
  SqliteUse& field(Number value) {
    return integer(static_cast<std::int64_t>(value));
  }
  int step() { return sqlite3_step(statement_); }

  std::string column_text(int i) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, i));
    return text ? std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, i)))
                : std::string();
  }
  // A column holds anything here, whatever type it was declared with: what can't be read as what is
  // asked for is remembered, and reads as what there is none of.
  double column_number(int i) const {
    if (!expect(i, is_number(i))) return std::numeric_limits<double>::quiet_NaN();
    return sqlite3_column_double(statement_, i);
  }
  std::int64_t column_integer(int i) const {
    return expect(i, is_number(i)) ? sqlite3_column_int64(statement_, i) : 0;
  }
  // Statuses: -1 is that of no answer.
  std::int32_t column_int32(int i) const {
    if (!expect(i, is_number(i))) return -1;
    const std::int64_t value = sqlite3_column_int64(statement_, i);
    return expect(i, value == static_cast<std::int32_t>(value)) ? static_cast<std::int32_t>(value)
                                                                : -1;
  }
  std::uint64_t column_count(int i) const {
    const std::int64_t value = column_integer(i);
    return expect(i, value >= 0) ? static_cast<std::uint64_t>(value) : 0;
  }
  Wall column_time(int i) const {
    const int type = sqlite3_column_type(statement_, i);
    if (type == SQLITE_NULL || !expect(i, is_number_type(type))) return kNoWall;
    const double seconds = sqlite3_column_double(statement_, i);
    const Wall at = from_unix_seconds(seconds);
    expect(i, at != kNoWall || seconds < 0);  // too far in the future for 64 bits
    return at;
  }
  Duration column_duration(int i) const {
    const int type = sqlite3_column_type(statement_, i);
    if (type == SQLITE_NULL || !expect(i, is_number_type(type))) return kNoDuration;
    const Duration value = from_seconds(sqlite3_column_double(statement_, i));
    expect(i, value != kNoDuration);
    return value;
  }
  void read(int i, std::string& into) const { read_text(i, into); }
  void read(int i, Wall& into) const { into = column_time(i); }
  void read(int i, Duration& into) const { into = column_duration(i); }
  void read(int i, std::int32_t& into) const { into = column_int32(i); }
  void read(int i, std::uint64_t& into) const { into = column_count(i); }
  void read(int i, wire::TraceId& into) const { into = wire::trace_id_of(column_text(i)); }
  // "STATUS is 'abc'", of the first such column since it was asked last; empty: none.
  std::string take_unreadable();
  bool is_null(int i) const { return sqlite3_column_type(statement_, i) == SQLITE_NULL; }
  // Reads into a text that is used again for each row; null is empty.
  void read_text(int i, std::string& into) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, i));
    if (text)
      into.assign(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, i)));
    else
      into.clear();
  }

 private:
  SqliteUse& replaced(const std::string& value) {
    sqlite3_bind_text(statement_, ++bound_, value.data(), static_cast<int>(value.size()),
                      SQLITE_TRANSIENT);
    return *this;
  }

  static bool is_number_type(int type) { return type != SQLITE_TEXT && type != SQLITE_BLOB; }
  bool is_number(int i) const { return is_number_type(sqlite3_column_type(statement_, i)); }
  bool expect(int i, bool readable) const {
    if (!readable && unreadable_ < 0) unreadable_ = i;
    return readable;
  }

  sqlite3_stmt* const statement_;
  int bound_ = 0;
  mutable int unreadable_ = -1;
};

// What SQLite says is wrong, with what the system said and the mend; `where` names the database.
Error sqlite_error(sqlite3* database, const std::string& where);

}  // namespace galileo::store
