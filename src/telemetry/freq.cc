// The sum of the cores' clock rates: cpufreq's scaling_cur_freq (kHz); where there is no cpufreq,
// the "cpu MHz" lines of /proc/cpuinfo, summed as they are (spec/telemetry.md).
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

bool is_core(std::string_view name) {
  return name.size() > 3 && name.substr(0, 3) == "cpu" &&
         name.find_first_not_of("0123456789", 3) == std::string_view::npos;
}

class Freq final : public Instrument {
 public:
  explicit Freq(const Machine& machine) : cpuinfo_(machine.proc + "/cpuinfo") {
    const std::string folder = machine.sys + "/devices/system/cpu";
    for (const std::string& name : list_folder(folder)) {
      if (!is_core(name)) continue;
      KeptFile file(folder + "/" + name + "/cpufreq/scaling_cur_freq");
      if (file.read()) cores_.push_back(std::move(file));
    }
  }

  ReadOutcome read(Readings& readings) override {
    const std::optional<double> sum = cores_.empty() ? from_cpuinfo() : from_cores();
    if (!sum) return ReadOutcome::kNoData;
    readings.put("freq", "", *sum);
    return ReadOutcome::kRead;
  }

 private:
  std::optional<double> from_cores() {
    double sum = 0;
    for (KeptFile& core : cores_) {
      const auto text = core.read();  // a core that went offline has no rate
      std::string_view rest = text.value_or("");
      sum += to_number(take_word(rest)).value_or(0);
    }
    return sum;
  }

  std::optional<double> from_cpuinfo() {
    const auto text = cpuinfo_.read();
    if (!text) return std::nullopt;
    std::string_view rest = *text;
    double sum = 0;
    bool found = false;
    while (!rest.empty()) {
      const std::string_view line = take_line(rest);
      if (const auto mhz = find_number(line, "cpu MHz")) {
        sum += *mhz;
        found = true;
      }
    }
    return found ? std::optional<double>(sum) : std::nullopt;
  }

  std::vector<KeptFile> cores_;
  KeptFile cpuinfo_;
};

}  // namespace

std::unique_ptr<Instrument> make_freq(const Machine& machine) {
  return std::make_unique<Freq>(machine);
}

}  // namespace galileo::telemetry
