// Where things are on an API server. Names are made fit for a URL, whatever they hold; whether
// Kubernetes takes them, names.h says. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace galileo::kubernetes {

// "v1", "", "pods" -> "/api/v1/pods"; "apps/v1", "x", "deployments" ->
// "/apis/apps/v1/namespaces/x/deployments". Without a namespace: of the whole cluster.
std::string collection(std::string_view group_version, std::string_view name_space,
                       std::string_view plural);
// One object of it, or a part of that: "scale", "status", "log".
std::string object_path(std::string_view collection, std::string_view name,
                        std::string_view part = {});
// With what is asked behind it; empty values are left out.
std::string with_query(std::string path,
                       const std::vector<std::pair<std::string_view, std::string>>& values);

}  // namespace galileo::kubernetes
