// Hosts of https beside plain ones: whom a request goes to, how, and what comes of files that can't
// be used.
#include "load/host_targets.h"

#include <doctest/doctest.h>

#include "load/dispatcher_fixture.h"

using namespace galileo;
using namespace galileo::load;

namespace {

TlsSettings unverified() {
  TlsSettings settings;
  settings.verify = false;
  return settings;
}

TlsSettings with_missing_file() {
  TlsSettings settings;
  settings.ca_file = "/nowhere/ca.pem";
  return settings;
}

ClientSpec client_of(const TlsSettings& tls, const std::string& service = "s") {
  ClientSpec spec;
  spec.service = service;
  spec.closed_loop = true;
  spec.requests = 2;
  spec.request.tls = tls;
  return spec;
}

// A loop whose one host is one of https.
struct SecureWorld : World {
  SecureWorld() {
    options.services[0].hosts = {{"https://h:443", 1}};
    make();
    dispatcher->set_addresses("https://h:443", {*net::literal_address("127.0.0.1", 443)});
  }
};

}  // namespace

TEST_CASE("settings count where a client's service has a host of https") {
  const std::vector<ServiceSpec> services{
      {"plain", {{"h:80", 1}}, "SymmetryHostRouter", "wrr", ""},
      {"tls", {{"h:80", 1}, {"https://h", 1}}, "SymmetryHostRouter", "wrr", ""},
      {"static", {}, "StaticRouter", "wrr", "https://h/x"}};
  const auto settings = [&](const std::vector<ClientSpec>& clients) {
    return tls_settings(services, clients);
  };
  CHECK(settings({client_of(unverified(), "plain")}).empty());
  CHECK(settings({client_of(unverified(), "tls")}) == std::set{unverified()});
  CHECK(settings({client_of({}, "static")}) == std::set{TlsSettings{}});
  CHECK(settings({client_of({}, "tls"), client_of({}, "tls"), client_of(unverified(), "static")})
            .size() == 2);
}

TEST_CASE("files that can't be used are told beforehand") {
  CHECK(check_tls({}).ok());
  const auto checked = check_tls(with_missing_file());
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().code == ErrorCode::kUsage);
  CHECK(checked.error().where == "/nowhere/ca.pem");
}

TEST_CASE("clients share a host's target where they speak TLS in the same way") {
  World world;
  net::HttpPool pool(world.clock, world.timers, world.connector, {});
  HostTargets targets(world.clock, pool, world.connector, {});
  const Request plain;
  Request careless;
  careless.tls = unverified();
  Request newer;
  newer.http.version = 2;
  net::HttpTarget& one = targets.of("https://h:443", plain);
  CHECK(&targets.of("https://h:443", plain) == &one);
  CHECK(&targets.of("https://h:443", careless) != &one);
  CHECK(&targets.of("https://h:443", newer) != &one);
  CHECK(&targets.of("https://i:443", plain) != &one);
  CHECK(&targets.of("h:80", careless) == &targets.of("h:80", plain));
  // Without TLS nothing is agreed on.
  CHECK(&targets.of("h:80", newer) == &targets.of("h:80", plain));
  CHECK(one.host() == "https://h:443");
}

TEST_CASE("a host of https is spoken to over TLS, and so called in the trace") {
  SecureWorld world;
  world.begin(client_of({}), {}, 1);
  world.pass(std::chrono::microseconds{500});
  REQUIRE(world.connector.made() == 1);
  REQUIRE(world.requests.size() == 1);
  CHECK(world.requests[0].address == "127.0.0.1:443");
  CHECK(world.requests[0].text.starts_with("\x16\x03\x01"));
  CHECK(world.requests[0].text.find("http/1.1") != std::string::npos);
  world.run();
  // The fixture's server answers without TLS.
  REQUIRE(world.traces.all.size() == 2);
  const wire::Trace& trace = world.traces.all[0];
  CHECK(trace.failure == wire::Failure::not_tls);
  CHECK(trace.handshake == kNoDuration);
  CHECK(world.traces.names.at(trace.server) == "https://h:443");
  CHECK(world.dispatcher->figures()
            .first_failures.at(wire::Failure::not_tls)
            .find("doesn't speak TLS") != std::string::npos);
  CHECK(world.dispatcher->handshakes().done == 0);
}

// Given a host that became one of https when its clients were there already.
TEST_CASE("without the files that were to protect it nothing is sent") {
  SecureWorld world;
  world.begin(client_of(with_missing_file()), {}, 1);
  world.run();
  REQUIRE(world.traces.all.size() == 2);
  CHECK(world.traces.all[0].failure == wire::Failure::connect_failed);
  CHECK(world.connector.made() == 0);
}
