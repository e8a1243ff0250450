// What a server says over HTTP/2, of any bytes in pieces of any size: no crash, each exchange ends
// once at most, and all end with their time-outs.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "net/http_pool.h"
#include "net/pipe.h"

using namespace galileo;
using namespace galileo::net;

namespace {

struct Exchange final : HttpExchange {
  void on_done() override { ++ended; }
  int ended = 0;
  wire::http1::Capture kept;
};

}  // namespace

// The first byte is the size of the pieces; the server's SETTINGS go before the rest, so that most
// inputs get beyond them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  std::string said("\0\0\0\4\0\0\0\0\0", 9);
  said.append(reinterpret_cast<const char*>(data + 1), size - 1);
  ManualClock clock;
  Timers timers;
  PipeConnector connector;
  HttpPool::Options options;
  options.bounds.answer = {.head_max = 512, .body_max = 4096};
  HttpPool pool(clock, timers, connector, options);
  HttpWay way;
  way.speaks = HttpWay::Speaks::kHttp2;
  way.connections = 1;
  HttpTarget& target = pool.target("h:80", way);
  pool.set_addresses(target, {*literal_address("127.0.0.1", 80)});
  std::vector<std::unique_ptr<Exchange>> exchanges;
  for (int i = 0; i < 3; ++i) {
    exchanges.push_back(std::make_unique<Exchange>());
    Exchange& one = *exchanges.back();
    one.bytes = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
    one.timeout = std::chrono::seconds{5 + i};
    one.repeatable = i == 1;
    one.want_redirect = true;
    one.kept.want_headers = true;
    one.kept.want_body = 64;
    one.capture = &one.kept;
    pool.send(one, target);
  }
  PipeEnd& server = connector.at(0);
  server.connected();
  for (std::size_t at = 0; at < said.size() && server.open(); at += piece) {
    clock.advance(std::chrono::milliseconds{1});
    server.send(std::string_view(said).substr(at, piece));
  }
  for (int i = 0; i < 30; ++i) {
    clock.advance(std::chrono::seconds{1});
    timers.run_due(clock.now());
  }
  for (const auto& one : exchanges) {
    ENSURE(one->ended == 1);
    ENSURE(one->kept.body.size() <= 64);
    ENSURE(one->failure != wire::Failure::none || one->status >= 200);
  }
  ENSURE(pool.waiting() == 0);
  return 0;
}
