// The requests of a replay or a targets file: a list that may be long, made once a process and read
// by all clients on all loops. The same text is kept once, so that a million requests of a log need
// 24 bytes each and the texts that differ: 30 MB where they have a thousand paths, 100 MB where
// each is another one of 70 bytes. Made on one thread; from then on it doesn't change, and any
// thread reads it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "wire/http1.h"

namespace galileo::load {

// Texts, each kept once, by number. Number 0 stands for no text at all.
class TextTable {
 public:
  std::uint32_t add(std::string_view text);
  std::string_view text(std::uint32_t number) const { return texts_[number]; }
  std::size_t bytes() const { return bytes_; }
  // What finding equal texts needs is given back; nothing is added any more.
  void close();

 private:
  char* room_for(std::size_t size);
  void grow();

  std::vector<std::string_view> texts_{{}};
  std::vector<std::uint32_t> slots_;  // numbers by hash; 0: empty
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::unique_ptr<char[]>> large_;
  std::size_t left_ = 0;  // of the last block
  std::size_t bytes_ = 0;
};

class RequestList {
 public:
  struct Entry {
    Duration at{0};  // since the first one; of a list without times 0
    std::uint32_t method = 0;
    std::uint32_t target = 0;
    std::uint32_t headers = 0;  // "Name\nvalue\n..."
    std::uint32_t body = 0;     // 0: none, which differs from an empty one
  };

  // A request with nothing but what is given; its place is behind all others.
  void add(Duration at, std::string_view method, std::string_view target,
           const wire::http1::Headers& headers, const std::string* body);
  void close() { texts_.close(); }

  std::size_t size() const { return entries_.size(); }
  std::vector<Entry>& entries() { return entries_; }
  const std::vector<Entry>& entries() const { return entries_; }
  std::string_view text(std::uint32_t number) const { return texts_.text(number); }
  // Calls f(name, value) for each header of the entry, in their order.
  template <class F>
  void each_header(const Entry& entry, F&& f) const {
    std::string_view rest = text(entry.headers);
    while (!rest.empty()) {
      const std::string_view name = take_line(rest);
      f(name, take_line(rest));
    }
  }
  // What it needs of memory.
  std::size_t bytes() const;

 private:
  static std::string_view take_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
  }

  TextTable texts_;
  std::vector<Entry> entries_;
  std::string scratch_;
};

}  // namespace galileo::load
