#include "plan/file_templates.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "load/data_rows.h"
#include "plan/read_twice.h"

namespace galileo::plan {
namespace {

constexpr std::string_view kBraces = "{{";

// How what stands below a key of a request is sent.
std::optional<load::Fit> fit_of(std::string_view key, const wire::YamlNode& request) {
  using load::Fit;
  if (key == "path") return Fit::kUrl;
  if (key == "params") return Fit::kQuery;
  if (key == "headers" || key == "cookies") return Fit::kHeader;
  if (key == "json") return Fit::kJson;
  if (key == "files") return Fit::kPlain;
  if (key != "data") return std::nullopt;
  const wire::YamlNode* const data = request.find("data");
  const bool is_form = data->kind != wire::YamlNode::Kind::kScalar && !request.find("files");
  return is_form ? Fit::kQuery : Fit::kPlain;
}

bool has_braces(const wire::YamlNode& node) {
  return node.scalar.find(kBraces) != std::string::npos ||
         std::any_of(node.items.begin(), node.items.end(), &has_braces);
}

// Names that are new since `known` were first named at this place.
void note_new(std::map<std::string, wire::YamlPlace>& known, const std::vector<std::string>& names,
              const wire::YamlPlace& place) {
  for (const std::string& name : names) known.try_emplace(name, place);
}

}  // namespace

load::TemplateMarks::Outside outside_of_templates(const FileOptions& options) {
  load::TemplateMarks::Outside outside;
  outside.environment = options.environment;
  outside.path_of = [&options](const std::string& path) -> Result<std::string> {
    if (!options.find_file) return path;
    return TRY(options.find_file(path)).path;
  };
  return outside;
}

ClientTemplates::ClientTemplates(Problems& problems, const FileOptions& options)
    : problems_(problems), options_(options), marks_(outside_of_templates(options)) {}

void ClientTemplates::take_text(wire::YamlNode& node, const std::string& where, load::Fit fit) {
  if (node.scalar.find(kBraces) == std::string::npos) return;
  auto taken = marks_.take(node.scalar, fit);
  if (!taken.ok()) return problems_.add(node.place, where, taken.error());
  node.scalar = std::move(*taken);
  // What the marks stand for is text, whatever it will look like.
  node.quoted = true;
  note_new(columns_, marks_.rows(), node.place);
  note_new(values_, marks_.values(), node.place);
}

void ClientTemplates::take_all(wire::YamlNode& node, const std::string& where, load::Fit fit) {
  take_text(node, where, fit);
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const bool is_map = node.kind == wire::YamlNode::Kind::kMap;
    take_all(
        node.items[i],
        is_map ? fmt::format("{}.{}", where, node.keys[i].text) : fmt::format("{}[{}]", where, i),
        fit);
  }
}

wire::YamlNode ClientTemplates::take(const wire::YamlNode& request, const std::string& where) {
  wire::YamlNode taken = request;
  for (std::size_t i = 0; i < taken.keys.size(); ++i) {
    const std::string& key = taken.keys[i].text;
    const std::string path = fmt::format("{}.{}", where, key);
    if (const auto fit = fit_of(key, request)) {
      take_all(taken.items[i], path, *fit);
    } else if (has_braces(taken.items[i])) {
      problems_.add(taken.items[i].place, fmt::format("{} takes no template", path),
                    key == "auth"
                        ? "write headers: {Authorization: '{{basic row.user row.password}}'}"
                        : "they stand in path, params, headers, cookies, data, json and files");
    }
  }
  return taken;
}

void ClientTemplates::check_columns(const std::string& beginning, const std::string& path) {
  const auto known = load::columns_of(beginning, path);
  for (const auto& [name, place] : columns_) {
    if (!known.ok()) return problems_.add(place, "data", known.error());
    if (std::find(known->begin(), known->end(), name) == known->end())
      problems_.add(place, fmt::format("{} has no column '{}'", path, name),
                    hint_for_unknown(name, *known));
  }
}

void ClientTemplates::read_data(const Fields& data, load::SourceSpec& source) {
  const std::string file = data.required("file");
  const auto order = data.choice("order", {"sequential", "random", "once"});
  const auto at_end = data.choice("at_end", {"repeat", "stop"});
  if (at_end && order && *order != "sequential")
    problems_.add(data.place("at_end"),
                  fmt::format("{} is of rows in sequence only", data.where("at_end")),
                  *order == "once" ? "rows that are used once end there" : "leave it out");
  source.parameters["data.order"] = order.value_or("sequential");
  if (at_end) source.parameters["data.at_end"] = *at_end;
  source.parameters["data.file"] = file;
  if (file.empty() || !options_.find_file) return;
  if (options_.path_of && !can_be_read_twice(data, "file", options_.path_of(file))) return;
  const auto found = options_.find_file(file);
  if (!found.ok()) return problems_.add(data.place("file"), data.where("file"), found.error());
  source.parameters["data.file"] = found->path;
  check_columns(found->beginning, file);
}

bool ClientTemplates::finish(const Fields& client, load::SourceSpec& source) {
  if (const wire::YamlNode* const node = client.find("data")) {
    const Fields data(problems_, *node, client.where("data"), MapKind::data);
    if (columns_.empty() && problems_.empty())
      problems_.add(node->place, fmt::format("no template takes a row of {}", client.where("data")),
                    "write {{row.COLUMN}} where its values are to stand");
    read_data(data, source);
  } else {
    for (const auto& [name, place] : columns_)
      problems_.add(place, fmt::format("{{{{row.{}}}}}: the client has no data", name),
                    "add data: {file: rows.csv} to the client");
  }
  if (marks_.empty()) return false;
  source.parameters.insert(marks_.marks().begin(), marks_.marks().end());
  return true;
}

}  // namespace galileo::plan
