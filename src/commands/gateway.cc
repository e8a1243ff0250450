// `galileo gateway`: a reverse proxy that spreads requests by weights, until it is told to stop.
#include "gateway/gateway.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <sstream>

#include "base/log.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/etcd_flags.h"
#include "commands/exit_codes.h"
#include "commands/gateway_weights.h"
#include "commands/options.h"
#include "commands/status_page.h"
#include "gateway/weights_file.h"
#include "net/resolver.h"
#include "net/signals.h"
#include "net/tcp.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

constexpr Duration kDrainLook = std::chrono::milliseconds{20};

struct GatewayFlags {
  std::string listen;
  std::string zone;
  std::string node;
  std::string handler;
  std::string policy = "wrr";
  std::string weights;
  EtcdFlags etcd;
  std::string gateways;
  std::string status;
  unsigned threads = 0;
  std::string grace = "10s";
  std::string head_timeout = "60s";
  std::string idle_timeout = "75s";
  std::string connect_timeout = "5s";
  std::string answer_timeout = "60s";
  std::string head_max = "64k";
  std::string body_max = "1G";
};

Result<Duration> duration_of(const std::string& text, const char* flag) {
  auto duration = parse_duration(text);
  if (duration.ok() && *duration > Duration{0}) return duration;
  return Error{ErrorCode::kUsage,
               fmt::format("{} can't be '{}'", flag, text),
               {},
               duration.ok() ? "it must be longer than nothing" : duration.error().why,
               "give a time, as 10s or 500ms"};
}

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
  options.head_timeout = TRY(duration_of(flags.head_timeout, "--head-timeout"));
  options.idle_timeout = TRY(duration_of(flags.idle_timeout, "--idle-timeout"));
  options.connect_timeout = TRY(duration_of(flags.connect_timeout, "--connect-timeout"));
  options.answer_timeout = TRY(duration_of(flags.answer_timeout, "--answer-timeout"));
  options.limits.head_max = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(TRY(size_of(flags.head_max, "--head-max")), 1u << 30));
  options.limits.body_max = TRY(size_of(flags.body_max, "--body-max"));
  return {};
}

// The flag, over the old gateway's variable, over what holds without either.
std::string said(const std::string& flag, const char* variable, const std::string& otherwise) {
  return flag.empty() ? environment(variable).value_or(otherwise) : flag;
}

Result<gateway::Gateway::Options> options_of(const GatewayFlags& flags) {
  gateway::Gateway::Options options;
  options.threads = flags.threads > 0 ? flags.threads : net::usable_cores();
  options.proxy.node = said(flags.node, "eb_go_lb_node_name", telemetry::hostname());
  options.proxy.zone = said(flags.zone, "eb_go_lb_zone", "");
  options.proxy.policy = flags.policy;
  if (options.proxy.zone.empty())
    return Error{ErrorCode::kUsage,
                 "the gateway's zone isn't said",
                 {},
                 {},
                 "give --zone NAME, or set eb_go_lb_zone"};
  const std::string handler =
      said(flags.handler, "eb_go_lb_handler_type",
           flags.weights.empty() && flags.etcd.endpoints.empty() ? "dummy" : "wrr");
  if (handler != "dummy" && handler != "wrr")
    return Error{ErrorCode::kUsage,
                 fmt::format("there is no handler '{}'", handler),
                 {},
                 {},
                 "one of dummy, wrr"};
  options.proxy.dummy = handler == "dummy";
  if (!flags.weights.empty() && !flags.etcd.endpoints.empty())
    return Error{ErrorCode::kUsage,
                 "the weights can't be in a file and in etcd",
                 {},
                 {},
                 "give --weights or --etcd"};
  std::istringstream gateways(said(flags.gateways, "eb_go_lb_gateways", ""));
  for (std::string word; gateways >> word;) options.proxy.gateways.insert(word);
  TRY(set_limits(flags, options.proxy));
  TRY(route::make_policy(options.proxy.policy, {{"127.0.0.1:1", 1}}));
  return options;
}

// Where the weights come from: a file, or etcd.
class WeightsSource {
 public:
  WeightsSource(net::Loop& control, gateway::Gateway& gateway, std::string zone)
      : control_(control), gateway_(gateway), zone_(std::move(zone)) {}

  Result<void> start(const GatewayFlags& flags) {
    if (!flags.weights.empty()) {
      file_ = std::make_unique<gateway::WeightsFile>(
          control_, flags.weights,
          [this, path = flags.weights](const std::string& text) { return take_file(text, path); });
      return file_->start();
    }
    etcd_ = TRY(gateway::WeightsWatch::start(
        control_, etcd_options(flags.etcd), gateway::weights_prefix(zone_),
        {[this](const auto& values) { take_all(values); },
         [this](const std::string& function, const std::string& value) { take(function, value); },
         [this](const std::string& function) {
           refused_.erase(function);
           gateway_.remove(function);
           log(LogLevel::kInfo, "a function has gone", {{"function", function}});
         }}));
    return {};
  }

  // Why the weights aren't those that they should be; empty: they are.
  std::string trouble() const {
    if (file_) return file_->trouble();
    if (etcd_ && !etcd_->trouble().empty()) return etcd_->trouble();
    return refused_.empty()
               ? std::string()
               : fmt::format("{}: {}", refused_.begin()->first, refused_.begin()->second);
  }

 private:
  Result<void> take_file(const std::string& text, const std::string& path) {
    TRY(gateway_.set_all(TRY(gateway::parse_weights_file(text, path))));
    log(LogLevel::kInfo, "weights taken",
        {{"functions", std::to_string(gateway_.functions().size())}});
    return {};
  }

  // What can't be taken leaves a function as it was.
  void take_all(const std::map<std::string, std::string>& values) {
    std::map<std::string, gateway::Targets> functions;
    refused_.clear();
    for (const auto& [function, value] : values) {
      auto targets = gateway::parse_targets(value);
      if (targets.ok()) {
        functions[function] = std::move(*targets);
        continue;
      }
      refuse(function, targets.error());
      const auto before = gateway_.functions().find(function);
      if (before != gateway_.functions().end()) functions[function] = before->second;
    }
    static_cast<void>(gateway_.set_all(functions).ok());  // the policy is known to be one
    log(LogLevel::kInfo, "weights taken", {{"functions", std::to_string(functions.size())}});
  }

  void take(const std::string& function, const std::string& value) {
    const auto targets = gateway::parse_targets(value);
    if (!targets.ok()) return refuse(function, targets.error());
    refused_.erase(function);
    static_cast<void>(gateway_.set(function, *targets).ok());
  }

  void refuse(const std::string& function, const Error& error) {
    refused_[function] = error.why;
    log(LogLevel::kWarning, "the weights can't be taken; the last ones stay",
        {{"function", function}, {"why", error.why}});
  }

  net::Loop& control_;
  gateway::Gateway& gateway_;
  const std::string zone_;
  std::unique_ptr<gateway::WeightsFile> file_;
  std::unique_ptr<gateway::WeightsWatch> etcd_;
  std::map<std::string, std::string> refused_;  // functions, and why their last weights are none
};

Result<void> serve(const GatewayFlags& flags) {
  set_log_level(LogLevel::kInfo);
  const gateway::Gateway::Options options = TRY(options_of(flags));
  const Duration grace = TRY(duration_of(flags.grace, "--grace"));
  net::raise_open_files_limit();
  const std::string where =
      flags.listen.empty() ? "0.0.0.0:" + said({}, "eb_go_lb_listen_port", "8080") : flags.listen;
  net::Loop control;
  bool stopping = false;
  const net::Signals signals(control, [&](int) {
    stopping = true;
    control.stop();
  });
  gateway::Gateway gateway(control, options);
  WeightsSource source(control, gateway, options.proxy.zone);
  if (!options.proxy.dummy) TRY(source.start(flags));
  TRY(gateway.listen(TRY(net::resolve(where, 0, 8080)).front()));
  StatusPage page(
      control,
      [&] {
        return gateway::metrics_text(gateway.counts(), gateway.clients(),
                                     gateway.functions().size());
      },
      [&] { return source.trouble(); });
  if (!flags.status.empty()) TRY(page.listen(flags.status));
  log(LogLevel::kInfo, "listening",
      {{"at", TRY(gateway.local_address()).to_text()},
       {"zone", options.proxy.zone},
       {"node", options.proxy.node},
       {"threads", std::to_string(options.threads)}});
  control.run();
  // What is under way may end; a second signal doesn't wait for it.
  stopping = false;
  const Time until = control.clock().now() + grace;
  while (!gateway.drain() && !stopping && control.clock().now() < until) {
    net::Timer timer([&](Time) { control.stop(); });
    control.timers().set(timer, control.clock().now() + kDrainLook);
    control.run();
  }
  log(LogLevel::kInfo, "stopped", {{"cut", std::to_string(gateway.clients())}});
  return {};
}

}  // namespace

int gateway(const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "weights")
    return gateway_weights({arguments.begin() + 1, arguments.end()});
  GatewayFlags flags;
  CLI::App app(
      "Run a gateway: it passes /function/<name>/<rest> on to the targets of that function, by "
      "weights.\nThe variables of the old load balancer (eb_go_lb_*) hold where a flag isn't "
      "given.\n\n"
      "example:\n"
      "  echo '{\"hello\": {\"ips\": [\"127.0.0.1:8081\"], \"weights\": [1]}}' > weights.json\n"
      "  galileo gateway --zone main --listen 127.0.0.1:8080 --weights weights.json\n"
      "  curl http://127.0.0.1:8080/function/hello/\n\n"
      "galileo gateway weights get | set | rm reads and writes those in etcd: see its --help.\n",
      "galileo gateway");
  app.add_option("--listen", flags.listen, "host:port [0.0.0.0 and eb_go_lb_listen_port; 8080]");
  app.add_option("--zone", flags.zone, "the zone that it is of [eb_go_lb_zone]");
  app.add_option("--node", flags.node,
                 "its name in the headers [eb_go_lb_node_name, or the host's name]");
  app.add_option("--weights", flags.weights,
                 "a JSON file of functions, their ips and weights; read again when it changes");
  add_etcd_options(app, flags.etcd);
  app.add_option("--policy", flags.policy, "how a target is chosen")->capture_default_str();
  app.add_option("--handler", flags.handler,
                 "wrr, or dummy, which answers with what it saw [eb_go_lb_handler_type]");
  app.add_option("--gateways", flags.gateways,
                 "targets that are gateways, blanks between [eb_go_lb_gateways]");
  app.add_option("-t,--threads", flags.threads, "event loops [one a core]");
  app.add_option("--grace", flags.grace, "how long requests may take to end when it is stopped")
      ->capture_default_str();
  app.add_option("--head-timeout", flags.head_timeout, "until a request's head is there, else 408")
      ->capture_default_str();
  app.add_option("--idle-timeout", flags.idle_timeout,
                 "of a client's connection between requests, and within a body")
      ->capture_default_str();
  app.add_option("--connect-timeout", flags.connect_timeout, "to a target, else 504")
      ->capture_default_str();
  app.add_option("--answer-timeout", flags.answer_timeout,
                 "of a target, until its head and within its body, else 504")
      ->capture_default_str();
  app.add_option("--head-max", flags.head_max, "bytes of a head, else 431")->capture_default_str();
  app.add_option("--body-max", flags.body_max, "bytes of a body, else 413")->capture_default_str();
  app.add_option("--status", flags.status, "host:port of /healthz and /metrics [none]");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve(flags);
  return served.ok() ? static_cast<int>(kFine) : fail("gateway", served.error());
}

}  // namespace galileo::commands
