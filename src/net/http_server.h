// An HTTP/1.1 server on one loop, over TCP or TLS. What it serves is an HttpService: the
// application under `galileo target`, the status page of our daemons. Lives on its loop.
//
// It bounds what a client can cost: heads, bodies, connections, and times by progress. No time is
// set on how long an answer takes to make or to be streamed.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "net/server_connection.h"
#include "net/tls.h"

namespace galileo::net {

// Answers requests; asynchronous: it may keep the id and answer later through HttpServer::find().
class HttpService {
 public:
  virtual ~HttpService() = default;
  // Where requests are kept: the head is there, its body isn't read yet. To refuse it by answering,
  // or to bound the body.
  virtual void on_head(ServerConnection& /*connection*/) {}
  virtual void on_request(ServerConnection& connection) = 0;
  // All that was sent of an answer under way is out.
  virtual void on_drained(ServerConnection& /*connection*/) {}
  // The connection of that id has ended, and its request has no answer or a part of one. Called
  // from the loop, from within whatever ended it, close() among them.
  virtual void on_gone(std::uint64_t /*id*/) {}
  // What a refusal of the server's own (400, 408, 413, 431, 503) says.
  struct Words {
    std::string content_type;  // empty: nothing
    std::string text;
  };
  virtual Words words_of(int /*status*/) const { return {}; }
};

// Times of zero never run out.
struct ServerOptions {
  bool keep_requests = false;  // headers and bodies, for the service, which hears on_head() then
  wire::http1::Limits message = {};
  // Whoever comes beyond is told 503, to try again; some dozens more are cut off without a word.
  std::size_t connections = std::size_t(-1);
  Duration next{0};  // a connection without a request
  Duration head{0};  // from a head's first byte to its last
  Duration body{0};  // for each `body_least` bytes of a body
  std::uint64_t body_least = 0;
  Duration writing{0};         // without a byte that the client takes
  Duration unacknowledged{0};  // sent, and the other end's system says nothing: black holes
};

class HttpServer {
 public:
  HttpServer(Timers& timers, const Clock& clock, HttpService& service,
             const ServerOptions& options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Takes over an accepted socket, on the loop whose timers it has; speaks TLS with it where there
  // is an acceptor, which outlives this.
  void adopt(Loop& loop, int fd, TlsAcceptor* tls = nullptr);
  // The same over the stream that `below` makes for the handler it is given.
  void adopt(const TlsAcceptor::Below& below, const Address& peer);
  // The connection of that id; null where it has closed meanwhile.
  ServerConnection* find(std::uint64_t id);
  std::size_t connections() const { return connections_.size(); }
  // Nobody is kept alive any more: who has no request under way goes now, the others once answered.
  void wind_up();

 private:
  friend class ServerConnection;
  void forget(ServerConnection& connection);
  void read_on_later(const ServerConnection& connection);
  void read_on();
  // The list of that time; null where it never runs out.
  Deadlines* deadlines(ServerConnection::Wait wait) {
    return deadlines_[static_cast<std::size_t>(wait)].get();
  }

  static constexpr std::size_t kBufferSize = std::size_t{64} * 1024;

  Timers& timers_;
  const Clock& clock_;
  HttpService& service_;
  const ServerOptions options_;
  bool winding_up_ = false;
  std::uint64_t last_id_ = 0;
  std::array<std::unique_ptr<Deadlines>, 6> deadlines_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ServerConnection>> connections_;
  std::vector<std::unique_ptr<ServerConnection>> closed_;
  Timer clean_up_;
  std::vector<std::uint64_t> unread_;  // had more to read than one turn is for
  Timer read_on_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace galileo::net
