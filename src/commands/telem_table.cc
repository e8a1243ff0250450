#include "commands/telem_table.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"
#include "telemetry/units.h"

namespace galileo::commands {
namespace {

constexpr std::size_t kNameWidth = 44;

// Bytes and counters get a unit that fits, the rest two decimals.
std::string shown(double value, const std::string& unit) {
  if (unit == "bytes") return format_bytes(value);
  if (unit == "kB") return format_bytes(value * 1024);
  if (value == static_cast<double>(static_cast<std::int64_t>(value)) && std::abs(value) < 1e15)
    return fmt::format("{}{}{}", static_cast<std::int64_t>(value), unit.empty() ? "" : " ", unit);
  return fmt::format("{:.2f}{}{}", value, unit.empty() ? "" : " ", unit);
}

// A clock rate is in kHz or MHz there, by where a node's kernel has it from.
std::string unit_on_the_bus(const std::string& metric) {
  return metric == "freq" ? "" : telemetry::unit_of(metric);
}

std::string cut(std::string text, std::size_t width) {
  if (text.size() <= width) return text;
  text.resize(width > 1 ? width - 1 : 0);
  return text + "~";
}

}  // namespace

void TelemTable::put(const wire::Sample& sample) {
  auto& of_node = values_[sample.node];
  const std::string name =
      sample.subsystem.empty() ? sample.metric : sample.metric + "/" + sample.subsystem;
  const auto found = of_node.find(name);
  if (found != of_node.end()) {
    found->second = sample;
  } else if (topics_ < kTopicsMax) {
    ++topics_;
    of_node.emplace(name, sample);
  }
}

std::string TelemTable::lines(std::size_t columns, std::size_t rows) const {
  std::string text;
  std::size_t left = rows;
  std::size_t hidden = 0;
  const auto add = [&](const std::string& line) {
    if (left == 0) {
      ++hidden;
      return;
    }
    --left;
    (text += cut(one_line(line), columns)) += "\033[K\n";
  };
  for (const auto& [node, values] : values_) {
    add(fmt::format("{} ({} values)", node, values.size()));
    for (const auto& [name, sample] : values) {
      const auto at = static_cast<std::time_t>(to_unix_seconds(sample.at));
      add(fmt::format("  {:<{}} {:>18}   {:%H:%M:%S}", cut(name, kNameWidth), kNameWidth,
                      shown(sample.value, unit_on_the_bus(sample.metric)), fmt::localtime(at)));
    }
  }
  if (values_.empty()) text += "waiting for values\033[K\n";
  if (hidden > 0)
    text += fmt::format("and {} more: name a pattern, or a larger window\033[K\n", hidden);
  return text;
}

std::string TelemTable::begun() {
  return "\033[?1049h\033[?25l";
}

std::string TelemTable::drawn() const {
  winsize window{};
  std::size_t columns = 80;
  std::size_t rows = 24;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    columns = window.ws_col;
    rows = window.ws_row;
  }
  // From the top left; what is below of an earlier table goes.
  return "\033[H" + lines(columns, std::max<std::size_t>(rows, 4) - 2) + "\033[J";
}

std::string TelemTable::ended() const {
  return "\033[?25h\033[?1049l" + lines(std::string::npos, std::string::npos);
}

}  // namespace galileo::commands
