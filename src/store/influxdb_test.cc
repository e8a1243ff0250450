// What is InfluxDB's own: the points that rows become, and what a real server makes of them.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "store/influxdb_fixture.h"
#include "store/influxdb_layout.h"
#include "store/influxdb_server.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

wire::NamedTrace full_trace() {
  wire::NamedTrace trace = wire::resolve(test_trace(1), test_names());
  trace.headers = R"({"a": "b"})";
  trace.response = "two\nlines";
  return trace;
}

std::string old_url(std::string url) {
  return url.empty() ? url : url + "?layout=old";
}

std::vector<std::string> told(Store& store, const std::string& id) {
  std::vector<std::string> lines;
  must(store.each_trace(id, [&](const wire::NamedTrace& t) {
    lines.push_back(fmt::format("{} {} {} {} {} {}|{}", t.request_id, t.client, t.service, t.server,
                                t.status, t.headers, t.response));
  }));
  must(store.each_sample(id, [&](const wire::Sample& s) {
    lines.push_back(fmt::format("{} {} {} {}", s.node, s.metric, s.subsystem, s.value));
  }));
  must(
      store.each_event(id, [&](const wire::Event& e) { lines.push_back(e.name + " " + e.value); }));
  return lines;
}

void put_one_of_each(Store& store, RowNumber row) {
  must(store.begin());
  wire::Trace trace = test_trace(row);
  trace.headers = R"({"Server": "x, y=z"})";
  trace.response = "say \"hi\"";
  must(store.put_trace(kTestId, row, trace, test_names()));
  must(store.put_sample(kTestId, row + 1, {kTestStart, "n1", "rx", "eth0", 0.5}));
  must(store.put_event(kTestId, row + 2, {kTestStart, "scale", "up"}));
  must(store.commit());
}

// One of the test's own; empty where no server is named to the tests.
std::string organisation() {
  static int number = 0;
  return new_influx_organisation(fmt::format("influxdb_{}_{}", getpid(), ++number));
}

}  // namespace

#define NEEDS_SERVER(url)                 \
  const std::string url = organisation(); \
  if (url.empty()) return

TEST_CASE("a trace, a value and an event are one line each") {
  std::string out;
  const wire::NamedTrace trace = full_trace();
  influxdb::put_trace(out, wire::view(trace, kTestId), 17);
  influxdb::put_sample(out, {kTestStart, "n1", "rx", "eth0", 0.5}, 18);
  influxdb::put_event(out, {kTestStart, "scale", ""}, 19);
  CHECK(out ==
        "traces,client=w:hello:1,phase=main,server=127.0.0.1:8080,service=hello "
        "created=1795500000001000000i,dispatched=1795500000001010000i,done=1795500000001400000i,"
        "first_byte=1795500000001300000i,headers=\"{\\\"a\\\": \\\"b\\\"}\",request_bytes=80i,"
        "request_id=\"abcdef0123:1\",response=\"two\nlines\",response_bytes=120i,"
        "sent=1795500000001020000i,status=200i 17\n"
        "telemetry,metric=rx,node=n1,subsystem=eth0 ts=1795500000000000000i,value=0.5 18\n"
        "events,name=scale ts=1795500000000000000i,value=\"\" 19\n");
}

TEST_CASE("the old layout is the old system's, line by line") {
  std::string out;
  const wire::NamedTrace trace = full_trace();
  influxdb::put_old_trace(out, wire::view(trace, kTestId));
  influxdb::put_old_sample(out, kTestId, {kTestStart, "n1", "cpu", "", 2});
  influxdb::put_old_event(out, kTestId, {kTestStart + Duration{1'999'600}, "scale", "up"});
  CHECK(out ==
        "traces,client=w:hello:1,created=1795500000.001,done=1795500000.0014,"
        "exp_id=202611241200-0a1b,headers={\"a\":\\ \"b\"},response=two\\nlines,"
        "sent=1795500000.00102,server=127.0.0.1:8080,service=hello,status=200 "
        "request_id=\"abcdef0123:1\" 1795500000001000000\n"
        "telemetry,exp_id=202611241200-0a1b,metric=cpu,node=n1,ts=1795500000.0 value=2 "
        "1795500000000000000\n"
        "events,exp_id=202611241200-0a1b,name=scale,ts=1795500000.0019996 value=\"up\" "
        "1795500000002000000\n");
  wire::NamedTrace never_sent = full_trace();
  never_sent.sent = kNoWall;
  out.clear();
  influxdb::put_old_trace(out, wire::view(never_sent, kTestId));
  CHECK(out.ends_with(" -1000000000\n"));
}

TEST_CASE("rows of one millisecond are different points, whatever their own times are") {
  const Wall at = kTestStart + Duration{123'456};
  CHECK(influxdb::point_time(at, 1) == 1'795'500'000'000'000'001);
  CHECK(influxdb::point_time(at, 999'999) == 1'795'500'000'000'999'999);
  CHECK(influxdb::point_time(at + Duration{1}, 7) == influxdb::point_time(at, 7));
  CHECK(influxdb::point_time(at, 1'000'001) == influxdb::point_time(at, 1));
  CHECK(influxdb::point_time(kNoWall, 3) == -999'997);
}

TEST_CASE("options that make no sense are wrong usage") {
  for (const char* url :
       {"influxdb://:t@h/o?layout=older", "influxdb://:t@h/o?retention=soon",
        "influxdb://:t@h/o?retention=-3d", "influxdb://:t@h/o?tls=maybe",
        "influxdb://:t@h/o?timeout_ms=0", "influxdb://:t@h/o?buckets=2", "influxdb:"}) {
    const auto opened = open_store(url, OpenMode::kCreate);
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::kUsage);
    CHECK(opened.error().where.find(":t@") == std::string::npos);
  }
}

TEST_CASE("rows that are put again are the same points") {
  NEEDS_SERVER(url);
  for (int again = 0; again < 2; ++again) {
    const auto store = must(open_store(url, OpenMode::kCreate));
    CHECK(must(store->counts(kTestId)).traces == (again == 0 ? 0 : 2));
    put_one_of_each(*store, 1);
    put_one_of_each(*store, 105);
  }
  const auto store = must(open_store(url, OpenMode::kExisting));
  const StoredRows counts = must(store->counts(kTestId));
  CHECK(counts.traces == 2);
  CHECK(counts.telemetry == 2);
  CHECK(counts.events == 2);
}

TEST_CASE("many rows of one time and series are all there") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(url, OpenMode::kCreate));
  must(store->begin());
  wire::Trace foreign = test_trace(1);
  foreign.number = 0;
  for (RowNumber row = 0; row < 2000; ++row) {
    must(store->put_trace(kTestId, row * 105, foreign, test_names()));
    must(store->put_sample(kTestId, row * 41, {kTestStart, "n1", "cpu", "", 1}));
  }
  must(store->commit());
  const StoredRows counts = must(store->counts(kTestId));
  CHECK(counts.traces == 2000);
  CHECK(counts.telemetry == 2000);
}

TEST_CASE("the old layout is written and read, alone and beside the new one in one bucket") {
  NEEDS_SERVER(url);
  const std::vector<std::string> one = {
      R"(abcdef0123:1 w:hello:1 hello 127.0.0.1:8080 200 {"Server": "x, y=z"}|say "hi")",
      "n1 rx eth0 0.5", "scale up"};
  {
    const auto store = must(open_store(old_url(url), OpenMode::kCreate));
    put_one_of_each(*store, 1);
    CHECK(told(*store, kTestId) == one);
    CHECK(must(store->counts(kTestId)).failed == 0);
  }
  const auto store = must(open_store(url, OpenMode::kCreate));
  CHECK(told(*store, kTestId) == one);
  put_one_of_each(*store, 1);
  CHECK(told(*store, kTestId) ==
        std::vector<std::string>{one[0], one[0], one[1], one[1], one[2], one[2]});
  std::size_t figures = 0;
  must(store->each_trace_figures(kTestId, [&](const wire::NamedTrace& t) {
    ++figures;
    CHECK(t.service == "hello");
    CHECK(t.server == "127.0.0.1:8080");
    CHECK(t.status == 200);
    CHECK(t.done > t.sent);
  }));
  CHECK(figures == 2);
  must(store->each_trace(kTestId, [&](const wire::NamedTrace& trace) {
    const auto expected = wire::resolve(test_trace(1), test_names());
    CHECK(std::abs((trace.created - expected.created).count()) < 500);
    CHECK(std::abs((trace.sent - expected.sent).count()) < 500);
    CHECK(std::abs((trace.done - expected.done).count()) < 500);
  }));
  const StoredRows counts = must(store->counts(kTestId));
  CHECK(counts.traces == 2);
  CHECK(counts.telemetry == 2);
  CHECK(counts.events == 2);
}

TEST_CASE("failed traces of the old layout are counted by their status' text") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(old_url(url), OpenMode::kCreate));
  must(store->begin());
  std::uint64_t number = 0;
  for (const int status : {200, 399, 400, 404, 503, -1}) {
    wire::Trace trace = test_trace(++number);
    trace.status = status;
    must(store->put_trace(kTestId, number, trace, test_names()));
  }
  must(store->commit());
  CHECK(must(store->counts(kTestId)).traces == 6);
  CHECK(must(store->counts(kTestId)).failed == 4);
}

TEST_CASE("bodies beyond a field's size, infinite values and any name come back as they were") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(url, OpenMode::kCreate));
  std::string body;
  for (int i = 0; body.size() < (3u << 20); ++i) body += fmt::format("{} ü€😀\n\"\\", i);
  const std::string odd = std::string("a,b=c \\\n\"%41 ü\\\0", 16) + "#";
  wire::Names names = test_names();
  wire::Trace trace = test_trace(1);
  trace.client = names.add(odd);
  trace.response = body;
  const double infinity = std::numeric_limits<double>::infinity();
  must(store->begin());
  must(store->put_trace(kTestId, 1, trace, names));
  must(store->put_sample(kTestId, 2, {kTestStart, odd, "up", odd, infinity}));
  must(store->put_sample(kTestId, 3, {kTestStart, odd, "up", odd, -infinity}));
  must(store->put_event(kTestId, 4, {kTestStart, odd, body}));
  must(store->put_node_info(kTestId, 5, {odd, odd, body}));
  must(store->commit());
  must(store->save_metadata(kTestId, "{\"long\": \"" + std::string(200'000, 'x') + "\"}"));
  must(store->save_metadata(kTestId, "{\"short\": 1}"));
  must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) {
    CHECK(t.client == odd);
    CHECK((t.response == body));
  }));
  std::vector<double> values;
  must(store->each_sample(kTestId, [&](const wire::Sample& s) {
    CHECK(s.node == odd);
    CHECK(s.subsystem == odd);
    values.push_back(s.value);
  }));
  CHECK(values == std::vector<double>{infinity, -infinity});
  must(store->each_event(kTestId, [&](const wire::Event& e) {
    CHECK(e.name == odd);
    CHECK((e.value == body));
  }));
  std::size_t infos = 0;
  must(store->each_node_info(kTestId, [&](const wire::NodeInfo& info) {
    ++infos;
    CHECK(info.node == odd);
    CHECK(info.key == odd);
    CHECK((info.value == body));
  }));
  CHECK(infos == 1);
  CHECK(must(store->counts(kTestId)).telemetry == 2);
  const std::string metadata = must(store->metadata(kTestId));
  CHECK(metadata.find("\"short\": 1") != std::string::npos);
  CHECK(metadata.size() < 100);
}

TEST_CASE("what statistics need of a trace is read without its texts") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(url, OpenMode::kCreate));
  put_one_of_each(*store, 1);
  const wire::NamedTrace expected = wire::resolve(test_trace(1), test_names());
  std::size_t figures = 0;
  must(store->each_trace_figures(kTestId, [&](const wire::NamedTrace& t) {
    ++figures;
    CHECK(t.response.empty());
    CHECK(t.phase == expected.phase);
    CHECK(t.failure == expected.failure);
    CHECK(t.status == expected.status);
    CHECK(t.intended == expected.intended);
    CHECK(t.created == expected.created);
    CHECK(t.dispatched == expected.dispatched);
    CHECK(t.sent == expected.sent);
    CHECK(t.first_byte == expected.first_byte);
    CHECK(t.done == expected.done);
    CHECK(t.request_bytes == expected.request_bytes);
    CHECK(t.response_bytes == expected.response_bytes);
  }));
  CHECK(figures == 1);
}

TEST_CASE("traces are told by their exact times, not by their points'") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(url, OpenMode::kCreate));
  must(store->begin());
  // All in three milliseconds, put from the last to the first.
  for (std::uint64_t i = 30; i >= 1; --i) {
    wire::Trace trace = test_trace(31 - i);
    trace.created = kTestStart + Duration{static_cast<std::int64_t>(i) * 100'000};
    must(store->put_trace(kTestId, i, trace, test_names()));
  }
  must(store->commit());
  std::vector<std::string> ids = stored_ids(*store);
  std::reverse(ids.begin(), ids.end());
  CHECK(ids == ids_up_to(30));
}

TEST_CASE("a row that the server won't take is dropped, the drain goes on") {
  NEEDS_SERVER(url);
  const auto server = must(InfluxServer::open(must(parse_database_url(url, kAnyOption))));
  must(server->make_bucket(kTestId));
  // Somebody has written a text where a value belongs, in the same shard.
  server->begin_write(kTestId,
                      server->packed("telemetry,node=n2 value=\"text\" 1795500000000000000\n"));
  CHECK(must(server->end_write()).status == 204);
  const auto store = must(open_store(url, OpenMode::kCreate));
  put_one_of_each(*store, 1);
  must(store->begin());
  must(store->save_spool_position(kTestId, 7));
  must(store->commit());
  CHECK(must(store->spool_position(kTestId)) == 7);
  CHECK(must(store->counts(kTestId)).traces == 1);
  CHECK(must(store->counts(kTestId)).events == 1);
  CHECK(store->refused().traces == 0);
  CHECK(store->refused().others == 1);
  put_one_of_each(*store, 1);  // a step that is done again
  CHECK(store->refused().others == 1);
  std::vector<std::string> kept;
  must(server->ask(
      "galileo", "SELECT line, why FROM refused",
      {[](const auto&) {}, [&](const auto& row) { kept.emplace_back(row[row.size() - 2]); }}));
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].starts_with("telemetry,metric=rx,node=n1"));
}

TEST_CASE("a bucket is made with the retention of the URL; one that exists is left as it is") {
  NEEDS_SERVER(url);
  const auto server =
      must(InfluxServer::open(must(parse_database_url(url + "?retention=30d", kAnyOption))));
  must(server->make_bucket("ours"));
  must(server->make_bucket("ours"));
  const auto connection = must(InfluxConnection::open(must(parse_database_url(url, kAnyOption))));
  const auto found = must(connection->call({"GET", "/api/v2/buckets?name=ours"}));
  CHECK(found.body.find("\"everySeconds\": 2592000") != std::string::npos);
}

TEST_CASE("what is no experiment's row is kept for ever, whatever the retention is") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(url + "?retention=30d", OpenMode::kCreate));
  must(store->save_experiment(test_experiment()));
  must(store->begin());
  must(store->put_node_info(kTestId, 3, {"n1", "cpus", "2"}));
  must(store->save_spool_position(kTestId, 7));
  must(store->commit());
  CHECK(store->refused().rows() == 0);
  CHECK(must(store->experiments()).size() == 1);
  CHECK(must(store->spool_position(kTestId)) == 7);

  // Somebody has made the bucket so that it forgets.
  const auto connection = must(InfluxConnection::open(must(parse_database_url(url, kAnyOption))));
  const auto found = must(connection->call({"GET", "/api/v2/buckets?name=galileo"}));
  const auto bucket = nlohmann::json::parse(found.body)["buckets"][0];
  const auto call = InfluxCall{"DELETE", "/api/v2/buckets/" + bucket["id"].get<std::string>()};
  REQUIRE(must(connection->call(call)).status == 204);
  influx_order(*connection, "/api/v2/buckets",
               {{"name", "galileo"},
                {"orgID", bucket["orgID"]},
                {"retentionRules", {{{"type", "expire"}, {"everySeconds", 604800}}}}});
  const auto refused = open_store(url, OpenMode::kCreate);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().why.find("older than 604800 s") != std::string::npos);
  CHECK(open_store(url, OpenMode::kExisting).ok());
}

TEST_CASE("requests of one number under two prefixes, at once by one client, are two") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(url, OpenMode::kCreate));
  wire::Names names = test_names();
  const wire::NameId other = names.add("another-prefix");
  wire::Trace trace = test_trace(7);
  must(store->begin());
  for (const wire::NameId prefix : {trace.id_prefix, other}) {
    trace.id_prefix = prefix;
    must(store->put_trace(kTestId, prefix, trace, names));
  }
  must(store->commit());
  CHECK(must(store->counts(kTestId)).traces == 2);
}

TEST_CASE("a touch of many milliseconds takes all and leaves none") {
  NEEDS_SERVER(url);
  const auto store = must(open_store(url, OpenMode::kCreate));
  must(store->begin());
  for (std::uint64_t i = 1; i <= 3000; ++i)
    must(store->put_trace("", i, test_trace(i), test_names()));
  must(store->commit());
  must(store->save_experiment(test_experiment()));
  CHECK(must(store->touch_traces(kTestId, kTestStart, kTestStart + std::chrono::hours{1})) == 3000);
  CHECK(must(store->counts(kTestId)).traces == 3000);
  CHECK(must(store->counts("")).traces == 0);
}

TEST_CASE("buckets that look like experiments are listed, though nothing is known of them") {
  NEEDS_SERVER(url);
  const auto server = must(InfluxServer::open(must(parse_database_url(url, kAnyOption))));
  for (const char* name : {"202001020304-0a1b", "not-an-experiment"})
    must(server->make_bucket(name));
  const auto store = must(open_store(url, OpenMode::kExisting));
  const auto all = must(store->experiments());
  REQUIRE(all.size() == 1);
  CHECK(all[0].id == "202001020304-0a1b");
  CHECK(all[0].created > kTestStart - std::chrono::hours{24 * 365 * 10});
  CHECK(must(store->experiment("202001020304-0a1b")).has_value());
  CHECK_FALSE(must(store->experiment("202001020304-0a1c")).has_value());
  must(store->remove("202001020304-0a1b"));
  CHECK(must(store->experiments()).empty());
}

TEST_CASE("more buckets than fit into one answer are all listed") {
  NEEDS_SERVER(url);
  const auto server = must(InfluxServer::open(must(parse_database_url(url, kAnyOption))));
  for (int i = 0; i < 120; ++i) must(server->make_bucket(fmt::format("202001{:06}-0a1b", i)));
  CHECK(must(server->buckets()).size() >= 120);
}
