// Looking into objects as the API server gives them: what isn't there is empty. Pure functions; any
// thread.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace galileo::kubernetes {

// What stands there, one key in another; null where something on the way is missing or is no
// object.
const nlohmann::json* find(const nlohmann::json& object,
                           std::initializer_list<std::string_view> keys);
// The text there; empty where there is none.
std::string text_at(const nlohmann::json& object, std::initializer_list<std::string_view> keys);

// The message of a Status, in one line and not too long; empty where there is none.
std::string message_of(const nlohmann::json& status);

std::string name_of(const nlohmann::json& object);
std::string name_space_of(const nlohmann::json& object);
std::string uid_of(const nlohmann::json& object);
std::string version_of(const nlohmann::json& object);  // metadata.resourceVersion

// A server's or a program's text for people, in one line and not too long.
std::string in_one_line(std::string_view text);

}  // namespace galileo::kubernetes
