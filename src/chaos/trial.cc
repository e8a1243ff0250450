#include "chaos/trial.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "chaos/networks.h"
#include "chaos/programs.h"
#include "net/clock.h"

namespace galileo::chaos {
namespace {

constexpr Duration kTcWithin = std::chrono::seconds{5};
constexpr Duration kPingWithin = std::chrono::seconds{2};
constexpr Duration kFlood = std::chrono::milliseconds{400};
constexpr int kPings = 7;
constexpr std::size_t kLossPackets = 1000;
constexpr std::size_t kLossPacketsFewest = 20;
constexpr std::size_t kSmall = 100;
constexpr std::size_t kLarge = 1400;
constexpr double kHeaders = 28 + 14;  // of IP, UDP and the link, which disciplines count too

// Two ends on the loopback device: what one sends has to pass its discipline.
class Path {
 public:
  static Result<Path> open() {
    Path path;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    path.from_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    path.to_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int room = 8 << 20;
    socklen_t size = sizeof address;
    const bool is_open =
        path.from_ >= 0 && path.to_ >= 0 &&
        bind(path.to_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        getsockname(path.to_, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        connect(path.from_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    if (!is_open) return system_error("can't measure a fault", "lo", errno);
    // More than it says is never taken; the right to go beyond isn't needed.
    setsockopt(path.to_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(path.from_, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return path;
  }
  Path(Path&& other) noexcept
      : from_(std::exchange(other.from_, -1)), to_(std::exchange(other.to_, -1)) {}
  Path& operator=(Path&&) = delete;
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ~Path() {
    if (from_ >= 0) close(from_);
    if (to_ >= 0) close(to_);
  }

  bool send_one(std::size_t size) {
    return ::send(from_, packet_.data(), size, 0) == static_cast<ssize_t>(size);
  }
  // The bytes of the next one; 0: none within that time.
  std::size_t receive(Duration within) {
    const Time until = clock_.now() + within;
    while (true) {
      const ssize_t size = recv(to_, packet_.data(), packet_.size(), 0);
      if (size >= 0) return static_cast<std::size_t>(size);
      const Duration left = until - clock_.now();
      if (left.count() <= 0) return 0;
      pollfd wait{to_, POLLIN, 0};
      const timespec time{static_cast<time_t>(left.count() / 1'000'000'000),
                          static_cast<long>(left.count() % 1'000'000'000)};
      ppoll(&wait, 1, &time, nullptr);
    }
  }
  // Until nothing comes any more; how many came.
  std::size_t drain(Duration quiet) {
    std::size_t count = 0;
    while (receive(quiet) > 0) ++count;
    return count;
  }
  Time now() const { return clock_.now(); }

 private:
  Path() = default;
  int from_ = -1;
  int to_ = -1;
  net::RealClock clock_;
  std::array<char, 1500> packet_{};
};

// How long a packet takes, of those that arrive; the longest time to wait for one where none does.
Duration delay_of(Path& path) {
  std::vector<Duration> delays;
  for (int i = 0; i < kPings; ++i) {
    const Time sent = path.now();
    if (!path.send_one(kSmall) || path.receive(kPingWithin) == 0) continue;
    delays.push_back(path.now() - sent);
  }
  if (delays.empty()) return kPingWithin;
  std::sort(delays.begin(), delays.end());
  return delays[delays.size() / 2];
}

// As much as goes in; what comes out in the second half, when no bucket is full any more.
double rate_of(Path& path) {
  const Time began = path.now();
  const Time half = began + kFlood / 2;
  double bytes = 0;
  for (Time now = began; now < began + kFlood; now = path.now()) {
    path.send_one(kLarge);
    const std::size_t size = path.receive(Duration{0});
    if (size > 0 && now >= half) bytes += static_cast<double>(size) + kHeaders;
  }
  return bytes * 8 / to_seconds(kFlood / 2);
}

// Of so many as the rate lets through in some tenths of a second, so that no queue is full.
double loss_of(Path& path, double rate_bps, Duration quiet) {
  const double at_once = rate_bps * 0.3 / 8 / (static_cast<double>(kSmall) + kHeaders);
  const auto packets = static_cast<std::size_t>(std::clamp(
      at_once, static_cast<double>(kLossPacketsFewest), static_cast<double>(kLossPackets)));
  std::size_t sent = 0;
  std::size_t came = 0;
  for (std::size_t i = 0; i < packets; ++i) {
    sent += path.send_one(kSmall) ? 1 : 0;
    came += path.receive(Duration{0}) > 0 ? 1 : 0;
  }
  came += path.drain(quiet);
  return sent == 0 ? 1 : 1 - static_cast<double>(std::min(came, sent)) / static_cast<double>(sent);
}

}  // namespace

Result<std::string> run_tc(std::vector<std::string> words) {
  words.insert(words.begin(), "tc");
  return run_program(words, kTcWithin);
}

Result<Effect> try_tc(const std::vector<TcCommand>& before, const TcCommand& command) {
  const Inside inside = TRY(Inside::enter_new());
  for (const TcCommand& one : before) static_cast<void>(TRY(run_tc(on_device(one, "lo").words)));
  static_cast<void>(TRY(run_tc(on_device(command, "lo").words)));
  Path path = TRY(Path::open());
  const Duration delay = delay_of(path);
  const double rate_bps = rate_of(path);
  // Its queue may be full for minutes: a new one is empty.
  static_cast<void>(TRY(run_tc(on_device(command, "lo").undo)));
  static_cast<void>(TRY(run_tc(on_device(command, "lo").words)));
  Path fresh = TRY(Path::open());
  const double loss = loss_of(fresh, rate_bps, delay * 2 + std::chrono::milliseconds{100});
  return Effect{{"delay_ms", to_seconds(delay) * 1000}, {"loss", loss}, {"rate_bps", rate_bps}};
}

}  // namespace galileo::chaos
