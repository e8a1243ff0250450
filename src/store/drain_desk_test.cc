#include "store/drain_desk.h"

#include <doctest/doctest.h>

#include "net/loop.h"
#include "store/experiment_id.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

// A spool of a run that is on, and the database that it goes into.
struct SpooledRun {
  explicit SpooledRun(std::uint64_t traces) {
    spool = must(SpoolWriter::create(path));
    spool->experiment(test_experiment(), "");
    wire::NameId id = 0;
    for (const std::string& name : kTestNames) spool->name(0, id++, name);
    for (std::uint64_t i = 1; i <= traces; ++i) spool->trace(0, test_trace(i));
    must(spool->flush());
  }
  std::unique_ptr<Store> open() { return must(open_store(database, OpenMode::kCreate)); }

  TestFolder folder;
  const std::string path = folder.file("a.spool");
  const std::string database = folder.file("a.sqlite");
  std::unique_ptr<SpoolWriter> spool;
};

// The desk's store is another object than the one that a test looks through: it owns both.
struct OwnedFailingStore final : FailingStore {
  explicit OwnedFailingStore(std::unique_ptr<Store> owned)
      : FailingStore(*owned), owned_(std::move(owned)) {}
  std::unique_ptr<Store> owned_;
};

void wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 10'000 && !condition(); ++i) net::pause_thread(std::chrono::milliseconds{1});
  REQUIRE(condition());
}

}  // namespace

TEST_CASE("While a spool grows its rows go into the database, and the rest with finish()") {
  SpooledRun run(100);
  DrainDesk desk(run.open(), run.path);
  desk.start();
  auto reader = run.open();
  wait_until([&] { return must(reader->counts(kTestId)).traces == 100; });
  for (std::uint64_t i = 101; i <= 150; ++i) run.spool->trace(0, test_trace(i));
  must(run.spool->flush());
  desk.stop();
  must(desk.finish());
  CHECK(desk.traces() == 150);
  CHECK(stored_ids(*reader) == ids_up_to(150));
}

TEST_CASE("After a database was away all traces are counted as stored, not just the later ones") {
  SpooledRun run(6000);
  auto failing = std::make_unique<OwnedFailingStore>(run.open());
  FailingStore& store = *failing;
  // The first step moves 5000 records, the second one fails on its way.
  store.calls_left = 5100;
  DrainDesk desk(std::move(failing), run.path);
  desk.start();
  wait_until([&] { return store.failures.load() > 0; });
  desk.stop();
  store.calls_left = -1;
  must(desk.finish());
  CHECK(desk.traces() == 6000);
  CHECK(stored_ids(*run.open()) == ids_up_to(6000));
}

TEST_CASE("Rows are told to be safe only once they are on the database's disk") {
  // A machine that fails takes back what was committed; the spool must have it still.
  struct Disk final : FailingStore {
    explicit Disk(std::unique_ptr<Store> owned, bool fails)
        : FailingStore(*owned), owned_(std::move(owned)), fails_(fails) {}
    Result<void> sync() override {
      syncs.add(1);
      if (fails_) return Error{ErrorCode::kIo, "can't write", "the disk", "it is gone", {}};
      return FailingStore::sync();
    }
    RelaxedCounter syncs;
    const std::unique_ptr<Store> owned_;
    const bool fails_;
  };
  for (const bool fails : {false, true}) {
    CAPTURE(fails);
    SpooledRun run(6000);
    auto owned = std::make_unique<Disk>(run.open(), fails);
    Disk& disk = *owned;
    std::vector<std::uint64_t> syncs_at;  // the desk's, until it has stopped
    DrainDesk desk(std::move(owned), run.path,
                   [&](std::uint64_t) { syncs_at.push_back(disk.syncs.load()); });
    desk.start();
    const auto reader = run.open();
    wait_until([&] { return must(reader->counts(kTestId)).traces == 6000; });
    desk.stop();
    CHECK(disk.syncs.load() > 0);
    CHECK(syncs_at.empty() == fails);
    if (!syncs_at.empty()) CHECK(syncs_at.front() == 1);
  }
}

TEST_CASE("A deadlock while the last rows go in doesn't leave a run unfinished") {
  SpooledRun run(100);
  run.spool->end(test_experiment(), "");
  must(run.spool->close());
  auto failing = std::make_unique<OwnedFailingStore>(run.open());
  FailingStore& store = *failing;
  DrainDesk desk(std::move(failing), run.path);
  store.calls_left = 50;
  store.code = ErrorCode::kUnavailable;
  must(desk.finish());
  CHECK(store.failures.load() == 1);
  CHECK(desk.ended());
  CHECK(desk.traces() == 100);
  CHECK(stored_ids(*run.open()) == ids_up_to(100));
}

TEST_CASE("What won't be better soon is said at once") {
  SpooledRun run(100);
  auto failing = std::make_unique<OwnedFailingStore>(run.open());
  FailingStore& store = *failing;
  DrainDesk desk(std::move(failing), run.path);
  store.calls_left = 50;
  CHECK_FALSE(desk.finish().ok());
  must(desk.finish());
  CHECK(stored_ids(*run.open()) == ids_up_to(100));
}

TEST_CASE("Who is told to stop leaves the rest in the spool") {
  SpooledRun run(50'000);
  DrainDesk desk(run.open(), run.path);
  const auto finished = desk.finish([] { return true; });
  REQUIRE_FALSE(finished.ok());
  CHECK(finished.error().code == ErrorCode::kInterrupted);
  CHECK(desk.traces() < 50'000);
  must(desk.finish());
  CHECK(desk.traces() == 50'000);
}

TEST_CASE("An experiment's id is its minute and eight digits, and none that the database has") {
  const std::string id = make_experiment_id(kTestStart);
  CHECK(id.size() == 21);
  CHECK(looks_like_experiment_id(id));
  CHECK(looks_like_experiment_id("202611241200-0a1b"));  // the old system's
  for (const char* other : {"", "202611241200-0a1", "202611241200-0A1B", "20261124120x-0a1b",
                            "202611241200_0a1b", "202611241200-0a1b2c3", "../../etc/passwd-1"})
    CHECK_FALSE(looks_like_experiment_id(other));
  // A database that has the first two that are drawn.
  struct Taken final : FailingStore {
    using FailingStore::FailingStore;
    int left = 2;
    std::vector<std::string> asked;
    Result<std::optional<wire::Experiment>> experiment(const std::string& asked_for) override {
      asked.push_back(asked_for);
      if (left-- > 0) return std::optional(test_experiment(asked_for));
      return std::optional<wire::Experiment>();
    }
  };
  const auto sound = must(open_temporary("x"));
  Taken taken(*sound);
  const std::string made = must(new_experiment_id(kTestStart, &taken));
  REQUIRE(taken.asked.size() == 3);
  CHECK(made == taken.asked.back());
}
