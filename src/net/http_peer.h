// One server that services ask over HTTP or HTTPS (etcd, InfluxDB): where its name leads, and the
// connections to it, in a pool of its own. What is asked of it is an HttpCall. Lives on its loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/addresses.h"
#include "net/http_pool.h"
#include "net/loop.h"
#include "net/tls.h"

namespace galileo::net {

class HttpCall;

class HttpPeer {
 public:
  struct Options {
    std::string host_port;  // "host:port"
    std::optional<TlsOptions> tls = {};
    std::size_t connections_max = 16;
    Duration connect_timeout = kNoTimeout;  // with the handshake of TLS
    // Where it is, for who knows already; the name isn't looked up then.
    std::optional<Address> address = {};
  };

  // `loop` and `connector`, which TLS goes over too, outlive it. An Error of kUsage where TLS's
  // files can't be used.
  static Result<std::unique_ptr<HttpPeer>> make(Loop& loop, Connector& connector,
                                                const Options& options);
  HttpPeer(const HttpPeer&) = delete;
  HttpPeer& operator=(const HttpPeer&) = delete;

  const std::string& host_port() const { return host_port_; }
  Loop& loop() { return loop_; }
  // Closes connections that nobody used for long: something on the way may have forgotten them.
  void close_idle() { pool_->close_idle(); }

 private:
  friend class HttpCall;
  HttpPeer(Loop& loop, const Options& options);

  // Sends it once it is known where the server is; where nobody knows, it ends.
  void send(HttpCall& call);
  void abandon(HttpCall& call);
  void time_out(HttpCall& call);
  void go_on();

  Loop& loop_;
  const std::string host_port_;
  std::unique_ptr<TlsConnector> tls_;
  std::unique_ptr<HttpPool> pool_;
  HttpTarget* target_ = nullptr;
  std::vector<HttpCall*> wait_for_name_;
  Addresses addresses_;
};

}  // namespace galileo::net
