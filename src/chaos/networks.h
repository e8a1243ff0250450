// The networks of a node (the kernel's namespaces): found by an address of theirs, entered by one
// thread for a while. To open another's takes CAP_SYS_PTRACE, to enter it CAP_SYS_ADMIN; both are
// asked for by deployment/kustomize/chaos/chaos.yaml, and nothing else is done with them. For a
// desk.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace galileo::chaos {

// Kept open, so that it stays the same network whatever becomes of its processes.
class Network {
 public:
  Network() = default;
  Network(int fd, std::string device) : fd_(fd), device_(std::move(device)) {}
  ~Network();
  Network(Network&& other) noexcept;
  Network& operator=(Network&& other) noexcept;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  int fd() const { return fd_; }
  // Which one it is on this machine since it was started; 0: unknown.
  ino_t identity() const;
  // The device that has the address by which it was found; empty: none was asked for.
  const std::string& device() const { return device_; }

 private:
  int fd_ = -1;
  std::string device_;
};

// The one of the calling thread.
Result<Network> own_network();
// The one with that address, of all processes below `proc`. Errors: none has it (kNotFound), with
// how many couldn't be looked into.
Result<Network> find_network(const std::string& proc, const std::string& address);

// The calling thread is in the network until this ends; programs that it starts are there too.
class Inside {
 public:
  // In the given one.
  static Result<Inside> enter(const Network& network);
  // In a new one, which has nothing but a loopback device and goes with this.
  static Result<Inside> enter_new();
  ~Inside();
  Inside(Inside&& other) noexcept;
  Inside& operator=(Inside&&) = delete;
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  explicit Inside(Network before) : before_(std::move(before)) {}
  Network before_;
};

}  // namespace galileo::chaos
