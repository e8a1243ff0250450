// Bounded queues between two threads. This is one of the few places with atomics.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace galileo {

// A ring of messages of any size from one thread to one other, without locks or system calls.
// When full, push() refuses and the caller counts the loss: the data plane never waits.
// Messages are 8-byte aligned in the ring. One thread pushes, one drains; make and destroy it on
// either, while the other isn't there.
class MessageRing {
 public:
  // `bytes` is rounded up to a power of two; a message may take up to a quarter of it.
  explicit MessageRing(std::size_t bytes)
      : size_(std::bit_ceil(bytes)), bytes_(new std::byte[std::bit_ceil(bytes)]) {}

  // Copies the parts, one after the other, as one message.
  bool push(std::string_view head, std::string_view middle = {}, std::string_view tail = {}) {
    const std::size_t payload = head.size() + middle.size() + tail.size();
    const std::size_t whole = aligned(kHeader + payload);
    if (whole > size_ / 4) return false;
    std::size_t at = write_ & (size_ - 1);
    const std::size_t to_end = size_ - at;
    const std::size_t skip = to_end < whole ? to_end : 0;
    if (!has_room(whole + skip)) return false;
    if (skip > 0) {
      put_header(at, kSkip);  // the rest of the ring is too short: go on at its start
      at = 0;
    }
    put_header(at, static_cast<std::uint64_t>(payload));
    std::byte* to = bytes_.get() + at + kHeader;
    copy(to, head);
    copy(to, middle);
    copy(to, tail);
    write_ += whole + skip;
    written_.store(write_, std::memory_order_release);
    return true;
  }

  // Calls f(message) for each message there; the bytes are valid during the call.
  template <class F>
  std::size_t drain(F&& f) {
    std::size_t count = 0;
    const std::uint64_t end = written_.load(std::memory_order_acquire);
    std::uint64_t at = read_.load(std::memory_order_relaxed);
    while (at != end) {
      const std::size_t offset = at & (size_ - 1);
      std::uint64_t payload = 0;
      std::memcpy(&payload, bytes_.get() + offset, kHeader);
      if (payload == kSkip) {
        at += size_ - offset;
        continue;
      }
      const auto* message = reinterpret_cast<const char*>(bytes_.get() + offset + kHeader);
      f(std::string_view(message, payload));
      at += aligned(kHeader + payload);
      // Freed message by message: the producer needn't wait for the whole batch.
      read_.store(at, std::memory_order_release);
      ++count;
    }
    read_.store(at, std::memory_order_release);
    return count;
  }

 private:
  static constexpr std::size_t kHeader = sizeof(std::uint64_t);
  static constexpr std::uint64_t kSkip = ~std::uint64_t{0};

  static std::size_t aligned(std::size_t size) { return (size + 7) & ~std::size_t{7}; }
  static void copy(std::byte*& to, std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  }
  void put_header(std::size_t at, std::uint64_t value) {
    std::memcpy(bytes_.get() + at, &value, kHeader);
  }
  bool has_room(std::size_t needed) {
    if (write_ + needed - read_seen_ <= size_) return true;
    read_seen_ = read_.load(std::memory_order_acquire);
    return write_ + needed - read_seen_ <= size_;
  }

  const std::size_t size_;
  const std::unique_ptr<std::byte[]> bytes_;
  // Each side's own line of cache, so that they don't take it from each other.
  alignas(64) std::uint64_t write_ = 0;  // producer's
  std::uint64_t read_seen_ = 0;          // producer's view of read_
  alignas(64) std::atomic<std::uint64_t> written_{0};
  alignas(64) std::atomic<std::uint64_t> read_{0};
};

}  // namespace galileo
