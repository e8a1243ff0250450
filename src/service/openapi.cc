// The document of the versioned API, of its table.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "service/v1_routes.h"
#include "wire/http1.h"

// v1_schemas.json, put into the program by galileo_embed() in CMakeLists.txt.
extern const char galileo_v1_schemas[];
extern const char galileo_v1_schemas_end[];

namespace galileo::service {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchemaPath = "#/components/schemas/";

Json schema_of(std::string_view name) {
  return {{"$ref", kSchemaPath + std::string(name)}};
}

Json parameter_json(std::string_view in, const V1Parameter& parameter) {
  return {{"name", parameter.name},
          {"in", in},
          {"required", parameter.is_required},
          {"description", parameter.text},
          {"schema", Json::parse(parameter.schema)}};
}

Json parameters_of(const V1Route& route) {
  Json all = Json::array();
  std::string_view rest = route.pattern;
  for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    const std::size_t close = rest.find('}');
    const V1Parameter of_path{V1Parameter::In::kPath, rest.substr(open + 1, close - open - 1),
                              R"({"type": "string", "minLength": 1})", "", true};
    all.push_back(parameter_json("path", of_path));
    rest.remove_prefix(close + 1);
  }
  for (const V1Parameter& one : route.parameters)
    all.push_back(parameter_json(one.in == V1Parameter::In::kHeader ? "header" : "query", one));
  return all;
}

Json answer_of(const V1Route& route) {
  Json answer{{"description", route.summary}};
  if (route.answer.empty() && route.status == 204) return answer;
  for (const std::string_view type : route.answer_types)
    answer["content"][std::string(type)] = route.answer.empty() || type != "application/json"
                                               ? Json::object()
                                               : Json{{"schema", schema_of(route.answer)}};
  return answer;
}

Json responses_of(const V1Route& route) {
  Json all = Json::object();
  all[std::to_string(route.status)] = answer_of(route);
  // The same submission again, and a route that is new.
  if (route.status == 201) all["200"] = answer_of(route);
  if (route.method == "PUT") all["201"] = answer_of(route);
  std::vector<int> statuses = {400, 401, 403, 404, 429, 503};
  if (!route.body.empty()) statuses.insert(statuses.end(), {413, 415, 422});
  statuses.insert(statuses.end(), route.refusals.begin(), route.refusals.end());
  for (const int status : statuses) {
    all[std::to_string(status)] = {
        {"description", wire::http1::reason_phrase(status)},
        {"content", {{"application/problem+json", {{"schema", schema_of("Problem")}}}}}};
  }
  return all;
}

Json operation_of(const V1Route& route) {
  Json operation{{"operationId", route.id}, {"summary", route.summary}};
  if (route.scope != Scope::kNone) {
    operation["x-scope"] = scope_name(route.scope);
    operation["security"] = Json::array({{{"token", Json::array()}}, {{"cookie", Json::array()}}});
  }
  if (Json parameters = parameters_of(route); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (!route.body.empty()) {
    operation["requestBody"]["required"] = true;
    for (const std::string_view type : route.body_types)
      operation["requestBody"]["content"][std::string(type)] =
          type == "application/json" ? Json{{"schema", schema_of(route.body)}}
                                     : Json{{"schema", {{"type", "string"}}}};
  }
  operation["responses"] = responses_of(route);
  return operation;
}

}  // namespace

std::string_view v1_schemas() {
  return {galileo_v1_schemas,
          static_cast<std::size_t>(galileo_v1_schemas_end - galileo_v1_schemas)};
}

std::string openapi_json(std::string_view version) {
  Json paths = Json::object();
  for (const V1Route& route : v1_routes()) {
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(c + ('a' - 'A'));
    paths[std::string(route.pattern)][method] = operation_of(route);
  }
  const Json schemas = Json::parse(v1_schemas());
  const Json document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Galileo"},
        {"version", version},
        {"description", "A laboratory's experiments, fleet and routes"}}},
      {"paths", paths},
      {"components",
       {{"schemas", schemas},
        {"securitySchemes",
         {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
          {"cookie", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "galileo_session"}}}}}}}};
  return document.dump(2);
}

}  // namespace galileo::service
