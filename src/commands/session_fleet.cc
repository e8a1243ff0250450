// The session's calls on a fleet (docs/wire/session.md): a bus is connected to, then workers,
// clients, routes and telemetry daemons are asked and commanded over it. Groups of clients are the
// caller's, who names the clients each time; what is waited for is kept here by its number.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "bus/bus.h"
#include "bus/bus_options.h"
#include "bus/directory.h"
#include "commands/bus_options.h"
#include "commands/session_parts.h"
#include "commands/session_recording.h"
#include "commands/standalone.h"
#include "fleet/controller.h"
#include "fleet/telemetry_nodes.h"
#include "net/clock.h"
#include "wire/json.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;
using Answer = Result<Json>;

// A bus that is away for so long has waits end: nobody would tell them.
constexpr Duration kAwayMax = std::chrono::seconds{5};

// As the wire has it: with Python's spaces, so that old workers get the bytes that they know.
Result<std::string> wire_text(const Json& json) {
  if (json.is_null()) return std::string();
  return wire::to_text(
      TRY(wire::parse_json(json.dump(-1, ' ', false, Json::error_handler_t::replace))));
}

Json json_of(const wire::ClientDescription& client) {
  return Json::parse(wire::encode_bare(client));
}

Json json_of(const std::vector<wire::ClientDescription>& clients) {
  Json all = Json::array();
  for (const wire::ClientDescription& client : clients) all.push_back(json_of(client));
  return all;
}

Json json_of(const bus::Route& route) {
  return {{"service", route.service}, {"hosts", route.hosts}, {"weights", route.weights}};
}

Result<std::vector<wire::ClientDescription>> take_clients(SessionRequest& request) {
  const Json json = request.take_json("clients");
  if (!json.is_array()) return wrong_request("'clients' must be a list of clients");
  auto clients =
      wire::decode_client_descriptions(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!clients.ok()) return wrong_request(clients.error().to_text());
  return clients;
}

Result<std::optional<std::uint64_t>> take_count(SessionRequest& request, const char* key) {
  const Json json = request.take_json(key);
  if (json.is_null()) return std::optional<std::uint64_t>();
  if (!json.is_number_unsigned())
    return wrong_request(fmt::format("'{}' must be a whole number, 0 or more", key));
  return std::optional(json.get<std::uint64_t>());
}

Result<std::vector<double>> take_numbers(SessionRequest& request, const char* key) {
  const Json json = request.take_json(key);
  if (json.is_null()) return std::vector<double>();
  if (!json.is_array() ||
      !std::all_of(json.begin(), json.end(), [](const Json& one) { return one.is_number(); }))
    return wrong_request(fmt::format("'{}' must be a list of numbers", key));
  return json.get<std::vector<double>>();
}

Result<bus::BusOptions> exact_options(const Json& json) {
  if (!json.is_object()) return wrong_request("'server' must be an object");
  SessionRequest server{json};
  bus::BusOptions options;
  options.url = TRY(server.take_text("url"));
  options.user = TRY(server.take_text("user"));
  options.password = TRY(server.take_text("password"));
  options.ca_file = TRY(server.take_text("ca_file"));
  options.certificate_file = TRY(server.take_text("certificate_file"));
  options.key_file = TRY(server.take_text("key_file"));
  options.verify_certificate = TRY(server.take_bool("verify_certificate", true));
  const auto database = TRY(server.take_integer("database", -1));
  if (database >= 0) options.database = static_cast<int>(std::min<std::int64_t>(database, 1 << 20));
  TRY(server.end());
  const auto place = TRY(bus::place_of(options));
  if (place.kind == bus::BusPlace::Kind::kInProcess)
    return wrong_request("a bus of one process is 'standalone'");
  return options;
}

class FleetCalls : public SessionPart {
 public:
  ~FleetCalls() override {
    if (recording_) leave_nothing_running();
    if (standalone_) standalone_->end_worker();
    recording_.reset();  // ends the experiment
    waits_.clear();
    controller_.reset();
    standalone_.reset();
  }

  std::optional<Answer> answer(std::string_view call, SessionRequest& request) override {
    if (call == "fleet.connect") return connect(request);
    const auto found = kCalls.find(call);
    if (found == kCalls.end()) return std::nullopt;
    if (!bus_) return wrong_request("there is no bus yet: fleet.connect comes first");
    return (this->*found->second)(request);
  }

 private:
  using Call = Answer (FleetCalls::*)(SessionRequest&);
  static const std::map<std::string_view, Call> kCalls;

  Answer connect(SessionRequest& request) {
    const auto url = TRY(request.take_text("url"));
    const Json server = request.take_json("server");
    const bool standalone = TRY(request.take_bool("standalone", false));
    TRY(request.end());
    if (bus_) return wrong_request("the session has its bus already");
    if (standalone) {
      standalone_ = TRY(Standalone::start());
      bus_ = &standalone_->bus();
    } else {
      options_ = server.is_null() ? TRY(shared_bus_options(url)) : TRY(exact_options(server));
      shared_ = TRY(bus::connect(*options_));
      bus_ = shared_.get();
    }
    controller_.emplace(*bus_);
    return Json{{"where", bus_->where()}};
  }

  Answer workers(SessionRequest& request) {
    TRY(request.end());
    Json all = Json::array();
    for (const fleet::WorkerStatus& worker : TRY(controller_->workers()))
      all.push_back({{"name", worker.name},
                     {"labels", worker.labels},
                     {"clients", worker.clients},
                     {"alive", worker.alive},
                     {"heartbeat", worker.heartbeat.has_value()}});
    return all;
  }

  Answer ping(SessionRequest& request) {
    TRY(request.end());
    const fleet::Pinged pinged = TRY(controller_->ping());
    Json failures = Json::array();
    for (const Error& error : pinged.failures) failures.push_back(commands::json_of(error));
    return Json{{"workers", pinged.workers}, {"failures", failures}};
  }

  Answer discover(SessionRequest& request) {
    const double timeout = TRY(request.take_number("timeout_s", 5));
    TRY(request.end());
    if (!(timeout >= 0 && timeout <= 60)) return wrong_request("'timeout_s' is 0 to 60");
    const fleet::Discovery found = TRY(controller_->discover(seconds(timeout)));
    return Json{{"told", found.told}, {"registered", found.registered}};
  }

  Answer tracing(SessionRequest& request) {
    const bool on = TRY(request.take_bool("on", true));
    TRY(request.end());
    return Json(on ? TRY(controller_->start_tracing()) : TRY(controller_->stop_tracing()));
  }

  Answer clients(SessionRequest& request) {
    const auto ids = TRY(request.take_texts("ids"));
    TRY(request.end());
    const fleet::ClientGroup group = TRY(controller_->group(ids));
    return json_of(group.clients());
  }

  Answer spawn(SessionRequest& request) {
    wire::ClientConfig config;
    config.service = TRY(request.take_text("service"));
    const Json client = request.take_json("client");
    config.parameters = TRY(wire_text(request.take_json("parameters")));
    config.worker_labels = TRY(wire_text(request.take_json("worker_labels")));
    const auto num = TRY(take_count(request, "num"));
    TRY(request.end());
    if (!client.is_null() && !client.is_string()) return wrong_request("'client' must be a text");
    if (client.is_string()) config.client = client.get<std::string>();
    if (num == 0) return wrong_request("'num' must be 1 or more");
    const fleet::ClientGroup group = TRY(controller_->spawn(config, num.value_or(1)));
    spawned_.insert(spawned_.end(), group.clients().begin(), group.clients().end());
    return json_of(group.clients());
  }

  Result<fleet::ClientGroup> take_group(SessionRequest& request) {
    auto clients = TRY(take_clients(request));
    TRY(request.end());
    return fleet::ClientGroup(*controller_, std::move(clients));
  }

  Answer request(SessionRequest& request) {
    fleet::Interarrival interarrival;
    interarrival.distribution = TRY(request.take_text("distribution", "constant"));
    interarrival.parameters = TRY(take_numbers(request, "parameters"));
    const auto num = TRY(take_count(request, "num"));
    fleet::ClientGroup group = TRY(take_group(request));
    waits_[++last_wait_] = TRY(group.request(num, interarrival));
    return Json(last_wait_);
  }

  Answer rps(SessionRequest& request) {
    const double rate = TRY(request.take_number("rate", 0));
    TRY(TRY(take_group(request)).rps(rate));
    return Json(nullptr);
  }

  Answer pause(SessionRequest& request) {
    TRY(TRY(take_group(request)).pause());
    return Json(nullptr);
  }

  Answer info(SessionRequest& request) {
    const fleet::ClientInfos infos = TRY(TRY(take_group(request)).info());
    Json clients = Json::array();
    for (const wire::ClientInfo& info : infos.clients)
      clients.push_back({json_of(info.description), info.requests, info.failed});
    return Json{{"clients", clients}, {"missing", infos.missing}};
  }

  Answer close(SessionRequest& request) {
    fleet::ClientGroup group = TRY(take_group(request));
    std::set<std::string> closing;
    for (const wire::ClientDescription& client : group.clients()) closing.insert(client.client_id);
    auto ids = group.close();
    std::erase_if(spawned_, [&](const auto& one) { return closing.contains(one.client_id); });
    return Json(TRY(ids));
  }

  // How each wait stands; one that is over, one way or the other, is told of once.
  Answer waits(SessionRequest& request) {
    TRY(request.end());
    const Time now = clock_.now();
    bool away = !bus_->connected();
    Json all = Json::array();
    std::vector<std::uint64_t> over;
    for (const auto& [number, wait] : waits_) {
      // A bus that doesn't answer is asked once, and not for each.
      if (away) break;
      const auto waited = wait->wait(Duration{0});
      away = !bus_->connected() || wait->is_bus_away();
      Json json = {{"wait", number}, {"done", wait->done()}};
      if (!waited.ok() && waited.error().code != ErrorCode::kInterrupted)
        json["error"] = commands::json_of(waited.error());
      if (!wait->done() && !json.contains("error")) continue;
      over.push_back(number);
      all.push_back(std::move(json));
    }
    if (!away) away_since_ = kNever;
    if (away) away_since_ = std::min(away_since_, now);
    for (const std::uint64_t number : over) waits_.erase(number);
    if (!away || clock_.now() - away_since_ < kAwayMax) return all;
    const Json error =
        commands::json_of({ErrorCode::kUnavailable, "can't wait for clients any longer",
                           bus_->where(), "the bus is away, and nobody else would tell",
                           "the clients go on; have a look at the Redis server"});
    for (const auto& [number, wait] : waits_)
      all.push_back({{"wait", number}, {"done", false}, {"error", error}});
    waits_.clear();
    return all;
  }

  Answer forget(SessionRequest& request) {
    const auto number = TRY(request.take_integer("wait", 0));
    TRY(request.end());
    return Json(waits_.erase(static_cast<std::uint64_t>(number)) > 0);
  }

  Answer event(SessionRequest& request) {
    const auto name = TRY(request.take_text("name"));
    const auto value = TRY(request.take_text("value"));
    TRY(request.end());
    if (name.empty()) return wrong_request("an event has a 'name'");
    TRY(controller_->event(name, value));
    return Json(nullptr);
  }

  Answer clock(SessionRequest& request) {
    const auto worker = TRY(request.take_text("worker"));
    TRY(request.end());
    const auto offset = TRY(controller_->measure_clock(worker));
    if (!offset) return Json(nullptr);
    return Json{{"offset_s", to_seconds(offset->offset)},
                {"uncertainty_s", to_seconds(offset->uncertainty)}};
  }

  Answer routes(SessionRequest& request) {
    TRY(request.end());
    const bus::Routes found = TRY(bus::routes(*bus_));
    Json all = Json::array();
    for (const bus::Route& route : found.routes) all.push_back(json_of(route));
    Json malformed = Json::array();
    for (const Error& error : found.malformed) malformed.push_back(commands::json_of(error));
    return Json{{"routes", all}, {"malformed", malformed}};
  }

  Answer route(SessionRequest& request) {
    const auto service = TRY(request.take_text("service"));
    TRY(request.end());
    const auto route = TRY(bus::route(*bus_, service));
    return route ? json_of(*route) : Json(nullptr);
  }

  Answer set_route(SessionRequest& request) {
    bus::Route route;
    route.service = TRY(request.take_text("service"));
    route.hosts = TRY(request.take_texts("hosts"));
    route.weights = TRY(take_numbers(request, "weights"));
    TRY(request.end());
    TRY(bus::set_route(*bus_, route));
    return Json(nullptr);
  }

  Answer remove_route(SessionRequest& request) {
    const auto service = TRY(request.take_text("service"));
    TRY(request.end());
    TRY(bus::remove_route(*bus_, service));
    return Json(nullptr);
  }

  Answer clear_routes(SessionRequest& request) {
    TRY(request.end());
    return Json(TRY(bus::clear_routes(*bus_)));
  }

  Answer nodes(SessionRequest& request) {
    TRY(request.end());
    return Json(TRY(fleet::telemetry_nodes(*bus_)));
  }

  Answer tell_nodes(SessionRequest& request) {
    const auto nodes = TRY(request.take_texts("nodes"));
    const auto command = TRY(request.take_text("command"));
    TRY(request.end());
    static const std::set<std::string> known{"pause", "unpause", "info"};
    if (!known.contains(command)) return wrong_request("'command' is pause, unpause or info");
    for (const std::string& node : nodes) {
      if (command == "unpause") unpaused_.insert(node);
      if (command == "pause") unpaused_.erase(node);
    }
    return Json(TRY(fleet::tell_nodes(*bus_, nodes, command)));
  }

  Answer record(SessionRequest& request) {
    if (recording_) return wrong_request("an experiment is being recorded already");
    recording_ = TRY(SessionRecording::start(standalone_ ? bus_ : nullptr, options_, request));
    return recording_->about();
  }

  Answer stop_recording(SessionRequest& request) {
    const double wait = TRY(request.take_number("wait_s", 5));
    const bool failed = TRY(request.take_bool("failed", false));
    TRY(request.end());
    if (!recording_) return Json(nullptr);
    const std::unique_ptr<SessionRecording> recording = std::move(recording_);
    return recording->stop(seconds(std::clamp(wait, 0.0, 3600.0)), failed);
  }

  // Whoever asked is gone in the middle of its experiment: nobody would end what it has begun.
  void leave_nothing_running() {
    if (!spawned_.empty())
      static_cast<void>(fleet::ClientGroup(*controller_, std::move(spawned_)).close());
    if (!unpaused_.empty())
      static_cast<void>(fleet::tell_nodes(*bus_, {unpaused_.begin(), unpaused_.end()}, "pause"));
  }

  const net::RealClock clock_;
  std::optional<bus::BusOptions> options_;  // of a shared one
  std::unique_ptr<bus::Bus> shared_;
  std::unique_ptr<Standalone> standalone_;
  bus::Bus* bus_ = nullptr;  // of one of the two
  std::optional<fleet::Controller> controller_;
  std::map<std::uint64_t, std::unique_ptr<fleet::Wait>> waits_;
  std::uint64_t last_wait_ = 0;
  Time away_since_ = kNever;
  std::vector<wire::ClientDescription> spawned_;  // and not closed since
  std::set<std::string> unpaused_;                // nodes, and not paused since
  std::unique_ptr<SessionRecording> recording_;
};

const std::map<std::string_view, FleetCalls::Call> FleetCalls::kCalls{
    {"fleet.workers", &FleetCalls::workers},      {"fleet.ping", &FleetCalls::ping},
    {"fleet.discover", &FleetCalls::discover},    {"fleet.tracing", &FleetCalls::tracing},
    {"fleet.clients", &FleetCalls::clients},      {"fleet.spawn", &FleetCalls::spawn},
    {"fleet.request", &FleetCalls::request},      {"fleet.rps", &FleetCalls::rps},
    {"fleet.pause", &FleetCalls::pause},          {"fleet.info", &FleetCalls::info},
    {"fleet.close", &FleetCalls::close},          {"fleet.waits", &FleetCalls::waits},
    {"fleet.forget", &FleetCalls::forget},        {"fleet.event", &FleetCalls::event},
    {"fleet.clock", &FleetCalls::clock},          {"routes", &FleetCalls::routes},
    {"routes.get", &FleetCalls::route},           {"routes.set", &FleetCalls::set_route},
    {"routes.remove", &FleetCalls::remove_route}, {"routes.clear", &FleetCalls::clear_routes},
    {"telemetry.nodes", &FleetCalls::nodes},      {"telemetry.tell", &FleetCalls::tell_nodes},
    {"record.start", &FleetCalls::record},        {"record.stop", &FleetCalls::stop_recording},
};

}  // namespace

std::unique_ptr<SessionPart> session_fleet() {
  return std::make_unique<FleetCalls>();
}

}  // namespace galileo::commands
