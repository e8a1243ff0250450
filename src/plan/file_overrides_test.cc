#include "plan/file_overrides.h"

#include <doctest/doctest.h>

#include "plan/file_request.h"

namespace galileo::plan {
namespace {

// The tree as JSON after the settings and variables, or the problems.
std::string changed(std::string_view text, const std::vector<std::string>& settings) {
  std::vector<std::string> named;
  for (const std::string& setting : settings) named.push_back(setting_name(setting));
  Problems problems("f.yaml", named);
  auto root = wire::parse_yaml(text);
  REQUIRE(root);
  for (std::size_t i = 0; i < settings.size(); ++i)
    apply_setting(problems, *root, settings[i], static_cast<int>(i));
  expand_environment(problems, *root, [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOST") return "db:80";
    if (name == "N_1") return "5";
    if (name == "EMPTY") return "";
    return std::nullopt;
  });
  if (!problems.empty()) return problems.to_error().why;
  return to_json_text(*root);
}

TEST_CASE("a setting changes a value, wherever it is") {
  const char* file = "{name: x, clients: [{num: 1}, {num: 2}]}";
  CHECK(changed(file, {"name=y"}) == R"({"name": "y", "clients": [{"num": 1}, {"num": 2}]})");
  CHECK(changed(file, {"clients[1].num=3"}) ==
        R"({"name": "x", "clients": [{"num": 1}, {"num": 3}]})");
  CHECK(changed(file, {"clients[0]={num: [4, 5]}", "clients[0].num[1]=6"}) ==
        R"({"name": "x", "clients": [{"num": [4, 6]}, {"num": 2}]})");
  CHECK(changed(file, {"name="}) == R"({"name": null, "clients": [{"num": 1}, {"num": 2}]})");
}

TEST_CASE("a setting makes what isn't there, and adds to the end of a list") {
  CHECK(changed("{}", {"a.b.c=1"}) == R"({"a": {"b": {"c": 1}}})");
  CHECK(changed("{l: [1]}", {"l[1]=2", "l[2]=3"}) == R"({"l": [1, 2, 3]})");
  CHECK(changed("{}", {"thresholds[0]='failed == 0'"}) == R"({"thresholds": ["failed == 0"]})");
}

TEST_CASE("a key with dots stands in brackets and quotes") {
  CHECK(changed("{hosts: {'127.0.0.1:80': 1}}", {"hosts[\"127.0.0.1:80\"]=2"}) ==
        R"({"hosts": {"127.0.0.1:80": 2}})");
  CHECK(changed("{}", {"a[\"b=c\"].d=e=f"}) == R"({"a": {"b=c": {"d": "e=f"}}})");
}

TEST_CASE("a setting that can't be is a problem that names it") {
  const std::string form =
      ": it isn't of the form path=value; write for example --set clients[0].requests=100";
  for (const std::string wrong : {"name", "", "=5", "a..b=1", "a[x]=1", "a[0=1", "a[0]b=1", "a.=1",
                                  "a]=1", ".a=1", "a[\"b]=1", "a[]=1"}) {
    CAPTURE(wrong);
    CHECK(changed("{a: [1]}", {wrong}) == "\n  " + setting_name(wrong) + form);
  }
  CHECK(changed("{a: [1]}", {"a[5]=1"}) == "\n  --set a[5]: there is no item [5]: the list has 1");
  CHECK(changed("{a: [1]}", {"a.b=1"}) == "\n  --set a.b: 'b' can't be found in a list");
  CHECK(changed("{a: 1}", {"a.b=1"}) == "\n  --set a.b: 'b' can't be found in '1'");
  CHECK(changed("{a: 1}", {"a[0]=1"}) == "\n  --set a[0]: '0' can't be found in '1'");
  CHECK(changed("{a: {}}", {"a[0]=1"}) == "\n  --set a[0]: '0' can't be found in a map");
  CHECK(changed("{}", {"a=[1"}) ==
        "\n  --set a: its value is no YAML: end of sequence flow not found");
  CHECK(changed("{}", {"a[99999999999999999999]=1"}) ==
        "\n  --set a[99999999999999999999]: there is no item [99999999999999999999]: the list has "
        "0");
}

TEST_CASE("variables of the environment stand in values and keys") {
  CHECK(changed("{a: '${HOST}', b: 'http://${HOST}/${N_1}x'}", {}) ==
        R"({"a": "db:80", "b": "http://db:80/5x"})");
  CHECK(changed("{hosts: {'${HOST}': 1}, l: ['${N_1}']}", {}) ==
        R"({"hosts": {"db:80": 1}, "l": ["5"]})");
  CHECK(changed("n: ${N_1}", {}) == R"({"n": 5})");
  CHECK(changed("{}", {"a='${HOST}'"}) == R"({"a": "db:80"})");
}

TEST_CASE("a default stands where a variable is unset or empty") {
  CHECK(changed("{a: '${NO:-x y}', b: '${EMPTY:-z}', c: '${HOST:-w}', d: '${EMPTY}', e: '${NO:-}'}",
                {}) == R"({"a": "x y", "b": "z", "c": "db:80", "d": "", "e": ""})");
}

TEST_CASE("two dollars are one, and one before anything else stays") {
  CHECK(changed("{a: '$${HOST}', b: 'cost $5', c: '$$$$', d: '$'}", {}) ==
        R"({"a": "${HOST}", "b": "cost $5", "c": "$$", "d": "$"})");
}

TEST_CASE("a variable that can't be put in is a problem at its place") {
  CHECK(changed("a: ${NO}\nb: '${NO'\n", {}) ==
        "\n  f.yaml:1:4: the environment variable NO isn't set; set it, or give a default: "
        "${NO:-value}"
        "\n  f.yaml:2:4: '${' has no '}'; write ${NAME}, or $$ for a dollar");
  CHECK(changed("{a: '${}'}", {}) ==
        "\n  f.yaml:1:5: '${}' isn't an environment variable; write "
        "${NAME} or ${NAME:-default}, or $$ for a dollar");
  CHECK(changed("{a: '${A B}'}", {}).starts_with("\n  f.yaml:1:5: '${A B}' isn't an environment"));
  CHECK(changed("{a: '${NO:-${HOST}}'}", {}).starts_with("\n  f.yaml:1:5: '${NO:-${HOST}' isn't"));
  CHECK(changed("{'${HOST}': 1, 'db:80': 2}", {}) ==
        "\n  f.yaml:1:2: the key 'db:80' is there twice");
}

// A value that a setting replaces isn't looked at.
TEST_CASE("a setting comes before the variables") {
  CHECK(changed("{a: '${NO}'}", {"a=1"}) == R"({"a": 1})");
}

}  // namespace
}  // namespace galileo::plan
