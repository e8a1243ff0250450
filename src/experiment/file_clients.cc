#include "experiment/file_clients.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "load/arrival.h"
#include "wire/csv.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kProfileMax = 20'000'000;

bool has_line_break(std::string_view text) {
  return text.find_first_of("\r\n") != std::string_view::npos;
}

// YAML's plain scalars as JSON's values: what isn't quoted and looks like a number is one.
Json to_json_value(const YamlNode& node) {
  Json json;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kList:
      json = Json::array();
      for (const YamlNode& item : node.list) json.push_back(to_json_value(item));
      return json;
    case YamlNode::Kind::kMap:
      json = Json::object();
      for (const auto& [key, value] : node.map) json[key] = to_json_value(value);
      return json;
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node.quoted) return node.scalar;
  if (node.scalar == "true") return true;
  if (node.scalar == "false") return false;
  if (node.scalar == "null" || node.scalar == "~") return nullptr;
  if (const auto integer = parse_integer(node.scalar)) return *integer;
  if (const auto number = parse_number(node.scalar)) return *number;
  return node.scalar;
}

// "a=1&b=2" of a map, whose lists repeat their key, as forms and queries have them.
std::string encode_form(const YamlNode& map) {
  std::string text;
  const auto add = [&](const std::string& key, const std::string& value) {
    if (!text.empty()) text += '&';
    text += wire::encode_query(key) + "=" + wire::encode_query(value);
  };
  for (const auto& [key, value] : map.map) {
    if (value.kind == YamlNode::Kind::kScalar) add(key, value.scalar);
    for (const YamlNode& item : value.list) add(key, item.scalar);
  }
  return text;
}

bool given(const load::Request& request, std::string_view header) {
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& h) {
    return wire::http1::equals_ignoring_case(h.first, header);
  });
}

void read_headers(const Fields& fields, load::Request& request) {
  const YamlNode* headers = fields.find("headers");
  if (!headers) return;
  if (headers->kind != YamlNode::Kind::kMap)
    return fields.wrong_type(*headers, "headers", "a map of names and values");
  for (const auto& [name, value] : headers->map) {
    if (value.kind != YamlNode::Kind::kScalar || has_line_break(value.scalar) ||
        name.find_first_of(" :\r\n\t") != std::string::npos || name.empty()) {
      fields.problems().add(value,
                            fmt::format("{}.{} is no header", fields.where("headers"), name));
      continue;
    }
    request.headers.emplace_back(name, value.scalar);
  }
}

void read_body(const Fields& fields, load::Request& request) {
  const YamlNode* data = fields.find("data");
  const YamlNode* json = fields.find("json");
  if (data && json)
    fields.problems().add(*json, fmt::format("{} can't have data and json", fields.where("json")));
  if (data && data->kind == YamlNode::Kind::kList)
    fields.wrong_type(*data, "data", "a text, or a map that is sent as a form");
  const char* type = nullptr;
  if (json) {
    request.body = to_json_value(*json).dump(-1, ' ', false, Json::error_handler_t::replace);
    type = "application/json";
  } else if (data && data->kind == YamlNode::Kind::kMap) {
    request.body = encode_form(*data);
    type = "application/x-www-form-urlencoded";
  } else if (data) {
    request.body = data->scalar;
  }
  request.has_body = data || json;
  if (type && !given(request, "content-type")) request.headers.emplace_back("Content-Type", type);
}

void read_path(const Fields& fields, load::Request& request) {
  std::string path = fields.text("path").value_or("/");
  if (path.find_first_of("\r\n") != std::string::npos)
    fields.problems().add(*fields.find("path"),
                          fmt::format("{} has a line break", fields.where("path")));
  if (path.empty() || path.front() != '/') path.insert(0, "/");
  request.path = wire::encode_path(path.substr(0, path.find('#')));
  const YamlNode* params = fields.find("params");
  if (!params) return;
  if (params->kind == YamlNode::Kind::kList)
    return fields.wrong_type(*params, "params", "a map, or a text");
  const std::string query = params->kind == YamlNode::Kind::kMap
                                ? encode_form(*params)
                                : wire::encode_path(params->scalar);
  if (query.empty()) return;
  request.path += request.path.find('?') == std::string::npos ? "?" : "&";
  request.path += query;
}

void read_auth(const Fields& fields, load::Request& request) {
  if (const auto pair = fields.words("auth")) {
    if (pair->size() != 2)
      fields.problems().add(*fields.find("auth"),
                            fmt::format("{} must be [user, password]", fields.where("auth")));
    else
      request.headers.emplace_back("Authorization",
                                   "Basic " + wire::base64((*pair)[0] + ":" + (*pair)[1]));
  }
  const YamlNode* cookies = fields.find("cookies");
  if (!cookies) return;
  if (cookies->kind != YamlNode::Kind::kMap)
    return fields.wrong_type(*cookies, "cookies", "a map of names and values");
  std::string text;
  for (const auto& [name, value] : cookies->map) {
    if (has_line_break(value.scalar) || has_line_break(name))
      fields.problems().add(value, fmt::format("{} has a line break", fields.where("cookies")));
    text += (text.empty() ? "" : "; ") + name + "=" + value.scalar;
  }
  if (!text.empty()) request.headers.emplace_back("Cookie", text);
}

load::Request read_request(Problems& problems, const YamlNode& node, const std::string& where) {
  const Fields fields(problems, node, where,
                      {"method", "path", "data", "json", "headers", "params", "timeout",
                       "allow_redirects", "verify", "auth", "cookies"});
  load::Request request;
  request.method = fields.text("method").value_or("get");
  for (char& c : request.method) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (request.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos ||
      request.method.empty())
    problems.add(*fields.find("method"), fmt::format("{} is no method", fields.where("method")),
                 "use get, post, put, ...");
  read_path(fields, request);
  read_headers(fields, request);
  read_body(fields, request);
  read_auth(fields, request);
  request.timeout = fields.duration("timeout");
  if (const auto follow = fields.boolean("allow_redirects"))
    request.redirects_max = *follow ? 30u : 0u;  // 30 is what the old client followed
  fields.boolean("verify");
  return request;
}

// Seconds between requests from the file that `profile` names.
void read_profile(const Fields& fields, const FileOptions& options, load::ArrivalSpec& arrival) {
  const auto path = fields.text("profile");
  if (!path) return;
  arrival.kind = "prerecorded";
  const auto text =
      options.read_file
          ? options.read_file(*path)
          : Result<std::string>(Error{ErrorCode::kIo, "files can't be read here", *path, {}, {}});
  const auto profile = text.ok() ? parse_profile(*text) : Result<std::vector<double>>(text.error());
  if (profile.ok())
    arrival.recorded_s = *profile;
  else
    fields.problems().add(*fields.find("profile"), fields.where("profile"), profile.error());
}

load::ArrivalSpec read_arrival(Problems& problems, const YamlNode& node, const std::string& where,
                               const FileOptions& options) {
  const Fields fields(problems, node, where, {"distribution", "parameters", "profile", "list"});
  load::ArrivalSpec arrival;
  if (const auto kind = fields.text("distribution")) arrival.kind = *kind;
  if (const auto parameters = fields.numbers("parameters")) arrival.parameters = *parameters;
  if (const auto list = fields.numbers("list")) {
    arrival.kind = "prerecorded";
    arrival.recorded_s = *list;
  }
  read_profile(fields, options, arrival);
  return arrival;
}

// `rate: 100`, `rate: 10k`, or a shape with its parameters by name.
load::ArrivalSpec read_rate(Problems& problems, const YamlNode& node, const std::string& where) {
  load::ArrivalSpec arrival;
  arrival.kind = "constant_rate";
  if (node.kind == YamlNode::Kind::kScalar) {
    const auto rps = parse_rate(node.scalar);
    if (!rps.ok()) problems.add(node, where, rps.error());
    arrival.parameters = {rps.ok() ? *rps : 1};
    return arrival;
  }
  const Fields fields(problems, node, where,
                      {"shape", "process", "rps", "max_rps", "period", "mu", "sigma", "max", "min",
                       "step", "from", "to", "seconds", "steps"});
  const std::string shape = fields.text("shape").value_or("constant");
  arrival.process = fields.text("process").value_or("static");
  const auto rps = [&](const char* key) -> double {
    const auto text = fields.text(key);
    if (!text)
      problems.add(node, fmt::format("{} is missing for a {} rate", fields.where(key), shape));
    const auto value = text ? parse_rate(*text) : Result<double>(0.0);
    if (!value.ok()) problems.add(*fields.find(key), fields.where(key), value.error());
    return value.ok() ? *value : 0;
  };
  const auto duration_s = [&](const char* key) -> double {
    if (!fields.has(key))
      problems.add(node, fmt::format("{} is missing for a {} rate", fields.where(key), shape));
    return to_seconds(fields.duration(key).value_or(Duration{0}));
  };
  if (shape == "constant") {
    arrival.parameters = {rps("rps")};
  } else if (shape == "sine") {
    arrival.kind = "sine";
    arrival.parameters = {rps("max_rps"), duration_s("period")};
  } else if (shape == "random_walk") {
    arrival.kind = "random_walk";
    arrival.parameters = {rps("mu"), rps("sigma"), rps("max"), fields.has("min") ? rps("min") : 0.0,
                          fields.has("step") ? duration_s("step") : 1.0};
  } else if (shape == "ramp") {
    arrival.kind = "ramp";
    arrival.parameters = {rps("from"), rps("to"), duration_s("seconds")};
  } else if (shape == "steps") {
    arrival.kind = "steps";
    const YamlNode* steps = fields.find("steps");
    if (!steps || steps->kind != YamlNode::Kind::kList || steps->list.empty())
      problems.add(steps ? *steps : node,
                   fmt::format("{} must be a list of {{rps, for}}", fields.where("steps")));
    else
      for (std::size_t i = 0; i < steps->list.size(); ++i) {
        const Fields step(problems, steps->list[i], fmt::format("{}[{}]", fields.where("steps"), i),
                          {"rps", "for"});
        const auto value = parse_rate(step.required("rps"));
        if (!value.ok()) problems.add(steps->list[i], step.where("rps"), value.error());
        arrival.parameters.push_back(value.ok() ? *value : 0);
        if (!step.has("for")) problems.add(steps->list[i], step.where("for") + " is missing");
        arrival.parameters.push_back(
            to_seconds(step.duration("for").value_or(std::chrono::seconds{1})));
      }
  } else {
    problems.add(*fields.find("shape"), fmt::format("unknown shape '{}'", shape),
                 hint_for_unknown(shape, {"constant", "sine", "random_walk", "ramp", "steps"}));
  }
  return arrival;
}

void read_pace(const Fields& fields, const FileOptions& options, load::ClientSpec& client) {
  Problems& problems = fields.problems();
  if (fields.has("arrival") + fields.has("rate") + fields.has("closed_loop") > 1)
    problems.add(fields.node(), "a client can have only one of arrival, rate and closed_loop");
  const YamlNode* pace = &fields.node();
  std::string where = fields.where("arrival");
  if (const YamlNode* arrival = fields.find("arrival")) {
    client.arrival = read_arrival(problems, *arrival, where, options);
    pace = arrival;
  }
  if (const YamlNode* rate = fields.find("rate")) {
    where = fields.where("rate");
    client.arrival = read_rate(problems, *rate, where);
    pace = rate;
  }
  if (const YamlNode* closed = fields.find("closed_loop")) {
    client.closed_loop = true;
    const Fields loop(problems, *closed, fields.where("closed_loop"), {"connections"});
    const auto connections = loop.count("connections").value_or(1);
    if (connections < 1 || connections > 1'000'000)
      problems.add(*closed,
                   fmt::format("{} must be from 1 to 1,000,000", loop.where("connections")));
    client.connections = static_cast<std::uint32_t>(connections);
    return;
  }
  if (!problems.empty() || load::unpaced(client.arrival)) return;
  const auto made = load::make_arrival(client.arrival);
  if (!made.ok()) problems.add(*pace, where, made.error());
}

}  // namespace

Result<std::vector<double>> parse_profile(std::string_view text) {
  std::vector<double> values;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const std::vector<std::string> fields = wire::parse_csv_line(line);
    const auto value = parse_number(trim(fields.front()));
    if (!value && values.empty() && number == 1) continue;  // a heading
    if (!value || *value < 0)
      return Error{ErrorCode::kUsage,
                   {},
                   fmt::format("line {}", number),
                   fmt::format("'{}' is no time between requests", fields.front()),
                   "write one number of seconds a line, from 0 up"};
    values.push_back(*value);
    if (values.size() > kProfileMax)
      return Error{ErrorCode::kUsage, {}, {}, "the profile has more than 20 million lines", {}};
  }
  if (values.empty()) return Error{ErrorCode::kUsage, {}, {}, "the profile has no numbers", {}};
  return values;
}

load::ClientSpec read_client(Problems& problems, const YamlNode& node, const std::string& where,
                             const FileOptions& options) {
  const Fields fields(problems, node, where,
                      {"service", "name", "num", "request", "arrival", "rate", "closed_loop",
                       "requests", "duration", "start_after", "warmup"});
  load::ClientSpec client;
  client.service = fields.required("service");
  client.name = fields.text("name").value_or(client.service);
  const std::uint64_t count = fields.count("num").value_or(1);
  if (count < 1 || count > 1'000'000)
    problems.add(*fields.find("num"), fields.where("num") + " must be from 1 to 1,000,000");
  client.count = static_cast<std::uint32_t>(count);
  if (const YamlNode* request = fields.find("request"))
    client.request = read_request(problems, *request, fields.where("request"));
  read_pace(fields, options, client);
  if (const auto requests = fields.count("requests"); requests && *requests > 0)
    client.requests = *requests;  // 0 means without end, as on the wire
  client.duration = fields.duration("duration");
  client.start_after = fields.duration("start_after").value_or(Duration{0});
  client.warmup = fields.duration("warmup").value_or(Duration{0});
  return client;
}

}  // namespace galileo::experiment
