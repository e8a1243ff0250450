#include "plan/file_lists.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "load/replay_file.h"
#include "load/targets_file.h"
#include "plan/file_templates.h"
#include "plan/read_twice.h"

namespace galileo::plan {
namespace {

using Bodies = load::ReplayOptions::Bodies;

constexpr const char* kOwnOfRequests[] = {"method", "path", "params", "data", "json"};

// A value of one of the reader's own texts.
template <class T>
std::optional<T> parsed_as(const Fields& fields, const char* key,
                           Result<T> (*parse)(std::string_view)) {
  const auto text = fields.text(key);
  if (!text) return std::nullopt;
  auto value = parse(*text);
  if (value.ok()) return std::move(*value);
  fields.problems().add(fields.place(key), fields.where(key), value.error());
  return std::nullopt;
}

void read_log_fields(const Fields& replay, wire::LogFields& into) {
  const wire::YamlNode* const node = replay.find("fields");
  if (!node) return;
  const Fields fields(replay.problems(), *node, replay.where("fields"), MapKind::log_fields);
  for (const std::string& key : keys_of(MapKind::log_fields)) {
    const auto text = fields.text(key);
    if (!text) continue;
    if (const auto set = load::set_log_field(key + "=" + *text, into); !set.ok())
      replay.problems().add(fields.place(key), fields.where(key), set.error());
  }
}

using Marks = std::map<std::string, std::string>;

// A text with templates: they need what each request has, and no rows or answers.
void read_body_template(const Fields& replay, const FileOptions& options, load::ReplayOptions& into,
                        Marks& into_marks) {
  load::TemplateMarks marks(outside_of_templates(options));
  auto taken = marks.take(into.body, load::Fit::kPlain);
  if (!taken.ok())
    return replay.problems().add(replay.place("body"), replay.where("body"), taken.error());
  if (!marks.rows().empty() || !marks.values().empty())
    return replay.problems().add(
        replay.place("body"), replay.where("body") + " can't have a row's or an answer's values",
        "a log's requests have none: use seq, uuid, rand_int, choice, ...");
  into.body = std::move(*taken);
  into_marks = marks.marks();
}

void read_body(const Fields& replay, const FileOptions& options, load::ReplayOptions& into,
               Marks& marks) {
  const std::string body = replay.text("body").value_or("empty");
  if (body == "empty") return;
  into.bodies = body == "skip" ? Bodies::kSkip : Bodies::kGiven;
  if (body == "skip") return;
  into.body = body;
  if (!body.starts_with('@')) return read_body_template(replay, options, into, marks);
  auto text = options.read_file(body.substr(1));
  if (text.ok())
    into.body = std::move(*text);
  else
    replay.problems().add(replay.place("body"), replay.where("body"), text.error());
}

// `replay: access.log`, or a map.
load::ReplayFile replay_file(const Fields& client, const wire::YamlNode& node,
                             const FileOptions& options, std::uint64_t seed, Marks& marks) {
  load::ReplayFile file;
  file.options.seed = seed;
  if (node.kind == wire::YamlNode::Kind::kScalar) {
    file.path = options.path_of(node.scalar);
    return file;
  }
  const Fields fields(client.problems(), node, client.where("replay"), MapKind::replay);
  if (const std::string path = fields.required("file"); !path.empty())
    file.path = options.path_of(path);
  std::vector<std::string> formats;
  for (const wire::LogFormatRow& row : wire::log_format_rows()) formats.emplace_back(row.name);
  file.format = fields.choice("format", formats).value_or("");
  file.options.speed = parsed_as(fields, "speed", &load::parse_replay_speed).value_or(1);
  file.options.share = parsed_as(fields, "share", &load::parse_replay_share).value_or(1);
  file.options.copies =
      static_cast<std::uint32_t>(fields.count("copies", 1, load::kReplayCopiesMax).value_or(1));
  if (const auto times = fields.choice("times", {"start", "end"}))
    file.log.mark = *times == "end" ? wire::TimeMark::kEnd : wire::TimeMark::kStart;
  read_log_fields(fields, file.log.fields);
  file.log.host = fields.text("host").value_or("");
  file.log.client_spans = fields.boolean("client_spans").value_or(false);
  file.options.keep_secrets = fields.boolean("keep_secrets").value_or(false);
  file.options.keep_host = fields.boolean("keep_host").value_or(false);
  read_body(fields, options, file.options, marks);
  return file;
}

void refuse_others(const Fields& client, const char* key, std::initializer_list<const char*> others,
                   std::string_view why) {
  for (const char* other : others) {
    if (client.has(other))
      client.problems().add(client.place(other),
                            fmt::format("{} can't be there beside {}", client.where(other), key),
                            why);
  }
  const wire::YamlNode* const request = client.find("request");
  if (!request) return;
  for (const char* own : kOwnOfRequests) {
    if (const wire::YamlNode* const node = request->find(own))
      client.problems().add(
          node->place,
          fmt::format("{}.{} can't be there beside {}", client.where("request"), own, key),
          "each request of the file has its own");
  }
}

void read_replay_of(const Fields& client_fields, const FileOptions& options, std::uint64_t seed,
                    load::ClientSpec& client) {
  Problems& problems = client_fields.problems();
  refuse_others(client_fields, "replay", {"arrival", "rate", "closed_loop", "targets", "app"},
                "the log says when its requests are due");
  if (client.count > 1)
    problems.add(client_fields.place("num"), client_fields.where("num") + " of a replay must be 1",
                 "one client sends all of the log, over as many loops and connections as it needs");
  const std::size_t before = problems.count();
  Marks marks;
  const load::ReplayFile file =
      replay_file(client_fields, *client_fields.find("replay"), options, seed, marks);
  if (problems.count() != before || file.path.empty()) return;
  if (std::filesystem::path(file.path).filename() == "-")
    return problems.add(client_fields.place("replay"),
                        client_fields.where("replay") + " can't be stdin",
                        "its file is read twice: for its times, and for its requests");
  if (!can_be_read_twice(client_fields, "replay", file.path)) return;
  const auto replay = load::read_replay(file);
  if (!replay.ok())
    return problems.add(client_fields.place("replay"), client_fields.where("replay"),
                        replay.error());
  client.arrival = {};
  client.arrival.kind = "prerecorded";
  client.arrival.recorded_s = load::gaps_of(replay->list);
  client.request.source = {"replay", load::replay_parameters(file)};
  client.request.source.parameters.insert(marks.begin(), marks.end());
  client.request.source.parameters["requests"] = std::to_string(replay->list.size());
}

void read_targets_of(const Fields& client_fields, const FileOptions& options,
                     load::ClientSpec& client) {
  const auto name = client_fields.text("targets");
  refuse_others(client_fields, "targets", {"app"}, "the file says what each request is");
  if (!name || name->empty()) return;
  const std::string path = options.path_of(*name);
  const std::string folder = options.path_of("");
  if (!can_be_read_twice(client_fields, "targets", path)) return;
  const auto targets = load::read_targets(path, folder);
  if (!targets.ok())
    return client_fields.problems().add(client_fields.place("targets"),
                                        client_fields.where("targets"), targets.error());
  client.request.source = {"targets", {{"file", path}, {"folder", folder}}};
}

}  // namespace

void read_listed(const Fields& client_fields, const FileOptions& options, const Plan& plan,
                 load::ClientSpec& client) {
  const bool is_replay = client_fields.has("replay");
  if (!is_replay && !client_fields.has("targets")) return;
  const char* const key = is_replay ? "replay" : "targets";
  Problems& problems = client_fields.problems();
  if (!options.path_of || !options.read_file)
    return problems.add(client_fields.place(key), client_fields.where(key),
                        Error{ErrorCode::kIo, {}, {}, "files can't be read here", {}});
  if (!client.request.source.kind.empty())
    return problems.add(client_fields.place(key),
                        fmt::format("{} can't be there beside an app, data, templates or steps",
                                    client_fields.where(key)),
                        "each request of the file is sent as it is");
  if (is_replay)
    read_replay_of(client_fields, options, plan.seed, client);
  else
    read_targets_of(client_fields, options, client);
}

}  // namespace galileo::plan
