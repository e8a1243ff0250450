// Memory in use: MemTotal - MemAvailable of /proc/meminfo, kB.
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

class Ram final : public Instrument {
 public:
  explicit Ram(const Machine& machine) : file_(machine.proc + "/meminfo") {}

  ReadOutcome read(Readings& readings) override {
    const auto text = file_.read();
    if (!text) return ReadOutcome::kNoData;
    const auto total = find_number(*text, "MemTotal:");
    const auto available = find_number(*text, "MemAvailable:");
    if (!total || !available) return ReadOutcome::kFailed;
    // In some containers more is said to be available than there is.
    if (*total >= *available)
      readings.put("ram", "", *total - *available);
    else
      readings.leave_out();
    return ReadOutcome::kRead;
  }

 private:
  KeptFile file_;
};

}  // namespace

std::unique_ptr<Instrument> make_ram(const Machine& machine) {
  return std::make_unique<Ram>(machine);
}

}  // namespace galileo::telemetry
