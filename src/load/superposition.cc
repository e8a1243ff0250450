#include "load/superposition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "base/random.h"

namespace galileo::load {
namespace {

constexpr std::uint64_t kShiftStream = 0x73686966;
constexpr int kTriesMax = 64;
constexpr double kWorkMax = 2e8;  // windows looked at, over all tries
constexpr double kNearEnough = 0.05;
constexpr std::size_t kWindowsMin = 10;

using Dispersion = std::array<std::optional<double>, kDispersionWindows_s.size()>;

// From the counts in windows of a second. The last window, which the log may not fill, is left out.
Dispersion dispersion_of(const std::vector<std::uint32_t>& counts) {
  Dispersion dispersion;
  for (std::size_t i = 0; i < kDispersionWindows_s.size(); ++i) {
    const auto size = static_cast<std::size_t>(kDispersionWindows_s[i]);
    const std::size_t windows = counts.empty() ? 0 : (counts.size() - 1) / size;
    if (windows < kWindowsMin) continue;
    double sum = 0;
    double squares = 0;
    for (std::size_t window = 0; window < windows; ++window) {
      double count = 0;
      for (std::size_t j = 0; j < size; ++j) count += counts[window * size + j];
      sum += count;
      squares += count * count;
    }
    const auto number = static_cast<double>(windows);
    const double mean = sum / number;
    if (mean > 0)
      dispersion[i] = std::max(0.0, (squares - number * mean * mean) / (number - 1)) / mean;
  }
  return dispersion;
}

std::array<std::optional<double>, kDispersionWindows_s.size()> ratio_of(const Dispersion& made,
                                                                        const Dispersion& log) {
  Dispersion ratio;
  for (std::size_t i = 0; i < ratio.size(); ++i) {
    if (made[i] && log[i] && *log[i] > 0) ratio[i] = *made[i] / *log[i];
  }
  return ratio;
}

double farthest_from_one(const Dispersion& ratio) {
  double most = 0;
  for (const auto& one : ratio) {
    if (one) most = std::max(most, std::abs(*one - 1));
  }
  return most;
}

// The counts of all copies together, by the nearest whole seconds of their shifts.
std::vector<std::uint32_t> counts_of_all(const std::vector<std::uint32_t>& counts,
                                         const std::vector<Duration>& shifts) {
  std::vector<std::uint32_t> all(counts.size());
  for (const Duration shift : shifts) {
    const auto ahead =
        static_cast<std::size_t>(std::chrono::round<std::chrono::seconds>(shift).count()) %
        counts.size();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const std::size_t at = i + ahead < counts.size() ? i + ahead : i + ahead - counts.size();
      all[at] += counts[i];
    }
  }
  return all;
}

std::vector<std::uint32_t> counts_by_second(std::span<const Duration> times, Duration length) {
  std::vector<std::uint32_t> counts(
      static_cast<std::size_t>(std::chrono::floor<std::chrono::seconds>(length).count()) + 1);
  for (const Duration time : times)
    ++counts[static_cast<std::size_t>(std::chrono::floor<std::chrono::seconds>(time).count())];
  return counts;
}

struct Shifts {
  std::vector<Duration> by;
  Dispersion ratio{};
};

Shifts choose_shifts(std::span<const Duration> times, Duration length, std::uint32_t copies,
                     std::uint64_t seed) {
  const std::vector<std::uint32_t> counts = counts_by_second(times, length);
  const Dispersion log = dispersion_of(counts);
  const double work = static_cast<double>(counts.size()) * copies;
  const int tries = std::clamp(static_cast<int>(std::min(kWorkMax / work, 1e6)), 4, kTriesMax);
  Random random(seed, kShiftStream);
  Shifts best;
  double nearest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < tries && nearest > kNearEnough; ++i) {
    std::vector<Duration> shifts{Duration{0}};
    while (shifts.size() < copies)
      shifts.emplace_back(
          static_cast<std::int64_t>(random.unit() * static_cast<double>(length.count())));
    const Dispersion ratio = ratio_of(dispersion_of(counts_of_all(counts, shifts)), log);
    if (const double far = farthest_from_one(ratio); far < nearest) {
      nearest = far;
      best = {std::move(shifts), ratio};
    }
  }
  return best;
}

}  // namespace

Superposition superpose(std::span<const Duration> times, Duration length, std::uint32_t copies,
                        std::uint64_t seed) {
  Superposition laid;
  laid.moments.reserve(times.size() * copies);
  Shifts shifts{{Duration{0}}, {}};
  if (copies > 1) shifts = choose_shifts(times, length, copies, seed);
  for (const Duration shift : shifts.by) {
    for (std::uint32_t i = 0; i < times.size(); ++i) {
      const Duration at = times[i] + shift;
      laid.moments.push_back({at > length ? at - length : at, i});
    }
  }
  laid.dispersion_ratio = shifts.ratio;
  if (copies > 1)
    std::sort(laid.moments.begin(), laid.moments.end(), [](const auto& a, const auto& b) {
      return std::tie(a.at, a.of) < std::tie(b.at, b.of);
    });
  return laid;
}

}  // namespace galileo::load
