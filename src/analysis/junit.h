// A result as a JUnit document, as pipelines read one: a test case for each requirement
// (analysis/requirements.h), failures first, figures as properties. It is XML 1.0 whatever the
// names in it are, and bounded: what is left out is said in it. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "analysis/result.h"
#include "base/result.h"

namespace galileo::analysis {

// What pipelines take: some drop larger ones as a whole.
inline constexpr std::size_t kPipelineBytesMax = std::size_t{900} << 10;

std::string junit_xml(const RunResult& result, const Summary& summary);

// Of a run that couldn't begin: one test case, with the error.
std::string junit_xml(std::string_view name, const Error& error);

// The text as XML 1.0 has it, in content and in attributes: what isn't a character there, or no
// UTF-8, becomes U+FFFD.
std::string xml_text(std::string_view text);

}  // namespace galileo::analysis
