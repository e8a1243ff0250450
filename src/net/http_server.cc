#include "net/http_server.h"

#include <utility>

namespace galileo::net {
namespace {

// Requests that a client may have sent ahead before it is cut off.
constexpr std::size_t kUnreadMax = std::size_t{1} << 20;

// Each read is of a whole buffer: some 50 us.
constexpr int kReadsATurn = 4;

}  // namespace

ServerConnection::ServerConnection(HttpServer& server, std::uint64_t id)
    : server_(server), id_(id), parser_(server.limits_) {
  parser_.start();
}

void ServerConnection::on_stream(StreamEvents events) {
  if (closed_) return;
  if (events.writable && out_.size() > 0) flush();
  if (!closed_ && (events.readable || events.closed)) read();
}

// Only so much a turn, so that one that sends quicker than this reads doesn't keep the others out.
void ServerConnection::read() {
  for (int reads = 0; !closed_; ++reads) {
    if (reads == kReadsATurn) return server_.read_on_later(*this);
    const Transfer transfer = stream_->read(server_.buffer_.get(), HttpServer::kBufferSize);
    if (transfer.status == Transfer::Status::kWouldBlock) return;
    if (transfer.status != Transfer::Status::kDone) {
      close();
      return;
    }
    const std::string_view bytes(server_.buffer_.get(), transfer.bytes);
    if (answering_) {
      unread_ += bytes;
      if (unread_.size() > kUnreadMax) close();
    } else {
      take(bytes);
    }
  }
}

// Reads requests until one has to wait for its answer.
void ServerConnection::take(std::string_view bytes) {
  while (!bytes.empty() && !closed_ && !answering_) {
    bytes.remove_prefix(parser_.feed(bytes));
    if (parser_.failed()) {
      refuse();
      return;
    }
    if (!parser_.done()) continue;
    answering_ = true;
    server_.service_.on_request(*this);
  }
  if (!closed_) unread_.assign(bytes);
}

void ServerConnection::refuse() {
  using wire::http1::Problem;
  const int status = parser_.problem() == Problem::head_too_large   ? 431
                     : parser_.problem() == Problem::body_too_large ? 413
                                                                    : 400;
  out_.held() += wire::http1::serialize_response(status, {}, "", false, false);
  closing_ = true;
  flush();
}

void ServerConnection::answer(std::string_view message) {
  const bool keep = parser_.keep_alive();
  answering_ = false;
  closing_ = !keep;
  if (!out_.send(message)) return close();
  flush();
  if (closed_ || !keep) return;
  parser_.start();
  if (!unread_.empty()) {
    const std::string ahead = std::exchange(unread_, {});
    take(ahead);
  }
}

void ServerConnection::flush() {
  if (!out_.flush()) return close();
  if (closing_ && out_.size() == 0) close();
}

void ServerConnection::close() {
  if (closed_) return;
  closed_ = true;
  stream_.reset();
  server_.forget(*this);
}

HttpServer::HttpServer(Loop& loop, HttpService& service, const wire::http1::Limits& limits)
    : loop_(loop),
      service_(service),
      limits_(limits),
      clean_up_([this](Time) { closed_.clear(); }),
      read_on_([this](Time) { read_on(); }),
      buffer_(new char[kBufferSize]) {}

HttpServer::~HttpServer() = default;

void HttpServer::adopt(int fd) {
  auto connection = std::make_unique<ServerConnection>(*this, ++last_id_);
  ServerConnection& made = *connection;
  made.stream_ = adopt_socket(loop_, fd, made);
  if (!made.stream_) return;
  made.out_.set_stream(made.stream_.get());
  connections_.emplace(made.id(), std::move(connection));
  made.read();
}

void HttpServer::read_on_later(const ServerConnection& connection) {
  unread_.push_back(connection.id());
  if (!read_on_.is_set()) loop_.timers().set(read_on_, loop_.clock().now() + Duration{1});
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
  if (!clean_up_.is_set()) loop_.timers().set(clean_up_, loop_.clock().now());
}

}  // namespace galileo::net
