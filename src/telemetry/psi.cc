// Pressure stall information: the totals (microseconds since boot) of the lines "some" and "full"
// of /proc/pressure/{cpu,memory,io}: "some avg10=0.00 avg60=0.00 avg300=0.00 total=25861619".
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

class Psi final : public Instrument {
 public:
  Psi(const Machine& machine, const std::string& resource)
      : metric_("psi_" + resource), file_(machine.proc + "/pressure/" + resource) {}

  ReadOutcome read(Readings& readings) override {
    const auto text = file_.read();
    if (!text) return ReadOutcome::kNoData;  // a kernel without PSI, or with it switched off
    std::string_view rest = *text;
    bool found = false;
    while (!rest.empty()) {
      std::string_view line = take_line(rest);
      const std::string_view kind = take_word(line);
      const std::size_t at = line.find("total=");
      if (kind.empty() || at == std::string_view::npos) continue;
      std::string_view total = line.substr(at + 6);
      const auto value = to_number(take_word(total));
      if (!value) return ReadOutcome::kFailed;
      readings.put(metric_, kind, *value);
      found = true;
    }
    return found ? ReadOutcome::kRead : ReadOutcome::kFailed;
  }

 private:
  const std::string metric_;
  KeptFile file_;
};

}  // namespace

std::unique_ptr<Instrument> make_psi_cpu(const Machine& machine) {
  return std::make_unique<Psi>(machine, "cpu");
}
std::unique_ptr<Instrument> make_psi_memory(const Machine& machine) {
  return std::make_unique<Psi>(machine, "memory");
}
std::unique_ptr<Instrument> make_psi_io(const Machine& machine) {
  return std::make_unique<Psi>(machine, "io");
}

}  // namespace galileo::telemetry
