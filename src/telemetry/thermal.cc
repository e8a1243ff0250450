// Temperatures of the machine's thermal zones, degrees Celsius, from /sys/class/thermal. A zone is
// called what its type says; those of the same type get their number behind it.
#include <map>
#include <string>

#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

class Thermal final : public Instrument {
 public:
  explicit Thermal(const Machine& machine) : folder_(machine.sys + "/class/thermal") {}

  ReadOutcome read(Readings& readings) override {
    if (!scanned_) scan();
    bool any = false;
    for (auto& [name, file] : zones_) {
      readings.stamp();
      std::string_view text = file.read().value_or("");
      const auto millidegrees = to_number(take_word(text));
      if (!millidegrees) continue;  // a sensor that is off gives an error
      readings.put("thermal", name, *millidegrees / 1000);
      any = true;
    }
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  void scan() {
    scanned_ = true;
    for (const std::string& zone : list_folder(folder_)) {
      if (!zone.starts_with("thermal_zone")) continue;
      std::string name = text_of_file(folder_ + "/" + zone + "/type");
      if (name.empty()) name = "zone";
      if (zones_.contains(name)) name += "." + zone.substr(std::string("thermal_zone").size());
      zones_.emplace(name, KeptFile(folder_ + "/" + zone + "/temp"));
    }
  }

  const std::string folder_;
  std::map<std::string, KeptFile> zones_;
  bool scanned_ = false;
};

}  // namespace

std::unique_ptr<Instrument> make_thermal(const Machine& machine) {
  return std::make_unique<Thermal>(machine);
}

}  // namespace galileo::telemetry
