#include "experiment/fault_orders.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace galileo::experiment {
namespace {

using plan::ChangeCluster;

ChangeCluster netem() {
  ChangeCluster change;
  change.kind = ChangeCluster::Kind::kNetem;
  change.what = "hello";
  return change;
}

std::string line(const FaultPart& part) {
  return fmt::format("{}", fmt::join(part.order.words, " "));
}

}  // namespace

TEST_CASE("what a packet is to meet is one command line of the emulator") {
  ChangeCluster change = netem();
  change.delay = std::chrono::milliseconds{50};
  change.jitter = std::chrono::milliseconds{10};
  change.loss = 0.05;
  auto parts = fault_parts(change);
  REQUIRE(parts.size() == 1);
  CHECK(line(parts[0]) ==
        "qdisc add dev DEV root netem limit 100000 delay 50000us 10000us loss 5%");
  CHECK(parts[0].delay_ms == doctest::Approx(50));
  change.rate_bps = 10'000'000;
  CHECK(line(fault_parts(change)[0]) ==
        "qdisc add dev DEV root netem delay 50000us 10000us loss 5% rate 10000000bit");
}

TEST_CASE("without the emulator a rate is a bucket's, a loss is drawn, and a delay can't be") {
  ChangeCluster change = netem();
  change.loss = 0.25;
  change.rate_bps = 10'000'000;
  const auto parts = parts_without_netem(change);
  REQUIRE(parts.ok());
  REQUIRE(parts->size() == 3);
  CHECK(line(parts->at(0)) ==
        "qdisc add dev DEV root tbf rate 10000000bit burst 5000b latency 400ms");
  CHECK(line(parts->at(1)) == "qdisc add dev DEV clsact");
  CHECK(line(parts->at(2)) ==
        "filter add dev DEV egress protocol all pref 1 bpf da bytecode "
        "4,32 0 0 4294963256,53 1 0 1073741824,6 0 0 2,6 0 0 4294967295");
  change.loss = 1;
  CHECK(line(parts_without_netem(change)->back()).find("53 1 0 4294967295") != std::string::npos);
  change.delay = std::chrono::milliseconds{1};
  const auto none = parts_without_netem(change);
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().to_text().find("modprobe sch_netem") != std::string::npos);
}

TEST_CASE("a stress is stress-ng's") {
  ChangeCluster change;
  change.kind = ChangeCluster::Kind::kStress;
  change.cpus = 2;
  change.memory_bytes = 64 << 20;
  const auto parts = fault_parts(change);
  REQUIRE(parts.size() == 1);
  CHECK(wire::to_text(parts[0].order) ==
        R"({"name": "stress-ng", "parameters": {"cpu": "2", "vm": "1", "vm-bytes": "67108864", )"
        R"("vm-keep": ""}, "kind": "start"})");
}

TEST_CASE("what was measured is what was asked for, or it is said how it isn't") {
  FaultPart part;
  part.delay_ms = 50;
  CHECK(why_not_as_asked(part, {{"delay_ms", 52}}).empty());
  CHECK(why_not_as_asked(part, {{"delay_ms", 0.05}}) == "packets were late by 0.05 ms, not 50 ms");
  CHECK_FALSE(why_not_as_asked(part, {}).empty());
  part = {};
  part.loss = 0.05;
  CHECK(why_not_as_asked(part, {{"loss", 0.04}}).empty());
  CHECK(why_not_as_asked(part, {{"loss", 0}}) == "0% of packets were lost, not 5%");
  CHECK_FALSE(why_not_as_asked(part, {{"loss", 0.5}}).empty());
  part.loss = 0.001;  // one of a thousand packets: chance
  CHECK(why_not_as_asked(part, {{"loss", 0}}).empty());
  part = {};
  part.rate_bps = 10e6;
  CHECK(why_not_as_asked(part, {{"rate_bps", 9.6e6}}).empty());
  CHECK(why_not_as_asked(part, {{"rate_bps", 900e6}}) == "900 Mbit/s came through, not 10");
  part = {};
  part.cpus = 2;
  CHECK(why_not_as_asked(part, {{"cpu_s", 0.3}, {"wall_s", 0.5}}).empty());
  CHECK_FALSE(why_not_as_asked(part, {{"cpu_s", 0}, {"wall_s", 0.5}}).empty());
  part.memory = 1e6;
  CHECK_FALSE(
      why_not_as_asked(part, {{"cpu_s", 1}, {"wall_s", 0.5}, {"memory_bytes", 1e5}}).empty());
}

TEST_CASE("a fault that nothing met had no effect") {
  FaultPart part;
  CHECK(why_without_effect(part, {{"packets", 0}}) == "no packet passed it");
  CHECK(why_without_effect(part, {{"packets", 5}}).empty());
  CHECK(why_without_effect(part, {}).empty());  // the pod was gone: nobody knows
  CHECK(why_without_effect(part, {{"packets", 0}, {"wall_s", 0.1}}).empty());
  FaultPart memory;
  memory.memory = 8e9;
  CHECK(why_without_effect(memory, {{"memory_bytes", 1e9}, {"wall_s", 3}}).empty());
  CHECK_FALSE(why_without_effect(memory, {{"memory_bytes", 1e9}, {"wall_s", 20}}).empty());
  part.loss = 0.5;
  CHECK(why_without_effect(part, {{"packets", 1000}, {"drops", 0}}) ==
        "0 of 1000 packets were lost");
  CHECK(why_without_effect(part, {{"packets", 1000}, {"drops", 480}}).empty());
  CHECK(why_without_effect(part, {{"packets", 10}, {"drops", 0}}).empty());
}

}  // namespace galileo::experiment
