// Consistent hashing: each host has points on a ring, as many as its share of the weights, at
// places that its name gives; a key goes to the host of the next point. A host that comes or goes
// moves the keys next to its points and no others.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "route/policy.h"

namespace galileo::route {
namespace {

// So many points a host on average: shares are true to about a tenth.
constexpr std::size_t kPointsAHost = 100;
constexpr std::size_t kPointsMin = 1000;

class RingHash final : public Policy {
 public:
  explicit RingHash(const std::vector<Host>& hosts) {
    double largest = 0;
    for (const Host& host : hosts) largest = std::max(largest, host.weight);
    double sum = 0;  // of parts of the largest, as a sum of large weights may be beyond a double
    for (const Host& host : hosts) sum += host.weight / largest;
    const auto points = static_cast<double>(std::max(kPointsMin, kPointsAHost * hosts.size()));
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      if (hosts[i].weight <= 0) continue;
      const double share = hosts[i].weight / largest / sum;
      const auto count = std::max<std::int64_t>(1, std::llround(share * points));
      for (std::int64_t n = 0; n < count; ++n)
        ring_.push_back({key_of(fmt::format("{}#{}", hosts[i].name, n)), i});
    }
    std::sort(ring_.begin(), ring_.end(), [](const Point& a, const Point& b) {
      return a.at != b.at ? a.at < b.at : a.host < b.host;
    });
  }

  std::size_t pick(const Ask& ask) override {
    const auto next = std::lower_bound(ring_.begin(), ring_.end(), ask.key,
                                       [](const Point& point, auto key) { return point.at < key; });
    return next == ring_.end() ? ring_.front().host : next->host;
  }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<RingHash>(*this); }

 private:
  struct Point {
    std::uint64_t at = 0;
    std::size_t host = 0;
  };
  std::vector<Point> ring_;
};

}  // namespace

std::unique_ptr<Policy> make_ring_hash(const std::vector<Host>& hosts) {
  return std::make_unique<RingHash>(hosts);
}

}  // namespace galileo::route
