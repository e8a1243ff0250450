// The sum of the clock rates of the cores that are there at present: cpufreq's scaling_cur_freq
// (kHz); where there is no cpufreq, the "cpu MHz" lines of /proc/cpuinfo, on the wire as they are
// (docs/wire/telemetry.md), in a run as kHz.
#include <map>

#include "telemetry/devices.h"

namespace galileo::telemetry {
namespace {

bool is_core(std::string_view name) {
  return name.size() > 3 && name.substr(0, 3) == "cpu" &&
         name.find_first_not_of("0123456789", 3) == std::string_view::npos;
}

class Freq final : public Instrument {
 public:
  explicit Freq(const Machine& machine)
      : folder_(machine.sys + "/devices/system/cpu"),
        cpuinfo_(machine.proc + "/cpuinfo"),
        of_mhz_(machine.old_wire ? 1 : 1000) {}

  ReadOutcome read(Readings& readings) override {
    if (!looked_ || readings.time() - looked_at_ >= kRescan) look(readings.time());
    if (!cores_.empty()) return read_cores(readings);
    const std::optional<double> mhz = from_cpuinfo();
    if (!mhz) return ReadOutcome::kNoData;
    readings.put("freq", "", *mhz * of_mhz_);
    return ReadOutcome::kRead;
  }

 private:
  void look(Time now) {
    looked_ = true;
    looked_at_ = now;
    for (const std::string& name : list_folder(folder_)) {
      if (!is_core(name) || cores_.contains(name)) continue;
      KeptFile file(folder_ + "/" + name + "/cpufreq/scaling_cur_freq");
      if (file.read()) cores_.emplace(name, std::move(file));
    }
  }

  // A core that is offline has no rate. One that should have one and doesn't say it: the sum isn't
  // known.
  ReadOutcome read_cores(Readings& readings) {
    double sum = 0;
    bool known = true;
    for (auto& [name, file] : cores_) {
      std::string_view text = file.read().value_or("");
      const auto rate = to_number(take_word(text));
      if (rate)
        sum += *rate;
      else
        known = known && !is_there(name);
    }
    if (known && sum > 0)
      readings.put("freq", "", sum);
    else
      readings.leave_out();
    return ReadOutcome::kRead;
  }

  bool is_there(const std::string& core) const {
    return identity_of(folder_ + "/" + core + "/cpufreq") &&
           text_of_file(folder_ + "/" + core + "/online") != "0";
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

  const std::string folder_;
  std::map<std::string, KeptFile> cores_;  // those that have had a rate
  bool looked_ = false;
  Time looked_at_{};
  KeptFile cpuinfo_;
  const double of_mhz_;
};

}  // namespace

std::unique_ptr<Instrument> make_freq(const Machine& machine) {
  return std::make_unique<Freq>(machine);
}

}  // namespace galileo::telemetry
