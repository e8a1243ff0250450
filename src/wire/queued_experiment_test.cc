#include "wire/queued_experiment.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace galileo;
using namespace galileo::wire;

namespace {

// As the original's API put it into the list.
constexpr const char* kItem =
    R"({"__obj": [{"id": "202611241356-84e3", "name": "first", "creator": "ann", "start": null, )"
    R"("end": null, "created": 1795528577.9233263, "status": "QUEUED"}, [4, 2, [["svc", [4, 8], 2, )"
    R"("constant", null, {}]]]], "__type": "galileodb.model.QueuedExperiment"})";

constexpr const char* kSubmission =
    R"({"experiment": {"name": "first", "creator": "ann"}, "configuration": {"duration": "4s", )"
    R"("interval": "2s", "workloads": [{"service": "svc", "ticks": [4, 8], "clients_per_host": 2, )"
    R"("arrival_pattern": "constant"}]}})";

Json json(const std::string& text) {
  const auto read = parse_json(text);
  REQUIRE(read.ok());
  return *read;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("an item of the original's queue is read, and written again with the same bytes") {
  const auto queued = decode_queued_experiment(kItem);
  REQUIRE(queued.ok());
  CHECK(queued->experiment.id == "202611241356-84e3");
  CHECK(queued->experiment.start == kNoWall);
  CHECK(to_unix_seconds(queued->experiment.created) == doctest::Approx(1795528577.9233263));
  REQUIRE(queued->plan.workloads.size() == 1);
  CHECK(queued->plan.workloads[0].ticks == std::vector<Number>{{4, true}, {8, true}});
  CHECK(queued->plan.workloads[0].clients == 2);
  CHECK(queued->plan.ticks_needed() == 2);
  CHECK(encode(*queued) == kItem);
}

TEST_CASE("what is submitted becomes the item that the original made of it") {
  auto queued = read_submission(json(kSubmission));
  REQUIRE(queued.ok());
  queued->experiment.id = "202611241356-84e3";
  queued->experiment.created = from_unix_seconds(1795528577.9233263);
  CHECK(encode(*queued) == kItem);
}

TEST_CASE("clients and the pattern may be left out") {
  const auto queued = read_submission(
      json(replaced(kSubmission, R"(, "clients_per_host": 2, "arrival_pattern": "constant")", "")));
  REQUIRE(queued.ok());
  CHECK(queued->plan.workloads[0].clients == 3);
}

TEST_CASE("what can't be run is refused when it is submitted, by its field") {
  struct Row {
    const char* from;
    const char* to;
    const char* where;
  } const rows[] = {
      {R"("4s")", R"("4 parsecs")", "configuration.duration"},
      {R"("4s")", "0", "configuration.duration"},
      {R"("4s")", "-3", "configuration.duration"},
      {R"("4s")", "1e300", "configuration.duration"},
      {R"("2s")", "null", "configuration.interval"},
      {R"("2s")", "5", "configuration.interval"},
      {R"("2s")", "0.00001", "configuration.interval"},
      {"[4, 8]", "[4]", "configuration.workloads[0].ticks"},
      {"[4, 8]", "[4, -1]", "configuration.workloads[0].ticks"},
      {"[4, 8]", R"([4, "8"])", "configuration.workloads"},
      {"[4, 8]", "8", "configuration.workloads"},
      {R"("svc")", R"("")", "configuration.workloads[0].service"},
      {R"("svc")", "7", "configuration.workloads"},
      {R"("clients_per_host": 2)", R"("clients_per_host": 0)",
       "configuration.workloads[0].clients_per_host"},
      {R"("clients_per_host": 2)", R"("clients_per_host": 1.5)", "configuration.workloads"},
      {R"("configuration")", R"("configuratio")", "configuration"},
      {R"("workloads")", R"("workload")", "configuration.workloads"},
      {R"("first")", "[]", "experiment.name"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.to);
    const auto queued = read_submission(json(replaced(kSubmission, row.from, row.to)));
    REQUIRE_FALSE(queued.ok());
    CHECK(queued.error().code == ErrorCode::kUsage);
    CHECK(queued.error().where.starts_with(row.where));
  }
  CHECK_FALSE(read_submission(json("[]")).ok());
}

TEST_CASE("durations as the old API takes them") {
  struct Row {
    const char* text;
    double seconds;
  } const rows[] = {{"90", 90},        {R"("90")", 90}, {R"("90s")", 90},    {R"("5m")", 300},
                    {R"("1h")", 3600}, {"0.5", 0.5},    {R"("1h30m")", 5400}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto read = read_old_duration(json(row.text));
    REQUIRE(read.ok());
    CHECK(read->value == row.seconds);
  }
  for (const char* text : {"true", "null", R"("")", R"("s")", R"("nan")", "[90]"}) {
    CAPTURE(text);
    CHECK_FALSE(read_old_duration(json(text)).ok());
  }
}

TEST_CASE("a file stands beside the record, where the original doesn't look") {
  auto queued = *decode_queued_experiment(kItem);
  queued.plan.workloads.clear();
  queued.file = QueuedFile{"name: \"x\"\n", {"clients[0].requests=5", "seed=1"}};
  const std::string item = encode(queued);
  const auto read = decode_queued_experiment(item);
  REQUIRE(read.ok());
  CHECK(read->file == queued.file);
  CHECK(read->plan.workloads.empty());
  CHECK(encode(*read) == item);
  // Its record is whole without it.
  const Json whole = json(item);
  CHECK(whole.keys == std::vector<std::string>{"__obj", "__type", "__file"});
  for (const char* bad : {"5", "{}", R"({"text": 5})", R"({"text": "", "set": [5]})",
                          R"({"text": "", "set": {"a": "b"}})"})
    CHECK_FALSE(decode_queued_experiment(replaced(kItem, R"(, "__type")",
                                                  fmt::format(R"(, "__file": {}, "__type")", bad)))
                    .ok());
}

TEST_CASE("an item may leave its id to whoever takes it") {
  const auto read = decode_queued_experiment(replaced(kItem, R"("202611241356-84e3")", "null"));
  REQUIRE(read.ok());
  CHECK(read->experiment.id.empty());
}
