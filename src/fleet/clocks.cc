#include "fleet/clocks.h"

#include <fmt/format.h>

#include "base/text.h"
#include "bus/rpc.h"
#include "net/clock.h"

namespace galileo::fleet {
namespace {

constexpr Duration kAnswerWithin = std::chrono::seconds{2};

}  // namespace

void ClockEstimator::add(Wall asked, Wall remote, Wall answered) {
  if (answered < asked) return;
  const Duration half = (answered - asked) / 2;
  if (best_ && best_->uncertainty <= half) return;
  best_ = ClockOffset{remote - (asked + half), half};
}

std::string clock_function(std::string_view worker) {
  return fmt::format("Worker.clock:{}", worker);
}

Result<std::optional<ClockOffset>> measure_clock(bus::Bus& bus, std::string_view worker,
                                                 const WallClock& ours, unsigned exchanges) {
  const net::RealClock clock;
  const std::string function = clock_function(worker);
  ClockEstimator estimator;
  for (unsigned i = 0; i < exchanges; ++i) {
    const Wall asked = ours.wall(clock.now());
    const auto answer = bus::call(bus, function, "[]", kAnswerWithin);
    const Wall answered = ours.wall(clock.now());
    if (!answer.ok() && answer.error().code == ErrorCode::kNotFound) return std::nullopt;
    const std::string text = TRY(answer);
    const auto ns = parse_integer(text);
    if (!ns)
      return Error{ErrorCode::kCorrupt, fmt::format("can't measure the clock of '{}'", worker),
                   bus.where(), fmt::format("its answer '{}' isn't a time", text.substr(0, 40)),
                   "is it of the same version?"};
    estimator.add(asked, Wall{Duration{*ns}}, answered);
  }
  return estimator.result();
}

}  // namespace galileo::fleet
