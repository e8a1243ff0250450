// The machine's CPU use between two readings, in percent, from the first line of /proc/stat ("cpu
// user nice system idle iowait irq softirq steal ...", in ticks):
//   cpu       as the old wire has it: (user + system) / (user + system + idle). Niced programs,
//             interrupts and a hypervisor's share aren't in it;
//   cpu_busy  all but idle and iowait, of all. What a report or a judgement goes by.
#include <algorithm>
#include <array>

#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

struct Ticks {
  double wire_busy = 0;  // user + system
  double idle = 0;
  double busy = 0;  // all but idle and iowait
  double all = 0;
};

// The times of guests, which follow, are in user and nice already. Kernels before 2.6.11 have fewer
// columns.
std::optional<Ticks> parse_stat(std::string_view text) {
  std::string_view line = take_line(text);
  if (take_word(line) != "cpu") return std::nullopt;
  std::array<double, 8> values{};
  double all = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto number = to_number(take_word(line));
    if (!number && i < 4) return std::nullopt;
    if (!number) break;
    values[i] = *number;
    all += *number;
  }
  const double idle = values[3];
  return Ticks{values[0] + values[2], idle, all - idle - values[4], all};
}

class Cpu final : public Instrument {
 public:
  explicit Cpu(const Machine& machine) : file_(machine.proc + "/stat") {}

  ReadOutcome read(Readings& readings) override {
    const auto text = file_.read();
    if (!text) return ReadOutcome::kNoData;
    const auto now = parse_stat(*text);
    if (!now) return ReadOutcome::kFailed;
    const double wire_busy = now->wire_busy - last_.wire_busy;
    const double wire_all = wire_busy + now->idle - last_.idle;
    const double busy = now->busy - last_.busy;
    const double all = now->all - last_.all;
    // A core that goes offline may take its times along: then what was used since isn't known.
    const bool went_back = wire_busy < 0 || now->idle < last_.idle || busy < 0;
    if (has_last_ && went_back) readings.leave_out(2);
    const bool known = has_last_ && !went_back;
    // Two readings within one tick of the kernel say nothing: wait for the next.
    if (known && wire_all > 0) readings.put("cpu", "", 100 * wire_busy / wire_all);
    if (known && all > 0) readings.put("cpu_busy", "", 100 * std::clamp(busy / all, 0.0, 1.0));
    if (!has_last_ || went_back || all > 0) last_ = *now;
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
