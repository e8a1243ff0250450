// What the tests of this room share: a folder that goes with the test, and values to store.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/test_fixture.h"
#include "store/spool.h"
#include "store/store.h"
#include "wire/packed.h"

namespace galileo::store {

// The servers that are named to the tests of that driver, as URLs that a database's name goes
// behind: GALILEO_TEST_<DRIVER> has them with blanks between (tests/support/with_databases.py).
inline std::vector<std::string> test_servers(std::string_view driver) {
  std::string variable = "GALILEO_TEST_";
  for (const char c : driver) variable += static_cast<char>(std::toupper(c));
  const char* const named = std::getenv(variable.c_str());
  std::istringstream words(named ? named : "");
  return {std::istream_iterator<std::string>(words), {}};
}

inline constexpr Wall kTestStart{std::chrono::seconds{1'795'500'000}};
inline constexpr const char* kTestId = "202611241200-0a1b";

inline wire::Experiment test_experiment(const std::string& id = kTestId) {
  wire::Experiment experiment;
  experiment.id = id;
  experiment.name = "hello";
  experiment.creator = "me";
  experiment.created = kTestStart;
  experiment.start = kTestStart + std::chrono::seconds{1};
  experiment.status = wire::kRunning;
  return experiment;
}

// Names for test_trace(): client, request id, service, server, phase by number.
inline const std::vector<std::string> kTestNames{"",      "w:hello:1",      "abcdef0123",
                                                 "hello", "127.0.0.1:8080", "main"};

inline wire::Names test_names() {
  wire::Names names;
  for (std::size_t i = 1; i < kTestNames.size(); ++i) names.add(kTestNames[i]);
  return names;
}

// An answered one, a millisecond after the one before.
inline wire::Trace test_trace(std::uint64_t number) {
  wire::Trace trace;
  trace.client = 1;
  trace.id_prefix = 2;
  trace.service = 3;
  trace.server = 4;
  trace.phase = 5;
  trace.status = 200;
  trace.number = number;
  trace.created = kTestStart + std::chrono::milliseconds{static_cast<std::int64_t>(number)};
  trace.dispatched = trace.created + std::chrono::microseconds{10};
  trace.sent = trace.created + std::chrono::microseconds{20};
  trace.first_byte = trace.created + std::chrono::microseconds{300};
  trace.done = trace.created + std::chrono::microseconds{400};
  trace.request_bytes = 80;
  trace.response_bytes = 120;
  return trace;
}

// One that has all fields, the numbers of each another one.
inline wire::Trace full_trace(std::uint64_t number) {
  wire::Trace trace = test_trace(number);
  trace.headers = R"({"Server": "x"})";
  trace.response = "it's \"quoted\",\nüber";
#define TRACE_DURATION(member, ...) \
  trace.member = std::chrono::microseconds{100 + wire::field_place::member};
#define TRACE_COUNT(member, ...) trace.member = 1000 + wire::field_place::member;
#define TRACE_TIME(member, ...) \
  trace.member = trace.created + std::chrono::microseconds{wire::field_place::member};
#define TRACE_HEX_ID(member, ...) trace.member = {0x4bf92f3577b34da6u, wire::field_place::member};
#include "wire/trace_fields.def"
  trace.failure = wire::Failure::status;
  return trace;
}

// The request ids stored for the experiment, in order.
inline std::vector<std::string> stored_ids(Store& store, const std::string& id = kTestId) {
  std::vector<std::string> ids;
  must(store.each_trace(id, [&](const wire::NamedTrace& t) { ids.push_back(t.request_id); }));
  return ids;
}

// "abcdef0123:1" to ":count".
inline std::vector<std::string> ids_up_to(std::uint64_t count) {
  std::vector<std::string> ids;
  for (std::uint64_t i = 1; i <= count; ++i) ids.push_back(fmt::format("abcdef0123:{}", i));
  return ids;
}

// An experiment with rows of every kind that a store has to keep apart, and what isn't its own.
inline void put_rows_of_all_kinds(Store& store, const std::string& id = kTestId) {
  must(store.save_experiment(test_experiment(id)));
  must(store.save_metadata(id, R"({"note": "ü", "n": 1.50})"));
  wire::Names names = test_names();
  const wire::NameId foreign_id = names.add("of:another:system");
  const wire::NameId odd_id = names.add("abc:007");
  const wire::NameId reason = names.add("eaten_by_a_grue");
  const std::string large(1 << 20, 'x');
  std::vector<wire::Trace> traces;
  for (std::uint64_t number = 1; number <= 8; ++number) traces.push_back(test_trace(number));
  traces[0].headers = R"({"Server": "x"})";
  traces[0].response = "it's \"quoted\",\r\nüber \xf0\x9f\x98\x80";
  traces[1].empty_response = true;
  traces[2].status = -1;
  traces[2].failure = wire::Failure::no_connection;
  traces[2].sent = traces[2].first_byte = kNoWall;
  traces[2].server = 0;
  traces[3].closed_loop = true;
  traces[3].phase = 0;
  traces[4].number = 0;  // of the old system: no time of dispatch, so none that was intended
  traces[4].id_prefix = foreign_id;
  traces[4].dispatched = traces[4].first_byte = kNoWall;
  traces[5].status = 503;
  traces[5].failure = wire::Failure::none;
  traces[5].foreign_failure = reason;
  traces[6].response = large;
  traces[7].number = 0;
  traces[7].id_prefix = odd_id;
  RowNumber row = 0;
  must(store.begin());
  must(store.put_node_info(id, ++row, {"n1", "cpus", "2"}));
  must(store.put_node_info(id, ++row, {"n1", "labels", ""}));
  for (const wire::Trace& trace : traces) must(store.put_trace(id, ++row, trace, names));
  const double most = std::numeric_limits<double>::max();
  for (const double value : {0.1, -0.0, most, 1e-300}) {
    const Wall at = kTestStart + Duration{static_cast<std::int64_t>(++row) * 1'000'000};
    must(store.put_sample(id, row, {at, "n1", "cpu", row % 2 ? "" : "eth0", value}));
  }
  must(store.put_event(id, ++row, {kTestStart, "begin", ""}));
  must(store.put_event(id, ++row, {kTestStart, "scale", R"({"replicas": 3})"}));
  must(store.commit());
}

// The columns of `traces` by the table of fields; those that older versions have come first, as
// they always were.
inline std::string trace_columns() {
  std::string columns;
  for (const wire::TraceField& field : wire::kTraceFields)
    columns += fmt::format("{}{}", columns.empty() ? "" : " ", field.column);
  CHECK(columns.starts_with(
      "REQUEST_ID CLIENT SERVICE CREATED SENT DONE STATUS RESPONSE HEADERS SERVER EXP_ID INTENDED "
      "DISPATCHED FIRST_BYTE REQUEST_BYTES RESPONSE_BYTES ERROR PHASE"));
  return columns;
}

// All fields of a trace as a line.
inline std::string all_of(const wire::NamedTrace& trace) {
  std::string line;
  wire::each_field(trace, [&](auto /*place*/, const auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>)
      line += value;
    else if constexpr (std::is_same_v<std::decay_t<decltype(value)>, wire::TraceId>)
      line += to_text(value);
    else
      line += fmt::format("{}", wire::packed(value));
    line += '|';
  });
  return line + fmt::format("{}", trace.empty_response);
}

// Everything that the store has of the experiment, a line a thing.
inline std::vector<std::string> all_of(Store& store, const std::string& id = kTestId) {
  std::vector<std::string> lines;
  const auto ns = [](Wall at) { return at.time_since_epoch().count(); };
  if (const auto one = must(store.experiment(id)))
    lines.push_back(fmt::format("{}|{}|{}|{}|{}|{}|{}", one->id, one->name, one->creator,
                                ns(one->created), ns(one->start), ns(one->end), one->status));
  lines.push_back(must(store.metadata(id)));
  must(store.each_node_info(id, [&](const wire::NodeInfo& info) {
    lines.push_back(fmt::format("{}|{}|{}", info.node, info.key, info.value));
  }));
  must(store.each_trace(id, [&](const wire::NamedTrace& t) { lines.push_back(all_of(t)); }));
  must(store.each_sample(id, [&](const wire::Sample& sample) {
    lines.push_back(fmt::format("{}|{}|{}|{}|{}", ns(sample.at), sample.node, sample.metric,
                                sample.subsystem, sample.value));
  }));
  must(store.each_event(id, [&](const wire::Event& event) {
    lines.push_back(fmt::format("{}|{}|{}", ns(event.at), event.name, event.value));
  }));
  return lines;
}

// A database whose calls fail on purpose: the one that `calls_left` counts down to.
class FailingStore : public Store {
 public:
  explicit FailingStore(Store& store) : store_(&store) {}
  // From now on it is that one.
  void become(Store& store) { store_ = &store; }
  int calls_left = -1;              // -1: never
  ErrorCode code = ErrorCode::kIo;  // what it then says
  int begun = 0;
  bool loses_answer = false;  // of the next commit, which is carried out
  std::string name;           // that it says it has; empty: its own
  RelaxedCounter failures;    // readable on any thread

  Result<void> begin() override {
    ++begun;
    TRY(count_down());
    return store_->begin();
  }
  Result<void> commit() override {
    TRY(count_down());
    if (!loses_answer) return store_->commit();
    loses_answer = false;
    TRY(store_->commit());
    return Error{ErrorCode::kUnavailable, "can't use the database", where(), "no answer came", {}};
  }
  void rollback() override { store_->rollback(); }
  Result<void> sync() override { return store_->sync(); }
  Result<void> save_experiment(const wire::Experiment& experiment) override {
    TRY(count_down());
    return store_->save_experiment(experiment);
  }
  Result<bool> change_experiment(const wire::Experiment& experiment,
                                 const std::string& from) override {
    TRY(count_down());
    return store_->change_experiment(experiment, from);
  }
  Result<void> save_metadata(const std::string& id, std::string_view json) override {
    TRY(count_down());
    return store_->save_metadata(id, json);
  }
  Result<void> put_node_info(const std::string& id, RowNumber row,
                             const wire::NodeInfo& info) override {
    TRY(count_down());
    return store_->put_node_info(id, row, info);
  }
  Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                         const wire::Names& names) override {
    TRY(count_down());
    return store_->put_trace(id, row, trace, names);
  }
  Result<void> put_sample(const std::string& id, RowNumber row,
                          const wire::Sample& sample) override {
    TRY(count_down());
    return store_->put_sample(id, row, sample);
  }
  Result<void> put_event(const std::string& id, RowNumber row, const wire::Event& event) override {
    TRY(count_down());
    return store_->put_event(id, row, event);
  }
  Result<void> save_spool_position(const std::string& id, std::uint64_t position) override {
    TRY(count_down());
    return store_->save_spool_position(id, position);
  }
  Result<std::optional<std::uint64_t>> spool_position(const std::string& id) override {
    return store_->spool_position(id);
  }
  RefusedRows refused() const override { return store_->refused(); }
  Result<std::vector<wire::Experiment>> experiments() override { return store_->experiments(); }
  Result<std::optional<wire::Experiment>> experiment(const std::string& id) override {
    return store_->experiment(id);
  }
  Result<std::optional<std::string>> running() override { return store_->running(); }
  Result<std::string> metadata(const std::string& id) override { return store_->metadata(id); }
  Result<StoredRows> counts(const std::string& id) override { return store_->counts(id); }
  Result<void> remove(const std::string& id) override { return store_->remove(id); }
  Result<std::uint64_t> touch_traces(const std::string& id, Wall from, Wall to) override {
    return store_->touch_traces(id, from, to);
  }
  Result<void> each_trace(const std::string& id, const RowVisitor<wire::NamedTrace>& f) override {
    return store_->each_trace(id, f);
  }
  Result<void> each_trace_figures(const std::string& id,
                                  const RowVisitor<wire::NamedTrace>& f) override {
    return store_->each_trace_figures(id, f);
  }
  Result<void> each_sample(const std::string& id, const RowVisitor<wire::Sample>& f) override {
    return store_->each_sample(id, f);
  }
  Result<void> each_event(const std::string& id, const RowVisitor<wire::Event>& f) override {
    return store_->each_event(id, f);
  }
  Result<void> each_node_info(const std::string& id, const RowVisitor<wire::NodeInfo>& f) override {
    return store_->each_node_info(id, f);
  }
  const std::string& where() const override { return name.empty() ? store_->where() : name; }

 private:
  Result<void> count_down() {
    if (calls_left < 0 || calls_left-- > 0) return {};
    failures.add(1);
    return Error{code, "can't use the database", where(), "it was told to fail", {}};
  }
  Store* store_;
};

}  // namespace galileo::store
