#include "load/request_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "load/run_figures.h"

namespace galileo::load {
namespace {

// Below this share of late requests, by less than a millisecond, nobody's figures change.
constexpr double kLateDoubtful = 0.001;

}  // namespace

void SourceFigures::add(const SourceFigures& other) {
  made += other.made;
  late += other.late;
  late_most = std::max(late_most, other.late_most);
  failed += other.failed;
  ended += other.ended;
  if (why_failed.empty()) why_failed = other.why_failed;
  if (why_ended.empty()) why_ended = other.why_ended;
}

void RunFigures::add(const RunFigures& other) {
  for (const auto& [name, figures] : other.sources) sources[name].add(figures);
  for (const auto& [name, counts] : other.checks) {
    checks[name].passed += counts.passed;
    checks[name].failed += counts.failed;
  }
  first_failures.insert(other.first_failures.begin(), other.first_failures.end());
}

Result<std::unique_ptr<RequestSources>> make_request_sources(const Request& request) {
  const std::string& kind = request.source.kind;
  if (kind.empty()) return std::unique_ptr<RequestSources>{};
#define SOURCE(name, text) \
  if (kind == #name) return make_##name##_sources(request);
#include "load/request_sources.def"
#undef SOURCE
  return Error{ErrorCode::kUsage,
               fmt::format("nothing makes requests by the name of '{}'", kind),
               {},
               {},
               {}};
}

std::vector<std::string> notes_of(const SourcesFigures& figures) {
  std::vector<std::string> notes;
  for (const auto& [name, of] : figures) {
    if (of.ended > 0) notes.push_back(fmt::format("{} has ended the load: {}", name, of.why_ended));
    if (of.failed > 0)
      notes.push_back(fmt::format("{} made no request {} times, the first time: {}", name,
                                  format_count(of.failed), of.why_failed));
  }
  return notes;
}

std::vector<std::string> doubts_of(const SourcesFigures& figures) {
  std::vector<std::string> doubts;
  for (const auto& [name, of] : figures) {
    if (of.ended > 0 && of.failed > 0)
      doubts.push_back(fmt::format("{} has ended the load early: {}", name, of.why_ended));
    const auto due = static_cast<double>(of.made + of.failed);
    if (static_cast<double>(of.late) <= kLateDoubtful * due) continue;
    doubts.push_back(fmt::format(
        "requests weren't made in time: {} was late with {} of {} ({:.1f} %), by up to {}", name,
        format_count(of.late), format_count(of.made + of.failed),
        100 * static_cast<double>(of.late) / due, format_duration(of.late_most)));
  }
  return doubts;
}

}  // namespace galileo::load
