// Telemetry over time, made small: for each node, metric and subsystem at most 600 buckets of mean
// and largest value, and the figures over the whole run. Bounded in the number of series too. Lives
// on one thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "wire/sample.h"

namespace galileo::analysis {

// Samples may come in any order. Once a run is longer than kBucketsMax buckets are wide, all series
// get buckets of twice the width, so that they can be drawn above each other. It can't fail: series
// beyond kSeriesMax are left out, and left_out() says how many samples that were.
class TelemetrySeries {
 public:
  static constexpr std::size_t kBucketsMax = 600;
  static constexpr std::size_t kSeriesMax = 1000;  // some 150 pods' and their nodes'

  // What some samples come to.
  struct Figures {
    double sum = 0;
    double min = 0;
    double max = 0;
    std::uint64_t count = 0;
    void add(double value) { merge({value, value, value, 1}); }
    void merge(const Figures& other);
  };
  using Bucket = Figures;
  struct Series {
    std::string node;
    std::string metric;
    std::string subsystem;
    std::vector<Bucket> buckets;
    Figures whole = {};
  };

  explicit TelemetrySeries(Wall start, Duration width = std::chrono::milliseconds{100})
      : start_(start), width_(width) {}

  void add(const wire::Sample& sample);
  // What the samples from that moment on come to, as far as the buckets tell: those of one that
  // begins sooner are left out. kNoWall: all of them.
  Figures figures(const Series& series, Wall from) const;
  const std::vector<Series>& all() const { return series_; }
  Duration width() const { return width_; }
  Wall start() const { return start_; }
  std::uint64_t left_out() const { return left_out_; }  // samples beyond kSeriesMax series

 private:
  void widen();

  const Wall start_;
  Duration width_;
  std::vector<Series> series_;
  std::unordered_map<std::string, std::size_t> places_;
  std::uint64_t left_out_ = 0;
};

}  // namespace galileo::analysis
