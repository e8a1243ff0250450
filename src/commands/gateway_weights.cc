#include "commands/gateway_weights.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "base/text.h"
#include "commands/etcd_flags.h"
#include "commands/exit_codes.h"
#include "commands/host_weight.h"
#include "commands/json_output.h"
#include "commands/options.h"
#include "gateway/weights.h"
#include "net/loop.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

struct WeightsFlags {
  EtcdFlags etcd;
  std::string zone;
  std::string function;
  std::vector<std::string> hosts;
  std::string policy;
  bool json = false;
};

Result<std::string> prefix_of(const WeightsFlags& flags) {
  const std::string zone = said(flags.zone, "--zone", "eb_go_lb_zone").value;
  if (zone.empty())
    return Error{
        ErrorCode::kUsage, "the zone isn't said", {}, {}, "give --zone NAME, or set eb_go_lb_zone"};
  return gateway::weights_prefix(zone);
}

Json json_of(const std::string& function, const gateway::Targets& targets) {
  return {{"function", function}, {"value", Json::parse(gateway::targets_json(targets))}};
}

Result<void> get(const WeightsFlags& flags) {
  net::Loop loop;
  gateway::EtcdKeys keys(loop, TRY(etcd_options(flags.etcd)));
  const std::string prefix = TRY(prefix_of(flags));
  const auto values = TRY(keys.all(prefix));
  Json all = Json::array();
  std::string text = fmt::format("{:<24} {:<32} {:>8}\n", "FUNCTION", "TARGET", "WEIGHT");
  std::vector<std::string> names;
  for (const auto& [function, value] : values) {
    names.push_back(function);
    if (!flags.function.empty() && function != flags.function) continue;
    const auto targets = gateway::parse_targets(value);
    if (!targets.ok()) {
      print_talk(fmt::format("galileo gateway: {}{}: {}\n", prefix, function, targets.error().why));
      continue;
    }
    all.push_back(json_of(function, *targets));
    for (const route::Host& target : targets->hosts)
      text += fmt::format("{:<24} {:<32} {:>8}\n", function, target.name, target.weight);
  }
  if (!flags.function.empty() && !values.contains(flags.function))
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no function '{}'", flags.function),
                 prefix,
                 {},
                 names.empty() ? "there are none" : hint_for_unknown(flags.function, names)};
  if (flags.json)
    print_json(all);
  else
    print_data(text);
  return {};
}

Result<void> set(const WeightsFlags& flags) {
  gateway::Targets targets;
  targets.policy = flags.policy;
  if (const auto read = gateway::parse_targets(gateway::targets_json(targets)); !read.ok())
    return Error{ErrorCode::kUsage, "the weights can't be set", {}, read.error().why, {}};
  for (const std::string& word : flags.hosts) {
    targets.hosts.push_back(TRY(parse_host_weight(word)));
    // What the gateways would refuse isn't written.
    if (const auto read = gateway::parse_targets(gateway::targets_json(targets)); !read.ok())
      return Error{ErrorCode::kUsage,
                   fmt::format("'{}' can't be a target", word),
                   {},
                   read.error().why,
                   "write it as host:port=weight"};
  }
  if (flags.function.empty() || flags.function.find('/') != std::string::npos)
    return Error{ErrorCode::kUsage,
                 fmt::format("a function can't be called '{}'", flags.function),
                 {},
                 "its path is /function/<name>/...",
                 "leave the slashes out"};
  net::Loop loop;
  gateway::EtcdKeys keys(loop, TRY(etcd_options(flags.etcd)));
  TRY(keys.put(TRY(prefix_of(flags)) + flags.function, gateway::targets_json(targets)));
  if (flags.json) print_json(json_of(flags.function, targets));
  return {};
}

Result<void> remove(const WeightsFlags& flags) {
  net::Loop loop;
  gateway::EtcdKeys keys(loop, TRY(etcd_options(flags.etcd)));
  const std::string prefix = TRY(prefix_of(flags));
  if (!TRY(keys.remove(prefix + flags.function)))
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no function '{}'", flags.function),
                 prefix,
                 {},
                 "galileo gateway weights get lists them"};
  if (flags.json) print_json(Json::array({flags.function}));
  return {};
}

}  // namespace

int gateway_weights(const Arguments& arguments) {
  WeightsFlags flags;
  CLI::App app(
      "The weights of a zone in etcd: gateways follow at once.\n\nexamples:\n"
      "  galileo gateway weights set --zone main hello 10.0.0.1:8080=3 10.0.0.2:8080=1\n"
      "  galileo gateway weights get --zone main --json\n"
      "  galileo gateway weights rm --zone main hello\n",
      "galileo gateway weights");
  app.require_subcommand(1);
  Result<void> (*chosen)(const WeightsFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text,
                       Result<void> (*run)(const WeightsFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    add_etcd_options(*command, flags.etcd);
    command->add_option("--zone", flags.zone, "the zone [eb_go_lb_zone]");
    command->add_flag("--json", flags.json, "as JSON");
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  add("get", "show the weights of all functions, or of one", &get)
      ->add_option("FUNCTION", flags.function, "its name");
  CLI::App* setting = add("set", "set a function's weights, in place of those that it has", &set);
  setting->add_option("FUNCTION", flags.function, "its name")->required();
  setting->add_option("HOST=WEIGHT", flags.hosts, "host:port, with its weight [1]")->required();
  setting->add_option("--policy", flags.policy, "how a target is chosen [as the gateway does]");
  add("rm", "remove a function", &remove)
      ->add_option("FUNCTION", flags.function, "its name")
      ->required();
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("gateway", done.error());
}

}  // namespace galileo::commands
