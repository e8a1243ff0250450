// Tar (POSIX ustar, with pax and GNU's long names): 512-byte blocks, a header and its file's bytes
// each, two empty blocks at the end. Plain files and folders; nothing else is needed.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "apps/archive.h"
#include "base/text.h"

namespace galileo::apps {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kLongNameMax = std::size_t{64} << 10;  // bytes of a header's own words

// A header's text, which ends at a zero or with its field.
std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
  const std::string_view all = header.substr(at, size);
  return all.substr(0, std::min(all.find('\0'), all.size()));
}

std::optional<std::uint64_t> octal(std::string_view text) {
  text = trim(text);
  std::uint64_t value = 0;
  if (text.size() > 12) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

// The sum of a header's bytes, with blanks in the place of the sum.
std::uint64_t sum_of(std::string_view header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
  return sum;
}

bool is_empty(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

// What a pax header says of the entry behind it: "27 path=name\n" again and again.
struct Ahead {
  std::optional<std::string> path;
  std::optional<std::uint64_t> size;
};

Result<void> read_pax(std::string_view words, Ahead& ahead) {
  while (!words.empty()) {
    const std::size_t blank = words.find(' ');
    const auto size = parse_integer(words.substr(0, std::min(blank, words.size())));
    if (!size || *size <= 0 || static_cast<std::size_t>(*size) > words.size() ||
        static_cast<std::size_t>(*size) < blank + 2 ||
        words[static_cast<std::size_t>(*size) - 1] != '\n')
      return refused_archive({}, "a pax header can't be read");
    const std::string_view record =
        words.substr(blank + 1, static_cast<std::size_t>(*size) - blank - 2);
    const std::size_t equals = record.find('=');
    if (equals == record.npos) return refused_archive({}, "a pax header can't be read");
    const std::string_view value = record.substr(equals + 1);
    const std::string_view key = record.substr(0, equals);
    if (key == "path") ahead.path = value;
    if (key == "size") {
      const auto number = parse_integer(value);
      if (!number || *number < 0)
        return refused_archive({}, "a pax header has a size that is none");
      ahead.size = static_cast<std::uint64_t>(*number);
    }
    if (key == "linkpath" || key.starts_with("GNU.sparse"))
      return refused_archive(ahead.path.value_or(""), "it is a link, or a file with holes");
    words.remove_prefix(static_cast<std::size_t>(*size));
  }
  return {};
}

std::string name_of(std::string_view header) {
  std::string name(field(header, 0, 100));
  // GNU's own format has other things where POSIX has the path's beginning.
  if (header.substr(257, 6) != std::string_view("ustar\0", 6)) return name;
  const std::string_view before = field(header, 345, 155);
  return before.empty() ? name : fmt::format("{}/{}", before, name);
}

class Reader {
 public:
  Reader(std::string_view bytes, const ArchiveBounds& bounds) : bytes_(bytes), bounds_(bounds) {}
  Result<std::vector<ArchiveEntry>> read() {
    while (true) {
      if (bytes_.size() - at_ < kBlock) return refused_archive({}, "its end is missing");
      const std::string_view header = bytes_.substr(at_, kBlock);
      if (is_empty(header)) break;
      TRY(read_header(header));
    }
    if (!is_empty(bytes_.substr(at_))) return refused_archive({}, "there are bytes behind its end");
    if (ahead_.path || ahead_.size) return refused_archive({}, "its last header has no entry");
    return std::move(entries_);
  }

 private:
  Result<void> read_header(std::string_view header) {
    const std::string name = ahead_.path.value_or(name_of(header));
    const auto sum = octal(field(header, 148, 8));
    if (!sum || *sum != sum_of(header)) return refused_archive(name, "its header is damaged");
    const auto size = octal(field(header, 124, 12));
    if (!size) return refused_archive(name, "its size can't be read");
    at_ += kBlock;
    if (++headers_ > 2 * bounds_.entries_max || entries_.size() == bounds_.entries_max)
      return refused_archive({}, fmt::format("it has more than {} entries", bounds_.entries_max));
    const char type = header[156];
    if (type == 'x' || type == 'L' || type == 'g') return read_words(type, *size);
    return add(header, type, name, ahead_.size.value_or(*size));
  }

  Result<void> take(const std::string& name, std::uint64_t size) {
    const std::uint64_t left = bytes_.size() - at_;
    if (size > left) return refused_archive(name, "its bytes would lie behind the archive's end");
    at_ += static_cast<std::size_t>(
        std::min<std::uint64_t>(left, (size + kBlock - 1) / kBlock * kBlock));
    return {};
  }

  Result<void> read_words(char type, std::uint64_t size) {
    if (size > kLongNameMax) return refused_archive({}, "a header of its own is too long");
    const std::size_t begin = at_;
    TRY(take({}, size));
    const std::string_view words = bytes_.substr(begin, static_cast<std::size_t>(size));
    if (type == 'x') return read_pax(words, ahead_);
    if (type == 'L') {
      ahead_.path = words.substr(0, std::min(words.find('\0'), words.size()));
      return {};
    }
    Ahead of_all;
    TRY(read_pax(words, of_all));
    if (of_all.path || of_all.size)
      return refused_archive({}, "a header for all entries says a path or a size");
    return {};
  }

  Result<void> add(std::string_view header, char type, const std::string& name,
                   std::uint64_t size) {
    ahead_ = {};
    ArchiveEntry entry;
    entry.path = name;
    entry.is_folder = type == '5' || ((type == '\0' || type == '0') && name.ends_with('/'));
    if (type != '0' && type != '\0' && type != '5')
      return refused_archive(name, "it is neither a file nor a folder, but a link or a device",
                             "pack what the links lead to (tar -h)");
    if (entry.is_folder && size > 0)
      return refused_archive(name, "it is a folder with bytes of its own");
    const auto mode = octal(field(header, 100, 8));
    entry.is_executable = mode && (*mode & 0100u) != 0;
    entry.offset = at_;
    entry.bytes = entry.stored_bytes = size;
    TRY(take(name, size));
    entries_.push_back(std::move(entry));
    return {};
  }

  const std::string_view bytes_;
  const ArchiveBounds& bounds_;
  std::size_t at_ = 0;
  std::size_t headers_ = 0;
  Ahead ahead_;
  std::vector<ArchiveEntry> entries_;
};

}  // namespace

Result<std::vector<ArchiveEntry>> read_tar(std::string_view bytes, const ArchiveBounds& bounds) {
  return Reader(bytes, bounds).read();
}

}  // namespace galileo::apps
