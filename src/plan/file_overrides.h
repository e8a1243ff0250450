// What changes an experiment file's tree before it is read: --set and environment variables. A part
// of file.cc. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "plan/fields.h"
#include "wire/yaml.h"

namespace galileo::plan {

// Puts the value of "path=value" into the tree. A path is made of keys and list positions:
// clients[0].requests, services.hello.hosts["127.0.0.1:8080"]. Keys that aren't there are made, a
// position just behind a list's end adds to it. The value is YAML, as if it stood in the file.
// `number` is the setting's, for the places.
void apply_setting(Problems& problems, wire::YamlNode& root, const std::string& setting,
                   int number);

// What a setting is called in a message: "--set path". Its value may be a secret.
std::string setting_name(const std::string& setting);

// Puts environment variables into every key and value: ${NAME}, ${NAME:-default} (also where it is
// empty); $$ is a dollar.
void expand_environment(
    Problems& problems, wire::YamlNode& root,
    const std::function<std::optional<std::string>(std::string_view)>& environment);

}  // namespace galileo::plan
