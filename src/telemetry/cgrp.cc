// What containers use, from their control groups: cumulative CPU time (ns), bytes from and to block
// devices, memory (bytes) now, and bytes over each network device of their namespace, which is read
// at one of their processes. One instrument a kind of container and value; what they find is
// shared.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "telemetry/containers.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

using Kind = Container::Kind;

constexpr std::size_t kShownOfDocker = 12;

// "Total 123" of v1; of v2 all rbytes and wbytes: "8:0 rbytes=1 wbytes=2 rios=3 ...". No line:
// there was no traffic yet.
std::optional<double> blkio_bytes(std::string_view text, bool v2) {
  double sum = 0;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (!v2) {
      if (take_word(line) == "Total") return to_number(take_word(line));
      continue;
    }
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      if (!word.starts_with("rbytes=") && !word.starts_with("wbytes=")) continue;
      const auto bytes = to_number(word.substr(std::string_view("rbytes=").size()));
      if (!bytes) return std::nullopt;
      sum += *bytes;
    }
  }
  return sum;
}

std::optional<double> cpu_ns(std::string_view text, bool v2) {
  if (!v2) return to_number(take_word(text));
  const auto usage_us = find_number(text, "usage_usec");
  return usage_us ? std::optional(*usage_us * 1000) : std::nullopt;
}

std::optional<double> memory_bytes(std::string_view text, bool) {
  return to_number(take_word(text));
}

std::optional<double> throttled_ns(std::string_view text, bool v2) {
  if (!v2) return find_number(text, "throttled_time");
  const auto throttled_us = find_number(text, "throttled_usec");
  return throttled_us ? std::optional(*throttled_us * 1000) : std::nullopt;
}

// Of a container that has a CPU limit; of others the kernel counts no period.
std::optional<double> limited(std::string_view text, std::string_view key) {
  const auto periods = find_number(text, "nr_periods");
  return periods && *periods > 0 ? find_number(text, key) : std::nullopt;
}

std::optional<double> periods(std::string_view text, bool) {
  return limited(text, "nr_periods");
}

std::optional<double> throttled_periods(std::string_view text, bool) {
  return limited(text, "nr_throttled");
}

std::optional<double> faults(std::string_view text, bool v2) {
  return find_number(text, v2 ? "pgfault" : "total_pgfault");
}

std::optional<double> major_faults(std::string_view text, bool v2) {
  return find_number(text, v2 ? "pgmajfault" : "total_pgmajfault");
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123": microseconds in which a task waited.
std::optional<double> pressure_us(std::string_view text, bool) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (take_word(line) != "some") continue;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      if (word.starts_with("total=")) return to_number(word.substr(6));
    }
  }
  return std::nullopt;
}

// What is read of a file's text, and what it is called after "docker_" or "kubernetes_".
struct Figure {
  const char* metric = nullptr;
  std::optional<double> (*read)(std::string_view text, bool v2) = nullptr;
};

// A file of each container, and one figure in it, or two.
struct Value {
  Figure figure;
  std::string Hierarchies::* root;
  const char* file_v1;
  const char* file_v2;
  bool whole_id_on_v1 = false;  // of Docker's, on the old wire
  Figure another = {};
  bool of_some_only = false;  // that it isn't there is no failure
};
constexpr Value kCpu{{"cgrp_cpu", &cpu_ns}, &Hierarchies::cpu, "cpuacct.usage", "cpu.stat"};
constexpr Value kBlkio{{"cgrp_blkio", &blkio_bytes},
                       &Hierarchies::blkio,
                       "blkio.throttle.io_service_bytes",
                       "io.stat"};
constexpr Value kMemory{{"cgrp_memory", &memory_bytes},
                        &Hierarchies::memory,
                        "memory.usage_in_bytes",
                        "memory.current",
                        true};

// Beyond the old wire.
constexpr Value kThrottledPeriods{{"cgrp_nr_throttled", &throttled_periods},
                                  &Hierarchies::bandwidth,
                                  "cpu.stat",
                                  "cpu.stat",
                                  false,
                                  {"cgrp_nr_periods", &periods},
                                  true};

// Read where they are asked for.
constexpr Value kThrottled{
    {"cgrp_throttled", &throttled_ns}, &Hierarchies::bandwidth, "cpu.stat", "cpu.stat"};
constexpr Value kFaults{
    {"cgrp_faults", &faults}, &Hierarchies::memory, "memory.stat", "memory.stat"};
constexpr Value kMajorFaults{
    {"cgrp_major_faults", &major_faults}, &Hierarchies::memory, "memory.stat", "memory.stat"};
// Only cgroup v2 has these: nothing where the file isn't there.
constexpr Value kPsiCpu{
    {"cgrp_psi_cpu", &pressure_us}, &Hierarchies::cpu, "cpu.pressure", "cpu.pressure"};
constexpr Value kPsiMemory{
    {"cgrp_psi_memory", &pressure_us}, &Hierarchies::memory, "memory.pressure", "memory.pressure"};
constexpr Value kPsiIo{
    {"cgrp_psi_io", &pressure_us}, &Hierarchies::blkio, "io.pressure", "io.pressure"};

std::string prefix_of(Kind kind) {
  return kind == Kind::kDocker ? "docker_" : "kubernetes_";
}

// What of each container is kept from reading to reading; follows the finder.
template <class Kept>
class ByContainer {
 public:
  ByContainer(const Machine& machine, Kind kind)
      : own_(machine.containers ? nullptr : std::make_unique<ContainerFinder>(machine)),
        finder_(machine.containers ? *machine.containers : *own_),
        kind_(kind) {}

  // Brings it up to date: make(container) for each new one.
  template <class Make>
  void follow(Time now, const Make& make) {
    finder_.update(now);
    if (seen_ && generation_ == finder_.generation()) return;
    seen_ = true;
    generation_ = finder_.generation();
    std::map<std::string, Kept> kept;
    std::map<std::string, std::optional<Identity>> identities;
    for (const Container& container : finder_.containers()) {
      if (container.kind != kind_) continue;
      const bool same = identities_[container.folder] == container.identity;
      auto known = all.extract(container.folder);
      if (known.empty() || !same)
        kept.emplace(container.folder, make(container));
      else
        kept.insert(std::move(known));
      identities.emplace(container.folder, container.identity);
    }
    all = std::move(kept);
    identities_ = std::move(identities);
  }
  const Hierarchies& hierarchies() const { return finder_.hierarchies(); }

  std::map<std::string, Kept> all;  // by folder

 private:
  const std::unique_ptr<ContainerFinder> own_;
  ContainerFinder& finder_;
  const Kind kind_;
  std::map<std::string, std::optional<Identity>> identities_;  // by folder
  std::uint64_t generation_ = 0;
  bool seen_ = false;
};

class CgroupValue final : public Instrument {
 public:
  CgroupValue(const Machine& machine, Kind kind, const Value& value)
      : containers_(machine, kind),
        kind_(kind),
        value_(value),
        metric_(prefix_of(kind) + value.figure.metric),
        other_metric_(value.another.metric ? prefix_of(kind) + value.another.metric : "") {}

  ReadOutcome read(Readings& readings) override {
    const Hierarchies& where = containers_.hierarchies();
    if ((where.*value_.root).empty()) return ReadOutcome::kNoData;
    containers_.follow(readings.time(), [&](const Container& container) {
      return Kept{shown(container, where.v2),
                  KeptFile(where.*value_.root + "/" + container.folder + "/" +
                           (where.v2 ? value_.file_v2 : value_.file_v1))};
    });
    bool failed = false;
    for (auto& [folder, kept] : containers_.all) {
      readings.stamp();
      const auto text = kept.file.read_into(buffer_);
      if (!text) continue;  // it has gone; or this kernel hasn't got that file
      const bool known = put(readings, metric_, kept.id, value_.figure, *text, where.v2);
      failed = failed || (!known && !value_.of_some_only);
      if (value_.another.read)
        put(readings, other_metric_, kept.id, value_.another, *text, where.v2);
    }
    if (failed) return ReadOutcome::kFailed;
    return containers_.all.empty() ? ReadOutcome::kNoData : ReadOutcome::kRead;
  }

 private:
  struct Kept {
    std::string id;  // as it stands in the topic
    KeptFile file;
  };

  static bool put(Readings& readings, const std::string& metric, const std::string& id,
                  const Figure& figure, std::string_view text, bool v2) {
    const auto value = figure.read(text, v2);
    if (value) readings.put(metric, id, *value);
    return value.has_value();
  }

  std::string shown(const Container& container, bool v2) const {
    const bool whole = kind_ == Kind::kKubernetes || (value_.whole_id_on_v1 && !v2);
    return whole ? container.id : container.id.substr(0, kShownOfDocker);
  }

  ByContainer<Kept> containers_;
  const Kind kind_;
  const Value value_;
  const std::string metric_;
  const std::string other_metric_;
  std::string buffer_;
};

// A process of the control group or of one below it, where systemd in a container puts them.
std::string process_in(const std::string& folder, std::string& buffer, int depth = 0) {
  KeptFile procs(folder + "/cgroup.procs");
  std::string_view text = procs.read_into(buffer).value_or("");
  if (const std::string_view pid = take_word(text); !pid.empty()) return std::string(pid);
  if (depth == 3) return {};
  for (const std::string& name : list_folder(folder)) {
    const std::string pid = process_in(fmt::format("{}/{}", folder, name), buffer, depth + 1);
    if (!pid.empty()) return pid;
  }
  return {};
}

// A container's network is there by then.
constexpr Duration kSettling = std::chrono::seconds{2};
// One that it has for so long is its own.
constexpr Duration kStable = std::chrono::milliseconds{500};

// Bytes over each device of the container's network: all, by device, and that by direction.
class CgroupNet final : public Instrument {
 public:
  CgroupNet(const Machine& machine, Kind kind)
      : containers_(machine, kind),
        kind_(kind),
        proc_(machine.proc),
        metric_(prefix_of(kind) + "cgrp_net") {}

  ReadOutcome read(Readings& readings) override {
    const Hierarchies& where = containers_.hierarchies();
    const std::string& root = !where.cpu.empty() ? where.cpu : where.memory;
    if (root.empty()) return ReadOutcome::kNoData;
    containers_.follow(readings.time(), [&](const Container& container) {
      return Kept{
          kind_ == Kind::kKubernetes ? container.id : container.id.substr(0, kShownOfDocker),
          root + "/" + container.folder, nullptr};
    });
    bool any = false;
    for (auto& [folder, kept] : containers_.all) any = read_one(kept, readings) || any;
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  struct Kept {
    std::string id;
    std::string folder;
    std::unique_ptr<KeptFile> devices;  // of one of its processes; null: none known
    std::optional<Time> seen{};         // first
    std::string network{};              // of that process, while the container settles
    Time network_since{};
  };

  bool read_one(Kept& kept, Readings& readings) {
    readings.stamp();
    if (!kept.seen) kept.seen = readings.time();
    // The first process of a container is there before its network: until then it has that of who
    // starts it, and a file that was opened meanwhile would stay with that one.
    const bool settling = readings.time() - *kept.seen < kSettling;
    if (settling) kept.devices.reset();
    auto text = kept.devices ? kept.devices->read_into(buffer_) : std::nullopt;
    if (!text) {
      // That process has ended, or none was known: another one of the container.
      const std::string pid = process_in(kept.folder, buffer_);
      if (settling && !has_its_network(kept, pid, readings.time())) return false;
      kept.devices =
          pid.empty() ? nullptr : std::make_unique<KeptFile>(proc_ + "/" + pid + "/net/dev");
      text = kept.devices ? kept.devices->read_into(buffer_) : std::nullopt;
    }
    if (!text) return false;
    double all = 0;
    bool known = true;  // of each device
    while (!text->empty()) {
      std::string_view line = take_line(*text);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;  // the two lines of headings
      std::string_view name = line.substr(0, colon);
      const std::string_view device = take_word(name);
      std::string_view rest = line.substr(colon + 1);
      const auto rx = to_number(take_word(rest));
      for (int i = 0; i < 7; ++i) take_word(rest);
      const auto tx = to_number(take_word(rest));
      if (!rx || !tx || device.empty()) {
        known = false;
        readings.leave_out();
        continue;
      }
      put(readings, kept.id, device, "/rx", *rx);
      put(readings, kept.id, device, "/tx", *tx);
      put(readings, kept.id, device, "", *rx + *tx);
      all += *rx + *tx;
    }
    if (known) readings.put(metric_, kept.id, all);
    return true;
  }

  // It isn't the machine's, and the same for a while. True also where that can't be known: links of
  // processes are for root.
  bool has_its_network(Kept& kept, const std::string& pid, Time now) const {
    std::error_code failed;
    const auto network_of = [&](const std::string& process) {
      return std::filesystem::read_symlink(proc_ + "/" + process + "/ns/net", failed).string();
    };
    const std::string its = network_of(pid);
    if (its.empty()) return true;
    if (its != kept.network) {
      kept.network = its;
      kept.network_since = now;
    }
    return now - kept.network_since >= kStable && its != network_of("1");
  }

  void put(Readings& readings, const std::string& id, std::string_view device,
           std::string_view direction, double value) {
    topic_ = id;
    ((topic_ += '/') += device) += direction;
    readings.put(metric_, topic_, value);
  }

  ByContainer<Kept> containers_;
  const Kind kind_;
  const std::string proc_;
  const std::string metric_;
  std::string buffer_;
  std::string topic_;
};

}  // namespace

// One function an instrument, as the table wants them.
#define MAKE(function, kind, value)                              \
  std::unique_ptr<Instrument> function(const Machine& machine) { \
    return std::make_unique<CgroupValue>(machine, kind, value);  \
  }
MAKE(make_docker_cgrp_cpu, Kind::kDocker, kCpu)
MAKE(make_docker_cgrp_blkio, Kind::kDocker, kBlkio)
MAKE(make_docker_cgrp_memory, Kind::kDocker, kMemory)
MAKE(make_docker_cgrp_nr_throttled, Kind::kDocker, kThrottledPeriods)
MAKE(make_docker_cgrp_throttled, Kind::kDocker, kThrottled)
MAKE(make_docker_cgrp_faults, Kind::kDocker, kFaults)
MAKE(make_docker_cgrp_major_faults, Kind::kDocker, kMajorFaults)
MAKE(make_docker_cgrp_psi_cpu, Kind::kDocker, kPsiCpu)
MAKE(make_docker_cgrp_psi_memory, Kind::kDocker, kPsiMemory)
MAKE(make_docker_cgrp_psi_io, Kind::kDocker, kPsiIo)
MAKE(make_kubernetes_cgrp_cpu, Kind::kKubernetes, kCpu)
MAKE(make_kubernetes_cgrp_blkio, Kind::kKubernetes, kBlkio)
MAKE(make_kubernetes_cgrp_memory, Kind::kKubernetes, kMemory)
MAKE(make_kubernetes_cgrp_nr_throttled, Kind::kKubernetes, kThrottledPeriods)
MAKE(make_kubernetes_cgrp_throttled, Kind::kKubernetes, kThrottled)
MAKE(make_kubernetes_cgrp_faults, Kind::kKubernetes, kFaults)
MAKE(make_kubernetes_cgrp_major_faults, Kind::kKubernetes, kMajorFaults)
MAKE(make_kubernetes_cgrp_psi_cpu, Kind::kKubernetes, kPsiCpu)
MAKE(make_kubernetes_cgrp_psi_memory, Kind::kKubernetes, kPsiMemory)
MAKE(make_kubernetes_cgrp_psi_io, Kind::kKubernetes, kPsiIo)
#undef MAKE

std::unique_ptr<Instrument> make_docker_cgrp_net(const Machine& machine) {
  return std::make_unique<CgroupNet>(machine, Kind::kDocker);
}
std::unique_ptr<Instrument> make_kubernetes_cgrp_net(const Machine& machine) {
  return std::make_unique<CgroupNet>(machine, Kind::kKubernetes);
}

}  // namespace galileo::telemetry
