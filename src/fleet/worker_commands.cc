// What a worker is told on the old wire, by old shells and by ours (docs/wire/bus.md, workload.md).
#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "bus/directory.h"
#include "bus/keys.h"
#include "fleet/worker.h"
#include "fleet/worker_run.h"
#include "load/app_request.h"
#include "load/request_parameters.h"
#include "wire/event_line.h"
#include "wire/json.h"

namespace galileo::fleet {
namespace {

constexpr std::uint64_t kClientsAtOnce = 100'000;

Result<load::Workload> workload_of(const wire::SetWorkloadCommand& command) {
  load::Workload workload;
  workload.requests = command.num;
  workload.fed = command.distribution == wire::kPrerecorded;
  if (workload.fed) return workload;
  workload.arrival.kind = command.distribution.empty() ? "constant" : command.distribution;
  for (const wire::Number& number : command.parameters.value_or(std::vector<wire::Number>{}))
    workload.arrival.parameters.push_back(number.value);
  TRY(load::check_workload(workload));
  return workload;
}

}  // namespace

void Worker::on_message(std::string_view channel, std::string_view message) {
  control_.post([this, channel = std::string(channel), message = std::string(message)] {
    if (!stopping_.load()) obey(channel, message);
  });
}

void Worker::refuse(std::string_view what, const Error& error) {
  ++(error.code == ErrorCode::kCorrupt ? counts_.malformed : counts_.refused);
  log(LogLevel::kError, what, {{"why", error.to_text()}});
}

void Worker::obey(const std::string& channel, const std::string& message) {
  ++counts_.commands;
  const auto is = [&](std::string_view type) { return channel == wire::event_channel(type); };
  if (is(wire::SetWorkloadCommand::kType)) {
    const auto command = wire::decode_set_workload_command(message);
    if (command.ok()) return set_workload(*command);
    return refuse_workload(wire::workload_client(message).value_or(""), command.error());
  }
  if (is(wire::StopWorkloadCommand::kType)) {
    const auto command = wire::decode_stop_workload_command(message);
    if (!command.ok()) return refuse("a stop can't be read", command.error());
    if (!clients_.contains(command->client_id)) return;  // another worker's
    if (const auto stopped = engine_->stop_workload({command->client_id}); !stopped.ok())
      refuse("a workload can't be stopped", stopped.error());
    return;
  }
  if (is(wire::CloseClientCommand::kType)) {
    const auto command = wire::decode_close_client_command(message);
    return command.ok() ? close_client(command->client_id)
                        : refuse("a close can't be read", command.error());
  }
  if (is(wire::StartTracingCommand::kType) || is(wire::PauseTracingCommand::kType)) {
    tracing_ = is(wire::StartTracingCommand::kType);
    return log_->set_tracing(tracing_);
  }
  if (is(wire::RegisterWorkerCommand::kType)) {
    registry_->loop().post(
        [this, clients = clients()] { static_cast<void>(register_now(clients).ok()); });
    return;
  }
  if (channel == bus::kRoutingUpdates)
    routes_->loop().post([this, service = message] { refresh_route(service, Missing::kRemove); });
}

void Worker::set_workload(const wire::SetWorkloadCommand& command) {
  const auto entry = clients_.find(command.client_id);
  if (entry == clients_.end()) return;  // another worker's
  const auto workload = workload_of(command);
  if (!workload.ok()) return refuse_workload(command.client_id, workload.error());
  ++entry->second.workloads;
  const auto set = engine_->set_workload({command.client_id}, *workload, control_.clock().now());
  if (!set.ok()) refuse_workload(command.client_id, set.error());
}

// A command that can't be carried out, for whatever reason, ends its client's workload, the one
// before too: whoever waits for it must not wait for ever, and what is said to be over sends no
// more. The reason goes where an experiment keeps it. Of a client that isn't ours nothing is said,
// which would end another's waiting.
void Worker::refuse_workload(const std::string& client, const Error& error) {
  refuse("a workload can't be carried out", error);
  const auto entry = clients_.find(client);
  if (entry == clients_.end()) return;
  ++entry->second.workloads;
  static_cast<void>(engine_->stop_workload({client}).ok());
  wire::Event event;
  event.at = wall_clock_.wall(control_.clock().now());
  event.name = "workload/refused";
  event.value = fmt::format(R"({{"client": {}, "why": {}}})", wire::json_text(client),
                            wire::json_text(error.to_text()));
  std::string line;
  wire::append_event_line(line, event);
  publish(std::string(bus::kEvents), std::move(line));
  publish_done(client);
  on_answered(client);  // a run of ours waits for it too
}

void Worker::close_client(const std::string& id) {
  const auto entry = clients_.find(id);
  if (entry == clients_.end()) return;
  if (const auto run = runs_.find(entry->second.run); run != runs_.end()) {
    const auto counts = engine_->counts({id});
    if (counts.ok()) run->second.made_by_closed += counts->front().requests;
    run->second.unanswered.erase(id);
  }
  // Its end waits for a call under way, which may wait for this loop: at the registry's desk.
  auto info = std::make_shared<std::unique_ptr<bus::RpcRemote>>(std::move(entry->second.info));
  clients_.erase(entry);
  counts_.clients = clients_.size();
  if (const auto closed = engine_->close_clients({id}); !closed.ok())
    refuse("a client can't be closed", closed.error());
  registry_->loop().post([this, id, info] {
    info->reset();
    if (const auto removed = bus::remove_client(bus_, options_.name, id); !removed.ok())
      log(LogLevel::kWarning, "a closed client's keys stay", {{"client", id}});
  });
}

// An app is found here, where a repository may be waited for; its processes start with its clients.
Result<load::Request> Worker::request_of(const wire::ClientConfig& config) const {
  if (!config.client) return load::parse_request_parameters(config.parameters);
  const apps::AppSettings settings = TRY(apps::read_settings(options_.apps));
  const apps::App app = TRY(apps::find_app(settings.places, *config.client));
  return load::app_request(app.path, config.parameters, options_.apps);
}

// Runs at the desk of the calls. The client hears commands before this answers, and has the route
// that was set before this was asked: a request that is sent at once isn't lost.
Result<std::string> Worker::create_clients(const wire::RpcRequest& request) {
  const std::string argument = TRY(wire::argument_of(request, 0, "cmd"));
  const auto command = TRY(wire::decode_create_client_command(argument));
  std::vector<wire::ClientDescription> made;
  if (command.host != options_.name) return wire::encode_bare(made);
  if (command.num > kClientsAtOnce)
    return Error{ErrorCode::kUsage,
                 "can't create clients",
                 {},
                 fmt::format("{} at once are too many", command.num),
                 fmt::format("at most {}", kClientsAtOnce)};
  const auto named = wire::requests_named_in(command.config.parameters);
  const load::Request what = named ? load::Request() : TRY(request_of(command.config));
  routes_->call([&, this] { refresh_route(command.config.service, Missing::kKeep); });
  Result<void> added;
  TRY(on_control([&, this] {
    std::vector<std::string> ids;
    for (std::uint64_t i = 0; i < command.num; ++i) {
      ids.push_back(
          fmt::format("{}:{}:{}", options_.name, command.config.service, clients_made_ + i));
      made.push_back({ids.back(), options_.name, command.config});
    }
    added = named ? add_described(command.config.service, *named, ids)
                  : engine_->add_clients(command.config.service, what, ids);
    if (!added.ok()) return;
    clients_made_ += command.num;
    for (const wire::ClientDescription& client : made) {
      clients_[client.client_id].description = client;
      clients_[client.client_id].requests = named;
    }
    counts_.clients = clients_.size();
  }));
  TRY(std::move(added));
  if (const auto announced = announce(made); !announced.ok()) {
    // Whoever asked hears of no clients, so there are none.
    control_.post([this, made = std::move(made)] {
      for (const wire::ClientDescription& client : made) close_client(client.client_id);
    });
    return announced.error();
  }
  return wire::encode_bare(made);
}

Result<void> Worker::announce(const std::vector<wire::ClientDescription>& clients) {
  TRY(serve_infos(clients));
  Clients described;
  for (const wire::ClientDescription& client : clients)
    described[client.client_id] = encode_bare(client);
  return bus::add_clients(bus_, options_.name, described);
}

Result<void> Worker::serve_infos(const std::vector<wire::ClientDescription>& clients) {
  std::vector<std::unique_ptr<bus::RpcRemote>> infos;
  for (const wire::ClientDescription& client : clients)
    infos.push_back(TRY(rpc_->serve(
        std::string(wire::kClientInfo),
        [this, id = client.client_id](const wire::RpcRequest&) { return client_info(id); })));
  return on_control([&, this] {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const auto entry = clients_.find(clients[i].client_id);
      if (entry != clients_.end()) entry->second.info = std::move(infos[i]);
    }
  });
}

Result<bus::RpcResult> Worker::client_info(const std::string& id) {
  wire::ClientInfo info;
  Result<void> counted;
  TRY(on_control([&, this] {
    const auto entry = clients_.find(id);
    const auto counts = engine_->counts({id});
    if (entry == clients_.end() || !counts.ok()) {
      counted =
          Error{ErrorCode::kNotFound, fmt::format("no client is called '{}'", id), {}, {}, {}};
      return;
    }
    info = {entry->second.description, counts->front().requests, counts->front().failed};
  }));
  TRY(std::move(counted));
  return bus::RpcResult{wire::encode_bare(info), "galileo.worker.api.ClientInfo"};
}

Result<void> Worker::serve() {
  rpc_ = std::make_unique<bus::RpcServer>(bus_);
  serve_json(std::string(wire::kPing), "str", [this](const wire::RpcRequest&) {
    return Result<std::string>(wire::json_text(options_.name));
  });
  serve_json(wire::create_client_function(options_.name), "list",
             [this](const wire::RpcRequest& request) { return create_clients(request); });
  serve_json("Worker.clock:" + options_.name, "int", [this](const wire::RpcRequest&) {
    const Wall now = wall_clock_.wall(net::RealClock().now());
    return Result<std::string>(fmt::format("{}", now.time_since_epoch().count()));
  });
  serve_json("Worker.start_workloads:" + options_.name, "int",
             [this](const wire::RpcRequest& request) { return start_workloads(request); });
  serve_json("Worker.change_arrivals:" + options_.name, "int",
             [this](const wire::RpcRequest& request) { return change_arrivals(request); });
  serve_json("Worker.pause_run:" + options_.name, "int",
             [this](const wire::RpcRequest& request) { return pause_run(request); });
  serve_json("Worker.stop_run:" + options_.name, "int",
             [this](const wire::RpcRequest& request) { return stop_run(request); });
  serve_json("Worker.report:" + options_.name, "dict",
             [this](const wire::RpcRequest& request) { return answer_report(request); });
  serve_requests();
  return std::exchange(served_, {});
}

// An Error is kept until serve() returns it.
void Worker::serve_json(const std::string& remote, const std::string& type,
                        std::function<Result<std::string>(const wire::RpcRequest&)> answer,
                        bus::RpcServer* server) {
  auto made = (server ? server : rpc_.get())
                  ->serve(remote,
                          [type, answer = std::move(answer)](
                              const wire::RpcRequest& request) -> Result<bus::RpcResult> {
                            return bus::RpcResult{TRY(answer(request)), type};
                          });
  if (made.ok())
    remotes_.push_back(std::move(*made));
  else if (served_.ok())
    served_ = made.error();
}

// Entries of a client's profile, as many as its stream has room for; the list ends it.
void Worker::on_hungry(const std::string& client, std::size_t room) {
  const auto entry = clients_.find(client);
  if (entry == clients_.end()) return;
  registry_->loop().post([this, client, room, workload = entry->second.workloads] {
    constexpr std::size_t kAtOnce = std::size_t{16} * 1024;
    auto popped = bus_.pop_right_many(bus::client_profile_key(client), std::min(room, kAtOnce));
    control_.post([this, client, room, workload, popped = std::move(popped)] {
      const auto still = clients_.find(client);
      if (stopping_.load() || still == clients_.end() || still->second.workloads != workload)
        return;
      if (popped.ok()) {
        still->second.hunger.begin_anew();
        return feed(client, *popped);
      }
      if (popped.error().code == ErrorCode::kCorrupt)  // the key isn't a list, and won't be one
        return refuse_workload(client, popped.error());
      starve(client, room, popped.error());
    });
  });
}

void Worker::feed(const std::string& client, const std::vector<std::string>& entries) {
  std::vector<double> between_s;
  between_s.reserve(entries.size());
  for (const std::string& text : entries) {
    if (const auto number = parse_number(text)) between_s.push_back(*number);
  }
  if (const std::size_t wrong = entries.size() - between_s.size(); wrong > 0)
    refuse("entries of a profile aren't numbers",
           {ErrorCode::kCorrupt, fmt::format("{} were left out", wrong), client, {}, {}});
  const auto fed =
      entries.empty() ? engine_->end_feed(client) : engine_->feed(client, std::move(between_s));
  if (!fed.ok()) refuse_workload(client, fed.error());
}

// A bus that is away has the profile still: it waits there, and so does the client.
void Worker::starve(const std::string& client, std::size_t room, const Error& error) {
  const auto entry = clients_.find(client);
  if (stopping_.load() || entry == clients_.end()) return;
  const Time now = control_.clock().now();
  if (const auto left_out = starving_told_.may(now, error.why))
    log(LogLevel::kWarning, "a profile can't be read; its client waits",
        {{"client", client}, {"why", error.to_text()}, {"more", std::to_string(*left_out)}});
  // This is for this workload only: the next one is hungry itself.
  entry->second.again =
      std::make_unique<net::Timer>([this, client, room, workload = entry->second.workloads](Time) {
        const auto still = clients_.find(client);
        if (still != clients_.end() && still->second.workloads == workload) on_hungry(client, room);
      });
  control_.timers().set(*entry->second.again, now + entry->second.hunger.next());
}

// The whole table. A service that isn't in it keeps the route it had until somebody says otherwise:
// a server that came up again with nothing in it has said nothing.
void Worker::refresh_routes() {
  if (stopping_.load()) return;
  const auto table = bus::routes(bus_);
  if (!table.ok()) {
    log(LogLevel::kWarning, "the routing table can't be read", {{"why", table.error().to_text()}});
    return;
  }
  for (const Error& error : table->malformed)
    log(LogLevel::kError, "a route can't be read; the one before stays",
        {{"why", error.to_text()}});
  for (const bus::Route& route : table->routes) set_route(route);
}

void Worker::refresh_route(const std::string& service, Missing missing) {
  if (stopping_.load()) return;
  const auto route = bus::route(bus_, service);
  if (!route.ok()) {
    log(LogLevel::kError, "a route can't be read; the one before stays",
        {{"service", service}, {"why", route.error().to_text()}});
    return;
  }
  if (*route)
    set_route(**route);
  else if (missing == Missing::kRemove)
    set_route(bus::Route{service, {}, {}});
}

void Worker::set_route(const bus::Route& route) {
  std::vector<route::Host> hosts;
  for (std::size_t i = 0; i < route.hosts.size(); ++i)
    hosts.push_back({route.hosts[i], route.weights[i]});
  control_.post([this, service = route.service, hosts = std::move(hosts)]() mutable {
    if (stopping_.load()) return;
    if (const auto set = engine_->set_routes(service, std::move(hosts)); !set.ok())
      refuse("a route can't be taken; the one before stays", set.error());
  });
}

}  // namespace galileo::fleet
