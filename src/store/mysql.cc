// MariaDB and MySQL 8 with the tables of docs/wire/database.md, and columns of ours behind theirs.
// Rows are gathered and go in by the thousand, in transactions of the caller. What fails because of
// somebody else (a deadlock, a lock) is done again here where it is one statement; a transaction is
// its caller's to do again. A connection that broke is made anew with the next call, but not within
// a transaction: what was put before is gone with it.
//
// Rows are read over a connection of their own, since they may take long and be many: what the
// transaction of this store has put and not committed isn't among them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "net/clock.h"
#include "net/loop.h"
#include "store/database_url.h"
#include "store/metadata_json.h"
#include "store/mysql_connection.h"
#include "store/mysql_rows.h"
#include "store/mysql_schema.h"
#include "store/store.h"

namespace galileo::store {
namespace {

// How long a statement is done again that somebody else was in the way of: a deadlock takes a
// moment, each wait for a lock the ten seconds of mysql_connection.cc.
constexpr Duration kPatience = std::chrono::seconds{5};
constexpr Duration kPauseFirst = std::chrono::milliseconds{10};
constexpr Duration kPauseMax = std::chrono::milliseconds{500};
// Rows that are deleted or touched in one transaction: what others may have to wait for, and each
// may be a MiB.
constexpr int kRowsAtOnce = 2'000;

class MysqlStore final : public Store {
 public:
  explicit MysqlStore(MysqlAddress address) : address_(std::move(address)) {}

  Result<void> open(OpenMode mode);

  Result<void> begin() override;
  Result<void> commit() override;
  void rollback() override;
  Result<void> sync() override;

  Result<void> save_experiment(const wire::Experiment& experiment) override;
  Result<bool> change_experiment(const wire::Experiment& experiment,
                                 const std::string& from) override;
  Result<void> save_metadata(const std::string& id, std::string_view json) override;
  Result<void> put_node_info(const std::string& id, RowNumber /*row*/,
                             const wire::NodeInfo& info) override {
    return put([&] { rows_.put_node_info(id, info, row_max()); });
  }
  Result<void> put_trace(const std::string& id, RowNumber /*row*/, const wire::Trace& trace,
                         const wire::Names& names) override {
    return put([&] { rows_.put_trace(id, trace, names, row_max()); });
  }
  Result<void> put_sample(const std::string& id, RowNumber /*row*/,
                          const wire::Sample& sample) override {
    return put([&] { rows_.put_sample(id, sample); });
  }
  Result<void> put_event(const std::string& id, RowNumber /*row*/,
                         const wire::Event& event) override {
    return put([&] { rows_.put_event(id, event, row_max()); });
  }
  Result<void> save_spool_position(const std::string& id, std::uint64_t position) override;
  Result<std::optional<std::uint64_t>> spool_position(const std::string& id) override;

  Result<std::vector<wire::Experiment>> experiments() override;
  Result<std::optional<wire::Experiment>> experiment(const std::string& id) override;
  Result<std::optional<std::string>> running() override;
  Result<std::string> metadata(const std::string& id) override;
  Result<StoredRows> counts(const std::string& id) override;
  Result<void> remove(const std::string& id) override;
  Result<std::uint64_t> touch_traces(const std::string& id, Wall from, Wall to) override;

  Result<void> each_trace(const std::string& id, const RowVisitor<wire::NamedTrace>& f) override;
  Result<void> each_trace_figures(const std::string& id,
                                  const RowVisitor<wire::NamedTrace>& f) override;
  Result<void> each_sample(const std::string& id, const RowVisitor<wire::Sample>& f) override;
  Result<void> each_event(const std::string& id, const RowVisitor<wire::Event>& f) override;
  Result<void> each_node_info(const std::string& id, const RowVisitor<wire::NodeInfo>& f) override;

  const std::string& where() const override { return address_.text; }

 private:
  Result<void> make_database();
  Result<void> connect();
  Result<std::unique_ptr<MysqlConnection>> connect_for_long();
  Result<void> prepare_tables();
  Result<bool> has(const std::string& table_and_column);
  std::size_t row_max() const { return connection_->row_max(); }

  // Outside begin() and commit() what failed because of somebody else is done again.
  template <class Work>
  auto attempt(Work&& work) -> decltype(work()) {
    if (in_transaction_) return within_transaction(work);
    const net::RealClock clock;
    const Time until = clock.now() + kPatience;
    bool may_have_been_idle = true;
    for (Duration pause = kPauseFirst;; pause = std::min(pause * 2, kPauseMax)) {
      TRY(connect());
      auto done = work();
      if (done.ok()) return done;
      if (connection_->is_broken()) {
        // The server may have ended it long ago.
        if (!std::exchange(may_have_been_idle, false)) return done;
      } else if (!is_mysql_conflict(connection_->last_error()) || clock.now() >= until) {
        return done;
      }
      net::pause_thread(pause);
    }
  }
  // For work that goes through a whole table.
  template <class Work>
  auto with_patience(Work&& work) -> decltype(work()) {
    auto usual = std::exchange(connection_, TRY(connect_for_long()));
    patience_ = MysqlPatience::kLong;
    auto done = work();
    patience_ = MysqlPatience::kUsual;
    long_ = std::exchange(connection_, std::move(usual));
    return done;
  }
  // After a failure nothing more is done: the server may have ended the transaction, and what came
  // then would stay.
  template <class Work>
  auto within_transaction(Work&& work) -> decltype(work()) {
    if (failure_) return *failure_;
    auto done = work();
    if (!done.ok()) failure_ = done.error();
    return done;
  }
  template <class Add>
  Result<void> put(Add&& add) {
    if (!in_transaction_) return not_begun();
    if (failure_) return *failure_;
    add();
    if (!rows_.are_many()) return {};
    return within_transaction([&] { return rows_.write_to(*connection_); });
  }
  Error not_begun() const {
    return {ErrorCode::kUsage, "can't store a row", where(), "no transaction was begun", {}};
  }
  Result<void> change(const std::string& sql, const std::vector<MysqlValue>& values);
  Result<void> select(const std::string& sql, const std::vector<MysqlValue>& values,
                      const RowVisitor<MysqlRow>& f);
  Result<std::uint64_t> change_in_parts(const std::string& table, const std::string& which,
                                        const std::string& sql,
                                        const std::vector<MysqlValue>& of_which,
                                        const std::vector<MysqlValue>& of_sql);
  Result<void> stream(const std::string& table, const std::string& columns, const std::string& id,
                      const RowVisitor<MysqlRow>& f);
  Result<void> stream_traces(const std::string& id, wire::FieldUse use,
                             const RowVisitor<wire::NamedTrace>& f);
  Result<std::vector<wire::Experiment>> select_experiments(const std::string& clause,
                                                           const std::vector<MysqlValue>& values);

  const MysqlAddress address_;
  std::unique_ptr<MysqlConnection> connection_;
  std::unique_ptr<MysqlConnection> long_;  // see connect_for_long()
  MysqlPatience patience_ = MysqlPatience::kUsual;
  MysqlColumns columns_;  // that have been seen; there may be more by now
  MysqlRows rows_;
  bool prepared_ = false;
  bool in_transaction_ = false;
  std::optional<Error> failure_;  // of the transaction
};

std::string quoted(const std::string& name) {
  std::string text = "`";
  for (const char c : name) text += c == '`' ? std::string("``") : std::string(1, c);
  return text + "`";
}

Result<void> MysqlStore::open(OpenMode mode) {
  connection_ = std::make_unique<MysqlConnection>(address_);
  auto connected = connection_->connect();
  const unsigned number = connection_->last_error();
  if (!connected.ok() && mode == OpenMode::kCreate &&
      (number == kMysqlNoDatabase || number == kMysqlNoRightsInDatabase)) {
    TRY(make_database());
    connection_ = std::make_unique<MysqlConnection>(address_);
    connected = connection_->connect();
  }
  TRY(connected);
  if (mode == OpenMode::kCreate) TRY(prepare_tables());
  return {};
}

Result<void> MysqlStore::make_database() {
  MysqlAddress server = address_;
  server.database.clear();
  MysqlConnection connection(server);
  TRY(connection.connect());
  auto made = connection.execute(
      fmt::format("CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                  quoted(address_.database)));
  if (made.ok()) return {};
  Error error = made.error();
  error.what = "can't make the database";
  error.hint =
      fmt::format("let an administrator say: CREATE DATABASE {0}; GRANT ALL ON {0}.* TO '{1}'@'%'",
                  quoted(address_.database), address_.user);
  return error;
}

Result<void> MysqlStore::connect() {
  if (connection_ && !connection_->is_broken()) return {};
  auto made = std::make_unique<MysqlConnection>(address_);
  TRY(made->connect(patience_));
  connection_ = std::move(made);
  return {};
}

// The one that was used before, where nobody uses it now and the server still has it.
Result<std::unique_ptr<MysqlConnection>> MysqlStore::connect_for_long() {
  if (long_ && !long_->is_broken() && long_->ping()) return std::move(long_);
  auto made = std::make_unique<MysqlConnection>(address_);
  TRY(made->connect(MysqlPatience::kLong));
  return made;
}

// Called at the first write, so that reading a database of the old system changes nothing in it.
Result<void> MysqlStore::prepare_tables() {
  if (prepared_) return {};
  const bool current = TRY(attempt([&] { return is_mysql_schema_current(*connection_); }));
  if (!current) TRY(migrate_mysql_schema(*TRY(connect_for_long())));
  prepared_ = true;
  return {};
}

// "traces.PHASE": whether it is there. A database that was only read may be of the old system, or
// of nobody's.
Result<bool> MysqlStore::has(const std::string& table_and_column) {
  if (prepared_ || columns_.contains(table_and_column)) return true;
  columns_ = TRY(attempt([&] { return read_mysql_columns(*connection_); }));
  return columns_.contains(table_and_column);
}

Result<void> MysqlStore::begin() {
  rollback();
  TRY(prepare_tables());
  TRY(attempt([&] { return connection_->execute("START TRANSACTION"); }));
  in_transaction_ = true;
  return {};
}

Result<void> MysqlStore::commit() {
  if (!in_transaction_) return not_begun();
  TRY(within_transaction([&] { return rows_.write_to(*connection_); }));
  TRY(within_transaction([&] { return connection_->execute("COMMIT"); }));
  in_transaction_ = false;
  return {};
}

void MysqlStore::rollback() {
  rows_.clear();
  failure_.reset();
  if (!std::exchange(in_transaction_, false)) return;
  // Whatever state that connection is in, a new one has no transaction.
  if (connection_->is_broken() || !connection_->execute("ROLLBACK").ok()) connection_.reset();
}

// A server that is set up not to write each commit to its disk is asked to do so now; who may not
// ask has what the server's administrator has decided on.
Result<void> MysqlStore::sync() {
  std::int64_t flushes = 1;
  TRY(select("SELECT @@innodb_flush_log_at_trx_commit", {},
             [&](const MysqlRow& row) { flushes = row.integer(0); }));
  if (flushes == 1) return {};
  return attempt([&]() -> Result<void> {
    const auto flushed = connection_->execute("FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS");
    if (!flushed.ok() && connection_->is_broken()) return flushed.error();
    return {};
  });
}

Result<void> MysqlStore::change(const std::string& sql, const std::vector<MysqlValue>& values) {
  if (!in_transaction_) TRY(prepare_tables());
  return attempt([&]() -> Result<void> {
    const auto changed = connection_->change(sql, values);
    if (changed.ok()) return {};
    // Somebody has dropped the tables: the next try makes them.
    if (connection_->last_error() == kMysqlNoTable) prepared_ = false;
    return changed.error();
  });
}

Result<void> MysqlStore::select(const std::string& sql, const std::vector<MysqlValue>& values,
                                const RowVisitor<MysqlRow>& f) {
  return attempt([&] { return connection_->select(sql, values, f); });
}

std::string fitted(const std::string& text, std::size_t characters) {
  return std::string(first_characters(make_utf8(text), characters));
}

// Whoever asks again after a lost answer finds what the first time has done.
Result<bool> MysqlStore::change_experiment(const wire::Experiment& experiment,
                                           const std::string& from) {
  if (!in_transaction_) TRY(prepare_tables());
  std::uint64_t changed = 0;
  TRY(attempt([&]() -> Result<void> {
    changed = TRY(connection_->change(
        "UPDATE experiments SET `NAME` = ?, CREATOR = ?, `START` = ?, `END` = ?, CREATED = ?, "
        "STATUS = ? WHERE EXP_ID = ? AND STATUS = ?",
        {fitted(experiment.name, kMysqlNameMax), fitted(experiment.creator, kMysqlNameMax),
         mysql_time(experiment.start), mysql_time(experiment.end), mysql_time(experiment.created),
         fitted(experiment.status, kMysqlStatusMax), experiment.id, from}));
    return {};
  }));
  return changed > 0;
}

Result<void> MysqlStore::save_experiment(const wire::Experiment& experiment) {
  const std::string name = fitted(experiment.name, kMysqlNameMax);
  const std::string creator = fitted(experiment.creator, kMysqlNameMax);
  const std::string status = fitted(experiment.status, kMysqlStatusMax);
  return change(
      "INSERT INTO experiments (EXP_ID, `NAME`, CREATOR, `START`, `END`, CREATED, STATUS) "
      "VALUES (?,?,?,?,?,?,?) ON DUPLICATE KEY UPDATE `NAME` = VALUES(`NAME`), CREATOR = "
      "VALUES(CREATOR), `START` = VALUES(`START`), `END` = VALUES(`END`), CREATED = "
      "VALUES(CREATED), STATUS = VALUES(STATUS)",
      {experiment.id, name, creator, mysql_time(experiment.start), mysql_time(experiment.end),
       mysql_time(experiment.created), status});
}

Result<void> MysqlStore::save_metadata(const std::string& id, std::string_view json) {
  std::string text = TRY(metadata_with_id(json, id));
  if (!in_transaction_) TRY(connect());
  if (text.size() > row_max())
    text = TRY(metadata_with_id(
        fmt::format(R"({{"notes": ["metadata of {} bytes are left out: they are more than the )"
                    R"(database's max_allowed_packet takes"]}})",
                    text.size()),
        id));
  return change(
      "INSERT INTO metadata (EXP_ID, DATA) VALUES (?,?) ON DUPLICATE KEY UPDATE DATA = "
      "VALUES(DATA)",
      {id, text});
}

Result<void> MysqlStore::save_spool_position(const std::string& id, std::uint64_t position) {
  return change(
      "INSERT INTO spool_position (EXP_ID, POSITION) VALUES (?,?) ON DUPLICATE KEY UPDATE "
      "POSITION = VALUES(POSITION)",
      {id, static_cast<std::int64_t>(position)});
}

// Reads with a lock: a commit whose answer was lost may still be on its way in the server, and only
// when it is over there is an answer to what was committed.
Result<std::optional<std::uint64_t>> MysqlStore::spool_position(const std::string& id) {
  std::optional<std::uint64_t> position;
  if (!TRY(has("spool_position.POSITION"))) return position;
  const auto take = [&](const MysqlRow& row) {
    position = static_cast<std::uint64_t>(row.integer(0));
  };
  const std::string sql = "SELECT POSITION FROM spool_position WHERE EXP_ID = ?";
  TRY(attempt([&]() -> Result<void> {
    auto read = connection_->select(sql + " LOCK IN SHARE MODE", {id}, take);
    if (!read.ok() && is_mysql_read_only(connection_->last_error()))
      read = connection_->select(sql, {id}, take);
    return read;
  }));
  return position;
}

Result<std::vector<wire::Experiment>> MysqlStore::select_experiments(
    const std::string& clause, const std::vector<MysqlValue>& values) {
  std::vector<wire::Experiment> list;
  if (!TRY(has("experiments.EXP_ID"))) return list;
  TRY(select(
      "SELECT EXP_ID, `NAME`, CREATOR, `START`, `END`, CREATED, STATUS FROM experiments " + clause,
      values, [&](const MysqlRow& row) {
        list.push_back({std::string(row.text(0)), std::string(row.text(1)),
                        std::string(row.text(2)), mysql_time(row, 5), mysql_time(row, 3),
                        mysql_time(row, 4), std::string(row.text(6))});
      }));
  return list;
}

Result<std::vector<wire::Experiment>> MysqlStore::experiments() {
  return select_experiments("ORDER BY CREATED, EXP_ID", {});
}

Result<std::optional<wire::Experiment>> MysqlStore::experiment(const std::string& id) {
  const auto found = TRY(select_experiments("WHERE EXP_ID = ?", {id}));
  return found.empty() ? std::optional<wire::Experiment>() : found.front();
}

Result<std::optional<std::string>> MysqlStore::running() {
  const auto found = TRY(select_experiments(
      "WHERE STATUS IN ('RUNNING', 'IN_PROGRESS') ORDER BY CREATED DESC LIMIT 1", {}));
  return found.empty() ? std::optional<std::string>() : found.front().id;
}

Result<std::string> MysqlStore::metadata(const std::string& id) {
  std::string json;
  if (!TRY(has("metadata.DATA"))) return json;
  TRY(select("SELECT DATA FROM metadata WHERE EXP_ID = ?", {id},
             [&](const MysqlRow& row) { json = row.text(0); }));
  return json;
}

Result<StoredRows> MysqlStore::counts(const std::string& id) {
  StoredRows counts;
  auto connection = TRY(connect_for_long());
  const auto count = [&](const char* table, const char* column, const char* what,
                         const RowVisitor<MysqlRow>& f) -> Result<void> {
    if (!TRY(has(fmt::format("{}.{}", table, column)))) return {};
    return connection->select(fmt::format("SELECT {} FROM {} WHERE EXP_ID = ?", what, table), {id},
                              f);
  };
  TRY(count("traces", "STATUS", "COUNT(*), COUNT(CASE WHEN STATUS < 0 OR STATUS >= 400 THEN 1 END)",
            [&](const MysqlRow& row) {
              counts.traces = static_cast<std::uint64_t>(row.integer(0));
              counts.failed = static_cast<std::uint64_t>(row.integer(1));
            }));
  TRY(count("telemetry", "VALUE", "COUNT(*)", [&](const MysqlRow& row) {
    counts.telemetry = static_cast<std::uint64_t>(row.integer(0));
  }));
  TRY(count("events", "NAME", "COUNT(*)", [&](const MysqlRow& row) {
    counts.events = static_cast<std::uint64_t>(row.integer(0));
  }));
  long_ = std::move(connection);
  return counts;
}

// Goes through the rows that `which` means in the order of their numbers, some at a time: `sql`
// with bounds behind, each time in a transaction of its own. How many were changed.
Result<std::uint64_t> MysqlStore::change_in_parts(const std::string& table,
                                                  const std::string& which, const std::string& sql,
                                                  const std::vector<MysqlValue>& of_which,
                                                  const std::vector<MysqlValue>& of_sql) {
  std::uint64_t changed = 0;
  std::int64_t behind = 0;
  while (true) {
    std::int64_t end = behind;
    std::vector<MysqlValue> values = of_which;
    values.emplace_back(behind);
    TRY(select(fmt::format("SELECT CAST(COALESCE(MAX(ROW_ID), 0) AS SIGNED) FROM (SELECT ROW_ID "
                           "FROM {} WHERE {} AND ROW_ID > ? ORDER BY ROW_ID LIMIT {}) some",
                           table, which, kRowsAtOnce),
               values, [&](const MysqlRow& row) { end = row.integer(0); }));
    if (end <= behind) return changed;
    values = of_sql;
    values.insert(values.end(), of_which.begin(), of_which.end());
    values.emplace_back(behind);
    values.emplace_back(end);
    changed += TRY(attempt([&] {
      return connection_->change(
          fmt::format("{} WHERE {} AND ROW_ID > ? AND ROW_ID <= ?", sql, which), values);
    }));
    behind = end;
  }
}

// The experiment itself goes last, so that one whose removal was cut off is still listed, and can
// be removed once more.
Result<void> MysqlStore::remove(const std::string& id) {
  TRY(prepare_tables());
  TRY(with_patience([&]() -> Result<void> {
    for (const std::string table : {"traces", "telemetry", "events", "nodeinfo"})
      TRY(change_in_parts(table, "EXP_ID = ?", "DELETE FROM " + table, {id}, {}));
    return {};
  }));
  for (const char* table : {"metadata", "spool_position", "experiments"})
    TRY(change(fmt::format("DELETE FROM {} WHERE EXP_ID = ?", table), {id}));
  return {};
}

Result<std::uint64_t> MysqlStore::touch_traces(const std::string& id, Wall from, Wall to) {
  TRY(prepare_tables());
  return with_patience([&] {
    return change_in_parts(
        "traces", "(EXP_ID IS NULL OR EXP_ID = '') AND CREATED >= ? AND CREATED <= ?",
        "UPDATE traces SET EXP_ID = ?", {to_unix_seconds(from), to_unix_seconds(to)}, {id});
  });
}

// Reads over a connection of its own, row by row. The old system's tables have nothing to order by
// but have never been anything but appended to.
Result<void> MysqlStore::stream(const std::string& table, const std::string& columns,
                                const std::string& id, const RowVisitor<MysqlRow>& f) {
  if (!TRY(has(table + ".EXP_ID"))) return {};
  const bool numbered = TRY(has(table + ".ROW_ID"));
  auto connection = TRY(connect_for_long());
  const auto streamed =
      connection->stream(fmt::format("SELECT {} FROM {} WHERE EXP_ID = ?{}", columns, table,
                                     numbered ? " ORDER BY ROW_ID" : ""),
                         {id}, f);
  long_ = std::move(connection);
  return streamed;
}

Result<void> MysqlStore::stream_traces(const std::string& id, wire::FieldUse use,
                                       const RowVisitor<wire::NamedTrace>& f) {
  // Where the newest is known to be there, so are the others; else they are looked for once.
  TRY(has(fmt::format("traces.{}", std::rbegin(wire::kTraceFields)->column)));
  const std::string columns = mysql_trace_columns(
      use, [&](const std::string& column) { return prepared_ || columns_.contains(column); });
  wire::NamedTrace trace;
  return stream("traces", columns, id, [&](const MysqlRow& row) {
    read_mysql_trace(row, use, trace);
    return f(trace);
  });
}

Result<void> MysqlStore::each_trace(const std::string& id, const RowVisitor<wire::NamedTrace>& f) {
  return stream_traces(id, wire::FieldUse::row, f);
}

Result<void> MysqlStore::each_trace_figures(const std::string& id,
                                            const RowVisitor<wire::NamedTrace>& f) {
  return stream_traces(id, wire::FieldUse::figure, f);
}

Result<void> MysqlStore::each_sample(const std::string& id, const RowVisitor<wire::Sample>& f) {
  return stream("telemetry", "`TIMESTAMP`, NODE, METRIC, SUBSYSTEM, `VALUE`", id,
                [&](const MysqlRow& row) {
                  return f({mysql_time(row, 0), std::string(row.text(1)), std::string(row.text(2)),
                            std::string(row.text(3)), row.number(4)});
                });
}

Result<void> MysqlStore::each_event(const std::string& id, const RowVisitor<wire::Event>& f) {
  return stream("events", "`TIMESTAMP`, `NAME`, `VALUE`", id, [&](const MysqlRow& row) {
    return f({mysql_time(row, 0), std::string(row.text(1)), std::string(row.text(2))});
  });
}

Result<void> MysqlStore::each_node_info(const std::string& id,
                                        const RowVisitor<wire::NodeInfo>& f) {
  return stream("nodeinfo", "NODE, INFO_KEY, INFO_VALUE", id, [&](const MysqlRow& row) {
    return f({std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2))});
  });
}

Error wrong_option(const DatabaseUrl& url, std::string_view name, const char* hint) {
  return {ErrorCode::kUsage, fmt::format("wrong option '{}' in the database's URL", name),
          url.text(), fmt::format("'{}'", url.option(name).value_or("")), hint};
}

Result<bool> yes_or_no(const DatabaseUrl& url, std::string_view name, bool otherwise) {
  const auto value = url.option(name);
  if (!value) return otherwise;
  if (*value == "yes" || *value == "no") return *value == "yes";
  return wrong_option(url, name, "write yes or no");
}

Result<MysqlAddress> address_of(const std::string& where) {
  const DatabaseUrl url =
      TRY(parse_database_url("mysql:" + where, "tls ca socket bulk timeout_ms"));
  MysqlAddress address;
  address.host = url.host.empty() ? "localhost" : url.host;
  address.port = url.port == 0 ? 3306 : url.port;
  address.user = url.user;
  address.password = url.password;
  address.database = url.path;
  address.socket = url.option("socket").value_or("");
  address.ca = url.option("ca").value_or("");
  address.tls = TRY(yes_or_no(url, "tls", !address.ca.empty()));
  address.is_bulk = TRY(yes_or_no(url, "bulk", true));
  if (const auto timeout = url.option("timeout_ms")) {
    const auto ms = parse_integer(*timeout);
    if (!ms || *ms < 1 || *ms > 86'400'000)
      return wrong_option(url, "timeout_ms", "write milliseconds, at most a day");
    address.timeout = std::chrono::milliseconds{*ms};
  }
  address.text = url.text();
  if (address.database.empty())
    return Error{ErrorCode::kUsage,
                 "the URL names no database",
                 address.text,
                 {},
                 "write it as mysql://user:password@host:port/name"};
  return address;
}

}  // namespace

Result<std::unique_ptr<Store>> open_mysql(const std::string& where, OpenMode mode) {
  auto store = std::make_unique<MysqlStore>(TRY(address_of(where)));
  TRY(store->open(mode));
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace galileo::store
