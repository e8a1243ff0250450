// What is MariaDB's and MySQL's own: the old system's tables, locks that others hold, connections
// that break, and the limits of a server. Each case has a database of its own on the server that
// GALILEO_TEST_MYSQL names (tests/support/with_databases.py); without one there is nothing to test.
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <future>
#include <limits>
#include <thread>

#include "net/loop.h"
#include "store/copy.h"
#include "store/database_url.h"
#include "store/drain.h"
#include "store/mysql_connection.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

using Texts = std::vector<std::string>;

// A database of the test's own, and a look into it beside the store's.
struct Lab {
  explicit Lab(const std::string& server) {
    static int number = 0;
    name = fmt::format("mysql_test_{}_{}", getpid(), ++number);
    url = server + name;
    MysqlAddress without_database = address();
    without_database.database.clear();
    raw = std::make_unique<MysqlConnection>(without_database);
    must(raw->connect());
    sql("CREATE DATABASE " + name);
    sql("USE " + name);
  }
  ~Lab() { static_cast<void>(raw->execute("DROP DATABASE IF EXISTS " + name).ok()); }
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  MysqlAddress address() const {
    const DatabaseUrl parsed = must(parse_database_url(url, kAnyOption));
    MysqlAddress address;
    address.host = parsed.host;
    address.port = parsed.port;
    address.user = parsed.user;
    address.password = parsed.password;
    address.database = parsed.path;
    address.text = parsed.text();
    return address;
  }
  std::unique_ptr<Store> open(OpenMode mode = OpenMode::kCreate, const std::string& options = "") {
    return must(open_store(url + options, mode));
  }
  void sql(const std::string& text) const { must(raw->execute(text)); }
  // The first column, which is text.
  Texts query(const std::string& text) const {
    Texts values;
    must(raw->select(text, {}, [&](const MysqlRow& row) {
      values.emplace_back(row.is_null(0) ? "NULL" : row.text(0));
    }));
    return values;
  }
  std::int64_t count(const std::string& text) const {
    std::int64_t value = -1;
    must(raw->select(text, {}, [&](const MysqlRow& row) { value = row.integer(0); }));
    return value;
  }
  // Until another connection of this database waits for a lock, or has done with what it did.
  template <class Done>
  void wait_for_lock_wait(const std::future<Done>& done) const {
    // The server looks anew only for who hasn't asked for a tenth of a second.
    for (int i = 0; i < 100; ++i) {
      if (done.wait_for(std::chrono::milliseconds{120}) == std::future_status::ready ||
          count("SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN "
                "information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id WHERE "
                "t.trx_state = 'LOCK WAIT' AND p.DB = DATABASE()") > 0)
        return;
    }
    FAIL("nobody waits for a lock");
  }
  // Ends all other connections to this database, as an administrator does.
  void kill_others() const {
    for (const std::string& id :
         query("SELECT CAST(ID AS CHAR) FROM information_schema.PROCESSLIST "
               "WHERE DB = DATABASE() AND ID <> CONNECTION_ID()"))
      sql("KILL CONNECTION " + id);
    for (int i = 0; i < 5000; ++i) {
      if (count("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE()") == 1)
        return;
      net::pause_thread(std::chrono::milliseconds{2});
    }
    FAIL("the connections are still there");
  }

  std::string name;
  std::string url;
  std::unique_ptr<MysqlConnection> raw;
};

#define ON_SERVER()                                       \
  for (const std::string& server : test_servers("mysql")) \
    if (INFO(server); true)                               \
      if (Lab lab(server); true)

void put(Store& store, std::uint64_t from, std::uint64_t to, const std::string& id = kTestId) {
  must(store.begin());
  for (std::uint64_t i = from; i <= to; ++i)
    must(store.put_trace(id, i, test_trace(i), test_names()));
  must(store.commit());
}

// The old recorder's script, statement by statement; it leaves the rest to the server's defaults.
constexpr const char* kOldTables[] = {
    "CREATE TABLE IF NOT EXISTS experiments (EXP_ID VARCHAR(100) NOT NULL, NAME VARCHAR(100), "
    "CREATOR VARCHAR(100), START DOUBLE, END DOUBLE, CREATED DOUBLE, STATUS VARCHAR(30) NOT NULL, "
    "CONSTRAINT experiments_pk PRIMARY KEY (EXP_ID))",
    "CREATE TABLE IF NOT EXISTS nodeinfo (EXP_ID VARCHAR(100) NOT NULL, NODE VARCHAR(50) NOT NULL, "
    "INFO_KEY VARCHAR(50), INFO_VALUE VARCHAR(255))",
    "CREATE TABLE IF NOT EXISTS telemetry (EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT "
    "NULL, "
    "METRIC varchar(100) NOT NULL, SUBSYSTEM varchar(100), NODE varchar(50) NOT NULL, VALUE DOUBLE "
    "NOT NULL)",
    "CREATE TABLE IF NOT EXISTS events (EXP_ID VARCHAR(100) NOT NULL, TIMESTAMP DOUBLE NOT NULL, "
    "NAME VARCHAR(100) NOT NULL, VALUE TEXT)",
    "CREATE TABLE IF NOT EXISTS traces (REQUEST_ID VARCHAR(36) NOT NULL, CLIENT VARCHAR(50) NOT "
    "NULL, SERVICE VARCHAR(50) NOT NULL, CREATED DOUBLE NOT NULL, SENT DOUBLE NOT NULL, DONE "
    "DOUBLE "
    "NOT NULL, STATUS INT, RESPONSE TEXT, HEADERS TEXT, SERVER VARCHAR (50), EXP_ID VARCHAR (100))",
    "CREATE TABLE IF NOT EXISTS metadata (EXP_ID VARCHAR(100) NOT NULL, DATA JSON NOT NULL)",
    "INSERT INTO experiments VALUES ('202611241200-0a1b', 'old', 'ann', 10.5, 20.5, 10.25, "
    "'FINISHED')",
    "INSERT INTO metadata VALUES ('202611241200-0a1b', '{\"exp_id\": \"202611241200-0a1b\"}'), "
    "('twice', '{\"a\": 1}'), ('twice', '{\"a\": 2}')",
    "INSERT INTO traces VALUES ('ab:1', 'c', 's', 11.0, 11.5, 12.0, 200, NULL, NULL, 'h:1', "
    "'202611241200-0a1b'), ('ab:2', 'c', 's', 12.0, -1.0, 12.0, -1, NULL, NULL, NULL, "
    "'202611241200-0a1b')",
    "INSERT INTO nodeinfo VALUES ('202611241200-0a1b', 'n1', 'cpus', '4')",
    "INSERT INTO events VALUES ('202611241200-0a1b', 11.0, 'begin', NULL)",
    "INSERT INTO telemetry VALUES ('202611241200-0a1b', 11.0, 'cpu', NULL, 'n1', 1.5)",
};

void make_old(const Lab& lab) {
  for (const char* statement : kOldTables) lab.sql(statement);
}

// All that tells how the tables are made and what is in them.
Texts all_of(const Lab& lab) {
  Texts all = lab.query(
      "SELECT CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, "
      "IS_NULLABLE) "
      "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, "
      "ORDINAL_POSITION");
  for (const char* table :
       {"experiments", "nodeinfo", "telemetry", "events", "traces", "metadata"}) {
    Texts more = lab.query(fmt::format("SELECT CAST(COUNT(*) AS CHAR) FROM {}", table));
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace

TEST_CASE("MariaDB's tables and columns are those that the old system's notebooks read") {
  ON_SERVER() {
    lab.open();
    const auto columns = [&](const char* table) {
      return fmt::format("{}",
                         fmt::join(lab.query(fmt::format(
                                       "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE "
                                       "TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{}' ORDER BY "
                                       "ORDINAL_POSITION",
                                       table)),
                                   " "));
    };
    CHECK(columns("experiments") == "EXP_ID NAME CREATOR START END CREATED STATUS");
    CHECK(columns("nodeinfo") == "EXP_ID NODE INFO_KEY INFO_VALUE ROW_ID");
    CHECK(columns("telemetry") == "EXP_ID TIMESTAMP METRIC SUBSYSTEM NODE VALUE ROW_ID");
    CHECK(columns("events") == "EXP_ID TIMESTAMP NAME VALUE ROW_ID");
    CHECK(columns("metadata") == "EXP_ID DATA");
    CHECK(columns("traces") == trace_columns() + " ROW_ID");
  }
}

TEST_CASE("reading the old system's MariaDB changes nothing in it") {
  ON_SERVER() {
    make_old(lab);
    const Texts before = all_of(lab);
    {
      const auto store = lab.open(OpenMode::kExisting);
      const auto all = must(store->experiments());
      REQUIRE(all.size() == 1);
      CHECK(all[0].name == "old");
      CHECK(all[0].start == from_unix_seconds(10.5));
      CHECK(must(store->counts(kTestId)).traces == 2);
      CHECK(must(store->counts(kTestId)).failed == 1);
      CHECK_FALSE(must(store->spool_position(kTestId)).has_value());
      CHECK_FALSE(must(store->running()).has_value());
      CHECK(must(store->metadata(kTestId)) == R"({"exp_id": "202611241200-0a1b"})");
      std::vector<wire::NamedTrace> traces;
      must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) { traces.push_back(t); }));
      REQUIRE(traces.size() == 2);
      CHECK(traces[0].server == "h:1");
      CHECK(traces[0].sent == from_unix_seconds(11.5));
      CHECK(traces[0].intended == kNoWall);
      CHECK(traces[1].sent == kNoWall);
      CHECK(traces[1].status == -1);
      int others = 0;
      must(store->each_sample(kTestId, [&](const wire::Sample&) { ++others; }));
      must(store->each_event(kTestId, [&](const wire::Event&) { ++others; }));
      must(store->each_node_info(kTestId, [&](const wire::NodeInfo&) { ++others; }));
      CHECK(others == 3);
    }
    CHECK(all_of(lab) == before);
  }
}

TEST_CASE("the first write to the old system's MariaDB adds what is missing and keeps the rest") {
  ON_SERVER() {
    make_old(lab);
    const std::string long_name(200, 'x');
    for (int i = 0; i < 2; ++i) {
      const auto store = lab.open(OpenMode::kExisting);
      wire::Names names = test_names();
      names.set(1, long_name);
      wire::Trace trace = test_trace(7);
      const std::string body(100'000, 'y');
      trace.response = body;
      must(store->begin());
      must(store->put_trace(kTestId, 7, trace, names));
      must(store->put_node_info(kTestId, 8, {"n1", "labels", std::string(1000, 'z')}));
      must(store->put_event(kTestId, 9, {kTestStart, "\xf0\x9f\x9a\x80", "\xf0\x9f\x9a\x80"}));
      must(store->commit());
      must(store->save_metadata(kTestId, fmt::format(R"({{"turn": {}}})", i)));
      must(store->save_experiment(test_experiment()));
    }
    const auto store = lab.open(OpenMode::kExisting);
    CHECK(stored_ids(*store) == Texts{"ab:1", "ab:2", "abcdef0123:7", "abcdef0123:7"});
    CHECK(lab.query("SELECT DATA FROM metadata WHERE EXP_ID = '202611241200-0a1b'") ==
          Texts{R"({"turn": 1,"exp_id":"202611241200-0a1b"})"});
    CHECK(lab.query("SELECT DATA FROM metadata WHERE EXP_ID = 'twice'") == Texts{R"({"a": 2})"});
    CHECK(lab.query("SELECT NAME FROM experiments") == Texts{"hello"});
    CHECK(lab.query("SELECT CLIENT FROM traces WHERE ROW_ID = 3") == Texts{long_name});
    CHECK(lab.query("SELECT DISTINCT VALUE FROM events") == Texts{"NULL", "\xf0\x9f\x9a\x80"});
    must(store->remove(kTestId));
    CHECK(lab.count("SELECT COUNT(*) FROM traces") == 0);
  }
}

TEST_CASE("MariaDB's tables of an older version are read as they are, and brought up by a write") {
  ON_SERVER() {
    {
      const auto store = lab.open();
      put(*store, 1, 2);
    }
    std::size_t missing = 0;
    for (const wire::TraceField& field : wire::kTraceFields) {
      if (field.since < wire::kTraceFieldsVersion) continue;
      lab.sql(fmt::format("ALTER TABLE traces DROP COLUMN {}", field.column));
      ++missing;
    }
    lab.sql("UPDATE galileo_schema SET VERSION = VERSION - 1");
    const Texts before = all_of(lab);
    {
      const auto store = lab.open(OpenMode::kExisting);
      CHECK(stored_ids(*store) == ids_up_to(2));
      must(store->each_trace_figures(
          kTestId, [](const wire::NamedTrace& t) { CHECK(t.service == "hello"); }));
    }
    CHECK(all_of(lab) == before);
    const auto store = lab.open(OpenMode::kExisting);
    put(*store, 3, 3);
    CHECK(stored_ids(*store) == ids_up_to(3));
    CHECK(all_of(lab).size() == before.size() + missing);
  }
}

TEST_CASE("programs that start at once on an empty database make its tables once") {
  ON_SERVER() {
    std::vector<std::future<std::string>> openers;
    for (int i = 0; i < 8; ++i) {
      openers.push_back(std::async(std::launch::async, [&lab, i]() -> std::string {
        const auto store = open_store(lab.url, OpenMode::kCreate);
        if (!store.ok()) return store.error().to_text();
        const auto saved = (*store)->save_experiment(test_experiment(fmt::format("e{}", i)));
        return saved.ok() ? "" : saved.error().to_text();
      }));
    }
    for (auto& opener : openers) CHECK(opener.get().empty());
    CHECK(must(lab.open()->experiments()).size() == 8);
    CHECK(lab.count("SELECT COUNT(*) FROM galileo_schema") == 1);
  }
}

TEST_CASE("tables of a newer program are read and not written") {
  ON_SERVER() {
    must(lab.open()->save_experiment(test_experiment()));
    lab.sql("INSERT INTO galileo_schema VALUES (1000)");
    const auto store = lab.open(OpenMode::kExisting);
    CHECK(must(store->experiments()).size() == 1);
    const auto begun = store->begin();
    REQUIRE_FALSE(begun.ok());
    CHECK(begun.error().why.find("1000") != std::string::npos);
    CHECK_FALSE(begun.error().hint.empty());
  }
}

TEST_CASE("a statement that a deadlock ended is done again, unseen") {
  ON_SERVER() {
    const auto store = lab.open();
    put(*store, 1, 2, "");
    // The server ends who has changed less.
    lab.sql("START TRANSACTION");
    lab.sql("INSERT INTO events (EXP_ID, `TIMESTAMP`) VALUES ('x', 1), ('x', 2), ('x', 3)");
    lab.sql("UPDATE traces SET STATUS = 1 WHERE ROW_ID = 2");
    auto touched = std::async(std::launch::async, [&] {
      return store->touch_traces(kTestId, kTestStart, kTestStart + std::chrono::hours{1});
    });
    lab.wait_for_lock_wait(touched);
    lab.sql("UPDATE traces SET STATUS = 1 WHERE ROW_ID = 1");
    lab.sql("COMMIT");
    CHECK(must(touched.get()) == 2);
    CHECK(stored_ids(*store) == ids_up_to(2));
  }
}

TEST_CASE("of a transaction that a deadlock ended nothing stays, and it may be done again") {
  ON_SERVER() {
    const auto store = lab.open();
    for (const char* id : {"a", "b"}) must(store->save_experiment(test_experiment(id)));
    wire::Experiment changed = test_experiment("a");
    changed.name = "changed";
    must(store->begin());
    must(store->save_experiment(changed));
    lab.sql("START TRANSACTION");
    lab.sql("INSERT INTO events (EXP_ID, `TIMESTAMP`) VALUES ('x', 1), ('x', 2), ('x', 3)");
    lab.sql("UPDATE experiments SET CREATOR = 'me' WHERE EXP_ID = 'b'");
    changed.id = "b";
    auto saved = std::async(std::launch::async, [&] { return store->save_experiment(changed); });
    lab.wait_for_lock_wait(saved);
    lab.sql("UPDATE experiments SET CREATOR = 'me' WHERE EXP_ID = 'a'");
    lab.sql("COMMIT");
    const auto ended = saved.get();
    REQUIRE_FALSE(ended.ok());
    CHECK(ended.error().code == ErrorCode::kUnavailable);
    // The server has ended the transaction: what came now would stay.
    CHECK_FALSE(store->save_spool_position("a", 1).ok());
    CHECK_FALSE(store->commit().ok());
    store->rollback();
    CHECK(lab.query("SELECT DISTINCT NAME FROM experiments") == Texts{"hello"});
    CHECK_FALSE(must(store->spool_position("a")).has_value());
    must(store->begin());
    must(store->save_experiment(changed));
    must(store->commit());
    CHECK(must(store->experiment("b"))->name == "changed");
  }
}

TEST_CASE("whoever asks what was committed waits for a commit that is still on its way") {
  ON_SERVER() {
    const auto store = lab.open();
    lab.sql("START TRANSACTION");
    lab.sql("INSERT INTO spool_position VALUES ('202611241200-0a1b', 5)");
    auto position = std::async(std::launch::async, [&] { return store->spool_position(kTestId); });
    lab.wait_for_lock_wait(position);
    lab.sql("COMMIT");
    CHECK(must(position.get()) == 5);
  }
}

TEST_CASE("many rows are removed in parts, and a removal that was cut off can be done once more") {
  ON_SERVER() {
    const auto store = lab.open();
    must(store->save_experiment(test_experiment()));
    put(*store, 1, 25'000);
    put(*store, 1, 10, "other");
    lab.sql(
        "CREATE TRIGGER stop BEFORE DELETE ON traces FOR EACH ROW IF OLD.REQUEST_ID = "
        "'abcdef0123:15000' THEN SIGNAL SQLSTATE '45000'; END IF");
    CHECK_FALSE(store->remove(kTestId).ok());
    CHECK(must(store->counts(kTestId)).traces == 11'000);
    CHECK(must(store->experiment(kTestId)).has_value());
    lab.sql("DROP TRIGGER stop");
    must(store->remove(kTestId));
    CHECK(must(store->counts(kTestId)).traces == 0);
    CHECK_FALSE(must(store->experiment(kTestId)).has_value());
    CHECK(must(store->counts("other")).traces == 10);
  }
}

TEST_CASE("many traces are touched in parts") {
  ON_SERVER() {
    const auto store = lab.open();
    put(*store, 1, 25'000, "");
    const auto at = [](int ms) { return kTestStart + std::chrono::milliseconds{ms}; };
    CHECK(must(store->touch_traces(kTestId, at(5'001), at(24'000))) == 19'000);
    CHECK(must(store->touch_traces("rest", at(0), at(100'000))) == 6'000);
    lab.sql("UPDATE traces SET EXP_ID = '' WHERE EXP_ID = 'rest'");
    CHECK(must(store->touch_traces("rest", at(0), at(100'000))) == 6'000);
  }
}

TEST_CASE("what is more than the server takes at once is cut, and says so; all else is kept") {
  ON_SERVER() {
    const auto was = lab.count("SELECT @@GLOBAL.max_allowed_packet");
    lab.sql("SET GLOBAL max_allowed_packet = 1048576");
    const auto store = lab.open();
    std::string large(std::size_t{3} << 20, 'x');
    large.replace((std::size_t{1} << 20) - 8400, 400, [] {
      std::string text;
      for (int i = 0; i < 100; ++i) text += "\xf0\x9f\x9a\x80";
      return text;
    }());
    const std::string half(std::size_t{400} << 10, 'y');
    must(store->begin());
    for (std::uint64_t i = 1; i <= 5; ++i) {
      wire::Trace trace = test_trace(i);
      trace.response = i == 3 ? large : half;
      if (i == 4) trace.headers = large;
      must(store->put_trace(kTestId, i, trace, test_names()));
    }
    must(store->put_event(kTestId, 6, {kTestStart, "big", large}));
    must(store->put_node_info(kTestId, 7, {"n1", "big", large}));
    must(store->save_metadata(kTestId, fmt::format(R"({{"big": "{}"}})", large)));
    must(store->commit());
    lab.sql(fmt::format("SET GLOBAL max_allowed_packet = {}", was));
    std::vector<wire::NamedTrace> traces;
    must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) { traces.push_back(t); }));
    REQUIRE(traces.size() == 5);
    CHECK(traces[0].response == half);
    CHECK(traces[3].response == half);
    CHECK(traces[3].headers.empty());
    CHECK(traces[4].response == half);
    CHECK(traces[2].response.ends_with(
        "[cut: 3145728 bytes are more than the database's max_allowed_packet takes]"));
    CHECK(traces[2].response.size() > 1'000'000);
    must(store->each_event(kTestId, [&](const wire::Event& event) {
      CHECK(event.value.find("[cut: ") != std::string::npos);
    }));
    CHECK(must(store->counts(kTestId)).events == 1);
    CHECK(must(store->metadata(kTestId)).find("left out") != std::string::npos);
  }
}

TEST_CASE("without MariaDB's arrays the same rows are stored") {
  ON_SERVER() {
    Texts seen[2];
    for (const bool arrays : {true, false}) {
      const auto store = lab.open(OpenMode::kCreate, arrays ? "" : "?bulk=no");
      must(store->begin());
      for (std::uint64_t i = 1; i <= 300; ++i) {
        wire::Trace trace = test_trace(i);
        if (i % 3 == 0) trace.response = i % 2 == 0 ? "\xf0\x9f\x9a\x80" : "a\0b\\'";
        if (i % 4 == 0) trace.status = -1;
        if (i % 5 == 0) trace.first_byte = kNoWall;
        trace.empty_response = i % 7 == 0;
        must(store->put_trace(kTestId, i, trace, test_names()));
      }
      must(store->put_sample(kTestId, 301, {kTestStart, "n1", "cpu", "", -0.1}));
      must(store->commit());
      seen[arrays ? 0 : 1] = lab.query(
          "SELECT CONCAT_WS('|', REQUEST_ID, CLIENT, SERVICE, CREATED, SENT, DONE, STATUS, "
          "IFNULL(HEX(RESPONSE), 'null'), IFNULL(HEADERS, 'null'), IFNULL(SERVER, 'null'), EXP_ID, "
          "INTENDED, DISPATCHED, IFNULL(FIRST_BYTE, 'null'), REQUEST_BYTES, RESPONSE_BYTES, "
          "IFNULL(ERROR, 'null'), PHASE) FROM traces ORDER BY ROW_ID");
      must(store->remove(kTestId));
    }
    CHECK(seen[0].size() == 300);
    CHECK(seen[0] == seen[1]);
  }
}

TEST_CASE("a connection that was ended between two calls is made anew, unseen") {
  ON_SERVER() {
    const auto store = lab.open();
    put(*store, 1, 10);
    lab.kill_others();
    put(*store, 11, 20);
    lab.kill_others();
    must(store->save_experiment(test_experiment()));
    lab.kill_others();
    CHECK(must(store->experiments()).size() == 1);
    CHECK(stored_ids(*store) == ids_up_to(20));
  }
}

TEST_CASE("a connection that is ended within a transaction takes all of it along, and no more") {
  ON_SERVER() {
    const auto store = lab.open();
    put(*store, 1, 10);
    must(store->begin());
    must(store->save_spool_position(kTestId, 1));
    must(store->put_trace(kTestId, 11, test_trace(11), test_names()));
    lab.kill_others();
    const auto committed = store->commit();
    REQUIRE_FALSE(committed.ok());
    CHECK(committed.error().code == ErrorCode::kUnavailable);
    CHECK_FALSE(store->save_experiment(test_experiment()).ok());
    store->rollback();
    CHECK_FALSE(must(store->spool_position(kTestId)).has_value());
    put(*store, 11, 12);
    CHECK(stored_ids(*store) == ids_up_to(12));
    CHECK(must(store->experiments()).empty());
  }
}

TEST_CASE("a server that lets nobody in any more after a commit was lost is an Error, each time") {
  ON_SERVER() {
    const MysqlAddress address = lab.address();
    lab.sql("CREATE USER 'leaving'@'%' IDENTIFIED BY 'p'");
    lab.sql(fmt::format("GRANT ALL ON {}.* TO 'leaving'@'%'", lab.name));
    const auto store = must(
        open_store(fmt::format("mysql://leaving:p@{}:{}/{}", address.host, address.port, lab.name),
                   OpenMode::kCreate));
    must(store->begin());
    must(store->save_spool_position(kTestId, 1));
    lab.sql("DROP USER 'leaving'@'%'");
    lab.kill_others();
    CHECK_FALSE(store->commit().ok());
    store->rollback();
    for (int i = 0; i < 2; ++i) {
      CHECK_FALSE(store->spool_position(kTestId).ok());
      CHECK_FALSE(store->save_experiment(test_experiment()).ok());
      CHECK_FALSE(store->save_metadata(kTestId, "{}").ok());
      CHECK_FALSE(store->begin().ok());
      CHECK_FALSE(store->sync().ok());
      CHECK_FALSE(store->counts(kTestId).ok());
      CHECK_FALSE(store->remove(kTestId).ok());
      store->rollback();
    }
  }
}

TEST_CASE("values that MariaDB has no number for are left out, the rows around them are kept") {
  ON_SERVER() {
    const auto store = lab.open();
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    must(store->begin());
    RowNumber row = 0;
    for (const double value :
         {1.0, std::nan(""), kInfinity, -kInfinity, std::numeric_limits<double>::max(),
          std::numeric_limits<double>::denorm_min(), 0.1})
      must(store->put_sample(kTestId, ++row, {kTestStart, "n1", "cpu", "", value}));
    must(store->commit());
    std::vector<double> values;
    must(store->each_sample(kTestId, [&](const wire::Sample& s) { values.push_back(s.value); }));
    CHECK(values == std::vector<double>{1.0, std::numeric_limits<double>::max(),
                                        std::numeric_limits<double>::denorm_min(), 0.1});
  }
}

TEST_CASE("an experiment with infinite values is copied without them, and they are counted") {
  ON_SERVER() {
    const auto from = must(open_temporary("source"));
    put_rows_of_all_kinds(*from);
    must(from->begin());
    for (const double value : {std::numeric_limits<double>::infinity(), 2.0})
      must(from->put_sample(kTestId, 1, {kTestStart, "n1", "cpu", "", value}));
    must(from->commit());
    const std::uint64_t before = must(from->counts(kTestId)).telemetry;
    const auto to = lab.open();
    const auto copied = must(copy_experiment(*from, *to, *must(from->experiment(kTestId)), {}));
    CHECK(copied.infinite_left_out == 1);
    CHECK(copied.samples == before - 1);
    CHECK(must(to->counts(kTestId)).telemetry == before - 1);
  }
}

TEST_CASE("names that are too long are cut by characters, not refused") {
  ON_SERVER() {
    const auto store = lab.open();
    std::string name;
    for (int i = 0; i < 300; ++i) name += "\xc3\xbc";
    wire::Names names = test_names();
    for (wire::NameId id = 1; id < names.size(); ++id) names.set(id, name);
    must(store->begin());
    must(store->put_trace(kTestId, 1, test_trace(1), names));
    must(store->put_sample(kTestId, 2, {kTestStart, name, name, name, 1}));
    must(store->put_event(kTestId, 3, {kTestStart, name, name}));
    must(store->put_node_info(kTestId, 4, {name, name, name}));
    must(store->commit());
    must(store->each_event(kTestId, [&](const wire::Event& event) {
      CHECK(event.name == name.substr(0, 510));
      CHECK(event.value == name);
    }));
    CHECK(must(store->counts(kTestId)).events == 1);
  }
}

TEST_CASE("while rows are handed on the store may be asked for more") {
  ON_SERVER() {
    const auto store = lab.open();
    must(store->save_metadata(kTestId, "{}"));
    must(store->begin());
    for (std::uint64_t i = 1; i <= 200; ++i) {
      wire::Trace trace = test_trace(i);
      const std::string body(i * 50, static_cast<char>('a' + i % 26));
      trace.response = body;
      must(store->put_trace(kTestId, i, trace, test_names()));
    }
    must(store->commit());
    std::uint64_t number = 0;
    must(store->each_trace(kTestId, [&](const wire::NamedTrace& trace) {
      ++number;
      CHECK(trace.response == std::string(number * 50, static_cast<char>('a' + number % 26)));
      CHECK_FALSE(must(store->metadata(kTestId)).empty());
    }));
    CHECK(number == 200);
  }
}

TEST_CASE("what stands in the way of MariaDB is told with what, where, why and the mend") {
  ON_SERVER() {
    const MysqlAddress address = lab.address();
    const std::string user = lab.name.substr(11);
    lab.sql(fmt::format("CREATE USER '{0}'@'%' IDENTIFIED BY 'p'; ", user));
    const std::string host = fmt::format("@{}:{}", address.host, address.port);
    struct Case {
      std::string where;
      OpenMode mode;
      ErrorCode code;
      const char* why;
    };
    for (const Case& c : {
             Case{"mysql://" + user + ":wrong" + host + "/" + lab.name, OpenMode::kCreate,
                  ErrorCode::kUsage, "Access denied"},
             Case{"mysql://" + user + ":p" + host + "/" + lab.name, OpenMode::kExisting,
                  ErrorCode::kUsage, "Access denied"},
             Case{"mysql://" + user + ":p" + host + "/" + lab.name, OpenMode::kCreate,
                  ErrorCode::kUsage, "Access denied"},
             Case{lab.url + "_missing", OpenMode::kExisting, ErrorCode::kNotFound,
                  "Unknown database"},
             Case{"mysql://u:p@127.0.0.1:1/x", OpenMode::kCreate, ErrorCode::kUnavailable,
                  "connect"},
             Case{"mysql://u:p@no-such-host.invalid/x", OpenMode::kCreate, ErrorCode::kUnavailable,
                  "no-such-host"},
             Case{"mysql://u:p@127.0.0.1:1", OpenMode::kCreate, ErrorCode::kUsage, ""},
             Case{lab.url + "?bulk=maybe", OpenMode::kCreate, ErrorCode::kUsage, "maybe"},
             Case{lab.url + "?timeout_ms=0", OpenMode::kCreate, ErrorCode::kUsage, "0"},
             Case{lab.url + "?tls=yes", OpenMode::kCreate, ErrorCode::kUnavailable, ""},
             Case{lab.url + "?socket=/no/such.sock", OpenMode::kCreate, ErrorCode::kUnavailable,
                  "/no/such.sock"},
         }) {
      CAPTURE(c.where);
      const auto opened = open_store(c.where, c.mode);
      REQUIRE_FALSE(opened.ok());
      const Error& error = opened.error();
      CAPTURE(error.to_text());
      CHECK(error.code == c.code);
      CHECK_FALSE(error.what.empty());
      CHECK(error.where.find("mysql://") == 0);
      CHECK(error.why.find(c.why) != std::string::npos);
      CHECK_FALSE(error.hint.empty());
      CHECK(error.to_text().find(":p@") == std::string::npos);
    }
    lab.sql(fmt::format("DROP USER '{}'@'%'", user));
  }
}

TEST_CASE("a server that may only be read is read; a write says how that is mended") {
  ON_SERVER() {
    const MysqlAddress address = lab.address();
    put(*lab.open(), 1, 3);
    lab.sql("CREATE USER IF NOT EXISTS 'writer'@'%' IDENTIFIED BY 'p'");
    lab.sql(
        fmt::format("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX ON {}.* TO "
                    "'writer'@'%'",
                    lab.name));
    lab.sql("SET GLOBAL read_only = 1");
    {
      const auto store = must(
          open_store(fmt::format("mysql://writer:p@{}:{}/{}", address.host, address.port, lab.name),
                     OpenMode::kCreate));
      CHECK(stored_ids(*store) == ids_up_to(3));
      CHECK_FALSE(must(store->spool_position(kTestId)).has_value());
      const auto saved = store->save_experiment(test_experiment());
      REQUIRE_FALSE(saved.ok());
      CHECK(saved.error().code == ErrorCode::kIo);
      CHECK(saved.error().hint.find("read_only") != std::string::npos);
    }
    lab.sql("SET GLOBAL read_only = 0");
    lab.sql("DROP USER 'writer'@'%'");
  }
}
