// The live page's files, as web/ makes them and the program holds them. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "service/rest_message.h"

namespace galileo::service {

// What lies at that path ("/", "/assets/x-1a2b.js"). The page itself is asked for anew each time;
// the rest has its content's hash in its name and never changes. Nothing: there is no such file.
std::optional<RestAnswer> live_page_file(std::string_view path);

}  // namespace galileo::service
