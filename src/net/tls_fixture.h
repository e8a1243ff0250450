// Both sides of TLS over pipes, for tests: nothing moves but by their hand. The certificates are
// made anew by each program.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/spawn.h"
#include "base/test_fixture.h"
#include "net/pipe.h"
#include "net/tls.h"

namespace galileo::net {

using Status = Transfer::Status;

template <class T>
Error error_of(const Result<T>& result) {
  REQUIRE_FALSE(result.ok());
  return result.error();
}

inline void run_openssl(std::vector<std::string> words) {
  words.insert(words.begin(), "openssl");
  pid_t pid = -1;
  REQUIRE(spawn(words, {}, pid) == 0);
  int status = -1;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  REQUIRE(status == 0);
}

// Keys and the certificates that they signed themselves, in a folder that goes with the program.
class Certificates {
 public:
  Certificates() {
    make("first", "2");
    make("second", "2");
    make("endless", "2900000");
    run_openssl({"x509", "-in", file("first.crt"), "-days", "-1", "-signkey", file("first.key"),
                 "-out", file("old.crt")});
    run_openssl({"genpkey", "-algorithm", "ed25519", "-out", file("other_kind.key")});
    run_openssl({"pkey", "-in", file("first.key"), "-aes256", "-passout", "pass:secret", "-out",
                 file("locked.key")});
    std::ofstream(file("both.pem")) << text("first.crt") << text("first.key");
  }

  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string text(const std::string& name) const {
    return must(read_whole_file(file(name), 100'000));
  }

 private:
  void make(const std::string& name, const std::string& days) {
    run_openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-keyout", file(name + ".key"), "-out", file(name + ".crt"), "-days",
                 days, "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:gateway.lab"});
  }

  const TestFolder folder_;
};

inline const Certificates& certificates() {
  static const Certificates made;
  return made;
}

inline std::string file(const std::string& name) {
  return certificates().file(name);
}

inline std::unique_ptr<TlsAcceptor> acceptor_of(const std::string& name) {
  return must(TlsAcceptor::make({file(name + ".crt"), file(name + ".key")}));
}

// Uses a stream as our servers and clients do: it writes what it has to say until that is out, and
// reads until a read comes up short.
struct Side final : StreamHandler {
  void on_stream(StreamEvents events) override {
    told += events.readable ? "readable " : "";
    told += events.writable ? "writable " : "";
    told += events.closed ? "closed " : "";
    ended = ended || events.closed;
    if (events.writable) write();
    if (stream && (events.readable || events.closed)) read();
    if (leaves_when_told) stream.reset();
  }
  void say(const std::string& text) {
    unsent += text;
    write();
  }
  void write() {
    while (!unsent.empty()) {
      const Transfer sent = stream->write(unsent);
      if (sent.status != Status::kDone) return;
      unsent.erase(0, sent.bytes);
    }
    if (leaves_when_written) stream.reset();
  }
  void read() {
    char buffer[10'000];
    while (true) {
      const Transfer got = stream->read(buffer, sizeof buffer);
      last = got.status;
      if (got.status != Status::kDone) return;
      heard.append(buffer, got.bytes);
      if (got.bytes < sizeof buffer && !ended) return;
    }
  }
  std::string told, heard, unsent;
  Status last = Status::kWouldBlock;  // of the reads
  bool ended = false;
  bool leaves_when_told = false;
  bool leaves_when_written = false;
  std::unique_ptr<Stream> stream;
};

// An accepted connection whose client the test is.
struct Accepted {
  explicit Accepted(TlsAcceptor& acceptor) {
    side.stream = acceptor.adopt(
        [this](StreamHandler& handler) {
          int error_number = 0;
          return pipes.connect(*literal_address("127.0.0.1", 1), handler, error_number);
        },
        side);
  }
  PipeEnd& client() { return pipes.at(0); }
  PipeConnector pipes;
  Side side;
};

// A client and a server, and what is between them.
struct Pair {
  Pair(TlsAcceptor& acceptor, const std::string& trusts, const std::string& name = "gateway.lab")
      : accepted(acceptor) {
    TlsOptions options;
    options.server_name = name;
    options.ca_text = must(read_whole_file(trusts, 100'000));
    connector = must(TlsConnector::make(pipes, options));
    int error_number = 0;
    client.stream = connector->connect(*literal_address("127.0.0.1", 1), client, error_number);
    client_end().connected();
  }
  // The test's ends, where what the side has written is to be taken.
  PipeEnd& client_end() { return pipes.at(0); }
  PipeEnd& server_end() { return accepted.client(); }

  // Carries bytes and ends both ways until there are none.
  void pass() {
    while (true) {
      const bool there = carry(client_end(), server_end());
      const bool back = carry(server_end(), client_end());
      if (!there && !back) return;
    }
  }
  static bool carry(PipeEnd& from, PipeEnd& to) {
    const std::string bytes = from.take();
    const bool ends = !from.open() && !to.peer_closed;
    if (!bytes.empty()) to.send(bytes);
    if (ends) to.close();
    if (!bytes.empty() && from.open()) from.handler->on_stream({false, true, false});  // room again
    return !bytes.empty() || ends;
  }

  PipeConnector pipes;
  std::unique_ptr<TlsConnector> connector;
  Side client;
  Accepted accepted;
  Side& server = accepted.side;
};

}  // namespace galileo::net
