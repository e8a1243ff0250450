#include "apps/unpack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace galileo::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHalfWritten = ".unpacking-";

// A descriptor with one owner.
class Open {
 public:
  explicit Open(int fd) : fd_(fd) {}
  ~Open() {
    if (fd_ >= 0) ::close(fd_);
  }
  Open(Open&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Open& operator=(Open&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Error failed(const std::string& path) {
  return system_error("can't unpack the archive", path, errno);
}

// The folder of an entry, made where it isn't there, from the root down.
Result<Open> folder_in(int root, const std::vector<std::string_view>& parts, std::size_t count,
                       const std::string& path) {
  Open at(fcntl(root, F_DUPFD_CLOEXEC, 0));
  for (std::size_t i = 0; i < count; ++i) {
    const std::string part(parts[i]);
    if (mkdirat(at.get(), part.c_str(), 0755) != 0 && errno != EEXIST) return failed(path);
    at = Open(openat(at.get(), part.c_str(), kFolderFlags));
    if (!at.ok()) return failed(path);
  }
  if (!at.ok()) return failed(path);
  return at;
}

Result<void> write_file(int folder, const std::string& name, const ArchiveEntry& entry,
                        std::string_view bytes) {
  const Open file(openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         entry.is_executable ? 0755 : 0644));
  if (!file.ok()) return failed(entry.path);
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(entry.path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_all(const Archive& archive, std::string_view bytes, int root) {
  for (const ArchiveEntry& entry : archive.entries) {
    const auto parts = split(entry.path, '/');
    const std::size_t folders = parts.size() - (entry.is_folder ? 0 : 1);
    const Open folder = TRY(folder_in(root, parts, folders, entry.path));
    if (entry.is_folder) continue;
    const std::string content = TRY(file_of(archive, entry, bytes));
    TRY(write_file(folder.get(), std::string(parts.back()), entry, content));
  }
  return {};
}

// A folder that is being written has its writer's lock, which goes with the writer.
void remove_left_over(const std::string& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (!entry.path().filename().string().starts_with(kHalfWritten)) continue;
    const Open left(open(entry.path().c_str(), kFolderFlags));
    if (left.ok() && flock(left.get(), LOCK_EX | LOCK_NB) == 0)
      fs::remove_all(entry.path(), ignored);
  }
}

// Goes with all that is in it, unless it has been given its own name.
struct HalfWritten {
  std::string path;
  bool is_whole = false;
  ~HalfWritten() {
    std::error_code ignored;
    if (!is_whole) fs::remove_all(path, ignored);
  }
};

}  // namespace

Result<bool> unpack(const Archive& archive, std::string_view bytes, const std::string& folder,
                    const std::string& name) {
  TRY(make_folders(folder));
  remove_left_over(folder);
  std::string pattern = fmt::format("{}/{}{}-XXXXXX", folder, kHalfWritten, name);
  if (mkdtemp(pattern.data()) == nullptr) return failed(folder);
  HalfWritten half{pattern};
  const Open root(open(pattern.c_str(), kFolderFlags));
  if (!root.ok() || flock(root.get(), LOCK_EX | LOCK_NB) != 0) return failed(pattern);
  TRY(write_all(archive, bytes, root.get()));
  if (fchmod(root.get(), 0755) != 0) return failed(pattern);
  const std::string place = folder + "/" + name;
  // Never onto a file or a link; onto a folder only where that is empty.
  if (rename(pattern.c_str(), place.c_str()) == 0) {
    half.is_whole = true;
    return true;
  }
  if (errno == EEXIST || errno == ENOTEMPTY) return false;
  return failed(place);
}

Result<std::vector<ZipFile>> files_below(const std::string& folder, const ArchiveBounds& bounds) {
  const auto refused = [](const fs::path& path, std::string why) {
    return Error{ErrorCode::kUsage, "can't pack the app", path.string(), std::move(why), {}};
  };
  std::vector<ZipFile> files;
  std::uint64_t all = 0;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::path& path = at->path();
    const auto type = at->symlink_status(error).type();
    if (type == fs::file_type::directory) {
      if (path.filename() == "__pycache__") at.disable_recursion_pending();
      continue;
    }
    if (type != fs::file_type::regular)
      return refused(path, "it is neither a file nor a folder, but a link or a device");
    if (files.size() == bounds.entries_max)
      return refused(folder, fmt::format("it has more than {} files", bounds.entries_max));
    ZipFile file;
    file.path = fs::relative(path, folder, error).string();
    file.bytes = TRY(read_whole_file(path.string(), static_cast<std::size_t>(bounds.bytes_max)));
    file.is_executable =
        (at->status(error).permissions() & fs::perms::owner_exec) != fs::perms::none;
    all += file.bytes.size();
    if (all > bounds.bytes_max)
      return refused(folder, fmt::format("it has more than {} of files",
                                         format_bytes(static_cast<double>(bounds.bytes_max))));
    files.push_back(std::move(file));
  }
  if (error) return system_error("can't pack the app", folder, error.value());
  std::sort(files.begin(), files.end(),
            [](const ZipFile& a, const ZipFile& b) { return a.path < b.path; });
  return files;
}

Result<bool> remove_folder(const std::string& path) {
  std::error_code error;
  const auto count = fs::remove_all(path, error);
  if (error) return system_error("can't remove the folder", path, error.value());
  return count > 0;
}

}  // namespace galileo::apps
