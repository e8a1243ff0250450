// Connections in memory, for tests of what speaks over Streams: the test is the peer. It sees each
// connection that was made, what was written to it, and answers when it likes. Lives where its
// user lives; nothing happens behind the test's back.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/tcp.h"

namespace galileo::net {

// The test's end of one connection.
struct PipeEnd {
  Address address;
  StreamHandler* handler = nullptr;  // null: our side has closed
  std::string written;               // what our side has sent and the test hasn't taken
  std::string to_read;               // what the test has sent and our side hasn't read
  std::optional<Duration> lay;       // how long what is read next lay there; none: not known
  bool peer_closed = false;
  bool reset = false;
  int connect_error = 0;
  std::size_t write_limit = std::size_t(-1);  // bytes that fit before a write would block

  void connected() { handler->on_stream({false, true, false}); }
  void refuse(int error) {
    connect_error = error;
    handler->on_stream({false, true, true});
  }
  void send(std::string_view bytes) {
    to_read += bytes;
    if (handler) handler->on_stream({true, false, false});
  }
  void close() {
    peer_closed = true;
    if (handler) handler->on_stream({true, false, true});
  }
  void break_off() {
    reset = true;
    if (handler) handler->on_stream({true, false, true});
  }
  std::string take() { return std::exchange(written, {}); }
  bool open() const { return handler != nullptr; }
};

class PipeConnector final : public Connector {
 public:
  std::unique_ptr<Stream> connect(const Address& address, StreamHandler& handler,
                                  int& error_number) override;
  // Connections in the order they were made; the ends stay when they are closed.
  PipeEnd& at(std::size_t index) { return *ends_.at(index); }
  std::size_t made() const { return ends_.size(); }
  int refuse_at_once = 0;  // errno that connect() itself fails with

 private:
  std::vector<std::unique_ptr<PipeEnd>> ends_;
};

}  // namespace galileo::net
