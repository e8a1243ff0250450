// Temperatures of the machine's thermal zones, degrees Celsius, from /sys/class/thermal. A zone is
// called what its type says; those of the same type get their number behind it.
#include <optional>
#include <string>

#include "telemetry/devices.h"

namespace galileo::telemetry {
namespace {

struct Zone {
  std::string name;
  KeptFile temperature;
};

class Thermal final : public Instrument {
 public:
  explicit Thermal(const Machine& machine) : zones_(machine.sys + "/class/thermal") {}

  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) override {
    zones_.follow(readings.time(), [&](const std::string& zone, const std::string& path) {
      if (!zone.starts_with("thermal_zone")) return std::optional<Zone>();
      std::string name = one_word(text_of_file(path + "/type"));
      if (name.empty()) name = "zone";
      if (zones_.any([&](const Zone& other) { return other.name == name; }))
        name += "." + zone.substr(std::string_view("thermal_zone").size());
      return std::optional<Zone>({name, KeptFile(path + "/temp")});
    });
    bool any = false;
    zones_.each([&](const std::string&, Zone& zone) {
      readings.stamp();
      std::string_view text = zone.temperature.read().value_or("");
      const auto millidegrees = to_number(take_word(text));
      if (!millidegrees) {  // a sensor that is off gives an error
        readings.leave_out();
        return true;
      }
      readings.put("thermal", zone.name, *millidegrees / 1000);
      any = true;
      return true;
    });
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  Devices<Zone> zones_;
};

}  // namespace

std::unique_ptr<Instrument> make_thermal(const Machine& machine) {
  return std::make_unique<Thermal>(machine);
}

}  // namespace galileo::telemetry
