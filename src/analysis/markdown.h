// A result as a page of Markdown, as pipelines show one: whether it passed, what didn't hold, the
// figures. Names of strangers are code in it, which is neither markup nor a mention, and it is
// bounded: what is left out is said in it. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "analysis/result.h"

namespace galileo::analysis {

// At most that many bytes, where that is more than a few thousand.
std::string markdown_page(const RunResult& result, const Summary& summary, std::size_t bytes_max);

// Text from outside as code, for a line or a cell of a table.
std::string markdown_code(std::string_view text);

}  // namespace galileo::analysis
