// The live view, as text.
#include "commands/live_view.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::commands;
using galileo::experiment::RunState;
using std::chrono::milliseconds;

namespace {

RunState state() {
  RunState state;
  state.name = "hello";
  state.phase = "main";
  state.elapsed = milliseconds{2500};
  state.requests_expected = 1000;
  state.figures = {100, 99.5, 0, milliseconds{1}, milliseconds{3}, milliseconds{0}, false};
  state.intended = 250;
  state.answered = 249;
  state.in_flight = 1;
  state.connections = 2;
  state.cpu_pct = 12.4;
  return state;
}

}  // namespace

TEST_CASE("the one-line form has the figures in a fixed order") {
  CHECK(live_line(state()) ==
        " 2.50s  main  offered 100.0/s  achieved 99.5/s  in flight 1  p50 1.00ms  p99 3.00ms  "
        "errors 0  "
        "delay p99 0s  cpu 12 %  25%\n");
}

TEST_CASE("the drawn form fits its terminal and shows how far it is") {
  const std::string wide = live_lines(state(), 200);
  CHECK(wide.find("hello · main · 2.50s  █████░░░░░░░░░░░░░░░  25 %") == 0);
  CHECK(wide.find("250 due   249 answered   1 in flight") != std::string::npos);
  CHECK(wide.find("0 failed   0 not sent") != std::string::npos);
  RunState troubled = state();
  troubled.trouble = "disk full";
  for (const int width : {20, 40, 80}) {
    std::string text = live_lines(troubled, width);
    CHECK(std::count(text.begin(), text.end(), '\n') == 6);
    while (!text.empty()) {
      const std::string line = text.substr(0, text.find('\n'));
      text.erase(0, line.size() + 1);
      const auto columns = std::count_if(line.begin(), line.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
      });
      CHECK(columns <= width);
    }
  }
}

TEST_CASE("the drawn form loses nothing in 80 columns, whatever the numbers are") {
  RunState large = state();
  large.figures = {1e6,
                   999999.9,
                   0,
                   std::chrono::seconds{12},
                   std::chrono::seconds{29},
                   std::chrono::milliseconds{1230},
                   true};
  large.intended = large.answered = 123'456'789;
  large.in_flight = 1'000'000;
  large.connections = 1'000'000;
  large.failed = large.not_sent = 123'456'789;
  large.cpu_pct = 100;
  CHECK(live_lines(large, 80) == live_lines(large, 1000));
}

TEST_CASE("a percentile that too few requests tell of is none, and of which ones it is is said") {
  RunState few = state();
  few.figures.p99 = few.figures.dispatch_p99 = std::nullopt;
  CHECK(live_line(few).find("p50 1.00ms  p99 –  errors 0  delay p99 –  cpu") != std::string::npos);
  CHECK(live_lines(few, 80).find(
            "p50    1.00ms  p99         –  scheduling delay p99         –\n") != std::string::npos);
  few = state();
  few.figures.so_far = true;
  CHECK(live_line(few).find("p99 3.00ms so far  errors") != std::string::npos);
  CHECK(live_lines(few, 80).find("scheduling delay p99        0s  so far\n") != std::string::npos);
}

TEST_CASE("a name with escape codes or a line break is text in the drawn form") {
  RunState strange = state();
  strange.name = "a\x1b[2J\nb";
  const std::string text = live_lines(strange, 200);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
}

TEST_CASE("the cursor stays at the view's beginning, so that resizing folds nothing above it") {
  const std::string drawn = drawn_lines(state(), 80);
  CHECK(drawn.starts_with("\r\x1b[Khello"));
  CHECK(drawn.ends_with("\n\x1b[J\x1b[5A"));
}

TEST_CASE("without an end in sight there is no progress to show") {
  RunState endless = state();
  endless.requests_expected.reset();
  CHECK_FALSE(progress(endless).has_value());
  endless.duration_expected = milliseconds{2500};
  CHECK(*progress(endless) == 1.0);
}
