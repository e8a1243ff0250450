#include "telemetry/hindrances.h"

#include <algorithm>
#include <string>

#include "telemetry/files.h"

namespace galileo::telemetry {
namespace {

// The folder of this process's group, and whether its times are in us (v2) or ns (v1).
struct GroupPlace {
  std::string root;
  std::string path;
};

GroupPlace group_place(const Machine& machine) {
  const std::string text = text_of_file(machine.proc + "/self/cgroup");
  std::string_view rest = text;
  GroupPlace place;
  while (!rest.empty()) {
    // "5:cpu,cpuacct:/path", "0::/path".
    const std::string_view line = take_line(rest);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string controllers =
        "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    const std::string path(line.substr(second + 1));
    if (controllers == ",,") {
      if (place.root.empty()) place = {machine.sys + "/fs/cgroup", path};
    } else if (controllers.find(",cpu,") != std::string::npos) {
      place = {machine.sys + "/fs/cgroup/" + controllers.substr(1, controllers.size() - 2), path};
    }
  }
  return place;
}

}  // namespace

Hindrances Hindrances::since(const Hindrances& before) const {
  return {throttled_periods - std::min(throttled_periods, before.throttled_periods),
          std::max(Duration{0}, throttled - before.throttled), std::max(0.0, steal - before.steal),
          std::max(0.0, all - before.all)};
}

Hindrances read_hindrances(const Machine& machine) {
  Hindrances found;
  GroupPlace place = group_place(machine);
  while (!place.root.empty()) {
    const std::string text = text_of_file(place.root + place.path + "/cpu.stat");
    const double us = find_number(text, "throttled_usec").value_or(0);
    const double ns = find_number(text, "throttled_time").value_or(0);
    const auto periods =
        static_cast<std::uint64_t>(std::max(0.0, find_number(text, "nr_throttled").value_or(0)));
    found.throttled_periods = std::max(found.throttled_periods, periods);
    found.throttled = std::max(found.throttled, seconds(us / 1e6 + ns / 1e9));
    const std::size_t slash = place.path.rfind('/');
    if (slash == std::string::npos || place.path.size() <= 1) break;
    place.path.resize(slash);
  }
  const std::string stat = text_of_file(machine.proc + "/stat");
  std::string_view line = stat;
  line = take_line(line);
  take_word(line);
  for (int column = 0; column < 8; ++column) {
    const auto ticks = to_number(take_word(line));
    if (!ticks) break;
    found.all += *ticks;
    if (column == 7) found.steal = *ticks;
  }
  return found;
}

}  // namespace galileo::telemetry
