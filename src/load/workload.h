// What a client does: its requests, when they are due, and within which limits. Plain values, made
// from an experiment file or the flags of `galileo load`, read by the engine.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "wire/statuses.h"

namespace galileo::load {

// How TLS is spoken with hosts of https; of others nothing is read.
struct TlsSettings {
  bool verify = true;
  std::string ca_file;           // or a folder; empty: the system's authorities
  std::string crl_file;          // of revoked certificates; empty: that isn't looked at
  std::string certificate_file;  // ours, with its chain; empty: none
  std::string key_file;          // empty: in certificate_file
  int version_min = 2;           // of TLS 1.x: 2 or 3
  bool resume = true;            // what earlier connections have agreed on

  auto operator<=>(const TlsSettings&) const = default;
};

// How HTTP is spoken.
struct HttpSettings {
  int version = 1;  // 2: HTTP/2 where a host of https agrees to it, else HTTP/1.1
  // HTTP/2 with whoever is asked, without TLS too, and no other; `version` isn't read.
  bool prior_knowledge = false;
  // Of HTTP/2: on a connection at once, at most. 0: in a closed loop 1, else what the server takes.
  std::uint32_t streams = 0;
  // To a host at most, over all loops (each has one at least); of HTTP/2 they share the load. 0: as
  // many as it takes.
  std::uint32_t connections = 0;
  bool keep_alive = true;  // false: a connection for each request

  bool may_be_2() const { return version == 2 || prior_knowledge; }
  auto operator<=>(const HttpSettings&) const = default;
};

// Who makes the requests one by one (load/request_source.h). Plain values; what they mean is the
// source's.
struct SourceSpec {
  std::string kind;                               // of request_sources.def; empty: a fixed request
  std::map<std::string, std::string> parameters;  // the source's own, by name

  bool operator==(const SourceSpec&) const = default;
};

// What an answer must be (load/checks.h).
struct CheckSpec {
  std::string name;
  std::vector<std::string> conditions;

  bool operator==(const CheckSpec&) const = default;
};

struct Step;

// Digest authentication (RFC 7616): what a server's challenge is answered with.
struct DigestUser {
  std::string user;
  std::string password;
  bool keep = false;  // a client's requests use the nonce of those before

  bool operator==(const DigestUser&) const = default;
};

// How a request is sent and judged, beside the bytes that go out.
struct RequestTerms {
  std::optional<Duration> timeout;             // none: Limits::request_timeout
  std::optional<std::uint32_t> redirects_max;  // followed at most; none: Limits::redirects_max
  TlsSettings tls;
  std::optional<DigestUser> digest;
  bool keep_cookies = false;          // that answers set, by client; none: of a request's redirects
  std::optional<wire::StatusSet> ok;  // statuses that are a success; none: Limits::fail_on
  // Redirected as Python's requests would: Writer::kOldClient (request_parameters.h).
  bool like_requests = false;
  bool cookies_by_name = false;  // its header Cookie was made of names and values

  // It asks that something of its answers is kept for those behind it.
  bool remembers() const { return digest.has_value() || keep_cookies; }
  bool operator==(const RequestTerms&) const = default;
};

// One fixed request (the default request of docs/wire/workload.md), its URL parts already joined;
// where it names a source, what that makes its requests of.
struct Request : RequestTerms {
  std::string method = "GET";  // upper case
  std::string path = "/";      // with its query; always starts with '/'
  std::vector<std::pair<std::string, std::string>> headers;  // in order, as given
  std::string body;
  bool has_body = false;  // an empty body still sends Content-Length: 0
  HttpSettings http;
  SourceSpec source;
  std::vector<CheckSpec> checks;
  std::vector<Step> steps;  // of a scenario; its own settings are theirs then, and nothing else
  // Each request says which distributed trace it belongs to (the header traceparent), and this
  // share of them, from 0 to 1, that it is sampled. None: nothing is said.
  std::optional<double> traceparent;

  bool operator==(const Request&) const = default;
};

// What a later step has of an answer (load/value_taker.h).
struct TakenValue {
  std::string name;
  std::string from;  // "json /user/id"

  bool operator==(const TakenValue&) const = default;
};

// One request of a scenario.
struct Step {
  std::string name;
  Request request;
  std::vector<TakenValue> takes;
  Duration pause{0};        // think time behind its answer
  std::string drawn_pause;  // in place of it, in seconds: "expovariate(0.5)"; empty: none

  bool operator==(const Step&) const = default;
};

// When requests are due. `kind` is a name of arrivals.def; the parameters are that arrival's own:
//   constant [seconds]; a distribution with Python's parameters; prerecorded: `recorded`;
//   rate shapes: constant_rate [rps], sine [max_rps, period_s], random_walk [mu, sigma, max, min],
//   ramp [from_rps, to_rps, seconds], steps [rps, seconds, rps, seconds, ...].
struct ArrivalSpec {
  std::string kind = "constant";
  std::vector<double> parameters;
  std::vector<double> recorded_s;  // inter-arrivals, seconds; of prerecorded only
  // Rate shapes only: how requests lie within the rate: "static" (even) or "exponential" (Poisson).
  std::string process = "static";
};

// From some moment on another arrival says when a client's requests are due.
struct ArrivalChange {
  Duration at{0};  // since the start of the phase, or of the workload
  ArrivalSpec arrival;
};

// A group of equal clients of one service.
struct ClientSpec {
  std::string service;
  std::string name;         // client ids are "<name>:<n>", n from 0 over the group
  std::uint32_t count = 1;  // clients in the group
  Request request;
  bool closed_loop = false;       // send again as soon as answered; `arrival` is not read
  std::uint32_t connections = 0;  // closed loop: connections a client; open loop: 0 (pool decides)
  ArrivalSpec arrival;
  std::vector<ArrivalChange> changes;     // in order; none of a closed loop
  std::optional<std::uint64_t> requests;  // a client; none: without end, until `duration`
  std::optional<Duration> duration;       // none: until `requests` or the end of the phase
  Duration warmup{0};                     // requests due before this are marked as warm-up
  Duration start_after{0};                // since the start of the phase
  // On a fleet: the labels that its worker must have. Not looked at on one machine.
  std::vector<std::pair<std::string, std::string>> worker_labels;
};

// Where and how a service is reached.
struct ServiceSpec {
  std::string name;
  // "host:port" or "https://host:port" -> weight
  std::vector<std::pair<std::string, double>> hosts;
  std::string router = "SymmetryHostRouter";  // a name of route/routers.def
  std::string balancer = "wrr";               // a name of route/policies.def
  std::string static_host;                    // of StaticRouter: "http[s]://host:port"
};

struct Limits {
  std::uint32_t threads = 0;              // event loops; 0: one a core, of a small plan one
  std::uint32_t connections_max = 10000;  // open at once, over all loops
  Duration connect_timeout = std::chrono::seconds{10};
  Duration request_timeout = std::chrono::seconds{30};
  Duration grace = std::chrono::seconds{30};        // waits for answers after the last request
  std::uint64_t body_max = std::uint64_t{1} << 30;  // bytes of an answer's body
  std::uint32_t head_max = 64 * 1024;               // bytes of an answer's head
  int address_family = 0;                           // 4, 6; 0: either
  std::uint32_t redirects_max = 0;
  wire::StatusSet fail_on = wire::failing_by_default();  // answers that count as failures
  bool keep_headers = false;                             // keep the answers' headers in the traces
  std::uint32_t keep_response = 0;  // keep that many bytes of each answer's body in the trace
  bool keep_only_failed = false;    // headers and bodies of failed requests only
};

// What a client that is there already does from some moment on, until it gets another workload.
struct Workload {
  ArrivalSpec arrival;
  std::vector<ArrivalChange> changes;  // in order; none of what is fed or a closed loop
  bool fed = false;          // its inter-arrivals come while they are used; `arrival` is not read
  bool closed_loop = false;  // as in ClientSpec, and so is `connections`
  std::uint32_t connections = 0;
  std::optional<std::uint64_t> requests;  // none or 0: without end
  std::optional<Duration> duration;       // none: without end
  std::string phase;                      // what the traces carry; empty: none
  Duration warmup{0};  // requests due before this, since the start, are marked as warm-up
  double ahead = 0;    // of other clients that do the same (Arrival::set_ahead())

  // What bounds each request; threads, connections, the time-out, grace and addresses aren't read.
  // None: the engine's.
  std::optional<Limits> limits;
  std::optional<std::uint32_t> redirects_max;  // none: the request's
  std::string run;                             // whose own times it counts in; empty: nobody's

  // Whose draws they are: a run's, so that its schedule is the same for any number of workers.
  // None: the client's own.
  struct Draws {
    std::uint64_t seed = 0;
    std::uint64_t stream = 0;
  };
  std::optional<Draws> draws;

  // Of a client whose requests are made one by one: where it stands among those that share their
  // maker, on whatever workers. None: as it was made.
  struct Place {
    std::uint32_t index = 0;
    std::uint32_t of = 1;
  };
  std::optional<Place> place;
};

}  // namespace galileo::load
