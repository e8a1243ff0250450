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
  one.fault_nodes = {"node1"};
  one.pods_before = {"uid-1"};
  one.clients_before = {"w:hello-main:1"};
  one.given = {{"apps/v1", "deployments", "lab", "web", 5}, {"v1", "namespaces", "", "lab", 0}};
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

TEST_CASE(
    "a pod without a label of a run is the run's where it appeared beside it, and never an older "
    "one") {
  const auto pod = [](const char* uid, const char* function, const char* created) {
    return Json{
        {"metadata",
         {{"uid", uid}, {"labels", {{kFunctionLabel, function}}}, {"creationTimestamp", created}}}};
  };
  constexpr const char* kSince = "2026-11-30T08:00:00Z";
  CHECK(appeared_beside(ledger(), pod("uid-2", "hello", "2026-11-30T08:00:00Z"), kSince));
  CHECK(appeared_beside(ledger(), pod("uid-2", "other", "2026-12-01T07:00:00Z"), kSince));
  // It was there when the run came, or before; of another function; a worker.
  CHECK_FALSE(appeared_beside(ledger(), pod("uid-1", "hello", "2026-11-30T08:00:00Z"), kSince));
  CHECK_FALSE(appeared_beside(ledger(), pod("uid-2", "hello", "2026-11-30T07:59:59Z"), kSince));
  CHECK_FALSE(appeared_beside(ledger(), pod("uid-2", "hell", "2026-11-30T08:00:01Z"), kSince));
  CHECK_FALSE(appeared_beside(ledger(), pod("uid-2", "client", "2026-11-30T08:00:01Z"), kSince));
  // Another run's, whatever its function.
  Json others = pod("uid-2", "hello", "2026-11-30T08:00:01Z");
  others["metadata"]["labels"][kExperimentLabel] = "202611300800-dead";
  CHECK_FALSE(appeared_beside(ledger(), others, kSince));
}

TEST_CASE("what another run is on by now isn't taken back") {
  RunLedger both = ledger();
  both.functions.emplace_back("hello-main");  // whose route in zone 'b' begins like hello's
  both.weights["golb/function/b/hello-main"] = std::nullopt;
  both.routes["hello-main-b"] = std::nullopt;
  const RunLedger left = without_functions(both, {"hello", "nobody's"});
  CHECK(left.functions == std::vector<std::string>{"other", "hello-main"});
  CHECK_FALSE(left.weights.contains("golb/function/main/hello"));
  CHECK(left.weights.size() == 2);
  CHECK_FALSE(left.routes.contains("hello-main"));
  CHECK(left.routes.size() == 2);
  CHECK(left.nodes == both.nodes);
  CHECK(without_functions(both, {}) == both);
}

TEST_CASE("a lease that is kept lasts as long as was asked for, and says so") {
  Json object = lease("2026-11-30T08:00:00Z");
  object.merge_patch(kept_lease(std::chrono::minutes{30}, kNoWall));
  const auto kept = [&](const char* date) {
    return *read_claim(object, wire::parse_rfc3339(date));
  };
  CHECK(kept("2026-11-30T08:29:59Z").is_kept);
  CHECK_FALSE(kept("2026-11-30T08:29:59Z").is_over);
  CHECK(left_of(kept("2026-11-30T08:10:00Z")) == std::chrono::minutes{20});
  CHECK(kept("2026-11-30T08:30:01Z").is_over);
  CHECK(left_of(kept("2026-11-30T09:00:00Z")) == Duration{0});
  CHECK(left_of(state(nullptr, nullptr)) == std::nullopt);
  CHECK_FALSE(state("2026-11-30T08:00:00Z", "2026-11-30T08:00:00Z").is_kept);
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

TEST_CASE("of two leases of one second the one that was made first is the elder one") {
  // The first looked before the second was there, and goes on: the second mustn't by its name.
  ClaimState first;
  first.experiment = "b";
  first.created = "2026-11-30T08:00:00Z";
  first.version = "999";
  ClaimState second = first;
  second.experiment = "a";
  second.version = "1000";
  CHECK(is_elder(first, second));
  CHECK_FALSE(is_elder(second, first));
}

}  // namespace galileo::experiment
