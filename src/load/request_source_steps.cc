// Scenarios: a turn is several requests, each made of templates, with think times between them and
// values of one answer in the requests behind it. A step that fails ends its scenario. What a turn
// knows is kept in a slot, used again when the turn is over.
#include <fmt/format.h>

#include <algorithm>

#include "load/checks.h"
#include "load/data_use.h"
#include "load/distribution.h"
#include "load/request_source.h"
#include "load/request_template.h"
#include "load/value_taker.h"

namespace galileo::load {
namespace {

constexpr std::uint64_t kDraws = 0x7374657073u;   // apart from schedules' draws
constexpr std::uint64_t kPauses = 0x7061757365u;  // and from those of requests

struct CompiledStep {
  struct Taken {
    std::string name;
    std::string from;
    ValueTaker taker;
    std::size_t place;  // among all values
  };
  std::string name;
  RequestTemplate request;
  std::optional<Checks> checks;
  std::vector<Taken> taken;
  Duration pause{0};
  std::optional<Distribution> drawn_pause;
};

struct Scenario {
  DataUse data;
  std::vector<CompiledStep> steps;
  std::size_t values = 0;
  std::size_t kept = 0;  // bytes of each answer
};

class StepSource final : public RequestSource {
 public:
  StepSource(const Scenario& scenario, const ClientPlace& place)
      : scenario_(scenario), place_(place) {
    for (const CompiledStep& step : scenario.steps) names_.push_back(place.name(step.name));
  }

  std::uint32_t requests_a_turn() const override {
    return static_cast<std::uint32_t>(scenario_.steps.size());
  }
  wire::NameId name_of(std::uint32_t step) const override { return names_[step]; }
  std::size_t wants_answers() const override { return scenario_.kept; }

  Made make(Turn& turn, MadeRequest& into) override {
    if (turn.state == 0 && !begin(turn)) {
      into.why = scenario_.data.used_up();
      return Made::kOver;
    }
    Slot& slot = slots_[turn.state - 1];
    const CompiledStep& step = scenario_.steps[turn.step];
    RequestTemplate::Moment moment{place_,   turn,         scenario_.data.rows(),
                                   slot.row, &slot.values, draws(kDraws, turn)};
    into.name = names_[turn.step];
    into.checks = step.checks ? &*step.checks : nullptr;
    return step.request.make(moment, into);
  }

  Then answered(Turn& turn, const AnswerView& answer) override {
    const CompiledStep& step = scenario_.steps[turn.step];
    if (answer.failure != wire::Failure::none) return give_up(turn, wire::Failure::none, {});
    Slot& slot = slots_[turn.state - 1];
    for (const CompiledStep::Taken& one : step.taken) {
      auto value = one.taker.take(answer);
      if (!value)
        return give_up(turn, wire::Failure::no_value,
                       fmt::format("{}: {} ({}) isn't in an answer with status {}", step.name,
                                   one.name, one.from, answer.status));
      slot.values[one.place] = std::move(*value);
    }
    if (turn.step + 1 == scenario_.steps.size()) {
      dropped(turn);
      return {};
    }
    return {Then::Kind::kGoesOn, pause_after(step, turn), {}, {}};
  }

  void dropped(Turn& turn) override {
    if (turn.state == 0) return;
    free_.push_back(turn.state - 1);
    turn.state = 0;
  }

 private:
  struct Slot {
    std::size_t row = 0;
    std::vector<std::string> values;
  };

  // A draw for this step of this turn, and no other's.
  Random draws(std::uint64_t of, const Turn& turn) const {
    return {place_.seed ^ of, turn.of_all * scenario_.steps.size() + turn.step};
  }

  // False: the data's rows are used up.
  bool begin(Turn& turn) {
    Random random = draws(~kDraws, turn);
    std::size_t row = 0;
    if (!scenario_.data.pick(turn.of_all, random, row)) return false;
    if (free_.empty()) {
      free_.push_back(slots_.size());
      slots_.emplace_back();
      slots_.back().values.resize(scenario_.values);
    }
    turn.state = free_.back() + 1;
    free_.pop_back();
    slots_[turn.state - 1].row = row;
    return true;
  }

  Then give_up(Turn& turn, wire::Failure failure, std::string why) {
    const bool is_last = turn.step + 1 == scenario_.steps.size();
    dropped(turn);
    return {is_last ? Then::Kind::kOver : Then::Kind::kGivesUp, {}, failure, std::move(why)};
  }

  Duration pause_after(const CompiledStep& step, const Turn& turn) const {
    if (!step.drawn_pause) return step.pause;
    Random random = draws(kPauses, turn);
    constexpr double kPauseMax_s = 86'400;
    return seconds(std::clamp(step.drawn_pause->draw(random), 0.0, kPauseMax_s));
  }

  const Scenario& scenario_;
  const ClientPlace& place_;
  std::vector<wire::NameId> names_;
  std::vector<Slot> slots_;
  std::vector<std::uint64_t> free_;
};

class StepSources final : public RequestSources {
 public:
  explicit StepSources(Scenario scenario) : scenario_(std::move(scenario)) {}
  std::string name() const override {
    return scenario_.data.rows() ? scenario_.data.name() : "scenario";
  }
  std::unique_ptr<RequestSource> of_client(const ClientPlace& place) override {
    return std::make_unique<StepSource>(scenario_, place);
  }

 private:
  const Scenario scenario_;
};

// What goes with a step's place: `names` of the values taken before it, to which its own are added.
Result<CompiledStep> compile(const Step& step, const Request& whole, const DataUse& data,
                             std::vector<std::string>& names) {
  CompiledStep made{
      step.name,
      TRY(RequestTemplate::compile(step.request, whole.source.parameters, data.rows(), names)),
      std::nullopt,
      {},
      step.pause,
      std::nullopt};
  if (!step.request.checks.empty()) made.checks = TRY(Checks::compile(step.request.checks));
  if (!step.drawn_pause.empty()) made.drawn_pause = TRY(parse_distribution(step.drawn_pause));
  for (const TakenValue& value : step.takes) {
    auto place = std::find(names.begin(), names.end(), value.name);
    if (place == names.end()) place = names.insert(names.end(), value.name);
    made.taken.push_back({value.name, value.from, TRY(ValueTaker::make(value.from)),
                          static_cast<std::size_t>(place - names.begin())});
  }
  return made;
}

}  // namespace

Result<std::unique_ptr<RequestSources>> make_steps_sources(const Request& request) {
  Scenario scenario{TRY(DataUse::make(request.source.parameters)), {}, 0, 1};
  std::vector<std::string> names;
  for (const Step& step : request.steps) {
    scenario.steps.push_back(TRY(compile(step, request, scenario.data, names)));
    const CompiledStep& made = scenario.steps.back();
    const bool body = std::any_of(made.taken.begin(), made.taken.end(),
                                  [](const auto& one) { return one.taker.wants_body(); });
    if (body || (made.checks && made.checks->wants_body())) scenario.kept = kCheckedMax + 1;
  }
  scenario.values = names.size();
  return std::unique_ptr<RequestSources>(std::make_unique<StepSources>(std::move(scenario)));
}

}  // namespace galileo::load
