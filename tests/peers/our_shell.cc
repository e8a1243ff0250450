// Drives a fleet::Controller from a test: a JSON object a line on stdin says what to do, a JSON
// object a line on stdout what came of it ({"result": ...} or {"error": ..., "code": ...}), each
// with the seconds that it took. Groups and waits are kept by the name in "as". Ends with stdin.
#include <fmt/format.h>

#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "bus/bus_options.h"
#include "commands/options.h"
#include "fleet/controller.h"
#include "net/clock.h"

using namespace galileo;
using Json = nlohmann::json;
using Answer = Result<Json>;

namespace {

struct Shell {
  explicit Shell(bus::Bus& bus) : controller(bus) {}
  fleet::Controller controller;
  std::map<std::string, fleet::ClientGroup> groups;
  std::map<std::string, std::unique_ptr<fleet::Wait>> waits;

  fleet::ClientGroup& group(const Json& line) { return groups.at(line.value("group", "c")); }
  Json keep(const Json& line, fleet::ClientGroup group) {
    Json ids = group.ids();
    groups.insert_or_assign(line.value("as", "c"), std::move(group));
    return ids;
  }
};

Json json_of(const fleet::ClientInfos& infos) {
  Json clients = Json::object();
  for (const auto& info : infos.clients)
    clients[info.description.client_id] = {{"requests", info.requests}, {"failed", info.failed}};
  return {{"clients", clients}, {"missing", infos.missing}};
}

Answer spawn(Shell& shell, const Json& line) {
  wire::ClientConfig config;
  config.service = line.at("service");
  if (line.contains("client")) config.client = line["client"];
  if (line.contains("parameters")) config.parameters = line["parameters"].dump();
  if (line.contains("labels")) config.worker_labels = line["labels"].dump();
  return shell.keep(line, TRY(shell.controller.spawn(config, line.value("num", 1U))));
}

Answer request(Shell& shell, const Json& line) {
  fleet::Interarrival interarrival;
  if (line.contains("ia")) {
    interarrival.distribution = line["ia"].at(0);
    for (std::size_t i = 1; i < line["ia"].size(); ++i)
      interarrival.parameters.push_back(line["ia"][i]);
  }
  std::optional<std::uint64_t> num;
  if (line.contains("num")) num = line["num"];
  shell.waits[line.value("as", "w")] = TRY(shell.group(line).request(num, interarrival));
  return Json(true);
}

Answer clock_of(Shell& shell, const Json& line) {
  const auto offset = TRY(shell.controller.measure_clock(line.at("worker").get<std::string>()));
  if (!offset) return Json(nullptr);
  return Json{{"offset_s", to_seconds(offset->offset)},
              {"uncertainty_s", to_seconds(offset->uncertainty)}};
}

const std::map<std::string, std::function<Answer(Shell&, const Json&)>> kActions{
    {"discover",
     [](Shell& shell, const Json&) -> Answer {
       const auto found = TRY(shell.controller.discover());
       return Json{{"told", found.told}, {"registered", found.registered}};
     }},
    {"ping",
     [](Shell& shell, const Json&) -> Answer {
       return Json(TRY(shell.controller.ping()).workers);
     }},
    {"tracing",
     [](Shell& shell, const Json& line) -> Answer {
       return Json(line.at("on").get<bool>() ? TRY(shell.controller.start_tracing())
                                             : TRY(shell.controller.stop_tracing()));
     }},
    {"event",
     [](Shell& shell, const Json& line) -> Answer {
       TRY(shell.controller.event(line.at("name").get<std::string>(), line.value("value", "")));
       return Json(true);
     }},
    {"clients",
     [](Shell& shell, const Json& line) -> Answer {
       return shell.keep(line, TRY(shell.controller.group()));
     }},
    {"clock", &clock_of},
    {"spawn", &spawn},
    {"request", &request},
    {"wait",
     [](Shell& shell, const Json& line) -> Answer {
       TRY(shell.waits.at(line.value("wait", "w"))->wait(seconds(line.at("timeout_s"))));
       return Json(true);
     }},
    {"lost",
     [](Shell& shell, const Json& line) -> Answer {
       return Json(shell.waits.at(line.value("wait", "w"))->lost());
     }},
    {"rps",
     [](Shell& shell, const Json& line) -> Answer {
       TRY(shell.group(line).rps(line.at("rate")));
       return Json(true);
     }},
    {"pause",
     [](Shell& shell, const Json& line) -> Answer {
       TRY(shell.group(line).pause());
       return Json(true);
     }},
    {"info",
     [](Shell& shell, const Json& line) -> Answer {
       return json_of(TRY(shell.group(line).info()));
     }},
    {"add",
     [](Shell& shell, const Json& line) -> Answer {
       return Json(TRY(shell.group(line).add(line.value("num", 1U))).ids());
     }},
    {"close",
     [](Shell& shell, const Json& line) -> Answer {
       std::optional<std::size_t> num;
       if (line.contains("num")) num = line["num"];
       return Json(TRY(shell.group(line).close(num)));
     }},
};

}  // namespace

int main() {
  const auto options = bus::bus_options_from(&commands::environment);
  if (!options.ok()) return commands::fail("shell", options.error());
  const auto bus = bus::connect(*options);
  if (!bus.ok()) return commands::fail("shell", bus.error());
  Shell shell(**bus);
  const net::RealClock clock;
  for (std::string text; std::getline(std::cin, text);) {
    const Json line = Json::parse(text);
    const Time begin = clock.now();
    const Answer answer = kActions.at(line.at("do"))(shell, line);
    Json told = answer.ok() ? Json{{"result", *answer}}
                            : Json{{"error", answer.error().to_text()},
                                   {"code", static_cast<int>(answer.error().code)}};
    told["took_s"] = to_seconds(clock.now() - begin);
    fmt::print("{}\n", told.dump());
    std::fflush(stdout);
  }
  return 0;
}
