#include "store/sqlite_statement.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstring>
#include <utility>

namespace galileo::store {

std::string SqliteUse::take_unreadable() {
  if (unreadable_ < 0) return {};
  const int i = std::exchange(unreadable_, -1);
  return fmt::format("{} is '{}'", sqlite3_column_name(statement_, i),
                     shortened(one_line(make_utf8(column_text(i))), 40));
}

Error sqlite_error(sqlite3* database, const std::string& where) {
  const int code = sqlite3_errcode(database) & 0xff;
  Error error{ErrorCode::kIo, "can't use the database", where, sqlite3_errmsg(database), {}};
  const int system = sqlite3_system_errno(database);
  if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && system != 0)
    error.why += fmt::format(" ({})", std::strerror(system));
  switch (code) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      error.code = ErrorCode::kCorrupt;
      error.hint = "move it away, or name another file with --db";
      break;
    case SQLITE_FULL:
    case SQLITE_IOERR:
      error.hint = "make room on its disk, or name a file on another one with --db";
      break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      error.hint =
          "check that its folder is there and may be written to, or name another file with --db";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.code = ErrorCode::kUnavailable;
      error.hint = "another program holds it; try again when that has finished";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace galileo::store
