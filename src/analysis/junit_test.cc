// What pipelines read of a result: JUnit, Markdown, and the line that scripts look for.
#include "analysis/junit.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "analysis/markdown.h"
#include "analysis/measured_fixture.h"
#include "analysis/requirements.h"

using namespace galileo;
using namespace galileo::analysis;
using std::chrono::milliseconds;

namespace {

std::size_t times_in(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++count;
  return count;
}

RunResult a_result() {
  RunResult result;
  result.experiment.id = "202611240900-ab12";
  result.experiment.name = "hello";
  result.provenance.version = "1";
  return result;
}

ThresholdResult threshold(std::string expression, bool passed) {
  ThresholdResult made;
  made.expression = std::move(expression);
  made.value = 1;
  made.passed = passed;
  return made;
}

}  // namespace

TEST_CASE("what isn't met comes first, each kind of it") {
  struct Row {
    const char* name;
    void (*spoil)(RunResult&);
  };
  const std::vector<Row> rows{
      {"the result can be trusted",
       [](RunResult& result) { result.verdict.value = VerdictValue::kInvalid; }},
      {"the run came to its end", [](RunResult& result) { result.ended_early = "a signal"; }},
      {"the books balance", [](RunResult& result) { result.ledger.intended = 3; }},
      {"the database has all of it",
       [](RunResult& result) {
         result.provenance.database = "a.sqlite";
         result.provenance.spool = "a.spool";
       }},
      {"failed == 0",
       [](RunResult& result) { result.thresholds.push_back(threshold("failed == 0", false)); }},
  };
  const Measurements none;
  for (const Row& row : rows) {
    CAPTURE(row.name);
    RunResult result = a_result();
    result.thresholds.push_back(threshold("sent > 0", true));
    CHECK(junit_xml(result, none.summary).find("<failure") == std::string::npos);
    CHECK(markdown_page(result, none.summary, 100'000).find("❌") == std::string::npos);
    row.spoil(result);
    const std::vector<Requirement> all = requirements_of(result);
    CHECK(all[0].name == row.name);
    CHECK_FALSE(all[0].met);
    CHECK(all[1].met);
    CHECK(times_in(junit_xml(result, none.summary), "<failure") == 1);
    CHECK(times_in(markdown_page(result, none.summary, 100'000), "❌") == 2);  // title and row
  }
}

TEST_CASE("the last line says whether it passed, by the exit code") {
  RunResult result = a_result();
  result.thresholds = {threshold("a", true), threshold("b", false)};
  CHECK(verdict_line(result, 99) == "FAILED: VALID, 1 of 2 thresholds held, exit code 99\n");
  result.thresholds.pop_back();
  CHECK(verdict_line(result, 0) == "PASSED: VALID, 1 of 1 thresholds held, exit code 0\n");
  result.ended_early = "a signal";
  CHECK(verdict_line(result, 105).find("held, ended early, exit code 105") != std::string::npos);
}

TEST_CASE("XML has characters of XML 1.0 only, whatever comes") {
  const std::string sign = "\xEF\xBF\xBD";
  struct Row {
    std::string given, expected;
  };
  const std::vector<Row> rows{
      {"a<b>&\"'", "a&lt;b&gt;&amp;&quot;'"},
      {std::string("\0\x01\x1f", 3), sign + sign + sign},
      {"a\tb\nc\r", "a&#9;b&#10;c&#13;"},
      {"\xEF\xBF\xBE\xEF\xBF\xBF", sign + sign},  // U+FFFE and U+FFFF
      {"\xEF\xBF\xBD", sign},
      {"\xED\xA0\x80", sign + sign + sign},  // half of a surrogate pair
      {"\xff", sign},
      {"\xF0\x9F\x98\x80 \xC2\x85", "\xF0\x9F\x98\x80 \xC2\x85"},
      {"]]>", "]]&gt;"},
  };
  for (const Row& row : rows) CHECK(xml_text(row.given) == row.expected);
}

TEST_CASE("documents are bounded, failures are in them, and what is left out is said") {
  RunResult result = a_result();
  const std::string long_text(400, '&');  // five bytes each in XML
  for (int i = 0; i < 20'000; ++i)
    result.thresholds.push_back(threshold(fmt::format("{} {}", i, long_text), i != 19'999));
  for (int i = 0; i < 20'000; ++i) result.notes.push_back(long_text);
  const Measurements none;
  const std::string junit = junit_xml(result, none.summary);
  CHECK(junit.size() <= kPipelineBytesMax);
  CHECK(junit.size() > kPipelineBytesMax / 2);
  CHECK(junit.find("19999 &amp;") != std::string::npos);
  CHECK(junit.find("left out, for the document's size") != std::string::npos);
  CHECK(junit.find(fmt::format("tests=\"{}\"", times_in(junit, "<testcase"))) != std::string::npos);
  for (const std::size_t bytes : {std::size_t{5000}, std::size_t{100'000}, kPipelineBytesMax}) {
    const std::string page = markdown_page(result, none.summary, bytes);
    CHECK(page.size() <= bytes);
    CHECK(page.find("19999 &") != std::string::npos);
    CHECK(page.find("more requirements are left out") != std::string::npos);
    CHECK(page.find("more notes are left out") != std::string::npos);
  }
}

TEST_CASE("a stranger's name is code in Markdown, and stays in its cell") {
  CHECK(markdown_code("a|b") == "`a\\|b`");
  CHECK(markdown_code("a\\|b\\") == "`a∖\\|b\\`");
  CHECK(markdown_code("a`b``c") == "``` a`b``c ```");
  CHECK(markdown_code("<script> @someone #1\n\n# head") ==
        "`<script> @someone #1\xEF\xBF\xBD\xEF\xBF\xBD# head`");
  CHECK(markdown_code("  ") == "–");
  CHECK(markdown_code("\xff") == "`\xEF\xBF\xBD`");
}

TEST_CASE("a run that couldn't begin is one test case with an error") {
  const Error error{ErrorCode::kUnavailable, "no \x01 bus", "redis://h", "refused", "start one"};
  const std::string junit = junit_xml("a<b", error);
  CHECK(junit.find("tests=\"1\" failures=\"0\" errors=\"1\"") != std::string::npos);
  CHECK(junit.find("galileo.a&lt;b") != std::string::npos);
  CHECK(junit.find('\x01') == std::string::npos);
}
