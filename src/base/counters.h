// Counts that one thread makes and others read.
#pragma once

#include <atomic>
#include <cstdint>

namespace galileo {

// One writer, any number of readers; a reader may see a count a moment old.
class RelaxedCounter {
 public:
  void add(std::uint64_t n) {
    count_.store(count_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t load() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace galileo
