// Publishes traces on a Redis server as workers do, for the recorder's figures in
// docs/performance.md: `publish_traces PORT lines|batches TRACES RATE` makes all messages first,
// sends them at RATE traces a second (0: as fast as the server takes them), waits for the server's
// answers and prints one JSON object. A batch holds 500 traces; 20 clients.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "wire/trace_batch.h"
#include "wire/trace_line.h"

using namespace galileo;

namespace {

constexpr std::uint64_t kClients = 20;
constexpr std::uint64_t kBatch = 500;
// Answers that may be missing before the next message goes out.
constexpr std::uint64_t kUnansweredMax = 20'000;

struct Message {
  std::string command;
  std::uint64_t traces = 0;
};

std::string publish(std::string_view channel, std::string_view message) {
  return fmt::format("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{}\r\n${}\r\n{}\r\n", channel.size(), channel,
                     message.size(), message);
}

// The trace `i` of all, as a request of 0.4 ms that one of the clients sent.
struct Traces {
  Traces() {
    service = names.add("hello");
    server = names.add("127.0.0.1:8080");
    for (std::uint64_t client = 0; client < kClients; ++client) {
      clients.push_back(names.add(fmt::format("worker-1:hello:{}", client)));
      prefixes.push_back(names.add(fmt::format("{:010x}", client * 7'919'777)));
    }
  }
  wire::Trace at(std::uint64_t i) const {
    wire::Trace trace;
    trace.client = clients[i % kClients];
    trace.id_prefix = prefixes[i % kClients];
    trace.service = service;
    trace.server = server;
    trace.number = 1 + i / kClients;
    trace.status = 200;
    trace.created = Wall{std::chrono::seconds{1'795'500'000}} +
                    std::chrono::microseconds{static_cast<std::int64_t>(i) * 10};
    trace.dispatched = trace.created + std::chrono::microseconds{4};
    trace.sent = trace.created + std::chrono::microseconds{9};
    trace.first_byte = trace.created + std::chrono::microseconds{400};
    trace.done = trace.created + std::chrono::microseconds{402};
    trace.request_bytes = 85;
    trace.response_bytes = 230;
    return trace;
  }
  wire::Names names;
  wire::NameId service = 0;
  wire::NameId server = 0;
  std::vector<wire::NameId> clients;
  std::vector<wire::NameId> prefixes;
};

std::vector<Message> make_lines(std::uint64_t count) {
  const Traces traces;
  std::vector<Message> messages;
  std::string line;
  for (std::uint64_t i = 0; i < count; ++i) {
    line.clear();
    wire::append_trace_line(line, {wire::resolve(traces.at(i), traces.names), "", false});
    messages.push_back({publish("galileo/results/traces", line), 1});
  }
  return messages;
}

std::vector<Message> make_batches(std::uint64_t count) {
  const Traces traces;
  std::vector<Message> messages;
  wire::TraceBatchWriter writer;
  for (std::uint64_t i = 0; i < count; ++i) {
    writer.add(traces.at(i), traces.names);
    if (writer.traces() < kBatch && i + 1 < count) continue;
    const std::uint64_t size = writer.traces();
    const wire::TraceBatchHead head{"worker-1", "bench", messages.size() + 1, false};
    messages.push_back({publish("galileo/results/batches", writer.take(head)), size});
  }
  return messages;
}

class Server {
 public:
  explicit Server(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ENSURE(connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0, port);
    const int yes = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  ~Server() { close(fd_); }

  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ENSURE(sent > 0, sent);
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Reads answers, each ":<receivers>\r\n", until no more than that many are missing.
  void read_answers(std::uint64_t sent, std::uint64_t missing_max) {
    char bytes[1 << 16];
    while (true) {
      if (answers == sent) return;
      const bool wait = sent - answers > missing_max;
      const ssize_t size = recv(fd_, bytes, sizeof bytes, wait ? 0 : MSG_DONTWAIT);
      if (size < 0 && !wait) return;
      ENSURE(size > 0, size);
      for (const char* at = bytes; at != bytes + size; ++at) {
        if (*at == '\n') ++answers;
        if (*at >= '0' && *at <= '9') receivers += static_cast<std::uint64_t>(*at - '0');
        ENSURE(*at != '-', answers);
      }
    }
  }
  std::uint64_t answers = 0;
  std::uint64_t receivers = 0;

 private:
  const int fd_;
};

int run(int port, const std::vector<Message>& messages, double rate) {
  using SteadyClock = std::chrono::steady_clock;
  Server server(port);
  const auto began = SteadyClock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(SteadyClock::now() - began).count();
  };
  std::uint64_t traces = 0;
  std::string chunk;
  for (std::size_t next = 0; next < messages.size();) {
    // What is due by now, a chunk at a time.
    const double due = rate > 0 ? elapsed() * rate : 1e18;
    chunk.clear();
    while (next < messages.size() && static_cast<double>(traces) < due && chunk.size() < 60'000) {
      chunk += messages[next].command;
      traces += messages[next++].traces;
    }
    server.send_all(chunk);
    server.read_answers(next, kUnansweredMax);
    if (static_cast<double>(traces) >= due)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  server.read_answers(messages.size(), 0);
  const double wall = elapsed();
  fmt::print("{{\"traces\": {}, \"messages\": {}, \"receivers\": {}, \"wall_s\": {:.3f}}}\n",
             traces, messages.size(), server.receivers, wall);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: publish_traces PORT lines|batches TRACES RATE\n");
    return 2;
  }
  const bool lines = std::string_view(argv[2]) == "lines";
  const std::uint64_t count = std::strtoull(argv[3], nullptr, 10);
  return run(std::atoi(argv[1]), lines ? make_lines(count) : make_batches(count),
             std::strtod(argv[4], nullptr));
}
