// What is SQLite's own: the old system's files and columns, and files that are none.
#include <sqlite3.h>

#include <cmath>
#include <fstream>

#include "base/file.h"
#include "store/drain.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

// The first column of what the statement gives, as text.
std::vector<std::string> query(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
  std::vector<std::string> values;
  const auto take = [](void* to, int, char** columns, char**) {
    static_cast<std::vector<std::string>*>(to)->emplace_back(columns[0] ? columns[0] : "NULL");
    return 0;
  };
  char* problem = nullptr;
  const int code = sqlite3_exec(database, sql.c_str(), take, &values, &problem);
  CHECK_MESSAGE(code == SQLITE_OK, (problem ? problem : ""));
  sqlite3_free(problem);
  sqlite3_close(database);
  return values;
}

// As the old recorder makes them: no index, and metadata without a key.
constexpr const char* kOldTables = R"sql(
CREATE TABLE experiments (EXP_ID VARCHAR(100) NOT NULL, NAME VARCHAR(100), CREATOR VARCHAR(100),
  START DOUBLE, END DOUBLE, CREATED DOUBLE, STATUS VARCHAR(30) NOT NULL,
  CONSTRAINT experiments_pk PRIMARY KEY (EXP_ID));
CREATE TABLE nodeinfo (EXP_ID VARCHAR(100) NOT NULL, NODE VARCHAR(50) NOT NULL,
  INFO_KEY VARCHAR(50), INFO_VALUE VARCHAR(255));
CREATE TABLE telemetry (EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT NULL,
  METRIC varchar(100) NOT NULL, SUBSYSTEM varchar(100), NODE varchar(50) NOT NULL,
  VALUE DOUBLE NOT NULL);
CREATE TABLE events (EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT NULL,
  NAME VARCHAR(100) NOT NULL, VALUE TEXT);
CREATE TABLE traces (REQUEST_ID VARCHAR(36) NOT NULL, CLIENT VARCHAR(50) NOT NULL,
  SERVICE VARCHAR(50) NOT NULL, CREATED DOUBLE NOT NULL, SENT DOUBLE NOT NULL, DONE DOUBLE NOT NULL,
  STATUS INT, RESPONSE TEXT, HEADERS TEXT, SERVER VARCHAR (50), EXP_ID VARCHAR (100));
CREATE TABLE metadata (EXP_ID VARCHAR(100) NOT NULL, DATA JSON NOT NULL);
INSERT INTO experiments VALUES ('202611241200-0a1b', 'old', 'ann', 10.5, 20.5, 10.25, 'FINISHED');
INSERT INTO metadata VALUES ('202611241200-0a1b', '{"exp_id": "202611241200-0a1b"}');
INSERT INTO traces VALUES ('ab:1', 'c', 's', 11.0, 11.5, 12.0, 200, NULL, NULL, 'h:1',
  '202611241200-0a1b');
INSERT INTO traces VALUES ('ab:2', 'c', 's', 12.0, -1.0, 12.0, -1, NULL, NULL, NULL,
  '202611241200-0a1b');
)sql";

std::string bytes_of(const std::string& path) {
  return must(read_whole_file(path, std::size_t{16} << 20));
}

}  // namespace

TEST_CASE("the tables and columns are those that notebooks of the old system read") {
  TestFolder folder;
  const std::string path = folder.file("new.sqlite");
  must(open_store(path, OpenMode::kCreate));
  const auto columns = [&](const std::string& table) {
    return fmt::format("{}", fmt::join(query(path, fmt::format("SELECT name FROM "
                                                               "pragma_table_info('{}')",
                                                               table)),
                                       " "));
  };
  CHECK(columns("experiments") == "EXP_ID NAME CREATOR START END CREATED STATUS");
  CHECK(columns("nodeinfo") == "EXP_ID NODE INFO_KEY INFO_VALUE");
  CHECK(columns("telemetry") == "EXP_ID TIMESTAMP METRIC SUBSYSTEM NODE VALUE");
  CHECK(columns("events") == "EXP_ID TIMESTAMP NAME VALUE");
  CHECK(columns("metadata") == "EXP_ID DATA");
  CHECK(columns("traces") == trace_columns());
}

TEST_CASE("what didn't happen is stored as the old system stores it") {
  TestFolder folder;
  const std::string path = folder.file("x.sqlite");
  const auto store = must(open_store(path, OpenMode::kCreate));
  wire::Trace trace = test_trace(1);
  trace.status = -1;
  trace.sent = trace.first_byte = kNoWall;
  trace.failure = wire::Failure::no_route;
  must(store->begin());
  must(store->put_trace(kTestId, 1, trace, test_names()));
  must(store->commit());
  CHECK(query(path,
              "SELECT SENT || ' ' || STATUS || ' ' || (SERVER IS NULL) || (HEADERS IS NULL) || "
              "(RESPONSE IS NULL) || (FIRST_BYTE IS NULL) || ' ' || ERROR FROM traces") ==
        std::vector<std::string>{"-1.0 -1 1111 no_route"});
}

TEST_CASE("traces are those of the experiment, in order, however others stand between them") {
  // Of so many rows one is another's, and in the end so many are.
  for (const std::uint64_t other_every :
       {std::uint64_t{2}, std::uint64_t{10}, std::uint64_t{5000}}) {
    CAPTURE(other_every);
    TestFolder folder;
    const auto store = must(open_store(folder.file("x.sqlite"), OpenMode::kCreate));
    std::vector<std::string> expected;
    must(store->begin());
    for (std::uint64_t number = 1; number <= 3000; ++number) {
      const bool is_other = number % other_every == 0 || number > 2990 || number < 10;
      must(store->put_trace(is_other ? "202611241200-ffff" : kTestId, number, test_trace(number),
                            test_names()));
      if (!is_other) expected.push_back(fmt::format("abcdef0123:{}", number));
    }
    must(store->commit());
    std::vector<std::string> seen;
    must(store->each_trace(kTestId,
                           [&](const wire::NamedTrace& t) { seen.push_back(t.request_id); }));
    CHECK(seen == expected);
    must(store->each_trace("202611241200-0000", [](const wire::NamedTrace&) { FAIL("none"); }));
  }
}

TEST_CASE("reading a database of the old system changes no byte of it") {
  TestFolder folder;
  const std::string path = folder.file("old.sqlite");
  query(path, kOldTables);
  const std::string before = bytes_of(path);
  {
    const auto store = must(open_store(path, OpenMode::kExisting));
    const auto all = must(store->experiments());
    REQUIRE(all.size() == 1);
    CHECK(all[0].name == "old");
    CHECK(all[0].start == from_unix_seconds(10.5));
    CHECK(must(store->counts(kTestId)).traces == 2);
    CHECK(must(store->counts(kTestId)).failed == 1);
    CHECK_FALSE(must(store->spool_position(kTestId)).has_value());
    CHECK_FALSE(must(store->running()).has_value());
    std::vector<wire::NamedTrace> traces;
    must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) { traces.push_back(t); }));
    REQUIRE(traces.size() == 2);
    CHECK(traces[0].server == "h:1");
    CHECK(traces[0].sent == from_unix_seconds(11.5));
    CHECK(traces[0].intended == kNoWall);
    CHECK(traces[1].sent == kNoWall);
    CHECK(traces[1].status == -1);
  }
  CHECK(bytes_of(path) == before);
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
}

TEST_CASE("the first write to an old database adds what is missing and keeps what is there") {
  TestFolder folder;
  const std::string path = folder.file("old.sqlite");
  query(path, kOldTables);
  for (int i = 0; i < 2; ++i) {
    const auto store = must(open_store(path, OpenMode::kExisting));
    must(store->begin());
    must(store->put_trace(kTestId, 7, test_trace(7), test_names()));
    must(store->commit());
    must(store->save_metadata(kTestId, fmt::format(R"({{"turn": {}}})", i)));
    must(store->save_experiment(test_experiment()));
  }
  const auto store = must(open_store(path, OpenMode::kExisting));
  CHECK(stored_ids(*store) ==
        std::vector<std::string>{"ab:1", "ab:2", "abcdef0123:7", "abcdef0123:7"});
  CHECK(query(path, "SELECT DATA FROM metadata") ==
        std::vector<std::string>{R"({"turn":1,"exp_id":"202611241200-0a1b"})"});
  CHECK(query(path, "SELECT NAME FROM experiments") == std::vector<std::string>{"hello"});
  CHECK(
      query(path, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL") ==
      std::vector<std::string>{"4"});
}

TEST_CASE("a database of an older version is read as it is, and brought up by the first write") {
  TestFolder folder;
  const std::string path = folder.file("older.sqlite");
  {
    const auto store = must(open_store(path, OpenMode::kCreate));
    must(store->begin());
    must(store->put_trace(kTestId, 1, full_trace(1), test_names()));
    must(store->commit());
  }
  std::string older;
  for (const wire::TraceField& field : wire::kTraceFields) {
    if (field.since < wire::kTraceFieldsVersion)
      older += fmt::format("{}{}", older.empty() ? "" : " ", field.column);
    else
      query(path, fmt::format("ALTER TABLE traces DROP COLUMN {}", field.column));
  }
  const auto columns = [&] {
    return fmt::format("{}",
                       fmt::join(query(path, "SELECT name FROM pragma_table_info('traces')"), " "));
  };
  CHECK(columns() == older);
  const wire::NamedTrace expected = wire::resolve(full_trace(1), test_names());
  const wire::NamedTrace none;
  for (const bool is_written : {false, true}) {
    const auto store = must(open_store(path, OpenMode::kExisting));
    if (is_written) must(store->save_experiment(test_experiment()));
    CHECK(columns() == (is_written ? trace_columns() : older));
    std::size_t rows = 0;
    must(store->each_trace(kTestId, [&](const wire::NamedTrace& trace) {
      ++rows;
      CHECK(trace.response == expected.response);
      CHECK(trace.status == expected.status);
      wire::each_field(trace, [&](auto field, const auto& value) {
        INFO(std::string(wire::kTraceFields[field].column));
        if (wire::kTraceFields[field].since == wire::kTraceFieldsVersion)
          CHECK(value == wire::field_of<field>(none));
      });
    }));
    CHECK(rows == 1);
  }
}

TEST_CASE("a database that was never one of ours holds no experiments") {
  TestFolder folder;
  const std::string path = folder.file("other.sqlite");
  query(path, "CREATE TABLE t (a)");
  const auto store = must(open_store(path, OpenMode::kExisting));
  CHECK(must(store->experiments()).empty());
  CHECK_FALSE(must(store->experiment(kTestId)).has_value());
  CHECK(must(store->metadata(kTestId)).empty());
}

TEST_CASE("what can't be a database is one Error with what, where, why and the mend") {
  TestFolder folder;
  std::ofstream(folder.file("text")) << std::string(5000, 'x');
  const std::string cut = folder.file("cut.sqlite");
  query(cut, kOldTables);
  std::filesystem::resize_file(cut, std::filesystem::file_size(cut) / 2);
  struct Case {
    std::string where;
    OpenMode mode;
    ErrorCode code;
    const char* why;
  };
  for (const Case& c : {
           Case{folder.file("text"), OpenMode::kCreate, ErrorCode::kCorrupt, "not a database"},
           Case{folder.file("text"), OpenMode::kExisting, ErrorCode::kCorrupt, "not a database"},
           Case{cut, OpenMode::kCreate, ErrorCode::kCorrupt, "malformed"},
           Case{folder.file("no/folder.sqlite"), OpenMode::kCreate, ErrorCode::kIo, "No such file"},
           Case{folder.file(""), OpenMode::kCreate, ErrorCode::kUsage, "a folder's name"},
           Case{folder.file("missing"), OpenMode::kExisting, ErrorCode::kNotFound, ""},
       }) {
    CAPTURE(c.where);
    const auto opened = open_store(c.where, c.mode);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == c.code);
    CHECK(opened.error().where == c.where);
    CHECK(opened.error().why.find(c.why) != std::string::npos);
    CHECK_FALSE(opened.error().hint.empty());
  }
  CHECK_FALSE(open_store("", OpenMode::kCreate).ok());
  CHECK_FALSE(std::filesystem::exists(folder.file("missing")));
}

TEST_CASE(
    "A trace of the old wire, drained from a spool, has the columns that the old recorder gave "
    "it") {
  TestFolder folder;
  const std::string spool_path = folder.file("a.spool");
  const std::string path = folder.file("a.sqlite");
  auto spool = must(SpoolWriter::create(spool_path));
  spool->experiment(test_experiment(), "");
  spool->name(0, 1, "whatever:they:have");
  wire::Trace trace;
  trace.id_prefix = 1;
  trace.status = 200;
  trace.created = Wall{Duration{1'795'528'517'977'311'400}};
  trace.empty_response = true;
  spool->trace(0, trace);
  trace.empty_response = false;
  spool->trace(0, trace);
  must(spool->close());
  const auto store = must(open_store(path, OpenMode::kCreate));
  must(must(Drain::open(spool_path, *store))->step());
  using Texts = std::vector<std::string>;
  CHECK(query(path, "SELECT REQUEST_ID FROM traces")[0] == "whatever:they:have");
  CHECK(query(path, "SELECT quote(RESPONSE) FROM traces") == Texts{"''", "NULL"});
  CHECK(query(path, "SELECT DISTINCT INTENDED FROM traces") == Texts{"NULL"});
  // The double nearest to the decimals on the wire, as whoever reads those has it.
  CHECK(query(path, "SELECT DISTINCT CREATED = 1795528517.9773114 FROM traces") == Texts{"1"});
}

TEST_CASE("a value that can't stand there ends the reading, or is passed over and counted") {
  TestFolder folder;
  const std::string path = folder.file("odd.sqlite");
  const auto store = must(open_store(path, OpenMode::kCreate));
  must(store->begin());
  for (std::uint64_t number = 1; number <= 3; ++number)
    must(store->put_trace(kTestId, number, test_trace(number), test_names()));
  must(store->put_sample(kTestId, 4, {test_trace(1).done, "n", "cpu", {}, 1.5}));
  must(store->commit());
  query(
      path,
      "UPDATE traces SET STATUS = 'fine', SENT = 'now', REQUEST_BYTES = -1 WHERE rowid = 2; "
      "UPDATE traces SET STATUS = 5000000000 WHERE rowid = 3; UPDATE telemetry SET VALUE = 'much'");
  std::vector<int> statuses;
  const auto see = [&](const wire::NamedTrace& one) { statuses.push_back(one.status); };
  const auto strict = store->each_trace(kTestId, see);
  REQUIRE(!strict.ok());
  CHECK(strict.error().code == ErrorCode::kCorrupt);
  CHECK(strict.error().why == "SENT is 'now', which can't stand there");
  CHECK(store->odd_values().rows == 0);
  store->pass_over_odd_values();
  statuses.clear();
  std::vector<wire::NamedTrace> traces;
  must(store->each_trace(kTestId, [&](const wire::NamedTrace& one) { traces.push_back(one); }));
  REQUIRE(traces.size() == 3);
  CHECK(traces[0].status == test_trace(1).status);
  CHECK(traces[1].status == -1);
  CHECK(traces[1].sent == kNoWall);
  // A stored double has some hundred nanoseconds to a time.
  CHECK(std::chrono::abs(traces[1].done - test_trace(2).done) < std::chrono::microseconds{1});
  CHECK(traces[1].request_bytes == 0);
  CHECK(traces[2].status == -1);
  CHECK(store->odd_values().rows == 2);
  CHECK(store->odd_values().first == "SENT is 'now'");
  must(store->each_sample(kTestId, [&](const wire::Sample& one) { CHECK(std::isnan(one.value)); }));
  CHECK(store->odd_values().rows == 3);
}
