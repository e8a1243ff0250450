// Any bytes as an archive: no crash; what is refused has a reason; the paths of what isn't stay
// below the folder that they are unpacked to, and no file is longer than it said, nor all of them
// than the bounds.
#include <cstdint>
#include <set>

#include "apps/archive.h"
#include "base/check.h"
#include "base/text.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  apps::ArchiveBounds bounds;
  bounds.bytes_max = std::uint64_t{1} << 20;
  bounds.entries_max = 100;
  const auto archive = apps::read_archive(bytes, bounds);
  if (!archive.ok()) {
    ENSURE(!archive.error().why.empty() && is_utf8(archive.error().to_text()));
    return 0;
  }
  std::set<std::string> paths;
  std::uint64_t all = 0;
  for (const apps::ArchiveEntry& entry : archive->entries) {
    ENSURE(!entry.path.empty() && is_utf8(entry.path) && paths.insert(entry.path).second);
    for (const std::string_view part : split(entry.path, '/'))
      ENSURE(!part.empty() && part != "." && part != ".." && part.size() <= 255);
    if (entry.is_folder) continue;
    const auto file = apps::file_of(*archive, entry, bytes);
    if (file.ok()) ENSURE(file->size() == entry.bytes);
    all += entry.bytes;
  }
  ENSURE(all <= bounds.bytes_max);
  return 0;
}
