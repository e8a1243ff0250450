// A File in memory for tests and fuzzers, on a disk that fails on purpose. Any number of
// MemoryFiles may share a MemoryDisk, as readers and the writer share a file; it outlives them. One
// thread.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"

namespace galileo {

// What the file holds, and what goes wrong with it from now on.
struct MemoryDisk {
  std::string bytes;
  std::uint64_t room = std::numeric_limits<std::uint64_t>::max();  // bytes that fit on it
  bool can_read = true;
  bool can_sync = true;
  bool can_reserve = true;
  bool can_punch = true;
  bool is_locked = false;
  // Begin and end of each call of allocate().
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reserved = {};
  std::uint64_t punched = 0;  // bytes
  int writes = 0;
  std::uint64_t bytes_read = 0;
};

class MemoryFile final : public File {
 public:
  explicit MemoryFile(MemoryDisk& disk) : disk_(disk) {}

  // Without room for all of it, what fits is written and the rest fails with ENOSPC, as on a disk.
  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override;
  std::uint64_t written() const override { return written_; }
  Result<std::size_t> read_at(std::uint64_t offset, char* buffer, std::size_t size) override;
  Result<std::uint64_t> size() override { return disk_.bytes.size(); }
  Result<void> allocate(std::uint64_t begin, std::uint64_t end) override;
  Result<void> punch(std::uint64_t begin, std::uint64_t end) override;
  Result<std::uint64_t> disk_use() override;
  // Answers as a file system that doesn't know, or a copy whose holes were filled with zeros.
  std::uint64_t next_data(std::uint64_t from) override { return from; }
  Result<void> truncate(std::uint64_t size) override;
  Result<void> sync() override;
  bool lock(bool wait = false) override;
  bool is_there() override { return true; }
  const std::string& path() const override { return path_; }

 private:
  MemoryDisk& disk_;
  const std::string path_ = "memory";
  std::uint64_t written_ = 0;
  std::uint64_t reserved_end_ = 0;
};

}  // namespace galileo
