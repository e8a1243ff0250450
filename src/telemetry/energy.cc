// Energy that the processor's parts have used since the first reading, joules, from the counters of
// RAPL below /sys/class/powercap: "package-0", "package-0/core", "package-0/dram". The counters are
// readable for root only, and begin again at their range.
#include <map>
#include <string>

#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

class Energy final : public Instrument {
 public:
  explicit Energy(const Machine& machine) : folder_(machine.sys + "/class/powercap") {}

  ReadOutcome read(Readings& readings) override {
    if (!scanned_) scan();
    bool any = false;
    for (auto& [name, part] : parts_) {
      readings.stamp();
      std::string_view text = part.file.read().value_or("");
      const auto microjoules = to_number(take_word(text));
      if (!microjoules) continue;
      if (part.has_last) {
        const double used = *microjoules - part.last;
        part.sum += used >= 0 ? used : used + part.range;
      }
      part.last = *microjoules;
      part.has_last = true;
      readings.put("energy", name, part.sum / 1e6);
      any = true;
    }
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  struct Part {
    KeptFile file;
    double range = 0;
    double last = 0;
    double sum = 0;
    bool has_last = false;
  };

  // "intel-rapl:0" is a package, "intel-rapl:0:1" a part of it.
  void scan() {
    scanned_ = true;
    for (const std::string& zone : list_folder(folder_)) {
      const std::size_t first = zone.find(':');
      if (first == std::string::npos) continue;
      std::string name = text_of_file(folder_ + "/" + zone + "/name");
      if (name.empty()) continue;
      if (const std::size_t second = zone.find(':', first + 1); second != std::string::npos)
        name = text_of_file(folder_ + "/" + zone.substr(0, second) + "/name") + "/" + name;
      const double range =
          to_number(text_of_file(folder_ + "/" + zone + "/max_energy_range_uj")).value_or(0);
      parts_.emplace(name, Part{KeptFile(folder_ + "/" + zone + "/energy_uj"), range});
    }
  }

  const std::string folder_;
  std::map<std::string, Part> parts_;
  bool scanned_ = false;
};

}  // namespace

std::unique_ptr<Instrument> make_energy(const Machine& machine) {
  return std::make_unique<Energy>(machine);
}

}  // namespace galileo::telemetry
