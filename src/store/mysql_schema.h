// The tables of docs/wire/database.md in MariaDB and MySQL: made, and brought from older versions
// and the old system's to what we write. Blocking, lives where its connection does.
#pragma once

#include <set>
#include <string>

#include "store/mysql_connection.h"

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
inline constexpr std::size_t kMysqlStatusMax = 30;

}  // namespace galileo::store
