// Processes by name, each with all that descend from it, or alone:
//   process_cpu      percent of one core since the last reading
//   process_rss      bytes of memory: what several processes share is counted once (the kernel's
//                    proportional set size), where the kernel tells that; else resident sets. How
//                    large that part of the resident sets is, is measured now and then: for it the
//                    kernel walks through all of the memory
//   process_threads  threads
//   process_fds      open file descriptors
//   process_read, process_written   bytes from and to storage since their start (/proc/<pid>/io)
// The times of a process in /proc/<pid>/stat, and of its children that have ended and were waited
// for (fields 14-17) are summed, so that a child's end moves its time to its parent. The kernel
// counts these times in ticks, mostly of 10 ms: at short periods they step. What can't be read of
// one of the processes isn't known of all of them.
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
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
// To add up the shared memory of a large process the kernel walks through all of it. At most one
// part in so many of the time goes into that: of the same processes, and where others have come.
constexpr int kMemoryRest = 1000;
constexpr Duration kMemoryRestLeast = std::chrono::seconds{2};
constexpr int kMemoryRestOfNew = 100;

struct ProcessStat {
  char state = 0;
  std::int64_t parent = 0;
  double ticks = 0;  // own and of ended children, user and system
  double threads = 0;
  double started = 0;  // ticks since the machine's start: which one of those with this pid it is
  double rss_pages = 0;

  // Nothing is left of it but its end, which its parent hasn't heard yet.
  bool is_over() const { return (state == 'Z' || state == 'X') && threads <= 1; }
};

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // The name in brackets may hold blanks and brackets: count from the last one.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  ProcessStat stat;
  for (int field = 3; field <= 24; ++field) {
    const std::string_view word = take_word(text);
    if (field == 3 && !word.empty()) stat.state = word.front();
    if (field == 4) stat.parent = parse_integer(word).value_or(0);
    if (field < 14) continue;
    const auto number = to_number(word);
    if (!number) return std::nullopt;
    if (field <= 17) stat.ticks += *number;
    if (field == 20) stat.threads = *number;
    if (field == 22) stat.started = *number;
    if (field == 24) stat.rss_pages = *number;
  }
  return stat;
}

// A sum over processes that come and go, as it has grown. A sum that is smaller than the last one
// isn't known: a child may have ended while it was added up, and be in its parent's share the next
// time. Where it still is smaller then, the child's share is lost to the kernel, but not here.
class Grown {
 public:
  std::optional<double> of(double sum) {
    const bool fell = sum + lost_ < grown_;
    if (fell && !fell_) {
      fell_ = true;
      return std::nullopt;
    }
    if (fell) lost_ = grown_ - sum;
    fell_ = false;
    return grown_ = sum + lost_;
  }

 private:
  double grown_ = 0;
  double lost_ = 0;
  bool fell_ = false;
};

struct Totals {
  double ticks = 0;
  double threads = 0;
  // Nothing: one of the processes doesn't let it be seen.
  std::optional<double> fds = 0;
  std::optional<double> read_bytes = 0;
  std::optional<double> written_bytes = 0;
  std::vector<std::int64_t> pids;  // of those that live
  double rss_bytes = 0;            // of these
  double started = 0;              // of the first one
  bool found = false;
  bool too_many = false;
};

// What part of their resident sets is theirs, as it was measured.
struct Memory {
  std::vector<std::int64_t> pids;
  double part = 1;
  Time at{};
  Duration took{};
};
// What is known of one process, as long as it is the same.
struct Life {
  double started = 0;
  Grown ticks;
  Grown read_bytes;
  Grown written_bytes;
  double last_ticks = 0;
  Time at{};
  bool has_last = false;
  Memory memory;
};
struct State {
  Watched watched;
  std::string topic;
  bool by_pid = false;
  Time looked_at{};  // for one of that name
  std::optional<Life> life;
  bool over = false;  // the one of that pid: another one may bear it since
};

class Process final : public Instrument {
 public:
  explicit Process(const Machine& machine) : proc_(machine.proc) {
    struct statfs about{};
    is_kernels_ = statfs(proc_.c_str(), &about) == 0 && about.f_type == PROC_SUPER_MAGIC;
    for (const Watched& watched : machine.processes) {
      State state;
      state.watched = watched;
      state.topic = one_word(watched.name);
      state.by_pid = watched.pid != 0;
      watched_.push_back(std::move(state));
    }
  }

  // A process that waits for its memory lets nobody look at that.
  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) override {
    if (watched_.empty()) return ReadOutcome::kNoData;
    children_.reset();
    for (State& state : watched_) read_one(state, readings);
    return ReadOutcome::kRead;
  }

 private:
  void read_one(State& state, Readings& readings) {
    if (state.over) return;
    if (!state.by_pid && state.watched.pid == 0) {
      if (state.looked_at != Time{} && readings.time() - state.looked_at < kRescan) return;
      state.looked_at = readings.time();
      state.watched.pid = pid_of(state.watched.name);
      if (state.watched.pid == 0) return;
    }
    const Totals totals = add_up(state.watched);
    const bool same = totals.found && (!state.life || state.life->started == totals.started);
    if (!same) {
      state.over = state.by_pid && state.life.has_value();
      state.life.reset();
      if (!state.by_pid) state.watched.pid = 0;
      return;
    }
    if (!state.life) {
      state.life.emplace();
      state.life->started = totals.started;
    }
    if (totals.too_many)
      readings.leave_out(6);
    else
      put(*state.life, state.topic, totals, readings);
  }

  void put(Life& life, const std::string& name, const Totals& totals, Readings& readings) const {
    const auto put_known = [&](const char* metric, const std::optional<double>& value) {
      if (value)
        readings.put(metric, name, *value);
      else
        readings.leave_out();
    };
    const auto ticks = life.ticks.of(totals.ticks);
    if (!ticks)
      readings.leave_out();
    else
      put_cpu(life, name, *ticks, totals.pids.size(), readings);
    readings.put("process_threads", name, totals.threads);
    put_known("process_fds", totals.fds);
    const auto grown = [](Grown& of, const std::optional<double>& sum) {
      return sum ? of.of(*sum) : std::nullopt;
    };
    put_known("process_read", grown(life.read_bytes, totals.read_bytes));
    put_known("process_written", grown(life.written_bytes, totals.written_bytes));
    put_known("process_rss", memory_of(life.memory, totals, readings));
  }

  void put_cpu(Life& life, const std::string& name, double ticks, std::size_t processes,
               Readings& readings) const {
    const double passed_s = to_seconds(readings.time() - life.at);
    const double used_s = (ticks - life.last_ticks) / ticks_a_second();
    // Each of them is counted in whole ticks.
    const double slack_s = 2 * static_cast<double>(processes + 1) / ticks_a_second();
    const double most_s = passed_s * cores_ + slack_s;
    if (life.has_last && used_s > most_s)
      readings.leave_out();  // more than this machine can do: not theirs alone
    else if (life.has_last && passed_s > 0)
      readings.put("process_cpu", name, 100 * used_s / passed_s);
    life.last_ticks = ticks;
    life.at = readings.time();
    life.has_last = true;
  }

  std::optional<ProcessStat> stat_of(std::int64_t pid) const {
    KeptFile file(proc_ + "/" + std::to_string(pid) + "/stat");
    const auto text = file.read();
    return text ? parse_process_stat(*text) : std::nullopt;
  }

  // The oldest process whose command is called so (the kernel keeps 15 letters of a name); 0: none.
  // Pids begin again when they have all been used, so that the lowest needn't be the oldest.
  std::int64_t pid_of(const std::string& name) const {
    std::int64_t oldest = 0;
    double started = 0;
    for (const std::string& entry : list_folder(proc_)) {
      const auto pid = parse_integer(entry);
      if (!pid) continue;
      KeptFile comm(proc_ + "/" + entry + "/comm");
      std::string_view text = comm.read().value_or("");
      if (take_line(text) != name.substr(0, 15)) continue;
      const auto stat = stat_of(*pid);
      if (!stat || stat->is_over() || (oldest != 0 && stat->started >= started)) continue;
      oldest = *pid;
      started = stat->started;
    }
    return oldest;
  }

  Totals add_up(const Watched& watched) {
    const std::int64_t root = watched.pid;
    Totals totals;
    // One that gets another parent meanwhile is met twice, and counted once.
    std::set<std::int64_t> met;
    std::vector<std::int64_t> pids{root};
    for (std::size_t i = 0; i < pids.size(); ++i) {
      totals.too_many = met.size() >= kProcessesMax;
      if (totals.too_many) return totals;
      if (!met.insert(pids[i]).second) continue;
      const auto stat = stat_of(pids[i]);
      if (pids[i] == root) {
        if (!stat || stat->is_over()) return totals;
        totals.found = true;
        totals.started = stat->started;
      }
      if (stat) add_process(pids[i], *stat, totals);
      if (!watched.alone) add_children(pids[i], pids);
    }
    return totals;
  }

  void add_process(std::int64_t pid, const ProcessStat& stat, Totals& totals) const {
    const std::string folder = proc_ + "/" + std::to_string(pid);
    totals.ticks += stat.ticks;
    KeptFile io_file(folder + "/io");
    const auto io = io_file.read();
    const auto add = [&](std::optional<double>& sum, const std::optional<double>& value) {
      // One that has just ended is gone with all it had.
      if (!value && !identity_of(folder)) return;
      sum = sum && value ? std::optional(*sum + *value) : std::nullopt;
    };
    add(totals.read_bytes, io ? find_number(*io, "read_bytes") : std::nullopt);
    add(totals.written_bytes, io ? find_number(*io, "write_bytes") : std::nullopt);
    if (stat.is_over()) return;
    totals.pids.push_back(pid);
    totals.threads += stat.threads;
    totals.rss_bytes += stat.rss_pages * page_bytes();
    add(totals.fds, open_files_of(folder + "/fd"));
  }

  // Kernels from 6.2 on say it as the folder's size.
  std::optional<double> open_files_of(const std::string& folder) const {
    struct stat about{};
    if (is_kernels_ && stat(folder.c_str(), &about) == 0 && about.st_size > 0)
      return static_cast<double>(about.st_size);
    const auto entries = entries_of_folder(folder);
    return entries ? std::optional(static_cast<double>(*entries)) : std::nullopt;
  }

  // Any thread of a process may have started children.
  void add_children(std::int64_t of, std::vector<std::int64_t>& pids) {
    const std::string tasks = proc_ + "/" + std::to_string(of) + "/task/";
    for (const std::string& thread : children_ ? std::vector<std::string>() : list_folder(tasks)) {
      KeptFile children_file(tasks + thread + "/children");
      const auto text = children_file.read();
      // A kernel without such files: all processes are asked for their parents.
      if (!text && identity_of(tasks + thread)) children_ = by_parent();
      std::string_view rest = text.value_or("");
      for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest)) {
        if (const auto pid = parse_integer(word)) pids.push_back(*pid);
      }
    }
    if (!children_) return;
    const auto [begin, end] = children_->equal_range(of);
    for (auto child = begin; child != end; ++child) pids.push_back(child->second);
  }

  std::multimap<std::int64_t, std::int64_t> by_parent() const {
    std::multimap<std::int64_t, std::int64_t> children;
    for (const std::string& entry : list_folder(proc_)) {
      const auto pid = parse_integer(entry);
      const auto stat = pid ? stat_of(*pid) : std::nullopt;
      if (stat) children.emplace(stat->parent, *pid);
    }
    return children;
  }

  std::optional<double> memory_of(Memory& memory, const Totals& totals, Readings& readings) const {
    const bool same = memory.pids == totals.pids;
    const Duration rest = same ? std::max(memory.took * kMemoryRest, kMemoryRestLeast)
                               : memory.took * kMemoryRestOfNew;
    if (!memory.pids.empty() && readings.time() < memory.at + rest)
      return totals.rss_bytes * memory.part;
    const Time before = readings.time();
    const auto bytes = measure_memory(totals.pids);
    readings.stamp();
    memory.at = readings.time();
    memory.took = memory.at - before;
    memory.pids = totals.pids;
    // Where a part isn't known it is measured again the next time.
    if (!bytes || totals.rss_bytes <= 0) memory.pids.clear();
    if (bytes && totals.rss_bytes > 0) memory.part = *bytes / totals.rss_bytes;
    return bytes;
  }

  std::optional<double> measure_memory(const std::vector<std::int64_t>& pids) const {
    double bytes = 0;
    for (const std::int64_t pid : pids) {
      const std::string folder = proc_ + "/" + std::to_string(pid);
      KeptFile rollup(folder + "/smaps_rollup");
      const auto text = rollup.read();
      const auto shared_kib = text ? find_number(*text, "Pss:") : std::nullopt;
      const auto stat = shared_kib ? std::nullopt : stat_of(pid);
      if (shared_kib)
        bytes += *shared_kib * 1024;
      else if (stat)
        bytes += stat->rss_pages * page_bytes();
      else if (identity_of(folder))
        return std::nullopt;
    }
    return bytes;
  }

  const std::string proc_;
  // The cores that there can ever be: the library reads a file to know.
  const double cores_ = static_cast<double>(sysconf(_SC_NPROCESSORS_CONF));
  bool is_kernels_ = false;  // and no recorded tree
  std::vector<State> watched_;
  // Where the kernel doesn't keep them: by parent, of this reading.
  std::optional<std::multimap<std::int64_t, std::int64_t>> children_;
};

}  // namespace

std::unique_ptr<Instrument> make_process(const Machine& machine) {
  return std::make_unique<Process>(machine);
}

}  // namespace galileo::telemetry
