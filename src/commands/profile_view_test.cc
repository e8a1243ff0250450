// A profile as text.
#include "commands/profile_view.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace galileo;
using namespace galileo::commands;

namespace {

std::vector<std::string> lines_of(const std::vector<double>& gaps_s, std::size_t columns) {
  std::vector<std::string> lines;
  const std::string text = profile_text("p.csv", load::figures_of_profile(gaps_s),
                                        load::rates_of_profile(gaps_s, columns));
  for (const std::string_view line : split(text, '\n')) lines.emplace_back(line);
  return lines;
}

}  // namespace

TEST_CASE("a profile's figures stand above its rate over time") {
  std::vector<double> gaps(100, 0.1);
  gaps.insert(gaps.end(), 20, 0.5);
  const auto lines = lines_of(gaps, 20);
  REQUIRE(lines.size() == 15);
  CHECK(lines[0] == "p.csv · 120 requests · 20.0s · 6/s");
  CHECK(lines[1] == "  gaps        smallest 100ms   largest 500ms   coefficient of variation 0.89");
  CHECK(lines[2] == "  dispersion  in 1 s 2.81   in 10 s –   in 60 s –  (chance: 1)");
  CHECK(lines[4] == "      10/s │██████████");
  CHECK(lines[8] == "       5/s │██████████");
  CHECK(lines[10] == "           │██████████▅▅▅▅▅▅▅▅▅▅");
  CHECK(lines[11] == "           │████████████████████");
  CHECK(lines[12] == "         0 └────────────────────");
  CHECK(lines[13] == "            0s             20.0s");
}

TEST_CASE("a profile whose requests are all due at once has no chart") {
  const auto lines = lines_of(std::vector<double>(3, 0.0), 20);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "p.csv · 3 requests · 0s · all at once");
}

TEST_CASE("a chart is as wide as its terminal, within reason") {
  CHECK(chart_columns(80) == 68);
  CHECK(chart_columns(5) == 20);
  CHECK(chart_columns(5000) == 200);
}
