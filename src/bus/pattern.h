// Redis' patterns for channels and keys: `*` any text, `?` any letter, `[a-c]` one of these,
// `[^a-c]` none of them, `\` takes the next letter as it is. Bytes, no letters of more than one. A
// pure function; any thread.
#pragma once

#include <string_view>

namespace galileo::bus {

bool matches(std::string_view pattern, std::string_view text);

}  // namespace galileo::bus
