// The report: one HTML file that opens without a network. The page is made by web/ at build time
// and is part of the program; the result document is put into it. Pure but for the writing.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::experiment {

// The page with the document (schema/result.schema.json) in it.
std::string report_html(std::string_view result_json);

// Writes it; no half-written file is left where the disk is full.
Result<void> write_report(const std::string& path, std::string_view result_json);

}  // namespace galileo::experiment
