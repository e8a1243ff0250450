// Tables as text: what stands in the file for each value of each type, and that reading gives the
// same value back.
#include "tables/table_writer.h"

#include <cstdlib>
#include <functional>

#include "base/file.h"
#include "store/store_fixture.h"
#include "tables/table_reader.h"

using namespace galileo;
using namespace galileo::tables;

namespace {

using Put = std::function<void(TableWriter&)>;

struct Format {
  std::string name;
  std::unique_ptr<TableWriter> (*writer)();
  Result<std::unique_ptr<TableReader>> (*reader)(const std::string&,
                                                 const std::vector<WantedColumn>&);
};
const Format kFormats[] = {{"csv", csv_writer, read_csv},
                           {"jsonl", json_lines_writer, read_json_lines}};

// A row of the number 7 and of one value more.
void write_one(TableWriter& writer, const std::string& path, ColumnType type, const Put& put) {
  const TableSchema table{"t", {{"N", ColumnType::kInt32}, {"A", type}}};
  must(writer.begin_table(table, path));
  writer.integer(7);
  put(writer);
  writer.end_row();
  must(writer.end_table());
}

Put text(std::string value) {
  return [value](TableWriter& writer) { writer.text(value); };
}
Put number(double value) {
  return [value](TableWriter& writer) { writer.number(value); };
}
Put integer(std::int64_t value) {
  return [value](TableWriter& writer) { writer.integer(value); };
}
Put time_of(Wall value, NoTime none) {
  return [value, none](TableWriter& writer) { writer.time(value, none); };
}
void null(TableWriter& writer) {
  writer.null();
}

struct Cell {
  std::string what;
  ColumnType type;
  Put put;
  std::string csv;   // behind "7,"
  std::string json;  // behind "A":
  Field read;        // in both formats; of numbers the same number
};

using std::string_literals::operator""s;
const std::string kLarge(300'000, 'x');
const double kMost = std::numeric_limits<double>::max();
const double kInfinity = std::numeric_limits<double>::infinity();

const Cell kTexts[] = {
    {"a word", ColumnType::kText, text("hello"), "hello", R"("hello")", "hello"},
    {"nothing", ColumnType::kText, null, "", "null", std::nullopt},
    {"an empty text", ColumnType::kText, text(""), R"("")", R"("")", ""},
    {"a comma", ColumnType::kText, text("a,b"), R"("a,b")", R"("a,b")", "a,b"},
    {"quotes", ColumnType::kText, text(R"("a"b")"), R"("""a""b""")", R"("\"a\"b\"")", R"("a"b")"},
    {"a line's end", ColumnType::kText, text("a\nb"), "\"a\nb\"", R"("a\nb")", "a\nb"},
    {"another line's end", ColumnType::kText, text("a\r\nb\r"), "\"a\r\nb\r\"", R"("a\r\nb\r")",
     "a\r\nb\r"},
    {"blanks around", ColumnType::kText, text("  a "), "  a ", R"("  a ")", "  a "},
    {"a character of 0", ColumnType::kText, text("a\0b"s), "a\0b"s, R"("a\u0000b")", "a\0b"s},
    {"another script", ColumnType::kText, text("ü \xf0\x9f\x98\x80"), "ü \xf0\x9f\x98\x80",
     "\"ü \xf0\x9f\x98\x80\"", "ü \xf0\x9f\x98\x80"},
    {"digits", ColumnType::kText, text("007"), "007", R"("007")", "007"},
    {"the word null", ColumnType::kText, text("null"), "null", R"("null")", "null"},
    {"a large one", ColumnType::kText, text(kLarge), kLarge, '"' + kLarge + '"', kLarge},
    {"a formula", ColumnType::kText, text("=1+1"), "'=1+1", R"("=1+1")", "=1+1"},
    {"a formula in quotes", ColumnType::kText, text("=\"a\""), R"("'=""a""")", R"("=\"a\"")",
     "=\"a\""},
    {"a command", ColumnType::kText, text("@x"), "'@x", R"("@x")", "@x"},
    {"a tab first", ColumnType::kText, text("\tx"), "'\tx", R"("\tx")", "\tx"},
    {"a plus", ColumnType::kText, text("+x"), "'+x", R"("+x")", "+x"},
    {"what looks mended", ColumnType::kText, text("'=x"), "''=x", R"("'=x")", "'=x"},
    {"an apostrophe alone", ColumnType::kText, text("'"), "'", R"("'")", "'"},
    {"a negative number", ColumnType::kText, text("-5"), "-5", R"("-5")", "-5"},
};

const Cell kNumbers[] = {
    {"no code", ColumnType::kInt32, integer(-1), "-1", "-1", "-1"},
    {"the largest integer", ColumnType::kInt64, integer(std::numeric_limits<std::int64_t>::max()),
     "9223372036854775807", "9223372036854775807", "9223372036854775807"},
    {"the least integer", ColumnType::kInt64, integer(std::numeric_limits<std::int64_t>::min()),
     "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"},
    {"no integer", ColumnType::kInt64, null, "", "null", std::nullopt},
    {"a whole number", ColumnType::kSeconds, number(1), "1.0", "1.0", "1.0"},
    {"a fraction", ColumnType::kSeconds, number(0.1), "0.1", "0.1", "0.1"},
    {"no duration", ColumnType::kSeconds, null, "", "null", std::nullopt},
    {"a value", ColumnType::kDouble, number(-0.0), "-0.0", R"(-0.0,"A_INFINITE":null)", "-0.0"},
    {"the largest value", ColumnType::kDouble, number(kMost), "1.7976931348623157e+308",
     R"(1.7976931348623157e+308,"A_INFINITE":null)", "1.7976931348623157e+308"},
    {"the least value", ColumnType::kDouble, number(5e-324), "5e-324",
     R"(5e-324,"A_INFINITE":null)", "5e-324"},
    {"an infinite value", ColumnType::kDouble, number(kInfinity), "inf",
     R"(null,"A_INFINITE":"inf")", "inf"},
    {"less than any", ColumnType::kDouble, number(-kInfinity), "-inf",
     R"(null,"A_INFINITE":"-inf")", "-inf"},
    {"a time", ColumnType::kTime,
     time_of(store::kTestStart + std::chrono::milliseconds{250}, NoTime::kNull), "1795500000.25",
     "1795500000.25", "1795500000.25"},
    {"1970", ColumnType::kTime, time_of(Wall{}, NoTime::kMinusOne), "0.0", "0.0", "0.0"},
    {"no time", ColumnType::kTime, time_of(kNoWall, NoTime::kNull), "", "null", std::nullopt},
    {"no time of the old system", ColumnType::kTime, time_of(kNoWall, NoTime::kMinusOne), "-1.0",
     "-1.0", "-1.0"},
};

std::string read_file(const std::string& path) {
  return must(read_whole_file(path, 64 << 20));
}

// The value of a file's one row; there is no other.
Field read_one(const Format& format, const std::string& path) {
  const auto reader = must(format.reader(path, {{"N"}, {"A"}}));
  std::vector<Field> fields;
  REQUIRE(must(reader->next(fields)));
  CHECK(fields.at(0) == "7");
  const Field value = fields.at(1);
  CHECK_FALSE(must(reader->next(fields)));
  return value;
}

}  // namespace

TEST_CASE("texts stand in a table as they were, and are read back as they were") {
  const TestFolder folder;
  for (const Cell& cell : kTexts) {
    INFO(cell.what);
    write_one(*csv_writer(), folder.file(cell.what + ".csv"), cell.type, cell.put);
    CHECK(read_file(folder.file(cell.what + ".csv")) == "N,A\r\n7," + cell.csv + "\r\n");
    write_one(*json_lines_writer(), folder.file(cell.what + ".jsonl"), cell.type, cell.put);
    CHECK(read_file(folder.file(cell.what + ".jsonl")) == R"({"N":7,"A":)" + cell.json + "}\n");
    for (const Format& format : kFormats)
      CHECK(read_one(format, folder.file(cell.what + "." + format.name)) == cell.read);
  }
}

TEST_CASE("numbers stand in a table with all their digits, and are read back as the same ones") {
  const TestFolder folder;
  for (const Cell& cell : kNumbers) {
    INFO(cell.what);
    write_one(*csv_writer(), folder.file(cell.what + ".csv"), cell.type, cell.put);
    CHECK(read_file(folder.file(cell.what + ".csv")) == "N,A\r\n7," + cell.csv + "\r\n");
    write_one(*json_lines_writer(), folder.file(cell.what + ".jsonl"), cell.type, cell.put);
    CHECK(read_file(folder.file(cell.what + ".jsonl")) == R"({"N":7,"A":)" + cell.json + "}\n");
    for (const Format& format : kFormats) {
      const Field read = read_one(format, folder.file(cell.what + "." + format.name));
      REQUIRE(read.has_value() == cell.read.has_value());
      if (!read) continue;
      const double value = std::strtod(read->c_str(), nullptr);
      CHECK(value == std::strtod(cell.read->c_str(), nullptr));
      CHECK(std::signbit(value) == (cell.read->front() == '-'));
    }
  }
}

TEST_CASE("rows of many pieces come whole, wherever a piece ends") {
  // Quotes that are doubled and lines' ends lie at each place of the pieces that are read.
  const TestFolder folder;
  std::vector<std::string> rows;
  for (std::size_t size = 0; size < 60; ++size)
    rows.push_back(std::string(40'000 + size, '"') + "\r\n" + std::string(size, ','));
  for (const Format& format : kFormats) {
    INFO(format.name);
    const std::string path = folder.file(format.name);
    const TableSchema table{"t", {{"A", ColumnType::kText}}};
    const auto writer = format.writer();
    must(writer->begin_table(table, path));
    for (const std::string& row : rows) {
      writer->text(row);
      writer->end_row();
    }
    must(writer->end_table());
    const auto reader = must(format.reader(path, {{"A"}}));
    std::vector<Field> fields;
    for (const std::string& row : rows) {
      REQUIRE(must(reader->next(fields)));
      CHECK((fields.size() == 1 && fields[0] == row));  // not printed: it is large
    }
    CHECK_FALSE(must(reader->next(fields)));
  }
}

TEST_CASE("a writer writes one table after another, and a table without rows has its names") {
  const TestFolder folder;
  const auto csv = csv_writer();
  write_one(*csv, folder.file("a.csv"), ColumnType::kText, text("a"));
  const TableSchema table{"t", {{"=X", ColumnType::kText}, {"Y", ColumnType::kDouble}}};
  must(csv->begin_table(table, folder.file("b.csv")));
  must(csv->end_table());
  CHECK(read_file(folder.file("b.csv")) == "'=X,Y\r\n");
  write_one(*csv, folder.file("c.csv"), ColumnType::kText, text("c"));
  CHECK(read_file(folder.file("c.csv")) == "N,A\r\n7,c\r\n");
  const auto json = json_lines_writer();
  must(json->begin_table(table, folder.file("b.jsonl")));
  must(json->end_table());
  CHECK(read_file(folder.file("b.jsonl")).empty());
}

TEST_CASE("a file that can't be made is named, and one that is there stays") {
  const TestFolder folder;
  for (const Format& format : kFormats) {
    const auto writer = format.writer();
    const TableSchema table{"t", {{"A", ColumnType::kText}}};
    const std::string missing = folder.file("missing/t");
    const auto refused = writer->begin_table(table, missing);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().where == missing);
    must(write_whole_file(folder.file("there"), "kept"));
    CHECK_FALSE(writer->begin_table(table, folder.file("there")).ok());
    CHECK(read_file(folder.file("there")) == "kept");
  }
}
