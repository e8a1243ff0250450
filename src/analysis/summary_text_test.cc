// The summary as text, its live figures, and the metadata that is kept.
#include "analysis/summary_text.h"

#include <doctest/doctest.h>

#include "analysis/result.h"

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::milliseconds;

TEST_CASE("the live times are the last second's, or of all so far where those say more") {
  const auto times = [](int count, int ms) {
    Histogram values;
    values.add(milliseconds{ms}, static_cast<std::uint64_t>(count));
    return values;
  };
  struct Row {
    const char* name;
    int last, all;  // requests
    bool so_far, p50, p99;
  };
  const std::vector<Row> rows{
      {"nothing yet", 0, 0, false, false, false},
      {"the first few", 5, 5, false, false, false},
      {"20 in the first second", 20, 20, false, true, false},
      {"20/s for a while", 20, 200, false, true, false},
      {"20/s for a minute", 20, 1200, true, true, true},
      {"2/s for a minute", 2, 120, true, true, false},
      {"1,000/s", 1000, 50'000, false, true, true},
      {"a server that stands still", 0, 50'000, true, true, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    LiveFigures figures;
    set_times(figures, times(row.last, 1), times(row.last, 2), times(row.all, 3),
              times(row.all, 4));
    CHECK(figures.so_far == row.so_far);
    REQUIRE(figures.p50.has_value() == row.p50);
    REQUIRE(figures.p99.has_value() == row.p99);
    CHECK(figures.dispatch_p99.has_value() == row.p99);
    if (row.p50) CHECK(*figures.p50 == milliseconds{row.so_far ? 3 : 1});
    if (row.p99) CHECK(*figures.dispatch_p99 == milliseconds{row.so_far ? 4 : 2});
  }
}

TEST_CASE("the summary says the verdict first, and colours only when asked") {
  Summary summary(Wall{std::chrono::seconds{1000}});
  wire::NamedTrace row;
  row.created = row.intended = row.dispatched = row.sent = Wall{std::chrono::seconds{1000}};
  row.done = row.created + milliseconds{2};
  row.status = 200;
  for (int i = 0; i < 3; ++i) summary.add(row);
  RunResult result;
  result.experiment.id = "202611240900-ab12";
  result.experiment.name = "hello";
  result.ledger = summary.ledger();
  result.ledger.traces_stored = 3;
  result.provenance.version = "1";
  result.thresholds.push_back({"failed == 0", 0, 0, "", true});
  result.verdict = {VerdictValue::kSuspect, {"a reason"}};
  const std::string plain = summary_text(result, summary, {}, false);
  CHECK(plain.rfind(
            "verdict SUSPECT\n  - a reason\nexperiment 202611240900-ab12 (hello), open loop", 0) ==
        0);
  CHECK(plain.find("  ✓ failed == 0") != std::string::npos);
  CHECK(plain.find("traces 3 = stored 3 + spooled 0 + lost 0; balanced") != std::string::npos);
  CHECK(plain.find('\x1b') == std::string::npos);
  result.provenance.version.clear();
  CHECK(summary_text(result, summary, {}, false).find("lost 0; the run left no books") !=
        std::string::npos);
  CHECK(summary_text(result, summary, {}, true).find("\x1b[33mSUSPECT") != std::string::npos);
}

TEST_CASE("the summary tells services and phases apart where there is more than one") {
  Summary summary(Wall{std::chrono::seconds{1000}});
  wire::NamedTrace row;
  row.created = row.intended = row.dispatched = row.sent = Wall{std::chrono::seconds{1000}};
  row.status = 200;
  RunResult result;
  const auto add = [&](const char* service, const char* phase, int ms) {
    row.service = service;
    row.phase = phase;
    row.done = row.created + milliseconds{ms};
    summary.add(row);
  };
  add("cart", "low", 2);
  add("cart", "low", 2);
  CHECK(summary_text(result, summary, {}, false).find("services") == std::string::npos);
  CHECK(summary_text(result, summary, {}, false).find("phases") == std::string::npos);
  add("search", "high", 30);
  const std::string text = summary_text(result, summary, {}, false);
  const std::size_t services = text.find("services");
  REQUIRE(services != std::string::npos);
  CHECK(text.find("  cart                               2           2        0", services) !=
        std::string::npos);
  CHECK(text.find("  search ", services) != std::string::npos);
  const std::size_t phases = text.find("phases", services);
  REQUIRE(phases != std::string::npos);
  CHECK(text.find("  high ", phases) != std::string::npos);
}

TEST_CASE("the user's metadata stand beside the result's keys, and come back alone") {
  RunResult result;
  result.experiment.id = "x";
  result.provenance.version = "1";
  result.metadata = R"({"exp":{"host":"n1","n":60},"note":"ü"})";
  const std::string kept = metadata_json(result);
  CHECK(kept.starts_with(R"({"exp":{"host":"n1","n":60},"note":"ü",)"));
  const RunResult back = parse_metadata(kept);
  CHECK(back.metadata == result.metadata);
  CHECK(back.provenance.version == "1");
  // Every key that we write is known as ours, so that it isn't taken for the user's.
  result.metadata.clear();
  CHECK(parse_metadata(metadata_json(result)).metadata.empty());
}

TEST_CASE("metadata of others are told from ours by what is beside them") {
  struct Case {
    const char* text;
    const char* users;
  };
  const Case cases[] = {
      {R"({"exp_id":"x"})", ""},
      {R"({"params":{"n":1},"notes":["theirs"],"exp_id":"x"})",
       R"({"params":{"n":1},"notes":["theirs"]})"},
      {R"({"checkpoint":{"intended":1,"sent":1},"a":1,"exp_id":"x"})", R"({"a":1})"},
      {R"({"notes":["recovered"],"damaged_bytes":0,"traces_lost":0,"a":1,"exp_id":"x"})",
       R"({"a":1})"},
      {R"({"checkpoint":"best.pt","notes":"x"})", R"({"checkpoint":"best.pt","notes":"x"})"},
      {R"({"recorder":{"version":"1"},"notes":[],"exp_id":"x"})", ""},
      {"", ""},
      {"[1]", ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    CHECK(parse_metadata(one.text).metadata == one.users);
  }
}

TEST_CASE(
    "metadata gives back what was put in, and strange text is an empty result, never a crash") {
  RunResult result;
  result.experiment.id = "x";
  result.verdict = {VerdictValue::kSuspect, {"a", "b"}};
  result.ledger.intended = result.ledger.sent = result.ledger.answered = 5;
  result.thresholds.push_back({"failed == 0", std::nullopt, 0, "", false});
  result.provenance.version = "1";
  result.provenance.seed = 7;
  result.provenance.host = {{"arch", "amd64"}};
  result.provenance.file_text = "name: \xff not UTF-8\n";
  const RunResult back = parse_metadata(metadata_json(result));
  CHECK(back.verdict.reasons == result.verdict.reasons);
  CHECK(back.verdict.value == VerdictValue::kSuspect);
  CHECK(back.ledger.answered == 5);
  CHECK_FALSE(back.thresholds.at(0).value.has_value());
  CHECK(back.provenance.seed == 7);
  CHECK(back.provenance.host == result.provenance.host);
  for (const char* text : {"", "{", "[]", "{\"galileo\": 1, \"verdict\": 5}",
                           "{\"galileo\": 1, \"ledger\": {\"failed\": [1]}}"})
    CHECK(parse_metadata(text).provenance.version.empty());
}
