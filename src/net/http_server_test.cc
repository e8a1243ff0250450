#include "net/http_server.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

#include "net/pipe.h"

using namespace galileo;
using namespace galileo::net;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

std::string post(std::string_view body) {
  return fmt::format("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", body.size(),
                     body);
}

// Does what the test says, and keeps what it hears.
struct Service final : HttpService {
  void on_head(ServerConnection& connection) override {
    heard.push_back("head " + connection.target());
    if (head) head(connection);
  }
  void on_request(ServerConnection& connection) override {
    heard.push_back("request " + connection.body());
    if (request) request(connection);
  }
  void on_drained(ServerConnection&) override { heard.emplace_back("drained"); }
  void on_gone(std::uint64_t id) override { heard.push_back(fmt::format("gone {}", id)); }
  Words words_of(int status) const override {
    return {"text/plain", fmt::format("refused with {}", status)};
  }

  std::function<void(ServerConnection&)> head;
  std::function<void(ServerConnection&)> request = [](ServerConnection& connection) {
    connection.respond(200, {}, "ok");
  };
  std::vector<std::string> heard;
};

ServerOptions bounded() {
  ServerOptions options;
  options.keep_requests = true;
  options.message.body_max = 1000;
  options.connections = 2;
  options.next = 60s;
  options.head = options.body = 10s;
  options.body_least = 100;
  options.writing = 30s;
  return options;
}

// The test is the client.
struct Bench {
  explicit Bench(const ServerOptions& options = bounded())
      : server(timers, clock, service, options) {}
  PipeEnd& client() {
    server.adopt(
        [this](StreamHandler& handler) {
          int error = 0;
          return connector.connect(Address(), handler, error);
        },
        Address());
    return connector.at(connector.made() - 1);
  }
  void advance(Duration by) {
    clock.advance(by);
    timers.run_due(clock.now());
  }

  ManualClock clock;
  Timers timers;
  Service service;
  PipeConnector connector;
  HttpServer server;
};

bool begins_with(const std::string& text, std::string_view with) {
  return text.compare(0, with.size(), with) == 0;
}

}  // namespace

TEST_CASE("requests that come in pieces, or several at once, are answered one after the other") {
  Bench bench;
  PipeEnd& client = bench.client();
  for (const char c : kGet) client.send(std::string_view(&c, 1));
  CHECK(client.take() == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  client.send(std::string(kGet) + post("x=1") + std::string(kGet));
  CHECK(client.take().size() ==
        3 * std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").size());
  CHECK(bench.service.heard == std::vector<std::string>{"head /a", "request ", "head /a",
                                                        "request ", "head /b", "request x=1",
                                                        "head /a", "request "});
  CHECK(client.open());
}

TEST_CASE("a service reads a request's headers, whatever their case, and its body") {
  Bench bench;
  bench.service.request = [](ServerConnection& connection) {
    REQUIRE(connection.header("content-TYPE"));
    CHECK(*connection.header("content-TYPE") == "text/x");
    CHECK(connection.header("Accept") == nullptr);
    connection.respond(201, {{"X-A", "1"}}, connection.body());
  };
  PipeEnd& client = bench.client();
  client.send(
      "PUT /c HTTP/1.1\r\nHost: h\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  CHECK(client.take() == "HTTP/1.1 201 Created\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nabcde");
}

TEST_CASE("an answer may come later; a client that goes meanwhile is told of") {
  Bench bench;
  std::uint64_t id = 0;
  bench.service.request = [&](ServerConnection& connection) { id = connection.id(); };
  PipeEnd& client = bench.client();
  client.send(kGet);
  CHECK(client.take().empty());
  bench.advance(1h);  // no time is set on how long an answer takes
  REQUIRE(bench.server.find(id));
  bench.server.find(id)->respond(200, {}, "late");
  CHECK(begins_with(client.take(), "HTTP/1.1 200 OK"));
  client.send(kGet);
  client.close();
  CHECK(bench.service.heard.back() == fmt::format("gone {}", id));
  CHECK(bench.server.find(id) == nullptr);
}

TEST_CASE(
    "an answer is streamed in chunks; what a client doesn't take is kept, and told when it's out") {
  Bench bench;
  std::uint64_t id = 0;
  bench.service.request = [&](ServerConnection& connection) {
    id = connection.id();
    connection.begin(200, {{"Content-Type", "text/event-stream"}});
  };
  PipeEnd& client = bench.client();
  client.send(kGet);
  CHECK(client.take() ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  ServerConnection& connection = *bench.server.find(id);
  connection.send("hello");
  CHECK(client.take() == "5\r\nhello\r\n");
  client.write_limit = 0;
  connection.send(std::string(1000, 'x'));
  CHECK(connection.unsent() > 1000);
  client.write_limit = std::size_t(-1);
  bench.service.heard.clear();
  client.handler->on_stream({false, true, false});
  CHECK(bench.service.heard == std::vector<std::string>{"drained"});
  CHECK(client.take().size() > 1000);
  bench.advance(24h);  // streams have no age
  CHECK(client.open());
  connection.end();
  CHECK(client.take() == "0\r\n\r\n");
  bench.service.request = [](ServerConnection& next) { next.respond(200, {}, "next"); };
  client.send(kGet);
  CHECK(begins_with(client.take(), "HTTP/1.1 200 OK"));
}

TEST_CASE("clients of HTTP/1.0 and HEAD get streams that they understand") {
  Bench bench;
  bench.service.request = [](ServerConnection& connection) {
    connection.begin(200, {});
    connection.send("abc");
    connection.end();
  };
  PipeEnd& old = bench.client();
  old.send("GET / HTTP/1.0\r\n\r\n");
  CHECK(old.take() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
  CHECK_FALSE(old.open());
  PipeEnd& head = bench.client();
  head.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(head.take() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(head.open());
}

TEST_CASE(
    "what is refused by its head has its body dropped, not reset, and the server's own words") {
  Bench bench;
  struct Row {
    const char* what;
    std::string bytes;
    const char* status;
  } const rows[] = {
      {"a body longer than all may be",
       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", "413"},
      {"a chunked one",
       "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
           std::string(1001, 'x'),
       "413"},
      {"no request", "hello\r\n\r\n", "400"},
      {"a head without an end", "GET / HTTP/1.1\r\nHost: " + std::string(70'000, 'x'), "431"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    PipeEnd& client = bench.client();
    client.send(row.bytes);
    const std::string answer = client.take();
    CHECK(begins_with(answer, fmt::format("HTTP/1.1 {} ", row.status)));
    CHECK(answer.find(fmt::format("refused with {}", row.status)) != std::string::npos);
    CHECK(answer.find("Connection: close") != std::string::npos);
    CHECK(client.open());  // so that the client finds its answer
    for (int piece = 0; piece < 10; ++piece) client.send(std::string(100'000, 'x'));
    CHECK(client.open());
    client.send(std::string(100'000, 'x'));
    CHECK_FALSE(client.open());  // that is enough
    bench.advance(1ms);
  }
  PipeEnd& client = bench.client();
  client.send("hello\r\n\r\n");
  bench.advance(3s);  // or so long
  CHECK_FALSE(client.open());
}

TEST_CASE("a service refuses by the head, or bounds the body of one request") {
  Bench bench;
  bench.service.head = [](ServerConnection& connection) {
    if (connection.target() == "/b") connection.bound_body(3);
    if (connection.target() == "/no") connection.respond(401, {}, "who are you?");
  };
  PipeEnd& client = bench.client();
  client.send(post("123"));
  CHECK(begins_with(client.take(), "HTTP/1.1 200"));
  client.send("GET /no HTTP/1.1\r\nHost: h\r\n\r\n");  // has no body: the connection lives on
  CHECK(begins_with(client.take(), "HTTP/1.1 401"));
  client.send(
      "POST /c HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n1234");  // bound for /b alone
  CHECK(begins_with(client.take(), "HTTP/1.1 200"));
  client.send(post("1234"));
  CHECK(begins_with(client.take(), "HTTP/1.1 413"));
  PipeEnd& other = bench.client();
  other.send("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1234");
  const std::string answer = other.take();
  CHECK(begins_with(answer, "HTTP/1.1 401"));
  CHECK(answer.find("Connection: close") != std::string::npos);
  CHECK(bench.service.heard.back() == "head /no");
}

TEST_CASE("a client that waits for a word before its body gets one") {
  Bench bench;
  PipeEnd& client = bench.client();
  client.send("POST /b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(client.take() == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ab");
  CHECK(begins_with(client.take(), "HTTP/1.1 200"));
}

TEST_CASE("slow clients are ended by their progress, each in its time") {
  Bench bench;
  SUBCASE("one that says nothing") {
    PipeEnd& client = bench.client();
    bench.advance(59s);
    CHECK(client.open());
    bench.advance(2s);
    CHECK_FALSE(client.open());
    CHECK(client.take().empty());
  }
  SUBCASE("one whose head comes byte by byte: a byte doesn't set the time back") {
    PipeEnd& client = bench.client();
    for (int second = 0; second < 12 && client.take().empty(); ++second) {
      client.send("G");
      bench.advance(1s);
      if (second < 9) CHECK(client.written.empty());
    }
    bench.advance(3s);
    CHECK_FALSE(client.open());
  }
  SUBCASE("one whose body comes at less than the least rate") {
    PipeEnd& client = bench.client();
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n");
    for (int round = 0; round < 3; ++round) {
      client.send(std::string(120, 'x'));
      bench.advance(10s);
      CHECK(client.take().empty());
    }
    client.send("x");
    bench.advance(10s);
    CHECK(begins_with(client.take(), "HTTP/1.1 408"));
  }
  SUBCASE("one that doesn't read its answer") {
    bench.service.request = [](ServerConnection& connection) {
      connection.respond(200, {}, std::string(100'000, 'x'));
    };
    PipeEnd& client = bench.client();
    client.write_limit = 1000;
    client.send(kGet);
    for (int round = 1; round < 5; ++round) {
      bench.advance(20s);
      CHECK(client.open());
      client.write_limit += 1000;  // takes some
      client.handler->on_stream({false, true, false});
    }
    bench.advance(31s);
    CHECK_FALSE(client.open());
  }
}

TEST_CASE("more clients than may be are told to come again") {
  Bench bench;
  PipeEnd& first = bench.client();
  PipeEnd& second = bench.client();
  PipeEnd& third = bench.client();
  const std::string answer = third.take();
  CHECK(begins_with(answer, "HTTP/1.1 503"));
  CHECK(answer.find("Retry-After: 1") != std::string::npos);
  for (int more = 0; more < 200; ++more) bench.client();
  CHECK(bench.server.connections() <= 2 + 64);
  first.send(kGet);
  CHECK(begins_with(first.take(), "HTTP/1.1 200"));
  CHECK(second.open());
}

TEST_CASE("a server that winds up answers what it has begun and keeps nobody") {
  Bench bench;
  std::uint64_t id = 0;
  bench.service.request = [&](ServerConnection& connection) { id = connection.id(); };
  PipeEnd& idle = bench.client();
  PipeEnd& busy = bench.client();
  busy.send(kGet);
  bench.server.wind_up();
  CHECK_FALSE(idle.open());
  CHECK(busy.open());
  bench.server.find(id)->respond(200, {}, "ok");
  CHECK(busy.take().find("Connection: close") != std::string::npos);
  CHECK_FALSE(busy.open());
}
