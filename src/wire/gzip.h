// Bytes as a .gz has them (RFC 1952), quickly rather than as small as can be. Pure function; any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace galileo::wire {

std::string gzip(std::string_view bytes);

}  // namespace galileo::wire
