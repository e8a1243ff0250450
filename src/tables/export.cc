#include "tables/export.h"

#include <fmt/format.h>

#include <concepts>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/utf8.h"
#include "tables/parquet.h"
#include "tables/table_writer.h"
#include "wire/trace_fields.h"

namespace galileo::tables {
namespace {

using OrderedJson = nlohmann::ordered_json;
using Type = ColumnType;

Type type_of(wire::FieldKind kind) {
  switch (kind) {
    case wire::FieldKind::time:
    case wire::FieldKind::intended:
      return Type::kTime;
    case wire::FieldKind::duration:
      return Type::kSeconds;
    case wire::FieldKind::code:
      return Type::kInt32;
    case wire::FieldKind::count:
      return Type::kInt64;
    default:
      return Type::kText;
  }
}

std::vector<Column> trace_columns() {
  std::vector<Column> columns;
  for (const wire::TraceField& field : wire::kTraceFields)
    columns.push_back({field.column, type_of(field.kind)});
  return columns;
}

const TableSchema kTraces{"traces", trace_columns()};
const TableSchema kTelemetry{"telemetry",
                             {{"EXP_ID", Type::kText},
                              {"TIMESTAMP", Type::kTime},
                              {"METRIC", Type::kText},
                              {"SUBSYSTEM", Type::kText},
                              {"NODE", Type::kText},
                              {"VALUE", Type::kDouble}}};
const TableSchema kEvents{"events",
                          {{"EXP_ID", Type::kText},
                           {"TIMESTAMP", Type::kTime},
                           {"NAME", Type::kText},
                           {"VALUE", Type::kText}}};
const TableSchema kNodeInfo{"nodeinfo",
                            {{"EXP_ID", Type::kText},
                             {"NODE", Type::kText},
                             {"INFO_KEY", Type::kText},
                             {"INFO_VALUE", Type::kText}}};

// A table takes the place of an older one, and of nothing else: a device, a pipe or a link would be
// gone, and what it leads to wouldn't have the table.
Result<void> check_place(const std::string& path) {
  std::error_code ignored;
  const auto there = std::filesystem::symlink_status(path, ignored);
  if (!std::filesystem::exists(there) || std::filesystem::is_regular_file(there)) return {};
  return Error{ErrorCode::kUsage, "can't write", path, "what is there is no plain file",
               "remove it, or name another folder with --output"};
}

// Files that get their names once all of them are whole; otherwise nothing of them is left.
class PartFiles {
 public:
  ~PartFiles() {
    for (const std::string& path : paths_) std::remove(part(path).c_str());
  }
  // Where to write what becomes `path`.
  Result<std::string> add(const std::string& path) {
    TRY(check_place(path));
    TRY(check_place(part(path)));
    std::remove(part(path).c_str());
    paths_.push_back(path);
    return part(path);
  }
  Result<void> finish() {
    for (const std::string& path : paths_) TRY(check_place(path));
    for (std::size_t i = 0; i < paths_.size(); ++i) {
      if (std::rename(part(paths_[i]).c_str(), paths_[i].c_str()) == 0) continue;
      const int why = errno;
      // Some tables of this export beside others of the one before would be read as one: those that
      // have their names lose them again.
      for (std::size_t before = 0; before < i; ++before)
        static_cast<void>(std::rename(paths_[before].c_str(), part(paths_[before]).c_str()));
      return system_error("can't write", paths_[i], why);
    }
    paths_.clear();
    return {};
  }

 private:
  static std::string part(const std::string& path) { return path + ".part"; }
  std::vector<std::string> paths_;
};

// Rows of an experiment into a writer's tables.
class Export {
 public:
  Export(store::Store& store, const wire::Experiment& experiment, const ExportOptions& options,
         std::unique_ptr<TableWriter> writer)
      : store_(store), experiment_(experiment), options_(options), writer_(std::move(writer)) {}

  // The rows that were written.
  Result<std::uint64_t> run() {
    const std::string& id = experiment_.id;
    const store::StoredRows before = TRY(store_.counts(id));
    options_.on_begin(before.traces + before.telemetry + before.events);
    TRY(table(kTraces, [&] {
      return store_.each_trace(id, [&](const wire::NamedTrace& trace) { return put(trace); });
    }));
    TRY(table(kTelemetry, [&] {
      return store_.each_sample(id, [&](const wire::Sample& sample) { return put(sample); });
    }));
    TRY(table(kEvents, [&] {
      return store_.each_event(id, [&](const wire::Event& event) { return put(event); });
    }));
    TRY(table(kNodeInfo, [&] {
      return store_.each_node_info(id, [&](const wire::NodeInfo& info) { return put(info); });
    }));
    TRY(writer_->finish());
    TRY(check_unchanged(before));
    // Named last: where it is, the tables are whole.
    TRY(write_whole_file(TRY(files_.add(path("experiment.json"))), TRY(description())));
    TRY(files_.finish());
    return rows_written_;
  }

 private:
  // One state, or none: while a run is on, or a copy, a table that is read later has more.
  Result<void> check_unchanged(const store::StoredRows& before) {
    const auto now = TRY(store_.experiment(experiment_.id));
    const store::StoredRows counts = TRY(store_.counts(experiment_.id));
    const bool same = now && now->status == experiment_.status && before.traces == counts.traces &&
                      before.telemetry == counts.telemetry && before.events == counts.events;
    if (same) return {};
    return Error{ErrorCode::kUnavailable, "can't export the experiment", experiment_.id,
                 "rows came or went while it was read", "try again when its run is over"};
  }
  template <class Each>
  Result<void> table(const TableSchema& table, Each&& each) {
    const std::string name = fmt::format("{}.{}", table.name, writer_->suffix());
    TRY(writer_->begin_table(table, TRY(files_.add(path(name)))));
    rows_of_table_ = 0;
    TRY(each());
    if (stopped_)
      return Error{ErrorCode::kInterrupted, "the export was ended", options_.folder, {}, {}};
    TRY(writer_->end_table());
    rows_[table.name] = rows_of_table_;
    return {};
  }

  bool put(const wire::NamedTrace& trace) {
    const wire::TraceView row = wire::view(trace, experiment_.id);
    wire::each_field(row, [&](auto place, const auto& value) {
      constexpr wire::TraceField kField = wire::kTraceFields[place];
      if (kField.kind == wire::FieldKind::response && row.empty_response)
        text({});
      else
        field<kField.none == wire::FieldNone::null>(value);
    });
    return end_row();
  }
  bool put(const wire::Sample& sample) {
    text(experiment_.id);
    writer_->time(sample.at, NoTime::kMinusOne);
    text(sample.metric);
    text_or_null(sample.subsystem);
    text(sample.node);
    writer_->number(sample.value);
    return end_row();
  }
  bool put(const wire::Event& event) {
    text(experiment_.id);
    writer_->time(event.at, NoTime::kMinusOne);
    text(event.name);
    text_or_null(event.value);
    return end_row();
  }
  bool put(const wire::NodeInfo& info) {
    text(experiment_.id);
    text(info.node);
    text(info.key);
    text(info.value);
    return end_row();
  }
  template <bool kIsNull>
  void field(std::string_view value) {
    if (kIsNull)
      text_or_null(value);
    else
      text(value);
  }
  template <bool kIsNull>
  void field(Wall value) {
    writer_->time(value, kIsNull ? NoTime::kNull : NoTime::kMinusOne);
  }
  template <bool kIsNull>
  void field(Duration value) {
    if (value == kNoDuration)
      writer_->null();
    else
      writer_->number(to_seconds(value));
  }
  template <bool kIsNull>
  void field(const wire::TraceId& value) {
    text_or_null(to_text(value));
  }
  template <bool kIsNull, std::integral Number>
  void field(Number value) {
    writer_->integer(static_cast<std::int64_t>(value));
  }
  // The old system's databases hold any bytes.
  void text(std::string_view value) {
    if (is_utf8(value))
      writer_->text(value);
    else
      writer_->text(make_utf8(value));
  }
  void text_or_null(std::string_view value) {
    if (value.empty())
      writer_->null();
    else
      text(value);
  }
  // Whether it goes on.
  bool end_row() {
    writer_->end_row();
    ++rows_of_table_;
    if (++rows_written_ % 4096 == 0) stopped_ = !options_.go_on(rows_written_);
    return !stopped_;
  }

  // What the tables don't say. The metadata's text stays as it is: a reader of JSON would round its
  // numbers.
  Result<std::string> description() {
    const auto time = [](Wall at) {
      return at == kNoWall ? OrderedJson(nullptr) : OrderedJson(to_unix_seconds(at));
    };
    const std::string metadata = TRY(store_.metadata(experiment_.id));
    OrderedJson json{{"id", experiment_.id},
                     {"name", experiment_.name},
                     {"creator", experiment_.creator},
                     {"status", experiment_.status},
                     {"created", time(experiment_.created)},
                     {"start", time(experiment_.start)},
                     {"end", time(experiment_.end)},
                     {"format", writer_->suffix()},
                     {"rows", rows_}};
    std::string text = json.dump(1, ' ', false, OrderedJson::error_handler_t::replace);
    text.erase(text.rfind('\n'));
    const bool is_json = OrderedJson::accept(metadata);
    return fmt::format("{},\n \"metadata\": {}\n}}\n", text, is_json ? metadata : "null");
  }
  std::string path(const std::string& name) const { return options_.folder + "/" + name; }

  store::Store& store_;
  const wire::Experiment& experiment_;
  const ExportOptions& options_;
  PartFiles files_;  // goes after the writer, which may be about to make one
  const std::unique_ptr<TableWriter> writer_;
  OrderedJson rows_;
  std::uint64_t rows_of_table_ = 0;
  std::uint64_t rows_written_ = 0;
  bool stopped_ = false;
};

}  // namespace

Result<std::uint64_t> export_experiment(store::Store& store, const wire::Experiment& experiment,
                                        const ExportOptions& options) {
  std::unique_ptr<TableWriter> writer;
  switch (options.format) {
    case ExportFormat::kCsv:
      writer = csv_writer();
      break;
    case ExportFormat::kJsonLines:
      writer = json_lines_writer();
      break;
    case ExportFormat::kParquet:
      writer = TRY(parquet_writer(options.python));
      break;
  }
  TRY(make_folders(options.folder));
  // Another one would mix its files with ours.
  const auto ours = TRY(open_file(options.folder, FileMode::kRead));
  if (!ours->lock())
    return Error{ErrorCode::kUnavailable, "can't export the experiment", options.folder,
                 "another export writes into that folder", "name another one with --output"};
  return Export(store, experiment, options, std::move(writer)).run();
}

}  // namespace galileo::tables
