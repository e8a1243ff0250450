// What the tests of this room share: a real Redis server on a scratch folder, started by the test
// and gone with it, and waiting for what another thread does.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/test_fixture.h"
#include "bus/bus.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/waiting_fixture.h"

namespace galileo::bus {

using net::eventually;

// Starts a program without a shell; what it says goes to `log`. It ends with the test, whatever
// happens.
inline pid_t start_program(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

// Runs it to its end; whether it went well.
inline bool run_program(const std::vector<std::string>& words, const std::string& log) {
  int status = 0;
  const pid_t pid = start_program(words, log);
  return waitpid(pid, &status, 0) == pid && status == 0;
}

// A loopback port that was free a moment ago.
inline std::uint16_t free_port() {
  net::Loop loop;
  net::TcpListener listener(loop, [](int fd) { close(fd); });
  must(listener.listen(must(net::literal_address("127.0.0.1", 0))));
  return must(listener.local_address()).port();
}

// A server on a Unix socket, and on a port where the arguments say so.
class TestRedis {
 public:
  explicit TestRedis(std::vector<std::string> arguments = {}) : arguments_(std::move(arguments)) {
    start();
  }
  ~TestRedis() { stop(SIGKILL); }
  TestRedis(const TestRedis&) = delete;
  TestRedis& operator=(const TestRedis&) = delete;

  static bool installed() {
    static const bool there = [] {
      const TestFolder folder;
      return run_program({"redis-server", "--version"}, folder.file("log"));
    }();
    if (!there) MESSAGE("skipped: redis-server isn't installed (scripts/setup.sh test)");
    return there;
  }

  std::string socket() const { return folder_.file("redis.sock"); }
  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string url() const { return "unix://" + socket(); }
  pid_t pid() const { return pid_; }

  // Again, after stop(), in the same place.
  void start() {
    std::vector<std::string> words = {
        "redis-server", "--port", "0",     "--unixsocket", socket(),     "--save", "",
        "--appendonly", "no",     "--dir", folder_.path(), "--loglevel", "warning"};
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    pid_ = start_program(words, folder_.file("redis.log"));
    if (!eventually([&] { return ended() || takes_connections(); }) || ended()) {
      std::ifstream log(folder_.file("redis.log"));
      FAIL("redis-server doesn't start: " << std::string(std::istreambuf_iterator<char>(log), {}));
    }
  }

  void stop(int signal_number = SIGTERM) {
    if (pid_ <= 0) return;
    kill(pid_, signal_number);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  bool ended() {
    if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ < 0;
  }

  bool takes_connections() const {
    const net::Address address = must(net::unix_address(socket()));
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool taken = connect(fd, address.raw(), address.size) == 0;
    close(fd);
    return taken;
  }

  const TestFolder folder_;
  const std::vector<std::string> arguments_;
  pid_t pid_ = -1;
};

// Both drivers. For redis a real server is started once and emptied before each case.
enum class Driver { kInProcess, kRedis };
constexpr Driver kDrivers[] = {Driver::kInProcess, Driver::kRedis};
inline const char* name_of(Driver driver) {
  return driver == Driver::kRedis ? "redis" : "in process";
}

struct Place {
  explicit Place(Driver driver) {
    if (driver == Driver::kInProcess) {
      BusOptions options;
      options.url = "in-process:";
      first = must(connect(options));
      return;
    }
    if (!TestRedis::installed()) return;
    static TestRedis server;
    BusOptions options;
    options.url = server.url();
    first = must(connect(options));
    second = must(connect(options));
    std::vector<Change> all;
    for (const auto& key : must(first->keys("*"))) all.push_back(remove_key(key));
    must(first->change(all));
  }
  std::unique_ptr<Bus> first;
  std::unique_ptr<Bus> second;
};

// Messages, from the bus's desk to the test.
class Heard {
 public:
  OnMessage handler() {
    return [this](std::string_view channel, std::string_view message) {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::string(channel) + "=" + std::string(message));
    };
  }
  std::vector<std::string> take(std::size_t count) {
    eventually([&] {
      const std::lock_guard lock(mutex_);
      return messages_.size() >= count;
    });
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> messages_;
};

}  // namespace galileo::bus

// Runs what follows with each driver: `bus`, and `other`, which is a second connection, of another
// process as far as the server knows; in one process both names are of one bus.
#define FOR_EACH_DRIVER()                          \
  for (const Driver driver : kDrivers)             \
    if (Place place(driver); place.first)          \
      if (INFO("driver: ", name_of(driver)); true) \
        if (Bus& bus = *place.first; true)         \
          if ([[maybe_unused]] Bus& other = place.second ? *place.second : bus; true)
