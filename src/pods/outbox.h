// The events that wait to be published, in their order, with what is needed so that none is told
// twice or lost when the bus goes away in the middle: they go out in batches, each in one
// transaction with its number, which is written to a key (the mark; at first it is that of a batch
// 0). Where the answer to a batch doesn't come, the mark says whether it went out. Bounded; the
// oldest are left out first, and an event says how many. No bus and no clock; used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace galileo::pods {

class Outbox {
 public:
  explicit Outbox(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void put(std::string line);

  // What goes out next, and again until it is settled. Empty: nothing waits. `now` is the stamp of
  // what it says itself.
  const std::vector<std::string>& batch(Wall now);
  // The mark that the batch leaves behind.
  std::string mark() const { return std::to_string(number_); }
  // The one that stands there until then.
  std::string mark_before() const { return std::to_string(number_ - 1); }

  // The batch is out.
  void settle();
  // Whether it is out isn't known: the next step is resolve().
  void doubt() { in_doubt_ = true; }
  bool in_doubt() const { return in_doubt_; }
  // By the mark as it is read: this batch's, and it is out; the one's before it, and it isn't; any
  // other or none, and the bus has forgotten something. Then the batch goes out once more, and an
  // event before it says that its events may be told twice.
  void resolve(const std::optional<std::string>& mark, Wall now);

  bool empty() const { return batch_.empty() && waiting_.empty() && left_out_ == 0; }
  std::size_t size() const { return batch_.size() + waiting_.size(); }
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t unsure() const { return unsure_; }
  std::uint64_t made() const { return made_; }  // lines of its own

 private:
  const std::size_t bytes_max_;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::vector<std::string> batch_;
  std::uint64_t number_ = 0;
  bool in_doubt_ = false;
  std::uint64_t left_out_ = 0;  // and not yet said
  std::uint64_t dropped_ = 0;
  std::uint64_t unsure_ = 0;
  std::uint64_t made_ = 0;
};

}  // namespace galileo::pods
