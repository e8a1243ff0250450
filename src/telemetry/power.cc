// Electric power at the machine's sensors, milliwatts, from /sys/class/hwmon: what a sensor says
// itself, or voltage times current of the same number (an INA3221, as on a Jetson). One is called
// "<chip>/<label or number>"; further chips of one kind get their number behind it, as in
// "ina3221.2".
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "telemetry/devices.h"

namespace galileo::telemetry {
namespace {

struct Sensor {
  std::string name;
  std::vector<KeptFile> factors;
};

struct Chip {
  std::string name;
  std::vector<Sensor> sensors;
};

// The sensor of that number; none where the chip hasn't got it.
Sensor sensor_of(const std::string& chip, const std::vector<std::string>& files, int i) {
  const std::string number = std::to_string(i);
  const auto has = [&](const std::string& file) {
    return std::find(files.begin(), files.end(), file) != files.end();
  };
  Sensor sensor;
  std::string label;
  for (const char* kind : {"_input", "_average"}) {
    const std::string file = fmt::format("power{}{}", number, kind);
    if (!has(file) || !sensor.factors.empty()) continue;
    sensor.factors.emplace_back(fmt::format("{}/{}", chip, file));
    label = text_of_file(fmt::format("{}/power{}_label", chip, number));
  }
  if (sensor.factors.empty() && has("in" + number + "_input") && has("curr" + number + "_input")) {
    sensor.factors.emplace_back(chip + "/in" + number + "_input");
    sensor.factors.emplace_back(chip + "/curr" + number + "_input");
    label = text_of_file(chip + "/in" + number + "_label");
  }
  sensor.name = label.empty() ? number : one_word(label);
  return sensor;
}

class Power final : public Instrument {
 public:
  explicit Power(const Machine& machine) : chips_(machine.sys + "/class/hwmon") {}

  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) override {
    chips_.follow(readings.time(), [&](const std::string& entry, const std::string& path) {
      return chip_of(entry, path);
    });
    bool any = false;
    chips_.each([&](const std::string&, Chip& chip) {
      for (Sensor& sensor : chip.sensors) {
        readings.stamp();
        double product = 1;
        bool known = true;
        for (KeptFile& file : sensor.factors) {
          std::string_view text = file.read().value_or("");
          const auto value = to_number(take_word(text));
          known = known && value;
          product *= value.value_or(0);
        }
        // Microwatts, or millivolts times milliamperes.
        if (known)
          readings.put("power", chip.name + "/" + sensor.name, product / 1e3);
        else
          readings.leave_out();
        any = any || known;
      }
      return true;
    });
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  std::optional<Chip> chip_of(const std::string& entry, const std::string& path) const {
    Chip chip;
    chip.name = one_word(text_of_file(path + "/name"));
    if (chip.name.empty()) chip.name = entry;
    const std::vector<std::string> files = list_folder(path);
    // Sensors are numbered from 1; more than these no chip has.
    for (int i = 1; i <= 16; ++i) {
      Sensor sensor = sensor_of(path, files, i);
      if (sensor.factors.empty()) continue;
      if (std::any_of(chip.sensors.begin(), chip.sensors.end(),
                      [&](const Sensor& other) { return other.name == sensor.name; }))
        sensor.name += "." + std::to_string(i);
      chip.sensors.push_back(std::move(sensor));
    }
    if (chip.sensors.empty()) return std::nullopt;
    // A board may bear several of one kind.
    if (chips_.any([&](const Chip& other) { return other.name == chip.name; }))
      chip.name += "." + entry.substr(std::min(entry.find_first_of("0123456789"), entry.size()));
    return chip;
  }

  Devices<Chip> chips_;
};

}  // namespace

std::unique_ptr<Instrument> make_power(const Machine& machine) {
  return std::make_unique<Power>(machine);
}

}  // namespace galileo::telemetry
