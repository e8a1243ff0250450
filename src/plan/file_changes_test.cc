#include "plan/file_changes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "plan/file.h"

namespace galileo::plan {
namespace {

Result<Plan> parse(const std::string& event) {
  return parse_plan(fmt::format(R"(name: x
applications:
  - {{name: hello, kubernetes: {{image: i, pods: {{node1: 2}}, limits: {{cpu: 500m}}}}}}
  - {{name: free, kubernetes: {{image: i, pods: 2, zone: main, deployment: yes}}}}
clients:
  - {{application: hello, zone: main, rate: 1, duration: 60s}}
events:
  - {}
)",
                                event),
                    "f.yaml", {});
}

std::string problem(const std::string& event) {
  const auto plan = parse(event);
  return plan.ok() ? "" : plan.error().why;
}

std::string text_of(const std::string& event) {
  const auto plan = parse(event);
  REQUIRE_MESSAGE(plan.ok(), plan.error().to_text());
  return describe(plan->phases.at(0).actions.at(0));
}

}  // namespace

TEST_CASE("an event that changes the cluster says what it does") {
  CHECK(text_of("{at: 1s, netem: hello, delay: 50ms, jitter: 5ms, loss: 2.5%, rate: 10mbit, "
                "for: 20s}") ==
        "at 1.00s: netem hello: delay 50.0ms, jitter 5.00ms, loss 2.5%, rate 10mbit for 20.0s");
  CHECK(text_of("{at: 1s, netem: hello-deployment-node1-0, loss: 100 %}") ==
        "at 1.00s: netem hello-deployment-node1-0: loss 100%");
  CHECK(text_of("{at: 1s, stress: node1, cpu: 2, memory: 256Mi}") ==
        "at 1.00s: stress node1: cpu 2, memory 256.0 MiB");
  CHECK(text_of("{at: 1s, weights: hello, zone: main, to: {node1: 3, zone-b: 0}, for: 5s}") ==
        "at 1.00s: weights hello in main: node1 3, zone-b 0 for 5.00s");
  CHECK(text_of("{at: 1s, resize: hello, cpu: 0.25}") == "at 1.00s: resize hello: cpu 250m");
  CHECK(text_of("{at: 1s, scale: free, replicas: 3}") == "at 1.00s: scale free to 3");
  CHECK(text_of("{at: 1s, cordon: node1}") == "at 1.00s: cordon node1");
}

TEST_CASE("an event that can't be is told with what can") {
  for (const auto& [event, why] : std::vector<std::pair<std::string, std::string>>{
           {"{at: 1s, netem: other, delay: 1ms}", "no application called 'other' is pods"},
           {"{at: 1s, netem: hello}", "events[0].delay is missing"},
           {"{at: 1s, netem: hello, jitter: 1ms, loss: 1%}", "jitter is around a delay"},
           {"{at: 1s, netem: hello, delay: 1ms, jitter: 2ms}", "more than the delay"},
           {"{at: 1s, netem: hello, loss: 5}", "isn't a share"},
           {"{at: 1s, netem: hello, loss: 101%}", "isn't a share"},
           {"{at: 1s, netem: hello, loss: 0%}", "isn't a share"},
           {"{at: 1s, netem: hello, rate: 10}", "isn't a rate of bits"},
           {"{at: 1s, netem: hello, rate: 1bit}", "isn't a rate of bits"},
           {"{at: 1s, netem: hello, delay: 2h}", "is more than"},
           {"{at: 1s, netem: hello, delay: 1ms, for: 0s}", "events[0].for"},
           {"{at: 1s, stress: node1}", "events[0].cpu is missing"},
           {"{at: 1s, stress: Node_1, cpu: 1}", "'Node_1'"},
           {"{at: 1s, stress: node1, cpu: 0}", "events[0].cpu"},
           {"{at: 1s, stress: node1, memory: 5}", "less than a megabyte"},
           {"{at: 1s, stress: node1, memory: lots}", "events[0].memory"},
           {"{at: 1s, weights: hello}", "events[0].to is missing"},
           {"{at: 1s, weights: hello, to: {}}", "a map of pods, nodes or zones"},
           {"{at: 1s, weights: hello, to: {node1: 0.5}}", "whole number from 0 up"},
           {"{at: 1s, resize: hello}", "events[0].cpu is missing"},
           {"{at: 1s, resize: hello, memory: 64Mi}", "has no limit of memory"},
           {"{at: 1s, resize: hello, cpu: 0}", "more than 0"},
           {"{at: 1s, scale: hello, replicas: 2}", "is pods of a Deployment"},
           {"{at: 1s, scale: free, replicas: 2, for: 5s}", "for goes with"},
           {"{at: 1s, cordon: node1, replicas: 2}", "replicas goes with scale alone"},
           {"{at: 1s, netem: hello, stress: node1, cpu: 1}", "does one thing"},
           {"{at: 1s, stress: node1, cpu: 1, rate: 5}", "does one thing"},
       }) {
    CAPTURE(event);
    const std::string told = problem(event);
    CAPTURE(told);
    CHECK(told.find(why) != std::string::npos);
  }
}

TEST_CASE("rates of bits are written as tc writes them") {
  CHECK(*parse_bit_rate("10mbit") == 10'000'000);
  CHECK(*parse_bit_rate("1.5 Mbit") == 1'500'000);
  CHECK(*parse_bit_rate("64kbit") == 64'000);
  CHECK(*parse_bit_rate("2gbit") == 2'000'000'000);
  for (const char* text : {"", "mbit", "10", "10mb", "-1mbit", "1e9gbit", "nan mbit"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bit_rate(text).ok());
  }
}

}  // namespace galileo::plan
