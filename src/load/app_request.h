// The request of a client that has a client app (docs/how-to/apps.md): none of its own, but who
// makes its requests, as Request::source has it. Pure functions, plain values; any thread.
#pragma once

#include <string>

#include "apps/settings.h"
#include "base/result.h"
#include "load/workload.h"

namespace galileo::load {

// The kind, and the names of its parameters beside apps::Settings'.
inline constexpr const char* kAppSource = "app";
inline constexpr const char* kAppName = "app";               // or a folder, with a slash
inline constexpr const char* kAppParameters = "parameters";  // a JSON object

// `parameters` is what the app is given, a JSON object; empty or null: none. kUsage for anything
// else. Redirects are followed, as old clients do.
Result<Request> app_request(const std::string& app, const std::string& parameters,
                            const apps::Settings& settings = {});

// Whether an app makes its requests; and which, by its name.
inline bool has_app(const Request& request) {
  return request.source.kind == kAppSource;
}
std::string app_of(const Request& request);

// What the app is given, as it was given to app_request(); empty: nothing.
std::string app_parameters_of(const Request& request);

// The first request of a client of that app, as a fixed one; its processes are gone then. Blocking.
Result<Request> first_of_app(const Request& app);

}  // namespace galileo::load
