#include "frames/frame.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "wire/hops.h"
#include "wire/trace_fields.h"

namespace galileo::frames {
namespace {

constexpr std::uint64_t kAskEvery = 4096;

// Which of a table's columns are wanted: their writers, made in the order in which they are.
class Columns {
 public:
  Columns(const Wanted& wanted, PartedFile& file) : wanted_(wanted), file_(file) {}

  // The writer of that column where it is wanted, else nothing. Called once for each of the table.
  template <class Writer, class... Arguments>
  Writer* add(const std::string& name, bool usual, Arguments... arguments) {
    names_.push_back(name);
    const auto& columns = wanted_.columns;
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (columns.empty() ? !usual : found == columns.end()) return nullptr;
    auto made = std::make_unique<Writer>(file_, name, arguments...);
    Writer* writer = made.get();
    writers_.emplace_back(
        columns.empty() ? static_cast<std::ptrdiff_t>(writers_.size()) : found - columns.begin(),
        std::move(made));
    return writer;
  }

  // After all were added: whether there is each one that is wanted, and none twice.
  Result<void> check(const char* table) const {
    for (const std::string& column : wanted_.columns) {
      if (std::find(names_.begin(), names_.end(), column) == names_.end())
        return Error{ErrorCode::kUsage,
                     fmt::format("there is no column {}", column),
                     fmt::format("table {}", table),
                     {},
                     fmt::format("it has {}", fmt::join(names_, ", "))};
      if (std::count(wanted_.columns.begin(), wanted_.columns.end(), column) > 1)
        return Error{ErrorCode::kUsage,
                     fmt::format("column {} is asked for twice", column),
                     fmt::format("table {}", table),
                     {},
                     "name it once"};
    }
    return {};
  }

  // A row was put, or passed over. False: enough.
  bool row(bool taken) {
    rows_ += static_cast<std::uint64_t>(taken);
    if (++seen_ % kAskEvery != 0) return true;
    if (!file_.state().ok()) return false;
    is_ended_ = !wanted_.go_on(seen_);
    return !is_ended_;
  }
  bool is_ended() const { return is_ended_; }

  Result<Frame> finish() {
    if (is_ended_)
      return Error{ErrorCode::kInterrupted, "the reading was ended", {}, "it was asked to", {}};
    std::sort(writers_.begin(), writers_.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    Frame frame;
    frame.rows = rows_;
    for (auto& [place, writer] : writers_) frame.columns.push_back(writer->finish());
    TRY(file_.state());
    return frame;
  }

 private:
  const Wanted& wanted_;
  PartedFile& file_;
  std::vector<std::string> names_;
  std::vector<std::pair<std::ptrdiff_t, std::unique_ptr<ColumnWriter>>> writers_;
  std::uint64_t rows_ = 0;
  std::uint64_t seen_ = 0;
  bool is_ended_ = false;
};

bool is_in(const Wanted& wanted, Wall at) {
  if (wanted.from != kNoWall && (at == kNoWall || at < wanted.from)) return false;
  return wanted.to == kNoWall || (at != kNoWall && at < wanted.to);
}

// Reads that table of each experiment; `take` has a row and says whether it wants more.
template <class Row, class Take>
Result<void> each_row(
    const Wanted& wanted, CategoryColumn* ids,
    const std::function<Result<void>(const std::string& id, const store::RowVisitor<Row>& f)>& read,
    Columns& columns, Take&& take) {
  for (const std::string& id : wanted.ids) {
    TRY(read(id, [&](const Row& row) {
      const bool taken = take(row);
      if (taken && ids) ids->put(id);
      return columns.row(taken);
    }));
  }
  return {};
}

void put(CategoryColumn* column, const std::string& text) {
  if (!column) return;
  if (text.empty())
    column->put_null();
  else
    column->put(text);
}
void put(TextColumn* column, const std::string& text) {
  if (!column) return;
  if (text.empty())
    column->put_null();
  else
    column->put(text);
}
void put(TimeColumn* column, Wall at) {
  if (column) column->put(at);
}

template <wire::FieldKind kKind>
auto writer_of() {
  using Kind = wire::FieldKind;
  if constexpr (kKind == Kind::id || kKind == Kind::hex_id || kKind == Kind::headers ||
                kKind == Kind::response)
    return static_cast<TextColumn*>(nullptr);
  else if constexpr (kKind == Kind::name || kKind == Kind::failure || kKind == Kind::experiment)
    return static_cast<CategoryColumn*>(nullptr);
  else if constexpr (kKind == Kind::code)
    return static_cast<NumberColumn<std::int32_t>*>(nullptr);
  else if constexpr (kKind == Kind::count)
    return static_cast<NumberColumn<std::int64_t>*>(nullptr);
  else
    return static_cast<TimeColumn*>(nullptr);
}
template <wire::FieldKind kKind>
using WriterOf = std::remove_pointer_t<decltype(writer_of<kKind>())>;

constexpr bool is_usual(const wire::TraceField& field) {
  return field.kind != wire::FieldKind::headers && field.kind != wire::FieldKind::response;
}

// The columns of trace_fields.def.
class TraceColumns {
 public:
  explicit TraceColumns(Columns& columns) {
#define TRACE_FIELD(kind, member, ...) add<field_place::member>(columns);
    namespace field_place = wire::field_place;
#include "wire/trace_fields.def"
  }

  // What only whole rows have is wanted.
  bool takes_whole_rows() const {
    for (std::size_t place = 0; place < writers_.size(); ++place) {
      if (writers_[place] && wire::kTraceFields[place].use == wire::FieldUse::row &&
          wire::kTraceFields[place].kind != wire::FieldKind::experiment)
        return true;
    }
    return false;
  }
  CategoryColumn* ids() const {
    return static_cast<CategoryColumn*>(writers_[wire::field_place::exp_id]);
  }

  void put(const wire::NamedTrace& trace) {
    wire::each_field(trace, [&](auto place, const auto& value) {
      if (!writers_[place]) return;
      constexpr wire::TraceField kField = wire::kTraceFields[place];
      put_value<place>(static_cast<WriterOf<kField.kind>&>(*writers_[place]), value, trace);
    });
  }

 private:
  template <std::size_t kPlace>
  void add(Columns& columns) {
    constexpr wire::TraceField kField = wire::kTraceFields[kPlace];
    using Writer = WriterOf<kField.kind>;
    const std::string name = to_lower(kField.column);
    if constexpr (std::is_same_v<Writer, TimeColumn>)
      writers_[kPlace] = columns.add<Writer>(
          name, true, kField.kind == wire::FieldKind::duration ? kDuration : kTimestamp);
    else if constexpr (std::is_same_v<Writer, NumberColumn<std::int32_t>>)
      writers_[kPlace] = columns.add<Writer>(name, true, kInt32);
    else if constexpr (std::is_same_v<Writer, NumberColumn<std::int64_t>>)
      writers_[kPlace] = columns.add<Writer>(name, true, kInt64);
    else
      writers_[kPlace] = columns.add<Writer>(name, is_usual(kField));
  }

  template <std::size_t kPlace, class Writer, class Value>
  static void put_value(Writer& writer, const Value& value, const wire::NamedTrace& trace) {
    constexpr wire::TraceField kField = wire::kTraceFields[kPlace];
    if constexpr (std::is_same_v<Value, std::string>) {
      const bool is_there = !value.empty() || kField.none == wire::FieldNone::never ||
                            (kField.kind == wire::FieldKind::response && trace.empty_response);
      if (is_there)
        writer.put(value);
      else
        writer.put_null();
    } else if constexpr (std::is_same_v<Value, wire::TraceId>) {
      if (value.is_none())
        writer.put_null();
      else
        writer.put(to_text(value));
    } else if constexpr (std::is_same_v<Value, std::uint64_t>) {
      writer.put(static_cast<std::int64_t>(value));
    } else {
      writer.put(value);
    }
  }

  std::array<ColumnWriter*, wire::kTraceFieldCount> writers_{};
};

// What a trace's headers tell of its way, where it is wanted.
class HopColumns {
 public:
  explicit HopColumns(Columns& columns)
      : final_host_(columns.add<CategoryColumn>("final_host", false)),
        last_hop_(columns.add<TimeColumn>("last_hop", false, kTimestamp)),
        work_start_(columns.add<TimeColumn>("work_start", false, kTimestamp)),
        work_end_(columns.add<TimeColumn>("work_end", false, kTimestamp)) {}

  void put(const std::string& headers) {
    if (!final_host_ && !last_hop_ && !work_start_ && !work_end_) return;
    const wire::Hops hops = wire::parse_hops(headers);
    if (final_host_ && hops.final_hosts.empty())
      final_host_->put_null();
    else if (final_host_)
      final_host_->put(hops.final_hosts);
    if (last_hop_) last_hop_->put(hops.count ? hops.gateways[hops.count - 1].at : kNoWall);
    if (work_start_) work_start_->put(hops.start);
    if (work_end_) work_end_->put(hops.end);
  }

 private:
  CategoryColumn* const final_host_;
  TimeColumn* const last_hop_;
  TimeColumn* const work_start_;
  TimeColumn* const work_end_;
};

Result<Frame> read_traces(store::Store& store, const Wanted& wanted, PartedFile& file) {
  Columns columns(wanted, file);
  TraceColumns traces(columns);
  HopColumns hops(columns);
  TRY(columns.check("traces"));
  const bool whole = traces.takes_whole_rows();
  TRY(each_row<wire::NamedTrace>(
      wanted, traces.ids(),
      [&](const std::string& id, const auto& f) {
        return whole ? store.each_trace(id, f) : store.each_trace_figures(id, f);
      },
      columns,
      [&](const wire::NamedTrace& trace) {
        if (!is_in(wanted, trace.created)) return false;
        if (!wanted.service.empty() && trace.service != wanted.service) return false;
        traces.put(trace);
        hops.put(trace.headers);
        return true;
      }));
  return columns.finish();
}

Result<Frame> read_telemetry(store::Store& store, const Wanted& wanted, PartedFile& file) {
  Columns columns(wanted, file);
  auto* const ids = columns.add<CategoryColumn>("exp_id", true);
  auto* const time = columns.add<TimeColumn>("time", true, kTimestamp);
  auto* const metric = columns.add<CategoryColumn>("metric", true);
  auto* const subsystem = columns.add<CategoryColumn>("subsystem", true);
  auto* const node = columns.add<CategoryColumn>("node", true);
  auto* const value = columns.add<NumberColumn<double>>("value", true, kDouble);
  TRY(columns.check("telemetry"));
  TRY(each_row<wire::Sample>(
      wanted, ids, [&](const std::string& id, const auto& f) { return store.each_sample(id, f); },
      columns,
      [&](const wire::Sample& sample) {
        if (!is_in(wanted, sample.at)) return false;
        put(time, sample.at);
        put(metric, sample.metric);
        put(subsystem, sample.subsystem);
        put(node, sample.node);
        if (value) value->put(sample.value);
        return true;
      }));
  return columns.finish();
}

Result<Frame> read_events(store::Store& store, const Wanted& wanted, PartedFile& file) {
  Columns columns(wanted, file);
  auto* const ids = columns.add<CategoryColumn>("exp_id", true);
  auto* const time = columns.add<TimeColumn>("time", true, kTimestamp);
  auto* const name = columns.add<CategoryColumn>("name", true);
  auto* const value = columns.add<TextColumn>("value", true);
  TRY(columns.check("events"));
  TRY(each_row<wire::Event>(
      wanted, ids, [&](const std::string& id, const auto& f) { return store.each_event(id, f); },
      columns,
      [&](const wire::Event& event) {
        if (!is_in(wanted, event.at)) return false;
        put(time, event.at);
        put(name, event.name);
        put(value, event.value);
        return true;
      }));
  return columns.finish();
}

Result<Frame> read_nodes(store::Store& store, const Wanted& wanted, PartedFile& file) {
  Columns columns(wanted, file);
  auto* const ids = columns.add<CategoryColumn>("exp_id", true);
  auto* const node = columns.add<CategoryColumn>("node", true);
  auto* const key = columns.add<CategoryColumn>("key", true);
  auto* const value = columns.add<TextColumn>("value", true);
  TRY(columns.check("nodes"));
  TRY(each_row<wire::NodeInfo>(
      wanted, ids,
      [&](const std::string& id, const auto& f) { return store.each_node_info(id, f); }, columns,
      [&](const wire::NodeInfo& info) {
        put(node, info.node);
        put(key, info.key);
        put(value, info.value);
        return true;
      }));
  return columns.finish();
}

Result<Frame> read_experiments(store::Store& store, const Wanted& wanted, PartedFile& file) {
  Columns columns(wanted, file);
  auto* const id = columns.add<TextColumn>("exp_id", true);
  auto* const name = columns.add<TextColumn>("name", true);
  auto* const creator = columns.add<TextColumn>("creator", true);
  auto* const created = columns.add<TimeColumn>("created", true, kTimestamp);
  auto* const start = columns.add<TimeColumn>("start", true, kTimestamp);
  auto* const end = columns.add<TimeColumn>("end", true, kTimestamp);
  auto* const status = columns.add<CategoryColumn>("status", true);
  auto* const metadata = columns.add<TextColumn>("metadata", true);
  TRY(columns.check("experiments"));
  for (const wire::Experiment& experiment : TRY(store.experiments())) {
    const auto& ids = wanted.ids;
    if (!ids.empty() && std::find(ids.begin(), ids.end(), experiment.id) == ids.end()) continue;
    put(id, experiment.id);
    put(name, experiment.name);
    put(creator, experiment.creator);
    put(created, experiment.created);
    put(start, experiment.start);
    put(end, experiment.end);
    put(status, experiment.status);
    if (metadata) put(metadata, TRY(store.metadata(experiment.id)));
    if (!columns.row(true)) break;
  }
  return columns.finish();
}

constexpr FrameTable kTables[] = {{"experiments", read_experiments},
                                  {"traces", read_traces},
                                  {"telemetry", read_telemetry},
                                  {"events", read_events},
                                  {"nodes", read_nodes}};

using Json = nlohmann::ordered_json;

Json json_of(const Stretch& stretch) {
  return Json::array({stretch.offset, stretch.size});
}

Json json_of(const TextPlaces& texts) {
  return {
      {"count", texts.count}, {"offsets", json_of(texts.offsets)}, {"bytes", json_of(texts.bytes)}};
}

Json json_of(const ColumnPlaces& column) {
  Json json = {{"name", column.name}, {"type", column.type}, {"nulls", column.nulls}};
  if (column.validity) json["validity"] = json_of(*column.validity);
  if (column.type == std::string_view(kText) && !column.dictionary)
    json["texts"] = json_of(column.texts);
  else
    json["values"] = json_of(column.values);
  if (column.dictionary) json["dictionary"] = json_of(*column.dictionary);
  return json;
}

}  // namespace

std::span<const FrameTable> all_tables() {
  return kTables;
}

std::string to_json(const Frame& frame) {
  Json columns = Json::array();
  for (const ColumnPlaces& column : frame.columns) columns.push_back(json_of(column));
  return Json({{"rows", frame.rows}, {"columns", std::move(columns)}}).dump();
}

}  // namespace galileo::frames
