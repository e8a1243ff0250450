#include "commands/gateway_weights.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/output.h"
#include "base/text.h"
#include "bus/keys.h"
#include "commands/bus_options.h"
#include "commands/etcd_flags.h"
#include "commands/exit_codes.h"
#include "commands/host_weight.h"
#include "commands/json_output.h"
#include "commands/options.h"
#include "gateway/weights.h"
#include "net/clock.h"
#include "net/loop.h"
#include "wire/event_line.h"
#include "wire/weight_update.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

struct WeightsFlags {
  EtcdFlags etcd;
  std::string zone;
  std::string function;
  std::vector<std::string> hosts;
  std::string policy;
  std::string bus;
  bool json = false;
};

Result<std::string> zone_of(const WeightsFlags& flags) {
  std::string zone = said(flags.zone, "--zone", "eb_go_lb_zone").value;
  if (zone.empty())
    return Error{
        ErrorCode::kUsage, "the zone isn't said", {}, {}, "give --zone NAME, or set eb_go_lb_zone"};
  return zone;
}

// Whoever records an experiment hears of a change on its bus, where one is known.
class Announcer {
 public:
  // A bus that was named must be there, before anything is written; one that only the environment
  // knows may be away.
  static Result<Announcer> find(const std::string& url) {
    Announcer announcer;
    const auto is_known = [](std::string_view name) {
      return !environment(name).value_or("").empty();
    };
    if (url.empty() && !is_known("galileo_redis_url") && !is_known("galileo_redis_host"))
      return announcer;
    auto bus = connect_bus(url);
    if (bus.ok())
      announcer.bus_ = std::move(*bus);
    else if (!url.empty())
      return bus.error();
    else
      announcer.trouble_ = bus.error();
    return announcer;
  }

  // After the change was written.
  void tell(const std::string& zone, const std::string& function,
            const std::vector<route::Host>& hosts) {
    wire::WeightUpdate update{net::RealClock::wall_now(), function, zone, {}};
    for (const route::Host& host : hosts) update.targets.emplace_back(host.name, host.weight);
    if (bus_) {
      std::string line;
      wire::append_event_line(line, wire::weight_update_event(update));
      if (auto told = bus_->publish(bus::kEvents, line); !told.ok()) trouble_ = told.error();
    }
    if (trouble_)
      print_talk(fmt::format("galileo gateway: the weights are written; no recorder was told: {}\n",
                             trouble_->to_text()));
  }

 private:
  std::unique_ptr<bus::Bus> bus_;
  std::optional<Error> trouble_;
};

Json json_of(const std::string& function, const gateway::Targets& targets) {
  return {{"function", function}, {"value", Json::parse(gateway::targets_json(targets))}};
}

Result<void> get(const WeightsFlags& flags) {
  net::Loop loop;
  gateway::EtcdKeys keys(loop, TRY(etcd_options(flags.etcd)));
  const std::string prefix = gateway::weights_prefix(TRY(zone_of(flags)));
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
  const std::string zone = TRY(zone_of(flags));
  Announcer announcer = TRY(Announcer::find(flags.bus));
  TRY(keys.put(gateway::weights_prefix(zone) + flags.function, gateway::targets_json(targets)));
  announcer.tell(zone, flags.function, targets.hosts);
  if (flags.json) print_json(json_of(flags.function, targets));
  return {};
}

Result<void> remove(const WeightsFlags& flags) {
  net::Loop loop;
  gateway::EtcdKeys keys(loop, TRY(etcd_options(flags.etcd)));
  const std::string zone = TRY(zone_of(flags));
  const std::string prefix = gateway::weights_prefix(zone);
  Announcer announcer = TRY(Announcer::find(flags.bus));
  if (!TRY(keys.remove(prefix + flags.function)))
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no function '{}'", flags.function),
                 prefix,
                 {},
                 "galileo gateway weights get lists them"};
  announcer.tell(zone, flags.function, {});
  if (flags.json) print_json(Json::array({flags.function}));
  return {};
}

void add_told_bus(CLI::App& app, WeightsFlags& flags) {
  app.add_option("--bus", flags.bus,
                 "the bus on which recorders hear of it, as a weight_update event "
                 "[galileo_redis_url, or galileo_redis_host and _port; none: nobody is told]");
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
  add_told_bus(*setting, flags);
  setting->add_option("FUNCTION", flags.function, "its name")->required();
  setting->add_option("HOST=WEIGHT", flags.hosts, "host:port, with its weight [1]")->required();
  setting->add_option("--policy", flags.policy, "how a target is chosen [as the gateway does]");
  CLI::App* removing = add("rm", "remove a function", &remove);
  add_told_bus(*removing, flags);
  removing->add_option("FUNCTION", flags.function, "its name")->required();
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("gateway", done.error());
}

}  // namespace galileo::commands
