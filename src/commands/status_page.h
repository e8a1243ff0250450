// /healthz, /readyz and /metrics of a long-running command, for probes and scrapers. /healthz is
// about the process alone: it tells the trouble, and says 200 as long as it answers, since a
// restart mends none. Lives on the loop that it is made with.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/http_server.h"

namespace galileo::commands {

class StatusPage final : private net::HttpService {
 public:
  // `metrics` gives Prometheus' text; `trouble` why the process isn't well, `not_ready` why no work
  // is to be given to it now, empty: it is. All are called on the loop.
  StatusPage(net::Loop& loop, std::function<std::string()> metrics,
             std::function<std::string()> trouble, std::function<std::string()> not_ready);

  // An Error where the address can't be listened on.
  Result<void> listen(const net::Address& address);
  // Where it does, "host:port"; after listen().
  std::string where() const;

 private:
  void on_request(net::ServerConnection& connection) override;

  net::Loop& loop_;
  const std::function<std::string()> metrics_;
  const std::function<std::string()> trouble_;
  const std::function<std::string()> not_ready_;
  net::HttpServer server_;
  std::unique_ptr<net::TcpListener> listener_;
};

// What --status says, looked at before anything is begun: a host and port, or a port of this
// machine's. Nothing where it isn't given.
Result<std::optional<net::Address>> status_address(const std::string& flag);

}  // namespace galileo::commands
