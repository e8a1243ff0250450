#include "load/app_request.h"

#include "base/text.h"
#include "load/json_value.h"
#include "load/request_parameters.h"

namespace galileo::load {

Result<Request> app_request(const std::string& app, const std::string& parameters,
                            const apps::Settings& settings) {
  Request request;
  request.redirects_max = kRedirectsFollowed;
  request.source.kind = kAppSource;
  request.source.parameters = settings;
  request.source.parameters[kAppName] = app;
  if (trim(parameters).empty()) return request;
  const auto read = parse_json(parameters);
  if (read.ok() && read->kind == JsonValue::Kind::kNull) return request;
  if (!read.ok() || read->kind != JsonValue::Kind::kMap)
    return Error{ErrorCode::kUsage,
                 "the client's parameters can't be used",
                 {},
                 read.ok() ? "an app's parameters are a map" : read.error().why,
                 {}};
  request.source.parameters[kAppParameters] = parameters;
  return request;
}

std::string app_of(const Request& request) {
  const auto found = request.source.parameters.find(kAppName);
  return found == request.source.parameters.end() ? std::string() : found->second;
}

std::string app_parameters_of(const Request& request) {
  const auto found = request.source.parameters.find(kAppParameters);
  return found == request.source.parameters.end() ? std::string() : found->second;
}

}  // namespace galileo::load
