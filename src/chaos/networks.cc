#include "chaos/networks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace galileo::chaos {
namespace {

constexpr const char* kOwn = "/proc/thread-self/ns/net";

std::string text_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address && address->sa_family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
  if (address && address->sa_family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
              sizeof text);
  return text;
}

// As inet_ntop() writes it; empty: it is no address.
std::string canonical(const std::string& address) {
  unsigned char bytes[sizeof(in6_addr)];
  char text[INET6_ADDRSTRLEN] = "";
  const int family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(family, address.c_str(), bytes) != 1) return {};
  inet_ntop(family, bytes, text, sizeof text);
  return text;
}

// Of the network that the calling thread is in.
std::string device_with(const std::string& address) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return {};
  std::string device;
  for (const ifaddrs* one = all; one && device.empty(); one = one->ifa_next) {
    if (text_of(one->ifa_addr) == address) device = one->ifa_name;
  }
  freeifaddrs(all);
  return device;
}

bool is_number(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Network::~Network() {
  if (fd_ >= 0) ::close(fd_);
}

Network::Network(Network&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), device_(std::move(other.device_)) {}

Network& Network::operator=(Network&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(device_, other.device_);
  return *this;
}

ino_t Network::identity() const {
  struct stat told{};
  return fd_ >= 0 && fstat(fd_, &told) == 0 ? told.st_ino : 0;
}

Result<Network> own_network() {
  const int fd = open(kOwn, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error("can't open this thread's network", kOwn, errno);
  return Network(fd, {});
}

Result<Network> find_network(const std::string& proc, const std::string& address) {
  const std::string wanted = canonical(address);
  if (wanted.empty())
    return Error{ErrorCode::kUsage, "no network is found", {}, "its address isn't one", {}};
  std::set<std::pair<dev_t, ino_t>> seen;
  std::size_t closed = 0;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(proc, failed)) {
    if (!is_number(entry.path().filename().string())) continue;
    const int fd = open((entry.path() / "ns/net").c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      if (errno == EACCES || errno == EPERM) ++closed;  // else it has ended
      continue;
    }
    Network network(fd, {});
    struct stat told{};
    if (fstat(fd, &told) != 0 || !seen.emplace(told.st_dev, told.st_ino).second) continue;
    std::string device;
    {
      const Inside inside = TRY(Inside::enter(network));
      device = device_with(wanted);
    }
    if (!device.empty()) return Network(dup(network.fd()), device);
  }
  return Error{
      ErrorCode::kNotFound,
      fmt::format("no network of this node has the address {}", wanted),
      {},
      closed > 0 ? fmt::format("{} processes couldn't be looked into", closed) : std::string(),
      closed > 0 ? "the agent needs CAP_SYS_PTRACE and its node's numbers of processes (hostPID)"
                 : ""};
}

Result<Inside> Inside::enter(const Network& network) {
  Network before = TRY(own_network());
  if (setns(network.fd(), CLONE_NEWNET) != 0) {
    Error error = system_error("can't enter a network", {}, errno);
    error.hint = "the agent needs CAP_SYS_ADMIN";
    return error;
  }
  return Inside(std::move(before));
}

Result<Inside> Inside::enter_new() {
  Network before = TRY(own_network());
  if (unshare(CLONE_NEWNET) != 0) {
    Error error = system_error("can't make a network to try a fault in", {}, errno);
    error.hint = "the agent needs CAP_SYS_ADMIN";
    return error;
  }
  Inside inside(std::move(before));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  // Packets of the size that they have elsewhere.
  request.ifr_mtu = 1500;
  bool is_up =
      fd >= 0 && ioctl(fd, SIOCSIFMTU, &request) == 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  is_up = is_up && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!is_up) return system_error("can't begin a network to try a fault in", "lo", error);
  return inside;
}

Inside::Inside(Inside&& other) noexcept : before_(std::move(other.before_)) {}

// A thread that stayed where it doesn't belong would do its next work there.
Inside::~Inside() {
  if (before_.fd() >= 0) ENSURE(setns(before_.fd(), CLONE_NEWNET) == 0, errno);
}

}  // namespace galileo::chaos
