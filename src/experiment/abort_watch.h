// The thresholds of a plan that end its run once they can't be met: asked again and again while it
// goes on, and what all of the plan's came to in the end. Passive; lives on the run's thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/out_of_reach.h"
#include "analysis/thresholds.h"
#include "base/time.h"
#include "plan/plan.h"

namespace galileo::experiment {

class AbortWatch {
 public:
  // Of a plan that was checked on load.
  explicit AbortWatch(const plan::Plan& plan);

  bool is_needed() const { return !rules_.empty(); }

  // Whether one can't be met any more, or was crossed for as long as it may be; the first that is
  // found ends the run, and stays. `now` doesn't go back.
  bool look(Time now, const analysis::Summary& summary, const analysis::TelemetrySeries& telemetry);
  // A rate was changed by hand: how many requests there will be is known of those clients only that
  // have a number of them.
  void forget_rates();

  bool has_ended_it() const { return found_.has_value(); }
  // "the threshold 'failed == 0' ended the run: it was 1 already"; empty: none did.
  std::string why() const;
  // Its expression; empty: none ended the run.
  std::string expression() const;

  // What each of the plan's thresholds came to, in their order. The one that has ended the run
  // isn't met, whatever was still under way then.
  std::vector<analysis::ThresholdResult> judge(const analysis::Summary& summary,
                                               const analysis::TelemetrySeries& telemetry) const;

 private:
  struct Rule {
    std::size_t place = 0;  // among all_
    analysis::AtMost at_most;
    analysis::AtMost at_most_by_number;  // what is left of it without rates
    std::optional<Duration> lasting;
    std::optional<Time> crossed_since = {};
  };
  struct Found {
    std::size_t place = 0;
    std::string proof;
  };
  static std::string crossed_for(Rule& rule, Time now, const analysis::ThresholdResult& result);

  std::vector<analysis::Threshold> all_;
  std::vector<Rule> rules_;
  std::optional<Found> found_;
};

}  // namespace galileo::experiment
