#include "load/profile_segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>

#include "base/portable_math.h"
#include "base/random.h"
#include "base/text.h"
#include "load/arrival.h"
#include "load/distribution.h"

namespace galileo::load {
namespace {

// As many as a profile's file may have (plan/profile.cc).
constexpr std::size_t kGapsMax = 20'000'000;

// A rate that is looked at when the next gap is drawn.
class SampledRate {
 public:
  virtual ~SampledRate() = default;
  virtual double at(double seconds, Random& random) = 0;
};

class ConstantSampled final : public SampledRate {
 public:
  explicit ConstantSampled(double rps) : rps_(rps) {}
  double at(double, Random&) override { return rps_; }

 private:
  const double rps_;
};

class SineSampled final : public SampledRate {
 public:
  SineSampled(double max_rps, double period_s) : max_rps_(max_rps), period_s_(period_s) {}
  double at(double seconds, Random&) override {
    return (portable::sin_turns(seconds / period_s_) + 1) / 2 * max_rps_;
  }

 private:
  const double max_rps_;
  const double period_s_;
};

class RandomWalkSampled final : public SampledRate {
 public:
  RandomWalkSampled(double mu, double sigma, double max_rps, double min_rps)
      : mu_(mu), sigma_(sigma), max_rps_(max_rps), min_rps_(min_rps) {}
  double at(double, Random& random) override {
    const double drawn = random.normalvariate(mu_, sigma_);
    if (drawn >= max_rps_) return max_rps_;
    if (drawn <= min_rps_) return min_rps_;
    return mu_ = drawn;
  }

 private:
  double mu_;  // stays where a draw is at a bound
  const double sigma_;
  const double max_rps_;
  const double min_rps_;
};

using Made = Result<std::unique_ptr<SampledRate>>;

Made sampled_constant(const std::vector<double>& p) {
  TRY(check_rates("constant", p));
  return std::unique_ptr<SampledRate>(std::make_unique<ConstantSampled>(p[0]));
}

Made sampled_sine(const std::vector<double>& p) {
  TRY(check_rates("sine", {p[0]}));
  if (p[1] <= 0)
    return wrong_arrival(fmt::format("sine can't have a period of {} s", p[1]), "give one above 0");
  return std::unique_ptr<SampledRate>(std::make_unique<SineSampled>(p[0], p[1]));
}

Made sampled_random_walk(const std::vector<double>& p) {
  const double min = p.size() > 3 ? p[3] : 0;
  TRY(check_rates("random_walk", {p[2], min}));
  if (p[1] < 0 || p[2] < min)
    return wrong_arrival(fmt::format("random_walk({}) has no such walk", fmt::join(p, ", ")),
                         "it needs sigma >= 0 and max >= min");
  return std::unique_ptr<SampledRate>(std::make_unique<RandomWalkSampled>(p[0], p[1], p[2], min));
}

struct RateMaker {
  ProfileRateRow row;
  Made (*make)(const std::vector<double>& parameters);
};
constexpr std::array kRates{
#define PROFILE_RATE(name, parameters, fewest, most, text) \
  RateMaker{{#name, parameters, fewest, most, text}, &sampled_##name},
#include "load/profile_rates.def"
#undef PROFILE_RATE
};

std::vector<std::string> rate_names() {
  std::vector<std::string> names;
  for (const RateMaker& rate : kRates) names.emplace_back(rate.row.name);
  return names;
}

Made make_sampled(const ProfileSegment& segment) {
  const auto rate = std::find_if(kRates.begin(), kRates.end(), [&](const RateMaker& one) {
    return one.row.name == segment.rate;
  });
  if (rate == kRates.end())
    return wrong_arrival(fmt::format("unknown rate '{}'", segment.rate),
                         hint_for_unknown(segment.rate, rate_names()));
  const std::size_t count = segment.parameters.size();
  if (count < rate->row.fewest || count > rate->row.most)
    return wrong_arrival(fmt::format("{} can't have {} parameters", segment.rate, count),
                         fmt::format("it takes ({})", rate->row.parameters));
  return rate->make(segment.parameters);
}

// Takes "WORD" or "WORD VALUE" off the words.
Result<void> read_word(const std::vector<std::string_view>& words, std::size_t& at,
                       ProfileSegment& segment) {
  const std::string_view word = words[at++];
  if (word == "static" || word == "exponential") {
    segment.exponential = word == "exponential";
    return {};
  }
  const std::vector<std::string> known{"for", "static", "exponential", "scale", "max"};
  if (std::find(known.begin(), known.end(), word) == known.end())
    return wrong_arrival(fmt::format("unknown word '{}'", word), hint_for_unknown(word, known));
  if (at == words.size()) return wrong_arrival(fmt::format("nothing stands behind '{}'", word), {});
  const std::string_view value = words[at++];
  if (word == "scale") {
    const auto scale = parse_number(value);
    if (!scale || *scale <= 0)
      return wrong_arrival(fmt::format("'{}' isn't a scale", value), "give a number above 0");
    segment.scale = *scale;
    return {};
  }
  const auto time = parse_duration(value);
  if (!time.ok()) {
    Error error = time.error();
    error.what = fmt::format("'{}' behind '{}' isn't a time", value, word);
    return error;
  }
  // Divided, not multiplied, so that 30s is 30 and not 30.000000000000004.
  (word == "for" ? segment.seconds : segment.gap_max_s) = static_cast<double>(time->count()) / 1e9;
  return {};
}

}  // namespace

const std::vector<ProfileRateRow>& profile_rate_rows() {
  static const std::vector<ProfileRateRow> rows = [] {
    std::vector<ProfileRateRow> list;
    for (const RateMaker& rate : kRates) list.push_back(rate.row);
    return list;
  }();
  return rows;
}

Result<ProfileSegment> parse_profile_segment(std::string_view text) {
  const std::size_t close = text.find(')');
  const Call call = TRY(parse_call(text.substr(0, close == text.npos ? close : close + 1)));
  ProfileSegment segment;
  segment.rate = call.name;
  segment.parameters = call.arguments;
  TRY(make_sampled(segment));
  std::vector<std::string_view> words;
  for (const std::string_view word : split(text.substr(close + 1), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  for (std::size_t at = 0; at < words.size();) TRY(read_word(words, at, segment));
  if (segment.seconds <= 0)
    return wrong_arrival(fmt::format("'{}' doesn't say for how long", trim(text)),
                         "write for example sine(100, 60) for 10m");
  if (segment.gap_max_s <= 0)
    return wrong_arrival("gaps of 0 s at most have no end", "give a max above 0");
  if (segment.scale != 1 && !segment.exponential)
    return wrong_arrival("a scale is of exponential gaps only",
                         "write exponential, or leave it out");
  return segment;
}

Result<std::vector<double>> make_profile(const std::vector<ProfileSegment>& segments,
                                         std::uint64_t seed) {
  Random random(seed);
  std::vector<double> gaps_s;
  double begins_s = 0;
  for (const ProfileSegment& segment : segments) {
    const auto rate = TRY(make_sampled(segment));
    const double ends_s = begins_s + segment.seconds;
    for (double at_s = begins_s; at_s < ends_s; at_s += gaps_s.back()) {
      const double rps = rate->at(at_s, random);
      double gap_s = std::numeric_limits<double>::infinity();
      if (segment.exponential)
        gap_s = (rps > 0 ? random.expovariate(rps) : 1) * segment.scale;
      else if (rps > 0)
        gap_s = 1 / rps;
      gap_s = std::min(gap_s, segment.gap_max_s);
      if (!std::isfinite(gap_s))
        return wrong_arrival(
            fmt::format("the rate {} is 0 at {} s, and the gap has no end", segment.rate, at_s),
            "bound it by max, as in: sine(100, 60) for 10m max 1s");
      if (gaps_s.size() == kGapsMax)
        return wrong_arrival(
            fmt::format("the profile has more than {} gaps", format_count(kGapsMax)),
            "make it shorter, or its rates lower");
      gaps_s.push_back(gap_s);
    }
    begins_s = ends_s;
  }
  return gaps_s;
}

}  // namespace galileo::load
