// How rows are points of InfluxDB, in our layout and in the old system's
// (docs/how-to/databases.md), and how the server's rows are read back, whichever wrote them. Pure;
// values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"
#include "wire/trace_fields.h"

namespace galileo::store::influxdb {

enum class Layout : unsigned char { kNew, kOld };

// When a point is: the millisecond of its row, and in it the place that keeps rows apart.
std::int64_t point_time(Wall at, std::uint64_t place);

// Each appends one line, or none: false where the row can't be a point.
bool put_trace(std::string& out, const wire::TraceView& trace, std::int64_t time);
bool put_sample(std::string& out, const wire::Sample& sample, std::int64_t time);
bool put_event(std::string& out, const wire::Event& event, std::int64_t time);
// As the old system writes them, see docs/wire/database.md.
bool put_old_trace(std::string& out, const wire::TraceView& trace);
bool put_old_sample(std::string& out, const std::string& id, const wire::Sample& sample);
bool put_old_event(std::string& out, const std::string& id, const wire::Event& event);

// What isn't an experiment's rows goes into a bucket of ours, "galileo".
void put_experiment(std::string& out, const wire::Experiment& experiment);
void put_metadata(std::string& out, const std::string& id, std::string_view json);
void put_position(std::string& out, const std::string& id, std::uint64_t position);
void put_node_info(std::string& out, const std::string& id, RowNumber row,
                   const wire::NodeInfo& info);
void put_refused(std::string& out, const std::string& id, std::uint64_t number,
                 std::string_view line, std::string_view why);

using Fields = std::vector<std::string_view>;

// Where in a row of the server's answer which value is.
class Columns {
 public:
  static constexpr std::size_t kNone = SIZE_MAX;
  // A text that was cut into several fields: "response", "response.2", ...
  using Parts = std::vector<std::size_t>;

  explicit Columns(const Fields& header) : header_(header.begin(), header.end()) {}
  std::size_t at(std::string_view name) const;
  Parts parts(std::string_view name) const;

 private:
  std::vector<std::string> header_;
};

// Readers of rows: made of a header, then given rows of it. Each row is valid until the next call.
// key() is its exact time, which orders rows within a millisecond; time() is the point's.
class RowReader {
 public:
  explicit RowReader(const Fields& header);
  // Whether the old system, or its layout, wrote the point.
  bool is_old(const Fields& row) const { return !value(row, exp_id_).empty(); }
  std::int64_t time(const Fields& row) const;

 protected:
  // A value of ours is a field; the old layout has a tag of that name, and has both where a bucket
  // was written in both.
  struct Place {
    std::size_t ours = Columns::kNone;
    std::size_t old = Columns::kNone;
  };
  Place place(std::string_view name) const;
  std::string_view ours(const Fields& row, const Place& p) const { return value(row, p.ours); }
  std::string_view old(const Fields& row, const Place& p) const { return value(row, p.old); }
  static std::string_view value(const Fields& row, std::size_t column);
  static std::string text(const Fields& row, const Columns::Parts& parts);

  Columns columns_;

 private:
  std::size_t time_;
  std::size_t exp_id_;
};

// The keys of what statistics need of a trace in the new layout, as a question names them.
std::string figure_keys();

class TraceReader : public RowReader {
 public:
  explicit TraceReader(const Fields& header);
  wire::NamedTrace read(const Fields& row) const;
  static Wall key(const wire::NamedTrace& trace) { return trace.created; }

 private:
  wire::NamedTrace read_old(const Fields& row) const;
  std::array<Place, wire::kTraceFieldCount> places_;  // of the fields
  std::size_t empty_response_;
  Columns::Parts headers_, response_;
};

class SampleReader : public RowReader {
 public:
  explicit SampleReader(const Fields& header);
  wire::Sample read(const Fields& row) const;
  static Wall key(const wire::Sample& sample) { return sample.at; }

 private:
  std::size_t node_, metric_, subsystem_, value_, infinite_;
  Place ts_;
};

class EventReader : public RowReader {
 public:
  explicit EventReader(const Fields& header);
  wire::Event read(const Fields& row) const;
  static Wall key(const wire::Event& event) { return event.at; }

 private:
  std::size_t name_;
  Place ts_;
  Columns::Parts value_;
};

class ExperimentReader : public RowReader {
 public:
  explicit ExperimentReader(const Fields& header);
  wire::Experiment read(const Fields& row) const;

 private:
  std::size_t id_, name_, creator_, created_, start_, end_, status_;
};

class NodeInfoReader : public RowReader {
 public:
  explicit NodeInfoReader(const Fields& header);
  wire::NodeInfo read(const Fields& row) const;

 private:
  std::size_t node_, key_;
  Columns::Parts value_;
};

class MetadataReader : public RowReader {
 public:
  explicit MetadataReader(const Fields& header);
  std::string read(const Fields& row) const;

 private:
  std::size_t count_;
  Columns::Parts data_;
};

}  // namespace galileo::store::influxdb
