// The engine over its real loops and threads, commanded from the control thread. The debug router
// answers, so that there is no socket.
#include "load/engine.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

using namespace galileo;
using namespace galileo::load;

namespace {

using std::chrono::milliseconds;

// One a loop; read by the test when the loops have ended, or while they do nothing.
struct Kept final : TraceSink {
  void put(const wire::Trace& trace) override { all.push_back(trace); }
  wire::NameId name(std::string_view text) override {
    const auto [entry, is_new] = ids.try_emplace(std::string(text), 0);
    if (is_new) entry->second = names.add(std::string(text));
    return entry->second;
  }
  std::vector<wire::Trace> all;
  wire::Names names;
  std::map<std::string, wire::NameId> ids;
};

struct Bench {
  explicit Bench(unsigned threads = 2, const std::string& router = "DebugRouter") {
    options.limits.threads = threads;
    options.other_services = ServiceSpec{"", {}, router, "wrr", ""};
    options.seed = 7;
    options.wall_clock = net::RealClock().wall_clock();
    std::vector<TraceSink*> list;
    for (unsigned i = 0; i < threads; ++i) {
      sinks.push_back(std::make_unique<Kept>());
      list.push_back(sinks.back().get());
    }
    engine = std::make_unique<Engine>(control, options, list);
    Engine::Events events;
    events.on_dispatched = [this](const std::string& id) { dispatched.push_back(id); };
    events.on_answered = [this](const std::string& id) { answered.push_back(id); };
    engine->set_events(std::move(events));
  }

  Time now() const { return control.clock().now(); }
  // Runs the control loop until that is so; false: it hasn't become so in 20 s.
  bool wait_until(const std::function<bool()>& so) {
    const Time give_up = now() + std::chrono::seconds{20};
    net::Timer tick([this](Time) { control.stop(); });
    while (!so() && now() < give_up) {
      control.timers().set(tick, now() + milliseconds{1});
      control.run();
    }
    return so();
  }
  void add(const std::vector<std::string>& ids) {
    const auto added = engine->add_clients("s", {}, ids);
    REQUIRE_MESSAGE(added.ok(), added.error().to_text());
  }
  void set(const std::vector<std::string>& ids, const Workload& workload) {
    const auto set = engine->set_workload(ids, workload, now());
    REQUIRE_MESSAGE(set.ok(), set.error().to_text());
  }
  std::uint64_t requests(const std::string& id) { return engine->counts({id})->front().requests; }
  // All traces, once the loops have ended.
  std::vector<wire::NamedTrace> traces() {
    engine->join();
    std::vector<wire::NamedTrace> list;
    for (const auto& sink : sinks) {
      for (const wire::Trace& trace : sink->all) list.push_back(wire::resolve(trace, sink->names));
    }
    return list;
  }

  net::Loop control;
  Engine::Options options;
  std::vector<std::unique_ptr<Kept>> sinks;
  std::vector<std::string> dispatched;
  std::vector<std::string> answered;
  std::unique_ptr<Engine> engine;  // goes before the rest
};

Workload every(double between_s, std::optional<std::uint64_t> requests = std::nullopt) {
  Workload workload;
  workload.arrival.parameters = {between_s};
  workload.requests = requests;
  return workload;
}

std::vector<std::string> ids_of(int count) {
  std::vector<std::string> ids;
  for (int n = 0; n < count; ++n) ids.push_back("w:s:" + std::to_string(n));
  return ids;
}

}  // namespace

TEST_CASE("clients are added, set to work, and tell by their ids when they have done it") {
  Bench bench;
  bench.add({"w:s:0", "w:s:1", "w:s:2"});
  bench.set({"w:s:0", "w:s:2"}, every(0.001, 5));
  CHECK(bench.wait_until([&] { return bench.answered.size() == 2; }));
  std::sort(bench.dispatched.begin(), bench.dispatched.end());
  CHECK(bench.dispatched == std::vector<std::string>{"w:s:0", "w:s:2"});
  const auto counts = bench.engine->counts({"w:s:2", "w:s:1"});
  REQUIRE(counts.ok());
  CHECK((*counts)[0].requests == 5);
  CHECK((*counts)[0].failed == 0);
  CHECK((*counts)[1].requests == 0);
  CHECK(bench.traces().size() == 10);
}

TEST_CASE("when a stop or another workload returns, the old one sends no more") {
  Bench bench;
  bench.add(ids_of(4));
  for (int round = 0; round < 5; ++round) {
    bench.set(ids_of(4), every(0.0002));
    CHECK(bench.wait_until([&] { return bench.requests("w:s:3") > 0; }));
    if (round % 2 == 0)
      REQUIRE(bench.engine->stop_workload(ids_of(4)).ok());
    else
      bench.set(ids_of(4), every(1000));
    const std::uint64_t sent = bench.engine->snapshot().ledger.intended;
    const Time until = bench.now() + milliseconds{5};
    bench.wait_until([&] { return bench.now() >= until; });
    CHECK(bench.engine->snapshot().ledger.intended == sent);
  }
  CHECK(bench.dispatched.empty());
}

TEST_CASE("what is on its way to the control loop when a workload is replaced isn't told") {
  Bench bench;
  bench.add({"a", "b", "c"});
  bench.set({"a", "b", "c"}, every(1e-6, 1));
  // The control loop doesn't run here, so that the reports wait for it.
  const auto sent = [&] { return bench.engine->snapshot().ledger.answered; };
  while (sent() < 3) net::pause_thread(milliseconds{1});
  bench.engine->snapshot();
  bench.set({"a"}, every(1000));
  REQUIRE(bench.engine->stop_workload({"b"}).ok());
  CHECK(bench.wait_until([&] { return bench.answered.size() == 1; }));
  CHECK(bench.dispatched == std::vector<std::string>{"c"});
  CHECK(bench.answered == std::vector<std::string>{"c"});
}

TEST_CASE("a client that is closed is unknown from then on, and its id is free") {
  Bench bench;
  bench.add(ids_of(3));
  bench.set(ids_of(3), every(0.0002));
  CHECK(bench.wait_until([&] { return bench.requests("w:s:0") > 3; }));
  REQUIRE(bench.engine->close_clients({"w:s:0", "w:s:1", "w:s:0"}).ok());
  CHECK_FALSE(bench.engine->counts({"w:s:0"}).ok());
  CHECK(bench.engine->close_clients({"w:s:1"}).error().code == ErrorCode::kNotFound);
  bench.add({"w:s:0"});
  CHECK(bench.requests("w:s:0") == 0);
  bench.set({"w:s:0"}, every(0.0002, 2));
  CHECK(bench.wait_until([&] { return bench.answered.size() == 1; }));
  // The second one of that id has request ids of its own.
  std::set<std::string> request_ids;
  const auto traces = bench.traces();
  for (const wire::NamedTrace& trace : traces) request_ids.insert(trace.request_id);
  CHECK(request_ids.size() == traces.size());
  CHECK(traces[0].request_id.find(':') == 10);
}

TEST_CASE("a command that names an unknown client does nothing to the others either") {
  Bench bench;
  bench.add({"a"});
  CHECK(bench.engine->set_workload({"a", "b"}, every(0.0001), bench.now()).error().what ==
        "no client is called 'b'");
  CHECK_FALSE(bench.engine->stop_workload({"a", "b"}).ok());
  CHECK_FALSE(bench.engine->close_clients({"a", "b"}).ok());
  CHECK_FALSE(bench.engine->counts({"a", "b"}).ok());
  CHECK_FALSE(bench.engine->feed("b", {1}).ok());
  CHECK_FALSE(bench.engine->add_clients("s", {}, {"c", "a"}).ok());
  CHECK_FALSE(bench.engine->add_clients("s", {}, {"d", "d"}).ok());
  CHECK_FALSE(bench.engine->counts({"c"}).ok());
  Workload wrong;
  wrong.arrival = {"gauss", {1}, {}, "static"};
  CHECK_FALSE(bench.engine->set_workload({"a"}, wrong, bench.now()).ok());
  CHECK(bench.requests("a") == 0);
}

TEST_CASE("a thousand clients begin with one command, which is in effect when it returns") {
  Bench bench(3);
  const auto ids = ids_of(1000);
  bench.add(ids);
  const Time before = bench.now();
  bench.set(ids, every(0.001, 3));
  const Duration took = bench.now() - before;
  CHECK(bench.wait_until([&] { return bench.answered.size() == 1000; }));
  CHECK(took < std::chrono::seconds{1});  // some 4 ms, whatever else this machine does
  bench.set(ids, every(0.0005));
  REQUIRE(bench.engine->stop_workload(ids).ok());
  REQUIRE(bench.engine->close_clients(ids).ok());
  const auto traces = bench.traces();
  CHECK(traces.size() >= 3000);
  std::set<std::string> clients;
  for (const wire::NamedTrace& trace : traces) clients.insert(trace.client);
  CHECK(clients.size() == 1000);
}

TEST_CASE("a seed gives a client the same schedule on any number of loops, whoever else there is") {
  Workload workload;
  workload.arrival = {"expovariate", {20'000}, {}, "static"};
  workload.requests = 50;
  const auto schedule = [&](unsigned threads, int others) {
    Bench bench(threads);
    bench.add(ids_of(others + 1));
    const Time start = bench.now();
    REQUIRE(bench.engine->set_workload({"w:s:0"}, workload, start).ok());
    CHECK(bench.wait_until([&] { return bench.answered.size() == 1; }));
    std::map<std::string, Duration> due;
    for (const wire::NamedTrace& trace : bench.traces()) {
      const std::string number = trace.request_id.substr(11);
      due[number] = bench.options.wall_clock.monotonic(trace.created) - start;
    }
    return due;
  };
  const auto one = schedule(1, 0);
  CHECK(one.size() == 50);
  CHECK(schedule(2, 5) == one);
  CHECK(schedule(3, 1) == one);
}

TEST_CASE("each phase draws anew, and a seed gives each of them the same again") {
  ClientSpec spec;
  spec.service = spec.name = "s";
  spec.count = 2;
  spec.arrival.kind = "expovariate";
  spec.arrival.parameters = {2000};
  spec.requests = 50;
  // The times between two requests of a client, by phase and client.
  const auto drawn = [&] {
    Bench bench;
    for (const char* phase : {"first", "second"}) {
      bool done = false;
      REQUIRE(bench.engine
                  ->begin_phase(phase, {spec}, bench.now() + milliseconds{5}, std::nullopt,
                                [&] { done = true; })
                  .ok());
      REQUIRE(bench.wait_until([&] { return done; }));
    }
    std::map<std::string, std::vector<Wall>> due;
    for (const wire::NamedTrace& trace : bench.traces())
      due[trace.phase + " " + trace.client].push_back(trace.created);
    std::map<std::string, std::vector<Duration>> between;
    for (auto& [who, times] : due) {
      std::sort(times.begin(), times.end());
      for (std::size_t i = 1; i < times.size(); ++i)
        between[who].push_back(times[i] - times[i - 1]);
    }
    return between;
  };
  const auto once = drawn();
  REQUIRE(once.size() == 4);
  std::set<std::vector<Duration>> different;
  for (const auto& [who, times] : once) {
    CHECK(times.size() == 49);
    different.insert(times);
  }
  CHECK(different.size() == 4);
  CHECK(drawn() == once);
}

TEST_CASE("a stream is fed as its client asks, a hundred thousand entries through a small queue") {
  Bench bench;
  constexpr std::size_t kEntries = 100'000;
  std::size_t left = kEntries;
  std::size_t asked = 0;
  Engine::Events events;
  events.on_hungry = [&](const std::string& id, std::size_t room) {
    ++asked;
    CHECK(room <= kStreamCapacity);
    // In pieces, and never more than there is room for.
    while (room > 0 && left > 0) {
      const std::size_t size = std::min({room, left, std::size_t{1000}});
      CHECK(bench.engine->feed(id, std::vector<double>(size, 1e-6)).ok());
      room -= size;
      left -= size;
    }
    CHECK_FALSE(bench.engine->feed(id, std::vector<double>(kStreamCapacity + 1, 1)).ok());
    CHECK_FALSE(bench.engine->feed(id, {std::nan("")}).ok());
    if (left == 0) CHECK(bench.engine->end_feed(id).ok());
  };
  events.on_answered = [&](const std::string& id) { bench.answered.push_back(id); };
  bench.engine->set_events(std::move(events));
  bench.add({"a"});
  CHECK_FALSE(bench.engine->feed("a", {1}).ok());
  Workload workload;
  workload.fed = true;
  bench.set({"a"}, workload);
  CHECK(bench.wait_until([&] { return bench.answered.size() == 1; }));
  CHECK(bench.requests("a") == kEntries);
  CHECK(asked >= kEntries / kStreamCapacity);
  CHECK_FALSE(bench.engine->feed("a", {1}).ok());
}

TEST_CASE("routes may be set before and after clients are there; wrong ones are refused") {
  Bench bench(2, "SymmetryHostRouter");
  REQUIRE(bench.engine->set_routes("other", {{"127.0.0.1:1", 1}}).ok());
  bench.add({"a"});
  bench.set({"a"}, every(0.001, 3));
  CHECK(bench.wait_until([&] { return bench.answered.size() == 1; }));
  CHECK(bench.engine->counts({"a"})->front().failed == 3);
  REQUIRE(bench.engine->set_routes("s", {{"127.0.0.1:1", 2}, {"[::1]:1", 1}}).ok());
  CHECK_FALSE(bench.engine->set_routes("s", {{"127.0.0.1:1", 0}}).ok());
  CHECK_FALSE(bench.engine->set_routes("s", {{"127.0.0.1:x", 1}}).ok());
  CHECK(bench.engine->unresolved().empty());
  REQUIRE(bench.engine->set_routes("s", {}).ok());
  CHECK(bench.engine->snapshot().ledger.of(wire::Failure::no_route) == 3);
}

TEST_CASE("a name is resolved at its desk, and no command waits for it") {
  Bench bench(2, "SymmetryHostRouter");
  REQUIRE(bench.engine->set_routes("s", {{"localhost:1", 1}}).ok());
  CHECK(bench.engine->unresolved() == std::vector<std::string>{"localhost:1"});
  CHECK(bench.wait_until([&] { return bench.engine->unresolved().empty(); }));
  REQUIRE(bench.engine->set_routes("s", {}).ok());
}

TEST_CASE("a router or service that isn't known is refused before any loop hears of it") {
  Bench bench(1, "NoRouter");
  CHECK(bench.engine->add_clients("s", {}, {"a"}).error().what == "unknown router 'NoRouter'");
  CHECK_FALSE(bench.engine->set_routes("s", {{"127.0.0.1:1", 1}}).ok());
  net::Loop control;
  Kept sink;
  Engine engine(control, {}, {&sink});
  CHECK(engine.add_clients("s", {}, {"a"}).error().what == "no service is called 's'");
}

TEST_CASE("an engine may go while its clients are at work") {
  Bench bench;
  bench.add(ids_of(50));
  bench.set(ids_of(50), every(0.0002));
  CHECK(bench.wait_until([&] { return bench.requests("w:s:49") > 0; }));
  bench.engine->end_all();
  bench.engine.reset();
  CHECK(bench.answered.empty());
}

TEST_CASE("a client is placed where the fewest are, also after some have gone") {
  Roster roster;
  roster.set_loops(3);
  std::vector<std::size_t> loops;
  for (std::uint32_t n = 0; n < 6; ++n) loops.push_back(roster.add(std::to_string(n), n).loop);
  CHECK(loops == std::vector<std::size_t>{0, 1, 2, 0, 1, 2});
  roster.remove("1");
  roster.remove("4");
  roster.remove("none");
  CHECK(roster.add("6", 6).loop == 1);
  CHECK(roster.add("7", 7).loop == 1);
  CHECK(roster.size() == 6);
  CHECK(roster.find("4") == nullptr);
  CHECK(roster.id_of(4).empty());
  CHECK(roster.id_of(7) == "7");
}
