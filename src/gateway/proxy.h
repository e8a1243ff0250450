// The way of a request through the gateway, on one event loop: clients' connections, connections to
// targets, and the choice between targets. Bodies stream both ways; who reads slower than the other
// writes is waited for, so that no more than a buffer of a body is in memory. Lives on its loop;
// nothing is shared with other loops.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "gateway/heads.h"
#include "gateway/targets.h"
#include "gateway/weights.h"
#include "net/deadlines.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "route/policy.h"
#include "wire/http1.h"

namespace galileo::gateway {

// What ring_hash keeps together.
enum class HashBy : std::uint8_t { kClient, kPath, kHeader };

struct ProxyOptions {
  std::string node;  // in X-Forwarded-For and the stamp's name
  std::string zone;
  std::string policy = "wrr";  // of functions that don't say theirs
  HashBy hash_by = HashBy::kClient;
  std::string hash_header;  // of kHeader; the client's address stands for one that isn't there
  std::set<std::string> gateways;  // targets ("host:port") that are gateways themselves
  bool dummy = false;              // answers every request itself with what it saw
  wire::http1::Limits limits;      // of heads and bodies; made strict
  Duration head_timeout = std::chrono::seconds{60};    // until a request's head is there
  Duration idle_timeout = std::chrono::seconds{75};    // between requests, and between two reads
  Duration connect_timeout = std::chrono::seconds{5};  // to a target
  Duration answer_timeout = std::chrono::seconds{60};  // until an answer's head, and between reads
  Duration linger_timeout = std::chrono::seconds{2};   // for a client that has closed or is refused
  std::size_t idle_per_target = 256;  // connections to it that are kept without a request
  // All of these are off at 0.
  unsigned retries = 0;      // at other targets, of what may be sent again
  unsigned eject_after = 0;  // failures one after the other: the target rests
  Duration eject_for = std::chrono::seconds{10};
  std::uint64_t connections_max = 0;  // clients', of all loops
  std::uint64_t under_way_max = 0;    // requests at a target, of all loops
  double rate_max = 0;                // requests a second for a function, of all loops
  std::uint32_t rate_burst = 1;       // so many at once after a rest
  std::uint64_t seed = 0;             // of policies that draw
};

// What has happened on this loop since its start.
struct ProxyCounts {
  std::uint64_t connections = 0;  // clients', accepted
  std::uint64_t requests = 0;     // whose head was read
  std::uint64_t forwarded = 0;    // answered by a target
  std::uint64_t refused = 0;      // that can't be: 4xx of our own
  std::uint64_t unknown = 0;      // functions and paths: 404
  std::uint64_t failed = 0;      // targets that can't be reached or answer nonsense: 5xx of our own
  std::uint64_t cut = 0;         // connections that ended in the middle of an exchange
  std::uint64_t retried = 0;     // sent again as an idle connection turned out closed
  std::uint64_t moved = 0;       // sent to another target as the first one failed
  std::uint64_t limited = 0;     // connections and requests beyond a limit: 429 and 503
  std::uint64_t ejected = 0;     // targets, each time that one was
  std::uint64_t tls_failed = 0;  // connections of clients whose TLS went wrong
  std::uint64_t upgraded = 0;    // to another protocol
};

class ClientConnection;
class Upstream;

// What the gateway says of a function.
struct FunctionSetup {
  Targets targets;
  // Null where there is no such limit; one a target.
  FunctionShare* share = nullptr;
  std::vector<TargetShare*> target_shares;
  FunctionPlaces* places = nullptr;  // null: each loop has its own
};

class Proxy {
 public:
  // `clients` counts those of all loops; it outlives this.
  Proxy(net::Loop& loop, const ProxyOptions& options, SharedCount& clients);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Clients speak TLS from now on; null: they don't. It is this loop's, and outlives this.
  void set_acceptor(net::TlsAcceptor* acceptor) { acceptor_ = acceptor; }

  // Takes over an accepted socket; `address` of the client, as "127.0.0.1".
  void adopt(int fd, std::string address);

  // The function's targets from now on; requests under way aren't touched. Weights that are all 0
  // count as equal ones. Errors: no policy of that name.
  Result<void> set_function(const std::string& name, const FunctionSetup& setup);
  void remove_function(const std::string& name);
  // Where a target of some function is ("host:port"); until this is told, and with none, it can't
  // be reached.
  void set_addresses(const std::string& target, std::vector<net::Address> addresses);

  // No more requests on the connections that there are: those that are idle are closed at once, the
  // others after their answer.
  void drain();
  std::size_t clients() const { return clients_.size(); }
  std::size_t upstreams() const { return upstreams_.size(); }
  const ProxyCounts& counts() const { return counts_; }

 private:
  friend class ClientConnection;
  friend class Upstream;

  static constexpr std::size_t kBufferSize = std::size_t{64} << 10;

  // Which function a request is for; null: none, and `why` says it.
  struct Route {
    Function* function = nullptr;
    std::string_view path;  // as an application gets it, with the query
    std::string why;
  };
  Route route(std::string_view request_target);
  // False: the function has had as many requests as it may.
  bool admits(Function& function);
  bool begin(Function& function, Function::Wish wish, Function::Exchange& exchange);
  // Nothing where there is no exchange.
  void end(Function::Exchange& exchange, route::Outcome::End how);
  void note(Target& target, bool failed);
  void eject(Target& target);
  Target& target(const std::string& name);
  void let_go(Target& target);
  // A connection that is idle, or a new one; null where none can be had, with `error` (an errno)
  // where that is the gateway's own want of sockets. `fresh`: not an idle one; `surely`: what is
  // sent can't be sent again, so an idle one is looked at first.
  Upstream* upstream_to(Target& target, bool fresh, bool surely, int& error);
  void put_back(Upstream& upstream);
  void forget(ClientConnection& client);
  void forget(Upstream& upstream);

  net::Loop& loop_;
  const ProxyOptions options_;
  const HopNames names_;
  SharedCount& all_clients_;
  net::TlsAcceptor* acceptor_ = nullptr;
  net::TcpConnector connector_;
  struct HashText {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::unique_ptr<Function>, HashText, std::equal_to<>> functions_;
  std::vector<std::unique_ptr<Function>> leaving_;  // removed, with requests under way
  std::unordered_map<std::string, std::unique_ptr<Target>> targets_;
  std::unordered_map<const ClientConnection*, std::unique_ptr<ClientConnection>> clients_;
  std::unordered_map<const Upstream*, std::unique_ptr<Upstream>> upstreams_;
  // A connection that closes may stand on the stack: it is destroyed on the next turn.
  std::vector<std::unique_ptr<ClientConnection>> closed_clients_;
  std::vector<std::unique_ptr<Upstream>> closed_upstreams_;
  net::Timer clean_up_;
  net::Deadlines head_deadlines_;
  net::Deadlines idle_deadlines_;
  net::Deadlines connect_deadlines_;
  net::Deadlines answer_deadlines_;
  net::Deadlines linger_deadlines_;
  Random random_;
  ProxyCounts counts_;
  bool draining_ = false;
  // What clients send, and what targets do: a target is read while a client's bytes are looked at.
  std::unique_ptr<char[]> buffer_;
  std::unique_ptr<char[]> target_buffer_;
};

}  // namespace galileo::gateway
