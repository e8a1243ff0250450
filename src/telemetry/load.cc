// Reads /proc/loadavg, "0.31 0.22 0.10 2/184 4021": load averages of 1 and 5 minutes (load), and
// the processes that run right now, the 2 of 2/184 (procs).
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

struct LoadAverage {
  double load1 = 0;
  double load5 = 0;
  double running = 0;
};

std::optional<LoadAverage> parse_loadavg(std::string_view text) {
  const auto load1 = to_number(take_word(text));
  const auto load5 = to_number(take_word(text));
  take_word(text);
  const std::string_view processes = take_word(text);
  const auto running = to_number(processes.substr(0, processes.find('/')));
  if (!load1 || !load5 || !running) return std::nullopt;
  return LoadAverage{*load1, *load5, *running};
}

class Load final : public Instrument {
 public:
  Load(const Machine& machine, bool averages)
      : file_(machine.proc + "/loadavg"), averages_(averages) {}

  ReadOutcome read(Readings& readings) override {
    const auto text = file_.read();
    if (!text) return ReadOutcome::kNoData;
    const auto now = parse_loadavg(*text);
    if (!now) return ReadOutcome::kFailed;
    if (averages_) {
      readings.put("load1", "", now->load1);
      readings.put("load5", "", now->load5);
    } else {
      readings.put("procs", "", now->running);
    }
    return ReadOutcome::kRead;
  }

 private:
  KeptFile file_;
  const bool averages_;
};

}  // namespace

std::unique_ptr<Instrument> make_load(const Machine& machine) {
  return std::make_unique<Load>(machine, true);
}

std::unique_ptr<Instrument> make_procs(const Machine& machine) {
  return std::make_unique<Load>(machine, false);
}

}  // namespace galileo::telemetry
