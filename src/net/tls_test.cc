// What a TLS stream does when there is no TLS at the other end, over pipes. That it carries bytes,
// and whom it trusts, is proven against a real server (bus/redis_test.cc).
#include "net/tls.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "net/pipe.h"

using namespace galileo;
using namespace galileo::net;

namespace {

struct Harness final : StreamHandler {
  explicit Harness(const std::string& server_name) {
    TlsOptions options;
    options.server_name = server_name;
    auto made = TlsConnector::make(pipes, options);
    REQUIRE(made.ok());
    connector = std::move(*made);
    stream = connector->connect(*literal_address("127.0.0.1", 1), *this, error_number);
  }
  void on_stream(StreamEvents events) override {
    told += events.writable ? "writable " : "";
    told += events.closed ? "closed " : "";
  }
  PipeEnd& server() { return pipes.at(0); }
  PipeConnector pipes;
  std::unique_ptr<TlsConnector> connector;
  std::unique_ptr<Stream> stream;
  std::string told;
  int error_number = 0;
};

}  // namespace

TEST_CASE("the server's name goes out in the clear, an address doesn't") {
  Harness named("redis.lab");
  CHECK(named.server().written.empty());
  named.server().connected();
  const std::string hello = named.server().take();
  CHECK(hello.starts_with("\x16\x03\x01"));
  CHECK(hello.find("redis.lab") != std::string::npos);
  CHECK(named.told.empty());
  Harness address("127.0.0.1");
  address.server().connected();
  CHECK(address.server().take().find("127.0.0.1") == std::string::npos);
}

TEST_CASE("nothing is read or written before the handshake is done") {
  Harness h("redis.lab");
  h.server().connected();
  char byte = 0;
  CHECK(h.stream->read(&byte, 1).status == Transfer::Status::kWouldBlock);
  CHECK(h.stream->write("secret").status == Transfer::Status::kWouldBlock);
  CHECK(h.server().take().find("secret") == std::string::npos);
}

TEST_CASE("a server that speaks no TLS is told from one that is away") {
  Harness h("redis.lab");
  h.server().connected();
  h.server().send("-ERR unknown command\r\n");
  CHECK(h.told == "closed ");
  CHECK(h.stream->connect_error() == EPROTO);
  CHECK(h.stream->failure() == "wrong version number (the server doesn't speak TLS there)");
  CHECK(h.stream->write("x").status == Transfer::Status::kFailed);

  Harness away("redis.lab");
  away.server().refuse(ECONNREFUSED);
  CHECK(away.told == "closed ");
  CHECK(away.stream->connect_error() == ECONNREFUSED);
  CHECK(away.stream->failure().empty());
}

TEST_CASE("a server that ends the connection during the handshake is said so") {
  Harness h("redis.lab");
  h.server().connected();
  h.server().close();
  CHECK(h.told == "closed ");
  CHECK(h.stream->connect_error() == EPROTO);
  CHECK(h.stream->failure() == "the server ended the connection during the TLS handshake");
}

TEST_CASE("files that aren't what they must be are named") {
  PipeConnector pipes;
  TlsOptions options;
  options.ca_file = "/nowhere/ca.pem";
  auto made = TlsConnector::make(pipes, options);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().code == ErrorCode::kUsage);
  CHECK(made.error().where == "/nowhere/ca.pem");
  options = {};
  options.certificate_file = "/proc/self/cmdline";
  made = TlsConnector::make(pipes, options);
  REQUIRE_FALSE(made.ok());
  CHECK(made.error().where == "/proc/self/cmdline");
}
