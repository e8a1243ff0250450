// How a running load is changed by hand: its rate, a pause, its end, from any thread. One a run,
// beside its Stop. What was changed is told as events, in parts of the phase's name in the traces,
// and makes the result one that isn't compared with others.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/time.h"
#include "experiment/stop.h"

namespace galileo::experiment {

struct SteerOrder {
  enum class Kind : std::uint8_t { kRate, kPause, kGoOn, kEnd };
  Kind kind = Kind::kPause;
  // Of kRate: of all the clients of that name together, above 0; or, where `factor` is above 0, so
  // many times the steady rate that they have.
  double rps = 0;
  double factor = 0;
  std::string client;  // of kRate; empty: the phase's only one
  std::string by;      // who asked, as the event tells it; may be empty
};

struct Steered {
  Wall from = kNoWall;        // this holds
  std::optional<Wall> until;  // the plan changes it then; none: to the end of the phase or run
};

// What a run is like in this regard.
struct SteerState {
  bool paused = false;
  std::uint32_t changes = 0;  // so far
};

// Outlived by its Stop, outlives the run.
class Steering {
 public:
  using Answer = std::function<void(Result<Steered>)>;
  using Heard = std::function<Result<Steered>(const SteerOrder& order)>;

  explicit Steering(Stop& stop) : loop_(stop.loop()) {}

  // From any thread. `answer` is called once, on the run's thread; not at all where the run ends
  // before it hears. An Error (no run sends at present, a closed loop's rate) changes nothing.
  void ask(SteerOrder order, Answer answer) {
    loop_.post([this, order = std::move(order), answer = std::move(answer)] {
      answer(
          heard_
              ? heard_(order)
              : Result<Steered>(Error{
                    ErrorCode::kUnavailable, "can't change the load", {}, "no run goes on", {}}));
    });
  }

  // The rest is the run's, on its thread.
  void on_asked(Heard heard) { heard_ = std::move(heard); }

 private:
  net::Loop& loop_;
  Heard heard_;
};

}  // namespace galileo::experiment
