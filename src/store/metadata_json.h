// The metadata of an experiment as databases keep them that don't know JSON well enough: the text
// as it was given, with the experiment's id in it. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::store {

// `json` is the text of an object; numbers, order and spaces stay as they are. An Error of kUsage
// whose `why` says what is wrong with the text, where it is something else.
Result<std::string> metadata_with_id(std::string_view json, std::string_view id);

// More than anybody means: what goes through it by recursion could use up its stack.
bool is_nested_deeply(std::string_view json);

}  // namespace galileo::store
