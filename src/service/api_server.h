// The API over HTTP: reads requests on its loop, lets the guard look at their heads, and has them
// answered at desks of their own, where handlers may wait for the bus and the database. Lives on
// its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "net/http_server.h"
#include "service/guard.h"
#include "service/legacy_api.h"

namespace galileo::service {

struct ApiOptions {
  GuardOptions guard;
  std::string apps_folder;
  std::size_t desks = 2;
  // Requests that wait for a desk; more are told to come again.
  std::size_t waiting_max = 200;
};

class ApiServer final : private net::HttpService {
 public:
  // Opens the database, at a desk; again after an Error of kUnavailable.
  using OpenStore = std::function<Result<std::unique_ptr<store::Store>>()>;

  // The bus outlives it.
  ApiServer(net::Loop& loop, bus::Bus& bus, const OpenStore& open_store, ApiOptions options);
  ~ApiServer() override;

  // An Error where the address can't be listened on. Several: each in turn.
  Result<void> listen(const net::Address& address);
  // Where it listens.
  std::vector<std::string> places() const;
  // Nobody new; what is under way is answered.
  void wind_up();
  bool is_idle() const { return server_.connections() == 0; }

 private:
  struct AtDesk;
  struct Route {
    const LegacyRoute* row = nullptr;
    std::vector<std::string> arguments;
    bool is_known_path = false;
    std::string methods;  // that the path has
  };

  void on_head(net::ServerConnection& connection) override;
  void on_request(net::ServerConnection& connection) override;
  Words words_of(int status) const override;

  Route route_of(const net::ServerConnection& connection) const;
  Visitor visitor_of(const net::ServerConnection& connection) const;
  void respond(net::ServerConnection& connection, RestAnswer answer) const;
  void preflight(net::ServerConnection& connection, const Route& route) const;
  AtDesk& idlest_desk();

  net::Loop& loop_;
  const ApiOptions options_;
  std::vector<std::unique_ptr<AtDesk>> desks_;
  net::HttpServer server_;
  std::vector<std::unique_ptr<net::TcpListener>> listeners_;
};

}  // namespace galileo::service
