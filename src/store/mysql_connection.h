// One connection to a MariaDB or MySQL server: statements, rows that stream, rows that go in by the
// thousand. Blocking, each call with a deadline: lives at one desk. A connection that broke stays
// broken; its owner makes another one. mysql_connection.cc alone knows Connector/C.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/row_visitor.h"

namespace galileo::store {

struct MysqlAddress {
  std::string host;
  std::uint16_t port = 0;
  std::string user;
  std::string password;
  std::string database;
  std::string socket;  // the path of the server's; empty: TCP
  bool tls = false;
  std::string ca;       // certificates to trust; empty: those of the system
  bool is_bulk = true;  // MariaDB's own way of many rows at once, where the server knows it
  Duration timeout = std::chrono::seconds{30};
  std::string text;  // what it is called: no password in it
};

// How long an answer may take: of what is a matter of moments the address' time-out; of what goes
// through a whole table, much longer.
enum class MysqlPatience : std::uint8_t { kUsual, kLong };

// What stands for a '?' in a statement. Texts are UTF-8 and outlive the call; the first is null.
using MysqlValue = std::variant<std::monostate, std::string_view, double, std::int64_t>;

// A row of a result, valid during the call that takes it.
class MysqlRow {
 public:
  virtual ~MysqlRow() = default;
  virtual bool is_null(std::size_t column) const = 0;
  // Empty, 0, where it is null.
  virtual std::string_view text(std::size_t column) const = 0;
  virtual double number(std::size_t column) const = 0;
  virtual std::int64_t integer(std::size_t column) const = 0;
};

// Rows for one table, gathered column by column, in the order in which they are put.
class MysqlBatch {
 public:
  enum class Kind : std::uint8_t { kText, kNumber, kInteger };
  struct Column {
    std::string_view name;
    Kind kind;
  };
  MysqlBatch(std::string table, const std::vector<Column>& columns);

  // Called from the left; the last column's ends the row.
  void text(std::string_view value);
  void number(double value);
  void integer(std::int64_t value);
  void null();

  std::size_t rows() const { return ends_.size(); }
  // What they take on their way, at most.
  std::size_t bytes() const { return ends_.empty() ? 0 : ends_.back(); }
  std::size_t bytes_of_row(std::size_t row) const {
    return ends_[row] - (row == 0 ? 0 : ends_[row - 1]);
  }
  // The row under way too.
  void clear();

 private:
  friend class MysqlConnection;
  struct Text {
    std::size_t at;
    std::size_t size;
  };
  struct Values {
    Column column;
    std::vector<char> nulls;
    std::vector<Text> texts;  // in texts_
    std::vector<double> numbers;
    std::vector<std::int64_t> integers;
  };
  Values& next(std::size_t bytes, bool is_null);

  const std::string table_;
  std::vector<Values> values_;
  std::string texts_;
  std::size_t column_ = 0;         // of the row under way
  std::size_t row_bytes_ = 0;      // of the row under way
  std::vector<std::size_t> ends_;  // bytes up to each row's end
};

class MysqlConnection {
 public:
  explicit MysqlConnection(MysqlAddress address);
  ~MysqlConnection();
  MysqlConnection(const MysqlConnection&) = delete;
  MysqlConnection& operator=(const MysqlConnection&) = delete;

  // The first call. kUnavailable where nobody answers; last_error() tells more than the Error.
  Result<void> connect(MysqlPatience patience = MysqlPatience::kUsual);

  // Whether the server is there and still knows us.
  bool ping();
  // A statement without values and rows.
  Result<void> execute(const std::string& sql);
  // A statement that changes rows: how many.
  Result<std::uint64_t> change(const std::string& sql, const std::vector<MysqlValue>& values = {});
  // All rows are here before the first is handed on: `f` may use the connection.
  Result<void> select(const std::string& sql, const std::vector<MysqlValue>& values,
                      const RowVisitor<MysqlRow>& f);
  // Each row is handed on as it comes, however many there are; `f` leaves the connection alone.
  // Ended by `f`, it is broken afterwards: the server would send the rest first.
  Result<void> stream(const std::string& sql, const std::vector<MysqlValue>& values,
                      const RowVisitor<MysqlRow>& f);
  // Takes as many statements as the server's limit of bytes asks for. Rows of more than row_max()
  // bytes are refused by the server.
  Result<void> insert(const MysqlBatch& batch);

  std::size_t row_max() const { return row_max_; }
  bool is_broken() const { return is_broken_; }
  bool is_mariadb() const { return is_mariadb_; }
  // The server's number of the last failure, see mysqld_error.h.
  unsigned last_error() const { return last_error_; }
  const std::string& where() const { return address_.text; }

 private:
  struct Handle;
  struct Statement;
  Result<void> set_session(MysqlPatience patience);
  Result<Statement*> statement(const std::string& sql);
  Result<void> run(Statement& statement, const std::vector<MysqlValue>& values);
  Result<void> fetch(Statement& statement, const RowVisitor<MysqlRow>& f);
  Result<void> insert_array(const MysqlBatch& batch, std::size_t first, std::size_t rows);
  Result<void> insert_values(const MysqlBatch& batch, std::size_t first, std::size_t rows);
  Error failed();
  Error failed(const Statement& statement);
  Error failed(unsigned number, std::string why);

  const MysqlAddress address_;
  std::unique_ptr<Handle> handle_;
  std::vector<std::unique_ptr<Statement>> statements_;  // prepared once, kept by their text
  std::size_t row_max_ = 0;
  bool is_broken_ = false;
  bool is_mariadb_ = false;
  bool takes_arrays_ = false;
  unsigned last_error_ = 0;
};

// What the numbers mean that callers ask about.
inline constexpr unsigned kMysqlNoDatabase = 1049;
inline constexpr unsigned kMysqlNoRightsInDatabase = 1044;
inline constexpr unsigned kMysqlDouble = 1062;  // a key that is to be unique isn't
inline constexpr unsigned kMysqlNoTable = 1146;
// It may only be read: by this user, from this server.
bool is_mysql_read_only(unsigned number);
// Somebody else was in the way: the same once more may well succeed.
bool is_mysql_conflict(unsigned number);

}  // namespace galileo::store
