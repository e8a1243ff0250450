// The kernel's files: kept open and read again to their end, without allocating. And what their
// texts have in common. Lives on its instrument's thread.
#pragma once

#include <sys/types.h>

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

// How a file of somebody's own begins, opened anew each time: it may have been replaced. What is no
// file (a pipe, a device) would have to be waited for and isn't read.
struct OwnFile {
  std::optional<std::string> text;  // its first bytes, up to `size_max`
  bool missing = false;             // it isn't there
  std::string why;                  // else: why there is no text
};
OwnFile begin_of_file(const std::string& path, std::size_t size_max);

// Which thing a path leads to. Another one than before: it was replaced, or went and another of
// the same name came.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity&) const = default;
};
// Nothing where nothing is there.
std::optional<Identity> identity_of(const std::string& path);

// Names of the entries of a folder, without "." and ".."; sorted. Empty where there is none.
std::vector<std::string> list_folder(const std::string& path);
// The same of folders only.
std::vector<std::string> list_folders(const std::string& path);
// How many it has; nothing where it can't be looked into.
std::optional<std::size_t> entries_of_folder(const std::string& path);

// A name that others have given, as one word of a topic: blanks, slashes and what can't be printed
// become '_'.
std::string one_word(std::string_view name);

// Takes the next line off `text`, without its end.
std::string_view take_line(std::string_view& text);
// Takes the next word (up to a blank) off `text`; empty at the end.
std::string_view take_word(std::string_view& text);
// A number that takes up all of the word.
std::optional<double> to_number(std::string_view word);
// The number after "key" and blanks, a colon or '=' in a text of lines: "MemTotal:  123 kB".
std::optional<double> find_number(std::string_view text, std::string_view key);

}  // namespace galileo::telemetry
