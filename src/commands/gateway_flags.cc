#include "commands/gateway_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "commands/options.h"
#include "net/address.h"
#include "net/loop.h"
#include "route/policy.h"
#include "telemetry/machine.h"
#include "wire/http1.h"

namespace galileo::commands {
namespace {

Result<std::uint64_t> size_of(const std::string& text, const char* flag) {
  auto size = parse_count(text);
  if (size.ok() && *size > 0) return size;
  return Error{ErrorCode::kUsage,
               fmt::format("{} can't be '{}'", flag, text),
               {},
               size.ok() ? "nothing fits into that" : size.error().why,
               "give bytes, as 65536 or 64k"};
}

Result<void> set_limits(const GatewayFlags& flags, gateway::ProxyOptions& options) {
  options.head_timeout = TRY(gateway_duration(flags.head_timeout, "--head-timeout"));
  options.idle_timeout = TRY(gateway_duration(flags.idle_timeout, "--idle-timeout"));
  options.connect_timeout = TRY(gateway_duration(flags.connect_timeout, "--connect-timeout"));
  options.answer_timeout = TRY(gateway_duration(flags.answer_timeout, "--answer-timeout"));
  options.limits.head_max = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(TRY(size_of(flags.head_max, "--head-max")), 1u << 30));
  options.limits.body_max = TRY(size_of(flags.body_max, "--body-max"));
  return {};
}

// A number from 0 (off) up.
Result<std::uint64_t> limit_of(const std::string& text, const char* flag) {
  auto count = parse_count(text);
  if (count.ok()) return count;
  return Error{ErrorCode::kUsage,
               fmt::format("{} can't be '{}'", flag, text),
               {},
               count.error().why,
               "give a number, or 0 for no limit"};
}

// "100" or "100/20": requests a second, and how many at once after a rest.
Result<void> set_rate(const std::string& text, gateway::ProxyOptions& options) {
  if (text.empty()) return {};
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto rate = parse_number(text.substr(0, slash));
  const auto burst =
      slash == text.size() ? std::optional<std::int64_t>(1) : parse_integer(text.substr(slash + 1));
  if (rate && *rate > 0 && *rate <= 1e9 && burst && *burst > 0 && *burst <= 1'000'000) {
    options.rate_max = *rate;
    options.rate_burst = static_cast<std::uint32_t>(*burst);
    return {};
  }
  return Error{ErrorCode::kUsage,
               fmt::format("--rate can't be '{}'", text),
               {},
               {},
               "give requests a second, and after a slash how many may come at once: 100/20"};
}

Result<void> set_protection(const GatewayFlags& flags, gateway::ProxyOptions& options) {
  options.retries = flags.retries;
  options.eject_after = flags.eject_after;
  options.eject_for = TRY(gateway_duration(flags.eject_for, "--eject-for"));
  options.connections_max = TRY(limit_of(flags.connections_max, "--connections-max"));
  options.under_way_max = TRY(limit_of(flags.target_max, "--target-max"));
  return set_rate(flags.rate, options);
}

Result<void> set_hash(const GatewayFlags& flags, gateway::ProxyOptions& options) {
  constexpr std::string_view kHeader = "header:";
  if (flags.hash_by == "client") {
    options.hash_by = gateway::HashBy::kClient;
  } else if (flags.hash_by == "path") {
    options.hash_by = gateway::HashBy::kPath;
  } else if (flags.hash_by.starts_with(kHeader) && flags.hash_by.size() > kHeader.size()) {
    options.hash_by = gateway::HashBy::kHeader;
    options.hash_header = flags.hash_by.substr(kHeader.size());
  } else {
    return Error{ErrorCode::kUsage,
                 fmt::format("--hash-by can't be '{}'", flags.hash_by),
                 {},
                 {},
                 "one of client, path, header:NAME"};
  }
  return {};
}

}  // namespace

Result<Duration> gateway_duration(const std::string& text, const char* flag) {
  auto duration = parse_duration(text);
  if (duration.ok() && *duration > Duration{0}) return duration;
  return Error{ErrorCode::kUsage,
               fmt::format("{} can't be '{}'", flag, text),
               {},
               duration.ok() ? "it must be longer than nothing" : duration.error().why,
               "give a time, as 10s or 500ms"};
}

// It stands in headers of every answer, and in etcd's keys.
Result<std::string> gateway_name(const Said& name) {
  if (wire::http1::is_header_value(name.value)) return name.value;
  return Error{ErrorCode::kUsage, "a gateway's name or zone can't be that", name.name,
               "it holds a control character", "give a plain name, as edge-1"};
}

Result<gateway::Gateway::Options> gateway_options(const GatewayFlags& flags) {
  gateway::Gateway::Options options;
  options.threads = flags.threads > 0 ? flags.threads : net::usable_cores();
  options.proxy.node =
      TRY(gateway_name(said(flags.node, "--node", "eb_go_lb_node_name", telemetry::hostname())));
  options.proxy.zone = TRY(gateway_name(said(flags.zone, "--zone", "eb_go_lb_zone")));
  options.proxy.policy = flags.policy;
  if (options.proxy.zone.empty())
    return Error{ErrorCode::kUsage,
                 "the gateway's zone isn't said",
                 {},
                 {},
                 "give --zone NAME, or set eb_go_lb_zone"};
  const Said handler =
      said(flags.handler, "--handler", "eb_go_lb_handler_type",
           flags.weights.empty() && flags.etcd.endpoints.empty() ? "dummy" : "wrr");
  if (handler.value != "dummy" && handler.value != "wrr")
    return Error{ErrorCode::kUsage,
                 fmt::format("there is no handler '{}'", handler.value),
                 handler.name,
                 {},
                 "one of dummy, wrr"};
  options.proxy.dummy = handler.value == "dummy";
  if (!flags.weights.empty() && !flags.etcd.endpoints.empty())
    return Error{ErrorCode::kUsage,
                 "the weights can't be in a file and in etcd",
                 {},
                 {},
                 "give --weights or --etcd"};
  const Said gateways = said(flags.gateways, "--gateways", "eb_go_lb_gateways");
  std::istringstream words(gateways.value);
  for (std::string word; words >> word;) {
    if (auto place = net::parse_host_port(word, 80); !place.ok()) {
      place.error().where = gateways.name;
      return place.error();
    }
    options.proxy.gateways.insert(word);
  }
  TRY(set_limits(flags, options.proxy));
  TRY(set_protection(flags, options.proxy));
  TRY(set_hash(flags, options.proxy));
  TRY(route::make_policy(options.proxy.policy, {{"127.0.0.1:1", 1}}));
  options.tls = {flags.tls_cert, flags.tls_key};
  if (flags.tls_cert.empty() && !flags.tls_key.empty())
    return Error{
        ErrorCode::kUsage, "a key alone isn't a certificate", {}, {}, "give --tls-cert too"};
  return options;
}

void add_gateway_options(CLI::App& app, GatewayFlags& flags) {
  app.add_option("--listen", flags.listen, "host:port [0.0.0.0 and eb_go_lb_listen_port; 8080]");
  app.add_option("--zone", flags.zone, "the gateway's zone [eb_go_lb_zone]");
  app.add_option("--node", flags.node,
                 "its name in the headers [eb_go_lb_node_name, or the host's name]");
  app.add_option("--weights", flags.weights,
                 "a JSON file of functions, their ips and weights; read again when it changes");
  add_etcd_options(app, flags.etcd);
  app.add_option("--policy", flags.policy, "how a target is chosen, where the weights don't say it")
      ->capture_default_str();
  app.add_option("--hash-by", flags.hash_by,
                 "what ring_hash keeps together: client, path, header:NAME")
      ->capture_default_str();
  app.add_option("--handler", flags.handler,
                 "wrr, or dummy, which answers with what it saw [eb_go_lb_handler_type]");
  app.add_option("--gateways", flags.gateways,
                 "targets that are gateways, blanks between [eb_go_lb_gateways]");
  app.add_option("-t,--threads", flags.threads, "event loops [one a core]");
  app.add_option("--grace", flags.grace, "how long requests may take to end when it is stopped")
      ->capture_default_str();
  app.add_option("--head-timeout", flags.head_timeout, "time-out of a request's head, else 408")
      ->capture_default_str();
  app.add_option("--idle-timeout", flags.idle_timeout,
                 "time-out of a client's connection between requests and within a body")
      ->capture_default_str();
  app.add_option("--connect-timeout", flags.connect_timeout,
                 "time-out of a connection to a target, else 504")
      ->capture_default_str();
  app.add_option("--answer-timeout", flags.answer_timeout,
                 "time-out of an answer, until its head and within its body, else 504")
      ->capture_default_str();
  app.add_option("--head-max", flags.head_max, "how many bytes a head may have, else 431")
      ->capture_default_str();
  app.add_option("--body-max", flags.body_max, "how many bytes a body may have, else 413")
      ->capture_default_str();
  app.add_option("--tls-cert", flags.tls_cert,
                 "PEM, with its chain: clients speak TLS; taken anew when it changes");
  app.add_option("--tls-key", flags.tls_key, "PEM [in --tls-cert]");
  app.add_option("--retries", flags.retries,
                 "how many other targets to ask when one fails, where that may be [none]");
  app.add_option("--eject-after", flags.eject_after,
                 "failures in a row after which a target rests [never]");
  app.add_option("--eject-for", flags.eject_for,
                 "how long a target rests; longer each further time")
      ->capture_default_str();
  app.add_option("--connections-max", flags.connections_max,
                 "how many clients may be connected, else 503 [any]");
  app.add_option("--target-max", flags.target_max,
                 "how many requests a target may have at once, else 503 [any]");
  app.add_option("--rate", flags.rate,
                 "requests a second for each function, else 429; 100/20: up to 20 at once [any]");
  app.add_option("--mode", flags.mode,
                 "prod: logs JSON to logs/<date>.json too [eb_go_lb_mode; dev]");
  app.add_option("--status", flags.status, "host:port of /healthz, /readyz and /metrics [none]");
}

}  // namespace galileo::commands
