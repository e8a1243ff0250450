#include "store/drain.h"

#include <fstream>

#include "store/recover.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

// Starts a spool as a run does.
std::unique_ptr<SpoolWriter> start_spool(const std::string& path, std::uint64_t traces) {
  auto writer = must(SpoolWriter::create(path));
  writer->experiment(test_experiment(), "");
  wire::NameId id = 0;
  for (const std::string& name : kTestNames) writer->name(0, id++, name);
  for (std::uint64_t i = 1; i <= traces; ++i) writer->trace(0, test_trace(i));
  must(writer->flush());
  return writer;
}

void write_whole_spool(const std::string& path, std::uint64_t traces) {
  auto writer = start_spool(path, traces);
  writer->sample({kTestStart, "n1", "cpu", "", 1});
  writer->event({kTestStart, "begin", ""});
  writer->node_info({"n1", "cpus", "2"});
  wire::Experiment ended = test_experiment();
  ended.status = wire::kFinished;
  ended.end = kTestStart + std::chrono::seconds{9};
  writer->end(ended, R"({"ledger": 1})");
  must(writer->close());
}

// A database with a folder for its spools beside it.
struct Fixture {
  Fixture() { std::filesystem::create_directory(spool_folder(database)); }
  std::unique_ptr<Store> open() { return must(open_store(database, OpenMode::kCreate)); }
  TestFolder folder;
  std::string database = folder.file("x.sqlite");
  std::string spool = spool_folder(database) + "/" + kTestId + ".spool";
};

void check_whole(Store& store, std::uint64_t traces) {
  CHECK(stored_ids(store) == ids_up_to(traces));
  const StoredRows counts = must(store.counts(kTestId));
  CHECK(counts.telemetry == 1);
  CHECK(counts.events == 1);
  int infos = 0;
  must(store.each_node_info(kTestId, [&](const wire::NodeInfo&) { ++infos; }));
  CHECK(infos == 1);
  const auto experiment = must(store.experiment(kTestId));
  REQUIRE(experiment.has_value());
  CHECK(experiment->status == "FINISHED");
  CHECK(must(store.metadata(kTestId)).find("ledger") != std::string::npos);
}

// A database that answers for traces that it doesn't keep: so many, or all (-1).
struct ForgetfulStore final : FailingStore {
  using FailingStore::FailingStore;
  int drops = 0;
  Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                         const wire::Names& names) override {
    if (drops == 0) return FailingStore::put_trace(id, row, trace, names);
    drops -= drops > 0 ? 1 : 0;
    return {};
  }
};

}  // namespace

TEST_CASE("drained once or many times, each row is in the store once") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 50);
  const auto store = fixture.open();
  for (int i = 0; i < 3; ++i) {
    const auto drain = must(Drain::open(fixture.spool, *store));
    must(drain->finish());
    CHECK(drain->traces() == (i == 0 ? 50 : 0));
    CHECK(drain->ended() == (i == 0));
    CHECK(drain->experiment().id == kTestId);
  }
  check_whole(*store, 50);
}

TEST_CASE("killed between any two steps, the next drain goes on where the store is") {
  for (const std::size_t at_once : {1u, 2u, 3u, 7u, 20u}) {
    CAPTURE(at_once);
    Fixture fixture;
    write_whole_spool(fixture.spool, 20);
    bool moved = true;
    while (moved) {
      const auto store = fixture.open();
      const auto drain = must(Drain::open(fixture.spool, *store));
      moved = must(drain->step(at_once));
    }
    check_whole(*fixture.open(), 20);
  }
}

TEST_CASE("whichever call of the store fails, the step is taken back and tried again") {
  for (int failing = 0; failing < 60; ++failing) {
    CAPTURE(failing);
    Fixture fixture;
    write_whole_spool(fixture.spool, 20);
    const auto sound = fixture.open();
    FailingStore store(*sound);
    const auto drain = must(Drain::open(fixture.spool, store));
    store.calls_left = failing;
    bool has_failed = false;
    while (true) {
      const auto moved = drain->step(5);
      if (moved.ok() && !*moved) break;
      if (!moved.ok()) {
        CHECK_FALSE(has_failed);
        CHECK(moved.error().why == "it was told to fail");
        CHECK(drain->traces() == stored_ids(*sound).size());
        has_failed = true;
      }
    }
    CHECK(drain->traces() == 20);
    check_whole(*sound, 20);
    if (failing < 40) CHECK(has_failed);
  }
}

TEST_CASE("a commit whose answer was lost is found out, and nothing is stored twice") {
  for (const bool is_carried_out : {true, false}) {
    Fixture fixture;
    write_whole_spool(fixture.spool, 20);
    const auto sound = fixture.open();
    FailingStore store(*sound);
    const auto drain = must(Drain::open(fixture.spool, store));
    CHECK(must(drain->step(10)));
    store.loses_answer = is_carried_out;
    if (!is_carried_out) store.calls_left = 7;  // begin, five rows, the position
    CHECK_FALSE(drain->step(5).ok());
    store.calls_left = -1;
    while (must(drain->step(5))) {
    }
    CHECK(drain->traces() == 20);
    check_whole(*sound, 20);
  }
}

TEST_CASE("a server that was killed and is back before anybody asks gets again what it has lost") {
  for (const std::size_t steps : {1u, 2u, 3u, 4u, 5u}) {
    CAPTURE(steps);
    Fixture fixture;
    write_whole_spool(fixture.spool, 20);
    const auto before = fixture.open();
    const auto after = must(open_temporary("after"));  // none of its calls fails
    must(after->save_experiment(test_experiment()));
    FailingStore store(*before);
    const auto drain = must(Drain::open(fixture.spool, store));
    for (std::size_t i = 0; i < steps; ++i) must(drain->step(7));
    store.become(*after);
    must(drain->finish());
    CHECK(drain->traces() == 20);
    CHECK(drain->ended());
    check_whole(*after, 20);
  }
}

TEST_CASE("what a database answered for and hasn't is put again, once") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 20);
  const auto sound = fixture.open();
  ForgetfulStore store(*sound);
  store.drops = 7;
  const auto drain = must(Drain::open(fixture.spool, store));
  must(drain->finish());
  CHECK(drain->traces() == 20);
  CHECK(drain->missing() == SpoolRows{});
  check_whole(*sound, 20);
}

TEST_CASE("a spool stays while the database hasn't all of its rows, and it is told how many") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 20);
  const auto sound = fixture.open();
  ForgetfulStore store(*sound);
  store.drops = -1;
  for (int i = 0; i < 2; ++i) {
    const auto recovered = recover(store);
    REQUIRE(recovered.size() == 1);
    REQUIRE(recovered[0].problem.has_value());
    CHECK(recovered[0].problem->why == "it has 0 of 20 traces, and 2 of 2 other rows");
    CHECK(std::filesystem::exists(fixture.spool));
  }
  store.drops = 0;
  REQUIRE(recover(store).size() == 1);
  CHECK_FALSE(std::filesystem::exists(fixture.spool));
  check_whole(*sound, 20);
}

TEST_CASE("values that are none are no rows that a database would have to have") {
  Fixture fixture;
  {
    auto writer = start_spool(fixture.spool, 5);
    for (int i = 0; i < 3; ++i)
      writer->sample({kTestStart, "n1", "cpu", "", std::numeric_limits<double>::quiet_NaN()});
    writer->end(test_experiment(), "");
    must(writer->close());
  }
  const auto sound = fixture.open();
  FailingStore store(*sound);
  const auto drain = must(Drain::open(fixture.spool, store));
  const int begun = store.begun;
  must(drain->finish());
  CHECK(store.begun == begun + 1);
  CHECK(stored_ids(*sound) == ids_up_to(5));
}

TEST_CASE("what a database has lost after it had answered is put again") {
  for (const bool has_first_step : {false, true}) {
    CAPTURE(has_first_step);
    Fixture fixture;
    write_whole_spool(fixture.spool, 20);
    const auto sound = fixture.open();
    const auto older = must(open_temporary("older"));
    if (has_first_step) CHECK(must(must(Drain::open(fixture.spool, *older))->step(12)));
    FailingStore store(*sound);
    const auto drain = must(Drain::open(fixture.spool, store));
    CHECK(must(drain->step(12)));
    CHECK(must(drain->step(5)));
    store.become(*older);
    store.calls_left = 0;
    store.code = ErrorCode::kUnavailable;
    CHECK_FALSE(drain->step(5).ok());
    store.calls_left = -1;
    while (must(drain->step(5))) {
    }
    CHECK(drain->ended());
    CHECK(drain->traces() == 20);
    CHECK(drain->given_up().traces == 0);
    check_whole(*older, 20);
  }
}

TEST_CASE("a drain that finds nothing new locks nobody out") {
  Fixture fixture;
  const auto writer = start_spool(fixture.spool, 5);
  const auto sound = fixture.open();
  FailingStore store(*sound);
  const auto drain = must(Drain::open(fixture.spool, store));
  CHECK(must(drain->step()));
  CHECK(store.begun == 1);
  CHECK_FALSE(must(drain->step()));
  CHECK(store.begun == 1);
}

TEST_CASE("beside a run, rows arrive as they are flushed") {
  Fixture fixture;
  const auto store = fixture.open();
  const auto writer = start_spool(fixture.spool, 0);
  const auto drain = must(Drain::open(fixture.spool, *store));
  for (std::uint64_t i = 1; i <= 10; ++i) {
    writer->trace(0, test_trace(i));
    static_cast<void>(must(drain->step()));
    CHECK(stored_ids(*store) == ids_up_to(i - 1));
    must(writer->flush());
    CHECK(must(drain->step()));
    CHECK(stored_ids(*store) == ids_up_to(i));
  }
  CHECK_FALSE(drain->ended());
}

TEST_CASE("a run that was cut off is recovered: its rows, FAILED, and its last time as end") {
  Fixture fixture;
  // Killed with a part drained, a record half written and disk reserved behind.
  start_spool(fixture.spool, 30);
  const auto store = fixture.open();
  static_cast<void>(must(must(Drain::open(fixture.spool, *store))->step(12)));
  CHECK(must(store->experiment(kTestId))->status == "RUNNING");
  const std::vector<Recovered> recovered = recover(*store);
  REQUIRE(recovered.size() == 1);
  CHECK(recovered[0].id == kTestId);
  CHECK(recovered[0].was_cut);
  CHECK(recovered[0].traces == 25);
  CHECK(to_text(recovered[0]) == "recovered 25 traces of 202611241200-0a1b, which was cut off");
  CHECK(stored_ids(*store) == ids_up_to(30));
  const auto experiment = must(store->experiment(kTestId));
  CHECK(experiment->status == "FAILED");
  CHECK(to_unix_seconds(experiment->end) == doctest::Approx(to_unix_seconds(test_trace(30).done)));
  CHECK(must(store->metadata(kTestId)).find("recovered") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(spool_folder(fixture.database)));
  CHECK(recover(*store).empty());
}

TEST_CASE("a recovery tells what the database refused for good") {
  struct Refusing final : FailingStore {
    using FailingStore::FailingStore;
    Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                           const wire::Names& names) override {
      if (trace.number % 10 != 0) return FailingStore::put_trace(id, row, trace, names);
      ++refused_rows.traces;
      return {};
    }
    RefusedRows refused() const override { return refused_rows; }
    RefusedRows refused_rows{100, 1};  // of what it was given before
  };
  Fixture fixture;
  start_spool(fixture.spool, 30);
  const auto store = fixture.open();
  Refusing refusing(*store);
  const std::vector<Recovered> recovered = recover(refusing);
  REQUIRE(recovered.size() == 1);
  CHECK(recovered[0].traces == 27);
  CHECK(to_text(recovered[0]) ==
        "recovered 27 traces of 202611241200-0a1b, which was cut off; the database refused 3 "
        "traces and 0 other rows for good; the log tells why");
  CHECK(must(store->metadata(kTestId)).find(R"("traces_refused":3)") != std::string::npos);
  CHECK(stored_ids(*store).size() == 27);
}

TEST_CASE("a run that is still on is left alone") {
  Fixture fixture;
  const auto writer = start_spool(fixture.spool, 5);
  const auto store = fixture.open();
  CHECK(is_being_written(fixture.spool));
  CHECK(recover(*store).empty());
  CHECK(std::filesystem::exists(fixture.spool));
  CHECK(must(store->experiments()).empty());
}

TEST_CASE("a run that was killed before its first byte leaves nothing") {
  Fixture fixture;
  std::ofstream(fixture.spool).close();
  const auto store = fixture.open();
  CHECK(recover(*store).empty());
  CHECK_FALSE(std::filesystem::exists(spool_folder(fixture.database)));
  // Who was about to make one, makes the folder again.
  const auto writer = start_spool(fixture.spool, 5);
  CHECK(is_being_written(fixture.spool));
}

TEST_CASE("a run that ended, but whose spool is still there, keeps its status") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 5);
  const auto store = fixture.open();
  REQUIRE(recover(*store).size() == 1);
  check_whole(*store, 5);
  CHECK_FALSE(std::filesystem::exists(fixture.spool));
}

TEST_CASE("a file that is no spool stays, is told, and keeps nobody else from recovery") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 5);
  const std::string garbage = spool_folder(fixture.database) + "/000-garbage.spool";
  std::ofstream(garbage) << "this was never a spool";
  const auto store = fixture.open();
  const std::vector<Recovered> recovered = recover(*store);
  REQUIRE(recovered.size() == 2);
  REQUIRE(recovered[0].problem.has_value());
  CHECK(to_text(recovered[0]).find("000-garbage") != std::string::npos);
  CHECK_FALSE(recovered[1].problem.has_value());
  check_whole(*store, 5);
  CHECK(std::filesystem::exists(garbage));
}

TEST_CASE("a spool that the database doesn't take stays, and is taken the next time") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 5);
  const auto sound = fixture.open();
  FailingStore store(*sound);
  store.calls_left = 3;
  const std::vector<Recovered> failed = recover(store);
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].problem.has_value());
  CHECK(std::filesystem::exists(fixture.spool));
  REQUIRE(recover(store).size() == 1);
  check_whole(*sound, 5);
}

TEST_CASE("damage in a spool costs what is in it, and is told") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 20);
  std::fstream file(fixture.spool, std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(fixture.spool));
  file.seekp(size / 2).write("XYZ", 3);
  file.close();
  const auto store = fixture.open();
  const std::vector<Recovered> recovered = recover(*store);
  REQUIRE(recovered.size() == 1);
  CHECK(recovered[0].damaged == 105);
  CHECK(stored_ids(*store).size() == 19);
  CHECK(must(store->experiment(kTestId))->status == "FINISHED");
}

TEST_CASE("with its first record damaged, the file's name says whose it is; nothing is doubled") {
  Fixture fixture;
  start_spool(fixture.spool, 20);
  std::fstream file(fixture.spool, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(30).write("XYZ", 3);
  file.close();
  const auto sound = fixture.open();
  FailingStore store(*sound);
  for (const int failing : {10, 30, -1}) {
    store.calls_left = failing;
    static_cast<void>(recover(store));
  }
  CHECK(stored_ids(*sound) == ids_up_to(20));
  CHECK(must(sound->experiment(kTestId))->status == "FAILED");
}

TEST_CASE("a spool is opened as a database, and stays as it was") {
  Fixture fixture;
  write_whole_spool(fixture.spool, 20);
  const auto size = std::filesystem::file_size(fixture.spool);
  const auto store = must(open_store(fixture.spool, OpenMode::kExisting));
  CHECK(store->where() == fixture.spool);
  check_whole(*store, 20);
  must(store->remove(kTestId));
  CHECK(std::filesystem::file_size(fixture.spool) == size);
  check_whole(*must(open_store(fixture.spool, OpenMode::kExisting)), 20);
}

TEST_CASE("opened as a database, the spool of a run that is on says so, of one cut off too") {
  Fixture fixture;
  {
    const auto writer = start_spool(fixture.spool, 5);
    const auto store = must(open_store(fixture.spool, OpenMode::kExisting));
    CHECK(must(store->experiment(kTestId))->status == "RUNNING");
    CHECK(stored_ids(*store) == ids_up_to(5));
  }
  const auto store = must(open_store(fixture.spool, OpenMode::kExisting));
  CHECK(must(store->experiment(kTestId))->status == "FAILED");
}
