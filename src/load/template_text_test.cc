#include "load/template_text.h"

#include <doctest/doctest.h>

namespace galileo::load {
namespace {

TemplateMarks::Outside outside() {
  return {[](std::string_view name) -> std::optional<std::string> {
            if (name == "TOKEN") return "it's \\ a }} token";
            return std::nullopt;
          },
          [](const std::string& path) -> Result<std::string> { return "/folder/" + path; }};
}

// What is wrong with a text; empty: nothing.
std::string fault_of(std::string_view text) {
  TemplateMarks marks(outside());
  const auto taken = marks.take(text, Fit::kPlain);
  return taken.ok() ? "" : taken.error().to_text();
}

TEST_CASE("templates are taken out of a text and shown again as they were written") {
  TemplateMarks marks(outside());
  const std::string text = R"(/a/{{seq}}?u={{ uuid }}&c={{choice "a b" 'c}}d' e}}&t={{env TOKEN}})";
  const auto taken = marks.take(text, Fit::kUrl);
  REQUIRE(taken.ok());
  CHECK(taken->find('{') == std::string::npos);
  CHECK(taken->find('%') == std::string::npos);
  CHECK(with_templates(*taken, marks.marks()) ==
        R"(/a/{{seq}}?u={{uuid}}&c={{choice "a b" 'c}}d' e}}&t={{env TOKEN}})");
  const std::vector<MarkedPiece> pieces = divide(*taken);
  REQUIRE(pieces.size() == 5);
  CHECK(pieces[0].text == "/a/");
  CHECK(pieces[4].mark.empty());
  const auto choice = meaning_of(pieces[2].mark, marks.marks());
  REQUIRE(choice.ok());
  CHECK(choice->fit == Fit::kUrl);
  REQUIRE(choice->call.words.size() == 3);
  CHECK(choice->call.words[0].text == "a b");
  CHECK(choice->call.words[1].text == "c}}d");
  // The environment is looked up once, and whatever is in it is a text.
  const auto token = meaning_of(pieces[3].mark, marks.marks());
  REQUIRE(token.ok());
  CHECK(token->call.kind == TemplateCall::Kind::text);
  CHECK(token->call.words[0].text == "it's \\ a }} token");
}

TEST_CASE("a file that a template names is where the experiment file's folder is") {
  TemplateMarks marks(outside());
  const auto taken = marks.take("{{file 'a b.txt'}} {{base64 http://h/x}}", Fit::kPlain);
  REQUIRE(taken.ok());
  const std::vector<MarkedPiece> pieces = divide(*taken);
  CHECK(meaning_of(pieces[0].mark, marks.marks())->call.words[0].text == "/folder/a b.txt");
  CHECK(meaning_of(pieces[1].mark, marks.marks())->call.words[0].text == "http://h/x");
}

TEST_CASE("two braces that are no template are written with a backslash or within quotes") {
  TemplateMarks marks(outside());
  CHECK(marks.take(R"(a \{{b}} c)", Fit::kPlain).value() == "a {{b}} c");
  CHECK(marks.empty());
  CHECK(marks.take("one { brace } and a }}", Fit::kPlain).value() == "one { brace } and a }}");
  const auto text = marks.take("{{text '{{x}}'}}", Fit::kPlain);
  REQUIRE(text.ok());
  CHECK(meaning_of(divide(*text)[0].mark, marks.marks())->call.words[0].text == "{{x}}");
}

TEST_CASE("rows and values that templates name are known, each once") {
  TemplateMarks marks(outside());
  REQUIRE(marks.take("{{row.user}} {{raw row.user}} {{value.token}}", Fit::kJson).ok());
  REQUIRE(
      marks.take("{{basic row.user row.password}} {{choice row.a 'row.b'}}", Fit::kHeader).ok());
  CHECK(marks.rows() == std::vector<std::string>{"user", "password", "a"});
  CHECK(marks.values() == std::vector<std::string>{"token"});
}

TEST_CASE("what is no template is said, with what to do") {
  const std::pair<const char*, const char*> cases[] = {
      {"{{sek}}", "no template is called 'sek'; did you mean 'seq'?"},
      {"{{}}", "a template is empty"},
      {"{{raw}}", "a template is empty"},
      {"{{seq", "a {{ isn't closed"},
      {"{{choice 'a}}", "a {{ isn't closed"},
      {"{{rand_int 1}}", "rand_int has 1 argument; write {{rand_int least most}}"},
      {"{{rand_int 5 1}}", "5 is more than 1"},
      {"{{rand_int a 1}}", "'a' isn't a whole number"},
      {"{{rand_int 1 99999999999999999999}}", "'99999999999999999999' isn't a whole number"},
      {"{{uuid 1}}", "uuid has 1 argument; write {{uuid}}"},
      {"{{choice}}", "choice has 0 arguments"},
      {"{{now utc}}", "no form of a time is called 'utc'; use one of: iso, s, ms, ns"},
      {"{{env NOPE}}", "the environment has no NOPE"},
      {"{{file row.x}}", "only choice and basic take a row.COLUMN or value.NAME"},
      {"{{row.a b}}", "'b' is too much"},
      {"{{row.}}", "no template is called 'row.'"},
      {"{{basic user}}", "basic has 1 argument; write {{basic user password}}"},
  };
  for (const auto& [text, wanted] : cases) {
    const std::string fault = fault_of(text);
    CHECK_MESSAGE(fault.find(wanted) != std::string::npos, text, ": ", fault);
  }
  CHECK(fault_of("{{rand_int -5 -5}}{{seq 100}}{{now ms}}{{choice a}}").empty());
}

}  // namespace
}  // namespace galileo::load
