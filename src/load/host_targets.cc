#include "load/host_targets.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "net/address.h"
#include "route/router.h"

namespace galileo::load {
namespace {

// Of settings whose files can't be used: nobody is asked without what was meant to protect it.
class NoConnections final : public net::Connector {
 public:
  std::unique_ptr<net::Stream> connect(const net::Address&, net::StreamHandler&,
                                       int& error_number) override {
    error_number = EPROTO;
    return nullptr;
  }
};

net::TlsOptions options_of(const TlsSettings& settings) {
  net::TlsOptions options;
  options.verify = settings.verify;
  options.ca_file = settings.ca_file;
  options.crl_file = settings.crl_file;
  options.certificate_file = settings.certificate_file;
  options.key_file = settings.key_file;
  options.version_min = settings.version_min > 2 ? net::TlsVersion::k13 : net::TlsVersion::k12;
  options.resume = settings.resume;
  return options;
}

// What is offered to a host of https (ALPN), the best first.
std::vector<std::string> offer_of(net::HttpWay::Speaks speaks) {
  switch (speaks) {
    case net::HttpWay::Speaks::kAgreed:
      return {"h2", "http/1.1"};
    case net::HttpWay::Speaks::kHttp2:
      return {"h2"};
    default:
      return {"http/1.1"};
  }
}

}  // namespace

Result<void> check_tls(const TlsSettings& settings) {
  const net::RealClock clock;
  TRY(net::TlsContext::make(options_of(settings), clock));
  return {};
}

std::set<TlsSettings> tls_settings(const std::vector<ServiceSpec>& services,
                                   const std::vector<ClientSpec>& clients) {
  std::set<std::string> over_tls;
  for (const ServiceSpec& service : services) {
    const auto router = route::make_router(service.router, {service.name, service.static_host});
    if (!router.ok()) continue;
    std::vector<route::Host> hosts;
    for (const auto& [name, weight] : service.hosts) hosts.push_back({name, weight});
    const std::vector<std::string> asked = (*router)->destinations(hosts);
    if (std::any_of(asked.begin(), asked.end(), &wire::speaks_tls)) over_tls.insert(service.name);
  }
  std::set<TlsSettings> settings;
  for (const ClientSpec& client : clients) {
    if (over_tls.contains(client.service)) settings.insert(client.request.tls);
  }
  return settings;
}

HostTargets::Tls& HostTargets::tls_of(const TlsSettings& settings) {
  const auto [found, is_new] = tls_.try_emplace(settings);
  if (!is_new) return found->second;
  auto made = net::TlsContext::make(options_of(settings), clock_);
  if (made.ok())
    found->second.context = std::move(*made);
  else
    log(LogLevel::kWarning, "no connections over TLS", {{"why", made.error().to_text()}});
  return found->second;
}

net::HttpWay HostTargets::way_of(const std::string& host, const HttpSettings& settings) const {
  using Speaks = net::HttpWay::Speaks;
  net::HttpWay way;
  if (settings.prior_knowledge)
    way.speaks = Speaks::kHttp2;
  else if (settings.version == 2 && wire::speaks_tls(host))
    way.speaks = Speaks::kAgreed;
  way.closes = !settings.keep_alive;
  if (way.speaks != Speaks::kHttp1) way.streams = settings.streams;
  if (settings.connections > 0) {
    const std::uint32_t rest = settings.connections % loop_.count;
    way.connections =
        std::max(1u, settings.connections / loop_.count + (loop_.index < rest ? 1u : 0u));
  }
  return way;
}

net::HttpTarget& HostTargets::over_tls(const std::string& host, const TlsSettings& settings,
                                       const net::HttpWay& way) {
  Tls& tls = tls_of(settings);
  std::unique_ptr<net::Connector>& connector = tls.connectors[{host, way.speaks}];
  if (!connector && tls.context) {
    const auto where = net::parse_route_host(host);
    connector = std::make_unique<net::TlsConnector>(
        below_, *tls.context, where.ok() ? where->host : std::string(), host, offer_of(way.speaks));
  } else if (!connector) {
    connector = std::make_unique<NoConnections>();
  }
  return pool_.target(host, *connector, way);
}

net::TlsCounts HostTargets::handshakes() const {
  net::TlsCounts all;
  for (const auto& [settings, tls] : tls_) {
    if (!tls.context) continue;
    const net::TlsCounts of = tls.context->counts();
    all.done += of.done;
    all.resumed += of.resumed;
    all.unverified += of.unverified;
    all.crl_checked += of.crl_checked;
  }
  return all;
}

}  // namespace galileo::load
