#include "telemetry/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/text.h"

namespace galileo::telemetry {

KeptFile::~KeptFile() {
  if (fd_ >= 0) close(fd_);
}

KeptFile::KeptFile(KeptFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

std::optional<std::string_view> KeptFile::read_open(std::string& buffer) {
  if (buffer.size() < 4096) buffer.resize(4096);
  std::size_t total = 0;
  while (true) {
    const ssize_t count =
        pread(fd_, buffer.data() + total, buffer.size() - total, static_cast<off_t>(total));
    if (count < 0) return std::nullopt;
    total += static_cast<std::size_t>(count);
    if (count == 0 || total < buffer.size()) return std::string_view(buffer).substr(0, total);
    if (buffer.size() > (std::size_t{4} << 20)) return std::nullopt;
    buffer.resize(buffer.size() * 2);
  }
}

std::optional<std::string_view> KeptFile::read_into(std::string& buffer) {
  if (fd_ >= 0) {
    if (const auto text = read_open(buffer)) return text;
    close(fd_);
  }
  fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  return fd_ >= 0 ? read_open(buffer) : std::nullopt;
}

std::string text_of_file(const std::string& path) {
  return std::string(trim(KeptFile(path).read().value_or("")));
}

std::vector<std::string> list_folder(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), &closedir);
  if (!folder) return names;
  while (const dirent* entry = readdir(folder.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view take_word(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\n"), text.size());
  text.remove_prefix(begin);
  const std::size_t end = std::min(text.find_first_of(" \t\n"), text.size());
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
