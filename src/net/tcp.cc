#include "net/tcp.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace galileo::net {
namespace {

class TcpStream final : public Stream, private IoHandler {
 public:
  TcpStream(Loop& loop, int fd, StreamHandler& handler, Stamps stamps = Stamps::kOff)
      : loop_(loop),
        fd_(fd),
        handler_(handler),
        stamped_(stamps == Stamps::kOn && ask_stamps(fd)) {}
  ~TcpStream() override {
    loop_.unwatch(fd_, *this);
    close(fd_);
  }

  int watch() { return loop_.watch(fd_, *this).ok() ? 0 : ENOSPC; }

  Transfer read(char* buffer, std::size_t size) override {
    return stamped_ ? read_stamped(buffer, size)
                    : made(recv(fd_, buffer, size, MSG_DONTWAIT), true);
  }

  Transfer write(std::string_view bytes) override {
    return made(send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL), false);
  }

  int connect_error() override {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
  }

  void end_writing() override { shutdown(fd_, SHUT_WR); }

  void abort() override {
    // With no time to linger the system drops what is unsent and resets: nothing stays in
    // TIME_WAIT.
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  void on_io(std::uint32_t events) override {
    handler_.on_stream(StreamEvents{(events & EPOLLIN) != 0, (events & EPOLLOUT) != 0,
                                    (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0});
  }

  static bool ask_stamps(int fd) {
    const int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) == 0;
  }

  // The kernel stamps what it receives, and says of what is read when the last of it came.
  Transfer read_stamped(char* buffer, std::size_t size) {
    iovec part{buffer, size};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    Transfer transfer = made(recvmsg(fd_, &message, MSG_DONTWAIT), true);
    if (transfer.status != Transfer::Status::kDone) return transfer;
    const cmsghdr* const stamp = CMSG_FIRSTHDR(&message);
    if (!stamp || stamp->cmsg_level != SOL_SOCKET || stamp->cmsg_type != SO_TIMESTAMPNS)
      return transfer;
    timespec at{};
    std::memcpy(&at, CMSG_DATA(stamp), sizeof at);
    const Wall came{std::chrono::seconds{at.tv_sec} + Duration{at.tv_nsec}};
    // The wall clock may be set between the two.
    transfer.lay = std::max(Duration{0}, RealClock::wall_now() - came);
    return transfer;
  }

  static Transfer made(ssize_t result, bool reading) {
    if (result > 0) return {static_cast<std::size_t>(result), Transfer::Status::kDone};
    if (result == 0) return {0, reading ? Transfer::Status::kEnd : Transfer::Status::kWouldBlock};
    if (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)
      return {0, Transfer::Status::kWouldBlock};
    return {0, Transfer::Status::kFailed, errno};
  }

  Loop& loop_;
  const int fd_;
  StreamHandler& handler_;
  const bool stamped_;
};

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// After 10 s of silence it is asked every 5 s, up to three times; what is sent and not confirmed
// has as long.
void set_keep_alive(int fd) {
  const int on = 1, idle_s = 10, every_s = 5, times = 3, unconfirmed_ms = 25'000;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof every_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unconfirmed_ms, sizeof unconfirmed_ms);
}

}  // namespace

std::unique_ptr<Stream> TcpConnector::connect(const Address& address, StreamHandler& handler,
                                              int& error_number) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error_number = errno;
    return nullptr;
  }
  set_no_delay(fd);
  if (keep_alive_ == KeepAlive::kOn) set_keep_alive(fd);
  auto stream = std::make_unique<TcpStream>(loop_, fd, handler, stamps_);
  if (::connect(fd, address.raw(), address.size) != 0 && errno != EINPROGRESS) {
    error_number = errno;
    return nullptr;
  }
  error_number = stream->watch();
  if (error_number != 0) return nullptr;
  return stream;
}

bool is_out_of_sockets(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL || error == ENOSPC || error == EAGAIN;
}

std::unique_ptr<Stream> adopt_socket(Loop& loop, int fd, StreamHandler& handler) {
  set_no_delay(fd);
  auto stream = std::make_unique<TcpStream>(loop, fd, handler);
  if (stream->watch() != 0) return nullptr;
  return stream;
}

TcpListener::TcpListener(Loop& loop, std::function<void(int fd)> on_connection)
    : loop_(loop), on_connection_(std::move(on_connection)), rest_([this](Time) {
        if (!loop_.watch_listener(fd_, *this).ok()) rest(ENOMEM);
      }) {}

TcpListener::~TcpListener() {
  if (fd_ < 0) return;
  loop_.unwatch(fd_, *this);
  close(fd_);
}

namespace {

Error cant_listen(const Address& address) {
  Error error = system_error("can't listen", address.to_text(), errno);
  if (errno == EADDRINUSE) error.hint = "stop what listens there (ss -ltnp), or take another port";
  return error;
}

int listening_socket(const Address& address) {
  const int fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return fd;
}

Result<Address> address_of(int fd) {
  Address address;
  address.size = sizeof address.storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0)
    return system_error("can't read a socket's address", {}, errno);
  return address;
}

}  // namespace

Result<void> TcpListener::listen(const Address& address, Port port) {
  fd_ = listening_socket(address);
  if (fd_ < 0) return system_error("can't open a socket", address.to_text(), errno);
  const int on = 1;
  if (port == Port::kShared) setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(fd_, address.raw(), address.size) != 0 || ::listen(fd_, 4096) != 0)
    return cant_listen(address);
  return loop_.watch_listener(fd_, *this);
}

Result<Address> TcpListener::look_for(const Address& address) {
  const int fd = listening_socket(address);
  if (fd < 0) return system_error("can't open a socket", address.to_text(), errno);
  Result<Address> found = bind(fd, address.raw(), address.size) == 0
                              ? address_of(fd)
                              : Result<Address>(cant_listen(address));
  close(fd);
  return found;
}

Result<Address> TcpListener::local_address() const {
  return address_of(fd_);
}

// The system binds a socket to addresses of its own only.
bool is_local(Address address) {
  if (address.family() == AF_UNIX) return true;
  if (address.family() == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port = 0;
  else
    reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port = 0;
  return TcpListener::look_for(address).ok();
}

void TcpListener::on_io(std::uint32_t) {
  // A bound a turn, so that a flood of connections doesn't hold the loop.
  for (int i = 0; i < 64; ++i) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (is_out_of_sockets(errno) && errno != EAGAIN) rest(errno);
      return;
    }
    pauses_.begin_anew();
    on_connection_(fd);
  }
}

// Who waits is told of again and again, by a listener that can't take him.
void TcpListener::rest(int error_number) {
  const Time now = loop_.clock().now();
  // Not by <system_error>: without descriptors the sanitizers can't look at its classes.
  const char* const known = strerrordesc_np(error_number);
  const std::string why = known ? known : std::to_string(error_number);
  if (const auto left_out = told_.may(now, why))
    log(LogLevel::kWarning, "connections can't be taken; they wait",
        {{"why", why}, {"more", std::to_string(*left_out)}});
  loop_.unwatch(fd_, *this);
  loop_.timers().set(rest_, now + pauses_.next());
}

std::size_t raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  rlimit raised{limit.rlim_max, limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace galileo::net
