// `galileo rtbl`: the routing table, where clients all over a fleet send their requests.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "base/text.h"
#include "base/utf8.h"
#include "bus/directory.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/host_weight.h"
#include "commands/json_output.h"
#include "commands/options.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

struct RtblFlags {
  std::string bus;
  std::string service;
  std::vector<std::string> hosts;
  bool json = false;
};

Result<bus::Route> parse_route(const RtblFlags& flags) {
  bus::Route route;
  route.service = flags.service;
  // As the experiment file: what clients could do nothing with isn't set.
  const auto wrong = [&](std::string why) {
    return Error{ErrorCode::kUsage,
                 fmt::format("can't set the route of '{}'", flags.service),
                 {},
                 std::move(why),
                 "galileo rtbl rm removes a route"};
  };
  for (const std::string& word : flags.hosts) {
    const route::Host host = TRY(parse_host_weight(word));
    if (std::find(route.hosts.begin(), route.hosts.end(), host.name) != route.hosts.end())
      return wrong(fmt::format("the host '{}' is there twice", host.name));
    route.hosts.push_back(host.name);
    route.weights.push_back(host.weight);
  }
  if (std::none_of(route.weights.begin(), route.weights.end(), [](double w) { return w > 0; }))
    return wrong("it has no host with a weight above 0");
  return route;
}

Result<void> list(const RtblFlags& flags) {
  const auto bus = TRY(connect_bus(flags.bus));
  const bus::Routes found = TRY(bus::routes(*bus));
  Json all = Json::array();
  std::string text = fmt::format("{:<24} {:<32} {:>8}\n", "SERVICE", "HOST", "WEIGHT");
  for (const bus::Route& route : found.routes) {
    all.push_back({{"service", route.service}, {"hosts", route.hosts}, {"weights", route.weights}});
    for (std::size_t i = 0; i < route.hosts.size(); ++i)
      text += fmt::format("{:<24} {:<32} {:>8}\n", one_line(route.service),
                          one_line(route.hosts[i]), route.weights[i]);
  }
  if (flags.json)
    print_json(all);
  else
    print_data(text);
  for (const Error& error : found.malformed)
    print_talk(fmt::format("galileo rtbl: {}\n", error.to_text()));
  return {};
}

Result<void> set(const RtblFlags& flags) {
  const bus::Route route = TRY(parse_route(flags));
  const auto bus = TRY(connect_bus(flags.bus));
  TRY(bus::set_route(*bus, route));
  if (flags.json)
    print_json({{"service", route.service}, {"hosts", route.hosts}, {"weights", route.weights}});
  return {};
}

Result<void> remove(const RtblFlags& flags) {
  const auto bus = TRY(connect_bus(flags.bus));
  const bus::Routes known = TRY(bus::routes(*bus));
  std::vector<std::string> services;
  for (const bus::Route& route : known.routes) services.push_back(route.service);
  const bool there = std::find(services.begin(), services.end(), flags.service) != services.end();
  // One that is malformed isn't listed, and can be removed all the same.
  if (!there && known.malformed.empty())
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no route to '{}'", flags.service),
                 bus->where(),
                 {},
                 services.empty() ? "there are none" : hint_for_unknown(flags.service, services)};
  TRY(bus::remove_route(*bus, flags.service));
  if (flags.json) print_json(Json::array({flags.service}));
  return {};
}

Result<void> clear(const RtblFlags& flags) {
  const auto bus = TRY(connect_bus(flags.bus));
  const std::vector<std::string> removed = TRY(bus::clear_routes(*bus));
  if (flags.json) print_json(removed);
  for (const std::string& service : removed)
    print_talk(fmt::format("galileo rtbl: removed {}\n", service));
  return {};
}

}  // namespace

int rtbl(const Arguments& arguments) {
  RtblFlags flags;
  CLI::App app(
      "List, set and remove routes: where the clients of a fleet send the requests to a service.\n"
      "Clients that run follow at once.\n\nexamples:\n"
      "  galileo rtbl set resnet 10.0.0.4:8080=2 10.0.0.5:8080=1\n"
      "  galileo rtbl ls --json\n  galileo rtbl rm resnet\n",
      "galileo rtbl");
  app.require_subcommand(1);
  Result<void> (*chosen)(const RtblFlags&) = nullptr;
  const auto add = [&](const char* name, const char* text, Result<void> (*run)(const RtblFlags&)) {
    CLI::App* command = app.add_subcommand(name, text);
    add_bus_option(*command, flags.bus);
    command->add_flag("--json", flags.json, "as JSON");
    command->callback([&chosen, run] { chosen = run; });
    return command;
  };
  add("ls", "list all routes", &list);
  CLI::App* setting = add("set", "set the route to a service, over the one it has", &set);
  setting->add_option("SERVICE", flags.service, "its name")->required();
  setting->add_option("HOST=WEIGHT", flags.hosts, "host:port, with its weight [1]")->required();
  add("rm", "remove the route to a service", &remove)
      ->add_option("SERVICE", flags.service, "its name")
      ->required();
  add("clear", "remove all routes", &clear);
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto done = chosen(flags);
  return done.ok() ? static_cast<int>(kFine) : fail("rtbl", done.error());
}

}  // namespace galileo::commands
