// One rate after the other, each for its time.
#include <fmt/format.h>

#include "load/piecewise.h"

namespace galileo::load {
namespace {

class Steps final : public Piecewise {
 public:
  explicit Steps(std::vector<RatePiece> pieces) : pieces_(std::move(pieces)) {}

  double reached(double at_s) const override {
    double sum = 0;
    for (const RatePiece& piece : pieces_) {
      sum += piece.rps * std::clamp(at_s, 0.0, piece.seconds);
      at_s -= piece.seconds;
    }
    return sum;
  }

 private:
  std::optional<RatePiece> next_piece(Random&) override {
    if (position_ == pieces_.size()) return std::nullopt;
    return pieces_[position_++];
  }

  const std::vector<RatePiece> pieces_;
  std::size_t position_ = 0;
};

}  // namespace

Result<std::unique_ptr<Arrival>> make_steps(const ArrivalSpec& spec) {
  if (spec.parameters.size() % 2 != 0)
    return wrong_arrival("steps has a rate without its seconds", "it takes (rps, seconds, ...)");
  std::vector<RatePiece> pieces;
  bool sends = false;
  for (std::size_t i = 0; i < spec.parameters.size(); i += 2) {
    const RatePiece piece{spec.parameters[i], spec.parameters[i + 1]};
    TRY(check_rates(spec.kind, {piece.rps}));
    if (piece.seconds <= 0)
      return wrong_arrival(
          fmt::format("steps can't have a rate of {} for {} s", piece.rps, piece.seconds),
          "seconds must be above 0");
    sends = sends || piece.rps > 0;
    pieces.push_back(piece);
  }
  if (!sends)
    return wrong_arrival(fmt::format("steps({}) sends nothing", fmt::join(spec.parameters, ", ")),
                         "give at least one rate above 0");
  return make_rate_arrival(std::make_unique<Steps>(std::move(pieces)), spec.process);
}

}  // namespace galileo::load
