// Weighted round robin in the order of docs/wire/workload.md: the index steps through the hosts;
// each time it wraps, the current weight falls by the weights' gcd and restarts from the largest; a
// host is taken when its weight is at least the current weight. The gcd is of the weights above 0.
//
// Weights that aren't whole stand for the smallest whole ones of the same proportions: 0.5 and 1
// are 1 and 2. Small ones matter, as the order takes the heavier hosts' surplus in one run: 333 and
// 667 begin with 334 requests in a row for the second host, 1 and 2 with two.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/counters.h"
#include "route/policy.h"

namespace galileo::route {
namespace {

constexpr double kLargestWeight = 1e12;
constexpr int kPartsMax = 10'000;

// Each weight times `scale`, rounded; a host with a weight keeps one.
std::vector<std::int64_t> scaled(const std::vector<double>& weights, double scale) {
  std::vector<std::int64_t> whole;
  for (const double weight : weights) {
    const std::int64_t rounded = std::llround(std::min(weight * scale, kLargestWeight));
    whole.push_back(weight > 0 ? std::max<std::int64_t>(rounded, 1) : 0);
  }
  return whole;
}

bool all_whole(const std::vector<double>& weights, double scale) {
  return std::all_of(weights.begin(), weights.end(), [scale](double weight) {
    const double value = weight * scale;
    return value <= kLargestWeight && std::abs(value - std::round(value)) <= 1e-9 * value;
  });
}

// The smallest weight above 0 is cut into as few parts as make all weights whole numbers of parts.
std::vector<std::int64_t> whole_weights(const std::vector<Host>& hosts) {
  std::vector<double> weights;
  for (const Host& host : hosts) weights.push_back(host.weight);
  if (all_whole(weights, 1)) return scaled(weights, 1);
  double smallest = 0;
  for (const double weight : weights) {
    if (weight > 0 && (smallest == 0 || weight < smallest)) smallest = weight;
  }
  for (int parts = 1; parts <= kPartsMax; ++parts) {
    if (all_whole(weights, parts / smallest)) return scaled(weights, parts / smallest);
  }
  return scaled(weights, kPartsMax / *std::max_element(weights.begin(), weights.end()));
}

// A place in the order is one word, so that the loops of a gateway can go through it together: how
// often the current weight has fallen, and the index of the last choice and one.
constexpr unsigned kIndexBits = 24;
constexpr std::uint64_t kIndexMask = (std::uint64_t{1} << kIndexBits) - 1;

class WeightedRoundRobin final : public Policy {
 public:
  explicit WeightedRoundRobin(const std::vector<Host>& hosts)
      : weights_(whole_weights(hosts)),
        largest_(*std::max_element(weights_.begin(), weights_.end())),
        gcd_(std::accumulate(weights_.begin(), weights_.end(), std::int64_t{0},
                             [](std::int64_t a, std::int64_t b) { return std::gcd(a, b); })) {}

  std::size_t pick(const Ask&) override {
    const auto step = [this](std::uint64_t place) { return after(place); };
    place_ = shared_ ? shared_->advance(step) : step(place_);
    return (place_ & kIndexMask) - 1;
  }
  // The index stays, and the weights begin again at the largest, so that the new proportions hold
  // from the next request.
  void go_on_from(const Policy& before, const std::vector<std::size_t>&) override {
    const auto& old = static_cast<const WeightedRoundRobin&>(before);
    const std::uint64_t place = old.shared_ ? old.shared_->load() : old.place_;
    place_ = std::min<std::uint64_t>(place & kIndexMask, weights_.size());
  }
  void share(SharedPlace& place) override {
    place.begin_at(place_);
    shared_ = &place;
  }
  std::unique_ptr<Policy> copy() const override {
    return std::make_unique<WeightedRoundRobin>(*this);
  }

 private:
  // Ends within one round through the hosts: the heaviest is always taken.
  std::uint64_t after(std::uint64_t place) const {
    std::uint64_t index = place & kIndexMask;  // of the next host
    std::int64_t fallen = static_cast<std::int64_t>(place >> kIndexBits);
    while (true) {
      if (index >= weights_.size()) {
        index = 0;
        if (++fallen * gcd_ >= largest_) fallen = 0;
      }
      if (weights_[index++] >= largest_ - fallen * gcd_)
        return static_cast<std::uint64_t>(fallen) << kIndexBits | index;
    }
  }

  const std::vector<std::int64_t> weights_;
  const std::int64_t largest_;
  const std::int64_t gcd_;
  std::uint64_t place_ = 0;        // 0: nothing was chosen yet
  SharedPlace* shared_ = nullptr;  // null: the order is its own
};

}  // namespace

std::unique_ptr<Policy> make_wrr(const std::vector<Host>& hosts) {
  return std::make_unique<WeightedRoundRobin>(hosts);
}

}  // namespace galileo::route
