#include "telemetry/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/result.h"
#include "base/text.h"

namespace galileo::telemetry {

KeptFile::~KeptFile() {
  if (fd_ >= 0) close(fd_);
}

KeptFile::KeptFile(KeptFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

// Reads up to where nothing more comes: the kernel hands out a long file (/proc/net/dev,
// /proc/cpuinfo) by the page, so that less than was asked for isn't the end.
std::optional<std::string_view> KeptFile::read_open(std::string& buffer) {
  constexpr std::size_t kMost = std::size_t{8} << 20;
  if (buffer.size() < 4096) buffer.resize(4096);
  std::size_t total = 0;
  while (true) {
    if (total == buffer.size()) {
      if (buffer.size() >= kMost) return std::nullopt;
      buffer.resize(buffer.size() * 2);
    }
    const ssize_t count =
        pread(fd_, buffer.data() + total, buffer.size() - total, static_cast<off_t>(total));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::nullopt;
    if (count == 0) return std::string_view(buffer).substr(0, total);
    total += static_cast<std::size_t>(count);
  }
}

std::optional<std::string_view> KeptFile::read_into(std::string& buffer) {
  if (fd_ >= 0) {
    if (const auto text = read_open(buffer)) return text;
    close(fd_);
  }
  // A pipe in the place of a file isn't waited for.
  fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return fd_ >= 0 ? read_open(buffer) : std::nullopt;
}

std::string text_of_file(const std::string& path) {
  return std::string(trim(KeptFile(path).read().value_or("")));
}

// Looked at before it is opened: opening alone would wake a pipe's writer, or start a device.
OwnFile begin_of_file(const std::string& path, std::size_t size_max) {
  const auto failed = [](int error) {
    return OwnFile{{}, error == ENOENT || error == ENOTDIR, system_error({}, {}, error).why};
  };
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return failed(errno);
  if (S_ISDIR(info.st_mode)) return {{}, false, "it is a folder"};
  if (!S_ISREG(info.st_mode))
    return {{}, false, "it isn't a file: its bytes have to be waited for"};
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return failed(errno);
  std::string text(size_max, '\0');
  std::size_t total = 0;
  ssize_t count = 1;
  while (total < size_max && count > 0) {
    count = ::read(fd, text.data() + total, size_max - total);
    if (count > 0) total += static_cast<std::size_t>(count);
    if (count < 0 && errno == EINTR) count = 1;
  }
  const int error = errno;
  close(fd);
  if (count < 0) return failed(error);
  text.resize(total);
  return {std::move(text), false, {}};
}

std::optional<Identity> identity_of(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return Identity{info.st_dev, info.st_ino};
}

namespace {

// Calls each(entry) for all entries but "." and ".."; false where the folder can't be looked into.
template <class Each>
bool each_entry(const std::string& path, const Each& each) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), &closedir);
  if (!folder) return false;
  while (const dirent* entry = readdir(folder.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) each(*entry);
  }
  return true;
}

}  // namespace

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  each_entry(path, [&](const dirent& entry) { names.emplace_back(entry.d_name); });
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> list_folders(const std::string& path) {
  std::vector<std::string> names;
  each_entry(path, [&](const dirent& entry) {
    struct stat info{};
    if (entry.d_type == DT_DIR ||
        (entry.d_type == DT_UNKNOWN && stat((path + "/" + entry.d_name).c_str(), &info) == 0 &&
         S_ISDIR(info.st_mode)))
      names.emplace_back(entry.d_name);
  });
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<std::size_t> entries_of_folder(const std::string& path) {
  std::size_t count = 0;
  if (!each_entry(path, [&](const dirent&) { ++count; })) return std::nullopt;
  return count;
}

std::string one_word(std::string_view name) {
  std::string word(name);
  std::replace_if(
      word.begin(), word.end(), [](char c) { return (c >= 0 && c <= ' ') || c == '/' || c == 127; },
      '_');
  return word;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view take_word(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text.remove_prefix(begin);
  const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

std::optional<double> to_number(std::string_view word) {
  return parse_number(word);
}

std::optional<double> find_number(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (line.substr(0, key.size()) != key) continue;
    line.remove_prefix(key.size());
    line.remove_prefix(std::min(line.find_first_not_of(" \t:="), line.size()));
    return to_number(take_word(line));
  }
  return std::nullopt;
}

}  // namespace galileo::telemetry
