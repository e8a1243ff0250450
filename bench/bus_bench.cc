// What a message costs on the bus, for docs/performance.md: `bench_bus [MESSAGES [BYTES [BATCH]]]`
// starts a redis-server of its own on a loopback port, publishes that many messages (a million of
// 250 bytes where no number is given, as traces are) in batches of BATCH (1000), first with nobody
// listening and then with one subscription, and prints one JSON object. CPU is user and system
// time: of this process less the subscription's desk ("publish"), of that desk ("subscribe"), and
// of redis-server.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "base/check.h"
#include "bus/bus.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/tcp.h"

using namespace galileo;

namespace {

template <class T>
T must(Result<T>&& result) {
  if (!result.ok()) {
    fmt::print(stderr, "bench_bus: {}\n", result.error().to_text());
    std::exit(1);
  }
  return galileo::internal::take(std::move(result));
}

// A server on a free port with a scratch folder; both are gone in the end.
class Server {
 public:
  Server() {
    std::string name = std::filesystem::temp_directory_path() / "galileo-bench-XXXXXX";
    ENSURE(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    port_ = free_port();
    const std::string port = std::to_string(port_);
    pid_ = fork();
    ENSURE(pid_ >= 0);
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", port.c_str(), "--bind", "127.0.0.1", "--save",
           "", "--dir", folder_.c_str(), "--logfile", (folder_ + "/log").c_str(), nullptr);
    fmt::print(stderr, "bench_bus: redis-server isn't installed (scripts/setup.sh test)\n");
    _exit(127);
  }
  ~Server() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<bus::Bus> open() const {
    bus::BusOptions options;
    options.url = fmt::format("redis://127.0.0.1:{}", port_);
    for (int i = 0; i < 200; ++i) {
      if (auto opened = bus::connect(options); opened.ok()) return std::move(*opened);
      net::pause_thread(std::chrono::milliseconds{10});
    }
    return must(bus::connect(options));
  }

  double cpu_s() const {
    std::ifstream file(fmt::format("/proc/{}/stat", pid_));
    std::string word;
    double ticks = 0;
    for (int i = 1; i <= 15 && file >> word; ++i) {
      if (i >= 14) ticks += std::stod(word);  // utime, stime
    }
    return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  }

 private:
  static std::uint16_t free_port() {
    net::Loop loop;
    net::TcpListener listener(loop, [](int fd) { close(fd); });
    must(listener.listen(must(net::literal_address("127.0.0.1", 0))));
    return must(listener.local_address()).port();
  }

  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

struct Use {
  double wall_s = 0;
  double process_s = 0;
  double server_s = 0;
};

Use use_now(const Server& server) {
  return {to_seconds(net::RealClock().now().time_since_epoch()),
          to_seconds(net::RealClock::process_cpu()), server.cpu_s()};
}

void publish(bus::Bus& bus, std::size_t messages, std::size_t batch, const std::string& message) {
  for (std::size_t sent = 0; sent < messages;) {
    const std::vector<std::string_view> views(std::min(batch, messages - sent), message);
    must(bus.publish_all("galileo/results/traces", views));
    sent += views.size();
  }
}

std::string figures(const char* name, const Use& from, const Use& to, double desk_s,
                    double messages) {
  const double publish_s = to.process_s - from.process_s - desk_s;
  return fmt::format(
      "\"{}\": {{\"messages_per_s\": {:.0f}, \"publish_ns\": {:.0f}, \"redis_ns\": {:.0f}, "
      "\"subscribe_ns\": {:.0f}, \"subscribe_per_core_s\": {:.0f}}}",
      name, messages / (to.wall_s - from.wall_s), publish_s / messages * 1e9,
      (to.server_s - from.server_s) / messages * 1e9, desk_s / messages * 1e9,
      desk_s > 0 ? messages / desk_s : 0.0);
}

int run(std::size_t messages, std::size_t bytes, std::size_t batch) {
  const Server server;
  const auto publisher = server.open();
  const std::string message(bytes, 'x');
  const auto count = static_cast<double>(messages);
  const Use start = use_now(server);
  publish(*publisher, messages, batch, message);
  const Use unheard = use_now(server);

  const auto listener = server.open();
  std::size_t heard = 0;
  std::size_t heard_bytes = 0;
  Duration first{};
  std::promise<Duration> desk;
  const auto subscription = must(listener->subscribe(
      {"galileo/results/traces"}, {}, [&](std::string_view, std::string_view text) {
        heard_bytes += text.size();
        if (heard++ == 0) first = net::RealClock::thread_cpu();
        if (heard == messages) desk.set_value(net::RealClock::thread_cpu() - first);
      }));
  const Use before = use_now(server);
  publish(*publisher, messages, batch, message);
  const double desk_s = to_seconds(desk.get_future().get());
  const Use after = use_now(server);
  ENSURE(heard_bytes == messages * bytes, heard_bytes);
  fmt::print("{{\"messages\": {}, \"bytes\": {}, \"batch\": {}, {}, {}}}\n", messages, bytes, batch,
             figures("unheard", start, unheard, 0, count),
             figures("heard", before, after, desk_s, count));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int i, std::size_t otherwise) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  return run(number(1, 1'000'000), number(2, 250), number(3, 1000));
}
