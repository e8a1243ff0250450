// A rate that is constant for a while, then another: what steps and random walks are made of. Where
// it is 0, time passes and nothing is due. Passive; owned by its Arrival.
#pragma once

#include <algorithm>
#include <optional>

#include "load/arrival.h"

namespace galileo::load {

struct RatePiece {
  double rps = 0;
  double seconds = 0;
};

class Piecewise : public RateShape {
 public:
  std::optional<double> when(double amount, Random& random) final {
    for (int pieces = 0; pieces < kPiecesMax; ++pieces) {
      if (current_ && current_->rps > 0) {
        const double at_s = begins_s_ + (amount - before_) / current_->rps;
        // A piece's last request is often due at its very end: rounding mustn't lose it.
        const double ends_s = begins_s_ + current_->seconds;
        if (at_s <= ends_s + kRounding_s) return std::min(at_s, ends_s);
      }
      if (current_) {
        before_ += current_->rps * current_->seconds;
        begins_s_ += current_->seconds;
      }
      current_ = next_piece(random);
      if (!current_) return std::nullopt;
    }
    return std::nullopt;  // a rate that stays 0 for so long sends nothing more
  }

 protected:
  // The piece that follows; nothing: the rate has ended.
  virtual std::optional<RatePiece> next_piece(Random& random) = 0;

 private:
  static constexpr int kPiecesMax = 100'000;
  static constexpr double kRounding_s = 1e-9;

  std::optional<RatePiece> current_;
  double begins_s_ = 0;  // of the current piece
  double before_ = 0;    // the integral up to there
};

}  // namespace galileo::load
