// What is in an archive from somebody else: zip, tar, or tar packed by gzip. Read by a reader of
// our own that takes plain files and folders and refuses everything else as a whole, before
// anything is written: a path that leads elsewhere, a link or a device of any kind, a name twice, a
// file that is a folder too, entries that lie over each other, more than the bounds allow.
//
// Pure functions over the archive's bytes; any thread. Errors are kCorrupt; `where` is the entry.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::apps {

struct ArchiveBounds {
  std::uint64_t archive_bytes_max = std::uint64_t{64} << 20;
  std::uint64_t bytes_max = std::uint64_t{256} << 20;  // of all files, unpacked
  // A packed archive may unpack to so many times its own bytes, and to 1 MiB anyway.
  std::uint64_t ratio_max = 200;
  std::size_t entries_max = 10'000;
  std::size_t levels_max = 16;  // folders inside each other, the file itself counted
};

struct ArchiveEntry {
  std::string path;  // "static/logo.png": UTF-8, relative, no "." or ".." in it, no slash at an end
  bool is_folder = false;
  bool is_executable = false;
  // Of a file: where its bytes lie in what they are read from, and how.
  std::uint64_t offset = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t bytes = 0;  // unpacked, as the archive says
  bool is_packed = false;
  bool has_sum = false;
  std::uint32_t sum = 0;  // zip_sum() of its bytes
};

struct Archive {
  std::vector<ArchiveEntry> entries;  // in the archive's order
  std::string unpacked;               // of a tar that was packed: the tar, which the entries lie in
};

// What it holds, if all of it may be unpacked.
Result<Archive> read_archive(std::string_view bytes, const ArchiveBounds& bounds = {});

// The bytes of one of its files: as many as its entry says, with the sum that it says. `bytes` is
// what read_archive() was given.
Result<std::string> file_of(const Archive& archive, const ArchiveEntry& entry,
                            std::string_view bytes);

// A zip of these files, in this order: {path, bytes}. The same files make the same bytes.
struct ZipFile {
  std::string path;
  std::string bytes;
  bool is_executable = false;
};
std::string make_zip(const std::vector<ZipFile>& files);

// The two formats, without looks at what the entries have to do with each other: for
// read_archive().
Result<std::vector<ArchiveEntry>> read_zip(std::string_view bytes, const ArchiveBounds& bounds);
Result<std::vector<ArchiveEntry>> read_tar(std::string_view bytes, const ArchiveBounds& bounds);

// What every Error here is.
Error refused_archive(std::string_view entry, std::string why, std::string hint = {});

}  // namespace galileo::apps
