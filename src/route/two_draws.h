// Two hosts by weight at random, of which a policy takes the better one: nearly as good as asking
// all of them, at the price of two draws (Mitzenmacher, The Power of Two Choices).
#pragma once

#include <memory>
#include <utility>

#include "route/policy.h"

namespace galileo::route {

class TwoDraws {
 public:
  explicit TwoDraws(const std::vector<Host>& hosts)
      : draw_(make_random(hosts)), one_host_(hosts.size() == 1) {}
  TwoDraws(const TwoDraws& other) : draw_(other.draw_->copy()), one_host_(other.one_host_) {}
  TwoDraws& operator=(const TwoDraws&) = delete;

  // The same one twice where there is no other, or the other has next to no weight.
  std::pair<std::size_t, std::size_t> draw(const Ask& ask) {
    if (one_host_) return {0, 0};
    const std::size_t one = draw_->pick(ask);
    std::size_t other = draw_->pick(ask);
    for (int again = 0; other == one && again < kDrawsAgain; ++again) other = draw_->pick(ask);
    return {one, other};
  }

 private:
  static constexpr int kDrawsAgain = 3;
  const std::unique_ptr<Policy> draw_;
  const bool one_host_;
};

}  // namespace galileo::route
