#include "analysis/whereabouts.h"

#include <doctest/doctest.h>

namespace galileo::analysis {
namespace {

PlacementRow row(const char* application, const char* node, std::size_t pods,
                 std::uint64_t answered) {
  PlacementRow row;
  row.application = application;
  row.node = node;
  row.pods = pods;
  row.answered = answered;
  return row;
}

RunResult planned(const char* plan) {
  RunResult run;
  run.provenance.plan_json = plan;
  return run;
}

}  // namespace

TEST_CASE("two schedulers are told apart by where their pods were") {
  Whereabouts spread;
  spread.add(
      planned(R"({"applications": [{"name": "hello", "scheduler": "default-scheduler"}]})"),
      {row("hello", "node1", 3, 100), row("hello", "node2", 3, 300), row("hello", "", 0, 9)});
  Whereabouts packed;
  packed.add(planned(R"({"applications": [{"name": "hello", "scheduler": "packed"}]})"),
             {row("hello", "node1", 6, 400)});
  CHECK(whereabouts_text({spread, packed}) ==
        "where pods were, and their share of the answers\n"
        "  hello put by        default-scheduler                 packed\n"
        "  hello on node1         3 pods  25.0 %         6 pods 100.0 %\n"
        "  hello on node2         3 pods  75.0 %                      -\n");
  CHECK(whereabouts_text({Whereabouts{}, Whereabouts{}}).empty());
}

TEST_CASE("of several runs a side's pods are the average, and its share is of all answers") {
  Whereabouts side;
  side.add(planned("{}"), {row("a", "n", 1, 10), row("b", "n", 1, 5)});
  side.add(planned("no plan"), {row("a", "n", 2, 0), row("a", "m", 1, 30)});
  CHECK(side.schedulers.empty());
  CHECK(side.pods_of(side.nodes.at({"a", "n"})) == doctest::Approx(1.5));
  CHECK(side.share_of("a", side.nodes.at({"a", "n"})) == doctest::Approx(0.25));
  CHECK(side.share_of("b", side.nodes.at({"b", "n"})) == doctest::Approx(1));
  CHECK(whereabouts_text({side}).find("1.5 pods  25.0 %") != std::string::npos);
}

TEST_CASE("a cluster's names are no terminal controls") {
  Whereabouts side;
  side.add(planned(R"({"applications": [{"name": "a", "scheduler": "x\u001b[31m\ny"}]})"),
           {row("a", "n\033[2J", 1, 1)});
  const std::string text = whereabouts_text({side});
  CHECK(text.find('\033') == std::string::npos);
  CHECK(text.find("put by") != std::string::npos);
}

}  // namespace galileo::analysis
