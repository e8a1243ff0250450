// One suite over every driver of drivers.def: what store.h says holds for each.
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "store/copy.h"
#include "store/influxdb_fixture.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

// A driver of drivers.def, with the server that it is tested with; none where its databases are
// files.
struct Driver {
  const DriverRow* row;
  std::string server;
};

// Servers are named to the tests by tests/support/with_databases.py. A driver without one isn't
// tested.
std::vector<Driver> drivers() {
  std::vector<Driver> all;
  for (const DriverRow& row : driver_rows()) {
    if (row.what == DatabaseIs::file) {
      all.push_back({&row, {}});
      continue;
    }
    for (const std::string& server : test_servers(row.name)) all.push_back({&row, server});
  }
  return all;
}

// An empty database of that kind: a file in the folder, or a new one of the server.
struct Place {
  explicit Place(const Driver& driver) {
    static int number = 0;
    const std::string name = fmt::format("contract_{}_{}", getpid(), ++number);
    if (driver.row->what == DatabaseIs::file)
      where = std::string(driver.row->scheme) + folder.file(name);
    else if (driver.row->name == "influxdb")
      where = new_influx_organisation(name);  // whose databases are made by its API
    else if (driver.row->name == "mixed")
      where = driver.server + name + "," + new_influx_organisation(name);
    else
      where = driver.server + name;
  }
  std::unique_ptr<Store> open() { return must(open_store(where, OpenMode::kCreate)); }
  TestFolder folder;
  std::string where;
};

void put_traces(Store& store, const std::string& id, std::uint64_t from, std::uint64_t to) {
  must(store.begin());
  for (std::uint64_t i = from; i <= to; ++i)
    must(store.put_trace(id, i, test_trace(i), test_names()));
  must(store.commit());
}

bool is_near(Wall a, Wall b) {
  // As seconds in a double, times of these years are told apart by a quarter of a microsecond.
  return a == b || std::abs((a - b).count()) < 500;
}

}  // namespace

#define FOR_EACH_DRIVER()                \
  for (const Driver& driver : drivers()) \
    if (Place place(driver); true)       \
      if (INFO("driver: ", std::string(driver.row->name), " with ", driver.server); true)

TEST_CASE("every driver is tested where servers are named to the tests") {
  if (std::getenv("GALILEO_TEST_ALL_DRIVERS") == nullptr) return;
  for (const DriverRow& row : driver_rows()) {
    INFO(std::string(row.name), ": let tests/support/with_databases.py start a server for it");
    CHECK((row.what == DatabaseIs::file || !test_servers(row.name).empty()));
  }
}

TEST_CASE("an experiment is saved, changed and found again") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    CHECK(must(store->experiments()).empty());
    CHECK_FALSE(must(store->experiment(kTestId)).has_value());
    wire::Experiment experiment = test_experiment();
    must(store->save_experiment(experiment));
    const auto running = must(store->experiment(kTestId));
    REQUIRE(running.has_value());
    CHECK(running->name == "hello");
    CHECK(running->creator == "me");
    CHECK(running->status == "RUNNING");
    CHECK(is_near(running->created, experiment.created));
    CHECK(is_near(running->start, experiment.start));
    CHECK(running->end == kNoWall);
    experiment.end = kTestStart + std::chrono::seconds{60};
    experiment.status = wire::kFinished;
    must(store->save_experiment(experiment));
    const auto all = must(store->experiments());
    REQUIRE(all.size() == 1);
    CHECK(all[0].status == "FINISHED");
    CHECK(is_near(all[0].end, experiment.end));
  }
}

TEST_CASE("an experiment is changed where it has the status that is expected, and else not") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    wire::Experiment queued = test_experiment();
    queued.status = wire::kQueued;
    CHECK_FALSE(must(store->change_experiment(queued, wire::kQueued)));
    CHECK(must(store->experiments()).empty());
    must(store->save_experiment(queued));
    wire::Experiment taken = queued;
    taken.status = wire::kInProgress;
    taken.start = kTestStart + std::chrono::seconds{1};
    CHECK(must(store->change_experiment(taken, wire::kQueued)));
    wire::Experiment cancelled = queued;
    cancelled.status = wire::kCancelled;
    CHECK_FALSE(must(store->change_experiment(cancelled, wire::kQueued)));
    const auto stored = must(store->experiment(kTestId));
    REQUIRE(stored.has_value());
    CHECK(stored->status == "IN_PROGRESS");
    CHECK(is_near(stored->start, taken.start));
    CHECK(must(store->running()) == kTestId);
  }
}

TEST_CASE("experiments are listed newest last, and the running one is told") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    CHECK_FALSE(must(store->running()).has_value());
    for (const int age : {1, 3, 2}) {
      wire::Experiment experiment = test_experiment(fmt::format("aged-{}", age));
      experiment.created = kTestStart - std::chrono::hours{age};
      experiment.status = age == 2 ? wire::kRunning : wire::kFinished;
      must(store->save_experiment(experiment));
    }
    const auto all = must(store->experiments());
    REQUIRE(all.size() == 3);
    CHECK(all[0].id == "aged-3");
    CHECK(all[1].id == "aged-2");
    CHECK(all[2].id == "aged-1");
    CHECK(must(store->running()) == "aged-2");
  }
}

TEST_CASE("metadata have the experiment's id in them; broken JSON changes nothing") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    CHECK(must(store->metadata(kTestId)).empty());
    must(store->save_metadata(kTestId, R"({"note": "\u00fc", "n": 1.50})"));
    must(store->save_metadata(kTestId, R"({"note": "ü", "n": 1.50})"));
    const std::string text = must(store->metadata(kTestId));
    CHECK(text.find(fmt::format(R"("exp_id":"{}")", kTestId)) != std::string::npos);
    CHECK(text.find("1.50") != std::string::npos);
    const auto broken = store->save_metadata(kTestId, "{\"note\": ");
    REQUIRE_FALSE(broken.ok());
    CHECK_FALSE(broken.error().why.empty());
    CHECK(must(store->metadata(kTestId)) == text);
  }
}

TEST_CASE("a trace is read back as it was put") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    wire::Trace answered = test_trace(1);
    answered.headers = R"({"Server": "x"})";
    answered.response = "it's \"quoted\",\nüber";
    wire::Trace never_sent = test_trace(2);
    never_sent.status = -1;
    never_sent.failure = wire::Failure::no_connection;
    never_sent.sent = never_sent.first_byte = kNoWall;
    never_sent.request_bytes = never_sent.response_bytes = 0;
    wire::Trace closed_loop = test_trace(3);
    closed_loop.closed_loop = true;
    closed_loop.phase = 0;
    must(store->begin());
    for (const wire::Trace& trace : {answered, never_sent, closed_loop})
      must(store->put_trace(kTestId, trace.number, trace, test_names()));
    must(store->commit());
    std::vector<wire::NamedTrace> seen;
    must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) { seen.push_back(t); }));
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].request_id == "abcdef0123:1");
    CHECK(seen[0].client == "w:hello:1");
    CHECK(seen[0].service == "hello");
    CHECK(seen[0].server == "127.0.0.1:8080");
    CHECK(seen[0].phase == "main");
    CHECK(seen[0].status == 200);
    CHECK(seen[0].failure.empty());
    CHECK(seen[0].headers == answered.headers);
    CHECK(seen[0].response == answered.response);
    CHECK(seen[0].request_bytes == 80);
    CHECK(seen[0].response_bytes == 120);
    CHECK(is_near(seen[0].intended, answered.created));
    CHECK(is_near(seen[0].created, answered.created));
    CHECK(is_near(seen[0].dispatched, answered.dispatched));
    CHECK(is_near(seen[0].sent, answered.sent));
    CHECK(is_near(seen[0].first_byte, answered.first_byte));
    CHECK(is_near(seen[0].done, answered.done));
    CHECK(seen[1].status == -1);
    CHECK(seen[1].failure == "no_connection");
    CHECK(seen[1].sent == kNoWall);
    CHECK(seen[1].first_byte == kNoWall);
    CHECK(seen[1].server.empty());
    CHECK(seen[2].intended == kNoWall);
    CHECK(seen[2].phase.empty());
  }
}

TEST_CASE("each field of a trace is read back as it was put, and none as none") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    const wire::Names names = test_names();
    wire::Trace none;  // all that it lacks
    none.client = 1;
    none.id_prefix = 2;
    none.service = 3;
    none.number = 2;
    none.created = kTestStart + std::chrono::milliseconds{2};
    must(store->begin());
    for (const wire::Trace& trace : {full_trace(1), none})
      must(store->put_trace(kTestId, trace.number, trace, names));
    must(store->commit());
    std::vector<wire::NamedTrace> seen;
    must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) { seen.push_back(t); }));
    REQUIRE(seen.size() == 2);
    for (const wire::NamedTrace& expected :
         {wire::resolve(full_trace(1), names), wire::resolve(none, names)}) {
      const wire::NamedTrace& found = seen[expected.request_id == "abcdef0123:1" ? 0 : 1];
      wire::each_field(expected, [&](auto field, const auto& value) {
        INFO(expected.request_id, " ", std::string(wire::kTraceFields[field].column));
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Wall>)
          CHECK(is_near(wire::field_of<field>(found), value));
        else
          CHECK(wire::field_of<field>(found) == value);
      });
    }
  }
}

TEST_CASE("samples, events and node info are read back as they were put, in order") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    must(store->begin());
    must(store->put_sample(kTestId, 1, {kTestStart, "n1", "rx", "eth0", 1.25}));
    must(store->put_sample(kTestId, 2, {kTestStart, "n1", "cpu", "", -0.5}));
    must(store->put_event(kTestId, 3, {kTestStart, "scale", R"({"replicas": 3})"}));
    must(store->put_event(kTestId, 4, {kTestStart, "begin", ""}));
    must(store->put_node_info(kTestId, 5, {"n1", "cpus", "2"}));
    must(store->commit());
    std::vector<std::string> lines;
    must(store->each_sample(kTestId, [&](const wire::Sample& s) {
      CHECK(is_near(s.at, kTestStart));
      lines.push_back(fmt::format("{}/{}/{}/{}", s.node, s.metric, s.subsystem, s.value));
    }));
    must(store->each_event(kTestId, [&](const wire::Event& event) {
      CHECK(is_near(event.at, kTestStart));
      lines.push_back(event.name + " " + event.value);
    }));
    must(store->each_node_info(kTestId, [&](const wire::NodeInfo& info) {
      lines.push_back(info.node + " " + info.key + " " + info.value);
    }));
    CHECK(lines == std::vector<std::string>{"n1/rx/eth0/1.25", "n1/cpu//-0.5",
                                            R"(scale {"replicas": 3})", "begin ", "n1 cpus 2"});
  }
}

TEST_CASE("a value that isn't a number is left out, the rows around it are kept") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    must(store->begin());
    RowNumber row = 0;
    for (const double value : {1.0, std::numeric_limits<double>::quiet_NaN(), 2.0})
      must(store->put_sample(kTestId, ++row, {kTestStart, "n1", "cpu", "", value}));
    must(store->commit());
    CHECK(must(store->counts(kTestId)).telemetry == 2);
  }
}

TEST_CASE("texts that aren't UTF-8 are made so, and large ones and zeros are kept") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    const std::string large(1 << 20, 'x');
    const std::string with_zero("a\0b", 3);
    RowNumber row = 0;
    must(store->begin());
    for (const std::string_view text :
         {std::string_view("a\xff"), std::string_view(large), std::string_view(with_zero)}) {
      wire::Trace trace = test_trace(++row);
      trace.response = text;
      must(store->put_trace(kTestId, row, trace, test_names()));
    }
    must(store->commit());
    std::vector<std::string> seen;
    must(
        store->each_trace(kTestId, [&](const wire::NamedTrace& t) { seen.push_back(t.response); }));
    CHECK(seen == std::vector<std::string>{"a\xef\xbf\xbd", large, with_zero});
  }
}

TEST_CASE("an experiment whose texts aren't UTF-8, or long, is kept") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    wire::Experiment experiment = test_experiment();
    experiment.name = "M\xfcller";
    experiment.creator = std::string(254, 'x') + "\xff\xff\xff";
    must(store->save_experiment(experiment));
    const auto found = must(store->experiment(kTestId));
    REQUIRE(found.has_value());
    CHECK(found->name == "M\xef\xbf\xbdller");
    CHECK(found->creator.starts_with(std::string(254, 'x') + "\xef\xbf\xbd"));
  }
}

TEST_CASE("what wasn't committed isn't there") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    store->rollback();
    must(store->begin());
    must(store->put_trace(kTestId, 1, test_trace(1), test_names()));
    must(store->save_spool_position(kTestId, 100));
    store->rollback();
    CHECK(stored_ids(*store).empty());
    CHECK_FALSE(must(store->spool_position(kTestId)).has_value());
    put_traces(*store, kTestId, 1, 2);
    const auto other = place.open();
    must(store->begin());
    must(store->put_trace(kTestId, 3, test_trace(3), test_names()));
    CHECK(stored_ids(*other) == ids_up_to(2));
    must(store->commit());
    CHECK(stored_ids(*other) == ids_up_to(3));
  }
}

TEST_CASE("a spool's position is kept with the rows, for each experiment its own") {
  FOR_EACH_DRIVER() {
    {
      const auto store = place.open();
      must(store->begin());
      must(store->save_spool_position(kTestId, 100));
      must(store->save_spool_position(kTestId, 200));
      must(store->save_spool_position("other", std::uint64_t{1} << 40));
      must(store->commit());
      must(store->sync());
    }
    const auto store = place.open();
    CHECK(must(store->spool_position(kTestId)) == 200);
    CHECK(must(store->spool_position("other")) == std::uint64_t{1} << 40);
  }
}

TEST_CASE("removing an experiment removes all its rows and nobody else's") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    for (const char* id : {kTestId, "other"}) {
      must(store->save_experiment(test_experiment(id)));
      must(store->save_metadata(id, "{}"));
      put_traces(*store, id, 1, 3);
      must(store->begin());
      must(store->put_sample(id, 4, {kTestStart, "n1", "cpu", "", 1}));
      must(store->put_event(id, 5, {kTestStart, "begin", ""}));
      must(store->put_node_info(id, 6, {"n1", "cpus", "2"}));
      must(store->save_spool_position(id, 7));
      must(store->commit());
    }
    must(store->remove(kTestId));
    must(store->remove("never there"));
    const auto rows_of = [&](const char* id) {
      const StoredRows counts = must(store->counts(id));
      std::uint64_t rows = counts.traces + counts.telemetry + counts.events;
      must(store->each_node_info(id, [&](const wire::NodeInfo&) { ++rows; }));
      if (!must(store->metadata(id)).empty()) ++rows;
      if (must(store->spool_position(id))) ++rows;
      if (must(store->experiment(id))) ++rows;
      return rows;
    };
    CHECK(rows_of(kTestId) == 0);
    CHECK(rows_of("other") == 9);
  }
}

TEST_CASE("only traces of the time span that have no experiment are touched") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    put_traces(*store, "", 1, 10);
    put_traces(*store, "other", 11, 20);
    const auto at = [](int ms) { return kTestStart + std::chrono::milliseconds{ms}; };
    const Duration half = std::chrono::microseconds{500};
    CHECK(must(store->touch_traces(kTestId, at(4) - half, at(15) + half)) == 7);
    CHECK(stored_ids(*store).size() == 7);
    CHECK(stored_ids(*store, "other").size() == 10);
    CHECK(must(store->touch_traces("late", at(0), at(100))) == 3);
  }
}

TEST_CASE("counts tell traces, those that failed, values and events") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    must(store->begin());
    std::uint64_t number = 0;
    for (const int status : {200, 399, 400, 404, 503, -1}) {
      wire::Trace trace = test_trace(++number);
      trace.status = status;
      must(store->put_trace(kTestId, number, trace, test_names()));
    }
    must(store->put_event(kTestId, 7, {kTestStart, "begin", ""}));
    must(store->commit());
    const StoredRows counts = must(store->counts(kTestId));
    CHECK(counts.traces == 6);
    CHECK(counts.failed == 4);
    CHECK(counts.telemetry == 0);
    CHECK(counts.events == 1);
    CHECK(must(store->counts("other")).traces == 0);
  }
}

TEST_CASE("what was stored is there after the store is opened again") {
  FOR_EACH_DRIVER() {
    {
      const auto store = place.open();
      must(store->save_experiment(test_experiment()));
      put_traces(*store, kTestId, 1, 100);
    }
    const auto store = must(open_store(place.where, OpenMode::kExisting));
    CHECK(stored_ids(*store) == ids_up_to(100));
    put_traces(*store, kTestId, 101, 102);
    CHECK(stored_ids(*store) == ids_up_to(102));
  }
}

TEST_CASE("figures are read without texts that they don't need, and are the same") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    put_rows_of_all_kinds(*store);
    std::vector<wire::NamedTrace> whole;
    must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) { whole.push_back(t); }));
    std::size_t i = 0;
    must(store->each_trace_figures(kTestId, [&](const wire::NamedTrace& t) {
      REQUIRE(i < whole.size());
      const wire::NamedTrace& all = whole[i++];
      wire::each_field(t, [&](auto field, const auto& value) {
        INFO(std::string(wire::kTraceFields[field].column));
        if (wire::kTraceFields[field].is_read_for(wire::FieldUse::figure))
          CHECK(value == wire::field_of<field>(all));
      });
    }));
    CHECK(i == whole.size());
  }
}

TEST_CASE("an experiment that went through a driver and back is the same in all its rows") {
  FOR_EACH_DRIVER() {
    const auto original = must(open_temporary("original"));
    put_rows_of_all_kinds(*original);
    const wire::Experiment experiment = *must(original->experiment(kTestId));
    const auto there = place.open();
    const CopyCounts copied = must(copy_experiment(*original, *there, experiment, {}));
    CHECK(copied.traces == 8);
    CHECK(copied.rows() == 16);
    const auto back = must(open_temporary("back"));
    must(copy_experiment(*there, *back, *must(there->experiment(kTestId)), {}));
    const auto before = all_of(*original);
    const auto after = all_of(*back);
    REQUIRE(before.size() == after.size());
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i] == before[i]);
  }
}

TEST_CASE("a scheme that no driver has is wrong usage") {
  const auto opened = open_store("postgres://host/db", OpenMode::kCreate);
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == ErrorCode::kUsage);
  CHECK(opened.error().where == "postgres://host/db");
}

TEST_CASE("who wants no more rows ends the reading, and the store goes on") {
  FOR_EACH_DRIVER() {
    const auto store = place.open();
    put_traces(*store, kTestId, 1, 20'000);
    must(store->begin());
    for (RowNumber row = 1; row <= 10; ++row) {
      const Wall at = kTestStart + std::chrono::milliseconds{row};
      must(store->put_sample(kTestId, 2'000'000 + row, {at, "n1", "cpu", "", 1}));
      must(store->put_event(kTestId, 3'000'000 + row, {at, "scale", "1"}));
      must(store->put_node_info(kTestId, 4'000'000 + row, {"n1", fmt::format("key{}", row), "1"}));
    }
    must(store->commit());
    int rows = 0;
    const auto three = [&rows](const auto&) { return ++rows % 3 != 0; };
    must(store->each_trace(kTestId, three));
    CHECK(rows == 3);
    must(store->each_trace_figures(kTestId, three));
    CHECK(rows == 6);
    must(store->each_sample(kTestId, three));
    CHECK(rows == 9);
    must(store->each_event(kTestId, three));
    CHECK(rows == 12);
    must(store->each_node_info(kTestId, three));
    CHECK(rows == 15);
    CHECK(stored_ids(*store) == ids_up_to(20'000));
  }
}
