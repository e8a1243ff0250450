// SQLite with the tables of docs/wire/database.md, which notebooks of the old system read, and
// columns of ours behind theirs. Statements are prepared once; rows go in by transactions of the
// caller.
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <set>

#include "base/utf8.h"
#include "store/database_url.h"
#include "store/sqlite_statement.h"
#include "store/sqlite_tables.h"
#include "store/store.h"
#include "wire/trace_fields.h"

namespace galileo::store {
namespace {

class SqliteStore final : public Store {
 public:
  SqliteStore(SqliteDatabase database, std::string where)
      : database_(std::move(database)), where_(std::move(where)) {}

  Result<void> begin() override {
    TRY(prepare_tables());
    return execute("BEGIN IMMEDIATE");
  }
  Result<void> commit() override { return execute("COMMIT"); }
  void rollback() override { static_cast<void>(execute("ROLLBACK").ok()); }
  // The log is written to disk where it is: emptying it would wait for everybody who reads.
  Result<void> sync() override {
    sqlite3_file* log = nullptr;
    sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER,
                         static_cast<void*>(&log));
    if (!log || !log->pMethods) return {};  // nothing has been written
    if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
      return Error{ErrorCode::kIo, "can't write the database to disk", where_,
                   std::strerror(sqlite3_system_errno(database_.get())),
                   "look at its disk, or name a file on another one with --db"};
    return {};
  }

  Result<void> save_experiment(const wire::Experiment& experiment) override {
    TRY(prepare_tables());
    const auto bind = [&](SqliteUse& use) {
      use.text(experiment.name).text(experiment.creator);
      use.time_or_null(experiment.start).time_or_null(experiment.end);
      use.time_or_null(experiment.created).text(experiment.status).text(experiment.id);
    };
    return update_or_insert(
        "UPDATE experiments SET NAME = ?, CREATOR = ?, START = ?, END = ?, CREATED = ?, STATUS = ? "
        "WHERE EXP_ID = ?",
        "INSERT INTO experiments (NAME, CREATOR, START, END, CREATED, STATUS, EXP_ID) "
        "VALUES (?,?,?,?,?,?,?)",
        bind);
  }

  Result<bool> change_experiment(const wire::Experiment& experiment,
                                 const std::string& from) override {
    TRY(prepare_tables());
    SqliteUse use(TRY(statement(
        "UPDATE experiments SET NAME = ?, CREATOR = ?, START = ?, END = ?, CREATED = ?, STATUS = ? "
        "WHERE EXP_ID = ? AND STATUS = ?")));
    use.text(experiment.name).text(experiment.creator);
    use.time_or_null(experiment.start).time_or_null(experiment.end);
    use.time_or_null(experiment.created).text(experiment.status).text(experiment.id).text(from);
    TRY(done(use.step()));
    return sqlite3_changes(database_.get()) > 0;
  }

  Result<void> save_metadata(const std::string& id, std::string_view json) override {
    TRY(prepare_tables());
    return update_or_insert(
        "UPDATE metadata SET DATA = json_set(?1, '$.exp_id', ?2) WHERE EXP_ID = ?2",
        "INSERT INTO metadata (DATA, EXP_ID) VALUES (json_set(?1, '$.exp_id', ?2), ?2)",
        [&](SqliteUse& use) { use.text(json).text(id); });
  }

  Result<void> put_node_info(const std::string& id, RowNumber /*row*/,
                             const wire::NodeInfo& info) override {
    SqliteUse use(TRY(
        statement("INSERT INTO nodeinfo (EXP_ID, NODE, INFO_KEY, INFO_VALUE) VALUES (?,?,?,?)")));
    use.text(id).text(info.node).text(info.key).text(info.value);
    return done(use.step());
  }

  Result<void> put_trace(const std::string& id, RowNumber /*row*/, const wire::Trace& trace,
                         const wire::Names& names) override {
    if (!insert_trace_) insert_trace_ = TRY(prepare(sqlite_insert_trace()));
    SqliteUse use(insert_trace_.get());
    wire::put_request_id(request_id_, trace, names);
    wire::each_stored_field(trace, names, id, request_id_, [&](auto place, const auto& value) {
      constexpr wire::TraceField kField = wire::kTraceFields[place];
      if (kField.kind == wire::FieldKind::response && trace.empty_response)
        use.text("");
      else
        use.field<kField.none>(value);
    });
    return done(use.step());
  }

  Result<void> put_sample(const std::string& id, RowNumber /*row*/,
                          const wire::Sample& sample) override {
    if (std::isnan(sample.value)) return {};  // SQLite would take it as null
    SqliteUse use(
        TRY(statement("INSERT INTO telemetry (EXP_ID, TIMESTAMP, METRIC, SUBSYSTEM, NODE, VALUE) "
                      "VALUES (?,?,?,?,?,?)")));
    use.text(id).number(to_unix_seconds(sample.at)).text(sample.metric);
    use.text_or_null(sample.subsystem).text(sample.node).number(sample.value);
    return done(use.step());
  }

  Result<void> put_event(const std::string& id, RowNumber /*row*/,
                         const wire::Event& event) override {
    SqliteUse use(
        TRY(statement("INSERT INTO events (EXP_ID, TIMESTAMP, NAME, VALUE) VALUES (?,?,?,?)")));
    use.text(id).number(to_unix_seconds(event.at)).text(event.name).text_or_null(event.value);
    return done(use.step());
  }

  Result<void> save_spool_position(const std::string& id, std::uint64_t position) override {
    return update_or_insert(
        "UPDATE spool_position SET POSITION = ? WHERE EXP_ID = ?",
        "INSERT INTO spool_position (POSITION, EXP_ID) VALUES (?,?)",
        [&](SqliteUse& use) { use.integer(static_cast<std::int64_t>(position)).text(id); });
  }

  Result<std::optional<std::uint64_t>> spool_position(const std::string& id) override {
    std::optional<std::uint64_t> position;
    if (!TRY(has_table("spool_position"))) return position;
    SqliteUse use(TRY(statement("SELECT POSITION FROM spool_position WHERE EXP_ID = ?")));
    use.text(id);
    TRY(rows(use, [&] { position = static_cast<std::uint64_t>(use.column_integer(0)); }));
    return position;
  }

  Result<std::vector<wire::Experiment>> experiments() override {
    return select_experiments("ORDER BY CREATED, EXP_ID", {});
  }

  Result<std::optional<wire::Experiment>> experiment(const std::string& id) override {
    const auto found = TRY(select_experiments("WHERE EXP_ID = ?", id));
    return found.empty() ? std::optional<wire::Experiment>() : found.front();
  }

  Result<std::optional<std::string>> running() override {
    const auto found = TRY(
        select_experiments("WHERE STATUS IN ('RUNNING', 'IN_PROGRESS') ORDER BY CREATED DESC", {}));
    return found.empty() ? std::optional<std::string>() : found.front().id;
  }

  Result<std::string> metadata(const std::string& id) override {
    std::string json;
    if (!TRY(has_table("metadata"))) return json;
    SqliteUse use(TRY(statement("SELECT DATA FROM metadata WHERE EXP_ID = ?")));
    use.text(id);
    TRY(rows(use, [&] { json = use.column_text(0); }));
    return json;
  }

  Result<StoredRows> counts(const std::string& id) override {
    StoredRows counts;
    SqliteUse use(TRY(statement(
        "SELECT (SELECT count(*) FROM traces WHERE EXP_ID = ?1), (SELECT count(*) FROM traces "
        "WHERE "
        "EXP_ID = ?1 AND (STATUS < 0 OR STATUS >= 400)), (SELECT count(*) FROM telemetry WHERE "
        "EXP_ID = ?1), (SELECT count(*) FROM events WHERE EXP_ID = ?1)")));
    use.text(id);
    TRY(rows(use, [&] {
      counts.traces = static_cast<std::uint64_t>(use.column_integer(0));
      counts.failed = static_cast<std::uint64_t>(use.column_integer(1));
      counts.telemetry = static_cast<std::uint64_t>(use.column_integer(2));
      counts.events = static_cast<std::uint64_t>(use.column_integer(3));
    }));
    return counts;
  }

  Result<void> remove(const std::string& id) override {
    TRY(begin());
    const auto removed = [&]() -> Result<void> {
      for (const char* table : {"traces", "telemetry", "events", "nodeinfo", "metadata",
                                "spool_position", "experiments"}) {
        SqliteUse use(TRY(statement(fmt::format("DELETE FROM {} WHERE EXP_ID = ?", table))));
        TRY(done(use.text(id).step()));
      }
      return commit();
    }();
    if (!removed.ok()) rollback();
    return removed;
  }

  Result<std::uint64_t> touch_traces(const std::string& id, Wall from, Wall to) override {
    TRY(prepare_tables());
    SqliteUse use(
        TRY(statement("UPDATE traces SET EXP_ID = ? WHERE (EXP_ID IS NULL OR EXP_ID = '') AND "
                      "CREATED >= ? AND CREATED <= ?")));
    use.text(id).number(to_unix_seconds(from)).number(to_unix_seconds(to));
    TRY(done(use.step()));
    return static_cast<std::uint64_t>(sqlite3_changes64(database_.get()));
  }

  Result<void> each_trace(const std::string& id, const RowVisitor<wire::NamedTrace>& f) override {
    return select_traces<wire::FieldUse::row>(id, f);
  }
  Result<void> each_trace_figures(const std::string& id,
                                  const RowVisitor<wire::NamedTrace>& f) override {
    return select_traces<wire::FieldUse::figure>(id, f);
  }

  Result<void> each_sample(const std::string& id, const RowVisitor<wire::Sample>& f) override {
    SqliteUse use(
        TRY(statement("SELECT TIMESTAMP, METRIC, SUBSYSTEM, NODE, VALUE FROM telemetry WHERE "
                      "EXP_ID = ? ORDER BY rowid")));
    use.text(id);
    return rows(use, [&] {
      return f({use.column_time(0), use.column_text(3), use.column_text(1), use.column_text(2),
                use.column_number(4)});
    });
  }

  Result<void> each_event(const std::string& id, const RowVisitor<wire::Event>& f) override {
    SqliteUse use(TRY(
        statement("SELECT TIMESTAMP, NAME, VALUE FROM events WHERE EXP_ID = ? ORDER BY rowid")));
    use.text(id);
    return rows(use,
                [&] { return f({use.column_time(0), use.column_text(1), use.column_text(2)}); });
  }

  Result<void> each_node_info(const std::string& id, const RowVisitor<wire::NodeInfo>& f) override {
    SqliteUse use(TRY(statement(
        "SELECT NODE, INFO_KEY, INFO_VALUE FROM nodeinfo WHERE EXP_ID = ? ORDER BY rowid")));
    use.text(id);
    return rows(use,
                [&] { return f({use.column_text(0), use.column_text(1), use.column_text(2)}); });
  }

  void pass_over_odd_values() override { passes_over_odd_values_ = true; }
  OddValues odd_values() const override { return odd_; }

  const std::string& where() const override { return where_; }

  Result<void> configure() {
    sqlite3_busy_timeout(database_.get(), 5000);
    TRY(execute("PRAGMA cache_size = -8000"));
    TRY(execute("PRAGMA synchronous = NORMAL"));
    // The first real look into the file: where it is no database, this says so.
    TRY(execute("SELECT count(*) FROM sqlite_master"));
    return {};
  }

  // Made at the first write, so that reading a database of the old system changes nothing in it.
  Result<void> prepare_tables() {
    if (prepared_) return {};
    TRY(execute("PRAGMA journal_mode = WAL"));
    TRY(execute("PRAGMA wal_autocheckpoint = 4000"));
    TRY(execute("BEGIN IMMEDIATE"));
    const auto made = make_tables();
    if (!made.ok()) rollback();
    prepared_ = made.ok();
    return made;
  }

 private:
  Result<void> make_tables() {
    TRY(execute(sqlite_create_traces()));
    TRY(execute(kSqliteTables));
    const std::set<std::string> there = TRY(columns_of("traces"));
    for (const wire::TraceField& field : wire::kTraceFields) {
      if (field.is_ours() && !there.contains(std::string(field.column)))
        TRY(execute("ALTER TABLE traces ADD COLUMN " + sqlite_definition(field)));
    }
    return commit();
  }

  Error failed() const { return sqlite_error(database_.get(), where_); }

  Result<void> execute(const std::string& sql) {
    if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      return failed();
    return {};
  }

  Result<SqliteStatement> prepare(const std::string& sql) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(database_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &made,
                           nullptr) != SQLITE_OK)
      return failed();
    return SqliteStatement(made);
  }

  // Prepared once, kept by its text.
  Result<sqlite3_stmt*> statement(const std::string& sql) {
    for (const auto& [text, made] : statements_) {
      if (text == sql) return made.get();
    }
    statements_.emplace_back(sql, TRY(prepare(sql)));
    return statements_.back().second.get();
  }

  // For tables of the old system too, which have no key that an upsert could go by.
  template <class Bind>
  Result<void> update_or_insert(const char* update, const char* insert, Bind&& bind) {
    {
      SqliteUse use(TRY(statement(update)));
      bind(use);
      TRY(done(use.step()));
      if (sqlite3_changes(database_.get()) > 0) return {};
    }
    SqliteUse use(TRY(statement(insert)));
    bind(use);
    return done(use.step());
  }

  Result<void> done(int code) {
    if (code != SQLITE_DONE && code != SQLITE_ROW) return failed();
    return {};
  }

  template <class F>
  Result<void> rows(SqliteUse& use, F&& f) {
    while (true) {
      const int code = use.step();
      if (code == SQLITE_DONE) return {};
      if (code != SQLITE_ROW) return failed();
      bool goes_on = true;
      if constexpr (std::is_void_v<decltype(f())>)
        f();
      else
        goes_on = f();
      if (std::string what = use.take_unreadable(); !what.empty()) {
        if (!passes_over_odd_values_)
          return Error{ErrorCode::kCorrupt, "can't read a row of the database", where_,
                       what + ", which can't stand there", "mend the row or delete it"};
        if (odd_.rows++ == 0) odd_.first = std::move(what);
      }
      if (!goes_on) return {};
    }
  }

  // Their names in capitals.
  Result<std::set<std::string>> columns_of(const std::string& table) {
    std::set<std::string> columns;
    SqliteUse use(
        TRY(statement(fmt::format("SELECT upper(name) FROM pragma_table_info('{}')", table))));
    TRY(rows(use, [&] { columns.insert(use.column_text(0)); }));
    return columns;
  }

  Result<bool> has_table(const std::string& table) {
    SqliteUse use(
        TRY(statement("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?")));
    use.text(table);
    bool found = false;
    TRY(rows(use, [&] { found = use.column_integer(0) > 0; }));
    return found;
  }

  struct RowStretch {
    std::int64_t first = 0;
    std::int64_t last = 0;
  };
  // From the experiment's first trace to its last, where most of what stands between is its own, as
  // of one that ran alone: the table is read from there to there then, which is faster than to look
  // up each row that the index names. Without an index the table is read whole anyway.
  Result<std::optional<RowStretch>> rows_together(const std::string& id) {
    constexpr std::int64_t kProbes = 32;
    constexpr std::int64_t kFewest = 1000;  // rows that are worth the questions
    RowStretch stretch;
    bool is_indexed = false;
    SqliteUse index(
        TRY(statement("SELECT count(*) FROM pragma_index_list('traces') one JOIN pragma_index_info("
                      "one.name) part WHERE part.seqno = 0 AND upper(part.name) = 'EXP_ID'")));
    TRY(rows(index, [&] { is_indexed = index.column_integer(0) > 0; }));
    if (!is_indexed) return std::nullopt;
    SqliteUse ends(
        TRY(statement("SELECT ifnull(min(rowid), -1), ifnull(max(rowid), -1) FROM (SELECT * FROM "
                      "(SELECT rowid FROM traces WHERE EXP_ID = ?1 ORDER BY rowid LIMIT 1) UNION "
                      "ALL SELECT * FROM (SELECT rowid FROM traces WHERE EXP_ID = ?1 ORDER BY "
                      "rowid DESC LIMIT 1))")));
    ends.text(id);
    TRY(rows(ends, [&] { stretch = {ends.column_integer(0), ends.column_integer(1)}; }));
    if (stretch.first < 0 || stretch.last - stretch.first < kFewest) return std::nullopt;
    std::int64_t own = 0;
    for (std::int64_t i = 0; i < kProbes; ++i) {
      SqliteUse use(TRY(statement("SELECT EXP_ID = ? FROM traces WHERE rowid >= ? LIMIT 1")));
      use.text(id).integer(stretch.first + (stretch.last - stretch.first) / kProbes * i);
      TRY(rows(use, [&] { own += use.column_integer(0); }));
    }
    return own < kProbes * 3 / 4 ? std::nullopt : std::optional(stretch);
  }

  // Each trace of the experiment, in order. Only what is asked for is read and copied, a trace's
  // texts are used again.
  template <wire::FieldUse kUse>
  Result<void> select_traces(const std::string& id, const RowVisitor<wire::NamedTrace>& f) {
    const std::set<std::string> there = TRY(columns_of("traces"));
    std::vector<std::string> columns;
    for (const wire::TraceField& field : wire::kTraceFields) {
      // What a database of the old system, or of an older version, doesn't have reads as null.
      const std::string column(field.column);
      if (field.is_read_for(kUse))
        columns.push_back(field.is_ours() && !there.contains(column) ? "NULL" : column);
    }
    const std::optional<RowStretch> together = TRY(rows_together(id));
    SqliteUse use(TRY(
        statement(fmt::format("SELECT {} FROM traces {} ORDER BY rowid", fmt::join(columns, ", "),
                              together ? "NOT INDEXED WHERE EXP_ID = ? AND rowid BETWEEN ? AND ?"
                                       : "WHERE EXP_ID = ?"))));
    use.text(id);
    if (together) use.integer(together->first).integer(together->last);
    wire::NamedTrace trace;
    return rows(use, [&] {
      int i = 0;
      wire::each_field(trace, [&](auto place, auto& value) {
        constexpr wire::TraceField kField = wire::kTraceFields[place];
        if constexpr (kField.is_read_for(kUse)) {
          use.read(i, value);
          if (kField.kind == wire::FieldKind::response)
            trace.empty_response = trace.response.empty() && !use.is_null(i);
          ++i;
        }
      });
      return f(trace);
    });
  }

  Result<std::vector<wire::Experiment>> select_experiments(const std::string& clause,
                                                           std::string_view id) {
    std::vector<wire::Experiment> list;
    if (!TRY(has_table("experiments"))) return list;
    SqliteUse use(TRY(statement(
        "SELECT EXP_ID, NAME, CREATOR, START, END, CREATED, STATUS FROM experiments " + clause)));
    if (!id.empty()) use.text(id);
    TRY(rows(use, [&] {
      list.push_back({use.column_text(0), use.column_text(1), use.column_text(2),
                      use.column_time(5), use.column_time(3), use.column_time(4),
                      use.column_text(6)});
    }));
    return list;
  }

  SqliteDatabase database_;
  const std::string where_;
  bool prepared_ = false;
  bool passes_over_odd_values_ = false;
  OddValues odd_;
  SqliteStatement insert_trace_;
  std::string request_id_;  // of the trace that is put
  std::vector<std::pair<std::string, SqliteStatement>> statements_;
};

// `file` as SQLite takes it; `name` is what the store calls itself.
Result<std::unique_ptr<Store>> open_named(const std::string& file, const std::string& name,
                                          OpenMode mode) {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                    (mode == OpenMode::kCreate ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(file.c_str(), &opened, flags, nullptr);
  SqliteDatabase database(opened);
  if (!opened)
    return Error{ErrorCode::kIo, "can't open the database", name, sqlite3_errstr(code), {}};
  if (code != SQLITE_OK) return sqlite_error(opened, name);
  auto store = std::make_unique<SqliteStore>(std::move(database), name);
  TRY(store->configure());
  if (mode == OpenMode::kCreate) TRY(store->prepare_tables());
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(const std::string& where, OpenMode mode) {
  // "sqlite:///absolute" and "sqlite://relative" name a path, too.
  const std::string path = where.starts_with("//") ? where.substr(2) : where;
  if (const std::string why = why_no_database_file(path); !why.empty())
    return Error{ErrorCode::kUsage, "can't open the database", path, why,
                 "name a file, as in --db galileo.sqlite"};
  if (mode == OpenMode::kExisting && access(path.c_str(), F_OK) != 0)
    return Error{ErrorCode::kNotFound,
                 "there is no database",
                 path,
                 {},
                 "name one with --db, or run an experiment first"};
  return open_named(path, path, mode);
}

Result<std::unique_ptr<Store>> open_temporary_sqlite(const std::string& name) {
  // A file of its own without a name: what doesn't fit into the cache goes there.
  return open_named("", name, OpenMode::kCreate);
}

}  // namespace galileo::store
