// The machine's CPU use, of /proc/stat's first line at two times.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "telemetry/instrument.h"
#include "telemetry/units.h"

using namespace galileo;
using namespace galileo::telemetry;

namespace {

struct Samples final : Sink<wire::Sample> {
  void put(const wire::Sample& sample) override { all[sample.metric] = sample.value; }
  std::map<std::string, double> all;
};

using Values = std::map<std::string, double>;

// What is told of two readings of the file.
Values between(const std::string& first, const std::string& second) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("cpu-test-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  Machine machine;
  machine.proc = folder;
  Samples samples;
  Readings readings(samples, "n");
  const auto instrument = make_cpu(machine);
  for (const std::string& line : {first, second}) {
    std::ofstream(folder / "stat") << line << "\ncpu0 1 2 3 4\n";
    CHECK(instrument->read(readings) == ReadOutcome::kRead);
  }
  std::filesystem::remove_all(folder);
  return samples.all;
}

}  // namespace

TEST_CASE(
    "niced programs, interrupts and steal keep a machine busy; the wire's cpu stays as it was") {
  // user nice system idle iowait irq softirq steal guest guest_nice
  const std::string before = "cpu  100 100 100 100 100 100 100 100 0 0";
  struct Case {
    const char* what;
    const char* after;
    double cpu;
    double busy;
  };
  const Case cases[]{
      {"user and system", "cpu  110 100 110 180 100 100 100 100 0 0", 20, 20},
      {"our own niced threads", "cpu  110 150 100 140 100 100 100 100 0 0", 20, 60},
      {"waiting for a disk isn't busy", "cpu  110 100 100 110 180 100 100 100 0 0", 50, 10},
      {"interrupts", "cpu  100 100 100 160 100 120 120 100 0 0", 0, 40},
      {"a hypervisor's share", "cpu  100 100 100 150 100 100 100 150 0 0", 0, 50},
      {"a guest is in user already", "cpu  150 100 100 150 100 100 100 100 50 0", 50, 50},
      {"iowait that goes back, as it may", "cpu  150 100 100 150 90 100 100 100 0 0", 50,
       100.0 * 50 / 90},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const Values values = between(before, one.after);
    CHECK(values.at("cpu") == doctest::Approx(one.cpu));
    CHECK(values.at("cpu_busy") == doctest::Approx(one.busy));
  }
}

TEST_CASE("a machine that only niced programs use has a busy figure where the wire's has none") {
  const Values values = between("cpu  1 1 1 1 1 1 1 1", "cpu  1 51 1 1 1 1 1 1");
  CHECK(values == Values{{"cpu_busy", 100}});
  CHECK(between("cpu  1 2 3 4", "cpu  1 2 3 4").empty());
  CHECK(between("cpu  1 2 3 4", "cpu  2 2 3 5") == Values{{"cpu", 50}, {"cpu_busy", 50}});
  CHECK(unit_of("cpu_busy") == "%");
}
