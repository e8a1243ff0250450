#include "net/http_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace galileo::net {
namespace {

// What a client that was refused has to read its answer, and to end.
constexpr Duration kLeaving = std::chrono::seconds{2};

// Connections beyond the bound that are told so.
constexpr std::size_t kTold = 64;

Address peer_of(int fd) {
  Address peer;
  peer.size = sizeof peer.storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) != 0) peer.size = 0;
  return peer;
}

// The system ends a connection whose other end doesn't acknowledge what it was sent.
void bound_unacknowledged(int fd, Duration after) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(after).count();
  const auto value = static_cast<unsigned>(ms);
  if (ms > 0) (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof value);
}

}  // namespace

HttpServer::HttpServer(Timers& timers, const Clock& clock, HttpService& service,
                       const ServerOptions& options)
    : timers_(timers),
      clock_(clock),
      service_(service),
      options_(options),
      clean_up_([this](Time) { closed_.clear(); }),
      read_on_([this](Time) { read_on(); }),
      buffer_(new char[kBufferSize]) {
  using Wait = ServerConnection::Wait;
  const std::pair<Wait, Duration> times[] = {{Wait::kNext, options.next},
                                             {Wait::kHead, options.head},
                                             {Wait::kBody, options.body},
                                             {Wait::kWriting, options.writing},
                                             {Wait::kLeaving, kLeaving}};
  for (const auto& [wait, after] : times) {
    if (after.count() == 0) continue;
    const Wait what = wait;
    deadlines_[static_cast<std::size_t>(wait)] =
        std::make_unique<Deadlines>(timers, after, [what](Deadline& late) {
          static_cast<ServerConnection::Waiting&>(late).connection.on_late(what);
        });
  }
}

HttpServer::~HttpServer() = default;

void HttpServer::adopt(Loop& loop, int fd, TlsAcceptor* tls) {
  bound_unacknowledged(fd, options_.unacknowledged);
  const Address peer = peer_of(fd);
  adopt(
      [&](StreamHandler& handler) {
        return tls ? tls->adopt(loop, fd, handler) : adopt_socket(loop, fd, handler);
      },
      peer);
}

void HttpServer::adopt(const TlsAcceptor::Below& below, const Address& peer) {
  auto connection = std::make_unique<ServerConnection>(*this, ++last_id_, peer);
  ServerConnection& made = *connection;
  made.stream_ = below(made);
  if (!made.stream_) return;
  if (connections_.size() >= options_.connections &&
      connections_.size() - options_.connections >= kTold)
    return;
  made.out_.set_stream(made.stream_.get());
  connections_.emplace(made.id(), std::move(connection));
  if (connections_.size() > options_.connections) return made.refuse(503, {{"Retry-After", "1"}});
  made.wait_for(ServerConnection::Wait::kNext);
  made.read();
}

void HttpServer::wind_up() {
  winding_up_ = true;
  std::vector<std::uint64_t> idle;
  for (const auto& [id, connection] : connections_) {
    if (connection->state_ == ServerConnection::State::kIdle && connection->unsent() == 0)
      idle.push_back(id);
  }
  for (const std::uint64_t id : idle) {
    if (ServerConnection* const connection = find(id)) connection->close();
  }
}

void HttpServer::read_on_later(const ServerConnection& connection) {
  unread_.push_back(connection.id());
  if (!read_on_.is_set()) timers_.set(read_on_, clock_.now() + Duration{1});
}

void HttpServer::read_on() {
  for (const std::uint64_t id : std::exchange(unread_, {})) {
    if (ServerConnection* const connection = find(id)) connection->read();
  }
}

ServerConnection* HttpServer::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

// A connection that closes may stand on the stack: it is destroyed on the next turn.
void HttpServer::forget(ServerConnection& connection) {
  const auto found = connections_.find(connection.id());
  if (found == connections_.end()) return;
  closed_.push_back(std::move(found->second));
  connections_.erase(found);
  if (!clean_up_.is_set()) timers_.set(clean_up_, clock_.now());
}

}  // namespace galileo::net
