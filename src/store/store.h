// Where experiments are kept: SQLite here, other databases later, behind one interface. The layout
// is docs/wire/database.md's, with columns of ours behind. Blocking: a store lives at one desk; it
// isn't thread-safe. Each call fails with an Error that names the database, why, and the mend;
// where the same may succeed soon, since a server is away or somebody holds a lock, its code is
// kUnavailable. Nothing is written in part: a failed call outside begin() and commit() has changed
// nothing, but remove() and touch_traces(), which may do a part at a time and are finished by
// another call.
//
// store_contract_test.cc holds every driver to what is said here.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/row_visitor.h"
#include "wire/experiment.h"
#include "wire/sample.h"
#include "wire/trace.h"

namespace galileo::store {

// Rows of an experiment, table by table.
struct StoredRows {
  std::uint64_t traces = 0;
  std::uint64_t failed = 0;  // traces with a status below 0 or from 400 up
  std::uint64_t telemetry = 0;
  std::uint64_t events = 0;
};

// Rows that a database won't ever take: too large for it, or of another type than it has.
struct RefusedRows {
  std::uint64_t traces = 0;
  std::uint64_t others = 0;
  std::uint64_t rows() const { return traces + others; }
  RefusedRows since(const RefusedRows& before) const {
    return {traces - before.traces, others - before.others};
  }
};

// "the database refused 3 traces and 1 other rows for good; the log tells why".
std::string to_text(const RefusedRows& refused);

// Values that can't stand in their column, which SQLite keeps anyway.
struct OddValues {
  std::uint64_t rows = 0;  // that had one
  std::string first;       // "STATUS is 'fine'"
};

// Which row of its source it is: of a spool, the byte at which its record begins. A row that is put
// again has the number it had before, and rows of an experiment have different ones; a database
// without transactions keeps rows apart, and the same row once, by that.
using RowNumber = std::uint64_t;

class Store {
 public:
  virtual ~Store() = default;

  // Rows are put between begin() and commit(); what wasn't committed isn't there, or, in a database
  // without transactions, may be there and is the same row when it is put again. After a failed
  // call in between, commit() included, the caller rolls back; rollback() without begin() is fine.
  // A commit() that failed may have been carried out all the same, where its answer was lost: only
  // spool_position() tells.
  virtual Result<void> begin() = 0;
  virtual Result<void> commit() = 0;
  virtual void rollback() = 0;
  // What was committed is on disk when this returns.
  virtual Result<void> sync() = 0;

  // New, or in place of the one with its id.
  virtual Result<void> save_experiment(const wire::Experiment& experiment) = 0;
  // In place of the one with its id where that has the status `from`, with nobody in between;
  // false: it has another one, or there is none. InfluxDB alone looks first and writes then. Not
  // between begin() and commit() of a database without transactions.
  virtual Result<bool> change_experiment(const wire::Experiment& experiment,
                                         const std::string& from) = 0;
  // The text of a JSON object, in place of the one before; `exp_id` is set in it.
  virtual Result<void> save_metadata(const std::string& id, std::string_view json) = 0;
  // Texts that came from outside are kept as UTF-8, see base/utf8.h; a value that isn't a number is
  // left out, and an infinite one where the database has none. With an empty id a trace belongs to
  // no experiment, see touch_traces().
  virtual Result<void> put_node_info(const std::string& id, RowNumber row,
                                     const wire::NodeInfo& info) = 0;
  virtual Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                                 const wire::Names& names) = 0;
  virtual Result<void> put_sample(const std::string& id, RowNumber row,
                                  const wire::Sample& sample) = 0;
  virtual Result<void> put_event(const std::string& id, RowNumber row,
                                 const wire::Event& event) = 0;
  // How far a spool has been drained into this store; saved in the transaction of its rows.
  virtual Result<void> save_spool_position(const std::string& id, std::uint64_t position) = 0;
  virtual Result<std::optional<std::uint64_t>> spool_position(const std::string& id) = 0;

  // Those among what was put since it was opened: they were dropped, so that the rows behind them
  // are stored, and told in the log.
  virtual RefusedRows refused() const { return {}; }

  // Newest last. Reading changes nothing in a database, also not in one of the old system.
  virtual Result<std::vector<wire::Experiment>> experiments() = 0;
  virtual Result<std::optional<wire::Experiment>> experiment(const std::string& id) = 0;
  // The id of the one that is running, if any.
  virtual Result<std::optional<std::string>> running() = 0;
  // JSON text; empty where there is none.
  virtual Result<std::string> metadata(const std::string& id) = 0;
  virtual Result<StoredRows> counts(const std::string& id) = 0;
  // All rows of the experiment, in all tables.
  virtual Result<void> remove(const std::string& id) = 0;
  // Gives the experiment all traces of the time span that have none.
  virtual Result<std::uint64_t> touch_traces(const std::string& id, Wall from, Wall to) = 0;

  // One call a row, in the order in which they were stored; by time in a time-series database. One
  // that wants no more ends it, however many there are.
  virtual Result<void> each_trace(const std::string& id, const RowVisitor<wire::NamedTrace>& f) = 0;
  // For statistics: the same rows, but request id, client and response may be left empty,
  // where a database can do so with less reading.
  virtual Result<void> each_trace_figures(const std::string& id,
                                          const RowVisitor<wire::NamedTrace>& f) {
    return each_trace(id, f);
  }
  virtual Result<void> each_sample(const std::string& id, const RowVisitor<wire::Sample>& f) = 0;
  virtual Result<void> each_event(const std::string& id, const RowVisitor<wire::Event>& f) = 0;
  virtual Result<void> each_node_info(const std::string& id,
                                      const RowVisitor<wire::NodeInfo>& f) = 0;

  // From now on such a value reads as if nothing stood there, and its row is counted. Else it ends
  // the reading (kCorrupt).
  virtual void pass_over_odd_values() {}
  // Since then.
  virtual OddValues odd_values() const { return {}; }

  // The file, or the URL without user and password.
  virtual const std::string& where() const = 0;
};

enum class OpenMode { kCreate, kExisting };  // kCreate: made where it is missing

#define DRIVER(name, scheme, what, libraries, text) \
  Result<std::unique_ptr<Store>> open_##name(const std::string& where, OpenMode mode);
#include "store/drivers.def"
#undef DRIVER

enum class DatabaseIs : std::uint8_t { file, server };

// One of the drivers that are built in.
struct DriverRow {
  std::string_view name;
  std::string_view scheme;
  DatabaseIs what;
  std::string_view text;
};
const std::vector<DriverRow>& driver_rows();

// A database of its own that goes with the Store; `name` is what it calls itself. It is SQLite's.
Result<std::unique_ptr<Store>> open_temporary(const std::string& name);
Result<std::unique_ptr<Store>> open_temporary_sqlite(const std::string& name);

// Opens what `where` names: a path or "<scheme>:..." of drivers.def. The rows of a spool file are
// drained into a temporary database; what is changed there changes nothing in the file.
Result<std::unique_ptr<Store>> open_store(const std::string& where, OpenMode mode);

}  // namespace galileo::store
