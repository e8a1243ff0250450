// The API over HTTP: reads requests on its loop, lets the guard and the door look at their heads,
// and has them answered at desks of their own, where handlers may wait for the bus and the
// database. Logins, streams and the page are the loop's. Lives on its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bus/bus.h"
#include "net/http_server.h"
#include "service/api_access.h"
#include "service/file_answers.h"
#include "service/guard.h"
#include "service/lab_watch.h"
#include "service/legacy_api.h"
#include "service/stream_hub.h"
#include "service/v1_api.h"
#include "service/v1_door.h"

namespace galileo::service {

struct ApiOptions {
  GuardOptions guard;
  ApiAccessOptions access;
  V1Options v1;
  std::string apps_folder;
  std::string version;
  // The first is for what looks and then changes, one at a time; the others for the rest.
  std::size_t desks = 3;
  // Requests that wait for a desk; more are told to come again.
  std::size_t waiting_max = 200;
};

class ApiServer final : private net::HttpService {
 public:
  // Opens the database, at a desk; again after an Error of kUnavailable.
  using OpenStore = std::function<Result<std::unique_ptr<store::Store>>()>;

  // The bus outlives it, and so does the acceptor; null: it speaks without TLS.
  ApiServer(net::Loop& loop, bus::Bus& bus, const OpenStore& open_store, ApiOptions options,
            net::TlsAcceptor* tls = nullptr);
  ~ApiServer() override;

  // An Error where the address can't be listened on. Several: each in turn.
  Result<void> listen(const net::Address& address);
  // Where it listens.
  std::vector<std::string> places() const;
  // Nobody new; what is under way is answered.
  void wind_up();
  bool is_idle() const { return server_.connections() == 0; }
  // Prometheus' text.
  std::string metrics() const;
  // What an administrator has to mend; empty: nothing.
  std::string trouble() const { return access_.trouble(); }

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
  void on_drained(net::ServerConnection& connection) override;
  void on_gone(std::uint64_t id) override;
  Words words_of(int status) const override;

  void on_legacy_head(net::ServerConnection& connection);
  void on_legacy_request(net::ServerConnection& connection);
  void on_v1_head(net::ServerConnection& connection);
  void on_v1_request(net::ServerConnection& connection);
  void on_page(net::ServerConnection& connection);
  Route route_of(const net::ServerConnection& connection) const;
  Visitor visitor_of(const net::ServerConnection& connection) const;
  std::optional<RestAnswer> legacy_refusal(const Visitor& visitor, const Route& route);

  // A call that the loop does itself.
  void answer_on_loop(net::ServerConnection& connection, const V1Call& call);
  RestAnswer session(const Caller& caller) const;
  RestAnswer log_in(const V1Call& call, const Visitor& visitor);
  void follow(net::ServerConnection& connection, const V1Call& call);

  using Work = std::function<RestAnswer(AtDesk& desk)>;
  void hand_over(net::ServerConnection& connection, AtDesk& desk, Work work, bool is_v1,
                 bool changes);
  void respond(net::ServerConnection& connection, RestAnswer answer) const;
  void respond_v1(net::ServerConnection& connection, RestAnswer answer);
  void preflight(net::ServerConnection& connection, const Route& route) const;
  AtDesk& idlest_desk();
  void look_after_streams(Time now);

  net::Loop& loop_;
  const ApiOptions options_;
  net::TlsAcceptor* const tls_;
  ApiAccess access_;
  V1Door door_;
  std::vector<std::unique_ptr<AtDesk>> desks_;
  net::HttpServer server_;
  StreamHub hub_;
  FileAnswers files_;
  std::vector<std::unique_ptr<net::TcpListener>> listeners_;
  Time beat_at_{};
  net::Timer timer_;
  LabWatch watch_;  // last: it ends before what it tells
};

}  // namespace galileo::service
