#include "service/app_shelf.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/app.h"
#include "apps/archive.h"
#include "base/file.h"

namespace galileo::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".zip";

Error not_shelved(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "Error processing upload", {}, std::move(why), std::move(hint)};
}

// The app that an archive is of.
Result<AppShelf::Shelved> app_in(std::string_view zip) {
  const apps::Archive archive = TRY(apps::read_archive(zip));
  const auto manifest = std::find_if(
      archive.entries.begin(), archive.entries.end(),
      [](const apps::ArchiveEntry& entry) { return entry.path == apps::kManifestFile; });
  if (manifest == archive.entries.end())
    return not_shelved(fmt::format("No {} found in archive", apps::kManifestFile),
                       "it must be at the archive's root");
  const apps::App app = TRY(apps::read_manifest(TRY(apps::file_of(archive, *manifest, zip)),
                                                std::string(apps::kManifestFile)));
  TRY(apps::check_app_name(app.title));
  return AppShelf::Shelved{app.title, app.manifest};
}

}  // namespace

std::optional<std::string> AppShelf::path_of(const std::string& name) const {
  if (!apps::check_app_name(name).ok()) return std::nullopt;
  return (fs::path(folder_) / (name + std::string(kEnding))).string();
}

Result<std::optional<AppShelf::Shelved>> AppShelf::read(const std::string& path) {
  std::error_code error;
  const auto changed = fs::last_write_time(path, error);
  const std::uint64_t bytes = error ? 0 : fs::file_size(path, error);
  if (error) return std::optional<Shelved>();
  Known& known = known_[path];
  const auto ticks = static_cast<std::int64_t>(changed.time_since_epoch().count());
  if (known.changed == ticks && known.bytes == bytes) return known.app;
  const std::string zip = TRY(read_whole_file(path, apps::ArchiveBounds().archive_bytes_max));
  auto app = app_in(zip);
  known = {ticks, bytes, app.ok() ? std::optional(*app) : std::nullopt};
  return known.app;
}

Result<std::vector<AppShelf::Shelved>> AppShelf::all() {
  std::vector<Shelved> found;
  std::error_code error;
  if (!fs::exists(folder_, error)) return found;
  fs::directory_iterator at(folder_, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    if (at->path().extension() != kEnding || at->path().filename().string().starts_with('.'))
      continue;
    if (auto app = TRY(read(at->path().string()))) found.push_back(std::move(*app));
  }
  if (error) return system_error("can't list the apps", folder_, error.value());
  std::sort(found.begin(), found.end(),
            [](const Shelved& a, const Shelved& b) { return a.name < b.name; });
  return found;
}

Result<std::optional<AppShelf::Shelved>> AppShelf::one(const std::string& name) {
  const auto path = path_of(name);
  return path ? read(*path) : Result<std::optional<Shelved>>(std::optional<Shelved>());
}

Result<std::optional<std::string>> AppShelf::zip(const std::string& name) {
  const auto path = path_of(name);
  std::error_code error;
  if (!path || !fs::exists(*path, error)) return std::optional<std::string>();
  return std::optional(TRY(read_whole_file(*path, apps::ArchiveBounds().archive_bytes_max)));
}

Result<AppShelf::Shelved> AppShelf::put(std::string_view zip) {
  auto app = app_in(zip);
  if (!app.ok()) return not_shelved(app.error().to_text(), app.error().hint);
  TRY(make_folders(folder_));
  TRY(write_whole_file(*path_of(app->name), zip));
  return *app;
}

Result<bool> AppShelf::remove(const std::string& name) {
  const auto path = path_of(name);
  std::error_code error;
  const bool removed = path && fs::remove(*path, error);
  if (error) return system_error("can't remove the app", *path, error.value());
  return removed;
}

}  // namespace galileo::service
