// The machine's CPU use between two readings: (user + system) / (user + system + idle), in percent,
// from the first line of /proc/stat ("cpu user nice system idle iowait ...", in ticks).
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

struct Ticks {
  double busy = 0;
  double idle = 0;
};

std::optional<Ticks> parse_stat(std::string_view text) {
  std::string_view line = take_line(text);
  if (take_word(line) != "cpu") return std::nullopt;
  double values[4] = {};
  for (double& value : values) {
    const auto number = to_number(take_word(line));
    if (!number) return std::nullopt;
    value = *number;
  }
  return Ticks{values[0] + values[2], values[3]};
}

class Cpu final : public Instrument {
 public:
  explicit Cpu(const Machine& machine) : file_(machine.proc + "/stat") {}

  ReadOutcome read(Readings& readings) override {
    const auto text = file_.read();
    if (!text) return ReadOutcome::kNoData;
    const auto now = parse_stat(*text);
    if (!now) return ReadOutcome::kFailed;
    const double busy = now->busy - last_.busy;
    const double all = busy + now->idle - last_.idle;
    // Two readings within one tick of the kernel say nothing: wait for the next.
    if (has_last_ && all > 0) readings.put("cpu", "", 100 * std::max(0.0, busy) / all);
    if (!has_last_ || all > 0) last_ = *now;
    has_last_ = true;
    return ReadOutcome::kRead;
  }

 private:
  KeptFile file_;
  Ticks last_;
  bool has_last_ = false;
};

}  // namespace

std::unique_ptr<Instrument> make_cpu(const Machine& machine) {
  return std::make_unique<Cpu>(machine);
}

}  // namespace galileo::telemetry
