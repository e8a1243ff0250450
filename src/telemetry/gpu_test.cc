// Graphics processors: a library that stands for NVIDIA's, and recorded trees of a Jetson.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "telemetry/instrument.h"
#include "telemetry/machine.h"
#include "telemetry/units.h"

using namespace galileo;
using namespace galileo::telemetry;

namespace {

using Values = std::map<std::string, double>;

struct Samples final : Sink<wire::Sample> {
  void put(const wire::Sample& sample) override {
    all[sample.metric + "/" + sample.subsystem] = sample.value;
  }
  Values all;
};

// What all five say, twice; `data`: how many have any.
Values read(const Machine& machine, int data) {
  Samples samples;
  Readings readings(samples, "n");
  int any = 0;
  for (const auto& make :
       {make_gpu_freq, make_gpu_util, make_gpu_power, make_gpu_memory, make_gpu_temperature}) {
    const auto gpu = make(machine);
    const ReadOutcome outcome = gpu->read(readings);
    CHECK(gpu->read(readings) == outcome);
    CHECK((outcome == ReadOutcome::kRead || outcome == ReadOutcome::kNoData));
    any += outcome == ReadOutcome::kRead;
  }
  CHECK(any == data);
  return samples.all;
}

Machine recorded(const std::string& name) {
  Machine machine;
  machine.sys = std::string(GALILEO_SOURCE_DIR) + "/tests/golden/" + name + "/sys";
  machine.proc = std::string(GALILEO_SOURCE_DIR) + "/tests/golden/" + name + "/proc";
  machine.nvml = "libno-such-library.so.1";
  return machine;
}

std::string gpu_info(const Machine& machine) {
  for (const wire::NodeInfo& info : node_info(machine)) {
    if (info.key == "gpu") return info.value;
  }
  return "none";
}

}  // namespace

TEST_CASE("a Jetson's processor is read from the kernel's files, its rails in milliwatts") {
  CHECK(read(recorded("jetson"), 3) ==
        Values{{"gpu_util/0", 53.7}, {"gpu_freq/0", 1109.25}, {"power/VDD_IN", 5.040 * 480}});
  CHECK(gpu_info(recorded("jetson")) == "0-NVIDIA Jetson Xavier NX Developer Kit");
  Machine other = recorded("jetson");
  other.gpu_devices = {"1"};
  CHECK(read(other, 0).empty());
  CHECK(gpu_info(other).empty());
}

TEST_CASE("a TX2's rails are read where its kernel has them") {
  const auto sys = std::filesystem::temp_directory_path() / "galileo-gpu-tx2";
  std::filesystem::remove_all(sys);
  const auto write = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories((sys / path).parent_path());
    std::ofstream(sys / path) << text << "\n";
  };
  write("devices/gpu.0/load", "999");
  const std::string driver = "bus/i2c/drivers/ina3221x/";
  write(driver + "0-0041/iio:device1/rail_name_0", "VDD_IN");
  write(driver + "0-0041/iio:device1/in_power0_input", "3456");
  write(driver + "0-0041/iio:device1/rail_name_1", "VDD_SYS_CPU");
  write(driver + "0-0041/iio:device1/in_power1_input", "400");
  write(driver + "0-0041/name", "ina3221x");
  write(driver + "0-0040/iio:device0/rail_name_0", "VDD_SYS_GPU");
  write(driver + "0-0040/iio:device0/in_power0_input", "152");
  Machine machine = recorded("raspberry-pi-4");
  machine.sys = sys.string();
  CHECK(read(machine, 2) == Values{{"gpu_util/0", 99.9},
                                   {"power/VDD_IN", 3456},
                                   {"power/VDD_SYS_CPU", 400},
                                   {"power/VDD_SYS_GPU", 152}});
  CHECK(gpu_info(machine) == "0-Jetson");
  std::filesystem::remove_all(sys);
}

TEST_CASE("a machine without one has no data and no fault") {
  CHECK(read(recorded("raspberry-pi-4"), 0).empty());
  CHECK(gpu_info(recorded("raspberry-pi-4")).empty());
}

TEST_CASE("what NVIDIA's library says of each device, and nothing of what it doesn't know") {
  Machine machine = recorded("raspberry-pi-4");
  machine.nvml = GALILEO_FAKE_NVML;
  const double used = 3.0 * 1024 * 1024 * 1024;
  CHECK(read(machine, 5) == Values{{"gpu_util/0", 37},
                                   {"gpu_util/1", 0},
                                   {"gpu_util_memory/0", 12},
                                   {"gpu_util_memory/1", 12},
                                   {"gpu_memory/0", used},
                                   {"gpu_memory/1", used},
                                   {"gpu_power/0", 71'500},  // milliwatts
                                   {"gpu_temperature/0", 41},
                                   {"gpu_temperature/1", 41},
                                   {"gpu_freq/0", 1980},
                                   {"gpu_freq/1", 1980}});
  CHECK(gpu_info(machine) == "0-Tesla T4 1-H200");
  machine.gpu_devices = {"1", "7"};
  CHECK(read(machine, 4) == Values{{"gpu_util/1", 0},
                                   {"gpu_util_memory/1", 12},
                                   {"gpu_memory/1", used},
                                   {"gpu_temperature/1", 41},
                                   {"gpu_freq/1", 1980}});
  CHECK(gpu_info(machine) == "1-H200");
}

TEST_CASE("a library that isn't NVIDIA's is none") {
  Machine machine = recorded("raspberry-pi-4");
  machine.nvml = "libm.so.6";
  CHECK(read(machine, 0).empty());
}

TEST_CASE("each topic has its unit, the same wherever its metric is") {
  for (const auto& [metric, unit] : std::map<std::string, std::string>{{"gpu_util", "%"},
                                                                       {"gpu_util_memory", "%"},
                                                                       {"gpu_freq", "MHz"},
                                                                       {"gpu_power", "mW"},
                                                                       {"power", "mW"},
                                                                       {"gpu_memory", "bytes"},
                                                                       {"gpu_temperature", "°C"}})
    CHECK(unit_of(metric) == unit);
}
