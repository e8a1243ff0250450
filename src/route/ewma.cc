// The one of two hosts drawn by weight from which an answer is expected sooner: its latency
// of late, times the requests that are under way there and this one. The latency is a mean whose
// weights fall by e each 10 s; a slower answer than the mean takes its place at once, so that a
// host that turns slow is left at its first slow answer (peak EWMA, as Finagle has it). The mean of
// a host that isn't asked falls as well, so that it is tried again.
#include <algorithm>
#include <cmath>

#include "route/policy.h"
#include "route/two_draws.h"

namespace galileo::route {
namespace {

constexpr double kDecaySeconds = 10;
// A failure counts as at least as slow: else a host that refuses all would be the fastest.
constexpr double kFailureSeconds = 1;

class Ewma final : public Policy {
 public:
  explicit Ewma(const std::vector<Host>& hosts) : draws_(hosts), hosts_(hosts.size()) {}

  std::size_t pick(const Ask& ask) override {
    const auto [one, other] = draws_.draw(ask);
    return expected(hosts_[other], ask.now) < expected(hosts_[one], ask.now) ? other : one;
  }
  void began(std::size_t host) override { ++hosts_[host].under_way; }
  void ended(std::size_t host, const Outcome& outcome) override {
    Seen& seen = hosts_[host];
    --seen.under_way;
    double took = to_seconds(outcome.took);
    if (outcome.end == Outcome::End::kGivenUp && took < seen.seconds) return;
    if (outcome.end == Outcome::End::kFailed) took = std::max(took, kFailureSeconds);
    const double kept = seen.answered ? left_of(seen, outcome.now) : 0;
    seen.seconds = took >= seen.seconds ? took : seen.seconds * kept + took * (1 - kept);
    seen.answered = true;
    seen.at = outcome.now;
  }
  void go_on_from(const Policy& before, const std::vector<std::size_t>& was) override {
    hosts_ = carried(static_cast<const Ewma&>(before).hosts_, was);
  }
  std::unique_ptr<Policy> copy() const override { return std::make_unique<Ewma>(*this); }

 private:
  struct Seen {
    std::int64_t under_way = 0;
    double seconds = 0;  // the mean, at `at`
    bool answered = false;
    Time at{};
  };

  // The share of a mean that is left by now.
  static double left_of(const Seen& seen, Time now) {
    return std::exp(-std::max(0.0, to_seconds(now - seen.at)) / kDecaySeconds);
  }
  // One that nobody knows yet is asked first, but not by all at once.
  static double expected(const Seen& seen, Time now) {
    const auto requests = static_cast<double>(seen.under_way + 1);
    if (!seen.answered) return seen.under_way == 0 ? 0 : kFailureSeconds * requests;
    return seen.seconds * left_of(seen, now) * requests;
  }

  TwoDraws draws_;
  std::vector<Seen> hosts_;
};

}  // namespace

std::unique_ptr<Policy> make_ewma(const std::vector<Host>& hosts) {
  return std::make_unique<Ewma>(hosts);
}

}  // namespace galileo::route
