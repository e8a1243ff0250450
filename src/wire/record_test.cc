#include "wire/record.h"

#include <doctest/doctest.h>

#include <vector>

namespace galileo::wire {
namespace {

// A record with a field of each kind.
struct Inner {
  std::string name;
  std::optional<std::string> note;
};
struct Outer {
  std::string id;
  std::uint64_t count = 0;
  bool fine = false;
  Inner inner;
  std::string kind = "plain";
  std::uint64_t times = 1;
  std::optional<std::uint64_t> limit;
  std::optional<std::vector<Number>> numbers;
  std::string object;
  std::string any;
};

void each_field(auto& visit, auto& record) {
  visit.field("id", record.id);
  visit.field("count", record.count);
  visit.field("fine", record.fine);
  visit.record("inner", "t.Inner", [&](auto& inner) {
    inner.field("name", record.inner.name);
    inner.optional("note", record.inner.note);
  });
  visit.optional("kind", record.kind);
  visit.optional("times", record.times);
  visit.optional("limit", record.limit);
  visit.optional("numbers", record.numbers);
  visit.optional_json("object", record.object, Json::Kind::kObject);
  visit.optional_json("any", record.any);
}

Result<Outer> read(std::string_view text, Tag tag = Tag::kOptional) {
  const Json json = TRY(parse_json(text));
  Outer record;
  RecordReader reader(json, "t.Outer", tag);
  each_field(reader, record);
  TRY(reader.result());
  return record;
}

std::string write(const Outer& record) {
  std::string text;
  RecordWriter writer(text);
  each_field(writer, record);
  writer.end();
  return wrap_record(text, "t.Outer");
}

std::string again(std::string_view text) {
  const Result<Outer> record = read(text);
  return record.ok() ? write(*record) : record.error().to_text();
}

TEST_CASE("a record with all its fields is written as it was read") {
  const std::string text =
      R"({"__obj": ["a", 7, true, ["b", null], "odd", 2, 3, [1, 1.0, -2.5], {"x": [1, "\u00fc"]}, )"
      R"([null]], "__type": "t.Outer"})";
  CHECK(again(text) == text);
}

TEST_CASE("each form of a record means the same") {
  const std::string wanted =
      R"({"__obj": ["a", 7, true, ["b", "c"], "plain", 1, null, null, null, null], )"
      R"("__type": "t.Outer"})";
  const std::vector<std::string> forms{
      // Bare, with the fields that have a default left out, and with fields of a later version.
      R"(["a", 7, true, ["b", "c"]])",
      R"(["a", 7, true, ["b", "c", 1], "plain", 1, null, null, null, null, "later", [1]])",
      R"({"__obj": ["a", 7.0, true, ["b", "c"]]})",
      R"({"__type": "t.Outer", "__obj": {"id": "a", "count": 7, "fine": true, "inner": ["b", "c"]}})",
      R"({"inner": {"note": "c", "name": "b", "later": 1}, "fine": true, "count": 7, "id": "a", "later": {}})",
      R"({"id": "a", "count": 7, "fine": true, "inner": {"__obj": ["b", "c"], "__type": "t.Inner"}, "times": null, "kind": null})",
  };
  for (const std::string& form : forms) {
    CAPTURE(form);
    CHECK(again(form) == wanted);
  }
}

TEST_CASE("what is wrong with a record is said with the field's name") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"("a")", "it is a text, not an array or an object"},
      {R"({"__obj": 1})", "it is a whole number, not an array or an object"},
      {R"([])", "id is missing"},
      {R"({"count": 1})", "id is missing"},
      {R"([1])", "id is a whole number, not a text"},
      {R"([null])", "id is null, not a text"},
      {R"(["a", "7"])", "count is a text, not a whole number"},
      {R"(["a", -1])", "count is -1, not a whole number from 0 to 2^53"},
      {R"(["a", 1.5])", "count is 1.5, not a whole number from 0 to 2^53"},
      {R"(["a", 1e300])", "count is 1e+300, not a whole number from 0 to 2^53"},
      {R"(["a", 7, 1])", "fine is a whole number, not true or false"},
      {R"(["a", 7, true, null])", "in inner: it is null, not an array or an object"},
      {R"(["a", 7, true, []])", "in inner: name is missing"},
      {R"(["a", 7, true, {"name": []}])", "in inner: name is an array, not a text"},
      {R"(["a", 7, true, {"__type": "t.Outer"}])", "in inner: it is of the class \"t.Outer\""},
      {R"(["a", 7, true, ["b", 1]])", "in inner: note is a whole number, not a text"},
      {R"(["a", 7, true, ["b"], 1])", "kind is a whole number, not a text"},
      {R"({"id": "a", "count": 7, "fine": true, "inner": ["b"], "numbers": 1})",
       "numbers is a whole number, not an array of numbers"},
      {R"({"id": "a", "count": 7, "fine": true, "inner": ["b"], "numbers": [1, "2"]})",
       "numbers[1] is a text, not a number"},
      {R"({"id": "a", "count": 7, "fine": true, "inner": ["b"], "object": []})",
       "object is an array, not an object"},
      {R"({"__obj": [], "__type": "t.Other"})", "it is of the class \"t.Other\""},
      {R"({"__obj": [], "__type": 1})", "it is of the class 1"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    const Result<Outer> record = read(text);
    REQUIRE_FALSE(record.ok());
    CHECK(record.error().why == why);
    CHECK(record.error().where == "t.Outer");
    CHECK(record.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("where the class must be said, a record without it is refused") {
  CHECK(read(R"(["a", 7, true, ["b"]])", Tag::kRequired).error().why == "it has no __type");
  CHECK(read(R"({"__obj": ["a", 7, true, ["b"]]})", Tag::kRequired).error().why ==
        "it has no __type");
  CHECK(read(R"({"__obj": ["a", 7, true, ["b"]], "__type": "t.Outer"})", Tag::kRequired).ok());
}

TEST_CASE("whole numbers stay whole, and those beyond 2^53 become others") {
  Outer record = *read(R"(["a", 1, true, ["b"], null, null, null, [50, 50.0, 9007199254740993]])");
  REQUIRE(record.numbers);
  CHECK((*record.numbers)[0] == Number{50, true});
  CHECK((*record.numbers)[1] == Number{50, false});
  CHECK(write(record).find("[50, 50.0, 9007199254740992]") != std::string::npos);
  record.numbers = {{1e18, false}, {-0.0, true}, {-3, true}};
  CHECK(write(record).find("[1e+18, -0, -3]") != std::string::npos);
}

TEST_CASE("a text that should be JSON and isn't goes out as a text") {
  Outer record;
  record.any = "{broken";
  CHECK(write(record).find(R"(null, "{broken"])") != std::string::npos);
  record.any = "{\"a\":[1,2]}";
  CHECK(write(record).find(R"(null, {"a": [1, 2]}])") != std::string::npos);
}

TEST_CASE("a list of records is found in each of its forms") {
  for (const char* text : {R"([["a"], ["b"]])", R"({"__list": [["a"], ["b"]], "__type": "t.X"})",
                           R"({"__list": [["a"], ["b"]]})"}) {
    const Json json = *parse_json(text);
    const auto records = records_of(json, "t.X");
    REQUIRE(records.ok());
    CHECK((*records)->size() == 2);
  }
  for (const char* text : {"1", "{}", R"({"__list": [], "__type": "t.Y"})", R"({"__list": {}})"}) {
    const Json json = *parse_json(text);
    CHECK_FALSE(records_of(json, "t.X").ok());
  }
}

}  // namespace
}  // namespace galileo::wire
