#include "store/mysql_connection.h"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/own_path.h"

namespace galileo::store {
namespace {

// The most bytes of rows at once: more makes nothing faster.
constexpr std::size_t kPacketBytes = std::size_t{4} << 20;
// What stands before the rows of a packet.
constexpr std::size_t kPacketHead = 4096;
// What a value takes beside its own bytes: length, null and type.
constexpr std::size_t kValueHead = 12;
constexpr std::size_t kTextFirst = 256;
// What statements of many rows are made for where the server takes no arrays, the largest first.
constexpr std::array<std::size_t, 3> kRowsOfStatements{256, 16, 1};
constexpr std::chrono::hours kLongTimeout{1};

// Numbers that the header doesn't name.
constexpr unsigned kReadOnlyTransaction = 1792;
constexpr unsigned kReadOnlyMode = 1836;
constexpr unsigned kSessionKilled = 3169;
constexpr unsigned kWasIdleTooLong = 4031;

// How users show who they are (caching_sha2_password and others) is in files that the library
// loads: those of a package that carries the library along are made for it. Empty: the library's
// own place.
std::string carried_plugins() {
  const std::string program = own_path();
  const std::string folder = program.substr(0, program.rfind('/') + 1) + "../lib/mariadb";
  return access(folder.c_str(), X_OK) == 0 ? folder : std::string();
}

unsigned whole_seconds(Duration time) {
  const auto rounded = std::chrono::ceil<std::chrono::seconds>(time).count();
  return static_cast<unsigned>(std::max<std::int64_t>(rounded, 1));
}

// The connection is of no more use.
bool is_end(unsigned number) {
  switch (number) {
    case ER_SERVER_SHUTDOWN:
    case ER_CONNECTION_KILLED:
    case ER_NEW_ABORTING_CONNECTION:
    case ER_NET_PACKET_TOO_LARGE:
    case kSessionKilled:
    case kWasIdleTooLong:
      return true;
    default:
      return (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR) ||
             (number >= CER_MIN_ERROR && number <= CER_MAX_ERROR);
  }
}

struct Meaning {
  unsigned number;
  ErrorCode code;
  const char* hint;
};
constexpr const char* kSetUser =
    "name another user or password in the URL, or in galileo_expdb_mysql_user and _password";
constexpr const char* kGrant =
    "let an administrator say: GRANT ALL ON <database>.* TO the user that the URL names";
constexpr const char* kMakeRoom = "make room on the server's disk; what is in the spool waits";
constexpr const char* kReadOnly =
    "name the server that takes writes, or set it to: SET GLOBAL read_only = 0";
constexpr const char* kAgain = "try again when the other program is done";
constexpr const char* kFewer = "try again later, or raise the server's max_connections";
constexpr const char* kFewerOfUser =
    "try again later, or let an administrator say: ALTER USER ... WITH MAX_USER_CONNECTIONS 0";

constexpr Meaning kMeanings[] = {
    {CR_SSL_CONNECTION_ERROR, ErrorCode::kUnavailable,
     "check that the server speaks TLS, and that `ca` in the URL names who vouches for it"},
    {CR_UNKNOWN_HOST, ErrorCode::kUnavailable, "check the host's name in the URL"},
    {ER_ACCESS_DENIED_ERROR, ErrorCode::kUsage, kSetUser},
    {1698, ErrorCode::kUsage, kSetUser},  // denied, without a password
    {ER_DBACCESS_DENIED_ERROR, ErrorCode::kUsage, kGrant},
    {ER_TABLEACCESS_DENIED_ERROR, ErrorCode::kUsage, kGrant},
    {ER_COLUMNACCESS_DENIED_ERROR, ErrorCode::kUsage, kGrant},
    {ER_SPECIFIC_ACCESS_DENIED_ERROR, ErrorCode::kUsage, kGrant},
    {ER_BAD_DB_ERROR, ErrorCode::kNotFound,
     "name one that is there, or run an experiment with it first, which makes it"},
    {ER_OPTION_PREVENTS_STATEMENT, ErrorCode::kIo, kReadOnly},
    {kReadOnlyTransaction, ErrorCode::kIo, kReadOnly},
    {kReadOnlyMode, ErrorCode::kIo, kReadOnly},
    {ER_DISK_FULL, ErrorCode::kIo, kMakeRoom},
    {ER_RECORD_FILE_FULL, ErrorCode::kIo, kMakeRoom},
    {ER_ERROR_ON_WRITE, ErrorCode::kIo, kMakeRoom},
    {ER_CON_COUNT_ERROR, ErrorCode::kUnavailable, kFewer},
    {ER_TOO_MANY_USER_CONNECTIONS, ErrorCode::kUnavailable, kFewerOfUser},
    {ER_USER_LIMIT_REACHED, ErrorCode::kUnavailable, kFewerOfUser},
    {ER_HOST_IS_BLOCKED, ErrorCode::kUnavailable, "let an administrator say: FLUSH HOSTS"},
    {1047, ErrorCode::kUnavailable, "wait until the cluster's node has joined it again"},
    {ER_NET_PACKET_TOO_LARGE, ErrorCode::kIo, "raise the server's max_allowed_packet"},
    {ER_NOT_KEYFILE, ErrorCode::kCorrupt, "let an administrator say: CHECK TABLE"},
};

// What the server or the library says is wrong, with the mend.
Error error_of(unsigned number, std::string why, const std::string& where) {
  Error error{ErrorCode::kIo, "can't use the database", where, std::move(why), {}};
  if (is_end(number)) {
    error.code = ErrorCode::kUnavailable;
    error.what = "can't reach the database";
    error.hint = "check that it runs, and the host and port in the URL";
  }
  if (is_mysql_conflict(number)) {
    error.code = ErrorCode::kUnavailable;
    error.hint = kAgain;
  }
  for (const Meaning& meaning : kMeanings) {
    if (meaning.number != number) continue;
    error.code = meaning.code;
    error.hint = meaning.hint;
  }
  return error;
}

enum_field_types type_of(MysqlBatch::Kind kind) {
  switch (kind) {
    case MysqlBatch::Kind::kText:
      return MYSQL_TYPE_STRING;
    case MysqlBatch::Kind::kNumber:
      return MYSQL_TYPE_DOUBLE;
    case MysqlBatch::Kind::kInteger:
      break;
  }
  return MYSQL_TYPE_LONGLONG;
}

// The library's types aren't const, though it only reads.
void* as_buffer(const void* value) {
  return const_cast<void*>(value);
}

}  // namespace

bool is_mysql_read_only(unsigned number) {
  switch (number) {
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case ER_OPTION_PREVENTS_STATEMENT:
    case kReadOnlyTransaction:
    case kReadOnlyMode:
      return true;
    default:
      return false;
  }
}

bool is_mysql_conflict(unsigned number) {
  switch (number) {
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CHECKREAD:          // a row has changed since the transaction began
    case ER_TABLE_DEF_CHANGED:  // somebody migrates
    case ER_NEED_REPREPARE:     // somebody migrates
    case ER_QUERY_INTERRUPTED:  // KILL QUERY
      return true;
    default:
      return false;
  }
}

MysqlBatch::MysqlBatch(std::string table, const std::vector<Column>& columns)
    : table_(std::move(table)) {
  for (const Column& column : columns) values_.push_back({column, {}, {}, {}, {}});
}

MysqlBatch::Values& MysqlBatch::next(std::size_t bytes, bool is_null) {
  Values& values = values_[column_];
  values.nulls.push_back(static_cast<char>(is_null ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE));
  row_bytes_ += bytes + kValueHead;
  if (++column_ == values_.size()) {
    ends_.push_back(MysqlBatch::bytes() + row_bytes_);
    column_ = row_bytes_ = 0;
  }
  return values;
}

void MysqlBatch::text(std::string_view value) {
  next(value.size(), false).texts.push_back({texts_.size(), value.size()});
  texts_.append(value);
}

void MysqlBatch::number(double value) {
  next(sizeof value, false).numbers.push_back(value);
}

void MysqlBatch::integer(std::int64_t value) {
  next(sizeof value, false).integers.push_back(value);
}

void MysqlBatch::null() {
  Values& values = next(0, true);
  switch (values.column.kind) {
    case Kind::kText:
      return values.texts.push_back({0, 0});
    case Kind::kNumber:
      return values.numbers.push_back(0);
    case Kind::kInteger:
      return values.integers.push_back(0);
  }
}

void MysqlBatch::clear() {
  for (Values& values : values_) {
    values.nulls.clear();
    values.texts.clear();
    values.numbers.clear();
    values.integers.clear();
  }
  texts_.clear();
  ends_.clear();
  column_ = row_bytes_ = 0;
}

struct MysqlConnection::Handle {
  Handle() : mysql(mysql_init(nullptr)) {}
  ~Handle() { mysql_close(mysql); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  MYSQL* const mysql;
};

// A prepared one, and where the columns of its rows are put.
struct MysqlConnection::Statement final : MysqlRow {
  struct Column {
    MysqlBatch::Kind kind = MysqlBatch::Kind::kText;
    double number = 0;
    long long integer = 0;
    std::vector<char> text;
    unsigned long size = 0;
    my_bool is_null = 0;
    my_bool is_cut = 0;
  };
  Statement(std::string text, MYSQL_STMT* made) : sql(std::move(text)), handle(made) {}
  ~Statement() override { mysql_stmt_close(handle); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool is_null(std::size_t i) const override { return columns[i].is_null != 0; }
  std::string_view text(std::size_t i) const override {
    const Column& column = columns[i];
    if (column.is_null != 0 || column.kind != MysqlBatch::Kind::kText) return {};
    return {column.text.data(), column.size};
  }
  double number(std::size_t i) const override {
    const Column& column = columns[i];
    if (column.is_null != 0) return 0;
    return column.kind == MysqlBatch::Kind::kNumber ? column.number
                                                    : static_cast<double>(column.integer);
  }
  std::int64_t integer(std::size_t i) const override {
    return columns[i].is_null != 0 ? 0 : columns[i].integer;
  }

  void describe();
  void bind(MYSQL_BIND& to, Column& column) const;
  bool bind_all();
  bool complete();

  const std::string sql;
  MYSQL_STMT* const handle;
  std::vector<Column> columns;
};

// Which columns the rows have.
void MysqlConnection::Statement::describe() {
  columns.clear();
  MYSQL_RES* const described = mysql_stmt_result_metadata(handle);
  if (!described) return;
  const MYSQL_FIELD* const fields = mysql_fetch_fields(described);
  columns.resize(mysql_num_fields(described));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const enum_field_types type = fields[i].type;
    if (type == MYSQL_TYPE_DOUBLE || type == MYSQL_TYPE_FLOAT)
      columns[i].kind = MysqlBatch::Kind::kNumber;
    else if (type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_SHORT ||
             type == MYSQL_TYPE_INT24 || type == MYSQL_TYPE_TINY)
      columns[i].kind = MysqlBatch::Kind::kInteger;
    else
      columns[i].text.resize(kTextFirst);
  }
  mysql_free_result(described);
}

void MysqlConnection::Statement::bind(MYSQL_BIND& to, Column& column) const {
  to.buffer_type = type_of(column.kind);
  to.is_null = &column.is_null;
  to.error = &column.is_cut;
  to.length = &column.size;
  to.buffer = &column.integer;
  if (column.kind == MysqlBatch::Kind::kNumber) to.buffer = &column.number;
  if (column.kind != MysqlBatch::Kind::kText) return;
  to.buffer = column.text.data();
  to.buffer_length = column.text.size();
}

bool MysqlConnection::Statement::bind_all() {
  std::vector<MYSQL_BIND> binds(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) bind(binds[i], columns[i]);
  return mysql_stmt_bind_result(handle, binds.data()) == 0;
}

// Fetches again what didn't fit; the next rows have as much room.
bool MysqlConnection::Statement::complete() {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Column& column = columns[i];
    if (column.is_null != 0 || column.kind != MysqlBatch::Kind::kText ||
        column.size <= column.text.size())
      continue;
    column.text.resize(std::max<std::size_t>(column.size, column.text.size() * 2));
    MYSQL_BIND one{};
    bind(one, column);
    if (mysql_stmt_fetch_column(handle, &one, static_cast<unsigned>(i), 0) != 0) return false;
  }
  return true;
}

MysqlConnection::MysqlConnection(MysqlAddress address) : address_(std::move(address)) {}

MysqlConnection::~MysqlConnection() {
  statements_.clear();  // before what they belong to
}

Error MysqlConnection::failed(unsigned number, std::string why) {
  last_error_ = number;
  if (is_end(number)) is_broken_ = true;
  return error_of(number, std::move(why), address_.text);
}

Error MysqlConnection::failed() {
  return failed(mysql_errno(handle_->mysql), mysql_error(handle_->mysql));
}

Error MysqlConnection::failed(const Statement& statement) {
  return failed(mysql_stmt_errno(statement.handle), mysql_stmt_error(statement.handle));
}

Result<void> MysqlConnection::connect(MysqlPatience patience) {
  // The library's own beginning isn't safe among threads; this is.
  static const int begun = mysql_library_init(0, nullptr, nullptr);
  handle_ = std::make_unique<Handle>();
  MYSQL* const mysql = handle_->mysql;
  ENSURE(begun == 0 && mysql != nullptr, begun);
  const unsigned usual = whole_seconds(address_.timeout);
  const unsigned read =
      patience == MysqlPatience::kLong ? std::max(usual, whole_seconds(kLongTimeout)) : usual;
  mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &usual);
  mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &read);
  mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &usual);
  mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const unsigned no_files = 0;
  mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no_files);
  // Else "localhost" would be a socket, wherever the library thinks that it is.
  const unsigned protocol = address_.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
  if (address_.tls) {
    const my_bool yes = 1;
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
    if (!address_.ca.empty()) mysql_options(mysql, MYSQL_OPT_SSL_CA, address_.ca.c_str());
  }
  const std::string plugins = carried_plugins();
  if (!plugins.empty()) mysql_options(mysql, MYSQL_PLUGIN_DIR, plugins.c_str());
  const auto optional = [](const std::string& text) {
    return text.empty() ? nullptr : text.c_str();
  };
  // A host beside the socket would go over it.
  const std::string host = address_.socket.empty() ? address_.host : std::string();
  if (mysql_real_connect(mysql, optional(host), address_.user.c_str(), address_.password.c_str(),
                         optional(address_.database), address_.port, optional(address_.socket),
                         CLIENT_FOUND_ROWS) == nullptr)
    return failed();
  is_mariadb_ = mariadb_connection(mysql) != 0;
  unsigned more = 0;
  mariadb_get_infov(mysql, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &more);
  takes_arrays_ = address_.is_bulk && is_mariadb_ &&
                  (more & static_cast<unsigned>(MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
  return set_session(patience);
}

// The same on every server, however it is set up: nothing is cut or replaced unseen, no result ends
// early, a commit is one and no more, no locks on what isn't there, and whoever is gone holds none
// for long.
Result<void> MysqlConnection::set_session(MysqlPatience patience) {
  TRY(execute(fmt::format(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, "
      "time_zone = '+00:00', sql_select_limit = 18446744073709551615, sql_safe_updates = 0, "
      "max_join_size = 18446744073709551615, completion_type = 'NO_CHAIN', sql_auto_is_null = 0, "
      "innodb_lock_wait_timeout = 10, lock_wait_timeout = 20, net_write_timeout = {}",
      patience == MysqlPatience::kLong ? 3600 : 60)));
  TRY(execute("SET NAMES utf8mb4"));
  TRY(execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"));
  TRY(execute(is_mariadb_ ? "SET SESSION max_statement_time = 0"
                          : "SET SESSION max_execution_time = 0"));
  TRY(execute(is_mariadb_ ? "SET SESSION idle_transaction_timeout = 60"
                          : "SET SESSION wait_timeout = 600"));
  std::int64_t packet = 0;
  TRY(select("SELECT @@max_allowed_packet", {},
             [&](const MysqlRow& row) { packet = row.integer(0); }));
  const auto bytes = static_cast<std::size_t>(packet);
  row_max_ = bytes - std::min(kPacketHead, bytes / 2);
  return {};
}

bool MysqlConnection::ping() {
  if (!is_broken_ && mysql_ping(handle_->mysql) != 0) is_broken_ = true;
  return !is_broken_;
}

Result<void> MysqlConnection::execute(const std::string& sql) {
  last_error_ = 0;
  if (mysql_real_query(handle_->mysql, sql.data(), sql.size()) != 0) return failed();
  return {};
}

Result<MysqlConnection::Statement*> MysqlConnection::statement(const std::string& sql) {
  last_error_ = 0;
  for (const auto& made : statements_) {
    if (made->sql == sql) return made.get();
  }
  MYSQL_STMT* const handle = mysql_stmt_init(handle_->mysql);
  if (handle == nullptr) return failed();
  auto made = std::make_unique<Statement>(sql, handle);
  if (mysql_stmt_prepare(handle, sql.data(), sql.size()) != 0) return failed(*made);
  made->describe();
  statements_.push_back(std::move(made));
  return statements_.back().get();
}

Result<void> MysqlConnection::run(Statement& statement, const std::vector<MysqlValue>& values) {
  ENSURE(mysql_stmt_param_count(statement.handle) == values.size(), statement.sql);
  std::vector<MYSQL_BIND> binds(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    MYSQL_BIND& bind = binds[i];
    bind.buffer_type = MYSQL_TYPE_NULL;
    if (const auto* text = std::get_if<std::string_view>(&values[i])) {
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = as_buffer(text->data() ? text->data() : "");
      bind.buffer_length = text->size();
    } else if (const auto* number = std::get_if<double>(&values[i])) {
      bind.buffer_type = MYSQL_TYPE_DOUBLE;
      bind.buffer = as_buffer(number);
    } else if (const auto* integer = std::get_if<std::int64_t>(&values[i])) {
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.buffer = as_buffer(integer);
    }
  }
  if (!binds.empty() && mysql_stmt_bind_param(statement.handle, binds.data()) != 0)
    return failed(statement);
  if (mysql_stmt_execute(statement.handle) != 0) return failed(statement);
  return {};
}

Result<std::uint64_t> MysqlConnection::change(const std::string& sql,
                                              const std::vector<MysqlValue>& values) {
  Statement& prepared = *TRY(statement(sql));
  TRY(run(prepared, values));
  return mysql_stmt_affected_rows(prepared.handle);
}

Result<void> MysqlConnection::select(const std::string& sql, const std::vector<MysqlValue>& values,
                                     const RowVisitor<MysqlRow>& f) {
  Statement& prepared = *TRY(statement(sql));
  TRY(run(prepared, values));
  if (mysql_stmt_store_result(prepared.handle) != 0) return failed(prepared);
  return fetch(prepared, f);
}

Result<void> MysqlConnection::stream(const std::string& sql, const std::vector<MysqlValue>& values,
                                     const RowVisitor<MysqlRow>& f) {
  Statement& prepared = *TRY(statement(sql));
  TRY(run(prepared, values));
  return fetch(prepared, f);
}

Result<void> MysqlConnection::fetch(Statement& statement, const RowVisitor<MysqlRow>& f) {
  const auto fetched = [&]() -> Result<void> {
    if (!statement.bind_all()) return failed(statement);
    while (true) {
      const int code = mysql_stmt_fetch(statement.handle);
      if (code == MYSQL_NO_DATA) return {};
      if (code != 0 && code != MYSQL_DATA_TRUNCATED) return failed(statement);
      if (code == MYSQL_DATA_TRUNCATED && !statement.complete()) return failed(statement);
      if (!f(statement)) {
        is_broken_ = true;
        shutdown(mysql_get_socket(handle_->mysql), SHUT_RDWR);
        return {};
      }
      if (code == MYSQL_DATA_TRUNCATED && !statement.bind_all()) return failed(statement);
    }
  }();
  mysql_stmt_free_result(statement.handle);
  return fetched;
}

Result<void> MysqlConnection::insert(const MysqlBatch& batch) {
  const std::size_t bytes_max = std::min(kPacketBytes, row_max_);
  std::size_t first = 0;
  while (first < batch.rows()) {
    std::size_t rows = 1;
    std::size_t bytes = batch.bytes_of_row(first);
    while (first + rows < batch.rows() && bytes + batch.bytes_of_row(first + rows) <= bytes_max) {
      bytes += batch.bytes_of_row(first + rows);
      ++rows;
    }
    if (takes_arrays_) {
      TRY(insert_array(batch, first, rows));
    } else {
      rows = *std::find_if(kRowsOfStatements.begin(), kRowsOfStatements.end(),
                           [&](std::size_t some) { return some <= rows; });
      TRY(insert_values(batch, first, rows));
    }
    first += rows;
  }
  return {};
}

namespace {

// "INSERT INTO `t` (`A`, `B`) VALUES (?,?)", with room for `rows`.
std::string insert_text(const std::string& table, const std::vector<std::string>& columns,
                        std::size_t rows) {
  std::string one = "(";
  for (std::size_t i = 0; i < columns.size(); ++i) one += i == 0 ? "?" : ",?";
  one += ")";
  std::string text =
      fmt::format("INSERT INTO `{}` (`{}`) VALUES ", table, fmt::join(columns, "`, `"));
  for (std::size_t i = 0; i < rows; ++i) text += (i == 0 ? "" : ",") + one;
  return text;
}

}  // namespace

// MariaDB's: one statement of one row, and an array of values for each column.
Result<void> MysqlConnection::insert_array(const MysqlBatch& batch, std::size_t first,
                                           std::size_t rows) {
  std::vector<std::string> names;
  for (const auto& values : batch.values_) names.emplace_back(values.column.name);
  Statement& prepared = *TRY(statement(insert_text(batch.table_, names, 1)));
  std::vector<MYSQL_BIND> binds(batch.values_.size());
  std::vector<std::vector<const char*>> texts(binds.size());
  std::vector<std::vector<unsigned long>> sizes(binds.size());
  for (std::size_t i = 0; i < binds.size(); ++i) {
    const auto& values = batch.values_[i];
    binds[i].buffer_type = type_of(values.column.kind);
    binds[i].u.indicator = static_cast<char*>(as_buffer(values.nulls.data() + first));
    if (values.column.kind == MysqlBatch::Kind::kNumber)
      binds[i].buffer = as_buffer(values.numbers.data() + first);
    else if (values.column.kind == MysqlBatch::Kind::kInteger)
      binds[i].buffer = as_buffer(values.integers.data() + first);
    if (values.column.kind != MysqlBatch::Kind::kText) continue;
    for (std::size_t row = first; row < first + rows; ++row) {
      texts[i].push_back(batch.texts_.data() + values.texts[row].at);
      sizes[i].push_back(values.texts[row].size);
    }
    binds[i].buffer = static_cast<void*>(texts[i].data());
    binds[i].length = sizes[i].data();
  }
  const auto count = static_cast<unsigned>(rows);
  if (mysql_stmt_attr_set(prepared.handle, STMT_ATTR_ARRAY_SIZE, &count) != 0 ||
      mysql_stmt_bind_param(prepared.handle, binds.data()) != 0 ||
      mysql_stmt_execute(prepared.handle) != 0)
    return failed(prepared);
  return {};
}

// Everybody's: a statement with a place for each value of each row.
Result<void> MysqlConnection::insert_values(const MysqlBatch& batch, std::size_t first,
                                            std::size_t rows) {
  std::vector<std::string> names;
  for (const auto& values : batch.values_) names.emplace_back(values.column.name);
  Statement& prepared = *TRY(statement(insert_text(batch.table_, names, rows)));
  std::vector<MYSQL_BIND> binds;
  binds.reserve(rows * batch.values_.size());
  for (std::size_t row = first; row < first + rows; ++row) {
    for (const auto& values : batch.values_) {
      MYSQL_BIND& bind = binds.emplace_back();
      bind.buffer_type = type_of(values.column.kind);
      if (values.nulls[row] == STMT_INDICATOR_NULL) {
        bind.buffer_type = MYSQL_TYPE_NULL;
      } else if (values.column.kind == MysqlBatch::Kind::kNumber) {
        bind.buffer = as_buffer(&values.numbers[row]);
      } else if (values.column.kind == MysqlBatch::Kind::kInteger) {
        bind.buffer = as_buffer(&values.integers[row]);
      } else {
        bind.buffer = as_buffer(batch.texts_.data() + values.texts[row].at);
        bind.buffer_length = values.texts[row].size;
      }
    }
  }
  if (mysql_stmt_bind_param(prepared.handle, binds.data()) != 0 ||
      mysql_stmt_execute(prepared.handle) != 0)
    return failed(prepared);
  return {};
}

}  // namespace galileo::store
