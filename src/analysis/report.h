// The report: one HTML file that opens without a network. The page is made by web/ at build time
// and is part of the program; the result document is put into it. Pure but for the writing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::analysis {

// A report is no longer than this many bytes, whatever the run was.
constexpr std::size_t kReportMax = std::size_t{2} << 20;

// The page with the document (schema/result.schema.json) in it, thinned where it is too long for
// the page (report_size.h).
std::string report_html(std::string_view result_json);

// Writes it whole or not at all; the Error says why the file can't be written.
Result<void> write_report(const std::string& path, std::string_view result_json);

}  // namespace galileo::analysis
