// Calls of functions that other processes serve, over a Bus (docs/wire/bus.md, Calls). A request is
// published on the function's channel; each server pushes its answer on a list that only this call
// knows, where the caller waits for it. Values are texts of JSON.
//
// An answer that is an exception is an Error to the caller: its kind by the exception's type, its
// `why` `ValueError: ["no such worker"]`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "bus/bus.h"
#include "net/loop.h"
#include "wire/worker_api.h"

namespace galileo::bus {

// Any thread but the bus's desk; blocks up to `timeout`. `arguments` is a JSON array. Gives the
// result of the first answer. An Error of kNotFound where nobody serves the function, kUnavailable
// where no answer came in time. `look` is asked now and then while none is there, for calls that
// take long; its Error ends the wait.
Result<std::string> call(Bus& bus, std::string_view remote, std::string_view arguments,
                         Duration timeout, const std::function<Result<void>()>& look = {});

// Asks everyone who serves it: as many answers as it had receivers, those that came first,
// then an Error for each that didn't. `timeout` is how long to wait for the next answer: it begins
// anew with each. An Error as a whole where nobody serves the function, or the bus fails.
Result<std::vector<Result<std::string>>> call_all(Bus& bus, std::string_view remote,
                                                  std::string_view arguments, Duration timeout);

// What a handler gives back: a JSON text and the name that Python has for its type ("str", "list",
// "NoneType", "galileo.worker.api.ClientInfo").
struct RpcResult {
  std::string json;
  std::string type;
};

// Runs on the server's desk, one at a time; may take its time and call the bus. Its Error goes to
// the caller as an exception: kUsage as ValueError, kNotFound as KeyError, and so on.
using RpcHandler = std::function<Result<RpcResult>(const wire::RpcRequest&)>;

// A function that is served; ends with its destructor, which waits for a handler under way. A
// handler may end other functions of its server, never its own. The server outlives it.
class RpcRemote {
 public:
  virtual ~RpcRemote() = default;
};

class RpcServer {
 public:
  struct Options {
    // Requests that wait for the desk; more are dropped, and their callers time out.
    std::size_t waiting_max = 1000;
    // A request that has waited for so long isn't carried out: its caller has given up.
    Duration late_after = std::chrono::seconds{10};
    // How long an answer waits for its caller.
    Duration answer_expiry = std::chrono::seconds{300};
  };
  // What became of the requests. Readable on any thread.
  struct Counts {
    RelaxedCounter received;
    RelaxedCounter refused;     // too many were waiting
    RelaxedCounter late;        // waited too long
    RelaxedCounter malformed;   // can't be read; answered with that where it says to whom
    RelaxedCounter answered;    // with a result or an exception
    RelaxedCounter unanswered;  // the bus took no answer
  };

  // The bus outlives the server.
  RpcServer(Bus& bus, const Options& options);
  explicit RpcServer(Bus& bus) : RpcServer(bus, Options()) {}
  ~RpcServer();

  // Serves a function from when this returns. Each remote counts as a receiver of its own, also the
  // second one of the same name.
  Result<std::unique_ptr<RpcRemote>> serve(const std::string& remote, RpcHandler handler);

  const Counts& counts() const { return counts_; }

 private:
  class Remote;
  void request(std::uint64_t remote, std::string_view message);
  void carry_out(std::uint64_t remote, const std::string& message, Time came);
  void at_desk(std::function<void()> task);
  void answer(const wire::RpcRequest& request, const Result<RpcResult>& result);

  Bus& bus_;
  const Options options_;
  Counts counts_;
  RelaxedCounter taken_;                      // by the desk, of those received and not refused
  std::map<std::uint64_t, Remote*> remotes_;  // at the desk, as the next
  std::uint64_t last_remote_ = 0;
  net::LoopThread desk_;
};

}  // namespace galileo::bus
