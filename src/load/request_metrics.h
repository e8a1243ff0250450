// What requests came to, as monitoring systems count it: counters and histograms with fixed buckets
// that only ever grow, by client and service. Labels are of bounded sets: what would make the page
// longer than kPageMost counts as a client "_other", and so does a reason. Value; lives on one
// thread, and is copied for others.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "wire/trace.h"

namespace galileo::load {

// The upper bounds of their buckets, in seconds; the last one has none. Those that OpenTelemetry
// advises for requests are among the first.
inline constexpr std::array<double, 17> kDurationBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                        0.05,   0.075, 0.1,    0.25,  0.5,  0.75,
                                                        1,      2.5,   5,      7.5,   10};
inline constexpr std::array<double, 9> kDelayBounds{0.00001, 0.0001, 0.0005, 0.001, 0.005,
                                                    0.01,    0.05,   0.1,    1};

template <std::size_t kBounds>
struct Buckets {
  std::array<std::uint64_t, kBounds + 1> counts{};  // each its own, not those below it
  std::uint64_t count = 0;
  double sum_s = 0;

  void add(Duration value, const std::array<double, kBounds>& bounds) {
    const double value_s = to_seconds(value);
    std::size_t bucket = 0;
    while (bucket < kBounds && value_s > bounds[bucket]) ++bucket;
    ++counts[bucket];
    ++count;
    sum_s += value_s;
  }
};

// A client without its worker and its number: "w:shop:7" is "shop".
std::string_view client_label(std::string_view client);

class RequestMetrics {
 public:
  static constexpr std::size_t kPageMost = std::size_t{60} << 10;  // of 64 KiB, with all else
  static constexpr std::size_t kLabelMost = 64;                    // characters

  using Durations = Buckets<kDurationBounds.size()>;
  using Delays = Buckets<kDelayBounds.size()>;
  // Of a client's requests to a service.
  struct Row {
    std::string client;
    std::string service;
    std::string labels;          // both, as the page has them
    std::uint64_t answered = 0;  // a status that is no failure
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    std::map<std::string, std::uint64_t, std::less<>> failed;  // by reason
    // By the first digit of the status, "2xx" ("other" from 600 on); "none": no answer came. Of
    // requests that went out.
    std::map<std::string, Durations, std::less<>> durations;
    Delays delays;
  };

  // A request that is over; `names` are those of its producer, which stays.
  void add(const wire::Trace& trace, const wire::Names& names);

  const std::vector<Row>& rows() const { return rows_; }
  std::uint64_t traces() const { return traces_; }
  std::uint64_t left() const { return left_; }  // of them, that left or tried to
  std::uint64_t answered() const { return answered_; }
  std::uint64_t failed() const { return failed_; }  // of those that left

  // Prometheus' text format 0.0.4, without what is of a whole run.
  std::string page() const;

 private:
  Row& row_of(const wire::Trace& trace, const wire::Names& names);
  std::size_t row_named(std::string_view client, std::string_view service);
  bool has_room(std::size_t size);

  // Which row a producer's clients have.
  struct Known {
    const wire::Names* names = nullptr;
    std::vector<std::uint32_t> rows;  // by the client's name; 0: not looked for
  };
  std::vector<Row> rows_;
  std::vector<Known> known_;
  std::size_t page_size_ = 0;  // at most
  std::uint64_t traces_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace galileo::load
