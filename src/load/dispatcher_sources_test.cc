#include <fmt/format.h>

#include <functional>

#include "load/dispatcher_fixture.h"
#include "load/request_source.h"

namespace galileo::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::Failure;

// Sources whose every word is the test's.
struct Script final : RequestSources {
  std::function<Made(Turn&, MadeRequest&)> make = [](Turn& turn, MadeRequest& into) {
    into.method = "GET";
    into.path = fmt::format("/{}", turn.number);
    return Made::kMade;
  };
  std::function<Then(Turn&, const AnswerView&)> hear = [](Turn&, const AnswerView&) {
    return Then{};
  };
  std::uint32_t steps = 1;
  std::size_t wants = 0;
  std::vector<wire::NameId> names;      // of the steps
  std::vector<std::string> step_names;  // made into names when a client begins
  const ClientPlace* place = nullptr;   // of the last client
  std::vector<std::uint64_t> dropped;

  struct Source final : RequestSource {
    explicit Source(Script& of) : script(of) {}
    Made make(Turn& turn, MadeRequest& into) override { return script.make(turn, into); }
    std::uint32_t requests_a_turn() const override { return script.steps; }
    wire::NameId name_of(std::uint32_t step) const override {
      return step < script.names.size() ? script.names[step] : 0;
    }
    std::size_t wants_answers() const override { return script.wants; }
    Then answered(Turn& turn, const AnswerView& answer) override {
      return script.hear(turn, answer);
    }
    void dropped(Turn& turn) override { script.dropped.push_back(turn.number); }
    Script& script;
  };
  std::string name() const override { return "the script"; }
  std::unique_ptr<RequestSource> of_client(const ClientPlace& of) override {
    place = &of;
    for (const std::string& text : step_names) names.push_back(of.name(text));
    return std::make_unique<Source>(*this);
  }
};

ClientSpec paced(double rps, std::optional<std::uint64_t> requests) {
  ClientSpec spec;
  spec.service = "s";
  spec.name = "w:s";
  spec.arrival = {"constant_rate", {rps}, {}, "static"};
  spec.requests = requests;
  return spec;
}

ClientSpec closed(std::optional<std::uint64_t> requests) {
  ClientSpec spec;
  spec.service = "s";
  spec.name = "w:s";
  spec.closed_loop = true;
  spec.connections = 2;
  spec.requests = requests;
  return spec;
}

std::vector<std::string> first_lines(const World& world) {
  std::vector<std::string> lines;
  for (const World::Got& got : world.requests)
    lines.push_back(got.text.substr(0, got.text.find(" HTTP/1.1")));
  return lines;
}

// What became of each request, as "<number> <step> <failure>".
std::vector<std::string> traces_of(const World& world) {
  std::vector<std::string> lines;
  for (const wire::Trace& trace : world.traces.all)
    lines.push_back(fmt::format("{} {} {}", trace.number, world.traces.names.at(trace.step),
                                wire::failure_name(trace.failure)));
  return lines;
}

// All that was due is accounted for.
void check_books(const World& world) {
  Ledger ledger = world.dispatcher->ledger();
  ledger.traces_stored = ledger.traces_made;
  CHECK_MESSAGE(ledger.balanced(), ledger.imbalance());
  CHECK(world.dispatcher->in_flight() == 0);
}

using Lines = std::vector<std::string>;

// That doctest shows them.
void check_lines(const Lines& lines, const Lines& wanted) {
  CHECK(fmt::format("{}", fmt::join(lines, "; ")) == fmt::format("{}", fmt::join(wanted, "; ")));
}

TEST_CASE("each request is sent as its source has made it") {
  World world;
  Script script;
  world.sources = &script;
  script.make = [](Turn& turn, MadeRequest& into) {
    into.method = turn.number == 1 ? "POST" : "GET";
    into.path = fmt::format("/{}?of_all={}", turn.number, turn.of_all);
    into.headers.assign({{"X-Number", std::to_string(turn.number)}});
    into.body.assign(turn.number == 1 ? "hello" : "");
    into.has_body = turn.number == 1;
    return Made::kMade;
  };
  world.begin(paced(10, 2));
  world.run();
  REQUIRE(world.requests.size() == 2);
  CHECK(world.requests[0].text ==
        "POST /1?of_all=0 HTTP/1.1\r\nHost: h\r\nUser-Agent: galileo\r\nAccept: */*\r\n"
        "X-Number: 1\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(world.requests[1].text ==
        "GET /2?of_all=1 HTTP/1.1\r\nHost: h\r\nUser-Agent: galileo\r\nAccept: */*\r\n"
        "X-Number: 2\r\n\r\n");
  CHECK(world.dispatcher->ledger().answered == 2);
  CHECK(world.traces.all[0].request_bytes == world.requests[0].text.size());
  CHECK(world.dispatcher->figures().sources.at("the script").made == 2);
  check_books(world);
}

TEST_CASE("a source that is late doesn't move the schedule: what waits goes out in order") {
  World world;
  Script script;
  world.sources = &script;
  int there = 0;  // requests that the source could give
  script.make = [&](Turn& turn, MadeRequest& into) {
    if (there == 0) return Made::kNotYet;
    --there;
    into.path = fmt::format("/{}", turn.number);
    return Made::kMade;
  };
  world.begin(paced(10, 4));
  world.run(milliseconds{250});  // due at 100 and 200 ms
  CHECK(world.requests.empty());
  there = 1;
  script.place->ready();
  world.run(milliseconds{260});
  check_lines(first_lines(world), {"GET /1"});
  there = 10;  // told of when the next request is due
  world.run(milliseconds{350});
  check_lines(first_lines(world), {"GET /1"});
  script.place->ready();
  world.run();
  CHECK(world.done);
  check_lines(first_lines(world), {"GET /1", "GET /2", "GET /3", "GET /4"});
  const wire::Trace& first = world.traces.all[0];
  CHECK(world.since_start(first.created) == milliseconds{100});
  CHECK(world.since_start(first.dispatched) == milliseconds{250});
  const SourceFigures figures = world.dispatcher->figures().sources.at("the script");
  CHECK(figures.made == 4);
  CHECK(figures.late == 3);
  CHECK(figures.late_most == milliseconds{150});
  const auto doubts = doubts_of(world.dispatcher->figures().sources);
  REQUIRE(doubts.size() == 1);
  CHECK(doubts[0] ==
        "requests weren't made in time: the script was late with 3 of 4 (75.0 %), by up to 150ms");
  check_books(world);
}

TEST_CASE("a request that is never made fails when its time is over") {
  World world;
  world.options.limits.request_timeout = seconds{2};
  Script script;
  world.sources = &script;
  script.make = [](Turn&, MadeRequest&) { return Made::kNotYet; };
  world.begin(paced(1, 3));
  world.run();
  CHECK(world.done);
  CHECK(world.requests.empty());
  CHECK(world.dispatcher->ledger().of(Failure::not_made) == 3);
  CHECK(world.since_start(world.traces.all[0].done) == seconds{3});
  check_lines(notes_of(world.dispatcher->figures().sources),
              {"the script made no request 3 times, the first time: nothing came within 2.00s"});
  check_books(world);
}

TEST_CASE("a source that has no more ends the workload, and that is told") {
  for (const bool is_closed : {false, true}) {
    World world;
    Script script;
    world.sources = &script;
    script.make = [](Turn& turn, MadeRequest& into) {
      into.path = fmt::format("/{}", turn.number);
      into.why = "all rows are used";
      return turn.number > 5 ? Made::kOver : Made::kMade;
    };
    is_closed ? world.begin(closed(std::nullopt), {}, 2) : world.begin(paced(10, std::nullopt));
    world.run();
    CHECK(world.done);
    CHECK(world.requests.size() == 5);
    CHECK(world.dispatcher->ledger().intended == 5);
    CHECK(notes_of(world.dispatcher->figures().sources) ==
          Lines{"the script has ended the load: all rows are used"});
    check_books(world);
  }
}

TEST_CASE("turns that waited for a source that has no more were none") {
  World world;
  Script script;
  world.sources = &script;
  Made answer = Made::kNotYet;
  script.make = [&](Turn&, MadeRequest&) { return answer; };
  world.begin(paced(10, std::nullopt));
  world.run(milliseconds{550});
  answer = Made::kOver;
  script.place->ready();
  world.run();
  CHECK(world.done);
  CHECK(world.dispatcher->ledger().intended == 0);
  CHECK(world.traces.all.empty());
  check_books(world);
}

TEST_CASE("a closed loop whose requests can't be made waits between its failures") {
  World world;
  Script script;
  world.sources = &script;
  script.make = [](Turn&, MadeRequest& into) {
    into.why = "no such column";
    return Made::kFailed;
  };
  ClientSpec spec = closed(std::nullopt);
  spec.duration = seconds{10};
  world.begin(spec, {}, 2);
  world.run();
  CHECK(world.done);
  const Ledger& ledger = world.dispatcher->ledger();
  CHECK(ledger.of(Failure::not_made) == ledger.intended);
  CHECK(ledger.intended > 10);
  CHECK(ledger.intended < 60);
  check_books(world);
}

// Three steps; the second is due 50 ms after the first is answered, the third at once.
void make_scenario(Script& script) {
  script.steps = 3;
  script.wants = 100;
  script.step_names = {"login", "look", "buy"};
  script.make = [&script](Turn& turn, MadeRequest& into) {
    into.path = fmt::format("/{}/{}", turn.number, turn.step);
    into.name = script.names[turn.step];
    return Made::kMade;
  };
  script.hear = [](Turn& turn, const AnswerView& answer) {
    if (answer.failure != Failure::none) return Then{Then::Kind::kGivesUp, {}, {}, {}};
    if (turn.step == 2) return Then{};
    return Then{Then::Kind::kGoesOn, turn.step == 0 ? milliseconds{50} : milliseconds{0}, {}, {}};
  };
}

TEST_CASE("the requests of a turn follow each other: due after the answer and its pause") {
  World world;
  Script script;
  world.sources = &script;
  make_scenario(script);
  std::vector<std::string> bodies;
  const auto hear = script.hear;
  script.hear = [&](Turn& turn, const AnswerView& answer) {
    bodies.emplace_back(answer.body);
    CHECK(answer.headers->size() == 1);
    return hear(turn, answer);
  };
  world.begin(paced(100, 2));  // the second begins while the first one pauses
  world.run();
  CHECK(world.done);
  CHECK(first_lines(world) ==
        Lines{"GET /1/0", "GET /2/0", "GET /1/1", "GET /1/2", "GET /2/1", "GET /2/2"});
  CHECK(traces_of(world) ==
        Lines{"1 login ", "4 login ", "2 look ", "3 buy ", "5 look ", "6 buy "});
  CHECK(bodies == std::vector<std::string>(6, "ok"));
  // Due at 10 ms, answered at 11 ms, due again at 61 ms, answered at 62 ms.
  CHECK(world.since_start(world.traces.all[2].created) == milliseconds{61});
  CHECK(world.since_start(world.traces.all[2].dispatched) == milliseconds{61});
  CHECK(world.since_start(world.traces.all[3].created) == milliseconds{62});
  check_books(world);
}

TEST_CASE("what follows a failed step isn't sent, and is counted") {
  for (const bool is_closed : {false, true}) {
    World world;
    Script script;
    world.sources = &script;
    make_scenario(script);
    const auto hear = script.hear;
    script.hear = [&](Turn& turn, const AnswerView& answer) {
      if (turn.number == 1) return Then{Then::Kind::kGivesUp, {}, Failure::no_value, "no token"};
      return hear(turn, answer);
    };
    ClientSpec spec = is_closed ? closed(2) : paced(1, 2);
    world.begin(spec, {}, is_closed ? 1 : 0);
    world.run();
    CHECK(world.done);
    check_lines(traces_of(world), {"1 login no_value", "2 look step_skipped", "3 buy step_skipped",
                                   "4 login ", "5 look ", "6 buy "});
    CHECK(world.dispatcher->ledger().intended == 6);
    CHECK(world.dispatcher->figures().first_failures.at(Failure::no_value) == "no token");
    check_books(world);
  }
}

TEST_CASE("a workload that is stopped in the middle of its turns has all of their requests") {
  // Stopped while: the first request is under way; it pauses; its source has none yet.
  for (const auto& [at, what] :
       {std::pair{milliseconds{102}, 0}, {milliseconds{120}, 1}, {milliseconds{160}, 2}}) {
    World world;
    world.service_time = milliseconds{5};
    Script script;
    world.sources = &script;
    make_scenario(script);
    const auto make = script.make;
    script.make = [&](Turn& turn, MadeRequest& into) {
      return what == 2 && turn.step == 1 ? Made::kNotYet : make(turn, into);
    };
    const auto clients = world.add(1);
    Workload workload;
    workload.arrival = {"constant_rate", {10}, {}, "static"};
    workload.requests = 1;
    world.dispatcher->set_workload(clients, workload, world.clock.now());
    world.pass(at);
    world.dispatcher->stop_workload(clients);
    world.pass(seconds{10});
    check_lines(traces_of(world), {"1 login ", "2 look stopped", "3 buy stopped"});
    CHECK(script.dropped == std::vector<std::uint64_t>{1});
    CHECK(world.dispatcher->counts(clients[0]).requests == 3);
    CHECK(world.dispatcher->counts(clients[0]).failed == 2);
    check_books(world);
    // Another workload goes on with other numbers.
    world.dispatcher->set_workload(clients, workload, world.clock.now());
    script.make = make;
    world.pass(seconds{10});
    CHECK(traces_of(world).back() == "6 buy ");
    world.dispatcher->close_clients(clients);
    world.pass(seconds{1});
    CHECK(world.dispatcher->clients() == 0);
    CHECK(world.take_reports().size() >= 2);
  }
}

TEST_CASE("a run that is ended takes what is held with it") {
  World world;
  Script script;
  world.sources = &script;
  make_scenario(script);
  world.begin(paced(100, 10));
  world.run(milliseconds{40});
  world.dispatcher->end_all();
  world.run(seconds{1});
  CHECK(world.done);
  CHECK(world.dispatcher->ledger().intended == 12);  // four turns had begun
  check_books(world);
}

TEST_CASE("a redirect takes along what the source has made") {
  World world;
  Script script;
  world.sources = &script;
  std::string shared = "a body of the source's";
  script.make = [&](Turn& turn, MadeRequest& into) {
    into.method = "POST";
    into.path = fmt::format("/{}", turn.number);
    into.shared_body = &shared;
    return Made::kMade;
  };
  world.answer_text =
      "HTTP/1.1 307 Temporary Redirect\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
  ClientSpec spec = paced(1, 1);
  spec.request.redirects_max = 1;
  world.begin(spec);
  world.run();
  REQUIRE(world.requests.size() == 2);
  CHECK(world.requests[0].text.starts_with("POST /1 HTTP/1.1\r\n"));
  CHECK(world.requests[1].text.starts_with("POST /there HTTP/1.1\r\n"));
  CHECK(world.requests[0].text.ends_with("\r\n\r\na body of the source's"));
  CHECK(world.requests[1].text.ends_with("\r\n\r\na body of the source's"));
  check_books(world);
}

TEST_CASE("what a source makes of its numbers is the same for any number of loops") {
  const auto paths_of = [](std::uint32_t loops, bool is_closed) {
    std::multiset<std::string> paths;
    for (std::uint32_t loop = 0; loop < loops; ++loop) {
      World world;
      Script script;
      world.sources = &script;
      script.make = [](Turn& turn, MadeRequest& into) {
        into.path = fmt::format("/{}", turn.of_all);
        return Made::kMade;
      };
      ClientSpec spec = is_closed ? closed(8 / loops) : paced(100, 8);
      world.begin(spec, {loop, loops}, is_closed ? 2 : 0);
      world.run();
      for (const std::string& line : first_lines(world)) paths.insert(line);
    }
    return paths;
  };
  for (const bool is_closed : {false, true}) {
    const auto one = paths_of(1, is_closed);
    CHECK(one.size() == 8);
    CHECK(one == paths_of(2, is_closed));
    CHECK(one == paths_of(4, is_closed));
  }
}

TEST_CASE("of more names of steps than are kept the rest is one") {
  World world;
  Script script;
  world.sources = &script;
  world.begin(paced(1, 1));
  std::set<wire::NameId> names;
  for (std::size_t i = 0; i < kStepNamesMax + 50; ++i)
    names.insert(script.place->name(fmt::format("step {}", i)));
  CHECK(names.size() == kStepNamesMax + 1);
  CHECK(world.traces.names.at(script.place->name("one more")) == "other");
}

TEST_CASE("what a source makes of its numbers is the same for any number of workers") {
  // Clients of a group, as many a worker as stands there: each worker is a world of its own.
  const auto paths_of = [](const std::vector<std::uint32_t>& clients_of) {
    std::multiset<std::string> paths;
    std::uint32_t index = 0;
    for (const std::uint32_t clients : clients_of) {
      World world;
      Script script;
      world.sources = &script;
      script.make = [&](Turn& turn, MadeRequest& into) {
        into.path = fmt::format("/{}", turn.of_all);
        CHECK(script.place->seed == 11);
        return Made::kMade;
      };
      Workload workload;
      workload.arrival = {"constant_rate", {100}, {}, "static"};
      workload.requests = 3;
      for (const std::uint32_t number : world.add(clients)) {
        workload.place = Workload::Place{index, 4};
        workload.draws = Workload::Draws{11, index++};
        world.dispatcher->set_workload(std::vector<std::uint32_t>{number}, workload,
                                       world.clock.now());
      }
      world.pass(seconds{5});
      for (const std::string& line : first_lines(world)) paths.insert(line);
    }
    return paths;
  };
  const auto one = paths_of({4});
  CHECK(one.size() == 12);
  CHECK(std::set<std::string>(one.begin(), one.end()).size() == 12);
  CHECK(one == paths_of({1, 3}));
  CHECK(one == paths_of({1, 1, 1, 1}));
}

TEST_CASE("what came of checks and sources counts for the run that a request is of") {
  World world;
  Script script;
  world.sources = &script;
  script.make = [](Turn& turn, MadeRequest& into) {
    if (turn.number % 2 == 1) return Made::kMade;
    into.why = "it is even";
    return Made::kFailed;
  };
  Request request;
  request.checks = {{"ok", {"status 200"}}, {"never", {"status 500"}}};
  const auto clients = world.add(1, request);
  Workload workload;
  workload.arrival = {"constant_rate", {100}, {}, "static"};
  for (const auto& [run, requests] : std::map<std::string, std::uint64_t>{{"a", 2}, {"b", 5}}) {
    workload.run = run;
    workload.requests = requests;
    world.dispatcher->set_workload(clients, workload, world.clock.now());
    world.pass(seconds{5});
  }
  const RunFigures a = world.dispatcher->figures("a");
  CHECK(a.checks.at("ok").passed == 1);
  CHECK(a.checks.at("never").failed == 1);
  CHECK(a.sources.at("the script").made == 1);
  CHECK(a.sources.at("the script").why_failed == "it is even");
  RunFigures both = a;
  both.add(world.dispatcher->figures("b"));
  CHECK(both.checks.at("ok").passed == 4);
  CHECK(both.sources.at("the script").failed == 3);
  CHECK(world.dispatcher->figures().checks.empty());
  world.dispatcher->forget_own_times("a");
  CHECK(world.dispatcher->figures("a").checks.empty());
  world.dispatcher->forget_own_times("b");
  world.dispatcher->set_workload(clients, workload, world.clock.now());
  world.pass(seconds{5});
  CHECK(world.dispatcher->figures("b").checks.at("ok").passed == 2);
}

TEST_CASE(
    "turns go no further while their client is paused, and what has no place is dropped whole") {
  World world;
  Script script;
  script.steps = 2;
  script.wants = 1;
  script.hear = [](Turn& turn, const AnswerView&) {
    return turn.step == 0 ? Then{Then::Kind::kGoesOn, milliseconds{100}, {}, {}} : Then{};
  };
  world.sources = &script;
  ClientSpec spec = paced(1, std::nullopt);
  spec.duration = seconds{3};
  world.begin(spec);
  const std::uint32_t client[] = {0};
  world.run(milliseconds{1050});  // the first turn thinks
  CHECK(world.requests.size() == 1);
  world.dispatcher->pause(client, world.clock.now(), {});
  world.run(milliseconds{1550});
  CHECK(world.requests.size() == 1);
  world.dispatcher->go_on(client, world.clock.now(), {});
  world.run(milliseconds{1602});
  CHECK(world.requests.size() == 2);  // after the rest of its think time
  world.run();
  CHECK(world.done);
  CHECK(world.requests.size() == 4);
  const Ledger& ledger = world.dispatcher->ledger();
  CHECK(ledger.intended == 6);
  CHECK(ledger.of(Failure::paused) == 2);
  CHECK(ledger.answered == 4);
}

}  // namespace
}  // namespace galileo::load
