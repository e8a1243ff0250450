// The kernel's files: kept open and read again with one call, without allocating. And what their
// texts have in common. Lives on its instrument's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace galileo::telemetry {

// A file that is read again and again from its start.
class KeptFile {
 public:
  explicit KeptFile(std::string path) : path_(std::move(path)) {}
  ~KeptFile();
  KeptFile(KeptFile&& other) noexcept;
  KeptFile& operator=(KeptFile&&) = delete;
  KeptFile(const KeptFile&) = delete;
  KeptFile& operator=(const KeptFile&) = delete;

  // Its text now, valid until the next read; nothing where it isn't there or can't be read. A file
  // that has been replaced or wasn't there before is opened again.
  std::optional<std::string_view> read() { return read_into(buffer_); }
  // The same, into a buffer that many files share.
  std::optional<std::string_view> read_into(std::string& buffer);
  const std::string& path() const { return path_; }

 private:
  std::optional<std::string_view> read_open(std::string& buffer);

  std::string path_;
  int fd_ = -1;
  std::string buffer_;
};

// The text of a file that is read once, without blanks around it; empty where it can't be read.
std::string text_of_file(const std::string& path);

// Names of the entries of a folder, without "." and ".."; sorted. Empty where there is none.
std::vector<std::string> list_folder(const std::string& path);

// Takes the next line off `text`, without its end.
std::string_view take_line(std::string_view& text);
// Takes the next word (up to a blank) off `text`; empty at the end.
std::string_view take_word(std::string_view& text);
// A number that takes up all of the word.
std::optional<double> to_number(std::string_view word);
// The number after "key" and blanks, a colon or '=' in a text of lines: "MemTotal:  123 kB".
std::optional<double> find_number(std::string_view text, std::string_view key);

}  // namespace galileo::telemetry
