// Zip (APPNOTE.TXT, 4.3): local headers with their bytes, then the list of all of them, which is
// what counts, then its end. Both are read and must say the same: two readers that believe one of
// them each would see two archives.
#include <fmt/format.h>

#include <algorithm>

#include "apps/archive.h"
#include "apps/packing.h"

namespace galileo::apps {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kListed = 0x02014b50, kEnd = 0x06054b50;
constexpr std::size_t kLocalBytes = 30, kListedBytes = 46, kEndBytes = 22;
constexpr std::size_t kCommentMax = 0xffff;
constexpr std::uint16_t kEncrypted = 1, kSizesBehind = 8;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint16_t kMadeByUnix = 3;
constexpr std::uint32_t kTypeMask = 0170000, kFolderType = 0040000, kFileType = 0100000;

std::uint16_t two(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
  return static_cast<std::uint16_t>(byte(0) | (byte(1) << 8));
}
std::uint32_t four(std::string_view bytes, std::size_t at) {
  return two(bytes, at) | (std::uint32_t{two(bytes, at + 2)} << 16);
}

// Where the list ends; the record that says so is the last thing of the file, but for a comment.
std::size_t find_end(std::string_view bytes) {
  if (bytes.size() < kEndBytes) return bytes.npos;
  const std::size_t last = bytes.size() - kEndBytes;
  const std::size_t first = last > kCommentMax ? last - kCommentMax : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (four(bytes, at) == kEnd && at + kEndBytes + two(bytes, at + 20) == bytes.size()) return at;
  }
  return bytes.npos;
}

// What the list says of a file, against what stands before its bytes. `files_end`: where the list
// begins.
Result<void> check_local(std::string_view bytes, std::size_t at, std::size_t files_end,
                         std::uint16_t flags, std::uint16_t method, ArchiveEntry& entry) {
  const auto differs = [&](const char* what) {
    return refused_archive(entry.path, fmt::format("its two headers differ in {}", what));
  };
  if (at > files_end || files_end - at < kLocalBytes || four(bytes, at) != kLocal)
    return refused_archive(entry.path, "there is no file where it should be");
  const std::size_t name = two(bytes, at + 26);
  const std::size_t extra = two(bytes, at + 28);
  entry.offset = at + kLocalBytes + name + extra;
  if (entry.offset > files_end || entry.stored_bytes > files_end - entry.offset)
    return refused_archive(entry.path, "its bytes would lie over the archive's list");
  if (bytes.substr(at + kLocalBytes, name) != entry.path) return differs("its name");
  if (two(bytes, at + 6) != flags) return differs("flags");
  if (two(bytes, at + 8) != method) return differs("how it is packed");
  if (flags & kSizesBehind) return {};
  if (four(bytes, at + 14) != entry.sum) return differs("the sum of its bytes");
  if (four(bytes, at + 18) != entry.stored_bytes || four(bytes, at + 22) != entry.bytes)
    return differs("its size");
  return {};
}

Result<ArchiveEntry> read_listed(std::string_view bytes, std::size_t at, std::size_t files_end) {
  ArchiveEntry entry;
  entry.path = bytes.substr(at + kListedBytes, two(bytes, at + 28));
  const std::uint16_t flags = two(bytes, at + 8);
  const std::uint16_t method = two(bytes, at + 10);
  entry.sum = four(bytes, at + 16);
  entry.has_sum = true;
  entry.stored_bytes = four(bytes, at + 20);
  entry.bytes = four(bytes, at + 24);
  entry.is_packed = method == kDeflated;
  entry.is_folder = entry.path.ends_with('/');
  const std::uint32_t local = four(bytes, at + 42);
  if (entry.stored_bytes == 0xffffffffu || entry.bytes == 0xffffffffu || local == 0xffffffffu)
    return refused_archive(entry.path, "it is one of zip64", "pack less than 4 GiB");
  if (flags & kEncrypted) return refused_archive(entry.path, "it is encrypted");
  if (method != kStored && method != kDeflated)
    return refused_archive(entry.path, fmt::format("it is packed by method {}", method),
                           "pack it by deflate, as zip does by itself");
  if (two(bytes, at + 4) >> 8 == kMadeByUnix) {
    const std::uint32_t mode = four(bytes, at + 38) >> 16;
    const std::uint32_t type = mode & kTypeMask;
    if (type != 0 && type != (entry.is_folder ? kFolderType : kFileType))
      return refused_archive(entry.path,
                             "it is neither a file nor a folder, but a link or a device",
                             "pack what the links lead to (zip without -y)");
    entry.is_executable = (mode & 0100u) != 0;
  }
  if (entry.is_folder && (entry.bytes > 0 || entry.stored_bytes > 2))
    return refused_archive(entry.path, "it is a folder with bytes of its own");
  TRY(check_local(bytes, local, files_end, flags, method, entry));
  return entry;
}

void put(std::string& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>((value >> (8 * i)) & 0xffu);
}

// What both headers of a file have in common, from the version that is needed on.
void put_common(std::string& to, const ZipFile& file, std::size_t stored, bool is_packed) {
  constexpr std::uint32_t kVersion = 20, kUtf8 = 0x800, kFirstDay = 0x21;
  put(to, kVersion, 2);
  put(to, kUtf8, 2);
  put(to, is_packed ? kDeflated : kStored, 2);
  put(to, 0, 2);
  put(to, kFirstDay, 2);
  put(to, zip_sum(file.bytes), 4);
  put(to, static_cast<std::uint32_t>(stored), 4);
  put(to, static_cast<std::uint32_t>(file.bytes.size()), 4);
  put(to, static_cast<std::uint32_t>(file.path.size()), 2);
  put(to, 0, 2);
}

}  // namespace

Result<std::vector<ArchiveEntry>> read_zip(std::string_view bytes, const ArchiveBounds& bounds) {
  const std::size_t end = find_end(bytes);
  if (end == bytes.npos) return refused_archive({}, "its end is missing", "was it sent whole?");
  const std::size_t count = two(bytes, end + 10);
  const std::size_t list_bytes = four(bytes, end + 12);
  const std::size_t list = four(bytes, end + 16);
  if (two(bytes, end + 4) != 0 || two(bytes, end + 6) != 0 || two(bytes, end + 8) != count)
    return refused_archive({}, "it is a part of several");
  if (list == 0xffffffffu || count == 0xffffu) return refused_archive({}, "it is one of zip64");
  if (list > end || end - list != list_bytes)
    return refused_archive({}, "its list isn't where its end says");
  if (count > bounds.entries_max)
    return refused_archive({}, fmt::format("it has more than {} entries", bounds.entries_max));
  std::vector<ArchiveEntry> entries;
  std::size_t at = list;
  for (std::size_t i = 0; i < count; ++i) {
    if (end - at < kListedBytes || four(bytes, at) != kListed)
      return refused_archive({}, "its list breaks off");
    const std::size_t size =
        kListedBytes + two(bytes, at + 28) + std::size_t{two(bytes, at + 30)} + two(bytes, at + 32);
    if (end - at < size) return refused_archive({}, "its list breaks off");
    entries.push_back(TRY(read_listed(bytes, at, list)));
    at += size;
  }
  if (at != end) return refused_archive({}, "its list has more entries than it says");
  return entries;
}

std::string make_zip(const std::vector<ZipFile>& files) {
  std::string zip;
  std::string list;
  for (const ZipFile& file : files) {
    std::string bytes = packed(file.bytes);
    const bool is_packed = bytes.size() < file.bytes.size();
    if (!is_packed) bytes = file.bytes;
    const auto at = static_cast<std::uint32_t>(zip.size());
    put(zip, kLocal, 4);
    put_common(zip, file, bytes.size(), is_packed);
    zip += file.path + bytes;
    put(list, kListed, 4);
    put(list, (kMadeByUnix << 8) | 20u, 2);
    put_common(list, file, bytes.size(), is_packed);
    put(list, 0, 2);  // comment
    put(list, 0, 2);  // part
    put(list, 0, 2);
    put(list, (kFileType | (file.is_executable ? 0755u : 0644u)) << 16, 4);
    put(list, at, 4);
    list += file.path;
  }
  const auto at = static_cast<std::uint32_t>(zip.size());
  zip += list;
  put(zip, kEnd, 4);
  put(zip, 0, 4);
  put(zip, static_cast<std::uint32_t>(files.size()), 2);
  put(zip, static_cast<std::uint32_t>(files.size()), 2);
  put(zip, static_cast<std::uint32_t>(list.size()), 4);
  put(zip, at, 4);
  put(zip, 0, 2);
  return zip;
}

}  // namespace galileo::apps
