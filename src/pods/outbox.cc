#include "pods/outbox.h"

#include <fmt/format.h>

#include <utility>

#include "wire/event_line.h"

namespace galileo::pods {
namespace {

// In one transaction: a server does nothing else meanwhile.
constexpr std::size_t kLinesAtOnce = 500;
constexpr std::size_t kBytesAtOnce = std::size_t{512} << 10;

std::string line_of(const char* name, std::uint64_t events, Wall now) {
  std::string line;
  wire::append_event_line(line, {now, name, fmt::format(R"({{"events":{}}})", events)});
  return line;
}

}  // namespace

void Outbox::put(std::string line) {
  waiting_bytes_ += line.size();
  waiting_.push_back(std::move(line));
  while (waiting_bytes_ > bytes_max_ && waiting_.size() > 1) {
    waiting_bytes_ -= waiting_.front().size();
    waiting_.pop_front();
    ++left_out_;
    ++dropped_;
  }
}

const std::vector<std::string>& Outbox::batch(Wall now) {
  if (!batch_.empty() || empty()) return batch_;
  ++number_;
  // Where they are missing: before what comes after them.
  if (left_out_ > 0) {
    batch_.push_back(line_of("adapter/lost", std::exchange(left_out_, 0), now));
    ++made_;
  }
  std::size_t bytes = 0;
  while (!waiting_.empty() && batch_.size() < kLinesAtOnce && bytes < kBytesAtOnce) {
    bytes += waiting_.front().size();
    waiting_bytes_ -= waiting_.front().size();
    batch_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch_;
}

void Outbox::settle() {
  batch_.clear();
  in_doubt_ = false;
}

void Outbox::resolve(const std::optional<std::string>& mark, Wall now) {
  if (!in_doubt_) return;
  in_doubt_ = false;
  if (mark == this->mark()) {
    settle();
  } else if (mark != mark_before()) {
    unsure_ += batch_.size();
    batch_.insert(batch_.begin(), line_of("adapter/unsure", batch_.size(), now));
    ++made_;
  }
}

}  // namespace galileo::pods
