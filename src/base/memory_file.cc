#include "base/memory_file.h"

#include <algorithm>
#include <cerrno>

namespace galileo {

Result<void> MemoryFile::write_at(std::uint64_t offset, std::string_view bytes) {
  ++disk_.writes;
  const std::uint64_t left = disk_.room > offset ? disk_.room - offset : 0;
  const auto fits =
      bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
  if (disk_.bytes.size() < offset + fits.size()) disk_.bytes.resize(offset + fits.size());
  std::copy(fits.begin(), fits.end(), disk_.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  written_ = fits.size();
  if (fits.size() < bytes.size()) return system_error("can't write", path_, ENOSPC);
  return {};
}

Result<std::size_t> MemoryFile::read_at(std::uint64_t offset, char* buffer, std::size_t size) {
  if (!disk_.can_read) return system_error("can't read", path_, EIO);
  if (offset >= disk_.bytes.size()) return std::size_t{0};
  const std::size_t count = disk_.bytes.copy(buffer, size, offset);
  disk_.bytes_read += count;
  return count;
}

Result<void> MemoryFile::allocate(std::uint64_t begin, std::uint64_t end) {
  disk_.reserved.emplace_back(begin, end);
  if (!disk_.can_reserve || end > disk_.room)
    return system_error("can't reserve disk", path_, ENOSPC);
  reserved_end_ = std::max(reserved_end_, end);
  return {};
}

Result<std::uint64_t> MemoryFile::disk_use() {
  return std::max<std::uint64_t>(disk_.bytes.size(), reserved_end_) - disk_.punched;
}

Result<void> MemoryFile::punch(std::uint64_t begin, std::uint64_t end) {
  if (!disk_.can_punch) return system_error("can't give disk back", path_, EOPNOTSUPP);
  const auto at = [&](std::uint64_t i) {
    return disk_.bytes.begin() + static_cast<std::ptrdiff_t>(i);
  };
  std::fill(at(begin), at(end), '\0');
  disk_.punched += end - begin;
  return {};
}

Result<void> MemoryFile::truncate(std::uint64_t size) {
  disk_.bytes.resize(size);
  reserved_end_ = 0;
  return {};
}

Result<void> MemoryFile::sync() {
  if (!disk_.can_sync) return system_error("can't write", path_, EIO);
  return {};
}

bool MemoryFile::lock(bool) {
  return !std::exchange(disk_.is_locked, true);
}

}  // namespace galileo
