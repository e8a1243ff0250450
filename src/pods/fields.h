// Reading more of a JSON object of Kubernetes than its texts (kubernetes/objects.h), by the names
// on the way to a value. What isn't there, or is another kind of value, is as if it were left out:
// servers of other versions leave out more, and none of it ends an observer. Pure functions; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace galileo::pods {

using Path = std::initializer_list<std::string_view>;

// Messages of registries and programs can be pages long: so many characters of them are told.
inline constexpr std::size_t kMessageMax = 1000;

// A null where there is none.
const nlohmann::json& value_at(const nlohmann::json& object, Path path);
// `otherwise` where it is no whole number.
std::int64_t number_at(const nlohmann::json& object, Path path, std::int64_t otherwise = 0);
bool is_true_at(const nlohmann::json& object, Path path);
// An object's texts by their keys, sorted by bytes.
std::map<std::string, std::string> texts_at(const nlohmann::json& object, Path path);
// The same of amounts, as the API server writes them.
std::map<std::string, std::string> amounts_at(const nlohmann::json& object, Path path);

}  // namespace galileo::pods
