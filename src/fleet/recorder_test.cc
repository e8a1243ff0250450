#include "fleet/recorder.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "bus/in_process.h"
#include "bus/keys.h"
#include "fleet/intake_fixture.h"
#include "store/recover.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::fleet;

namespace {

// A bus of the process, and a recorder on it with its database in a folder.
struct Lab {
  Lab() {
    options.name = "first";
    options.creator = "me";
    options.kept.database = folder.file("lab.sqlite");
    options.version = "0.0";
  }
  void start() { recorder = must(Recorder::start(*bus, options)); }
  void publish(std::string_view channel, const std::string& message) {
    must(bus->publish(channel, message));
  }
  std::unique_ptr<store::Store> open() {
    return must(store::open_store(options.kept.database, store::OpenMode::kExisting));
  }
  // What is said to be stored, and what the spool folder holds.
  bool spool_is_gone() const { return !std::filesystem::exists(options.kept.database + ".spool"); }

  TestFolder folder;
  std::unique_ptr<bus::Bus> bus = bus::make_in_process();
  RecorderOptions options;
  std::unique_ptr<Recorder> recorder;
};

}  // namespace

TEST_CASE("All that is published between start and stop is in the database, and then FINISHED") {
  Lab lab;
  must(
      lab.bus->change({bus::hash_set(bus::node_info_key("n1"), {{"cpus", "2"}, {"arch", "arm"}})}));
  lab.publish(bus::kTraces, test_line("abcdef0123:1"));  // before: not recorded
  lab.start();
  const std::string id = lab.recorder->experiment().id;
  const auto store = lab.open();
  REQUIRE(must(store->experiment(id)));
  CHECK(must(store->experiment(id))->status == wire::kRunning);
  CHECK(must(store->running()) == id);

  for (int i = 2; i <= 11; ++i)
    lab.publish(bus::kTraces, test_line(fmt::format("abcdef0123:{}", i)));
  lab.publish(bus::kTraceBatches, test_batch({"w1", "boot", 1, false}, 1, 20, "1111111111"));
  lab.publish("telem/n1/cpu", "1795500000 1.5");
  lab.publish(bus::kEvents, "1795500000 begin");
  const Recorded recorded = lab.recorder->stop();

  CHECK_FALSE(recorded.problem);
  CHECK(recorded.notes.empty());
  CHECK(recorded.spool.empty());
  CHECK(recorded.traces_stored == 30);
  CHECK(recorded.state.counts.traces == 30);
  CHECK(lab.spool_is_gone());
  const auto experiment = must(store->experiment(id));
  CHECK(experiment->status == wire::kFinished);
  CHECK(experiment->name == "first");
  CHECK(experiment->creator == "me");
  CHECK(experiment->end >= experiment->start);
  CHECK(must(store->counts(id)).traces == 30);
  CHECK(must(store->counts(id)).telemetry == 1);
  CHECK(must(store->counts(id)).events == 1);
  std::vector<std::string> info;
  must(store->each_node_info(
      id, [&](const wire::NodeInfo& one) { info.push_back(one.node + one.key + one.value); }));
  CHECK(info == std::vector<std::string>{"n1archarm", "n1cpus2"});
  const std::string metadata = must(store->metadata(id));
  CHECK(metadata.find(R"("traces":30)") != std::string::npos);
  CHECK(metadata.find(R"("batches":1)") != std::string::npos);
}

TEST_CASE("Names are told before the traces that refer to them, for as many clients as there are") {
  Lab lab;
  lab.start();
  const std::string id = lab.recorder->experiment().id;
  for (int i = 0; i < 100; ++i)
    lab.publish(bus::kTraces, test_line(fmt::format("{:010}:1", i), fmt::format("w{}:web:0", i)));
  CHECK_FALSE(lab.recorder->stop().problem);
  std::vector<std::string> clients;
  const auto store = lab.open();
  must(store->each_trace(id, [&](const wire::NamedTrace& t) { clients.push_back(t.client); }));
  REQUIRE(clients.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(clients[i] == fmt::format("w{}:web:0", i));
}

TEST_CASE("What was lost, came twice or couldn't be read is counted in the metadata") {
  Lab lab;
  lab.start();
  const std::string id = lab.recorder->experiment().id;
  for (const int number : {1, 2, 2, 5})
    lab.publish(bus::kTraces, test_line(fmt::format("abcdef0123:{}", number)));
  lab.publish(bus::kTraces, "nonsense");
  const Recorded recorded = lab.recorder->stop();
  CHECK(recorded.state.counts.missing == 2);
  CHECK(recorded.state.counts.duplicates == 1);
  CHECK(recorded.state.counts.malformed == 1);
  REQUIRE(recorded.notes.size() == 1);
  CHECK(recorded.notes[0] ==
        "the first of its kind: can't read the trace: it has 1 fields, not 11");
  const std::string metadata = must(lab.open()->metadata(id));
  for (const char* part : {R"("missing":2)", R"("duplicates":1)", R"("malformed":1)", "not 11"})
    CHECK(metadata.find(part) != std::string::npos);
}

TEST_CASE("Without a database the spool is what is kept, whole") {
  Lab lab;
  lab.options.kept.database = "none";
  lab.options.kept.spool_folder = lab.folder.file("spools");
  lab.start();
  lab.publish(bus::kTraces, test_line("abcdef0123:1"));
  const Recorded recorded = lab.recorder->stop();
  CHECK(recorded.database.empty());
  CHECK(recorded.traces_stored == 0);
  const auto store = must(store::open_store(recorded.spool, store::OpenMode::kExisting));
  CHECK(must(store->counts(recorded.experiment.id)).traces == 1);
  CHECK(must(store->experiment(recorded.experiment.id))->status == wire::kFinished);
}

TEST_CASE("A recorder that wasn't stopped leaves a spool, which the next one takes in") {
  Lab lab;
  lab.start();
  const std::string id = lab.recorder->experiment().id;
  lab.publish(bus::kTraces, test_line("abcdef0123:1"));
  // It writes what has come with its next turn.
  while (lab.recorder->state().counts.traces == 0) net::pause_thread(Duration{1'000'000});
  net::pause_thread(std::chrono::milliseconds{40});
  lab.recorder.reset();
  CHECK_FALSE(lab.spool_is_gone());
  CHECK(must(lab.open()->experiment(id))->status == wire::kRunning);
  lab.start();
  CHECK(must(lab.open()->experiment(id))->status == wire::kFailed);
  CHECK(must(lab.open()->counts(id)).traces == 1);
  CHECK(lab.recorder->stop().notes.size() == 1);
}

TEST_CASE("Who gives up leaves the rest in the spool, and it isn't lost") {
  Lab lab;
  lab.start();
  const std::string id = lab.recorder->experiment().id;
  for (std::uint64_t batch = 1; batch <= 60; ++batch)
    lab.publish(bus::kTraceBatches,
                test_batch({"w1", "boot", batch, false}, batch * 1000 - 999, batch * 1000));
  const Recorded recorded = lab.recorder->stop([] { return true; });
  REQUIRE(recorded.problem);
  CHECK(recorded.problem->code == ErrorCode::kInterrupted);
  CHECK(recorded.state.counts.traces == 60'000);
  CHECK(recorded.traces_stored < 60'000);
  CHECK(std::filesystem::exists(recorded.spool));
  const auto store = lab.open();
  CHECK(store::recover(*store).size() == 1);
  CHECK(must(store->counts(id)).traces == 60'000);
  CHECK(must(store->experiment(id))->status == wire::kFinished);
}

TEST_CASE("Where it can't be kept nothing is begun") {
  Lab lab;
  lab.options.kept.database = lab.folder.file("missing/lab.sqlite");
  CHECK_FALSE(Recorder::start(*lab.bus, lab.options).ok());
  lab.options.kept.database = lab.folder.file("lab.sqlite");
  lab.options.kept.spool_folder = "/proc/none";
  CHECK_FALSE(Recorder::start(*lab.bus, lab.options).ok());
  CHECK(must(lab.bus->channels("*")).empty());
  lab.options.kept.spool_folder.clear();
  lab.start();
  CHECK(must(lab.open()->experiments()).size() == 1);
  lab.recorder->stop();
}
