#include "analysis/report.h"

#include <algorithm>

#include "analysis/report_size.h"
#include "base/check.h"
#include "base/output.h"

// web/dist/report.html, put into the program by galileo_embed() in CMakeLists.txt.
extern const char galileo_report_page[];
extern const char galileo_report_page_end[];

namespace galileo::analysis {
namespace {

constexpr std::string_view kPlaceholder = "__GALILEO_RESULT__";

// JSON that may stand inside a <script> element: nothing in it can end the element, nor a line of
// JavaScript where the two Unicode line separators would.
std::string fit_for_script(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const std::string_view three = json.substr(i, 3);
    if (json[i] == '<') {
      text += "\\u003c";
    } else if (three == "\xe2\x80\xa8" || three == "\xe2\x80\xa9") {
      text += three == "\xe2\x80\xa8" ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      text += json[i];
    }
  }
  return text;
}

// The document's text for the page, of at most `room` bytes. What escapes add is known only once
// they are made.
std::string fitted(std::string_view json, std::size_t room) {
  std::string text = fit_for_script(json);
  if (text.size() <= room) return text;
  const std::size_t escapes = std::min(text.size() - json.size(), room / 2);
  return fit_for_script(within_size(json, room - escapes));
}

}  // namespace

std::string report_html(std::string_view result_json) {
  const std::string_view page(
      galileo_report_page, static_cast<std::size_t>(galileo_report_page_end - galileo_report_page));
  const std::size_t at = page.find(kPlaceholder);
  ENSURE(at != std::string_view::npos && page.size() < kReportMax / 2);
  std::string html(page.substr(0, at));
  html += fitted(result_json, kReportMax - page.size());
  html += page.substr(at + kPlaceholder.size());
  return html;
}

Result<void> write_report(const std::string& path, std::string_view result_json) {
  return write_document(path, report_html(result_json));
}

}  // namespace galileo::analysis
