// Both sides of TLS: what they do when the other end speaks none, with each other over pipes, where
// nothing moves but by the test's hand, and over sockets. Redis' own TLS is in bus/redis_test.cc.
#include "net/tls.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <vector>

#include "net/clock.h"
#include "net/tls_fixture.h"

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

// `content` after its length in so many bytes.
std::string sized(int bytes, const std::string& content) {
  std::string size;
  for (int i = bytes - 1; i >= 0; --i) size += static_cast<char>(content.size() >> (8 * i));
  return size + content;
}

// The first message of a client of TLS 1.2 or older, to which the server answers in the clear.
std::string hello(char minor_version, const std::vector<std::string>& protocols) {
  const auto extension = [](const char(&id)[3], const std::string& content) {
    return std::string(id, 2) + sized(2, content);
  };
  std::string list;
  for (const std::string& protocol : protocols) list += sized(1, protocol);
  const std::string extensions =
      extension("\x00\x0a", sized(2, std::string("\x00\x17", 2))) +  // the curve P-256
      extension("\x00\x0d", sized(2, "\x04\x03")) +                  // signed by ECDSA
      (protocols.empty() ? "" : extension("\x00\x10", sized(2, list)));
  const std::string body = std::string("\x03") + minor_version + std::string(32, 'r') +
                           sized(1, "") + sized(2, "\xc0\x2b\xc0\x09") +
                           sized(1, std::string(1, '\0')) + sized(2, extensions);
  return "\x16\x03\x01" + sized(2, "\x01" + sized(3, body));
}

}  // namespace

TEST_CASE("the server's name goes out in the clear, an address doesn't") {
  Harness named("redis.lab");
  CHECK(named.server().written.empty());
  named.server().connected();
  const std::string hello_bytes = named.server().take();
  CHECK(hello_bytes.starts_with("\x16\x03\x01"));
  CHECK(hello_bytes.find("redis.lab") != std::string::npos);
  CHECK(named.told.empty());
  Harness address("127.0.0.1");
  address.server().connected();
  CHECK(address.server().take().find("127.0.0.1") == std::string::npos);
}

TEST_CASE("nothing is read or written before the handshake is done") {
  Harness h("redis.lab");
  h.server().connected();
  char byte = 0;
  CHECK(h.stream->read(&byte, 1).status == Status::kWouldBlock);
  CHECK(h.stream->write("secret").status == Status::kWouldBlock);
  CHECK(h.server().take().find("secret") == std::string::npos);
}

TEST_CASE("a server that speaks no TLS is told from one that is away") {
  Harness h("redis.lab");
  h.server().connected();
  h.server().send("-ERR unknown command\r\n");
  CHECK(h.told == "closed ");
  CHECK(h.stream->connect_error() == EPROTO);
  CHECK(h.stream->failure() == "wrong version number (the server doesn't speak TLS there)");
  CHECK(h.stream->write("x").status == Status::kFailed);

  Harness away("redis.lab");
  away.server().refuse(ECONNREFUSED);
  CHECK(away.told == "closed ");
  CHECK(away.stream->connect_error() == ECONNREFUSED);
  CHECK(away.stream->failure().empty());
}

TEST_CASE("a server that ends the connection during the handshake, or at once, is said so") {
  for (const bool at_once : {false, true}) {
    Harness h("redis.lab");
    if (!at_once) h.server().connected();
    h.server().peer_closed = true;
    h.server().handler->on_stream({true, at_once, true});
    CHECK(h.told == "closed ");
    CHECK(h.stream->connect_error() == EPROTO);
    CHECK(h.stream->failure() == "the server ended the connection during the TLS handshake");
  }
}

TEST_CASE("files that aren't what they must be are named") {
  PipeConnector pipes;
  TlsOptions options;
  options.ca_file = "/nowhere/ca.pem";
  Error error = error_of(TlsConnector::make(pipes, options));
  CHECK(error.code == ErrorCode::kUsage);
  CHECK(error.where == "/nowhere/ca.pem");
  CHECK(error.why == "No such file or directory");
  options = {};
  options.certificate_file = "/proc/self/cmdline";
  CHECK(error_of(TlsConnector::make(pipes, options)).where == "/proc/self/cmdline");
}

TEST_CASE("certificates and keys are taken as texts too, and what is wrong with one is said") {
  PipeConnector pipes;
  const auto text = [](const char* name) { return certificates().text(name); };
  TlsOptions options;
  options.certificate_text = text("both.pem");
  CHECK(TlsConnector::make(pipes, options).ok());
  options.key_text = text("second.key");
  CHECK(error_of(TlsConnector::make(pipes, options)).why ==
        "it isn't the key of what is given as text");
  options.ca_text = "no certificate";
  CHECK(error_of(TlsConnector::make(pipes, options)).where == "what is given as text");
}

// Given a machine whose clock stands after all that the certificate says.
TEST_CASE("a certificate that is out of date is told with its time and this machine's") {
  Pair pair(*must(TlsAcceptor::make({file("old.crt"), file("first.key")})), file("old.crt"));
  pair.pass();
  const std::string why = pair.client.stream->failure();
  CHECK(why.find("expired (it was valid until 2") < why.find("; this machine's clock says 2"));
}

TEST_CASE("both sides shake hands, talk and part") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  CHECK(pair.server.told.empty());
  CHECK(pair.server.stream->write("too early").status == Status::kWouldBlock);
  pair.pass();
  CHECK(pair.client.told.starts_with("readable writable "));
  CHECK(pair.server.told.starts_with("readable writable "));
  CHECK(pair.server.stream->connect_error() == 0);
  pair.client.say("a question");
  CHECK(pair.client_end().written.find("question") == std::string::npos);
  pair.pass();
  CHECK(pair.server.heard == "a question");
  pair.server.say("an answer");
  pair.pass();
  CHECK(pair.client.heard == "an answer");
  pair.client.stream.reset();
  pair.pass();
  CHECK(pair.server.last == Status::kEnd);
  CHECK(pair.server.stream->failure().empty());
}

TEST_CASE("the certificate must say the name that was asked for") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"), "elsewhere.lab");
  pair.pass();
  CHECK(pair.client.told == "closed ");
  CHECK(pair.client.stream->failure() == "certificate verify failed: hostname mismatch");
}

TEST_CASE("a client that doesn't trust us says so, and the server can say it") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("second.crt"));
  pair.pass();
  CHECK(pair.client.told == "closed ");
  CHECK(pair.client.stream->failure() == "certificate verify failed: self-signed certificate");
  CHECK(pair.server.told == "closed ");
  CHECK(pair.server.last == Status::kFailed);
  CHECK(pair.server.stream->connect_error() == EPROTO);
  CHECK(pair.server.stream->failure() == "tlsv1 alert unknown ca (said by the client)");
}

TEST_CASE("a client that doesn't speak TLS, or no version that we do, is told") {
  const auto acceptor = acceptor_of("first");
  const auto failure_after = [&](const std::string& bytes, bool ends) {
    Accepted accepted(*acceptor);
    if (!bytes.empty()) accepted.client().send(bytes);
    if (ends) accepted.client().close();
    CHECK(accepted.side.told == "closed ");
    CHECK(accepted.side.last == Status::kFailed);
    return accepted.side.stream->failure();
  };
  CHECK(failure_after("GET / HTTP/1.1\r\nHost: x\r\n\r\n", false) ==
        "http request (the client doesn't speak TLS)");
  CHECK(failure_after("CONNECT x:443 HTTP/1.1\r\n\r\n", false) ==
        "https proxy request (the client doesn't speak TLS)");
  CHECK(failure_after("*1\r\n$4\r\nPING\r\n", false) ==
        "wrong version number (the client doesn't speak TLS)");
  CHECK(failure_after(hello('\x02', {}), false) == "unsupported protocol");
  CHECK(failure_after("", true) == "the client ended the connection during the TLS handshake");
  CHECK(failure_after(hello('\x03', {}).substr(0, 40), true) ==
        "the client ended the connection during the TLS handshake");
}

TEST_CASE("http/1.1 is chosen where it is offered, and nobody is refused for what he offers") {
  const auto acceptor = acceptor_of("first");
  const auto answer_to = [&](const std::vector<std::string>& protocols) {
    Accepted accepted(*acceptor);
    accepted.client().send(hello('\x03', protocols));
    return accepted.client().take();
  };
  for (const auto& protocols : std::vector<std::vector<std::string>>{
           {"http/1.1"}, {"h2", "http/1.1"}, {"h2", "http/1.0", "http/1.1", "x"}}) {
    CHECK(answer_to(protocols).starts_with("\x16\x03\x03"));
    CHECK(answer_to(protocols).find("\x08http/1.1") != std::string::npos);
  }
  for (const auto& protocols :
       std::vector<std::vector<std::string>>{{}, {"h2"}, {"http/1.0", "http/1.10"}}) {
    CHECK(answer_to(protocols).starts_with("\x16\x03\x03"));
    CHECK(answer_to(protocols).find("http/1.") == std::string::npos);
  }
}

TEST_CASE("much goes both ways at once through what takes little at a time") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  pair.client_end().write_limit = 999;
  pair.server_end().write_limit = 1'777;
  std::string there, back;
  for (int i = 0; i < 150'000; ++i) there += std::to_string(i);
  for (int i = 0; i < 100'000; ++i) back += std::to_string(7 * i);
  pair.client.unsent = there;
  pair.server.unsent = back;
  pair.pass();
  CHECK((pair.server.heard == there));
  CHECK((pair.client.heard == back));
}

TEST_CASE("what write() has taken is out: who closes then loses nothing") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  pair.pass();
  pair.server_end().write_limit = 70'000;
  const std::string answer(300'000, 'a');
  pair.server.leaves_when_written = true;
  pair.server.say(answer);
  CHECK_FALSE(pair.server.unsent.empty());
  pair.pass();
  CHECK_FALSE(pair.server.stream);
  CHECK((pair.client.heard == answer));
  CHECK(pair.client.last == Status::kEnd);
}

TEST_CASE("a write that came up short is told of room, without another") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  pair.pass();
  pair.client.told.clear();
  pair.client_end().write_limit = 100'000;
  const std::string bytes(200'000, 'b');
  const Transfer sent = pair.client.stream->write(bytes);
  CHECK(sent.status == Status::kDone);
  CHECK(sent.bytes > 0);
  CHECK(sent.bytes < 100'000);
  CHECK(pair.client.told.empty());
  pair.client.unsent = bytes.substr(sent.bytes);
  pair.pass();
  CHECK(pair.client.told.starts_with("writable "));
  CHECK((pair.server.heard == bytes));
  // What is encrypted already may be taken in smaller pieces than it was offered in.
  pair.server.heard.clear();
  CHECK(pair.client.stream->write(bytes).bytes == 65'536);
  pair.client_end().write_limit = std::size_t(-1);
  CHECK(pair.client.stream->write("bb").bytes == 2);
  pair.client.say(bytes.substr(65'538));
  pair.pass();
  CHECK((pair.server.heard == bytes));
}

TEST_CASE("records come in pieces, cut off, and not as they were sent") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  pair.pass();
  pair.client.say("whole");
  for (const char byte : pair.client_end().take()) {
    CHECK(pair.server.heard.empty());
    pair.server_end().send({&byte, 1});
  }
  CHECK(pair.server.heard == "whole");

  SUBCASE("cut off, and then the end") {
    pair.client.say("never whole");
    const std::string record = pair.client_end().take();
    pair.server_end().send(record.substr(0, record.size() - 1));
    pair.server_end().close();
    CHECK(pair.server.last == Status::kEnd);
    CHECK(pair.server.heard == "whole");
  }
  SUBCASE("changed on the way") {
    pair.client.say("some other");
    std::string record = pair.client_end().take();
    record.back() = static_cast<char>(record.back() ^ 1);
    pair.client.say("and more");
    pair.server_end().send(record + pair.client_end().take());
    CHECK(pair.server.last == Status::kFailed);
    CHECK(pair.server.heard == "whole");
    CHECK(pair.server.stream->failure() == "decryption failed or bad record mac");
    CHECK(pair.server.stream->write("x").status == Status::kFailed);
    pair.pass();
    CHECK(pair.client.last == Status::kFailed);
    CHECK(pair.client.stream->failure() == "sslv3 alert bad record mac (said by the server)");
  }
}

TEST_CASE("an end is told, also where it comes with the last bytes and the socket stays open") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  pair.pass();
  pair.server.told.clear();
  pair.client.say("last words");
  pair.client.stream.reset();
  SUBCASE("in one go") {
    pair.server_end().send(pair.client_end().take());
    CHECK(pair.server.told == "readable readable closed ");
    CHECK(pair.server.last == Status::kEnd);
    pair.server.say("an answer still goes out");
    CHECK(pair.server.unsent.empty());
  }
  SUBCASE("to one that leaves at the first word") {
    pair.server.leaves_when_told = true;
    pair.server_end().send(pair.client_end().take());
    CHECK(pair.server.told == "readable ");
  }
  SUBCASE("with the socket's") {
    pair.server_end().to_read = pair.client_end().take();
    pair.server_end().close();
    CHECK(pair.server.told == "readable closed ");
    CHECK(pair.server.last == Status::kEnd);
  }
  CHECK(pair.server.heard == "last words");
}

TEST_CASE("who has ended his writing goes on reading") {
  const auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  pair.pass();
  pair.client.say("a question");
  pair.client.stream->end_writing();
  pair.pass();
  CHECK(pair.server.heard == "a question");
  CHECK(pair.server.last == Status::kEnd);
  pair.server.say("an answer");
  pair.pass();
  CHECK(pair.client.heard == "an answer");
  CHECK(pair.client.last == Status::kDone);
  pair.client.stream.reset();  // says its goodbye once
  CHECK(pair.client_end().written.empty());
}

TEST_CASE("an idle connection keeps no buffers, whatever went through it") {
  const auto acceptor = acceptor_of("first");
  const auto in_use = [] {
    const struct mallinfo2 info = mallinfo2();  // all zeros under a sanitizer
    return info.uordblks + info.hblkhd;
  };
  const auto talk = [](Pair& pair, std::size_t bytes) {
    pair.pass();
    pair.client.say(std::string(bytes, 'x'));
    pair.server.say(std::string(bytes, 'y'));
    pair.pass();
    CHECK(pair.client.heard.size() == bytes);
    CHECK(pair.server.heard.size() == bytes);
    for (std::string* const ours :
         {&pair.client.heard, &pair.server.heard, &pair.client.unsent, &pair.server.unsent,
          &pair.client_end().written, &pair.server_end().written, &pair.client_end().to_read,
          &pair.server_end().to_read}) {
      ours->clear();
      ours->shrink_to_fit();
    }
  };
  {
    Pair first(*acceptor, file("first.crt"));  // OpenSSL keeps some things for all
    talk(first, 10);
  }
  const std::size_t before = in_use();
  Pair pair(*acceptor, file("first.crt"));
  talk(pair, 10);
  const std::size_t little = in_use();
  talk(pair, 300'000);
  CHECK(in_use() < little + 4096);
  CHECK(in_use() < before + 70'000);  // both sides, with the client's context
}

TEST_CASE("a reload is for new connections; one that fails changes nothing") {
  const std::string certificate = file("live.crt"), key = file("live.key");
  const auto install = [&](const std::string& of_certificate, const std::string& of_key) {
    std::ofstream(certificate) << certificates().text(of_certificate);
    std::ofstream(key) << certificates().text(of_key);
  };
  install("first.crt", "first.key");
  const auto acceptor = must(TlsAcceptor::make({certificate, key}));
  const auto shows = [&](const std::string& name) {
    Pair pair(*acceptor, file(name));
    pair.pass();
    return pair.client.stream->failure().empty();
  };
  Pair old(*acceptor, file("first.crt"));
  old.pass();
  Pair between(*acceptor, file("first.crt"));  // its handshake has begun
  install("second.crt", "second.key");
  CHECK(shows("first.crt"));
  must(acceptor->reload());
  CHECK(shows("second.crt"));
  CHECK_FALSE(shows("first.crt"));
  between.pass();
  for (Pair* const pair : {&old, &between}) {
    pair->client.say("still there?");
    pair->pass();
    CHECK(pair->server.heard == "still there?");
  }
  install("first.crt", "second.key");
  CHECK(error_of(acceptor->reload()).where == key);
  CHECK(shows("second.crt"));
  std::filesystem::remove(certificate);
  CHECK(error_of(acceptor->reload()).where == certificate);
  CHECK(shows("second.crt"));
}

TEST_CASE("a stream outlives its acceptor") {
  auto acceptor = acceptor_of("first");
  Pair pair(*acceptor, file("first.crt"));
  acceptor.reset();
  pair.pass();
  pair.client.say("hello");
  pair.pass();
  CHECK(pair.server.heard == "hello");
}

TEST_CASE("a server's files that don't do are named, with what is wrong") {
  const auto refusal = [](const std::string& certificate, const std::string& key) {
    return error_of(TlsAcceptor::make({certificate, key}));
  };
  const std::string good = file("first.crt");
  Error error = refusal("", "");
  CHECK(error.what == "can't use the certificate");
  error = refusal(file("missing.crt"), "");
  CHECK(error.code == ErrorCode::kUsage);
  CHECK(error.what == "can't use the certificate");
  CHECK(error.where == file("missing.crt"));
  CHECK(error.why == "No such file or directory");
  error = refusal(file("first.key"), file("first.key"));
  CHECK(error.where == file("first.key"));
  CHECK(error.why == "no start line");
  error = refusal(good, file("missing.key"));
  CHECK(error.what == "can't use the certificate's key");
  CHECK(error.where == file("missing.key"));
  CHECK(error.why == "No such file or directory");
  CHECK(refusal(good, "").where == good);  // the key isn't in it
  for (const char* other : {"second.key", "other_kind.key"}) {
    error = refusal(good, file(other));
    CHECK(error.code == ErrorCode::kUsage);
    CHECK(error.what == "can't use the certificate's key");
    CHECK(error.where == file(other));
    CHECK(error.why == "it isn't the key of " + good);
  }
  error = refusal(good, file("locked.key"));
  CHECK(error.where == file("locked.key"));
  CHECK(error.hint.find("without a password") != std::string::npos);
  CHECK(TlsAcceptor::make({file("both.pem"), ""}).ok());
}

TEST_CASE("it is known when the certificate ends") {
  const Duration left = acceptor_of("first")->valid_until() - RealClock::wall_now();
  CHECK(left > std::chrono::hours{47});
  CHECK(left <= std::chrono::hours{48});
  CHECK(acceptor_of("endless")->valid_until() == Wall::max());
}

TEST_CASE("over sockets, both ways at once, to the end") {
  Loop loop;
  const auto acceptor = acceptor_of("first");
  Side server, client;
  TcpListener listener(loop, [&](int fd) { server.stream = acceptor->adopt(loop, fd, server); });
  must(listener.listen(must(literal_address("127.0.0.1", 0))));
  TcpConnector tcp(loop);
  TlsOptions options;
  options.server_name = "gateway.lab";
  options.ca_file = file("first.crt");
  const auto connector = must(TlsConnector::make(tcp, options));
  const std::string there(5'000'000, 't'), back(3'000'000, 'b');
  client.unsent = there;
  server.unsent = back;
  int error_number = 0;
  client.stream = connector->connect(must(listener.local_address()), client, error_number);
  REQUIRE(client.stream);
  const Time end = loop.clock().now() + std::chrono::seconds{20};
  const auto until = [&](auto&& done) {
    while (!done() && loop.clock().now() < end) loop.run_pending();
  };
  until([&] { return server.heard.size() == there.size() && client.heard.size() == back.size(); });
  CHECK((server.heard == there));
  CHECK((client.heard == back));
  client.stream->end_writing();
  until([&] { return server.last == Status::kEnd; });
  CHECK(server.last == Status::kEnd);
  CHECK(server.ended);  // the socket's end too
  server.say("farewell");
  server.stream.reset();
  until([&] { return client.last == Status::kEnd; });
  CHECK(client.heard.ends_with("farewell"));
}
