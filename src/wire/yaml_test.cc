#include "wire/yaml.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace galileo::wire {
namespace {

// The tree on one line: maps in braces, lists in brackets, quoted scalars in quotes.
std::string flat(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return node.quoted ? "\"" + node.scalar + "\"" : node.scalar;
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + flat(item);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (std::size_t i = 0; i < node.keys.size(); ++i)
        text += (text.empty() ? "" : ", ") + node.keys[i].text + ": " + flat(node.items[i]);
      return "{" + text + "}";
  }
  return text;
}

std::string read(std::string_view text) {
  const auto node = parse_yaml(text);
  if (node) return flat(*node);
  const YamlFault& fault = node.error();
  return fmt::format("{}:{}: {}{}{}", fault.place.line, fault.place.column, fault.why,
                     fault.hint.empty() ? "" : "; ", fault.hint);
}

TEST_CASE("a document becomes a tree of maps, lists and scalars in order") {
  CHECK(read("b: 1\na: [x, 'y', \"z\"]\nc: {d: , e: ~}\n") ==
        "{b: 1, a: [x, \"y\", \"z\"], c: {d: null, e: null}}");
  CHECK(read("- 1\n- - 2\n  - 3\n") == "[1, [2, 3]]");
  CHECK(read("text: |\n  two\n  lines\n") == "{text: \"two\nlines\n\"}");
  CHECK(read("") == "null");
  CHECK(read("# only a comment\n") == "null");
  CHECK(read("--- {a: 1}\n...\n") == "{a: 1}");
}

TEST_CASE("every node and key knows its line and column") {
  const auto root = parse_yaml("name: x\nclients:\n  - {num: 3,\n     rate: 5}\n");
  REQUIRE(root);
  CHECK(root->keys[1].place.line == 2);
  const YamlNode& client = root->items[1].items[0];
  CHECK(client.place.line == 3);
  CHECK(client.place.column == 5);
  CHECK(client.keys[1].place.line == 4);
  CHECK(client.keys[1].place.column == 6);
  CHECK(client.find("rate")->place.column == 12);
  CHECK(client.find("rat") == nullptr);
  CHECK(client.place.setting == -1);
}

TEST_CASE("an alias stands for a copy of what is anchored") {
  CHECK(read("a: &x [1, 2]\nb: *x\nc: {d: *x}\n") == "{a: [1, 2], b: [1, 2], c: {d: [1, 2]}}");
  CHECK(read("a: &x 1\nb: &x 2\nc: *x\n") == "{a: 1, b: 2, c: 2}");
}

TEST_CASE("'<<' merges maps, and what the map has itself holds") {
  CHECK(read("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}\n") == "{a: {k: 1, l: 2}, b: {l: 3, k: 1}}");
  CHECK(read("b: {<<: [{k: 1}, {k: 2, m: 4}]}\n") == "{b: {k: 1, m: 4}}");
  CHECK(read("b: {<<: 5}\n") == "1:9: '<<' merges a map, not '5'");
  CHECK(read("b: {<<: [{}, x]}\n") == "1:14: '<<' merges a map, not 'x'");
  CHECK(read("b: {'<<': 5}\n") == "{b: {<<: 5}}");
}

TEST_CASE("what isn't YAML gets its place, and what to do where that is known") {
  CHECK(read("a: [1, 2\nb: 3\n") ==
        "2:2: end of sequence flow not found; check that each '[' has its ']'");
  CHECK(read("a: {b: 1\n") == "1:9: end of map flow not found; check that each '{' has its '}'");
  CHECK(read("a: b: c\n") == "1:5: illegal map value; quote a text that holds ': '");
  CHECK(read("a:\n  - 1\n b: 2\n") ==
        "3:2: end of map not found; check the indentation, and that each '{' has its '}'");
  CHECK(read("a: 1\n\tb: 2\n") ==
        "2:1: illegal tab when looking for indentation; indent with "
        "blanks");
  CHECK(read("a: \"open\n") == "1:9: illegal EOF in scalar; check that each quote is closed");
  CHECK(read("a: *gone\n") ==
        "1:4: the referenced anchor is not defined; quote a text that begins with '*'");
  CHECK(read("a: %x\n") ==
        "1:4: unknown token; indent with blanks, not with tabs, and quote texts "
        "with % @ `");
  CHECK(read(std::string_view("a: \0b\n", 6)) == "0:0: it holds a zero byte and is no YAML text");
}

TEST_CASE("what YAML allows and an experiment file has no use for is refused") {
  CHECK(read("a: 1\na: 2\n") == "2:1: the key 'a' is there twice");
  CHECK(read("a: 1\n---\nb: 2\n") == "2:1: the file holds a second document; leave out the '---'");
  CHECK(read("[a, b]: 1\n") == "1:1: a key must be a text, not a list");
  CHECK(read("~: 1\n") == "1:1: a key must be a text, not nothing");
  CHECK(read("a: !thing 1\n") == "1:4: unknown tag '!thing'; quote a text that begins with '!'");
  CHECK(read("a: !!str 1\n") == "{a: \"1\"}");
}

// Given files that are small to write and large to hold.
TEST_CASE("nesting and aliases of aliases end in a message, not in the machine's memory") {
  CHECK(read(std::string(100'000, '[')).ends_with("it is nested more than 32 levels deep"));
  CHECK(read(std::string(33, '[') + std::string(33, ']')) ==
        "1:33: it is nested more than 32 levels deep");
  CHECK(parse_yaml(std::string(32, '[') + std::string(32, ']')));
  std::string blocks;
  for (int i = 0; i < 1000; ++i) blocks += std::string(static_cast<std::size_t>(i), ' ') + "-\n";
  CHECK(read(blocks).ends_with("it is nested more than 32 levels deep"));

  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i)
    laughs += fmt::format("a{}: &a{} [*a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}]\n", i,
                          i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
  CHECK(read(laughs).ends_with("it grows too large where its aliases are resolved"));

  std::string deep = "a0: &a0 [[[[[x]]]]]\n";
  for (int i = 1; i < 20; ++i) deep += fmt::format("a{}: &a{} [[[[*a{}]]]]\n", i, i, i - 1);
  CHECK(read(deep).ends_with("it is nested more than 32 levels deep"));

  std::string texts = "t: &t '" + std::string(100'000, 'x') + "'\nl:\n";
  for (int i = 0; i < 1000; ++i) texts += "  - *t\n";
  CHECK(read(texts).ends_with("it grows too large where its aliases are resolved"));

  CHECK(read("a: &a [1, *a]\n") == "1:11: an alias stands in what it stands for");
  CHECK(read("a: &a {b: {<<: *a}}\n") == "1:16: an alias stands in what it stands for");

  std::string many = "[";
  for (int i = 0; i < 210'000; ++i) many += "1,";
  CHECK(read(many + "]").ends_with("it holds more than 200000 values"));
}

TEST_CASE("several documents are read apart from each other, and empty ones are left out") {
  const auto roots = parse_yaml_documents("---\na: &x 1\n---\n---\n# nothing\n---\nb: 2\n...\n");
  REQUIRE(roots);
  REQUIRE(roots->size() == 2);
  CHECK(flat(roots->at(0)) == "{a: 1}");
  CHECK(flat(roots->at(1)) == "{b: 2}");
  CHECK(roots->at(1).keys[0].place.line == 7);
  CHECK(parse_yaml_documents("")->empty());
  CHECK_FALSE(parse_yaml_documents("a: &x 1\n---\nb: *x\n"));
  const auto second = parse_yaml_documents("a: 1\n---\nb: [\n");
  REQUIRE_FALSE(second);
  CHECK(second.error().place.line == 3);
}

std::string kubernetes_json(std::string_view text) {
  const auto node = parse_yaml(text);
  REQUIRE(node);
  return yaml_to_json(*node, &kubernetes_scalar);
}

// Given scalars whose kind readers of YAML disagree on.
TEST_CASE("a manifest becomes the JSON that kubectl makes of it") {
  CHECK(kubernetes_json("a: {b: [1, x, ], c: , d: 'é'}") ==
        R"({"a": {"b": [1, "x"], "c": null, "d": "\u00e9"}})");
  CHECK(kubernetes_json("[0644, 0o644, 0x1F, 0b11, 1_000, -5, +5, 018, 18446744073709551615]") ==
        R"([420, 420, 31, 3, 1000, -5, 5, 18, 18446744073709551615])");
  CHECK(kubernetes_json("[1.5, 1e3, 0.5, .5, 5., -1.5e-3, 1e400, .inf, 1.2.3, -, e3]") ==
        R"([1.5, 1000, 0.5, 0.5, 5, -0.0015, "1e400", ".inf", "1.2.3", "-", "e3"])");
  CHECK(kubernetes_json("[true, True, TRUE, yes, on, y, false, NO, Off, n, tRue, oN]") ==
        R"([true, true, true, true, true, true, false, false, false, false, "tRue", "oN"])");
  CHECK(kubernetes_json("['yes', \"1\", 100m, 1Gi, 2001-01-01, 1:30]") ==
        R"(["yes", "1", "100m", "1Gi", "2001-01-01", "1:30"])");
}

TEST_CASE("a kind is said in words") {
  const auto root = parse_yaml("[~, x, [], {}, " + std::string(61, 'y') + "]");
  REQUIRE(root);
  CHECK(kind_text(root->items[0]) == "nothing");
  CHECK(kind_text(root->items[1]) == "'x'");
  CHECK(kind_text(root->items[2]) == "a list");
  CHECK(kind_text(root->items[3]) == "a map");
  CHECK(kind_text(root->items[4]) == "a text");
}

}  // namespace
}  // namespace galileo::wire
