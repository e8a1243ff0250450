#include "tables/export_folder.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "store/copy.h"
#include "store/metadata_json.h"
#include "tables/table_reader.h"
#include "wire/trace_fields.h"

namespace galileo::tables {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kDescriptionMax = std::size_t{64} << 20;
constexpr std::uint64_t kRowsAtOnce = 10'000;

struct Description {
  wire::Experiment experiment;
  std::string format;
  std::string metadata;  // as it was written; empty: none
  Json rows;
};

Error wrong_export(const std::string& path, std::string why) {
  return {ErrorCode::kCorrupt, "can't read the export", path, std::move(why),
          "export the experiment again, as csv or jsonl"};
}

// The text of the metadata's object, whose numbers a JSON library would round.
std::string metadata_text(const std::string& text, const Json& parsed) {
  if (!parsed.is_object()) return {};
  const std::string_view mark = "\n \"metadata\": ";
  const std::size_t at = text.find(mark);
  const std::size_t end = text.rfind('}');
  if (at != std::string::npos) {
    const std::string raw(
        trim(std::string_view(text).substr(at + mark.size(), end - at - mark.size())));
    if (Json::accept(raw)) return raw;
  }
  return parsed.dump();
}

Result<Description> read_description(const std::string& path) {
  const std::string text = TRY(read_whole_file(path, kDescriptionMax));
  if (store::is_nested_deeply(text)) return wrong_export(path, "it is nested too deeply");
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return wrong_export(path, "it isn't a JSON object");
  const auto text_of = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto time_of = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number() ? from_unix_seconds(found->get<double>())
                                                     : kNoWall;
  };
  Description described;
  described.experiment = {text_of("id"),    text_of("name"), text_of("creator"), time_of("created"),
                          time_of("start"), time_of("end"),  text_of("status")};
  described.format = text_of("format");
  described.metadata = metadata_text(text, json.value("metadata", Json()));
  described.rows = json.value("rows", Json());
  if (described.experiment.id.empty()) return wrong_export(path, "it has no id");
  if (described.format != "csv" && described.format != "jsonl")
    return wrong_export(path, fmt::format("its tables are of the format '{}'", described.format));
  return described;
}

// The fields of one row from the left; the first that can't be understood is remembered.
class Fields {
 public:
  std::vector<Field> values;
  std::optional<std::string> problem;  // which may be an empty text

  void begin() { at_ = 0; }
  std::string text() { return values[at_++].value_or(std::string()); }
  Wall time() {
    if (!values[at_]) {
      ++at_;
      return kNoWall;
    }
    const double value = number();
    if (!(std::abs(value) < kTimeMax)) problem = *values[at_ - 1];  // or it isn't a number
    return problem ? kNoWall : from_unix_seconds(value);
  }
  Duration duration() {
    if (!values[at_]) {
      ++at_;
      return kNoDuration;
    }
    const Duration value = from_seconds(number());
    if (value == kNoDuration) problem = *values[at_ - 1];
    return value;
  }
  wire::TraceId trace_id() {
    const Field& field = values[at_++];
    const wire::TraceId id = wire::trace_id_of(field.value_or(std::string()));
    if (field && id.is_none()) problem = *field;
    return id;
  }
  double number() {
    const Field& field = values[at_++];
    if (!field) return missing();
    double value = 0;
    const char* const end = field->data() + field->size();
    const auto read = std::from_chars(field->data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end) problem = *field;
    if (std::isnan(value)) problem = *field;
    return value;
  }
  // Bytes; nothing where nobody has counted them.
  std::uint64_t count() {
    if (!values[at_]) {
      ++at_;
      return 0;
    }
    return static_cast<std::uint64_t>(integer(0, std::numeric_limits<std::int64_t>::max()));
  }
  std::int64_t integer(std::int64_t least, std::int64_t most) {
    const Field& field = values[at_++];
    if (!field) return static_cast<std::int64_t>(missing());
    std::int64_t value = 0;
    const char* const end = field->data() + field->size();
    const auto read = std::from_chars(field->data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end || value < least || value > most)
      problem = *field;
    return value;
  }
  bool is_null() const { return !values[at_]; }
  template <class Value>
  void read(Value& into) {
    if constexpr (std::is_same_v<Value, std::string>)
      into = text();
    else if constexpr (std::is_same_v<Value, Wall>)
      into = time();
    else if constexpr (std::is_same_v<Value, Duration>)
      into = duration();
    else if constexpr (std::is_same_v<Value, wire::TraceId>)
      into = trace_id();
    else if constexpr (std::is_same_v<Value, std::uint64_t>)
      into = count();
    else
      into = static_cast<Value>(
          integer(std::numeric_limits<Value>::min(), std::numeric_limits<Value>::max()));
  }

 private:
  static constexpr double kTimeMax = 9.2e9;  // seconds: what 64 bits of nanoseconds hold
  double missing() {
    problem = "an empty field";
    return 0;
  }
  std::size_t at_ = 0;
};

// Those of the first exports are needed; one that came later reads as null where the file is older.
std::vector<WantedColumn> wanted_trace_columns() {
  std::vector<WantedColumn> columns;
  for (const wire::TraceField& field : wire::kTraceFields) {
    if (field.is_read_for(wire::FieldUse::row))
      columns.push_back({std::string(field.column), field.since > 1});
  }
  return columns;
}

// Reads the tables of one folder into a store.
class Folder {
 public:
  Folder(const std::string& folder, const Description& described, store::Store& store)
      : folder_(folder), described_(described), store_(store), id_(described.experiment.id) {}

  Result<void> read() {
    TRY(store_.save_experiment(described_.experiment));
    if (!described_.metadata.empty()) TRY(store_.save_metadata(id_, described_.metadata));
    TRY(table("nodeinfo", {{"NODE"}, {"INFO_KEY"}, {"INFO_VALUE"}},
              [this] { return node_info(); }));
    TRY(table("traces", wanted_trace_columns(), [this] { return trace(); }));
    TRY(table("telemetry", {{"TIMESTAMP"}, {"NODE"}, {"METRIC"}, {"SUBSYSTEM"}, {"VALUE"}},
              [this] { return sample(); }));
    return table("events", {{"TIMESTAMP"}, {"NAME"}, {"VALUE"}}, [this] { return event(); });
  }

 private:
  template <class Put>
  Result<void> table(const char* name, const std::vector<WantedColumn>& columns, Put&& put) {
    const std::string path = fmt::format("{}/{}.{}", folder_, name, described_.format);
    const auto reader =
        TRY(described_.format == "csv" ? read_csv(path, columns) : read_json_lines(path, columns));
    std::uint64_t rows = 0;
    TRY(store_.begin());
    while (TRY(reader->next(fields_.values))) {
      fields_.begin();
      ++row_;
      TRY(put());
      if (fields_.problem)
        return wrong_export(reader->place(), fmt::format("'{}' isn't a number that can stand there",
                                                         *fields_.problem));
      if (++rows % kRowsAtOnce != 0) continue;
      TRY(store_.commit());
      TRY(store_.begin());
    }
    TRY(store_.commit());
    const Json& all = described_.rows;
    const std::uint64_t wanted =
        all.is_object() && all.contains(name) && all[name].is_number_unsigned()
            ? all[name].get<std::uint64_t>()
            : rows;
    if (rows != wanted)
      return wrong_export(path,
                          fmt::format("it has {} rows, and experiment.json says {}", rows, wanted));
    return {};
  }

  Result<void> node_info() {
    wire::NodeInfo info;
    info.node = fields_.text();
    info.key = fields_.text();
    info.value = fields_.text();
    return store_.put_node_info(id_, row_, info);
  }
  Result<void> trace() {
    wire::each_field(trace_, [&](auto place, auto& value) {
      const bool is_null = fields_.is_null();
      fields_.read(value);
      if (wire::kTraceFields[place].kind == wire::FieldKind::response)
        trace_.empty_response = trace_.response.empty() && !is_null;
    });
    return store_.put_trace(id_, row_, again_.of(trace_), again_.names());
  }
  Result<void> sample() {
    wire::Sample sample;
    sample.at = fields_.time();
    sample.node = fields_.text();
    sample.metric = fields_.text();
    sample.subsystem = fields_.text();
    sample.value = fields_.number();
    return store_.put_sample(id_, row_, sample);
  }
  Result<void> event() {
    wire::Event event;
    event.at = fields_.time();
    event.name = fields_.text();
    event.value = fields_.text();
    return store_.put_event(id_, row_, event);
  }

  const std::string& folder_;
  const Description& described_;
  store::Store& store_;
  const std::string& id_;
  Fields fields_;
  store::RowNumber row_ = 0;
  wire::NamedTrace trace_;
  store::TraceAgain again_;
};

}  // namespace

Result<std::unique_ptr<store::Store>> open_export(const std::string& folder) {
  const std::string path = folder + "/experiment.json";
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    return Error{ErrorCode::kNotFound, "the folder is no export", path,
                 "the file is missing, which export writes when all tables are whole",
                 "export the experiment again, or name a database"};
  const Description described = TRY(read_description(path));
  auto store = TRY(store::open_temporary(folder));
  TRY(Folder(folder, described, *store).read());
  return store;
}

}  // namespace galileo::tables
