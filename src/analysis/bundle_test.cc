// A baseline in a file: whole or refused, and compared as the experiment itself.
#include "analysis/bundle.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "analysis/compare.h"

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

ComparedRun a_run(int requests, const char* host = "pi-1", const char* version = "1") {
  ComparedRun run;
  run.result.experiment.id = "202611240900-ab12";
  run.result.experiment.name = "hello <\xff>";
  run.result.experiment.start = Wall{std::chrono::seconds{1000}};
  run.result.provenance.version = version;
  run.result.provenance.host = {{"hostname", host}, {"cpus", "4"}};
  run.result.provenance.plan_json = R"({"phases":[]})";
  for (int i = 0; i < requests; ++i) {
    wire::NamedTrace trace;
    trace.created = trace.intended = trace.dispatched = trace.sent =
        Wall{std::chrono::seconds{1000}} + i * milliseconds{3};
    trace.done = trace.created + microseconds{900 + (i * 7919) % 400};
    trace.status = i % 50 == 0 ? 500 : 200;
    run.batches.add(trace);
  }
  return run;
}

}  // namespace

TEST_CASE("a bundle holds all that a comparison asks") {
  for (const int requests : {0, 1, 7, 20'000}) {
    CAPTURE(requests);
    const ComparedRun run = a_run(requests);
    const std::string text = bundle_text(run);
    const auto read = parse_bundle(text);
    REQUIRE_MESSAGE(read.ok(), read.error().to_text());
    CHECK(bundle_text(*read) == text);
    CHECK(read->result.provenance.host == run.result.provenance.host);
    CHECK(read->batches.span_s() == run.batches.span_s());
    if (requests == 0) continue;
    CHECK(differences(run, *read).empty());
    CHECK(other_circumstances(run.result, read->result).empty());
    const auto rows = compare({&run.batches}, {&read->batches}, {});
    for (const Compared& row : rows) {
      CAPTURE(row.name);
      CHECK(row.base == row.other);
      CHECK_FALSE(row.regressed);
      CHECK(row.noise.has_value() == row.chance.has_value());
      if (row.noise) CHECK(*row.noise > 0);
    }
  }
  CHECK(bundle_text(a_run(20'000)).size() < std::size_t{1} << 20);
}

TEST_CASE("what is no bundle is refused") {
  const std::string good = bundle_text(a_run(200));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  const std::vector<std::string> rows{
      "",
      "{}",
      "[1]",
      good.substr(0, good.size() / 2),
      with("\"galileo_bundle\": 1", "\"galileo_bundle\": 2"),
      with("\"galileo_bundle\": 1", "\"galileo_bundle\": {}"),
      with("\"width_ns\": ", "\"width_ns\": -"),
      with("\"width_ns\": ", "\"width_ns\": \"x\", \"w\": "),
      with("\"first_slice\": ", "\"first_slice\": 1"),
      with("\"first_ns\": ", "\"first_ns\": 9"),
      with("\"answered\": \"h1", "\"answered\": \"h2"),
      with("\"closed_loop\": 0", "\"closed_loop\": 99999"),
      with("\"id\": \"202611240900-ab12\"", "\"id\": \"\""),
      with("\"metadata\": \"", "\"metadata\": \"x"),
      with("\"metadata\": \"", "\"metadata\": \"{}\", \"of\": \""),
      with("\\\"host\\\":", "\\\"host\\\":5,\\\"was\\\":"),
      std::string(100'000, '['),
  };
  for (const std::string& row : rows) {
    CAPTURE(row.substr(0, 300));
    const auto read = parse_bundle(row);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().what == "can't read a bundle");
    CHECK_FALSE(read.error().why.empty());
  }
}

TEST_CASE("another host or version is named, what isn't known isn't compared") {
  const ComparedRun base = a_run(10);
  const auto reasons = other_circumstances(base.result, a_run(10, "pi-2", "2").result);
  REQUIRE(reasons.size() == 2);
  CHECK(reasons[0] == "the host isn't the same: pi-1, and pi-2");
  CHECK(reasons[1] == "galileo's version isn't the same: 1, and 2");
  CHECK(other_circumstances(base.result, {}).empty());
}
