// HTTP/1.1 server connections of one loop: requests in, answers out, kept alive, pipelined requests
// one after the other. The application under `galileo target` stands on it. Lives on its loop.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/outlet.h"
#include "net/tcp.h"
#include "wire/http1.h"

namespace galileo::net {

class HttpServer;

// One client's connection; the current request is valid from on_request() until the answer.
class ServerConnection final : private StreamHandler {
 public:
  ServerConnection(HttpServer& server, std::uint64_t id);

  std::uint64_t id() const { return id_; }
  const std::string& method() const { return parser_.method(); }
  const std::string& target() const { return parser_.target(); }
  std::uint64_t body_bytes() const { return parser_.body_bytes(); }
  bool keep_alive() const { return parser_.keep_alive(); }

  // Answers the current request with a whole message (wire::http1::serialize_response). Then the
  // connection goes on to the next request, or closes where keep_alive() is false.
  void answer(std::string_view message);
  // Ends the connection without an answer.
  void close();

 private:
  friend class HttpServer;
  void on_stream(StreamEvents events) override;
  void read();
  void take(std::string_view bytes);
  void flush();
  void refuse();

  HttpServer& server_;
  const std::uint64_t id_;
  std::unique_ptr<Stream> stream_;
  wire::http1::RequestParser parser_;
  std::string unread_;      // requests sent before the last one was answered
  Outlet out_;              // what the socket didn't take at once
  bool answering_ = false;  // a request waits for its answer
  bool closing_ = false;    // once all is out
  bool closed_ = false;
};

// Answers requests; asynchronous: it may keep the id and answer later through HttpServer::find().
class HttpService {
 public:
  virtual ~HttpService() = default;
  virtual void on_request(ServerConnection& connection) = 0;
};

class HttpServer {
 public:
  HttpServer(Loop& loop, HttpService& service, const wire::http1::Limits& limits = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Takes over an accepted socket.
  void adopt(int fd);
  // The connection of that id; null where it has closed meanwhile.
  ServerConnection* find(std::uint64_t id);
  std::size_t connections() const { return connections_.size(); }

 private:
  friend class ServerConnection;
  void forget(ServerConnection& connection);
  void read_on_later(const ServerConnection& connection);
  void read_on();

  static constexpr std::size_t kBufferSize = std::size_t{64} * 1024;

  Loop& loop_;
  HttpService& service_;
  const wire::http1::Limits limits_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<ServerConnection>> connections_;
  std::vector<std::unique_ptr<ServerConnection>> closed_;
  Timer clean_up_;
  std::vector<std::uint64_t> unread_;  // had more to read than one turn is for
  Timer read_on_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace galileo::net
