// TCP connections on a loop, as Streams, and listening sockets; Unix sockets too, where the address
// is the path of one. Lives on its loop.
#pragma once

#include <functional>
#include <memory>

#include "base/repeats.h"
#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/stream.h"

namespace galileo::net {

// Makes the Streams of a client. Real: TCP; tests: in-memory pipes.
class Connector {
 public:
  virtual ~Connector() = default;
  // Begins to connect; `handler` hears of the outcome as `writable` (ask connect_error()) or
  // `closed`. An Error where no socket can be had at all: errno is in `error_number`.
  virtual std::unique_ptr<Stream> connect(const Address& address, StreamHandler& handler,
                                          int& error_number) = 0;
};

// Whether a stream says of what it reads how long that has lain with the system.
enum class Stamps : unsigned char { kOff, kOn };

// Whether the system asks an idle peer if it is still there: one that has gone without a word, or
// that nothing on the way knows any more, ends the connection within 25 s.
enum class KeepAlive : unsigned char { kOff, kOn };

class TcpConnector final : public Connector {
 public:
  explicit TcpConnector(Loop& loop, Stamps stamps = Stamps::kOff,
                        KeepAlive keep_alive = KeepAlive::kOff)
      : loop_(loop), stamps_(stamps), keep_alive_(keep_alive) {}
  std::unique_ptr<Stream> connect(const Address& address, StreamHandler& handler,
                                  int& error_number) override;

 private:
  Loop& loop_;
  const Stamps stamps_;
  const KeepAlive keep_alive_;
};

// This machine or process has no socket left, which says nothing of the other end.
bool is_out_of_sockets(int error_number);

// Accepts connections. While none can be taken for want of descriptors it rests, and those who come
// wait in the system's queue. `on_connection` gets each accepted socket (non-blocking) and makes a
// stream of it with adopt().
class TcpListener final : private IoHandler {
 public:
  TcpListener(Loop& loop, std::function<void(int fd)> on_connection);
  ~TcpListener();
  // Binds and listens. A port is shared (SO_REUSEPORT) only where loops of one program divide its
  // connections among them: two programs that listen in one place are a mistake, and said so.
  enum class Port : unsigned char { kOwn, kShared };
  Result<void> listen(const Address& address, Port port = Port::kOwn);
  Result<Address> local_address() const;
  // Where a listener on this address would be, with a port that the system chooses where it is 0.
  // An Error where another program has it. Nobody can connect meanwhile.
  static Result<Address> look_for(const Address& address);

 private:
  void on_io(std::uint32_t events) override;
  void rest(int error_number);

  Loop& loop_;
  std::function<void(int fd)> on_connection_;
  int fd_ = -1;
  Pauses pauses_{std::chrono::milliseconds{10}, std::chrono::seconds{1}};
  Telling told_;
  Timer rest_;
};

// A Stream over an accepted socket; closes it in the end.
std::unique_ptr<Stream> adopt_socket(Loop& loop, int fd, StreamHandler& handler);

// Whether that address is one of this machine's own; of a Unix socket it is.
bool is_local(Address address);

// Raises the limit of open files to what is allowed; returns it.
std::size_t raise_open_files_limit();

}  // namespace galileo::net
