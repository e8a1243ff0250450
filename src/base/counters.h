// Counts and flags that one thread makes and others read.
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

// Yes or no, set by one thread and read by others, who may see it a moment late.
class RelaxedFlag {
 public:
  void set(bool value) { value_.store(value, std::memory_order_relaxed); }
  bool load() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> value_{false};
};

}  // namespace galileo
