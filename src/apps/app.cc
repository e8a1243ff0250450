#include "apps/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/utf8.h"
#include "wire/yaml.h"

namespace galileo::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kManifestMax = std::size_t{1} << 20;
constexpr std::size_t kAppNameMax = 100;

Error no_app(const std::string& where, std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "the client app can't be used", where, std::move(why),
               std::move(hint)};
}

}  // namespace

Result<void> check_app_name(std::string_view name) {
  const bool fits =
      !name.empty() && name.size() <= kAppNameMax && is_utf8(name) && name.front() != '.' &&
      std::none_of(name.begin(), name.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\';
      });
  if (fits) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("no client app is called '{}'", shortened(one_line(name), 60)),
               {},
               "that can't be the name of one folder",
               fmt::format("up to {} characters, no slash, no dot at the start", kAppNameMax)};
}

Result<App> read_manifest(std::string_view yaml, const std::string& where) {
  const auto read = wire::parse_yaml(yaml);
  if (!read)
    return no_app(fmt::format("{}:{}", where, read.error().place.line), read.error().why,
                  read.error().hint);
  if (read->kind != wire::YamlNode::Kind::kMap)
    return no_app(where, "it must be a map", "write name: and what else the app needs");
  const wire::YamlNode* const name = read->find("name");
  if (!name || name->kind != wire::YamlNode::Kind::kScalar || name->scalar.empty())
    return no_app(where, "it has no name", "give it a line as name: my-app");
  App app;
  app.title = name->scalar;
  app.manifest = wire::yaml_to_json(*read, &wire::kubernetes_scalar);
  return app;
}

Result<App> read_app(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    return Error{ErrorCode::kNotFound, "there is no client app", path, "no folder is there", {}};
  fs::path whole = fs::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  const std::string manifest = (whole / kManifestFile).string();
  if (!fs::exists(manifest, error))
    return no_app(whole.string(), fmt::format("it has no {}", kManifestFile),
                  "an app's folder has manifest.yml and generator.py themselves, not in a folder "
                  "of their own");
  App app = TRY(read_manifest(TRY(read_whole_file(manifest, kManifestMax)), manifest));
  app.name = whole.filename().string();
  app.path = whole.string();
  TRY(check_app_name(app.name));
  if (!fs::is_regular_file(whole / kGeneratorFile, error))
    return no_app(whole.string(), fmt::format("it has no {}", kGeneratorFile),
                  "write one with a function next_request()");
  return app;
}

Result<std::vector<App>> apps_in(const std::string& folder) {
  std::vector<App> apps;
  std::error_code error;
  if (!fs::exists(folder, error)) return apps;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    if (at->path().filename().string().starts_with('.')) continue;
    std::error_code ignored;
    if (!at->is_directory(ignored)) continue;
    auto app = read_app(at->path().string());
    if (app.ok()) apps.push_back(std::move(*app));
  }
  if (error) return system_error("can't list the client apps", folder, error.value());
  std::sort(apps.begin(), apps.end(), [](const App& a, const App& b) { return a.name < b.name; });
  return apps;
}

}  // namespace galileo::apps
