// Tables from others' hands: what is understood of them, and the one error that says where it
// isn't.
#include "tables/table_reader.h"

#include "base/file.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::tables;
using std::string_literals::operator""s;

namespace {

const std::vector<WantedColumn> kWanted = {{"A"}, {"B"}, {"C", true}};

Result<std::unique_ptr<TableReader>> open(const std::string& path) {
  return path.ends_with(".csv") ? read_csv(path, kWanted) : read_json_lines(path, kWanted);
}

// All rows of the file's text, "A|B|C" a row with - for null; or the first error.
Result<std::string> read_all(const TestFolder& folder, const std::string& name,
                             const std::string& text) {
  must(write_whole_file(folder.file(name), text));
  const auto reader = TRY(open(folder.file(name)));
  std::string rows;
  std::vector<Field> fields;
  while (TRY(reader->next(fields))) {
    for (const Field& field : fields) rows += field.value_or("-") + "|";
    rows += "\n";
  }
  return rows;
}

struct Good {
  std::string what;
  std::string name;
  std::string text;
  std::string rows;
};
const Good kGood[] = {
    {"no rows", "t.csv", "A,B\r\n", ""},
    {"columns in another order, and others", "t.csv", "X,C,B,A\n0,3,2,1\n", "1|2|3|\n"},
    {"a column that came later", "t.csv", "A,B\n1,2\n", "1|2|-|\n"},
    {"null and an empty text", "t.csv", "A,B,C\n,\"\",\n", "-||-|\n"},
    {"no end of the last line", "t.csv", "A,B\n1,2", "1|2|-|\n"},
    {"empty lines", "t.csv", "A,B\n\n1,2\n\r\n3,4\n\n", "1|2|-|\n3|4|-|\n"},
    {"a byte order mark", "t.csv",
     "\xef\xbb\xbf"
     "A,B\n1,2\n",
     "1|2|-|\n"},
    {"names in quotes", "t.csv", "\"A\",\"B\"\n1,2\n", "1|2|-|\n"},
    {"an apostrophe that a spreadsheet got", "t.csv", "A,B\n'=1,'x\n", "=1|'x|-|\n"},
    {"no rows", "t.jsonl", "", ""},
    {"keys in another order, and others", "t.jsonl", R"({"X":0,"C":3,"B":2,"A":1})", "1|2|3|\n"},
    {"a column that came later", "t.jsonl", "{\"A\":1,\"B\":2}\n", "1|2|-|\n"},
    {"null and an empty text", "t.jsonl", R"({"A":null,"B":"","C":null})", "-||-|\n"},
    {"an infinite value", "t.jsonl", R"({"A":null,"A_INFINITE":"-inf","B":1,"B_INFINITE":"inf"})",
     "-inf|1|-|\n"},
    {"an infinite value that is none", "t.jsonl", R"({"A":null,"A_INFINITE":1,"B":1})", "-|1|-|\n"},
    {"empty lines", "t.jsonl", "\n{\"A\":1,\"B\":2}\n  \r\n{\"A\":3,\"B\":4}\r\n\n",
     "1|2|-|\n3|4|-|\n"},
    {"a byte order mark", "t.jsonl", "\xef\xbb\xbf{\"A\":1,\"B\":2}\n", "1|2|-|\n"},
    {"a byte order mark in a line of its own", "t.jsonl", "\xef\xbb\xbf\n{\"A\":1,\"B\":2}\n",
     "1|2|-|\n"},
    {"numbers as they are", "t.jsonl", R"({"A":18446744073709551615,"B":-0.0,"C":1e300})",
     "18446744073709551615|-0.0|1e+300|\n"},
    {"escapes", "t.jsonl", R"({"A":"\u00fc\ud83d\ude00\n","B":true,"C":{"x":[1]}})",
     "\u00fc\U0001f600\n|true|{\"x\":[1]}|\n"},
};

struct Bad {
  std::string what;
  std::string name;
  std::string text;
  std::string place;  // behind the folder
  std::string why;
};
const Bad kBad[] = {
    {"an empty file", "t.csv", "", "t.csv", "it is empty"},
    {"lines' ends alone", "t.csv", "\r\n\n", "t.csv", "it is empty"},
    {"no such column", "t.csv", "A,C\n1,2\n", "t.csv:1", "it has no column B"},
    {"a name in other letters", "t.csv", "A,b\n1,2\n", "t.csv:1", "it has no column B"},
    {"a field too few", "t.csv", "A,B\n1,2\n3\n", "t.csv:3", "1 fields instead of 2"},
    {"a field too many", "t.csv", "A,B\n1,2,3\n", "t.csv:2", "3 fields instead of 2"},
    {"behind fields of many lines", "t.csv", "A,B\n\"1\n\n1\",2\n3\n", "t.csv:5",
     "1 fields instead of 2"},
    {"quotes without an end", "t.csv", "A,B\n1,2\n1,\"x\n", "t.csv:3", "it ends within quotes"},
    {"quotes in a field", "t.csv", "A,B\n1,x\"y\"\n", "t.csv:2",
     "a quote stands in the middle of a field"},
    {"more behind quotes", "t.csv", "A,B\n1,\"x\"y\n", "t.csv:2",
     "something stands behind closing quotes"},
    {"no such column", "t.jsonl", R"({"A":1,"C":2})", "t.jsonl:1", "it has no column B"},
    {"no such column in a later line", "t.jsonl", "{\"A\":1,\"B\":2}\n\n{\"B\":1}\n", "t.jsonl:3",
     "it has no column A"},
    {"no JSON", "t.jsonl", "{\"A\":1,\"B\":2}\nA,B\n", "t.jsonl:2", "the line isn't a JSON object"},
    {"a list", "t.jsonl", "[1,2]", "t.jsonl:1", "the line isn't a JSON object"},
    {"a line that is cut", "t.jsonl", "{\"A\":1,\"B\":2}\n{\"A\":1,\"B", "t.jsonl:2",
     "the line isn't a JSON object"},
    {"two in a line", "t.jsonl", "{\"A\":1,\"B\":2}{\"A\":1,\"B\":2}", "t.jsonl:1",
     "the line isn't a JSON object"},
    {"bytes that are no text", "t.jsonl", "{\"A\":\"\xff\",\"B\":2}", "t.jsonl:1",
     "the line isn't a JSON object"},
    {"characters of 0", "t.jsonl", "{\"A\":1,\"B\":2}\n\0\0\0"s, "t.jsonl:2",
     "the line isn't a JSON object"},
};

}  // namespace

TEST_CASE("tables are read as they were meant") {
  const TestFolder folder;
  for (const Good& good : kGood) {
    INFO(good.name, " with ", good.what);
    CHECK(must(read_all(folder, good.name, good.text)) == good.rows);
  }
}

TEST_CASE("a damaged table is one error: what, where by file and line, why, and what to do") {
  const TestFolder folder;
  for (const Bad& bad : kBad) {
    INFO(bad.name, " with ", bad.what);
    const auto read = read_all(folder, bad.name, bad.text);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code == ErrorCode::kCorrupt);
    CHECK(read.error().what == "can't read the table");
    CHECK(read.error().where == folder.file(bad.place));
    CHECK(read.error().why == bad.why);
    CHECK_FALSE(read.error().hint.empty());
  }
}

TEST_CASE("a table that isn't there is named") {
  const TestFolder folder;
  for (const char* name : {"t.csv", "t.jsonl"}) {
    const auto opened = open(folder.file(name));
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().where == folder.file(name));
  }
}

TEST_CASE("the place is that of the row which was read last, by lines of the file") {
  const TestFolder folder;
  must(write_whole_file(folder.file("t.csv"), "A,B\n\n1,\"x\ny\"\n2,z\n"));
  must(write_whole_file(folder.file("t.jsonl"), "\n{\"A\":1,\"B\":2}\n\n{\"A\":1,\"B\":2}"));
  std::vector<Field> fields;
  for (const auto& [name, first, second] :
       {std::tuple{"t.csv", 3, 5}, std::tuple{"t.jsonl", 2, 4}}) {
    const auto reader = must(open(folder.file(name)));
    REQUIRE(must(reader->next(fields)));
    CHECK(reader->place() == fmt::format("{}:{}", folder.file(name), first));
    REQUIRE(must(reader->next(fields)));
    CHECK(reader->place() == fmt::format("{}:{}", folder.file(name), second));
  }
}
