// `galileo gateway`: a reverse proxy that spreads requests by weights, until it is told to stop.
#include "gateway/gateway.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "base/log.h"
#include "commands/commands.h"
#include "commands/etcd_flags.h"
#include "commands/exit_codes.h"
#include "commands/gateway_flags.h"
#include "commands/gateway_weights.h"
#include "commands/help_tables.h"
#include "commands/log_level.h"
#include "commands/options.h"
#include "commands/status_page.h"
#include "gateway/certificate_watch.h"
#include "gateway/weights_file.h"
#include "net/resolver.h"
#include "net/signals.h"
#include "net/tcp.h"

namespace galileo::commands {
namespace {

constexpr Duration kDrainLook = std::chrono::milliseconds{20};

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
        control_, TRY(etcd_options(flags.etcd)), gateway::weights_prefix(zone_),
        {[this](const auto& values) { take_all(values); },
         [this](const std::string& function, const std::string& value) { take(function, value); },
         [this](const std::string& function) {
           refused_.erase(function);
           gateway_.remove(function);
           log(LogLevel::kInfo, "a function has gone", {{"function", function}});
         }}));
    return {};
  }

  // They have been read once: until then no function is known.
  bool has_read() const { return file_ || (etcd_ && etcd_->has_read()); }

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

Result<void> begin_log(const Said& mode) {
  TRY(set_log_level_by_environment(LogLevel::kInfo));
  if (mode.value == "prod") return log_to_folder("logs");
  if (mode.value == "dev") return {};
  return Error{ErrorCode::kUsage,
               fmt::format("there is no mode '{}'", mode.value),
               mode.name,
               {},
               "one of dev, prod"};
}

// Where clients come to.
Result<net::Address> listen_address(const GatewayFlags& flags) {
  const Said where = said(flags.listen, "--listen", "eb_go_lb_listen_port", "8080");
  const bool is_port = where.name != "--listen";
  auto address =
      net::resolve_listen(is_port ? "0.0.0.0:" + where.value : where.value, "0.0.0.0", 8080);
  if (!address.ok()) address.error().where = where.name;
  return address;
}

Result<void> serve(const GatewayFlags& flags) {
  const gateway::Gateway::Options options = TRY(gateway_options(flags));
  const Duration grace = TRY(gateway_duration(flags.grace, "--grace"));
  TRY(begin_log(said(flags.mode, "--mode", "eb_go_lb_mode", "dev")));
  net::raise_open_files_limit();
  const net::Address where = TRY(listen_address(flags));
  const auto status = TRY(status_address(flags.status));
  net::Loop control;
  bool stopping = false;
  bool hurried = false;
  const net::Signals signals(control, [&](int) {
    hurried = stopping;
    stopping = true;
    control.stop();
  });
  gateway::Gateway gateway(control, options);
  WeightsSource source(control, gateway, options.proxy.zone);
  if (!options.proxy.dummy) TRY(source.start(flags));
  TRY(gateway.listen(where));
  std::optional<gateway::CertificateWatch> certificate;
  if (!options.tls.certificate_file.empty()) {
    std::vector<std::string> files{options.tls.certificate_file};
    if (!options.tls.key_file.empty()) files.push_back(options.tls.key_file);
    certificate.emplace(control, files, [&] { return gateway.reload_certificate(); });
  }
  StatusPage page(
      control,
      [&] {
        return gateway::metrics_text(gateway.counts(), gateway.clients(),
                                     gateway.functions().size());
      },
      [&] {
        if (certificate && !certificate->trouble().empty()) return certificate->trouble();
        return source.trouble().empty() ? gateway.trouble() : source.trouble();
      },
      [&]() -> std::string {
        if (stopping) return "it is stopping";
        if (options.proxy.dummy) return "";
        return source.has_read() ? gateway.unready() : "the weights haven't been read yet";
      });
  if (status) TRY(page.listen(*status));
  log(LogLevel::kInfo, "listening",
      {{"at", TRY(gateway.local_address()).to_text()},
       {"zone", options.proxy.zone},
       {"node", options.proxy.node},
       {"threads", std::to_string(options.threads)}});
  control.run();
  // What is under way may end; a second signal doesn't wait for it.
  const Time until = control.clock().now() + grace;
  while (!gateway.drain() && !hurried && control.clock().now() < until) {
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
  add_gateway_options(app, flags);
  app.footer(help_table_text("policies"));
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto served = serve(flags);
  return served.ok() ? static_cast<int>(kFine) : fail("gateway", served.error());
}

}  // namespace galileo::commands
