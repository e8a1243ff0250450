// A client over TLS, as loads have it: what a handshake took and whether it was resumed, why TLS
// failed, and what of that HTTP makes.
#include <doctest/doctest.h>

#include "net/clock.h"
#include "net/http_pool.h"
#include "net/pipe.h"
#include "net/tls.h"
#include "net/tls_fixture.h"

using namespace galileo;
using namespace galileo::net;
using wire::Failure;

namespace {

constexpr const char* kRequest = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Clients with the same settings.
struct Clients {
  explicit Clients(TlsOptions options = resuming()) {
    if (options.verify) options.ca_file = file("first.crt");
    context = must(TlsContext::make(options, clock));
  }
  static TlsOptions resuming() {
    TlsOptions options;
    options.resume = true;
    return options;
  }
  ManualClock clock;
  std::unique_ptr<TlsContext> context;
};

// One connection of them to a server.
struct Dialled {
  Dialled(Clients& clients, TlsAcceptor& acceptor, const std::string& place = "gateway.lab:443")
      : accepted(acceptor), connector(pipes, *clients.context, "gateway.lab", place) {
    int error_number = 0;
    client.stream = connector.connect(*literal_address("127.0.0.1", 1), client, error_number);
    pipes.at(0).connected();
    clients.clock.advance(std::chrono::milliseconds{3});
    pass();
  }
  void pass() {
    while (true) {
      const bool there = Pair::carry(pipes.at(0), accepted.client());
      const bool back = Pair::carry(accepted.client(), pipes.at(0));
      if (!there && !back) return;
    }
  }
  bool resumed() const { return client.stream->handshake()->resumed; }

  PipeConnector pipes;
  Accepted accepted;
  TlsConnector connector;
  Side client;
};

struct Exchange final : HttpExchange {
  Exchange() {
    bytes = kRequest;
    timeout = std::chrono::seconds{5};
    repeatable = true;
  }
  void on_done() override { ++ended; }
  int ended = 0;
};

// A pool that speaks TLS with the test's server.
struct SecurePool {
  SecurePool()
      : acceptor(acceptor_of("first")),
        connector(pipes, *clients.context, "gateway.lab", "gateway.lab:443"),
        pool(clients.clock, timers, pipes, {}),
        target(pool.target("https://gateway.lab:443", connector)) {
    pool.set_addresses("https://gateway.lab:443", {*literal_address("127.0.0.1", 443)});
  }
  // Sends, over the connection that is there or one that the server takes.
  void send(Exchange& exchange) {
    const std::size_t before = pipes.made();
    pool.send(exchange, target);
    if (pipes.made() > before) {
      server = std::make_unique<Accepted>(*acceptor);
      pipes.at(before).connected();
      clients.clock.advance(std::chrono::milliseconds{3});
    }
    pass();
  }
  void pass() {
    PipeEnd& client = pipes.at(pipes.made() - 1);
    while (true) {
      const bool there = Pair::carry(client, server->client());
      const bool back = Pair::carry(server->client(), client);
      if (!there && !back) return;
    }
  }
  void answer(const std::string& text) {
    server->side.say(text);
    pass();
  }

  Clients clients;
  Timers timers;
  PipeConnector pipes;
  std::unique_ptr<TlsAcceptor> acceptor;
  TlsConnector connector;
  HttpPool pool;
  HttpTarget& target;
  std::unique_ptr<Accepted> server;
};

Failure failure_with(const std::string& server, const std::string& trusts,
                     const std::string& name = "gateway.lab") {
  Pair pair(*must(TlsAcceptor::make({file(server), file("first.key")})), file(trusts), name);
  pair.pass();
  return pair.client.stream->tls_failure();
}

}  // namespace

TEST_CASE("a handshake is timed, and the next one resumes what it has left") {
  Clients clients;
  const auto acceptor = acceptor_of("first");
  for (int i = 0; i < 3; ++i) {
    Dialled dialled(clients, *acceptor);
    REQUIRE(dialled.client.stream->handshake());
    CHECK(dialled.client.stream->handshake()->took == std::chrono::milliseconds{3});
    CHECK(dialled.resumed() == (i > 0));
    CHECK(dialled.accepted.side.stream->handshake() == std::nullopt);
  }
  CHECK(clients.context->counts().done == 3);
  CHECK(clients.context->counts().resumed == 2);
  CHECK(clients.context->counts().unverified == 0);
}

// Given servers that end connections as many do: the session is as good as it was.
TEST_CASE("a peer that leaves without a goodbye doesn't spoil what was agreed on") {
  Clients clients;
  const auto acceptor = acceptor_of("first");
  for (int i = 0; i < 1000; ++i) {
    Dialled dialled(clients, *acceptor);
    dialled.pipes.at(0).close();
    CHECK(dialled.client.last == Transfer::Status::kEnd);
    CHECK(dialled.client.stream->was_cut());
  }
  CHECK(clients.context->counts().resumed == 999);
}

TEST_CASE("an end that comes with the last bytes is read behind them, though they were few") {
  Clients clients;
  Dialled dialled(clients, *acceptor_of("first"));
  dialled.accepted.side.say("last words");
  dialled.pipes.at(0).to_read += dialled.accepted.client().take();
  dialled.pipes.at(0).close();
  CHECK(dialled.client.heard == "last words");
  CHECK(dialled.client.last == Transfer::Status::kEnd);
}

TEST_CASE("a goodbye is an end that the peer has said") {
  Clients clients;
  Dialled dialled(clients, *acceptor_of("first"));
  dialled.accepted.side.stream.reset();
  dialled.pass();
  CHECK(dialled.client.last == Transfer::Status::kEnd);
  CHECK_FALSE(dialled.client.stream->was_cut());
}

TEST_CASE("nothing is resumed elsewhere, by other settings, or where it isn't wanted") {
  Clients clients;
  const auto acceptor = acceptor_of("first");
  Dialled first(clients, *acceptor);
  CHECK_FALSE(Dialled(clients, *acceptor, "gateway.lab:444").resumed());
  Clients others;
  CHECK_FALSE(Dialled(others, *acceptor).resumed());
  Clients anew{TlsOptions{}};
  for (int i = 0; i < 2; ++i) CHECK_FALSE(Dialled(anew, *acceptor).resumed());
  CHECK(anew.context->counts().done == 2);
}

TEST_CASE("a server that has forgotten agrees anew") {
  Clients clients;
  Dialled first(clients, *acceptor_of("first"));
  Dialled second(clients, *acceptor_of("first"));
  CHECK(second.client.stream->connect_error() == 0);
  CHECK_FALSE(second.resumed());
}

TEST_CASE("certificates that aren't looked at are counted") {
  TlsOptions options;
  options.verify = false;
  Clients clients{options};
  Dialled dialled(clients, *must(TlsAcceptor::make({file("old.crt"), file("first.key")})));
  CHECK(dialled.client.stream->connect_error() == 0);
  CHECK(clients.context->counts().unverified == 1);
}

TEST_CASE("a stream outlives its connector and its context") {
  Clients clients;
  Dialled dialled(clients, *acceptor_of("first"));
  clients.context.reset();
  dialled.client.say("hello");
  dialled.pass();
  CHECK(dialled.accepted.side.heard == "hello");
}

// Given a server that looked at our certificate when the handshake was over for us, and went.
TEST_CASE("what ends a connection after the handshake isn't a failure to connect") {
  Clients clients;
  Dialled dialled(clients, *acceptor_of("first"));
  dialled.pipes.at(0).connect_error = ECONNRESET;
  CHECK(dialled.client.stream->connect_error() == 0);
}

TEST_CASE("why TLS failed is a reason of its own") {
  CHECK(failure_with("first.crt", "first.crt") == Failure::none);
  CHECK(failure_with("first.crt", "first.crt", "elsewhere.lab") == Failure::tls_other_name);
  CHECK(failure_with("first.crt", "first.crt", "127.0.0.1") == Failure::tls_other_name);
  CHECK(failure_with("first.crt", "second.crt") == Failure::tls_self_signed);
  CHECK(failure_with("old.crt", "old.crt") == Failure::tls_expired);
  const auto failure_after = [](std::string_view bytes, bool ends) {
    Clients clients;
    PipeConnector pipes;
    TlsConnector connector(pipes, *clients.context, "gateway.lab", "gateway.lab:443");
    Side side;
    int error_number = 0;
    side.stream = connector.connect(*literal_address("127.0.0.1", 1), side, error_number);
    pipes.at(0).connected();
    pipes.at(0).send(bytes);
    if (ends) pipes.at(0).close();
    return side.stream->tls_failure();
  };
  CHECK(failure_after("HTTP/1.1 400 Bad Request\r\n\r\n", false) == Failure::not_tls);
  CHECK(failure_after(std::string_view("\x15\x03\x03\0\x02\x02\x28", 7), false) ==
        Failure::tls_alert);
  CHECK(failure_after("", true) == Failure::tls_failed);
}

TEST_CASE("a request over TLS has the handshake's time, one on a connection that is there none") {
  SecurePool secure;
  Exchange first;
  secure.send(first);
  CHECK(secure.server->side.heard == kRequest);
  secure.answer(kAnswer);
  CHECK(first.status == 200);
  CHECK(first.handshake == std::chrono::milliseconds{3});
  secure.send(first);
  secure.answer(kAnswer);
  CHECK(first.ended == 2);
  CHECK(first.handshake == kNoDuration);
  CHECK(secure.pipes.made() == 1);
}

TEST_CASE("a certificate that doesn't do is the request's failure, and isn't tried again") {
  SecurePool secure;
  secure.pool.set_addresses(
      secure.target, {*literal_address("127.0.0.1", 443), *literal_address("127.0.0.2", 443)});
  secure.acceptor = acceptor_of("second");
  Exchange exchange;
  secure.send(exchange);
  CHECK(exchange.ended == 1);
  CHECK(exchange.failure == Failure::tls_self_signed);
  CHECK(exchange.why == "certificate verify failed: self-signed certificate");
  CHECK(secure.pipes.made() == 1);
}

// Given a body without a length: only the peer's own goodbye says that it is whole.
TEST_CASE("a body that the connection's end ends is whole only with TLS's goodbye") {
  for (const bool says_it : {true, false}) {
    CAPTURE(says_it);
    SecurePool secure;
    Exchange exchange;
    secure.send(exchange);
    secure.answer("HTTP/1.1 200 OK\r\n\r\nall of it");
    CHECK(exchange.ended == 0);
    if (says_it)
      secure.server->side.stream.reset();
    else
      secure.pipes.at(0).close();
    secure.pass();
    CHECK(exchange.ended == 1);
    CHECK(exchange.failure == (says_it ? Failure::none : Failure::closed));
    CHECK(exchange.status == (says_it ? 200 : -1));
  }
}

TEST_CASE("an idle connection that ends without a goodbye is nobody's failure") {
  SecurePool secure;
  Exchange first;
  secure.send(first);
  secure.answer(kAnswer);
  secure.pipes.at(0).close();
  CHECK(secure.pool.open_connections() == 0);
  Exchange second;
  secure.send(second);
  secure.answer(kAnswer);
  CHECK(second.failure == Failure::none);
  CHECK_FALSE(second.retried);
}

// Given a server that refuses when the handshake is over, as one does that doesn't like our
// certificate under TLS 1.3: asking again would be refused again.
TEST_CASE("what TLS breaks off later isn't sent again") {
  SecurePool secure;
  Exchange first;
  secure.send(first);
  secure.answer(kAnswer);
  Exchange second;
  secure.send(second);
  secure.pipes.at(0).send(
      std::string_view("\x17\x03\x03\0\x14"
                       "12345678901234567890",
                       25));
  CHECK(second.ended == 1);
  CHECK(second.failure == Failure::tls_failed);
  CHECK_FALSE(second.retried);
  CHECK_FALSE(second.why.empty());
  CHECK(secure.pipes.made() == 1);
}

TEST_CASE("a host over TLS is another target than without, where the same addresses are") {
  SecurePool secure;
  HttpTarget& plain = secure.pool.target("https://gateway.lab:443");
  CHECK(&plain != &secure.target);
  CHECK(plain.has_addresses());
  secure.pool.set_addresses("https://gateway.lab:443", {});
  CHECK_FALSE(plain.has_addresses());
  CHECK_FALSE(secure.target.has_addresses());
}
