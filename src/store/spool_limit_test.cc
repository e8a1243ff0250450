// What a spool gives back of its disk, and what it does where it may take no more.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>

#include "base/memory_file.h"
#include "store/drain.h"
#include "store/recover.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

constexpr std::uint64_t kLimit = kSpoolLimitMin;

// A spool as a run writes it, flushed every hundred traces.
struct Spool {
  explicit Spool(WhenFull when_full)
      : writer(must(SpoolWriter::over(std::make_unique<MemoryFile>(disk), std::uint64_t{1} << 16,
                                      {kLimit, when_full}))) {
    begin();
  }
  explicit Spool(std::unique_ptr<SpoolWriter> ready) : writer(std::move(ready)) { begin(); }
  void begin() const {
    writer->experiment(test_experiment(), "");
    wire::NameId id = 0;
    for (const std::string& name : kTestNames) writer->name(0, id++, name);
  }
  void traces(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      writer->trace(0, test_trace(++made));
      if (made % 10 == 0) writer->sample({kTestStart, "n1", "cpu", "", 1});
      if (made % 40 == 0) writer->event({kTestStart, "scale", "1"});
      if (made % 100 == 0) static_cast<void>(writer->flush().ok());
    }
  }
  std::unique_ptr<SpoolReader> reader() {
    return must(SpoolReader::over(std::make_unique<MemoryFile>(disk)));
  }

  MemoryDisk disk;
  std::unique_ptr<SpoolWriter> writer;
  std::uint64_t made = 0;
};

// The request ids that a reader finds, each with its client.
struct Ids final : SpoolVisitor {
  void on_experiment(const wire::Experiment& e, std::string_view) override { experiment = e.id; }
  void on_end(const wire::Experiment&, std::string_view) override { ended = true; }
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    numbers.push_back(trace.number);
    well_named = well_named && names.at(trace.client) == kTestNames[1] &&
                 names.at(trace.phase) == kTestNames[5];
  }
  void on_sample(const wire::Sample&) override { ++others; }
  void on_event(const wire::Event&) override { ++others; }
  std::string experiment;
  std::uint64_t others = 0;  // a sample for ten traces, an event for forty
  bool ended = false;
  bool well_named = true;
  std::vector<std::uint64_t> numbers;
};

Ids read_all(SpoolReader& reader) {
  Ids ids;
  while (must(reader.read(ids, 1000)) == SpoolReader::State::kMore) {
  }
  return ids;
}

// In ascending order, without one twice, and ending with `last`.
bool ascend_to(const std::vector<std::uint64_t>& numbers, std::uint64_t last) {
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] <= numbers[i - 1]) return false;
  }
  return !numbers.empty() && numbers.back() == last;
}

}  // namespace

TEST_CASE("what is safe elsewhere is given back, and what comes behind it keeps its names") {
  Spool spool(WhenFull::kStop);
  spool.traces(15'000);
  const std::uint64_t safe = spool.writer->flushed();
  CHECK(spool.disk.punched == 0);
  spool.traces(10'000);
  spool.writer->release(safe);
  spool.traces(100);
  CHECK(spool.disk.punched > (std::uint64_t{1} << 20));
  CHECK(spool.disk.punched < safe);
  const auto reader = spool.reader();
  const Ids ids = read_all(*reader);
  CHECK(ids.experiment == kTestId);
  CHECK(ids.well_named);
  CHECK(ascend_to(ids.numbers, 25'100));
  CHECK(ids.numbers.size() + reader->missing().traces == 25'100);
  CHECK(reader->rows().traces == 25'100);
  CHECK(reader->position() == spool.writer->flushed());
  CHECK_FALSE(must(reader->skip_damage()));
  CHECK(reader->damaged() == 0);
  // Nothing of it is lost to who had taken it, and all of it to who had taken none.
  CHECK(spool.writer->given_up({15'000, 0}).traces == 0);
  CHECK(spool.writer->given_up({}).traces == reader->missing().traces);
}

TEST_CASE("with a reader that keeps up, a spool takes a fraction of what was written to it") {
  Spool spool(WhenFull::kStop);
  const auto reader = spool.reader();
  std::uint64_t read = 0;
  for (int i = 0; i < 200; ++i) {
    spool.traces(1000);
    read += read_all(*reader).numbers.size();
    spool.writer->release(reader->position());
    REQUIRE_FALSE(spool.writer->is_full());
  }
  CHECK(read == 200'000);
  CHECK(reader->missing().traces == 0);
  CHECK(spool.writer->traces_lost() == 0);
  CHECK(spool.writer->flushed() > (std::uint64_t{20} << 20));
  CHECK(spool.disk.bytes.size() - spool.disk.punched < kLimit / 2);
}

TEST_CASE("one that may take no more says so before it refuses, and still takes its end") {
  Spool spool(WhenFull::kStop);
  while (!spool.writer->is_full()) spool.traces(100);
  CHECK(spool.writer->traces_lost() == 0);
  const std::uint64_t told_at = spool.made;
  spool.traces(2000);  // what is still on its way
  CHECK(spool.writer->traces_lost() == 0);
  spool.traces(200'000);
  CHECK(spool.writer->traces_lost() > 100'000);
  const auto refused = spool.writer->flush();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().to_text().find("raise --spool-max") != std::string::npos);
  CHECK(spool.disk.bytes.size() <= kLimit);
  spool.writer->give_up_waiting();
  spool.writer->end(test_experiment(), "{}");
  must(spool.writer->close());
  const auto reader = spool.reader();
  const Ids ids = read_all(*reader);
  CHECK(ids.ended);
  CHECK(ids.numbers.size() > told_at);
  CHECK(ids.numbers.size() + spool.writer->traces_lost() == spool.made);
  CHECK(reader->missing().traces == 0);
}

TEST_CASE("where the oldest go, the newest are there, and each one that went is counted") {
  Spool spool(WhenFull::kDropOldest);
  for (int i = 0; i < 30; ++i) {
    spool.traces(10'000);
    REQUIRE(spool.disk.bytes.size() - spool.disk.punched <= kLimit);
  }
  CHECK_FALSE(spool.writer->is_full());
  CHECK(spool.writer->traces_lost() == 0);
  must(spool.writer->close());
  const auto reader = spool.reader();
  const Ids ids = read_all(*reader);
  CHECK(ids.experiment == kTestId);
  CHECK(ids.well_named);
  CHECK(ascend_to(ids.numbers, 300'000));
  CHECK(ids.numbers.size() > 30'000);
  CHECK(ids.numbers.size() + spool.writer->given_up({}).traces == 300'000);
  CHECK(ids.others + spool.writer->given_up({}).others == 37'500);
  CHECK(reader->missing() == spool.writer->given_up({}));
  CHECK(reader->damaged() == 0);
}

TEST_CASE(
    "a reader that stands where the oldest went, goes on behind and knows how many it missed") {
  Spool spool(WhenFull::kDropOldest);
  spool.traces(20'000);
  const auto reader = spool.reader();
  Ids ids;
  must(reader->read(ids, 10'000));
  const std::size_t before = ids.numbers.size();
  spool.traces(60'000);
  CHECK(spool.writer->given_up({before, 0}).traces > 20'000);
  while (must(reader->read(ids, 1000)) == SpoolReader::State::kMore) {
  }
  CHECK(ids.well_named);
  CHECK(ascend_to(ids.numbers, 80'000));
  CHECK(ids.numbers.size() + reader->missing().traces == 80'000);
  CHECK(ids.others + reader->missing().others == 10'000);
  CHECK(reader->missing().traces > 10'000);  // beyond what it had read ahead
}

TEST_CASE("where the file system gives nothing back, the limit holds for the size") {
  Spool spool(WhenFull::kDropOldest);
  spool.disk.can_punch = false;
  spool.traces(200'000);
  CHECK(spool.disk.bytes.size() <= kLimit);
  CHECK(spool.writer->traces_lost() > 0);
  CHECK(spool.writer->cannot_give_back().has_value());
  const auto refused = spool.writer->flush();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().why.find("not supported") != std::string::npos);
}

TEST_CASE("a drain counts what was given up before it could store it, also after a crash") {
  TestFolder folder;
  const std::string database = folder.file("a.sqlite");
  const std::string path = spool_folder(database) + "/" + kTestId + ".spool";
  const auto store = must(open_store(database, OpenMode::kCreate));
  std::uint64_t stored = 0;
  {
    Spool spool(must(SpoolWriter::create(path, {kLimit, WhenFull::kDropOldest})));
    spool.traces(10'000);
    const auto drain = must(Drain::open(path, *store));
    CHECK(must(drain->step(5'000)));
    stored = drain->traces();
    spool.traces(90'000);
    CHECK(spool.writer->given_up(drain->passed()).traces > 30'000);
    SUBCASE("with the same drain") {
      while (must(drain->step())) {
      }
      CHECK(drain->traces() + drain->given_up().traces == 100'000);
      const StoredRows there = must(store->counts(kTestId));
      CHECK(there.telemetry + there.events + drain->given_up().others == 12'500);
      CHECK(drain->passed().traces == 100'000);
      CHECK(stored_ids(*store).size() == drain->traces());
      CHECK(spool.writer->given_up(drain->passed()).traces == 0);
    }
    SUBCASE("with another one") {
      const auto next = must(Drain::open(path, *store));
      while (must(next->step())) {
      }
      CHECK(stored + next->traces() + next->given_up().traces == 100'000);
      const StoredRows there = must(store->counts(kTestId));
      CHECK(there.telemetry + there.events + next->given_up().others == 12'500);
      CHECK(stored_ids(*store).size() == stored + next->traces());
    }
  }
  const auto recovered = recover(*store);
  REQUIRE(recovered.size() == 1);
  CHECK(recovered[0].damaged == 0);
}

TEST_CASE("a spool that can be made and not written to isn't in the way of the next try") {
  const TestFolder folder;
  const std::string path = folder.file("x.spool");
  rlimit was{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &was) == 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit none{0, was.rlim_max};  // as a full disk with room for names
  REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
  const auto made = SpoolWriter::create(path);
  REQUIRE(setrlimit(RLIMIT_FSIZE, &was) == 0);
  signal(SIGXFSZ, handler);
  CHECK_FALSE(made.ok());
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(SpoolWriter::create(path).ok());
}
