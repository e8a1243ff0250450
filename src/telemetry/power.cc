// Electric power at the machine's sensors, watts, from /sys/class/hwmon: what a sensor says itself,
// or voltage times current of the same number (an INA3221, as on a Jetson). One is called
// "<chip>/<label or number>".
#include <algorithm>
#include <string>
#include <vector>

#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

class Power final : public Instrument {
 public:
  explicit Power(const Machine& machine) : folder_(machine.sys + "/class/hwmon") {}

  ReadOutcome read(Readings& readings) override {
    if (!scanned_) scan();
    bool any = false;
    for (Sensor& sensor : sensors_) {
      readings.stamp();
      double product = 1;
      bool known = true;
      for (KeptFile& file : sensor.factors) {
        std::string_view text = file.read().value_or("");
        const auto value = to_number(take_word(text));
        known = known && value;
        product *= value.value_or(0);
      }
      if (!known) continue;
      // Microwatts, or millivolts times milliamperes.
      readings.put("power", sensor.name, product / 1e6);
      any = true;
    }
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  struct Sensor {
    std::string name;
    std::vector<KeptFile> factors;
  };

  void scan() {
    scanned_ = true;
    for (const std::string& entry : list_folder(folder_)) {
      const std::string chip = folder_ + "/" + entry;
      const std::string name = text_of_file(chip + "/name");
      const std::vector<std::string> files = list_folder(chip);
      const auto has = [&](const std::string& file) {
        return std::find(files.begin(), files.end(), file) != files.end();
      };
      // Sensors are numbered from 1; more than these no chip has.
      for (int i = 1; i <= 16; ++i) {
        const std::string number = std::to_string(i);
        Sensor sensor;
        std::string label;
        for (const char* kind : {"_input", "_average"}) {
          if (!has("power" + number + kind) || !sensor.factors.empty()) continue;
          sensor.factors.emplace_back(chip + "/power" + number + kind);
          label = text_of_file(chip + "/power" + number + "_label");
        }
        if (sensor.factors.empty() && has("in" + number + "_input") &&
            has("curr" + number + "_input")) {
          sensor.factors.emplace_back(chip + "/in" + number + "_input");
          sensor.factors.emplace_back(chip + "/curr" + number + "_input");
          label = text_of_file(chip + "/in" + number + "_label");
        }
        if (sensor.factors.empty()) continue;
        sensor.name = (name.empty() ? entry : name) + "/" + (label.empty() ? number : label);
        sensors_.push_back(std::move(sensor));
      }
    }
  }

  const std::string folder_;
  std::vector<Sensor> sensors_;
  bool scanned_ = false;
};

}  // namespace

std::unique_ptr<Instrument> make_power(const Machine& machine) {
  return std::make_unique<Power>(machine);
}

}  // namespace galileo::telemetry
