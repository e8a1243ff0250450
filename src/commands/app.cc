// `galileo app`: client apps (client_apps.h), and `galileo app new`: an application for the
// experiment library in Python, in the form of the old extension repository. Its files are
// examples/extension's, with another name.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/output.h"
#include "base/text.h"
#include "commands/client_apps.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/json_output.h"
#include "commands/options.h"

extern const char galileo_extension[];
extern const char galileo_extension_end[];

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

// The example's name, which becomes the new one.
constexpr std::string_view kExample = "hello", kExampleType = "Hello";
constexpr std::string_view kBetweenFiles = "\n---\n";
constexpr std::size_t kNameMax = 40;
// What can't be a module's name.
constexpr std::string_view kKeywords =
    "and as assert async await break class continue def del elif else except finally for from "
    "global if import in is lambda nonlocal not or pass raise return try while with yield";

struct AppFlags {
  std::string name;
  std::string path = ".";
  bool json = false;
  bool is_client = false;
};

struct AppFile {
  std::string path;
  std::string text;
  bool is_own = false;  // the application's; all others are the project's, which may be there
};

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t found = std::min(text.find(from, at), text.size());
    made += text.substr(at, found - at);
    if (found < text.size()) made += to;
    at = found + (found < text.size() ? from.size() : 0);
  }
  return made;
}

std::string with_name(std::string_view text, const std::string& name) {
  std::string type = name;
  type[0] = static_cast<char>(type[0] - 'a' + 'A');
  return replaced(replaced(text, kExample, name), kExampleType, type);
}

// The paths are in the order in which CMake has put the files together.
std::vector<AppFile> files_of(const std::string& name) {
  std::vector<AppFile> files;
  std::string_view rest(galileo_extension,
                        static_cast<std::size_t>(galileo_extension_end - galileo_extension));
  for (const std::string_view path : split(GALILEO_EXTENSION_FILES, ';')) {
    const std::size_t end = std::min(rest.find(kBetweenFiles), rest.size());
    files.push_back({with_name(path, name), with_name(rest.substr(0, end), name),
                     path.find(kExample) != path.npos});
    rest.remove_prefix(std::min(end + kBetweenFiles.size(), rest.size()));
  }
  return files;
}

Result<void> check_name(const std::string& name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto keywords = split(kKeywords, ' ');
  const bool is_word = std::all_of(name.begin(), name.end(),
                                   [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
  if (!name.empty() && name.size() <= kNameMax && is_letter(name[0]) && is_word &&
      std::find(keywords.begin(), keywords.end(), name) == keywords.end())
    return {};
  return Error{ErrorCode::kUsage,
               fmt::format("an application can't be called '{}'", name),
               {},
               "it is a Python module, a function's path and a part of pods' names",
               fmt::format("up to {} small letters and digits, a letter first, and no word of "
                           "Python's",
                           kNameMax)};
}

Result<void> write_new(const std::string& path, const AppFile& file) {
  TRY(make_folders(std::filesystem::path(path).parent_path().string()));
  TRY(write_whole_file(path, file.text));
  if (!file.text.starts_with("#!")) return {};
  std::error_code failed;
  using std::filesystem::perms;
  std::filesystem::permissions(path, perms::owner_exec | perms::group_exec | perms::others_exec,
                               std::filesystem::perm_options::add, failed);
  if (failed) return system_error("can't make it executable", path, failed.value());
  return {};
}

void print_made(const Json& made, bool as_json) {
  if (as_json) return print_json(made);
  for (const Json& path : made) print_data(path.get<std::string>() + "\n");
}

Result<void> make(const AppFlags& flags) {
  if (flags.is_client) {
    print_made(Json(TRY(make_client_app(flags.path, flags.name))), flags.json);
    return {};
  }
  TRY(check_name(flags.name));
  const auto files = files_of(flags.name);
  const auto place = [&](const AppFile& file) {
    return (std::filesystem::path(flags.path) / file.path).string();
  };
  std::error_code ignored;
  for (const AppFile& file : files) {
    if (file.is_own && std::filesystem::exists(place(file), ignored))
      return Error{ErrorCode::kUsage, fmt::format("'{}' is there already", flags.name), place(file),
                   "nothing was written", "give it another name, or --path another project"};
  }
  Json made = Json::array();
  for (const AppFile& file : files) {
    if (!file.is_own && std::filesystem::exists(place(file), ignored)) continue;
    TRY(write_new(place(file), file));
    made.push_back(place(file));
  }
  print_made(made, flags.json);
  return {};
}

}  // namespace

int app(const Arguments& arguments) {
  AppFlags flags;
  CLI::App options(
      "Apps that say what clients send, and applications of experiments, both in Python.\n\n"
      "examples:\n"
      "  galileo app new uploads --client --path apps\n"
      "  galileo app ls\n"
      "  galileo app deploy uploads --repository http://lab:5001\n"
      "  galileo app new hello --path experiments\n",
      "galileo app");
  options.require_subcommand(1);
  CLI::App* create = options.add_subcommand(
      "new",
      "make one for the experiment library: what runs in its pods, what its clients ask, a "
      "profiling and a scenario experiment, a notebook; in a project that is made where there is "
      "none");
  create->add_option("name", flags.name, "small letters and digits")->required();
  create->add_flag("--client", flags.is_client,
                   "make a client app instead: manifest.yml and generator.py in a folder");
  create->add_option("--path", flags.path, "folder of the project")->capture_default_str();
  create->add_flag("--json", flags.json, "the files that were made, as JSON");
  ClientApps clients(options);
  if (const auto over = parse_options(options, arguments)) return *over;
  const auto done = clients.asked() ? clients.run() : make(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("app", done.error());
}

}  // namespace galileo::commands
