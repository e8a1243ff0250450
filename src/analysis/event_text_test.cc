#include "analysis/event_text.h"

#include <doctest/doctest.h>

#include "base/utf8.h"

namespace galileo::analysis {
namespace {

TEST_CASE("an event's text is what it is about, whoever told it") {
  struct Case {
    const char* name;
    const char* value;
    const char* text;
  };
  const Case cases[] = {
      {"pod/running", R"({"podUid":"u","name":"a-0","nodeName":"n1","status":"Running"})",
       "a-0 on n1"},
      {"pod/create", R"({"podUid":"u","name":"a-0","nodeName":""})", "a-0"},
      {"container/oom",
       R"({"podUid":"u","namespace":"d","name":"a-0","nodeName":"n1","container":"main","reason":"OOMKilled"})",
       "a-0/main on n1: OOMKilled"},
      {"scheduler/unplaced",
       R"({"podUid":"u","name":"a-0","nodeName":"","reason":"Unschedulable"})",
       "a-0: Unschedulable"},
      {"node/unready", R"({"node":"n1","reason":"NodeStatusUnknown"})", "n1: NodeStatusUnknown"},
      {"scaler/scale", R"({"namespace":"d","name":"hello","from":1,"to":3,"max":5})",
       "hello: 1 to 3"},
      {"scaler/condition",
       R"({"name":"hello","condition":"ScalingLimited","status":"True","reason":"TooManyReplicas","message":"more than the maximum"})",
       "hello: ScalingLimited True, more than the maximum"},
      {"kubernetes/event", R"({"reason":"BackOff","kind":"Pod","name":"a-0"})", "a-0: BackOff"},
      {"weight_update", R"({"fn":"a","zone":"z","weights":{"ips":["h:1","h:2"],"weights":[1,1]}})",
       "a in z: 2 targets"},
      {"weight_update", "nonsense", "nonsense"},
      {"cluster/change", R"({"netem":"a","what":"netem a: loss 5%","node":"n1","pod":"a-0"})",
       "netem a: loss 5% (a-0)"},
      {"cluster/change", R"({"stress":"n1","what":"stress n1: cpu 2","ended":"its time is over"})",
       "stress n1: cpu 2: its time is over"},
      {"cluster/change", R"({"cordon":"n1"})", R"({"cordon":"n1"})"},
      {"scale", R"({"value": 3, "function_name": "a"})", R"({"value": 3, "function_name": "a"})"},
      {"deploy", "v2", "v2"},
      {"mark", "", ""},
      {"x", "{\"name\": broken", "{\"name\": broken"},
      {"x", "two\nlines", "two\xef\xbf\xbdlines"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    CHECK(event_text({Wall{}, one.name, one.value}) == one.text);
  }
}

TEST_CASE("of a change by hand what was done is shown") {
  CHECK(event_text({Wall{}, "steer/rate", R"({"name": "a at 50/s", "rps": 50.0, "to": "x"})"}) ==
        "a at 50/s");
  CHECK(event_text({Wall{}, "steer/rate", "unread"}) == "unread");
}

TEST_CASE("an event's text is short, and UTF-8 where it is cut") {
  std::string value;
  while (value.size() < 100'000) value += "ü";
  const std::string text = event_text({Wall{}, "x", value});
  CHECK(is_utf8(text));
  CHECK(text.size() < 300);
  CHECK(event_text({Wall{}, "x", "{\"a\": \"" + value + "\"}"}).starts_with("{\"a\": \""));
}

}  // namespace
}  // namespace galileo::analysis
