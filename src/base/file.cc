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

// A file descriptor that is closed at the end.
struct Descriptor {
  explicit Descriptor(int opened) : fd(opened) {}
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const int fd;
};

// What there is where a file is to be written.
struct Place {
  std::string target;  // where the links of its path lead
  bool is_there = false;
  bool is_folder = false;
  bool replaceable = false;  // a plain file: another may take its place
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;
};

// Follows links also where nothing is at their end yet.
std::string behind_links(std::string path) {
  constexpr int kLinksMax = 40;
  for (int i = 0; i < kLinksMax; ++i) {
    std::error_code none;
    const auto to = std::filesystem::read_symlink(path, none);
    if (none) break;
    path = (std::filesystem::path(path).parent_path() / to).string();
  }
  return path;
}

Place look_at(const std::string& path) {
  Place place;
  place.target = behind_links(path);
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return place;
  place.is_there = true;
  place.is_folder = S_ISDIR(info.st_mode);
  // The links in /proc/self/fd lead to files that may have no name any more.
  struct stat named{};
  place.replaceable = S_ISREG(info.st_mode) && stat(place.target.c_str(), &named) == 0 &&
                      named.st_ino == info.st_ino && named.st_dev == info.st_dev;
  place.mode = info.st_mode & 07777;
  place.owner = info.st_uid;
  place.group = info.st_gid;
  return place;
}

Error it_is_a_folder(const std::string& path) {
  return {ErrorCode::kUsage, "can't write", path, "it is a folder", "name a file in it"};
}

// Whether a file can be made there.
Result<void> check_folder(const Place& place) {
  const std::string folder = std::filesystem::path(place.target).parent_path().string();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) == 0) return {};
  return system_error("can't write", place.target, errno);
}

// Writes into what is there, opened so: a device, a pipe, a file in a folder that can't be written
// to, or behind what a file holds.
Result<void> write_into(const std::string& path, int flags, std::string_view bytes) {
  // A pipe that nobody reads is said, not waited for.
  const Descriptor file(
      open(path.c_str(), flags | O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
  if (file.fd < 0) {
    Error error = system_error("can't write", path, errno);
    if (errno == ENXIO) error.hint = "something has to read from it, or to listen there";
    return error;
  }
  fcntl(file.fd, F_SETFL, fcntl(file.fd, F_GETFL) & ~O_NONBLOCK);
  while (!bytes.empty()) {
    const ssize_t count = write(file.fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("can't write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<File>> open_file(const std::string& path, FileMode mode) {
  const int flags = mode == FileMode::kRead    ? O_RDONLY
                    : mode == FileMode::kWrite ? O_RDWR
                                               : O_RDWR | O_CREAT | O_EXCL;
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return system_error("can't open", path, errno);
  return std::unique_ptr<File>(std::make_unique<RealFile>(fd, path));
}

Result<void> read_in_pieces(const std::string& path,
                            const std::function<Result<void>(std::string_view)>& take) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (file.fd < 0 || fstat(file.fd, &info) != 0) return system_error("can't open", path, errno);
  if (S_ISDIR(info.st_mode))
    return Error{ErrorCode::kUsage, "can't read", path, "it is a folder", "name a file in it"};
  std::string piece(std::size_t{256} << 10, '\0');
  while (true) {
    const ssize_t count = read(file.fd, piece.data(), piece.size());
    if (count == 0) return {};
    if (count > 0)
      TRY(take(std::string_view(piece).substr(0, static_cast<std::size_t>(count))));
    else if (errno != EINTR)
      return system_error("can't read", path, errno);
  }
}

Result<std::string> read_whole_file(const std::string& path, std::size_t size_max) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (file.fd < 0 || fstat(file.fd, &info) != 0) return system_error("can't open", path, errno);
  if (S_ISDIR(info.st_mode))
    return Error{ErrorCode::kUsage, "can't read", path, "it is a folder", "name a file in it"};
  // A file takes no more memory than its size, a pipe pieces that grow, whatever the limit is. A
  // pipe gives what it has, so that the end is where there is nothing more.
  constexpr std::size_t kPiece = std::size_t{64} << 10;
  std::string bytes;
  if (S_ISREG(info.st_mode))
    bytes.reserve(std::min(static_cast<std::size_t>(info.st_size), size_max) + kPiece);
  while (bytes.size() <= size_max) {
    const std::size_t before = bytes.size();
    if (bytes.capacity() - before < kPiece) bytes.reserve(2 * before + kPiece);
    bytes.resize(std::min(bytes.capacity(), size_max + 1));
    const ssize_t count = read(file.fd, bytes.data() + before, bytes.size() - before);
    const int error_number = errno;
    bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) break;
    if (count < 0 && error_number != EINTR) return system_error("can't read", path, error_number);
  }
  if (bytes.size() > size_max)
    return Error{ErrorCode::kUsage,
                 "can't read",
                 path,
                 fmt::format("it is larger than {} bytes", size_max),
                 {}};
  return bytes;
}

Result<void> check_writable(const std::string& path) {
  const Place place = look_at(path);
  if (place.is_folder) return it_is_a_folder(path);
  if (place.is_there && access(path.c_str(), W_OK) != 0)
    return system_error("can't write", path, errno);
  if (place.is_there) return {};
  return check_folder(place);
}

Result<void> append_to_file(const std::string& path, std::string_view bytes) {
  return write_into(path, O_APPEND | O_CREAT, bytes);
}

Result<void> write_whole_file(const std::string& path, std::string_view bytes) {
  const Place place = look_at(path);
  if (place.is_folder) return it_is_a_folder(path);
  if (place.is_there && access(path.c_str(), W_OK) != 0)
    return system_error("can't write", path, errno);
  // In a folder that is read-only, a file that isn't can be written over all the same.
  if (place.is_there && (!place.replaceable || !check_folder(place).ok()))
    return write_into(path, O_TRUNC, bytes);
  const std::string beside = fmt::format("{}.{}.part", place.target, getpid());
  std::remove(beside.c_str());
  const auto file = open_file(beside, FileMode::kCreate);
  if (!file.ok()) return Error{ErrorCode::kIo, "can't write", path, file.error().why, {}};
  const auto written = (*file)->write_at(0, bytes);
  if (!written.ok()) {
    std::remove(beside.c_str());
    return written.error();
  }
  if (place.is_there) {
    // Whose it is, and who may read it, stays; where that is denied, it is ours.
    static_cast<void>(!chown(beside.c_str(), place.owner, place.group));
    static_cast<void>(!chmod(beside.c_str(), place.mode));
  }
  if (std::rename(beside.c_str(), place.target.c_str()) != 0) {
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
