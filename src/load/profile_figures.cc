#include "load/profile_figures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "load/elapsed.h"

namespace galileo::load {
namespace {

constexpr std::int64_t kWindowsMin = 10;

// How many requests are due in each window, one after the other. A request at the end of a window
// is in it, as the first one is due after a gap.
class Windows {
 public:
  Windows(Duration size, Duration length) : size_(size), windows_(length.count() / size.count()) {}

  void add(Duration at) {
    const std::int64_t window = std::max<std::int64_t>((at.count() - 1) / size_.count(), 0);
    if (window >= windows_) return;
    if (window != window_) take_count();
    window_ = window;
    ++count_;
  }
  std::optional<double> index() {
    take_count();
    if (windows_ < kWindowsMin || sum_ == 0) return std::nullopt;
    const auto windows = static_cast<double>(windows_);
    const double mean = sum_ / windows;
    return std::max(0.0, (squares_ - windows * mean * mean) / (windows - 1)) / mean;
  }

 private:
  void take_count() {
    sum_ += count_;
    squares_ += count_ * count_;
    count_ = 0;
  }

  const Duration size_;
  const std::int64_t windows_;
  std::int64_t window_ = 0;
  double count_ = 0;  // in that one
  double sum_ = 0;
  double squares_ = 0;
};

// Calls f(when) of each request, as it will be sent.
template <class F>
void each_request(std::span<const double> gaps_s, F&& f) {
  Elapsed elapsed;
  for (const double gap_s : gaps_s) {
    if (!elapsed.add(gap_s)) return;
    f(elapsed.at());
  }
}

std::optional<double> variation_of(std::span<const double> gaps_s, double mean_s) {
  if (mean_s <= 0) return std::nullopt;
  double squares = 0;
  for (const double gap_s : gaps_s) squares += (gap_s - mean_s) * (gap_s - mean_s);
  return std::sqrt(squares / static_cast<double>(gaps_s.size())) / mean_s;
}

}  // namespace

ProfileFigures figures_of_profile(std::span<const double> gaps_s) {
  ProfileFigures figures;
  if (gaps_s.empty()) return figures;
  const auto count = static_cast<double>(gaps_s.size());
  figures.count = gaps_s.size();
  figures.length_s = std::accumulate(gaps_s.begin(), gaps_s.end(), 0.0);
  if (figures.length_s > 0) figures.rps = count / figures.length_s;
  const auto [least, most] = std::minmax_element(gaps_s.begin(), gaps_s.end());
  figures.gap_min_s = *least;
  figures.gap_max_s = *most;
  figures.gap_variation = variation_of(gaps_s, figures.length_s / count);

  Duration length{0};
  each_request(gaps_s, [&](Duration at) { length = at; });
  std::vector<Windows> windows;
  for (const int size_s : kDispersionWindows_s)
    windows.emplace_back(std::chrono::seconds{size_s}, length);
  each_request(gaps_s, [&](Duration at) {
    for (Windows& one : windows) one.add(at);
  });
  for (std::size_t i = 0; i < windows.size(); ++i) figures.dispersion[i] = windows[i].index();
  return figures;
}

std::vector<double> rates_of_profile(std::span<const double> gaps_s, std::size_t parts) {
  Duration length{0};
  each_request(gaps_s, [&](Duration at) { length = at; });
  if (length <= Duration{0} || parts == 0) return {};
  std::vector<double> rates(parts);
  const double part_ns = static_cast<double>(length.count()) / static_cast<double>(parts);
  each_request(gaps_s, [&](Duration at) {
    // A request at the end of a part is in it.
    const double part = static_cast<double>(at.count() - 1) / part_ns;
    rates[static_cast<std::size_t>(std::clamp(part, 0.0, static_cast<double>(parts - 1)))] += 1;
  });
  for (double& rate : rates) rate /= part_ns / 1e9;
  return rates;
}

}  // namespace galileo::load
