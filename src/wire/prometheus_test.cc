#include "wire/prometheus.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

namespace galileo::wire {
namespace {

std::vector<std::string> read(std::string_view page) {
  std::vector<std::string> lines;
  const auto done = read_metrics(page, [&](const Metric& metric) {
    std::string line = metric.name;
    for (const auto& [name, value] : metric.labels) line += fmt::format("|{}={}", name, value);
    lines.push_back(fmt::format("{}|{:g}", line, metric.value));
  });
  if (!done.ok()) lines.push_back(done.error().where + ": " + done.error().why);
  return lines;
}

using Lines = std::vector<std::string>;

TEST_CASE("a page of metrics: comments, labels, times, numbers of all kinds") {
  CHECK(read("# HELP up Whether it runs.\n# TYPE up gauge\nup 1\n") == Lines{"up|1"});
  CHECK(read("a{x=\"1\",y=\"two words\"} 2.5 1700000000000\n") == Lines{"a|x=1|y=two words|2.5"});
  CHECK(read("a{} 1\r\nb{x=\"1\",} 2\n\n   \nc{ x = \"1\" } 3") ==
        Lines{"a|1", "b|x=1|2", "c|x=1|3"});
  CHECK(read("h_bucket{le=\"+Inf\"} 1e3\nn:total +7\nm -0.5") ==
        Lines{"h_bucket|le=+Inf|1000", "n:total|7", "m|-0.5"});
  CHECK(read(R"(e{p="C:\\d \"q\"\n."} 1)") == Lines{"e|p=C:\\d \"q\"\n.|1"});
  CHECK(read("i +Inf\nj -Inf\n") == Lines{"i|inf", "j|-inf"});
  CHECK(read("a{x=\"}\"} 1 # {trace=\"9\"} 0.5\n# EOF\n") == Lines{"a|x=}|1"});
  bool is_nan = false;
  CHECK(read_metrics("n NaN", [&](const Metric& m) { is_nan = std::isnan(m.value); }).ok());
  CHECK(is_nan);
}

TEST_CASE("what is written for a page is read from it") {
  std::string page;
  append_metric(page, "up", "gauge", "Whether it runs.", 1);
  append_metric(page, "n_total", "counter", "How many.", 12345678901234567u);
  CHECK(page.starts_with("# HELP up Whether it runs.\n# TYPE up gauge\nup 1\n# HELP n_total"));
  CHECK(page.ends_with("\nn_total 12345678901234567\n"));
  CHECK(read(page).size() == 2);
}

TEST_CASE("what is no page of metrics is said with its line, and what stood before it is kept") {
  CHECK(read("a 1\n<html>\n") ==
        Lines{"a|1", "line 2: <html>: it begins with no name of a metric"});
  CHECK(read("a") == Lines{"line 1: a: it has no number after the name"});
  CHECK(read("a x") == Lines{"line 1: a x: it has no number after the name"});
  for (const char* labels :
       {"a{x} 1", "a{x=1} 1", "a{x=\"1} 1", "a{x=\"1\\", "a{x=\"1\" y=\"2\"} 1", "a{,} 1", "a{"})
    CHECK(read(labels).at(0).ends_with("its labels aren't {name=\"value\", ...}"));
  CHECK(read("a 1 x") ==
        Lines{"line 1: a 1 x: it has something after the value that isn't a time"});
  CHECK(read("a 1 2 3") == Lines{"line 1: a 1 2 3: it has something after its time"});
  CHECK(read("").empty());
}

}  // namespace
}  // namespace galileo::wire
