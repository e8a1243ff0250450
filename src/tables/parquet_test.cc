// What Arrow's Python package gets of a table, byte by byte: a program stands in its place that
// keeps what it is sent, or fails as Python does.
#include "tables/parquet.h"

#include <sys/stat.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::tables;
using std::string_literals::operator""s;

namespace {

using Json = nlohmann::json;

// A program of the shell's lines that is started where Python is.
std::string python(const TestFolder& folder, const std::string& lines) {
  std::string path = folder.file("python");
  must(write_whole_file(path, "#!/bin/sh\n" + lines));
  REQUIRE(chmod(path.c_str(), 0700) == 0);
  return path;
}

std::string keeping(const TestFolder& folder) {
  return python(folder, "echo ready\nexec cat > '" + folder.file("sent") + "'\n");
}

// What was sent, read as parquet.py does.
class Sent {
 public:
  explicit Sent(const TestFolder& folder)
      : bytes_(must(read_whole_file(folder.file("sent"), std::size_t{64} << 20))) {}
  Json head() {
    const std::size_t end = bytes_.find('\n', at_);
    REQUIRE(end != std::string::npos);
    const Json json = Json::parse(bytes_.substr(at_, end - at_));
    at_ = end + 1;
    return json;
  }
  std::string buffer(const Json& size) {
    std::string bytes = bytes_.substr(at_, size.get<std::size_t>());
    REQUIRE(bytes.size() == size.get<std::size_t>());
    at_ += bytes.size();
    return bytes;
  }
  bool is_over() const { return at_ == bytes_.size(); }

 private:
  const std::string bytes_;
  std::size_t at_ = 0;
};

template <class T>
std::vector<T> values_of(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// Nine rows, so that the marks of what isn't null take two bytes.
void put_rows(TableWriter& writer) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (int row = 0; row < 9; ++row) {
    if (row == 1)
      writer.null();
    else
      writer.text(row == 0 ? "a\0ü"s : "");
    writer.time(row == 8 ? kNoWall : Wall{Duration{row}}, NoTime::kMinusOne);
    if (row == 0)
      writer.null();
    else
      writer.integer(-row);
    writer.integer(std::numeric_limits<std::int64_t>::max() - row);
    writer.number(row == 0 ? infinity : 0.5 * row);
    writer.end_row();
  }
}

const TableSchema kTable{"t",
                         {{"TEXT", ColumnType::kText},
                          {"TIME", ColumnType::kTime},
                          {"CODE", ColumnType::kInt32},
                          {"COUNT", ColumnType::kInt64},
                          {"VALUE", ColumnType::kDouble}}};

}  // namespace

TEST_CASE("columns are sent as Arrow has them in memory") {
  const TestFolder folder;
  const auto writer = must(parquet_writer(keeping(folder)));
  CHECK(writer->suffix() == "parquet");
  must(writer->begin_table(kTable, "out/\"t\"\n.parquet"));
  put_rows(*writer);
  must(writer->end_table());
  must(writer->finish());

  Sent sent(folder);
  CHECK(sent.head() == Json::parse(R"({"table": "t", "path": "out/\"t\"\n.parquet", "columns": [
      ["TEXT", "text"], ["TIME", "time"], ["CODE", "int32"], ["COUNT", "int64"],
      ["VALUE", "double"]]})"));
  const Json head = sent.head();
  CHECK(head["rows"] == 9);
  const Json& sizes = head["sizes"];
  CHECK(sizes == Json({{2, 40, 4}, {2, 72}, {2, 36}, {0, 72}, {0, 72}}));
  CHECK(sent.buffer(sizes[0][0]) == "\xfd\x01");
  CHECK(values_of<std::int32_t>(sent.buffer(sizes[0][1])) ==
        std::vector<std::int32_t>{0, 4, 4, 4, 4, 4, 4, 4, 4, 4});
  CHECK(sent.buffer(sizes[0][2]) == "a\0ü"s);
  CHECK(sent.buffer(sizes[1][0]) == "\xff\0"s);
  CHECK(values_of<std::int64_t>(sent.buffer(sizes[1][1])) ==
        std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 0});
  CHECK(sent.buffer(sizes[2][0]) == "\xfe\x01");
  CHECK(values_of<std::int32_t>(sent.buffer(sizes[2][1])) ==
        std::vector<std::int32_t>{0, -1, -2, -3, -4, -5, -6, -7, -8});
  CHECK(values_of<std::int64_t>(sent.buffer(sizes[3][1])).back() ==
        std::numeric_limits<std::int64_t>::max() - 8);
  const auto numbers = values_of<double>(sent.buffer(sizes[4][1]));
  CHECK(numbers.front() == std::numeric_limits<double>::infinity());
  CHECK(numbers.back() == 4);
  CHECK(sent.head() == Json({{"end", true}}));
  CHECK(sent.head() == Json({{"done", true}}));
  CHECK(sent.is_over());
}

TEST_CASE("a batch has so many rows or bytes at most, and the next table begins anew") {
  const TestFolder folder;
  const auto writer = must(parquet_writer(keeping(folder)));
  const TableSchema codes{"codes", {{"CODE", ColumnType::kInt32}}};
  must(writer->begin_table(codes, "codes"));
  for (int row = 0; row < 50'001; ++row) {
    if (row == 0)
      writer->null();
    else
      writer->integer(row);
    writer->end_row();
  }
  must(writer->end_table());
  const TableSchema texts{"texts", {{"TEXT", ColumnType::kText}}};
  must(writer->begin_table(texts, "texts"));
  const std::string large((std::size_t{6} << 20), 'x');
  for (int row = 0; row < 4; ++row) {
    writer->text(large);
    writer->end_row();
  }
  must(writer->end_table());
  must(writer->begin_table(texts, "none"));  // without rows
  must(writer->end_table());
  must(writer->finish());

  Sent sent(folder);
  CHECK(sent.head()["table"] == "codes");
  const auto batch = [&](int rows, const Json& wanted) {
    const Json head = sent.head();
    CHECK(head["rows"] == rows);
    CHECK(head["sizes"] == wanted);
    std::string last;
    for (const Json& size : head["sizes"][0]) last = sent.buffer(size);
    return last;
  };
  CHECK(values_of<std::int32_t>(batch(50'000, {{6250, 200'000}})).back() == 49'999);
  CHECK(values_of<std::int32_t>(batch(1, {{0, 4}})) == std::vector<std::int32_t>{50'000});
  CHECK(sent.head() == Json({{"end", true}}));
  CHECK(sent.head()["table"] == "texts");
  CHECK((batch(3, {{0, 16, 3 * large.size()}}) == large + large + large));
  CHECK((batch(1, {{0, 8, large.size()}}) == large));
  CHECK(sent.head() == Json({{"end", true}}));
  CHECK(sent.head()["path"] == "none");
  CHECK(sent.head() == Json({{"end", true}}));
  CHECK(sent.head() == Json({{"done", true}}));
  CHECK(sent.is_over());
}

TEST_CASE("what Python says at its end is the error, before the first row or behind the last") {
  struct Failing {
    std::string what;
    std::string lines;
    ErrorCode code;
    std::string why;
    std::string hint;
  };
  const Failing kFailing[] = {
      {"no package", "echo 'no pyarrow: No module' >&2\nexit 1\n", ErrorCode::kUsage,
       "no pyarrow: No module", "-m pip install pyarrow"},
      {"an exception, of whose lines the last counts",
       "echo ready\ncat > /dev/null\nprintf 'Traceback\\nOSError: disk full\\n' >&2\nexit 1\n",
       ErrorCode::kIo, "OSError: disk full", "make room"},
      {"no word", "echo ready\ncat > /dev/null\nexit 3\n", ErrorCode::kIo,
       "Python ended with exit code 3", "make room"},
      {"a signal", "echo ready\ncat > /dev/null\nkill -9 $$\n", ErrorCode::kIo,
       "Python was killed by signal 9 (Killed)", "--format csv"},
      {"at once", "exit 0\n", ErrorCode::kIo, "Python ended with exit code 0", "make room"},
  };
  for (const Failing& failing : kFailing) {
    INFO(failing.what);
    const TestFolder folder;
    const auto written = [&]() -> Result<void> {
      const auto writer = TRY(parquet_writer(python(folder, failing.lines)));
      TRY(writer->begin_table(kTable, "t"));
      put_rows(*writer);
      TRY(writer->end_table());
      return writer->finish();
    }();
    REQUIRE_FALSE(written.ok());
    CHECK(written.error().code == failing.code);
    CHECK(written.error().where == folder.file("python"));
    CHECK(written.error().why == failing.why);
    CHECK(written.error().hint.find(failing.hint) != std::string::npos);
  }
}

TEST_CASE("a Python that isn't there is named, with how to name another") {
  const TestFolder folder;
  const auto refused = parquet_writer(folder.file("missing"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where == folder.file("missing"));
  CHECK(refused.error().hint.find("--python") != std::string::npos);
}
