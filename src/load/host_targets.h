// Where the requests of one loop go: a target of its pool for each host and way in which HTTP is
// spoken with it, and for a host of https one for each way of TLS. Files are read once for all
// clients that name the same. Lives on its loop, owned by its Dispatcher.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/workload.h"
#include "net/http_pool.h"
#include "net/tls.h"
#include "wire/uri.h"

namespace galileo::load {

// An Error where the files of these settings can't be used.
Result<void> check_tls(const TlsSettings& settings);

// The settings by which these clients speak TLS with hosts of their services.
std::set<TlsSettings> tls_settings(const std::vector<ServiceSpec>& services,
                                   const std::vector<ClientSpec>& clients);

// Which of the loops this is.
struct LoopShare {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
};

class HostTargets {
 public:
  // All three outlive it. `loops`: over so many connections are shared, this being one of them.
  HostTargets(const net::Clock& clock, net::HttpPool& pool, net::Connector& below,
              const LoopShare& loop)
      : clock_(clock), pool_(pool), below_(below), loop_(loop) {}

  // Where files of the settings can't be used, a host of https can't be connected to: check_tls()
  // says so beforehand, to who can be told.
  net::HttpTarget& of(const std::string& host, const Request& request) {
    return of(host, request.tls, request.http);
  }
  net::HttpTarget& of(const std::string& host, const TlsSettings& tls, const HttpSettings& http) {
    const net::HttpWay way = way_of(host, http);
    return wire::speaks_tls(host) ? over_tls(host, tls, way) : pool_.target(host, way);
  }
  // Reads the files of these settings, if that hasn't been done.
  void prepare(const TlsSettings& settings) { static_cast<void>(tls_of(settings)); }
  net::TlsCounts handshakes() const;

 private:
  struct Tls {
    std::unique_ptr<net::TlsContext> context;  // null: files can't be used
    // By host, and what is offered to it.
    std::map<std::pair<std::string, net::HttpWay::Speaks>, std::unique_ptr<net::Connector>>
        connectors;
  };

  Tls& tls_of(const TlsSettings& settings);
  net::HttpTarget& over_tls(const std::string& host, const TlsSettings& settings,
                            const net::HttpWay& way);
  net::HttpWay way_of(const std::string& host, const HttpSettings& settings) const;

  const net::Clock& clock_;
  net::HttpPool& pool_;
  net::Connector& below_;
  const LoopShare loop_;
  std::map<TlsSettings, Tls> tls_;
};

}  // namespace galileo::load
