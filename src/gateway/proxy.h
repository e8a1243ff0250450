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
#include "gateway/weights.h"
#include "net/deadlines.h"
#include "net/tcp.h"
#include "route/policy.h"
#include "wire/http1.h"

namespace galileo::gateway {

struct ProxyOptions {
  std::string node;  // in X-Forwarded-For and the stamp's name
  std::string zone;
  std::string policy = "wrr";
  std::set<std::string> gateways;  // targets ("host:port") that are gateways themselves
  bool dummy = false;              // answers every request itself with what it saw
  wire::http1::Limits limits;      // of heads and bodies; made strict
  Duration head_timeout = std::chrono::seconds{60};    // until a request's head is there
  Duration idle_timeout = std::chrono::seconds{75};    // between requests, and between two reads
  Duration connect_timeout = std::chrono::seconds{5};  // to a target
  Duration answer_timeout = std::chrono::seconds{60};  // until an answer's head, and between reads
  std::size_t idle_per_target = 256;  // connections to it that are kept without a request
  std::uint64_t seed = 0;             // of policies that draw
};

// What has happened on this loop since its start.
struct ProxyCounts {
  std::uint64_t connections = 0;  // clients', accepted
  std::uint64_t requests = 0;     // whose head was read
  std::uint64_t forwarded = 0;    // answered by a target
  std::uint64_t refused = 0;      // that can't be: 4xx of our own
  std::uint64_t unknown = 0;      // functions and paths: 404
  std::uint64_t failed = 0;    // targets that can't be reached or answer nonsense: 5xx of our own
  std::uint64_t cut = 0;       // connections that ended in the middle of an exchange
  std::uint64_t retried = 0;   // sent again as an idle connection turned out closed
  std::uint64_t upgraded = 0;  // to another protocol
};

class Client;
class Upstream;
class Target;
class Function;

class Proxy {
 public:
  Proxy(net::Loop& loop, const ProxyOptions& options);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  // Takes over an accepted socket; `address` of the client, as "127.0.0.1".
  void adopt(int fd, std::string address);

  // The function's targets from now on; requests under way aren't touched. Weights that are all 0
  // count as equal ones. Errors: no policy of that name.
  Result<void> set_function(const std::string& name, const Targets& targets);
  void remove_function(const std::string& name);
  // Where a target is ("host:port"); until this is told, and with none, it can't be reached.
  void set_addresses(const std::string& target, std::vector<net::Address> addresses);

  // No more requests on the connections that there are: those that are idle are closed at once, the
  // others after their answer.
  void drain();
  std::size_t clients() const { return clients_.size(); }
  std::size_t upstreams() const { return upstreams_.size(); }
  const ProxyCounts& counts() const { return counts_; }

 private:
  friend class Client;
  friend class Upstream;

  static constexpr std::size_t kBufferSize = std::size_t{64} << 10;

  // What is to be done with a request; a status of our own where there is no target.
  struct Choice {
    Target* target = nullptr;
    int status = 0;
    std::string text;
    std::string path;  // as the target gets it
  };
  Choice choose(std::string_view target, bool was_forwarded);
  Target& target(const std::string& name);
  // A connection that is idle, or a new one; null where none can be had. `fresh`: not an idle one.
  Upstream* upstream_to(Target& target, bool fresh);
  void put_back(Upstream& upstream);
  void forget(Client& client);
  void forget(Upstream& upstream);

  net::Loop& loop_;
  const ProxyOptions options_;
  const HopNames names_;
  net::TcpConnector connector_;
  std::unordered_map<std::string, std::unique_ptr<Function>> functions_;
  std::unordered_map<std::string, std::unique_ptr<Target>> targets_;
  std::unordered_map<const Client*, std::unique_ptr<Client>> clients_;
  std::unordered_map<const Upstream*, std::unique_ptr<Upstream>> upstreams_;
  // A connection that closes may stand on the stack: it is destroyed on the next turn.
  std::vector<std::unique_ptr<Client>> closed_clients_;
  std::vector<std::unique_ptr<Upstream>> closed_upstreams_;
  net::Timer clean_up_;
  net::Deadlines head_deadlines_;
  net::Deadlines idle_deadlines_;
  net::Deadlines connect_deadlines_;
  net::Deadlines answer_deadlines_;
  Random random_;
  ProxyCounts counts_;
  bool draining_ = false;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace galileo::gateway
