// Processes by name, each with all that descend from it:
//   process_cpu      percent of one core since the last reading
//   process_rss      bytes of memory, summed
//   process_threads  threads
//   process_fds      open file descriptors
//   process_read, process_written   bytes from and to storage since their start (/proc/<pid>/io)
// Of /proc/<pid>/stat the times of a process and of its children that have ended and were waited
// for (fields 14-17) are summed, so that a child's end moves its time to its parent and the sum
// never falls back. The kernel counts these times in ticks, mostly of 10 ms: at short periods they
// step.
#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "telemetry/machine.h"

namespace galileo::telemetry {
namespace {

// More than any application has; a bound on what a fork bomb costs.
constexpr std::size_t kProcessesMax = 2000;

struct ProcessStat {
  double ticks = 0;  // own and of ended children, user and system
  double threads = 0;
  double rss_pages = 0;
};

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // The name in brackets may hold blanks and brackets: count from the last one.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  ProcessStat stat;
  for (int field = 3; field <= 24; ++field) {
    const std::string_view word = take_word(text);
    if (field < 14) continue;
    const auto number = to_number(word);
    if (!number) return std::nullopt;
    if (field <= 17) stat.ticks += *number;
    if (field == 20) stat.threads = *number;
    if (field == 24) stat.rss_pages = *number;
  }
  return stat;
}

struct Totals {
  double ticks = 0;
  double rss_bytes = 0;
  double threads = 0;
  double fds = 0;
  double read_bytes = 0;
  double written_bytes = 0;
  bool found = false;
};

class Process final : public Instrument {
 public:
  explicit Process(const Machine& machine) : proc_(machine.proc) {
    for (const Watched& watched : machine.processes)
      watched_.push_back({watched, watched.pid != 0, Time{}, 0, Time{}, false});
  }

  ReadOutcome read(Readings& readings) override {
    if (watched_.empty()) return ReadOutcome::kNoData;
    for (State& state : watched_) read_one(state, readings);
    return ReadOutcome::kRead;
  }

 private:
  struct State {
    Watched watched;
    bool by_pid = false;
    Time looked_at{};  // for one of that name
    double ticks = 0;
    Time at{};
    bool has_last = false;
  };

  void read_one(State& state, Readings& readings) {
    if (!state.by_pid && state.watched.pid == 0) {
      if (state.looked_at != Time{} && readings.time() - state.looked_at < kRescan) return;
      state.looked_at = readings.time();
      state.watched.pid = pid_of(state.watched.name);
      if (state.watched.pid == 0) return;
    }
    const Totals totals = add_up(state.watched.pid);
    if (!totals.found) {  // it has ended
      state.has_last = false;
      if (!state.by_pid) state.watched.pid = 0;
      return;
    }
    const std::string& name = state.watched.name;
    const double passed_s = to_seconds(readings.time() - state.at);
    if (state.has_last && passed_s > 0) {
      const double used_s = std::max(0.0, totals.ticks - state.ticks) / ticks_a_second();
      readings.put("process_cpu", name, 100 * used_s / passed_s);
    }
    readings.put("process_rss", name, totals.rss_bytes);
    readings.put("process_threads", name, totals.threads);
    readings.put("process_fds", name, totals.fds);
    readings.put("process_read", name, totals.read_bytes);
    readings.put("process_written", name, totals.written_bytes);
    state.ticks = totals.ticks;
    state.at = readings.time();
    state.has_last = true;
  }

  // The oldest process whose command is called so (the kernel keeps 15 letters of a name); 0: none.
  std::int64_t pid_of(const std::string& name) const {
    std::int64_t oldest = 0;
    for (const std::string& entry : list_folder(proc_)) {
      const auto pid = parse_integer(entry);
      if (!pid || (oldest != 0 && *pid > oldest)) continue;
      KeptFile comm(proc_ + "/" + entry + "/comm");
      std::string_view text = comm.read().value_or("");
      if (take_line(text) == name.substr(0, 15)) oldest = *pid;
    }
    return oldest;
  }

  Totals add_up(std::int64_t root) {
    Totals totals;
    // One that gets another parent meanwhile is met twice, and counted once.
    std::set<std::int64_t> met;
    std::vector<std::int64_t> pids{root};
    for (std::size_t i = 0; i < pids.size() && i < kProcessesMax; ++i) {
      if (!met.insert(pids[i]).second) continue;
      const std::string folder = proc_ + "/" + std::to_string(pids[i]);
      add_process(folder, totals);
      add_children(folder, pids);
    }
    return totals;
  }

  void add_process(const std::string& folder, Totals& totals) {
    KeptFile stat_file(folder + "/stat");
    const auto text = stat_file.read();
    const auto stat = text ? parse_process_stat(*text) : std::nullopt;
    if (!stat) return;
    totals.found = true;
    totals.ticks += stat->ticks;
    totals.threads += stat->threads;
    totals.rss_bytes += stat->rss_pages * page_bytes();
    totals.fds += static_cast<double>(list_folder(folder + "/fd").size());
    KeptFile io_file(folder + "/io");
    if (const auto io = io_file.read()) {
      totals.read_bytes += find_number(*io, "read_bytes").value_or(0);
      totals.written_bytes += find_number(*io, "write_bytes").value_or(0);
    }
  }

  // Any thread of a process may have started children.
  static void add_children(const std::string& folder, std::vector<std::int64_t>& pids) {
    for (const std::string& thread : list_folder(folder + "/task")) {
      KeptFile children_file(folder + "/task/" + thread + "/children");
      const auto text = children_file.read();
      std::string_view rest = text.value_or("");
      for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
        if (const auto pid = parse_integer(word)) pids.push_back(*pid);
      }
    }
  }

  const std::string proc_;
  std::vector<State> watched_;
};

}  // namespace

std::unique_ptr<Instrument> make_process(const Machine& machine) {
  return std::make_unique<Process>(machine);
}

}  // namespace galileo::telemetry
