#include <doctest/doctest.h>

#include <map>
#include <string>

#include "telemetry/instrument.h"

using namespace galileo;
using namespace galileo::telemetry;

namespace {

struct Samples final : Sink<wire::Sample> {
  void put(const wire::Sample& sample) override {
    all[sample.metric + "/" + sample.subsystem] = sample.value;
  }
  std::map<std::string, double> all;
};

std::map<std::string, double> read(const Machine& machine, ReadOutcome wanted) {
  Samples samples;
  Readings readings(samples, "n");
  const auto gpu = make_gpu(machine);
  for (int i = 0; i < 2; ++i) CHECK(gpu->read(readings) == wanted);
  return samples.all;
}

Machine recorded(const std::string& name) {
  Machine machine;
  machine.sys = std::string(GALILEO_SOURCE_DIR) + "/tests/golden/" + name + "/sys";
  machine.nvml = "libno-such-library.so.1";
  return machine;
}

}  // namespace

TEST_CASE("a Jetson's processor is read from the kernel's files") {
  CHECK(read(recorded("jetson"), ReadOutcome::kRead) ==
        std::map<std::string, double>{{"gpu_util/0", 53.7}, {"gpu_freq/0", 1109.25}});
}

TEST_CASE("a machine without one has no data and no fault") {
  CHECK(read(recorded("raspberry-pi-4"), ReadOutcome::kNoData).empty());
}

TEST_CASE("what NVIDIA's library says of each device, and nothing of what it doesn't know") {
  Machine machine = recorded("raspberry-pi-4");
  machine.nvml = GALILEO_FAKE_NVML;
  const double used = 3.0 * 1024 * 1024 * 1024;
  CHECK(read(machine, ReadOutcome::kRead) ==
        std::map<std::string, double>{{"gpu_util/0", 37},
                                      {"gpu_util/1", 0},
                                      {"gpu_memory/0", used},
                                      {"gpu_memory/1", used},
                                      {"gpu_power/0", 71.5},
                                      {"gpu_temperature/0", 41},
                                      {"gpu_temperature/1", 41},
                                      {"gpu_freq/0", 1980},
                                      {"gpu_freq/1", 1980}});
}

TEST_CASE("a library that isn't NVIDIA's is none") {
  Machine machine = recorded("raspberry-pi-4");
  machine.nvml = "libm.so.6";
  CHECK(read(machine, ReadOutcome::kNoData).empty());
}
