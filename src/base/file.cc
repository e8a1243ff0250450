#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace galileo {
namespace {

class RealFile final : public File {
 public:
  RealFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~RealFile() override { close(fd_); }

  Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    written_ = 0;
    while (!bytes.empty()) {
      const ssize_t count = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return failed("can't write", errno);
      bytes.remove_prefix(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
      written_ += static_cast<std::uint64_t>(count);
    }
    return {};
  }
  std::uint64_t written() const override { return written_; }

  Result<std::size_t> read_at(std::uint64_t offset, char* buffer, std::size_t size) override {
    std::size_t total = 0;
    while (total < size) {
      const ssize_t count =
          pread(fd_, buffer + total, size - total, static_cast<off_t>(offset + total));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("can't read", errno);
      if (count == 0) break;
      total += static_cast<std::size_t>(count);
    }
    return total;
  }

  Result<void> allocate(std::uint64_t begin, std::uint64_t end) override {
    int code = 0;
    do {
      code = fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                       static_cast<off_t>(end - begin));
    } while (code != 0 && errno == EINTR);
    if (code != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
      return failed("can't reserve disk", errno);
    return {};
  }

  Result<void> punch(std::uint64_t begin, std::uint64_t end) override {
    int code = 0;
    do {
      code = fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(begin),
                       static_cast<off_t>(end - begin));
    } while (code != 0 && errno == EINTR);
    if (code != 0) return failed("can't give disk back", errno);
    return {};
  }
  Result<std::uint64_t> disk_use() override {
    constexpr std::uint64_t kBlock = 512;  // whatever the file system's is
    struct stat info{};
    if (fstat(fd_, &info) != 0) return failed("can't look at", errno);
    return static_cast<std::uint64_t>(info.st_blocks) * kBlock;
  }
  std::uint64_t next_data(std::uint64_t from) override {
    const off_t at = lseek(fd_, static_cast<off_t>(from), SEEK_DATA);
    if (at >= 0) return static_cast<std::uint64_t>(at);
    return errno == ENXIO ? size().value_or(from) : from;
  }

  Result<std::uint64_t> size() override {
    struct stat info{};
    if (fstat(fd_, &info) != 0) return failed("can't look at", errno);
    return static_cast<std::uint64_t>(info.st_size);
  }
  Result<void> truncate(std::uint64_t size) override {
    if (ftruncate(fd_, static_cast<off_t>(size)) != 0) return failed("can't cut", errno);
    return {};
  }

  Result<void> sync() override {
    if (fdatasync(fd_) != 0) return failed("can't write", errno);
    return {};
  }

  bool lock(bool wait) override {
    int code = 0;
    do {
      code = flock(fd_, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    } while (code != 0 && errno == EINTR);
    return code == 0;
  }
  bool is_there() override {
    struct stat ours{};
    struct stat there{};
    return fstat(fd_, &ours) == 0 && stat(path_.c_str(), &there) == 0 &&
           ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
  }
  const std::string& path() const override { return path_; }

 private:
  Error failed(const char* what, int error_number) const {
    Error error = system_error(what, path_, error_number);
    if (error_number == ENOSPC) error.hint = "free some disk, or name a folder on another one";
    return error;
  }

  const int fd_;
  const std::string path_;
  std::uint64_t written_ = 0;
};

}  // namespace

Result<std::unique_ptr<File>> open_file(const std::string& path, FileMode mode) {
  const int flags = mode == FileMode::kRead    ? O_RDONLY
                    : mode == FileMode::kWrite ? O_RDWR
                                               : O_RDWR | O_CREAT | O_EXCL;
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return system_error("can't open", path, errno);
  return std::unique_ptr<File>(std::make_unique<RealFile>(fd, path));
}

Result<std::string> read_whole_file(const std::string& path, std::size_t size_max) {
  const auto file = TRY(open_file(path, FileMode::kRead));
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return Error{ErrorCode::kUsage, "can't read", path, "it is a folder", "name a file in it"};
  // In pieces that grow, so that a small file takes little memory whatever the limit is.
  std::string bytes;
  std::size_t piece = std::size_t{64} << 10;
  while (bytes.size() <= size_max) {
    const std::size_t before = bytes.size();
    bytes.resize(std::min(before + piece, size_max + 1));
    const std::size_t wanted = bytes.size() - before;
    const std::size_t count = TRY(file->read_at(before, bytes.data() + before, wanted));
    bytes.resize(before + count);
    if (count < wanted) break;
    piece = bytes.size();
  }
  if (bytes.size() > size_max)
    return Error{ErrorCode::kUsage,
                 "can't read",
                 path,
                 fmt::format("it is larger than {} bytes", size_max),
                 {}};
  return bytes;
}

Result<void> write_whole_file(const std::string& path, std::string_view bytes) {
  const std::string beside = fmt::format("{}.{}.part", path, getpid());
  {
    std::remove(beside.c_str());
    const auto file = TRY(open_file(beside, FileMode::kCreate));
    const auto written = file->write_at(0, bytes);
    if (!written.ok()) {
      std::remove(beside.c_str());
      return written.error();
    }
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    const int error_number = errno;
    std::remove(beside.c_str());
    return system_error("can't write", path, error_number);
  }
  return {};
}

Result<void> make_folders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return system_error("can't make the folder", path, error.value());
  return {};
}

}  // namespace galileo
