#include "apps/lookup.h"

#include <fmt/format.h>

#include <filesystem>

#include "apps/archive.h"
#include "apps/repository.h"
#include "apps/unpack.h"

namespace galileo::apps {
namespace {

Error nobody_has(const AppPlaces& places, const std::string& name, std::string why) {
  return Error{
      ErrorCode::kNotFound,
      fmt::format("there is no client app '{}'", name),
      {},
      fmt::format("it isn't in {}, {}", places.folder, why),
      "galileo_apps_dir says the folder of apps, galileo_apps_repository who else has some"};
}

}  // namespace

Result<App> find_app(const AppPlaces& places, const std::string& name) {
  TRY(check_app_name(name));
  const std::string place = places.folder + "/" + name;
  std::error_code error;
  if (std::filesystem::exists(place, error)) return read_app(place);
  if (places.repository.empty()) return nobody_has(places, name, "and there is no repository");
  Repository repository = TRY(Repository::open(places.repository));
  const auto there = repository.has(name);
  if (!there.ok()) {
    if (there.error().code != ErrorCode::kUnavailable) return there.error();
    return nobody_has(places, name, fmt::format("and {}", there.error().to_text()));
  }
  if (!*there) return nobody_has(places, name, fmt::format("nor has {} it", repository.where()));
  const std::string bytes = TRY(repository.download(name));
  const Archive archive = TRY(read_archive(bytes));
  // Looked at before it is put there: what is no app would stand in the way of one for ever.
  bool has_manifest = false;
  for (const ArchiveEntry& entry : archive.entries) {
    if (entry.path != kManifestFile || entry.is_folder) continue;
    has_manifest = true;
    TRY(read_manifest(TRY(file_of(archive, entry, bytes)), entry.path));
  }
  if (!has_manifest)
    return refused_archive(kManifestFile, "it isn't there, so this is no app",
                           "an app's files are the archive's root");
  TRY(unpack(archive, bytes, places.folder, name));
  return read_app(place);
}

Result<App> find_app_or_folder(const AppPlaces& places, const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path == ".")
    return read_app(name_or_path);
  return find_app(places, name_or_path);
}

}  // namespace galileo::apps
