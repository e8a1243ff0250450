#include "fleet/intake.h"

#include <doctest/doctest.h>

#include "bus/in_process.h"
#include "bus/keys.h"
#include "fleet/intake_fixture.h"

using namespace galileo;
using namespace galileo::fleet;

namespace {

// A bus of the process, somebody who listens, and what came of it.
struct Listening {
  explicit Listening(const Intake::Options& options = {},
                     const std::vector<std::string>& nodes = {})
      : intake(options) {
    must(intake.open(*bus, nodes));
  }
  std::uint64_t publish(std::string_view channel, std::string_view message) {
    return must(bus->publish(channel, message));
  }
  void line(const std::string& line) { publish(bus::kTraces, line); }
  void batch(const std::string& batch) { publish(bus::kTraceBatches, batch); }
  const Taken& take() {
    intake.drain(taken);
    return taken;
  }
  const Taken& finish() {
    intake.close();
    intake.finish(taken);
    return taken;
  }

  std::unique_ptr<bus::Bus> bus = bus::make_in_process();
  Intake intake;
  Taken taken;
};

std::vector<std::string> ids(std::initializer_list<int> numbers) {
  std::vector<std::string> all;
  for (const int number : numbers) all.push_back(fmt::format("abcdef0123:{}", number));
  return all;
}

}  // namespace

TEST_CASE("A line of the old wire arrives with all that it says, and claims no more") {
  Listening on;
  on.line(test_line("b1946ac924:7"));
  REQUIRE(on.take().traces.size() == 1);
  const wire::NamedTrace& trace = on.taken.traces[0];
  CHECK(trace.request_id == "b1946ac924:7");
  CHECK(trace.client == "old:web:0");
  CHECK(trace.service == "web");
  CHECK(trace.server == "10.0.0.1:80");
  CHECK(trace.status == 200);
  CHECK(trace.created == kTestStart + std::chrono::milliseconds{500});
  CHECK(trace.sent == kTestStart + std::chrono::milliseconds{501});
  CHECK(trace.done == kTestStart + std::chrono::milliseconds{600});
  CHECK(trace.headers == R"({"A": "1", "B": "2"})");
  CHECK(trace.response == "hello, you");
  CHECK(trace.failure.empty());
  CHECK(trace.intended == kNoWall);
  CHECK(trace.dispatched == kNoWall);
  CHECK(trace.first_byte == kNoWall);
}

TEST_CASE("A batch arrives with all that a trace holds") {
  Listening on;
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 2, "abcdef0123", "hello"));
  REQUIRE(on.take().traces.size() == 2);
  const wire::NamedTrace& trace = on.taken.traces[1];
  CHECK(trace.request_id == "abcdef0123:2");
  CHECK(trace.client == "w1:web:0");
  CHECK(trace.phase == "main");
  CHECK(trace.response == "hello");
  CHECK(trace.intended == kTestStart + std::chrono::milliseconds{2});
  CHECK(trace.first_byte == trace.created + Duration{100'000});
}

TEST_CASE("Names of several senders don't mix") {
  Listening on;
  on.batch(test_batch({"w1", "a", 1, false}, 1, 1, "1111111111"));
  on.batch(test_batch({"w2", "b", 1, false}, 1, 1, "2222222222"));
  on.line(test_line("3333333333:1", "old:web:0"));
  REQUIRE(on.take().traces.size() == 3);
  CHECK(on.taken.ids() == std::vector<std::string>{"1111111111:1", "2222222222:1", "3333333333:1"});
  CHECK(on.taken.traces[0].client == "w1:web:0");
  CHECK(on.taken.traces[1].client == "w2:web:0");
  CHECK(on.taken.traces[2].client == "old:web:0");
}

TEST_CASE("What comes twice is kept once: a line, a batch that was sent again, a trace in two") {
  Listening on;
  on.line(test_line("b1946ac924:1"));
  on.line(test_line("b1946ac924:1"));
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 3));
  on.batch(test_batch({"w1", "boot", 1, true}, 1, 3));
  on.batch(test_batch({"w1", "boot", 2, true}, 3, 4));
  CHECK(on.take().traces.size() == 1 + 4);
  CHECK(on.intake.counts().duplicates == 1 + 3 + 1);
  CHECK(on.intake.counts().batches == 2);
  CHECK(on.intake.counts().missing == 0);
}

TEST_CASE("A batch that is marked as sent again and whose first copy got lost is taken") {
  Listening on;
  on.batch(test_batch({"w1", "boot", 1, true}, 1, 3));
  CHECK(on.take().traces.size() == 3);
  CHECK(on.intake.counts().duplicates == 0);
}

TEST_CASE("Two clients that drew the same beginning of their ids are still two") {
  Listening on;
  on.line(test_line("b1946ac924:1", "old:web:0"));
  on.line(test_line("b1946ac924:1", "old:web:1"));
  CHECK(on.take().traces.size() == 2);
  CHECK(on.intake.counts().duplicates == 0);
}

TEST_CASE("Lost batches and lost requests are counted, and one that comes late after all isn't") {
  Listening on;
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 2));
  on.batch(test_batch({"w1", "boot", 4, false}, 7, 8));
  on.line(test_line("b1946ac924:1"));
  on.line(test_line("b1946ac924:5"));
  on.take();
  CHECK(on.intake.counts().batches_missing == 2);
  CHECK(on.intake.counts().missing == 4 + 3);
  on.batch(test_batch({"w1", "boot", 3, false}, 5, 6));
  on.line(test_line("b1946ac924:3"));
  on.take();
  CHECK(on.intake.counts().batches_missing == 1);
  CHECK(on.intake.counts().missing == 2 + 2);
}

TEST_CASE("Numbers that begin above 1, since tracing began later, are no gap") {
  Listening on;
  on.batch(test_batch({"w1", "boot", 40, false}, 1000, 1001));
  on.batch(test_batch({"w1", "boot", 41, false}, 1002, 1003));
  on.line(test_line("b1946ac924:17"));
  on.take();
  CHECK(on.intake.counts().batches_missing == 0);
  CHECK(on.intake.counts().missing == 0);
}

TEST_CASE("A worker that is restarted counts from 1 again: no gap and no duplicate") {
  Listening on;
  on.batch(test_batch({"w1", "first", 7, false}, 1, 2, "1111111111"));
  on.batch(test_batch({"w1", "second", 1, false}, 1, 2, "2222222222"));
  on.batch(test_batch({"w1", "second", 2, false}, 3, 3, "2222222222"));
  CHECK(on.take().traces.size() == 5);
  CHECK(on.intake.counts().duplicates == 0);
  CHECK(on.intake.counts().batches_missing == 0);
  CHECK(on.intake.has_batches("w1", "second", 2));
  CHECK_FALSE(on.intake.has_batches("w1", "second", 3));
  CHECK_FALSE(on.intake.has_batches("w1", "first", 6));
  CHECK_FALSE(on.intake.has_batches("w1", "third", 1));
  CHECK_FALSE(on.intake.has_batches("w2", "first", 1));
  CHECK(on.intake.has_batches("w2", "first", 0));
}

TEST_CASE("Batches up to a number are there though a later one is missing") {
  Listening on;
  for (const std::uint64_t sequence : {1u, 2u, 4u})
    on.batch(test_batch({"w1", "boot", sequence, false}, sequence, sequence));
  on.take();
  CHECK(on.intake.has_batches("w1", "boot", 2));
  CHECK_FALSE(on.intake.has_batches("w1", "boot", 3));
  CHECK_FALSE(on.intake.has_batches("w1", "boot", 4));
}

TEST_CASE("Lines that a worker sends beside its batches are left out, before and after its batch") {
  Listening on({.line_waits = 3});
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 2));
  on.line(test_line("abcdef0123:1", "w1:web:0"));
  on.line(test_line("abcdef0123:3", "w1:web:0"));
  on.line(test_line("b1946ac924:1", "w10:web:0"));
  on.take();
  on.batch(test_batch({"w1", "boot", 2, false}, 3, 3));
  for (int i = 0; i < 10; ++i) on.take();
  CHECK(on.taken.ids() ==
        std::vector<std::string>{"abcdef0123:1", "abcdef0123:2", "b1946ac924:1", "abcdef0123:3"});
  CHECK(on.taken.traces[3].phase == "main");  // the batch's, which says more
  CHECK(on.intake.counts().duplicates == 0);
}

TEST_CASE("A line whose batch never comes is taken: late while it goes on, at once in the end") {
  Listening on({.line_waits = 3});
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 2));
  on.line(test_line("abcdef0123:3", "w1:web:0"));
  for (int i = 0; i < 3; ++i) CHECK(on.take().traces.size() == 2);
  CHECK(on.take().traces.size() == 3);
  on.line(test_line("abcdef0123:4", "w1:web:0"));
  CHECK(on.finish().ids() == ids({1, 2, 3, 4}));
  CHECK(on.intake.counts().missing == 0);
}

TEST_CASE("No more lines wait for their batches than there is room for") {
  Listening on({.waiting_bytes_max = 200});
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 1));
  for (int i = 2; i <= 10; ++i) on.line(test_line(fmt::format("abcdef0123:{}", i), "w1:web:0"));
  CHECK(on.take().traces.size() == 9);  // 150 bytes a line: one waits
  CHECK(on.finish().traces.size() == 10);
}

TEST_CASE("Request ids of another form are kept as they are") {
  Listening on;
  const std::vector<std::string> ids{
      "abc",   "abc:",   ":5",   "a:b:3", "abc:007", "abc:x", "abc:99999999999999999999",
      "abc:0", "abc:5 ", "абв:2"};
  for (const std::string& id : ids) on.line(test_line(id));
  for (const std::string& id : ids) on.line(test_line(id));
  CHECK(on.take().ids() == ids);
  CHECK(on.intake.counts().duplicates == ids.size());
}

TEST_CASE("What can't be read is counted, and the first of each kind is told") {
  Listening on;
  on.batch("no batch");
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 9).substr(0, 300));
  on.line("a,b,c");
  on.line("");
  on.publish("telem/n1/cpu", "1795500000 fast");
  on.publish("telem/n1", "1795500000 5");
  on.publish(bus::kEvents, "now begin");
  on.publish(bus::kEvents, "");
  on.take();
  CHECK(on.intake.counts().malformed == 8);
  CHECK(on.taken.traces.empty());
  REQUIRE(on.intake.troubles().size() == 4);
  for (const Error& trouble : on.intake.troubles()) CHECK(trouble.code == ErrorCode::kCorrupt);
  CHECK(on.intake.troubles()[0].what == "a batch of traces can't be read");
  CHECK(on.intake.troubles()[1].why == "it has 3 fields, not 11");
}

TEST_CASE("What programs publish when they stop is nothing, not even a thing that can't be read") {
  Listening on;
  for (const char* channel :
       {"galileo/events", "galileo/results/traces", "telem/*", "telem/n1/cpu"})
    on.publish(channel, "__POISON__");
  on.publish(bus::kEvents, "2026-11-29 17:05:03.250000 scale {\"a\": 1}");
  on.take();
  CHECK(on.intake.counts().malformed == 0);
  CHECK(on.taken.samples.empty());
  REQUIRE(on.taken.events.size() == 1);
  CHECK(on.taken.events[0].name == "scale");
}

TEST_CASE("A full ring loses what it has no room for, and counts it") {
  Listening on({.ring_bytes = 4096});
  for (int i = 1; i <= 100; ++i) on.line(test_line(fmt::format("abcdef0123:{}", i)));
  on.take();
  const IntakeCounts counts = on.intake.counts();
  CHECK(counts.traces > 0);
  CHECK(counts.dropped > 0);
  CHECK(counts.traces + counts.dropped == 100);
  on.line(test_line("abcdef0123:101"));
  on.take();
  CHECK(on.intake.counts().missing == counts.dropped);
}

TEST_CASE(
    "A message beyond what the ring takes is dropped alone, and one just below goes through") {
  Listening on({.ring_bytes = std::size_t{1} << 20});
  const std::string body(200'000, 'x');
  on.line(test_line("abcdef0123:1") + body);
  on.line(test_line("abcdef0123:2") + body + body);
  on.line(test_line("abcdef0123:3"));
  CHECK(on.take().ids() == ids({1, 3}));
  CHECK(on.taken.traces[0].response.size() == body.size() + 10);
  CHECK(on.intake.counts().dropped == 1);
}

TEST_CASE("Telemetry and events arrive, the words true and false as 1 and 0") {
  Listening on;
  on.publish("telem/n1/cpu", "1795500000.25 12.500000");
  on.publish("telem/n1/rx/eth0", "1795500000.5 3");
  on.publish("telem/n2/up", "1795500001 true");
  on.publish(bus::kEvents, R"(1795500002.0000000 pod/create {"name": "a b"})");
  on.publish(bus::kEvents, "1795500003.0000000 begin");
  on.take();
  REQUIRE(on.taken.samples.size() == 3);
  CHECK(on.taken.samples[0].node == "n1");
  CHECK(on.taken.samples[0].metric == "cpu");
  CHECK(on.taken.samples[0].subsystem.empty());
  CHECK(on.taken.samples[0].value == 12.5);
  CHECK(on.taken.samples[1].subsystem == "eth0");
  CHECK(on.taken.samples[2].value == 1);
  REQUIRE(on.taken.events.size() == 2);
  CHECK(on.taken.events[0].name == "pod/create");
  CHECK(on.taken.events[0].value == R"({"name": "a b"})");
  CHECK(on.taken.events[1].at == kTestStart + std::chrono::seconds{3});
  CHECK(on.intake.counts().samples == 3);
  CHECK(on.intake.counts().events == 2);
}

TEST_CASE("Of named nodes only theirs is taken, whatever their names are made of, once") {
  Listening on({}, {"n1", "a*[b]", "n1"});
  CHECK(on.publish("telem/n1/cpu", "1795500000 1") == 1);
  CHECK(on.publish("telem/a*[b]/cpu", "1795500000 2") == 1);
  CHECK(on.publish("telem/n2/cpu", "1795500000 3") == 0);
  CHECK(on.publish("telem/n11/cpu", "1795500000 3") == 0);
  CHECK(on.publish("telem/axb/cpu", "1795500000 3") == 0);
  CHECK(on.take().samples.size() == 2);
}

TEST_CASE("Bytes that aren't UTF-8 and zeros don't stop anything") {
  Listening on;
  on.line(test_line("abcdef0123:1") + "\xff\xfe");
  on.line(test_line("abcdef0123:2", "w\xc3:web:0"));
  on.line(test_line("abcdef0123:3") + std::string("a\0b", 3));
  on.batch(test_batch({"w\xff", "boot", 1, false}, 4, 4, "abcdef0123", "\xc0\x80"));
  on.publish("telem/n\xff/cpu", "1795500000 1");
  on.publish(bus::kEvents, "1795500000 begin \xff");
  CHECK(on.take().ids() == ids({1, 2, 3, 4}));
  CHECK(on.taken.traces[0].response == "hello, you\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(on.taken.traces[3].client == "w\xff:web:0");  // a store makes it UTF-8, see store.h
  CHECK(on.taken.samples.size() == 1);
  CHECK(on.taken.events.size() == 1);
  CHECK(on.intake.counts().malformed == 0);
}

TEST_CASE("Who makes up a name for each trace fills no memory, and keeps nobody else's out") {
  Listening on({.names_max = 8});
  on.line(test_line("abcdef0123:1"));  // 4 names
  for (int i = 0; i < 10; ++i) on.line(test_line("b1946ac924:1", fmt::format("c{}:web:0", i)));
  on.batch(test_batch({"w1", "boot", 1, false}, 1, 1));
  on.line(test_line("abcdef0123:2"));
  on.take();
  CHECK(on.intake.names().size() <= 8);
  CHECK(on.taken.traces.front().request_id == "abcdef0123:1");
  CHECK(on.taken.traces.back().request_id == "abcdef0123:2");
  CHECK(on.intake.counts().traces + on.intake.counts().malformed == 13);
  CHECK(on.intake.troubles().size() == 2);
  CHECK(on.intake.troubles()[0].why == "they have 5 different names already");
}

TEST_CASE("A worker that looks who listens sees one for batches and none for lines by name") {
  const auto bus = bus::make_in_process();
  Intake intake;
  must(intake.open(*bus));
  CHECK(intake.catch_up(std::chrono::seconds{10}));
  CHECK(must(bus->channels(std::string(bus::kAllResults))) ==
        std::vector<std::string>{std::string(bus::kTraceBatches)});
  intake.close();
  CHECK(must(bus->channels(std::string(bus::kAllResults))).empty());
  Taken taken;
  must(bus->publish(bus::kTraces, test_line("abcdef0123:1")));
  intake.finish(taken);
  CHECK(taken.traces.empty());
}
