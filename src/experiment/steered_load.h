// What of a run's load is changed by hand while it goes on (steering.h): which clients that means,
// until when it holds, and what is told of it. The load itself is its source's affair. Lives on the
// run's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "experiment/load_source.h"
#include "experiment/steering.h"
#include "net/clock.h"
#include "plan/plan.h"

namespace galileo::experiment {

class SteeredLoad {
 public:
  // An event of the run.
  using Tell = std::function<void(const std::string& event, const std::string& value)>;

  SteeredLoad(const net::Clock& clock, const WallClock& wall_clock, Tell tell)
      : clock_(clock), wall_clock_(wall_clock), tell_(std::move(tell)) {}

  // The phase's clients begin at `start`, at `load`, which both outlive it. Where the run is paused
  // they pause too, from the first one on.
  Result<void> begin(const plan::Phase& phase, LoadSource& load, Time start);
  void end() { phase_ = nullptr; }
  // Anything but kEnd, which is the run's. An Error changes nothing.
  Result<Steered> take(const SteerOrder& order);
  // The run is ended by hand.
  void note_end(const SteerOrder& order);

  bool is_paused() const { return paused_.has_value(); }
  // What was changed so far, each as a person reads it, in order.
  const std::vector<std::string>& changes() const { return changes_; }

 private:
  Result<Steered> pause(const SteerOrder& order);
  Result<Steered> go_on(const SteerOrder& order);
  Result<Steered> set_rate(const SteerOrder& order);
  Result<double> rate_of(const SteerOrder& order, const load::ClientSpec& client) const;
  Result<const load::ClientSpec*> client_of(const SteerOrder& order) const;
  std::optional<Wall> changed_by_plan(const std::string& client) const;
  std::string next_part();
  void note(const std::string& event, const SteerOrder& order, const std::string& part, Time at,
            const std::string& text);

  const net::Clock& clock_;
  const WallClock& wall_clock_;
  const Tell tell_;
  const plan::Phase* phase_ = nullptr;
  LoadSource* load_ = nullptr;
  Time start_{};
  std::optional<Time> began_;  // the first phase
  unsigned parts_ = 1;         // of the phase
  std::optional<Time> paused_;
  Duration pauses_{0};                     // of the phase, those that are over
  std::map<std::string, double> set_rps_;  // in the phase, by client
  std::vector<std::string> changes_;
};

}  // namespace galileo::experiment
