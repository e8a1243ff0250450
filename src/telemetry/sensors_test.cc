// Temperature, energy and power on recorded trees of a Jetson and a server.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "telemetry/instrument.h"

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

Machine machine_of(const std::string& root) {
  Machine machine;
  machine.sys = root + "/sys";
  return machine;
}

Machine recorded(const std::string& name) {
  return machine_of(std::string(GALILEO_SOURCE_DIR) + "/tests/golden/" + name);
}

Values read(Instrument& instrument, ReadOutcome wanted = ReadOutcome::kRead) {
  Samples samples;
  Readings readings(samples, "n");
  CHECK(instrument.read(readings) == wanted);
  return samples.all;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("thermal zones bear their types, those of one type their numbers too") {
  CHECK(read(*make_thermal(recorded("jetson"))) == Values{{"thermal/CPU-therm", 43.5},
                                                          {"thermal/GPU-therm", 41},
                                                          {"thermal/CPU-therm.2", 44}});
  CHECK(read(*make_thermal(recorded("x86-server"))) == Values{{"thermal/x86_pkg_temp", 51}});
}

TEST_CASE("power is what a sensor says, or its voltage times its current") {
  CHECK(read(*make_power(recorded("jetson"))) ==
        Values{{"power/ina3221/VDD_IN", 2419.2}, {"power/ina3221/2", 476.16}});
  CHECK(read(*make_power(recorded("x86-server"))) == Values{{"power/power_meter/1", 217'000}});
}

TEST_CASE("energy counts from the first reading on, also over the counter's range") {
  const auto folder = std::filesystem::temp_directory_path() / "galileo-energy-test";
  std::filesystem::remove_all(folder);
  std::filesystem::copy(std::string(GALILEO_SOURCE_DIR) + "/tests/golden/x86-server", folder,
                        std::filesystem::copy_options::recursive);
  const auto energy = make_energy(machine_of(folder));
  CHECK(read(*energy) == Values{{"energy/package-0", 0}, {"energy/package-0/core", 0}});
  const auto zones = folder / "sys/class/powercap";
  write_file(zones / "intel-rapl:0:0/energy_uj", "3500000\n");
  write_file(zones / "intel-rapl:0/energy_uj", "671150\n");  // 0.32885 J to the range, and on
  const Values later = read(*energy);
  CHECK(later.at("energy/package-0/core") == 2.5);
  CHECK(later.at("energy/package-0") == doctest::Approx(1.0));
  write_file(zones / "intel-rapl:0/energy_uj", "what\n");
  CHECK(read(*energy) == Values{{"energy/package-0/core", 2.5}});
  std::filesystem::remove_all(folder);
}

TEST_CASE("machines without sensors have no data and no fault") {
  CHECK(read(*make_thermal(recorded("docker-v1")), ReadOutcome::kNoData).empty());
  CHECK(read(*make_power(recorded("docker-v1")), ReadOutcome::kNoData).empty());
  CHECK(read(*make_energy(recorded("docker-v1")), ReadOutcome::kNoData).empty());
}
