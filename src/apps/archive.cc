#include "apps/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/packing.h"
#include "base/text.h"
#include "base/utf8.h"

namespace galileo::apps {
namespace {

constexpr std::size_t kNameMax = 255;   // bytes of one part of a path: what file systems take
constexpr std::size_t kPathMax = 1024;  // of all of it
constexpr std::uint64_t kRatioFrom = std::uint64_t{1} << 20;

// Why a path can't be written; empty: it can. `path` loses what says nothing: "./" at its start, a
// slash at its end.
std::string make_plain(std::string& path, const ArchiveBounds& bounds) {
  if (path.starts_with('/')) return "its path is absolute";
  if (path.size() > kPathMax) return fmt::format("its path is longer than {} bytes", kPathMax);
  if (!is_utf8(path)) return "its name isn't UTF-8";
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return "its name has a control character";
  }
  if (path.find('\\') != path.npos) return "its name has a backslash";
  if (path.ends_with('/')) path.pop_back();
  while (path.starts_with("./")) path.erase(0, 2);
  if (path.empty() || path == ".") {
    path.clear();
    return {};
  }
  const auto parts = split(path, '/');
  if (parts.size() > bounds.levels_max)
    return fmt::format("it lies more than {} folders deep", bounds.levels_max);
  if (parts.front().size() >= 2 && parts.front()[1] == ':') return "its path is absolute";
  for (const std::string_view part : parts) {
    if (part.empty()) return "its path has an empty part";
    if (part == "." || part == "..") return fmt::format("its path has '{}' in it", part);
    if (part.size() > kNameMax) return fmt::format("its name is longer than {} bytes", kNameMax);
  }
  return {};
}

Result<void> check_paths(std::vector<ArchiveEntry>& entries, const ArchiveBounds& bounds) {
  for (ArchiveEntry& entry : entries) {
    const std::string as_given = entry.path;
    if (std::string why = make_plain(entry.path, bounds); !why.empty())
      return refused_archive(as_given, std::move(why));
    if (entry.path.empty() && !entry.is_folder) return refused_archive(as_given, "it has no name");
  }
  // The root itself.
  std::erase_if(entries, [](const ArchiveEntry& entry) { return entry.path.empty(); });
  std::map<std::string_view, bool> is_folder;
  for (const ArchiveEntry& entry : entries) {
    const auto [found, is_new] = is_folder.emplace(entry.path, entry.is_folder);
    if (!is_new) return refused_archive(entry.path, "there are two of that name");
  }
  for (const ArchiveEntry& entry : entries) {
    for (std::size_t at = entry.path.find('/'); at != std::string::npos;
         at = entry.path.find('/', at + 1)) {
      const auto above = is_folder.find(std::string_view(entry.path).substr(0, at));
      if (above != is_folder.end() && !above->second)
        return refused_archive(entry.path, "a file of the archive stands where its folder must be");
    }
  }
  return {};
}

// Each file's bytes are its own, lie in the archive, and all of them together aren't too many.
Result<void> check_bytes(const std::vector<ArchiveEntry>& entries, std::size_t size,
                         std::uint64_t packed_from, const ArchiveBounds& bounds) {
  std::uint64_t all = 0;
  std::vector<const ArchiveEntry*> files;
  for (const ArchiveEntry& entry : entries) {
    if (entry.is_folder) continue;
    files.push_back(&entry);
    if (entry.offset > size || entry.stored_bytes > size - entry.offset)
      return refused_archive(entry.path, "its bytes would lie behind the archive's end");
    if (!entry.is_packed && entry.stored_bytes != entry.bytes)
      return refused_archive(entry.path, "it says two sizes of one");
    if (entry.bytes > bounds.bytes_max - all)
      return refused_archive(entry.path,
                             fmt::format("with it the archive unpacks to more than {}",
                                         format_bytes(static_cast<double>(bounds.bytes_max))));
    all += entry.bytes;
  }
  if (all > kRatioFrom && all / bounds.ratio_max > packed_from)
    return refused_archive(
        {}, fmt::format("it unpacks to more than {} times its own size", bounds.ratio_max));
  std::sort(files.begin(), files.end(),
            [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < files.size(); ++i) {
    const ArchiveEntry& before = *files[i - 1];
    if (files[i]->stored_bytes > 0 && before.offset + before.stored_bytes > files[i]->offset)
      return refused_archive(files[i]->path,
                             fmt::format("its bytes lie over those of {}", before.path));
  }
  return {};
}

}  // namespace

Error refused_archive(std::string_view entry, std::string why, std::string hint) {
  return Error{ErrorCode::kCorrupt, "the archive can't be unpacked",
               shortened(one_line(entry), 100), std::move(why), std::move(hint)};
}

Result<Archive> read_archive(std::string_view bytes, const ArchiveBounds& bounds) {
  if (bytes.size() > bounds.archive_bytes_max)
    return refused_archive(
        {}, fmt::format("it is larger than {}",
                        format_bytes(static_cast<double>(bounds.archive_bytes_max))));
  constexpr std::string_view kGzip("\x1f\x8b", 2);
  constexpr std::size_t kTarMagicAt = 257;
  Archive archive;
  std::string_view inner = bytes;
  if (bytes.starts_with(kGzip)) {
    const std::uint64_t most =
        std::min(bounds.bytes_max, std::max(kRatioFrom, bytes.size() * bounds.ratio_max));
    auto tar = unpacked(bytes, Wrapping::kGzip, most);
    if (!tar.ok()) return refused_archive({}, std::move(tar.error().why));
    archive.unpacked = std::move(*tar);
    inner = archive.unpacked;
  }
  if (inner.size() > kTarMagicAt && inner.substr(kTarMagicAt).starts_with("ustar"))
    archive.entries = TRY(read_tar(inner, bounds));
  else if (bytes.starts_with("PK"))
    archive.entries = TRY(read_zip(bytes, bounds));
  else
    return refused_archive({}, "it is neither zip nor tar", "zip it, or pack it by tar -czf");
  TRY(check_paths(archive.entries, bounds));
  TRY(check_bytes(archive.entries, inner.size(), bytes.size(), bounds));
  return archive;
}

Result<std::string> file_of(const Archive& archive, const ArchiveEntry& entry,
                            std::string_view bytes) {
  const std::string_view all = archive.unpacked.empty() ? bytes : archive.unpacked;
  const std::string_view stored = all.substr(entry.offset, entry.stored_bytes);
  std::string made;
  if (entry.is_packed) {
    auto whole = unpacked(stored, Wrapping::kNone, entry.bytes);
    if (!whole.ok()) return refused_archive(entry.path, std::move(whole.error().why));
    made = std::move(*whole);
  } else {
    made = stored;
  }
  if (made.size() != entry.bytes)
    return refused_archive(entry.path, fmt::format("it is {} bytes long, and says that it is {}",
                                                   made.size(), entry.bytes));
  if (entry.has_sum && zip_sum(made) != entry.sum)
    return refused_archive(entry.path, "its bytes don't have the sum that it says");
  return made;
}

}  // namespace galileo::apps
