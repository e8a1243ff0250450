// A dispatcher in a world of its own, for tests: simulated time, connections in memory, and a
// server that answers each request a set time after it was written.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "load/dispatcher.h"
#include "net/pipe.h"

namespace galileo::load {

inline constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct Traces final : TraceSink {
  void put(const wire::Trace& trace) override { all.push_back(trace); }
  wire::NameId name(std::string_view text) override {
    for (wire::NameId id = 0; id < names.size(); ++id) {
      if (names.at(id) == text) return id;
    }
    return names.add(std::string(text));
  }
  std::vector<wire::Trace> all;
  wire::Names names;
};

// A dispatcher in a world of its own: time stands still until it is moved to the next thing that
// happens, and the server answers each request `service_time` after it was written.
struct World {
  explicit World(std::size_t connections_max = 1000,
                 const std::string& router = "SymmetryHostRouter") {
    options.services.push_back({"s", {{"h:80", 1}}, router, "wrr", ""});
    options.seed = 7;
    options.connections_max = connections_max;
    options.limits.request_timeout = std::chrono::seconds{60};
    options.on_reports = [this](const std::vector<ClientReport>& list) {
      reports.insert(reports.end(), list.begin(), list.end());
    };
    options.wall_clock = WallClock{clock.now(), Wall{std::chrono::seconds{1'000'000}}};
  }

  void make() {
    dispatcher = std::make_unique<Dispatcher>(clock, timers, connector, traces, options);
    dispatcher->set_addresses("h:80", {*net::literal_address("127.0.0.1", 80)});
  }

  void begin(const ClientSpec& spec, Stripe stripe = {}, std::uint32_t lanes = 0) {
    if (!dispatcher) make();
    specs.push_back(std::make_unique<ClientSpec>(spec));
    ClientShare share;
    share.spec = specs.back().get();
    share.id = "w:s:0";
    share.id_prefix = "0123456789";
    share.stripe = stripe;
    share.sources = sources;
    share.lanes = lanes;
    share.requests = lanes > 0 ? spec.requests : std::nullopt;
    start = clock.now();
    const auto begun =
        dispatcher->begin_phase("main", {share}, start, std::nullopt, [this] { done = true; });
    REQUIRE(begun.ok());
  }

  // Clients numbered from `first`, of the service "s" or another.
  std::vector<std::uint32_t> add(std::uint32_t count, const Request& request = {},
                                 const std::string& service = "s", std::uint32_t first = 0) {
    if (!dispatcher) make();
    std::vector<ClientIdentity> identities;
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t n = first; n < first + count; ++n) {
      identities.push_back({n, "w:" + service + ":" + std::to_string(n), "0123456789", n});
      numbers.push_back(n);
    }
    const auto added = dispatcher->add_clients(service, request, identities, sources);
    REQUIRE_MESSAGE(added.ok(), added.error().to_text());
    return numbers;
  }

  // The reports so far, as "<client> dispatched", and forgets them.
  std::vector<std::string> take_reports() {
    std::vector<std::string> list;
    constexpr const char* kNames[] = {" dispatched", " answered", " hungry"};
    for (const ClientReport& report : std::exchange(reports, {}))
      list.push_back(std::to_string(report.client) + kNames[static_cast<int>(report.event)]);
    return list;
  }

  // Moves time on by that much, from one thing to the next.
  void pass(Duration time) {
    start = clock.now();
    run(time);
  }

  // Moves time from one thing to the next until the phase is over or `until` (since the start).
  void run(Duration until = std::chrono::seconds{1000}) {
    while (!done && clock.now() < start + until) {
      serve();
      Time next = timers.next_due();
      for (const auto& [at, index] : answers) next = std::min(next, at);
      clock.set(std::max(clock.now(), std::min(next, start + until)));
      timers.run_due(clock.now());
      answer();
    }
  }

  // Accepts what connects, and takes what was written.
  void serve() {
    for (std::size_t i = accepted; i < connector.made(); ++i) {
      if (!connector.at(i).open()) continue;
      refuse ? connector.at(i).refuse(ECONNREFUSED) : connector.at(i).connected();
    }
    accepted = connector.made();
    for (std::size_t i = 0; i < connector.made(); ++i) {
      const std::string written = connector.at(i).take();
      if (written.empty()) continue;
      requests.push_back({clock.now(), connector.at(i).address.to_text(), written});
      answers.emplace(clock.now() + service_time, i);
    }
  }

  void answer() {
    while (!answers.empty() && answers.begin()->first <= clock.now()) {
      net::PipeEnd& end = connector.at(answers.begin()->second);
      answers.erase(answers.begin());
      if (end.open()) end.send(answer_text);
    }
  }

  Duration since_start(Wall at) const { return options.wall_clock.monotonic(at) - start; }

  net::ManualClock clock;
  net::Timers timers;
  net::PipeConnector connector;
  Traces traces;
  Dispatcher::Options options;
  std::unique_ptr<Dispatcher> dispatcher;
  std::vector<std::unique_ptr<ClientSpec>> specs;
  std::multimap<Time, std::size_t> answers;
  // What the server got.
  struct Got {
    Time at;
    std::string address;
    std::string text;
  };
  std::vector<Got> requests;
  std::string answer_text = kAnswer;
  std::vector<ClientReport> reports;
  std::size_t accepted = 0;
  Duration service_time = std::chrono::milliseconds{1};
  RequestSources* sources = nullptr;  // of the clients to come
  bool refuse = false;
  bool done = false;
  Time start{};
};

}  // namespace galileo::load
