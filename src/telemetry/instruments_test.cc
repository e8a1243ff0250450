#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "telemetry/machine.h"
#include "telemetry/sampler.h"
#include "telemetry/units.h"

using namespace galileo;
using namespace galileo::telemetry;
using std::chrono::milliseconds;

namespace {

const std::string kGolden = std::string(GALILEO_SOURCE_DIR) + "/tests/golden/";

struct Samples final : Sink<wire::Sample> {
  void put(const wire::Sample& sample) override {
    all[sample.subsystem.empty() ? sample.metric : sample.metric + "/" + sample.subsystem] =
        sample.value;
    stamps.insert(sample.at);
  }
  std::map<std::string, double> all;
  std::set<Wall> stamps;
};

Moment moment(Duration since) {
  return {Wall{since}, Time{since}};
}

// A machine whose kernel's files lie in a folder of tests/golden.
Machine recorded(const std::string& name) {
  Machine machine;
  machine.node = "n";
  machine.old_wire = true;
  machine.proc = kGolden + name + "/proc";
  machine.sys = kGolden + name + "/sys";
  machine.processes = {{"app", 42}};
  return machine;
}

ReadOutcome read_once(std::string_view name, const Machine& machine, Samples& samples) {
  for (const InstrumentRow& row : instrument_rows()) {
    if (row.name != name) continue;
    const auto instrument = row.make(machine);
    Readings readings(samples, machine.node);
    readings.set_moment(moment(std::chrono::seconds{1000}));
    return instrument->read(readings);
  }
  return ReadOutcome::kFailed;
}

}  // namespace

TEST_CASE("a Raspberry Pi 4 is read as the old daemon reads it") {
  const Machine pi = recorded("raspberry-pi-4");
  Samples samples;
  for (const char* name :
       {"freq", "procs", "ram", "load", "psi_cpu", "psi_memory", "psi_io", "process"})
    CHECK(read_once(name, pi, samples) == ReadOutcome::kRead);
  const std::map<std::string, double> expected{{"freq", 600'000 + 700'000 + 800'000 + 900'000},
                                               {"procs", 2},
                                               {"ram", 3884372 - 3302112},
                                               {"load1", 0.31},
                                               {"load5", 0.22},
                                               {"psi_cpu/some", 25861619},
                                               {"psi_cpu/full", 0},
                                               {"psi_memory/some", 1200},
                                               {"psi_memory/full", 800},
                                               {"psi_io/some", 99000},
                                               {"psi_io/full", 88000},
                                               {"process_rss/app", 600 * page_bytes()},
                                               {"process_threads/app", 4},
                                               {"process_fds/app", 3},
                                               {"process_read/app", 4096},
                                               {"process_written/app", 8192}};
  CHECK(samples.all == expected);
}

TEST_CASE("a server is read as its kernel wrote it") {
  // Recorded on a virtual machine of two cores, Linux 6.18; the figures are those of its files.
  const Machine server = recorded("x86-server");
  Samples samples;
  for (const char* name : {"freq", "procs", "ram", "load", "psi_cpu", "psi_memory", "psi_io"})
    CHECK(read_once(name, server, samples) == ReadOutcome::kRead);
  const std::map<std::string, double> expected{{"freq", 2 * 2596.130},
                                               {"procs", 1},
                                               {"ram", 24684092 - 24187036},
                                               {"load1", 0.32},
                                               {"load5", 1.06},
                                               {"psi_cpu/some", 8835034764},
                                               {"psi_cpu/full", 0},
                                               {"psi_memory/some", 0},
                                               {"psi_memory/full", 0},
                                               {"psi_io/some", 146769670},
                                               {"psi_io/full", 90614635}};
  CHECK(samples.all == expected);
}

TEST_CASE("what a machine hasn't got is no fault") {
  const Machine old = recorded("old-kernel");
  Samples samples;
  for (const char* name : {"psi_cpu", "psi_memory", "psi_io", "net", "disk"})
    CHECK(read_once(name, old, samples) == ReadOutcome::kNoData);
  CHECK(samples.all.empty());
  CHECK(read_once("freq", old, samples) == ReadOutcome::kRead);
  CHECK(samples.all["freq"] == 3000.75);
  CHECK(read_once("ram", old, samples) == ReadOutcome::kRead);
  CHECK(samples.all["ram"] == 600);
}

TEST_CASE("rates are over the time that really passed, and begin with the second reading") {
  DeviceRates rates("tx", "rx");
  Samples samples;
  Readings readings(samples, "n");
  readings.set_moment(moment(std::chrono::seconds{1000}));
  rates.put(readings, 1'000'000, 2'000'000, "eth0");
  CHECK(samples.all.empty());
  readings.set_moment(moment(readings.time() - Time{} + milliseconds{500}));
  rates.put(readings, 1'050'000, 2'200'000, "eth0");
  CHECK(samples.all == std::map<std::string, double>{{"tx/eth0", 100}, {"rx/eth0", 400}});
  samples.all.clear();
  readings.set_moment(moment(readings.time() - Time{} + milliseconds{500}));
  rates.put(readings, 5, 2'200'000, "eth0");  // the counter began again: no rate to tell
  CHECK(samples.all == std::map<std::string, double>{{"rx/eth0", 0}});
}

TEST_CASE("every instrument reads this machine, with its own topics and units only") {
  Machine here;
  here.node = "here";
  for (const InstrumentRow& row : instrument_rows()) {
    CAPTURE(std::string(row.name));
    std::set<std::string> declared;
    for (const Topic& topic : row.topics) declared.insert(std::string(topic.metric()));
    CHECK_FALSE(row.text.empty());
    const auto instrument = row.make(here);
    Samples samples;
    Readings readings(samples, here.node);
    for (int i = 0; i < 2; ++i) {
      readings.set_moment(moment(std::chrono::seconds{1000} + milliseconds{500} * i));
      CHECK(instrument->read(readings) != ReadOutcome::kFailed);
    }
    for (const auto& [name, value] : samples.all) {
      CHECK(declared.count(name.substr(0, name.find('/'))) == 1);
      CHECK(value >= 0);
    }
    CHECK(row.period >= milliseconds{10});
  }
}

TEST_CASE("each topic has its own unit") {
  const std::map<std::string, std::string> units{
      {"rx", "kB/s"},
      {"psi_io", "us"},
      {"load1", ""},
      {"process_cpu", "%"},
      {"process_threads", ""},
      {"process_rss", "bytes"},
      {"process_fds", ""},
      {"process_read", "bytes"},
      {"process_written", "bytes"},
      {"gpu_temperature", "°C"},
      {"no such metric", ""},
  };
  for (const auto& [metric, unit] : units) {
    CAPTURE(metric);
    CHECK(unit_of(metric) == unit);
  }
}

TEST_CASE("a folder of files without sense is a failure of its instruments, never a crash") {
  // The golden tree's own sources stand in: texts, but not those that are expected.
  Machine odd;
  odd.proc = std::string(GALILEO_SOURCE_DIR) + "/tests";
  odd.sys = odd.proc;
  Samples samples;
  for (const InstrumentRow& row : instrument_rows()) {
    const auto instrument = row.make(odd);
    Readings readings(samples, "n");
    instrument->read(readings);
  }
  CHECK(samples.all.empty());
}

TEST_CASE("the sampler reads on multiples of each period, and counts what it missed") {
  SamplerOptions options;
  options.machine = recorded("raspberry-pi-4");
  options.instruments = {"ram", "load"};
  options.period = milliseconds{100};
  Samples samples;
  const Time start{std::chrono::seconds{50}};
  Time now = start;
  auto made = Sampler::make(options, samples, [&] { return moment(now - Time{}); });
  REQUIRE(made.ok());
  Sampler& sampler = **made;
  sampler.start(start);
  for (int i = 0; i < 10; ++i) {
    now = sampler.next_due() + milliseconds{3};  // always a little late: no drift
    CHECK(sampler.next_due() == start + milliseconds{100} * i);
    sampler.run_due(now);
  }
  now += milliseconds{1050};
  sampler.run_due(now);
  CHECK(sampler.next_due() == start + milliseconds{100} * 20);
  CHECK(sampler.counters(0).readings == 11);
  CHECK(sampler.counters(0).missed == 9);
  CHECK(samples.stamps.count(Wall{(start + milliseconds{3}).time_since_epoch()}) == 1);
}

TEST_CASE("what can't be sampled is said") {
  Samples samples;
  SamplerOptions options;
  options.instruments = {"cpuu"};
  CHECK(Sampler::make(options, samples, {}).error().hint == "did you mean 'cpu'?");
  options.instruments = {};
  options.period = milliseconds{5};
  CHECK(Sampler::make(options, samples, {}).error().hint == "give a period from 10ms up");
}

TEST_CASE("node info has the old daemon's keys") {
  std::set<std::string> keys;
  for (const wire::NodeInfo& info : node_info(recorded("raspberry-pi-4"))) {
    keys.insert(info.key);
    if (info.key == "boot") CHECK(info.value == "1795500000");
    if (info.key == "ram") CHECK(info.value == "3884372");
    if (info.key == "net") CHECK(info.value == "eth0 wlan0");
    if (info.key == "disk") CHECK(info.value == "mmcblk0 zram0");  // a disk of a Pi too
  }
  for (const char* key :
       {"arch", "cpus", "ram", "boot", "disk", "net", "hostname", "netspeed", "gpu"})
    CHECK(keys.count(key) == 1);
}

TEST_CASE("node info says which control groups can be read, and which are on") {
  const auto told = [](const std::string& machine, const std::string& key) {
    for (const wire::NodeInfo& info : node_info(recorded(machine))) {
      if (info.key == key) return info.value;
    }
    return std::string("not told");
  };
  CHECK(told("k3s-v2", "cgroup") == "v2");
  CHECK(told("k3s-v2", "cgroup_controllers") == "cpu cpuset io memory pids");
  CHECK(told("k3s-v1", "cgroup") == "v1");
  CHECK(told("k3s-v1", "cgroup_controllers") == "blkio cpu cpuacct memory");
  // As it comes, its kernel has the memory controller and leaves it off.
  CHECK(told("raspberry-pi-4", "cgroup_controllers") == "cpu cpuset io pids");
  CHECK(told("x86-server", "cgroup").empty());
  CHECK(told("x86-server", "cgroup_controllers").empty());
  CHECK(told("k3s-v2", "cgroup_root").empty());
  CHECK(std::stoul(told("k3s-v2", "page_size")) >= 4096);
}
