#include "commands/exp_export.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "wire/csv.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

// One file, row by row; written in large pieces, so that its size doesn't matter.
class TableFile {
 public:
  TableFile(std::string path, bool json_lines) : path_(std::move(path)), json_lines_(json_lines) {}

  Result<void> open() {
    TRY(write_whole_file(path_, ""));
    file_ = TRY(open_file(path_, FileMode::kWrite));
    return {};
  }
  void row(const Json& values) {
    if (failure_) return;
    if (json_lines_) {
      buffer_ += values.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    } else {
      if (first_) buffer_ += header(values);
      first_ = false;
      buffer_ += line(values);
    }
    if (buffer_.size() > kPiece) flush();
  }
  // With the columns' names also where there were no rows.
  Result<void> close(const Json& names) {
    if (first_ && !json_lines_) buffer_ += header(names);
    flush();
    if (failure_) return *failure_;
    return {};
  }

 private:
  static constexpr std::size_t kPiece = std::size_t{1} << 20;

  static std::string header(const Json& values) {
    std::vector<std::string> fields;
    for (const auto& [name, value] : values.items()) fields.push_back(name);
    return wire::csv_line(fields);
  }
  static std::string line(const Json& values) {
    std::vector<std::string> fields;
    for (const auto& [name, value] : values.items()) {
      if (value.is_null())
        fields.emplace_back();
      else if (value.is_string())
        fields.push_back(value.get<std::string>());
      else if (value.is_number_float())
        fields.push_back(fmt::format("{}", value.get<double>()));
      else
        fields.push_back(value.dump());
    }
    return wire::csv_line(fields);
  }
  void flush() {
    const auto written = file_->write_at(size_, buffer_);
    if (!written.ok() && !failure_) failure_ = written.error();
    size_ += buffer_.size();
    buffer_.clear();
  }

  const std::string path_;
  const bool json_lines_;
  std::unique_ptr<File> file_;
  std::string buffer_;
  std::uint64_t size_ = 0;
  bool first_ = true;
  std::optional<Error> failure_;
};

Json time_json(Wall at) {
  return at == kNoWall ? Json(nullptr) : Json(to_unix_seconds(at));
}
Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json trace_row(const wire::NamedTrace& trace, const std::string& id) {
  return {{"REQUEST_ID", trace.request_id},
          {"CLIENT", trace.client},
          {"SERVICE", trace.service},
          {"CREATED", to_unix_seconds(trace.created)},
          {"SENT", to_unix_seconds(trace.sent)},
          {"DONE", to_unix_seconds(trace.done)},
          {"STATUS", trace.status},
          {"RESPONSE", text_or_null(trace.response)},
          {"HEADERS", text_or_null(trace.headers)},
          {"SERVER", text_or_null(trace.server)},
          {"EXP_ID", id},
          {"INTENDED", time_json(trace.intended)},
          {"DISPATCHED", time_json(trace.dispatched)},
          {"FIRST_BYTE", time_json(trace.first_byte)},
          {"REQUEST_BYTES", trace.request_bytes},
          {"RESPONSE_BYTES", trace.response_bytes},
          {"ERROR", text_or_null(trace.failure)},
          {"PHASE", text_or_null(trace.phase)}};
}

Json sample_row(const wire::Sample& sample, const std::string& id) {
  return {{"EXP_ID", id},
          {"TIMESTAMP", to_unix_seconds(sample.at)},
          {"METRIC", sample.metric},
          {"SUBSYSTEM", text_or_null(sample.subsystem)},
          {"NODE", sample.node},
          {"VALUE", sample.value}};
}

Json event_row(const wire::Event& event, const std::string& id) {
  return {{"EXP_ID", id},
          {"TIMESTAMP", to_unix_seconds(event.at)},
          {"NAME", event.name},
          {"VALUE", text_or_null(event.value)}};
}

Json info_row(const wire::NodeInfo& info, const std::string& id) {
  return {{"EXP_ID", id}, {"NODE", info.node}, {"INFO_KEY", info.key}, {"INFO_VALUE", info.value}};
}

// One table: each(put) calls put(row) for every row.
template <class Each>
Result<void> write_table(const std::string& path, bool json_lines, const Json& names, Each&& each) {
  TableFile file(path, json_lines);
  TRY(file.open());
  TRY(each([&](const Json& row) { file.row(row); }));
  return file.close(names);
}

}  // namespace

Result<void> export_experiment(store::Store& store, const std::string& id,
                               const std::string& folder, bool json_lines) {
  TRY(make_folders(folder));
  const auto path = [&](const char* table) {
    return fmt::format("{}/{}.{}", folder, table, json_lines ? "jsonl" : "csv");
  };
  TRY(write_table(path("traces"), json_lines, trace_row({}, id), [&](auto&& put) {
    return store.each_trace(id, [&](const wire::NamedTrace& trace) { put(trace_row(trace, id)); });
  }));
  TRY(write_table(path("telemetry"), json_lines, sample_row({}, id), [&](auto&& put) {
    return store.each_sample(id, [&](const wire::Sample& sample) { put(sample_row(sample, id)); });
  }));
  TRY(write_table(path("events"), json_lines, event_row({}, id), [&](auto&& put) {
    return store.each_event(id, [&](const wire::Event& event) { put(event_row(event, id)); });
  }));
  return write_table(path("nodeinfo"), json_lines, info_row({}, id), [&](auto&& put) {
    return store.each_node_info(id, [&](const wire::NodeInfo& info) { put(info_row(info, id)); });
  });
}

}  // namespace galileo::commands
