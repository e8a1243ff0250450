// One rate after the other, each for its time.
#include <fmt/format.h>

#include "load/piecewise.h"

namespace galileo::load {
namespace {

class Steps final : public Piecewise {
 public:
  explicit Steps(std::vector<RatePiece> pieces) : pieces_(std::move(pieces)) {}

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
  for (std::size_t i = 0; i < spec.parameters.size(); i += 2) {
    const RatePiece piece{spec.parameters[i], spec.parameters[i + 1]};
    if (piece.rps < 0 || piece.seconds <= 0)
      return wrong_arrival(
          fmt::format("steps can't have a rate of {} for {} s", piece.rps, piece.seconds),
          "rates must be 0 or more, seconds above 0");
    pieces.push_back(piece);
  }
  return make_rate_arrival(std::make_unique<Steps>(std::move(pieces)), spec.process);
}

}  // namespace galileo::load
