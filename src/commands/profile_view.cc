#include "commands/profile_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "base/text.h"
#include "base/time.h"
#include "base/utf8.h"

namespace galileo::commands {
namespace {

constexpr int kChartRows = 8;
constexpr int kAxisWidth = 12;
constexpr std::array<std::string_view, 9> kEighths{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

std::string time_of_seconds(double seconds) {
  const Duration time = from_seconds(seconds);
  return time == kNoDuration ? fmt::format("{:.3g} s", seconds) : format_duration(time);
}

std::string figure_text(const std::optional<double>& figure) {
  return figure ? fmt::format("{:.2f}", *figure) : std::string("–");
}

// Column by column as high as its rate, in eighths of a row.
std::string rate_chart(const std::vector<double>& rates, double length_s) {
  const double most = *std::max_element(rates.begin(), rates.end());
  std::string text;
  for (int row = kChartRows - 1; row >= 0; --row) {
    std::string label;
    if (row == kChartRows - 1) label = fmt::format("{:.4g}/s", most);
    if (row == kChartRows / 2 - 1) label = fmt::format("{:.4g}/s", most / 2);
    std::string line = fmt::format("{:>{}} │", label, kAxisWidth - 2);
    for (const double rate : rates) {
      const int eighths = static_cast<int>(std::lround(rate / most * kChartRows * 8)) - row * 8;
      line += kEighths[static_cast<std::size_t>(std::clamp(eighths, 0, 8))];
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  const std::string end = time_of_seconds(length_s);
  const std::size_t room = rates.size() > end.size() + 2 ? rates.size() - end.size() - 2 : 1;
  std::string axis;
  for (std::size_t i = 0; i < rates.size(); ++i) axis += "─";
  return text + fmt::format("{:>{}} └{}\n{:{}}0s{:{}}{}\n", "0", kAxisWidth - 2, axis, "",
                            kAxisWidth, "", room, end);
}

}  // namespace

std::size_t chart_columns(int width) {
  return static_cast<std::size_t>(std::clamp(width - kAxisWidth, 20, 200));
}

std::string profile_text(const std::string& name, const load::ProfileFigures& figures,
                         const std::vector<double>& rates) {
  std::string text =
      fmt::format("{} · {} requests · {} · {}\n", one_line(name), format_count(figures.count),
                  time_of_seconds(figures.length_s),
                  figures.rps ? fmt::format("{:.4g}/s", *figures.rps) : std::string("all at once"));
  text += fmt::format("  gaps        smallest {}   largest {}   coefficient of variation {}\n",
                      time_of_seconds(figures.gap_min_s), time_of_seconds(figures.gap_max_s),
                      figure_text(figures.gap_variation));
  text += "  dispersion ";
  for (std::size_t i = 0; i < figures.dispersion.size(); ++i)
    text += fmt::format(" in {} s {}  ", load::kDispersionWindows_s[i],
                        figure_text(figures.dispersion[i]));
  text += "(chance: 1)\n";
  if (!rates.empty()) text += "\n" + rate_chart(rates, figures.length_s);
  return text;
}

}  // namespace galileo::commands
