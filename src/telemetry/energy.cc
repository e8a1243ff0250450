// Energy that the processor's parts have used since the first reading, joules, from the counters of
// RAPL below /sys/class/powercap: "package-0", "package-0/core", "package-0/dram". The counters are
// readable for root only, and begin again at their range.
#include <optional>
#include <string>

#include "telemetry/devices.h"

namespace galileo::telemetry {
namespace {

struct Part {
  std::string name;
  KeptFile file;
  double range = 0;
  double last = 0;
  double sum = 0;
  bool has_last = false;

  // Adds what was used since the last reading; false where that isn't known.
  bool add(double microjoules) {
    double used = has_last ? microjoules - last : 0;
    if (used < 0) used += range;
    last = microjoules;
    has_last = true;
    if (used < 0) return false;
    sum += used;
    return true;
  }
};

class Energy final : public Instrument {
 public:
  explicit Energy(const Machine& machine)
      : folder_(machine.sys + "/class/powercap"), parts_(folder_) {}

  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) override {
    parts_.follow(readings.time(), [&](const std::string& zone, const std::string& path) {
      const std::string name = name_of(zone);
      // A package that is shown twice (intel-rapl-mmio) is read once.
      const bool twice = parts_.any([&](const Part& other) { return other.name == name; });
      if (name.empty() || twice) return std::optional<Part>();
      const double range = to_number(text_of_file(path + "/max_energy_range_uj")).value_or(0);
      return std::optional<Part>({name, KeptFile(path + "/energy_uj"), range});
    });
    bool any = false;
    parts_.each([&](const std::string&, Part& part) {
      readings.stamp();
      std::string_view text = part.file.read().value_or("");
      const auto microjoules = to_number(take_word(text));
      if (microjoules && part.add(*microjoules)) {
        readings.put("energy", part.name, part.sum / 1e6);
        any = true;
      } else if (microjoules) {
        readings.leave_out();
      }
      return true;
    });
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  // "intel-rapl:0" is a package, "intel-rapl:0:1" a part of it. Empty: neither.
  std::string name_of(const std::string& zone) const {
    const std::size_t first = zone.find(':');
    if (first == std::string::npos) return {};
    std::string name = one_word(text_of_file(folder_ + "/" + zone + "/name"));
    const std::size_t second = zone.find(':', first + 1);
    if (name.empty() || second == std::string::npos) return name;
    return one_word(text_of_file(folder_ + "/" + zone.substr(0, second) + "/name")) + "/" + name;
  }

  const std::string folder_;
  Devices<Part> parts_;
};

}  // namespace

std::unique_ptr<Instrument> make_energy(const Machine& machine) {
  return std::make_unique<Energy>(machine);
}

}  // namespace galileo::telemetry
