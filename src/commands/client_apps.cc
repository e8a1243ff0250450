#include "commands/client_apps.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/repository.h"
#include "apps/unpack.h"
#include "base/file.h"
#include "base/output.h"
#include "commands/json_output.h"
#include "commands/options.h"

namespace galileo::commands {
namespace {

constexpr std::string_view kManifestText = R"(name: {}
# What else stands here the generator finds in context.manifest.
)";
constexpr std::string_view kGeneratorText =
    R"(# What a client of this app sends. Run once for each client, as a module of its own: what is
# kept here is that client's alone. `context` is there already: name, path (this folder),
# manifest, and parameters, which the experiment or the script gives the client.
sent = 0


def next_request():
    """Method, path, and keyword arguments as requests.request() has them, or None."""
    global sent
    sent += 1
    path = context.parameters.get("path", "/")
    return "post", path, {{"json": {{"number": sent}}}}
)";

// The repository that somebody has named: lists and changes go to no other.
std::string named_repository(const std::string& flag) {
  if (!flag.empty()) return flag;
  for (const char* variable : {"galileo_apps_repository", "galileo_api_url"}) {
    if (auto url = environment(variable); url && !url->empty()) return *url;
  }
  return {};
}

// A repository has names only; of our folder all that is known.
void print_apps(const std::vector<apps::App>& here, const std::vector<std::string>& there) {
  for (const apps::App& app : here)
    print_data(fmt::format("{}\t{}\t{}\n", app.title, app.path,
                           app.title == app.name ? "" : fmt::format("asked for as {}", app.name)));
  for (const std::string& name : there) print_data(fmt::format("{}\trepository\t\n", name));
}

Result<std::vector<apps::ZipFile>> files_to_deploy(const std::string& path) {
  TRY(apps::read_app(path));
  return apps::files_below(path);
}

}  // namespace

apps::AppPlaces app_places(const std::string& folder, const std::string& repository) {
  const apps::AppPlaces otherwise;
  return {said(folder, "--apps", "galileo_apps_dir", otherwise.folder).value,
          said(repository, "--repository", "galileo_apps_repository", otherwise.repository).value};
}

apps::Settings app_settings() {
  apps::Settings settings;
  for (const std::string_view name : apps::kSettingNames) {
    auto value = environment(fmt::format("galileo_apps_{}", name));
    if (value && !value->empty()) settings.emplace(name, std::move(*value));
  }
  return settings;
}

ClientApps::ClientApps(CLI::App& options) {
  list_ = options.add_subcommand("ls",
                                 "client apps of the folder of apps, and of the repository "
                                 "where one is named");
  deploy_ = options.add_subcommand(
      "deploy",
      "give a client app to the repository that is named, else put it into the folder of "
      "apps; one of that name is replaced");
  remove_ = options.add_subcommand("rm",
                                   "remove a client app from the repository that is named, "
                                   "else from the folder of apps");
  deploy_->add_option("app", path_, "its folder, or a zip of it");
  deploy_->add_option("--path", path_flag_, "the same");
  remove_->add_option("name", name_, "as it is asked for")->required();
  for (CLI::App* command : {list_, deploy_, remove_}) {
    command->add_option("--apps", folder_, "folder of apps [galileo_apps_dir, or ./apps]");
    command->add_option("--repository", repository_,
                        "URL [galileo_apps_repository, galileo_api_url]");
  }
  list_->add_flag("--json", json_, "as JSON");
}

bool ClientApps::asked() const {
  return list_->parsed() || deploy_->parsed() || remove_->parsed();
}

Result<void> ClientApps::run() {
  if (list_->parsed()) return list();
  return deploy_->parsed() ? deploy() : remove();
}

Result<void> ClientApps::list() const {
  const std::string folder = app_places(folder_).folder;
  const auto here = TRY(apps::apps_in(folder));
  std::vector<std::string> there;
  if (const std::string url = named_repository(repository_); !url.empty()) {
    apps::Repository repository = TRY(apps::Repository::open(url));
    there = TRY(repository.names());
  }
  if (!json_) {
    print_apps(here, there);
    return {};
  }
  auto all = nlohmann::ordered_json::array();
  for (const apps::App& app : here)
    all.push_back({{"name", app.title}, {"folder", app.name}, {"path", app.path}});
  for (const std::string& name : there)
    all.push_back({{"name", name}, {"folder", nullptr}, {"path", nullptr}});
  print_json(all);
  return {};
}

// What is replaced goes only once the new one is whole.
Result<void> ClientApps::deploy() const {
  const std::string path = path_.empty() ? path_flag_ : path_;
  if (path.empty())
    return Error{ErrorCode::kUsage,
                 "no app to deploy",
                 {},
                 "neither a folder nor a zip is named",
                 "galileo app deploy FOLDER"};
  std::error_code error;
  std::string zip;
  if (std::filesystem::is_directory(path, error))
    zip = apps::make_zip(TRY(files_to_deploy(path)));
  else
    zip = TRY(
        read_whole_file(path, static_cast<std::size_t>(apps::ArchiveBounds{}.archive_bytes_max)));
  const apps::Archive archive = TRY(apps::read_archive(zip));
  const auto manifest = std::find_if(
      archive.entries.begin(), archive.entries.end(),
      [](const apps::ArchiveEntry& entry) { return entry.path == apps::kManifestFile; });
  if (manifest == archive.entries.end())
    return apps::refused_archive(apps::kManifestFile, "it isn't there, so this is no app",
                                 "an app's files are the archive's root");
  const apps::App app =
      TRY(apps::read_manifest(TRY(apps::file_of(archive, *manifest, zip)), manifest->path));
  TRY(apps::check_app_name(app.title));
  if (const std::string url = named_repository(repository_); !url.empty()) {
    apps::Repository repository = TRY(apps::Repository::open(url));
    TRY(repository.upload(zip));
    print_data(fmt::format("{}\t{}\n", app.title, repository.where()));
    return {};
  }
  const std::string folder = app_places(folder_).folder;
  const std::string place = folder + "/" + app.title;
  if (!TRY(apps::unpack(archive, zip, folder, app.title))) {
    TRY(apps::remove_folder(place));
    TRY(apps::unpack(archive, zip, folder, app.title));
  }
  print_data(fmt::format("{}\t{}\n", app.title, place));
  return {};
}

Result<void> ClientApps::remove() const {
  TRY(apps::check_app_name(name_));
  const std::string url = named_repository(repository_);
  bool was_there = false;
  std::string where = url;
  if (!url.empty()) {
    apps::Repository repository = TRY(apps::Repository::open(url));
    was_there = TRY(repository.remove(name_));
  } else {
    where = app_places(folder_).folder;
    const std::string place = where + "/" + name_;
    // Nobody's folder that only lies there.
    std::error_code error;
    if (std::filesystem::exists(place, error)) TRY(apps::read_app(place));
    was_there = TRY(apps::remove_folder(place));
  }
  if (was_there) return {};
  return Error{
      ErrorCode::kNotFound, fmt::format("there is no client app '{}'", name_), where, {}, {}};
}

Result<std::vector<std::string>> make_client_app(const std::string& path, const std::string& name) {
  TRY(apps::check_app_name(name));
  const std::string folder = (std::filesystem::path(path) / name).string();
  std::error_code ignored;
  if (std::filesystem::exists(folder, ignored))
    return Error{ErrorCode::kUsage, fmt::format("'{}' is there already", name), folder,
                 "nothing was written", "give it another name, or --path another folder"};
  TRY(make_folders(folder));
  std::vector<std::string> made;
  made.push_back(fmt::format("{}/{}", folder, apps::kManifestFile));
  TRY(write_whole_file(made.back(), fmt::format(kManifestText, nlohmann::json(name).dump())));
  made.push_back(fmt::format("{}/{}", folder, apps::kGeneratorFile));
  TRY(write_whole_file(made.back(), fmt::format(kGeneratorText)));
  return made;
}

}  // namespace galileo::commands
