#include "plan/file_applications.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "base/text.h"
#include "net/address.h"
#include "plan/file_kubernetes.h"
#include "telemetry/instrument.h"
#include "wire/uri.h"

namespace galileo::plan {
namespace {

// Images are pulled meanwhile.
constexpr Duration kPodsReadyWithin = std::chrono::minutes{5};
constexpr Duration kPeriodMin = std::chrono::milliseconds{10};

std::vector<std::string> read_command(const Fields& fields) {
  const wire::YamlNode* node = fields.find("command");
  if (!node) {
    fields.missing("command", "give the program and its arguments as a list");
    return {};
  }
  std::vector<std::string> words;
  if (node->kind == wire::YamlNode::Kind::kScalar) {
    const auto split = split_words(node->scalar);
    if (split.ok())
      words = *split;
    else
      fields.problems().add(node->place, fields.where("command"), split.error());
    if (!split.ok()) return words;
  } else if (const auto list = fields.words("command")) {
    words = *list;
  } else {
    return words;
  }
  if (words.empty() || words.front().empty())
    fields.problems().add(node->place, fields.where("command") + " names no program");
  return words;
}

std::string read_ready(const Fields& fields) {
  std::string ready = fields.text("ready").value_or("");
  if (ready.empty()) return ready;
  if (ready.find("://") != std::string::npos) {
    const auto uri = wire::parse_plain_uri(ready);
    if (!uri.ok()) fields.problems().add(fields.place("ready"), fields.where("ready"), uri.error());
  } else {
    const auto address = net::parse_host_port(ready, 0);
    if (!address.ok())
      fields.problems().add(fields.place("ready"), fields.where("ready"), address.error());
  }
  return ready;
}

// What a process is told of means nothing to pods.
void read_as_pods(const Fields& fields, const wire::YamlNode& node, Application& application) {
  for (const char* key : {"command", "environment", "directory", "ready", "stop_timeout"}) {
    if (fields.has(key))
      fields.problems().add(
          fields.place(key),
          fmt::format("{} is a process's, and this application is pods", fields.where(key)),
          "say it under kubernetes, or leave it out");
  }
  application.pods =
      read_pods(fields.problems(), node, fields.where("kubernetes"), application.name);
  application.ready_timeout = fields.positive_duration("ready_timeout").value_or(kPodsReadyWithin);
}

// A program of this machine.
void read_program(const Fields& fields, Application& application) {
  // Its name is that of a log file, too.
  if (application.name.find('/') != std::string::npos || application.name.starts_with('.'))
    fields.problems().add(fields.place("name"),
                          fields.where("name") + " can't hold a '/' or begin with '.'");
  application.command = read_command(fields);
  application.environment = read_variables(fields);
  application.directory = fields.text("directory").value_or("");
  application.ready = read_ready(fields);
  application.ready_timeout =
      fields.positive_duration("ready_timeout").value_or(application.ready_timeout);
  application.stop_timeout = fields.duration("stop_timeout").value_or(application.stop_timeout);
}

Application read_application(Problems& problems, const wire::YamlNode& node,
                             const std::string& where) {
  const Fields fields(problems, node, where, MapKind::application);
  Application application;
  application.name = fields.required_name("name");
  if (const wire::YamlNode* const pods = fields.find("kubernetes"))
    read_as_pods(fields, *pods, application);
  else
    read_program(fields, application);
  return application;
}

Application read_beside(Problems& problems, const wire::YamlNode& node, const std::string& where) {
  const Fields fields(problems, node, where, MapKind::beside);
  Application application;
  application.name = fields.name("name").value_or("beside");
  application.is_beside = true;
  read_program(fields, application);
  return application;
}

void read_process(const Fields& process, Telemetry& telemetry) {
  WatchedProcess watched;
  watched.name = process.required_name("name");
  watched.pid = static_cast<std::int64_t>(
      process.count("pid", 1, std::numeric_limits<std::int32_t>::max()).value_or(0));
  watched.pid_file = process.text("pid_file").value_or("");
  if (process.has("pid") == process.has("pid_file") &&
      process.node().kind == wire::YamlNode::Kind::kMap)
    process.problems().add(process.place(), "a process needs either pid or pid_file");
  telemetry.processes.push_back(std::move(watched));
}

// What is read beside the machine: names, and where or how to read each.
Texts read_watched(const Fields& fields, std::string_view key, std::string_view what) {
  return read_texts(fields, key, fmt::format("a map of names to {}", what),
                    [](const std::string& name) -> std::optional<std::string> {
                      const auto why = unfit_name(name);
                      if (!why) return {};
                      return fmt::format("'{}' can't be a name: {}", name, *why);
                    });
}

void read_watched(const Fields& fields, Telemetry& telemetry) {
  Problems& problems = fields.problems();
  const auto empty = [&](std::string_view key, const std::string& name) {
    problems.add(fields.place(key), fmt::format("{}.{} is empty", fields.where(key), name));
  };
  for (auto& [name, path] : read_watched(fields, "files", "paths")) {
    if (trim(path).empty()) empty("files", name);
    telemetry.files.push_back({name, path});
  }
  for (auto& [name, url] : read_watched(fields, "scrape", "URLs")) {
    if (const auto uri = wire::parse_plain_uri(url); !uri.ok())
      problems.add(fields.place("scrape"), fmt::format("{}.{}", fields.where("scrape"), name),
                   uri.error());
    telemetry.pages.push_back({name, url});
  }
  telemetry.page_metrics = fields.words("scrape_metrics").value_or(std::vector<std::string>());
  for (auto& [name, command] : read_watched(fields, "commands", "commands")) {
    if (trim(command).empty()) empty("commands", name);
    telemetry.commands.push_back({name, command});
  }
}

// An application of the file, named by a scalar.
void check_application(Problems& problems, const wire::YamlNode& node,
                       const std::vector<Application>& applications) {
  std::vector<std::string> names;
  for (const Application& application : applications) names.push_back(application.name);
  if (std::find(names.begin(), names.end(), node.scalar) != names.end()) return;
  problems.add(node.place, fmt::format("no application is called '{}'", node.scalar),
               names.empty() ? "watch a running process as {name: ..., pid: ...}"
                             : hint_for_unknown(node.scalar, names));
}

}  // namespace

Texts read_texts(const Fields& fields, std::string_view key, std::string_view wanted,
                 const std::function<std::optional<std::string>(const std::string& name)>& unfit) {
  Texts texts;
  const wire::YamlNode* map = fields.find(key);
  if (!map) return texts;
  if (map->kind != wire::YamlNode::Kind::kMap) {
    fields.wrong_type(*map, key, wanted);
    return texts;
  }
  for (std::size_t i = 0; i < map->keys.size(); ++i) {
    const auto& [name, place] = map->keys[i];
    const wire::YamlNode& value = map->items[i];
    if (const auto why = unfit(name)) fields.problems().add(place, *why);
    if (value.kind == wire::YamlNode::Kind::kList || value.kind == wire::YamlNode::Kind::kMap) {
      fields.problems().add(value.place,
                            fmt::format("{}.{} must be a text, not {}", fields.where(key), name,
                                        wire::kind_text(value)));
      continue;
    }
    texts.emplace_back(name, value.scalar);
  }
  return texts;
}

Texts read_variables(const Fields& fields) {
  return read_texts(fields, "environment", "a map of names and values",
                    [](const std::string& name) -> std::optional<std::string> {
                      if (!name.empty() && name.find('=') == std::string::npos) return {};
                      return fmt::format("'{}' can't name an environment variable", name);
                    });
}

std::vector<Application> read_applications(const Fields& file) {
  std::vector<Application> applications;
  const auto add = [&](const wire::YamlNode& node, Application application) {
    const bool twice =
        std::any_of(applications.begin(), applications.end(),
                    [&](const Application& other) { return other.name == application.name; });
    if (twice && !application.name.empty())
      file.problems().add(node.place,
                          fmt::format("two applications are called '{}'", application.name));
    applications.push_back(std::move(application));
  };
  file.each("applications", [&](const wire::YamlNode& node, const std::string& where) {
    add(node, read_application(file.problems(), node, where));
  });
  file.each("beside", [&](const wire::YamlNode& node, const std::string& where) {
    add(node, read_beside(file.problems(), node, where));
  });
  return applications;
}

Telemetry read_telemetry(const Fields& file, const std::vector<Application>& applications) {
  Telemetry telemetry;
  const wire::YamlNode* node = file.find("telemetry");
  if (!node) return telemetry;
  if (node->kind == wire::YamlNode::Kind::kScalar) {
    telemetry.enabled = file.boolean("telemetry").value_or(true);
    return telemetry;
  }
  Problems& problems = file.problems();
  const Fields fields(problems, *node, "telemetry", MapKind::telemetry);
  telemetry.period = fields.duration("period").value_or(telemetry.period);
  if (telemetry.period < kPeriodMin)
    problems.add(fields.place("period"), "telemetry.period is below 10ms",
                 "give a period from 10ms up");
  const std::vector<std::string> known = telemetry::instrument_names();
  telemetry.instruments = fields.words("instruments").value_or(std::vector<std::string>());
  for (const std::string& name : telemetry.instruments) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      problems.add(fields.place("instruments"), fmt::format("unknown instrument '{}'", name),
                   hint_for_unknown(name, known));
  }
  read_watched(fields, telemetry);
  telemetry.nodes = fields.words("nodes").value_or(std::vector<std::string>());
  std::vector<std::string> names;
  fields.each("processes", [&](const wire::YamlNode& item, const std::string& where) {
    if (item.kind == wire::YamlNode::Kind::kScalar) {
      telemetry.applications.push_back(item.scalar);
      check_application(problems, item, applications);
      names.push_back(item.scalar);
    } else {
      read_process(Fields(problems, item, where, MapKind::process), telemetry);
      names.push_back(telemetry.processes.back().name);
    }
    if (std::count(names.begin(), names.end(), names.back()) > 1 && !names.back().empty())
      problems.add(item.place, fmt::format("two processes are called '{}'", names.back()));
  });
  return telemetry;
}

Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;  // a word has begun, maybe an empty one in quotes
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (open) words.push_back(std::exchange(word, {}));
      open = false;
      continue;
    }
    open = true;
    // In double quotes a backslash is one, but before what means something there.
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    const bool escapes = quote == 0 || (quote == '"' && (next == '"' || next == '\\'));
    if (c == '\\' && escapes && next != '\0')
      word += text[++i];
    else if (quote != 0 && c == quote)
      quote = 0;
    else if (quote == 0 && (c == '"' || c == '\''))
      quote = c;
    else
      word += c;
  }
  if (quote != 0)
    return Error{ErrorCode::kUsage,
                 {},
                 {},
                 fmt::format("a {} isn't closed", quote),
                 "close it, or give the command as a list"};
  if (open) words.push_back(word);
  return words;
}

}  // namespace galileo::plan
