#include "experiment/run_ledger.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "experiment/pod_objects.h"
#include "wire/unix_time.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

RunLedger ledger() {
  RunLedger one;
  one.experiment = "202611300800-abcd";
  one.functions = {"hello", "other"};
  one.etcd = {"etcd:2379"};
  one.weights = {{"golb/function/main/hello", std::nullopt},
                 {"golb/function/main/other", R"({"ips": []})"}};
  one.routes = {{"hello-main", std::nullopt}, {"other-main", R"({"hosts":["a:1"]})"}};
  one.nodes = {{"node1", false}, {"node2", true}};
  one.pods_before = {"uid-1"};
  one.clients_before = {"w:hello-main:1"};
  return one;
}

Json lease(const char* renewed) {
  Json object = lease_object(ledger(), "host-7");
  object["metadata"]["namespace"] = "default";
  object["metadata"]["resourceVersion"] = "5";
  object["metadata"]["managedFields"] =
      Json::parse(R"([{"manager": "old", "time": "2026-11-30T07:00:00Z"}, {"manager": "none"}])");
  if (renewed) object["metadata"]["managedFields"].push_back({{"time", renewed}});
  return object;
}

ClaimState state(const char* renewed, const char* date) {
  auto claim = read_claim(lease(renewed), date ? wire::parse_rfc3339(date) : std::nullopt);
  REQUIRE(claim.ok());
  return *claim;
}

}  // namespace

TEST_CASE("a ledger that was written is read as it was") {
  const auto read = read_ledger(ledger_object(ledger()));
  REQUIRE(read.ok());
  CHECK(*read == ledger());
  CHECK(ledger_object(ledger())["metadata"]["name"] == "galileo-202611300800-abcd");
}

TEST_CASE("what is no ledger is told, whatever it is") {
  for (const char* text :
       {"", "[]", "{}", "null", "7", R"({"experiment": 7})", "{\"experiment\":"}) {
    CAPTURE(text);
    CHECK_FALSE(read_ledger({{"data", {{"ledger", text}}}}).ok());
  }
  CHECK_FALSE(read_ledger(Json()).ok());
  CHECK_FALSE(read_ledger({{"data", 7}}).ok());
  // What is of another kind than it should counts as not said.
  const auto odd = read_ledger(
      {{"data",
        {{"ledger", R"({"experiment": "x", "weights": {"k": 7}, "routes": [], "etcd": [1]})"}}}});
  REQUIRE(odd.ok());
  CHECK(odd->etcd.empty());
  CHECK(odd->weights.at("k") == std::nullopt);
}

TEST_CASE("a lease is over by the server's clock alone, when nobody has changed it for so long") {
  CHECK_FALSE(state("2026-11-30T08:00:00Z", "2026-11-30T08:02:00Z").is_over);
  CHECK(state("2026-11-30T08:00:00Z", "2026-11-30T08:02:01Z").is_over);
  CHECK(state("2026-11-30T08:00:00Z", "2026-11-30T08:02:01Z").age == std::chrono::seconds{121});
  // The answer may have been stamped before the change that it tells of.
  CHECK(state("2026-11-30T08:00:01Z", "2026-11-30T08:00:00Z").age == Duration{0});
  // Not known is not over.
  CHECK_FALSE(state("2026-11-30T08:00:00Z", nullptr).is_over);
  const ClaimState claim = state("2026-11-30T08:00:00Z", "2026-11-30T08:00:05Z");
  CHECK(claim.functions == std::vector<std::string>{"hello", "other"});
  CHECK(claim.experiment == "202611300800-abcd");
  CHECK(claim.holder == "host-7");
  CHECK(claim.version == "5");
  CHECK_FALSE(read_claim({{"metadata", {{"name", "another's"}}}}, std::nullopt).ok());
}

TEST_CASE("of two runs on one function the elder goes on, and of one second one of them does") {
  ClaimState one;
  one.experiment = "a";
  one.created = "2026-11-30T08:00:00Z";
  ClaimState other;
  other.experiment = "b";
  other.created = "2026-11-30T08:00:01Z";
  CHECK(is_elder(one, other));
  CHECK_FALSE(is_elder(other, one));
  other.created = one.created;
  CHECK(is_elder(one, other));
  CHECK_FALSE(is_elder(other, one));
}

}  // namespace galileo::experiment
