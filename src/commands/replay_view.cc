#include "commands/replay_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/utf8.h"
#include "commands/profile_view.h"
#include "load/profile_figures.h"
#include "load/recorded_secrets.h"
#include "wire/unix_time.h"

namespace galileo::commands {
namespace {

constexpr std::size_t kPathsShown = 10;
constexpr std::size_t kPathWidth = 100;

CountedNames most_frequent(const std::map<std::string, std::uint64_t>& counts, std::size_t most) {
  CountedNames names(counts.begin(), counts.end());
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  names.resize(std::min(names.size(), most));
  return names;
}

std::string paths_text(const load::RequestList& list) {
  std::string text;
  for (const auto& [name, count] : replay_paths(list, kPathsShown)) {
    std::string shown = one_line(name);
    if (shown.size() > kPathWidth) shown = shown.substr(0, kPathWidth) + "...";
    text += fmt::format("{}{:>9}  {}\n", text.empty() ? "  paths     " : "            ",
                        format_count(count), shown);
  }
  return text;
}

}  // namespace

CountedNames replay_methods(const load::RequestList& list) {
  std::map<std::string, std::uint64_t> counts;
  for (const load::RequestList::Entry& entry : list.entries())
    ++counts[std::string(list.text(entry.method))];
  return most_frequent(counts, counts.size());
}

CountedNames replay_paths(const load::RequestList& list, std::size_t most) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> by_text;
  for (const load::RequestList::Entry& entry : list.entries())
    ++by_text[{entry.method, entry.target}];
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [of, count] : by_text) {
    const std::string target = load::masked_target(list.text(of.second));
    counts[fmt::format("{} {}", list.text(of.first), target.substr(0, target.find('?')))] += count;
  }
  return most_frequent(counts, most);
}

std::string replay_text(const std::string& name, const load::Replay& replay,
                        const load::ReplayOptions& options, std::size_t columns) {
  const std::vector<double> gaps_s = load::gaps_of(replay.list);
  const load::ReplayCounts& counts = replay.counts;
  std::string text =
      profile_text(name, load::figures_of_profile(gaps_s), load::rates_of_profile(gaps_s, columns));
  text += fmt::format("\n  records   {} read = {} sent + {} skipped\n", format_count(counts.read),
                      format_count(counts.sent), format_count(counts.all_skipped()));
  if (counts.all_skipped() > 0) text += fmt::format("  skipped   {}\n", load::skipped_text(counts));
  if (counts.unread_number > 0)
    text += fmt::format("  unread    first {}: {}: {}\n", format_count(counts.unread_number),
                        wire::record_fault_text(counts.unread_fault), one_line(counts.unread_text));
  text += fmt::format("  log       {} from {} on", format_duration(replay.log_length),
                      wire::rfc3339(replay.begins, 3));
  if (options.speed != 1) text += fmt::format(", sent {:g} times as fast", options.speed);
  if (options.share < 1) text += fmt::format(", a share of {:g} of it", options.share);
  if (options.copies > 1) text += fmt::format(", {} copies", options.copies);
  text += "\n  methods  ";
  for (const auto& [method, count] : replay_methods(replay.list))
    text += fmt::format(" {} {} ", one_line(method), format_count(count));
  text = text.substr(0, text.find_last_not_of(' ') + 1) + "\n" + paths_text(replay.list);
  text += fmt::format("  memory    {}\n",
                      format_bytes(static_cast<double>(replay.list.bytes() + gaps_s.size() * 8)));
  for (const std::string& note : load::replay_notes(replay, options))
    text += fmt::format("  note      {}\n", note);
  return text;
}

}  // namespace galileo::commands
