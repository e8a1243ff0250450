// The experiment file: YAML (schema/experiment.schema.json describes it) to a Plan. All problems of
// a file are found in one go; the Error lists them, each on a line with its place, what is wrong
// and what to do. A text that isn't YAML at all has one problem. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"
#include "wire/yaml.h"

namespace galileo::plan {

struct FileOptions {
  // "clients[0].requests=100" (file_overrides.h has the form), put in before anything is checked.
  std::vector<std::string> set;
  // The value of an environment variable, for ${NAME} and ${NAME:-default}.
  std::function<std::optional<std::string>(std::string_view)> environment;
  bool on_fleet = false;  // a bus is named beside the file, whose workers are to run it
  std::string otlp = {};  // a collector, in place of the one that the file names
  // The text of a file that the experiment file names (a profile); relative to the file's folder.
  std::function<Result<std::string>(const std::string& path)> read_file;
  // Where a file is that the experiment file names, and its first bytes (kBeginning at most).
  struct Found {
    std::string path;
    std::string beginning;
  };
  std::function<Result<Found>(const std::string& path)> find_file;
  // Where a file lies that the experiment file names, for who reads it piece by piece.
  std::function<std::string(const std::string& path)> path_of;
  // The files of manifests that a path is: itself, or those of a folder, by their names.
  std::function<Result<std::vector<std::string>>(const std::string& path)> files_of;
};

inline constexpr std::size_t kBeginning = std::size_t{64} << 10;

// FileOptions::find_file of files in a folder; blocking.
Result<FileOptions::Found> find_file_in(const std::string& folder, const std::string& path);

// Reads the file (1 MiB at most) and those that it names; blocking.
Result<Plan> load_plan(const std::string& path, const FileOptions& options);

// `options`, by which the files that an experiment file names are looked for in `folder`.
FileOptions with_files_of(const std::string& folder, const FileOptions& options);

// The same from a text; `path` is for the messages. Reads nothing but through `options`.
Result<Plan> parse_plan(std::string_view text, const std::string& path, const FileOptions& options);

// The same from a document that flags make: each value's place is the number of its flag among
// `flags`, by whose texts the messages name it. No variable in it is looked at.
Result<Plan> read_plan(const wire::YamlNode& document, const std::vector<std::string>& flags,
                       const FileOptions& options);

}  // namespace galileo::plan
