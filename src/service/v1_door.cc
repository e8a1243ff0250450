#include "service/v1_door.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "service/problem_json.h"
#include "wire/uri.h"

namespace galileo::service {
namespace {

using Json = nlohmann::json;
using Query = std::vector<std::pair<std::string, std::string>>;

std::string_view asked_method(const net::ServerConnection& connection) {
  return connection.method() == "HEAD" ? std::string_view("GET") : connection.method();
}

std::string header_of(const net::ServerConnection& connection, std::string_view name) {
  const std::string* const value = connection.header(name);
  return value ? *value : std::string();
}

RestAnswer refuse(int status, std::string title, std::string detail = {}, std::string hint = {}) {
  return problem_answer(
      ProblemDetail{status, std::move(title), std::move(detail), std::move(hint)});
}

struct FoundRoute {
  const V1Route* route = nullptr;
  std::vector<std::string> arguments;
  std::string methods;  // that the path has; empty: it isn't there
};

FoundRoute find_route(std::string_view method, std::string_view path) {
  FoundRoute found;
  for (const V1Route& route : v1_routes()) {
    std::vector<std::string> arguments;
    if (!match_path(route.pattern, path, arguments)) continue;
    found.methods += (found.methods.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == "GET") found.methods += ", HEAD";
    if (route.method != method) continue;
    found.route = &route;
    found.arguments = std::move(arguments);
  }
  return found;
}

// Why the value isn't what the schema says; empty: it is. Only what the table has of schemas.
std::string misfit(const std::string& value, std::string_view schema_text) {
  const Json schema = Json::parse(schema_text);
  if (schema.contains("enum")) {
    const Json& all = schema["enum"];
    if (std::find(all.begin(), all.end(), Json(value)) == all.end())
      return "it is one of " + all.dump();
  }
  if (schema.value("type", "") != "integer") return {};
  const auto number = parse_integer(value);
  if (!number || *number < schema["minimum"].get<std::int64_t>() ||
      *number > schema["maximum"].get<std::int64_t>())
    return fmt::format("it is a number from {} to {}", schema["minimum"].dump(),
                       schema["maximum"].dump());
  return {};
}

std::string decode_query(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '+', ' ');
  return wire::decode_percent(plain);
}

bool is_token_name(std::string_view name) {
  return name == "token" || name == "access_token" || name == "authorization";
}

const V1Parameter* parameter_of(const V1Route& route, std::string_view name) {
  for (const V1Parameter& one : route.parameters) {
    if (one.in == V1Parameter::In::kQuery && one.name == name) return &one;
  }
  return nullptr;
}

std::optional<RestAnswer> refused_value(const Query& query, const std::string& name,
                                        const std::string& value, const V1Parameter& parameter) {
  for (const auto& [other, its] : query) {
    if (other == name) return refuse(400, "a parameter comes twice", name);
  }
  if (!is_utf8(value)) return refuse(400, "a parameter isn't UTF-8", name);
  if (std::string why = misfit(value, parameter.schema); !why.empty())
    return refuse(400, "a parameter is wrong", name + ": " + why);
  return std::nullopt;
}

// A body's type is looked at before its body is read.
std::optional<RestAnswer> refused_type(const V1Route& route, const std::string& type) {
  if (route.body_types.empty()) return std::nullopt;
  const bool fits = std::any_of(route.body_types.begin(), route.body_types.end(),
                                [&](std::string_view one) { return has_type(type, one); });
  if (fits) return std::nullopt;
  return refuse(415, "a body of another type is expected",
                fmt::format("Content-Type: {}", route.body_types.front()));
}

std::optional<RestAnswer> refused_scope(const V1Route& route, const Caller& caller) {
  if (route.scope == Scope::kNone || caller.scope >= route.scope) return std::nullopt;
  if (caller.scope == Scope::kNone) {
    RestAnswer answer = refuse(401, "a login is needed", {},
                               "send Authorization: Bearer and a token of galileo api token add");
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    return answer;
  }
  return refuse(403, "this login may not do that",
                fmt::format("it has the scope {}, and {} is needed", scope_name(caller.scope),
                            scope_name(route.scope)));
}

}  // namespace

std::variant<Query, RestAnswer> read_query(std::string_view target, const V1Route& route) {
  Query query;
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos)
    target = {};
  else
    target.remove_prefix(mark + 1);
  for (const std::string_view part : split(target, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::string name = decode_query(part.substr(0, equals));
    const std::string value =
        equals == std::string_view::npos ? std::string() : decode_query(part.substr(equals + 1));
    if (is_token_name(to_lower(name)))
      return refuse(400, "a token in an address ends up in logs", {},
                    "send it as Authorization: Bearer");
    const V1Parameter* const parameter = parameter_of(route, name);
    if (!parameter) return refuse(400, "there is no such parameter", make_utf8(name));
    if (auto refused = refused_value(query, name, value, *parameter)) return std::move(*refused);
    query.emplace_back(name, value);
  }
  for (const V1Parameter& one : route.parameters) {
    const bool given = std::any_of(query.begin(), query.end(),
                                   [&](const auto& pair) { return pair.first == one.name; });
    if (one.is_required && one.in == V1Parameter::In::kQuery && !given)
      return refuse(400, "a parameter is missing", std::string(one.name));
  }
  return query;
}

std::variant<V1Call, RestAnswer> V1Door::enter(const net::ServerConnection& connection,
                                               const Visitor& visitor, Time now, Wall wall,
                                               Counts counts) {
  access_.look();
  if (!is_own_host(guard_, visitor.host))
    return refuse(403, "the host asked for isn't this machine",
                  make_utf8(visitor.host.empty() ? "none" : visitor.host),
                  "--allowed-host of galileo api adds a name");
  const std::string_view path =
      std::string_view(connection.target()).substr(0, connection.target().find('?'));
  FoundRoute found = find_route(asked_method(connection), path);
  if (!found.route) {
    if (found.methods.empty()) return refuse(404, "there is no such thing here", make_utf8(path));
    RestAnswer answer = refuse(405, "it hasn't this method", "it has " + found.methods);
    answer.headers.emplace_back("Allow", found.methods);
    return answer;
  }
  if (visitor.writes && is_from_foreign_page(visitor))
    return refuse(403, "a page of somebody else sent it", make_utf8(visitor.origin));
  V1Call call{found.route, {}};
  call.request.caller = access_.caller_of(visitor, wall);
  if (counts == Counts::kYes) {
    if (auto refused = access_.too_often(visitor, call.request.caller, now))
      return std::move(*refused);
  }
  if (auto refused = refused_scope(*found.route, call.request.caller)) return std::move(*refused);
  auto query = read_query(connection.target(), *found.route);
  if (auto* const refused = std::get_if<RestAnswer>(&query)) return std::move(*refused);
  if (auto refused = refused_type(*found.route, visitor.content_type)) return std::move(*refused);
  call.request.method = asked_method(connection);
  call.request.arguments = std::move(found.arguments);
  call.request.query = std::move(std::get<Query>(query));
  call.request.content_type = visitor.content_type;
  call.request.if_match = header_of(connection, "If-Match");
  call.request.if_none_match = header_of(connection, "If-None-Match");
  call.request.idempotency_key = header_of(connection, "Idempotency-Key");
  return call;
}

}  // namespace galileo::service
