#include "wire/histogram.h"

#include <fmt/format.h>

#include <iterator>
#include <limits>

#include "base/text.h"
#include "base/utf8.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kVersion = "h1";
constexpr std::size_t kHeadWords = 6;

Error no_histogram(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the histogram", {}, std::move(why), {}};
}

Error no_word(std::string_view word, std::string_view wanted) {
  return no_histogram(fmt::format("'{}' is not {}", make_utf8(word.substr(0, 40)), wanted));
}

// A whole number from `least` to `most`.
std::optional<std::int64_t> whole(std::string_view text, std::int64_t least, std::int64_t most) {
  const std::optional<std::int64_t> number = parse_integer(text);
  return number && *number >= least && *number <= most ? number : std::nullopt;
}

Result<Histogram::Grain> read_grain(std::string_view word) {
  for (const auto grain : {Histogram::Grain::kFine, Histogram::Grain::kCoarse}) {
    if (parse_integer(word) == static_cast<std::int64_t>(grain)) return grain;
  }
  return no_word(word, "a grain");
}

Result<Duration> read_duration(std::string_view word) {
  const auto ns = whole(word, 0, std::numeric_limits<std::int64_t>::max());
  if (!ns) return no_word(word, "a number of nanoseconds");
  return Duration{*ns};
}

Result<double> read_sum(std::string_view word) {
  const std::optional<double> sum = parse_number(word);
  if (!sum) return no_word(word, "a sum");
  return *sum;
}

// "17:2,1" behind the buckets that are there already.
Result<void> read_run(std::string_view run, std::vector<std::uint32_t>& counts,
                      std::size_t buckets_max) {
  const std::size_t colon = run.find(':');
  const auto room = static_cast<std::int64_t>(buckets_max - counts.size());
  const auto empty = whole(run.substr(0, colon), counts.empty() ? 0 : 1, room);
  if (colon == std::string_view::npos || !empty) return no_word(run, "a run of buckets");
  counts.resize(counts.size() + static_cast<std::size_t>(*empty));
  for (const std::string_view word : split(run.substr(colon + 1), ',')) {
    const auto count = whole(word, 1, std::numeric_limits<std::uint32_t>::max());
    if (!count) return no_word(word, "a bucket's count");
    if (counts.size() == buckets_max) return no_histogram("it has more buckets than there are");
    counts.push_back(static_cast<std::uint32_t>(*count));
  }
  return {};
}

}  // namespace

std::string encode_histogram(const Histogram& histogram) {
  const Histogram::State state = histogram.state();
  std::string text =
      fmt::format("{} {} {} {} {} {}", kVersion, static_cast<int>(state.grain), state.min.count(),
                  state.max.count(), state.sum_ns, state.sum_squares_ns);
  std::size_t empty = 0;
  bool in_run = false;
  for (const std::uint32_t count : state.counts) {
    if (count == 0) {
      ++empty;
      in_run = false;
      continue;
    }
    if (in_run)
      fmt::format_to(std::back_inserter(text), ",{}", count);
    else
      fmt::format_to(std::back_inserter(text), " {}:{}", empty, count);
    in_run = true;
    empty = 0;
  }
  return text;
}

Result<Histogram> decode_histogram(std::string_view text) {
  if (text.size() > kHistogramTextMax)
    return no_histogram(
        fmt::format("it has {} bytes, more than {}", text.size(), kHistogramTextMax));
  const std::vector<std::string_view> words = split(text, ' ');
  if (words[0] != kVersion) return no_word(words[0], "a version that is known");
  if (words.size() < kHeadWords) return no_histogram("it is cut");
  Histogram::State state;
  state.grain = TRY(read_grain(words[1]));
  state.min = TRY(read_duration(words[2]));
  state.max = TRY(read_duration(words[3]));
  state.sum_ns = TRY(read_sum(words[4]));
  state.sum_squares_ns = TRY(read_sum(words[5]));
  const std::size_t buckets_max = Histogram::buckets_max(state.grain);
  for (std::size_t i = kHeadWords; i < words.size(); ++i)
    TRY(read_run(words[i], state.counts, buckets_max));
  std::optional<Histogram> histogram = Histogram::of_state(std::move(state));
  if (!histogram) return no_histogram("its values contradict each other");
  return std::move(*histogram);
}

}  // namespace galileo::wire
