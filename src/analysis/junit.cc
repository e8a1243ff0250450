#include "analysis/junit.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "analysis/requirements.h"
#include "base/utf8.h"

namespace galileo::analysis {
namespace {

constexpr std::size_t kCaseNameMax = 300;   // characters of a name
constexpr std::size_t kCaseTextMax = 2000;  // of what was found
// For all that isn't a test case: the head with its properties, and the end.
constexpr std::size_t kSuiteFrameBytes = std::size_t{64} << 10;

std::string named(std::string_view text) {
  return xml_text(shortened(make_utf8(text), kCaseNameMax));
}

double lasted_s(const wire::Experiment& experiment) {
  const bool is_known = experiment.start != kNoWall && experiment.end != kNoWall;
  return is_known ? std::max(0.0, to_seconds(experiment.end - experiment.start)) : 0;
}

std::string time_attribute(Wall at) {
  if (at == kNoWall) return {};
  return fmt::format(" timestamp=\"{:%Y-%m-%dT%H:%M:%S}\"",
                     fmt::gmtime(static_cast<std::time_t>(to_unix_seconds(at))));
}

std::string property(std::string_view name, std::string_view value) {
  return fmt::format("   <property name=\"{}\" value=\"{}\"/>\n", name, named(value));
}

std::string seconds_or_nothing(std::string_view name, const std::optional<Bound>& bound) {
  return bound && !bound->at_least ? property(name, fmt::format("{}", to_seconds(bound->value)))
                                   : "";
}

// What isn't known has no property.
std::string properties_of(const RunResult& result, const Summary& summary) {
  const Times latency = summary.latencies().all();
  const Rates rates = summary.rates();
  std::string text = "  <properties>\n";
  text += property("experiment", result.experiment.id);
  text += property("verdict", verdict_name(result.verdict.value));
  if (!result.ended_early.empty()) text += property("ended early", result.ended_early);
  text += property("version", result.provenance.version);
  text += property("seed", std::to_string(result.provenance.seed));
  text += property("requests", std::to_string(summary.counted()));
  text += property("answered", std::to_string(summary.latencies().answered.count()));
  if (rates.span_s > 0) {
    text += property("offered_rps", fmt::format("{:.3f}", rates.offered_rps));
    text += property("achieved_rps", fmt::format("{:.3f}", rates.achieved_rps));
  }
  text += seconds_or_nothing("latency_p50_s", latency.percentile(0.5));
  text += seconds_or_nothing("latency_p95_s", latency.percentile(0.95));
  text += seconds_or_nothing("latency_p99_s", latency.percentile(0.99));
  text += seconds_or_nothing("latency_max_s", latency.max());
  return text + "  </properties>\n";
}

std::string case_of(const std::string& suite, const Requirement& one, double took_s) {
  const std::string text = xml_text(shortened(make_utf8(one.text), kCaseTextMax));
  const std::string head =
      fmt::format("  <testcase classname=\"galileo.{}\" name=\"{}\" time=\"{:.3f}\">\n", suite,
                  named(one.name), took_s);
  if (one.met) return fmt::format("{}   <system-out>{}</system-out>\n  </testcase>\n", head, text);
  return fmt::format(
      "{}   <failure message=\"{}\" type=\"requirement\">{}: {}</failure>\n  </testcase>\n", head,
      named(one.text), named(one.name), text);
}

struct Cases {
  std::string text;
  std::size_t written = 0;
  std::size_t failed = 0;
  std::size_t met_left_out = 0;
  std::size_t failed_left_out = 0;
};

Cases cases_of(const RunResult& result, const std::string& suite) {
  Cases cases;
  double took_s = lasted_s(result.experiment);  // the first one's, so that the sum is the run's
  for (const Requirement& one : requirements_of(result)) {
    const std::string text = case_of(suite, one, took_s);
    if (cases.text.size() + text.size() > kPipelineBytesMax - kSuiteFrameBytes) {
      ++(one.met ? cases.met_left_out : cases.failed_left_out);
      continue;
    }
    took_s = 0;
    cases.text += text;
    ++cases.written;
    cases.failed += !one.met;
  }
  return cases;
}

std::string suite_document(const std::string& suite, const Cases& cases, std::size_t errors,
                           const std::string& attributes, const std::string& properties,
                           double took_s) {
  const std::string counts =
      fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" time=\"{:.3f}\"",
                  cases.written, cases.failed, errors, took_s);
  const std::size_t left_out = cases.met_left_out + cases.failed_left_out;
  const std::string end =
      left_out == 0 ? ""
                    : fmt::format(
                          "  <system-out>left out, for the document's size: {} that held, {} that "
                          "didn't; the result (--json) has all of them</system-out>\n",
                          cases.met_left_out, cases.failed_left_out);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"galileo\" {}>\n <testsuite name=\"{}\" {}{}>\n{}{}{} </testsuite>\n"
      "</testsuites>\n",
      counts, suite, counts, attributes, properties, cases.text, end);
}

// The bytes at the start of `text` that XML 1.0 has no character for; it is UTF-8.
std::size_t no_character(std::string_view text) {
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') return 1;
  return text.starts_with("\xEF\xBF\xBE") || text.starts_with("\xEF\xBF\xBF") ? 3 : 0;
}

}  // namespace

std::string xml_text(std::string_view given) {
  const std::string text = make_utf8(given);
  std::string made;
  for (std::size_t i = 0; i < text.size();) {
    if (const std::size_t size = no_character(std::string_view(text).substr(i)); size > 0) {
      made += "\xEF\xBF\xBD";
      i += size;
      continue;
    }
    switch (const char c = text[i++]) {
      case '&':
        made += "&amp;";
        break;
      case '<':
        made += "&lt;";
        break;
      case '>':
        made += "&gt;";
        break;
      case '"':
        made += "&quot;";
        break;
      case '\t':
      case '\n':
      case '\r':  // an attribute's would be read as blanks
        made += fmt::format("&#{};", static_cast<int>(c));
        break;
      default:
        made += c;
    }
  }
  return made;
}

std::string junit_xml(const RunResult& result, const Summary& summary) {
  const std::string suite = named(result.experiment.name);
  return suite_document(suite, cases_of(result, suite), 0, time_attribute(result.experiment.start),
                        properties_of(result, summary), lasted_s(result.experiment));
}

std::string junit_xml(std::string_view name, const Error& error) {
  const std::string suite = named(name);
  Cases cases;
  cases.written = 1;
  cases.text = fmt::format(
      "  <testcase classname=\"galileo.{}\" name=\"the run could begin\" time=\"0\">\n"
      "   <error message=\"{}\" type=\"error\">{}</error>\n  </testcase>\n",
      suite, named(error.what), xml_text(shortened(make_utf8(error.to_text()), kCaseTextMax)));
  return suite_document(suite, cases, 1, {}, {}, 0);
}

}  // namespace galileo::analysis
