// A gateway: event loops that share a port, each with its own Proxy, and the weights that all of
// them go by. Lives on the control thread; control's loop runs while it is there.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/proxy.h"
#include "gateway/weights.h"
#include "net/addresses.h"
#include "net/loop.h"
#include "net/tls.h"

namespace galileo::gateway {

class Gateway {
 public:
  struct Options {
    ProxyOptions proxy;
    unsigned threads = 1;
    net::TlsServerOptions tls;  // without a certificate: plain HTTP
  };

  // `control` outlives it.
  Gateway(net::Loop& control, const Options& options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // Errors: a port that is taken, a certificate that can't be used.
  Result<void> listen(const net::Address& address);
  // Takes the certificate as its files are now, for new connections. An Error leaves the last one.
  Result<void> reload_certificate();
  // Where it listens, for a port that the system chose.
  Result<net::Address> local_address() const;

  // These functions and no others, or one of them; in effect on all loops when this returns.
  Result<void> set_all(const std::map<std::string, Targets>& functions);
  Result<void> set(const std::string& function, const Targets& targets);
  void remove(const std::string& function);
  const std::map<std::string, Targets>& functions() const { return functions_; }

  // Why requests can't be served although there are weights; empty: they can. A name that doesn't
  // resolve says so in trouble(), and here while nobody else is there.
  std::string unready() const;
  std::string trouble() const;

  // Takes no more connections, and ends those that there are, each after its answer. True once
  // there are none; asked again until then.
  bool drain();
  ProxyCounts counts();
  std::size_t clients();

 private:
  struct LoopWorker {
    std::unique_ptr<net::LoopThread> thread;
    std::unique_ptr<net::TlsAcceptor> acceptor;
    std::unique_ptr<Proxy> proxy;
    std::unique_ptr<net::TcpListener> listener;
  };
  void on_loops(const std::function<void(LoopWorker& worker)>& task);
  void want_addresses();
  FunctionSetup setup_of(const std::string& function, const Targets& targets);

  const Options options_;
  SharedCount clients_;  // of all loops
  // Kept until the end, as a request of some loop may still count there.
  std::map<std::string, FunctionShare> function_shares_;
  std::map<std::string, TargetShare> target_shares_;
  // Places of the weights in effect; loops read those before while they take new ones.
  std::map<std::string, std::unique_ptr<FunctionPlaces>> places_;
  std::vector<LoopWorker> workers_;
  std::map<std::string, Targets> functions_;
  net::Addresses addresses_;
};

// Prometheus' text.
std::string metrics_text(const ProxyCounts& counts, std::size_t clients, std::size_t functions);

}  // namespace galileo::gateway
