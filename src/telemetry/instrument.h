// An instrument reads one thing of this machine and puts it into a sink as samples. It keeps what
// it needs to make a rate of two readings; it never waits. One that asks somebody else (a page, a
// command) begins to, and puts what it hears when it comes. The files are found under roots that
// are settings, so that a recorded tree can stand for a machine. Lives on one thread, that of its
// Sampler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/sink.h"
#include "base/time.h"
#include "wire/sample.h"

namespace galileo::net {
class Loop;
}

namespace galileo::telemetry {

// A process to watch, its children included.
struct Watched {
  std::string name;
  std::int64_t pid =
      0;  // 0: the oldest one whose command bears that name, looked for again when it ends
  bool alone = false;  // without its children
};

// A file whose first word is a number that somebody wants to know.
struct WatchedFile {
  std::string name;
  std::string path;
};

// A page of metrics in Prometheus' text format.
struct WatchedPage {
  std::string name;
  std::string url;
};

// What a shell runs, and what it prints: a number, or lines of a name and a number.
struct WatchedCommand {
  std::string name;
  std::string command;
};

class ContainerFinder;

// What is read of a container where nobody asks for more.
inline constexpr std::size_t kFilesOfContainer = 5;

// Where and what to read.
struct Machine {
  std::string node;            // the node's name in the samples
  bool old_wire = false;       // values are for the bus, as the old daemon's clients expect them
  std::string proc = "/proc";  // roots
  std::string sys = "/sys";
  std::vector<std::string> net_devices;    // empty: all but lo
  std::vector<std::string> disk_devices;   // empty: all but loop*
  std::vector<std::string> gpu_devices;    // their numbers; empty: all
  std::string nvml = "libnvidia-ml.so.1";  // NVIDIA's library, where it is
  std::vector<Watched> processes;
  std::vector<WatchedFile> files;
  std::vector<WatchedPage> pages;
  std::vector<std::string> page_metrics;  // patterns as a shell's; empty: all of a page
  std::vector<WatchedCommand> commands;
  std::string cgroup_root;  // below which containers are looked for: kubelet's --cgroup-root
  std::size_t containers_max = 4096;  // more are left out; each keeps kFilesOfContainer open
  // Shared by the instruments of one Sampler, which owns it; null: each has its own.
  ContainerFinder* containers = nullptr;
  // The loop of the instruments' thread, for those that have to wait for what they read;
  // null: these read nothing.
  net::Loop* loop = nullptr;
};

// When something was read: what its samples say, and what rates are made with. A wall clock that is
// set makes no wrong rate.
struct Moment {
  Wall wall = kNoWall;
  Time time{};
};
using MomentClock = std::function<Moment()>;

// Takes readings and makes samples of them.
class Readings {
 public:
  Readings(Sink<wire::Sample>& sink, const std::string& node) : sink_(sink) { sample_.node = node; }
  void set_moment(const Moment& moment) {
    sample_.at = moment.wall;
    time_ = moment.time;
  }
  // Asked for the moment by stamp(); null: it stays as set_moment() said.
  void set_clock(const MomentClock* clock) { clock_ = clock; }
  // The moment is taken again, by an instrument that reads many files, before each.
  void stamp() {
    if (clock_) set_moment((*clock_)());
  }
  Time time() const { return time_; }
  // A value that should be there and isn't known: nothing is put in its place, and it is counted.
  void leave_out(std::uint64_t values = 1) { left_out_ += values; }
  std::uint64_t left_out() const { return left_out_; }
  // An answer that is still awaited when the next reading is due: that one falls out.
  void miss() { ++missed_; }
  std::uint64_t missed() const { return missed_; }
  void put(std::string_view metric, std::string_view subsystem, double value) {
    sample_.metric = metric;
    sample_.subsystem = subsystem;
    sample_.value = value;
    sink_.put(sample_);
  }

 private:
  Sink<wire::Sample>& sink_;
  const MomentClock* clock_ = nullptr;
  wire::Sample sample_;  // kept, so that a reading allocates nothing
  Time time_{};
  std::uint64_t left_out_ = 0;
  std::uint64_t missed_ = 0;
};

enum class ReadOutcome : unsigned char {
  kRead,
  kNoData,  // this machine hasn't got it: no fault
  kFailed,  // it should be there and can't be read
};

class Instrument {
 public:
  virtual ~Instrument() = default;
  // One reading, now, at readings.time(). The first reading of a rate puts nothing. Where the
  // answer comes later `readings` must live as long as the instrument, and the outcome is the last
  // answer's.
  virtual ReadOutcome read(Readings& readings) = 0;
  // Whether that may take long, or for ever: a sensor behind a slow bus, a file on another machine.
  // Then it is read apart from the others (apart.h).
  virtual bool may_block() const { return false; }
};

#define INSTRUMENT(name, period_ms, by_default, topics, text) \
  std::unique_ptr<Instrument> make_##name(const Machine& machine);
#include "telemetry/instruments.def"
#undef INSTRUMENT

// What an instrument's samples are called: a metric, and what stands for its subsystem.
struct Topic {
  std::string_view name;  // "tx/<dev>"
  std::string_view unit;  // "" where it has none
  std::string_view metric() const { return name.substr(0, name.find('/')); }
};

struct InstrumentRow {
  std::string_view name;
  Duration period;  // default
  bool by_default;  // read where nobody has named any
  std::vector<Topic> topics;
  std::string_view text;
  std::unique_ptr<Instrument> (*make)(const Machine& machine);
};
const std::vector<InstrumentRow>& instrument_rows();
std::vector<std::string> instrument_names();

}  // namespace galileo::telemetry
