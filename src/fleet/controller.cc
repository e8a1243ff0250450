#include "fleet/controller.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "bus/directory.h"
#include "bus/keys.h"
#include "bus/rpc.h"
#include "fleet/heartbeat.h"
#include "fleet/mailbox.h"
#include "net/signals.h"
#include "wire/event_line.h"
#include "wire/json.h"

namespace galileo::fleet {
namespace {

constexpr Duration kWorkersAnswerWithin = std::chrono::seconds{2};
// How long create_client may take: an old worker forks a process for each client.
constexpr Duration kCreateWithin = std::chrono::seconds{3};
constexpr Duration kCreateEach = std::chrono::milliseconds{100};
// What an app may need besides, at the worker's default: its repository, and to be loaded.
constexpr Duration kAppWithin = std::chrono::seconds{120};
constexpr Duration kListenLook = std::chrono::milliseconds{50};
constexpr std::uint64_t kClientsMax = 1'000'000;
constexpr std::size_t kCallsAtOnce = 16;

// One answer to get_info: of a client ([description, requests, failed]), or a list of those of
// several clients of a worker.
Result<std::vector<wire::ClientInfo>> infos_of(const std::string& answer) {
  using Kind = wire::Json::Kind;
  const wire::Json json = TRY(wire::parse_json(answer));
  const bool several = json.kind == Kind::kArray &&
                       !(json.items.size() == 3 && json.items[1].kind == Kind::kInteger);
  std::vector<wire::ClientInfo> infos;
  if (!several) {
    infos.push_back(TRY(wire::decode_client_info(answer)));
    return infos;
  }
  for (const wire::Json& item : json.items)
    infos.push_back(TRY(wire::decode_client_info(wire::to_text(item))));
  return infos;
}

// Which labels there are, for someone whose labels matched nobody.
std::string labels_text(const std::vector<bus::WorkerEntry>& workers) {
  std::map<std::string, std::set<std::string>> values;
  for (const bus::WorkerEntry& worker : workers) {
    for (const auto& [label, value] : worker.labels) values[label].insert(value);
  }
  std::vector<std::string> known;
  for (const auto& [label, of] : values)
    known.push_back(fmt::format("{} = {}", label, name_some({of.begin(), of.end()})));
  if (known.empty()) return fmt::format("none of the {} workers has a label", workers.size());
  return fmt::format("the {} workers have {}", workers.size(), fmt::join(known, "; "));
}

struct Placed {
  std::string worker;
  std::uint64_t num = 0;
  Result<std::vector<wire::ClientDescription>> made;
};

// While clients are made: whoever makes them is there, and they are wanted.
Result<void> look_at(bus::Bus& bus, const std::string& worker, bool had_heartbeat) {
  if (net::signal_waits()) return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
  if (!had_heartbeat || TRY(heartbeat_of(bus, worker))) return {};
  return Error{ErrorCode::kUnavailable, fmt::format("worker '{}' made no clients", worker),
               bus.where(), "it died meanwhile", "see its log"};
}

Result<std::vector<wire::ClientDescription>> create(bus::Bus& bus, const std::string& worker,
                                                    std::uint64_t num,
                                                    const wire::ClientConfig& config) {
  wire::CreateClientCommand command;
  command.host = worker;
  command.config = config;
  command.num = num;
  Duration within = kCreateWithin + kCreateEach * static_cast<std::int64_t>(num);
  std::function<Result<void>()> look;
  if (config.client) {
    within += kAppWithin;
    const bool has_heartbeat = TRY(heartbeat_of(bus, worker)).has_value();
    look = [&bus, &worker, has_heartbeat] { return look_at(bus, worker, has_heartbeat); };
  }
  const std::string answer =
      TRY(bus::call(bus, wire::create_client_function(worker),
                    fmt::format("[{}]", wire::encode_bare(command)), within, look));
  auto clients = TRY(wire::decode_client_descriptions(answer));
  if (clients.size() == num) return clients;
  return Error{ErrorCode::kCorrupt,
               fmt::format("worker '{}' has made {} of {} clients", worker, clients.size(), num),
               bus.where(), "its answer says so", "see its log"};
}

// Asks all workers at once: each takes its time.
void create_all(bus::Bus& bus, const wire::ClientConfig& config, std::vector<Placed>& placed) {
  std::vector<std::unique_ptr<net::LoopThread>> desks;
  std::vector<net::LoopThread*> threads;
  for (std::size_t i = 0; i < std::min(placed.size(), kCallsAtOnce); ++i) {
    desks.push_back(std::make_unique<net::LoopThread>("create"));
    threads.push_back(desks.back().get());
  }
  net::call_all(threads, [&](std::size_t desk) {
    for (std::size_t i = desk; i < placed.size(); i += threads.size())
      placed[i].made = create(bus, placed[i].worker, placed[i].num, config);
  });
}

Result<void> check(const wire::ClientConfig& config, std::uint64_t num) {
  const auto wrong = [](std::string why, std::string hint) {
    return Error{ErrorCode::kUsage, "can't spawn clients", {}, std::move(why), std::move(hint)};
  };
  if (config.service.empty()) return wrong("no service is named", "name one of the routing table");
  if (num < 1 || num > kClientsMax)
    return wrong(fmt::format("{} clients", num), "give a number from 1 to 1,000,000");
  if (config.parameters.empty()) return {};
  const auto parameters = wire::parse_json(config.parameters);
  if (parameters.ok() && parameters->kind == wire::Json::Kind::kObject) return {};
  return wrong("the parameters aren't a JSON object",
               R"(write them as {"method": "get", "path": "/"})");
}

}  // namespace

std::map<std::string, std::uint64_t> place_clients(
    std::uint64_t num, const std::map<std::string, std::uint64_t>& running) {
  std::map<std::string, std::uint64_t> now = running;
  std::map<std::string, std::uint64_t> placed;
  for (std::uint64_t i = 0; i < num; ++i) {
    const auto fewest = std::min_element(
        now.begin(), now.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    ++fewest->second;
    ++placed[fewest->first];
  }
  return placed;
}

bool labels_match(const wire::Labels& wanted, const std::map<std::string, std::string>& labels) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

Controller::Controller(bus::Bus& bus) : bus_(bus), wall_clock_(clock_.wall_clock()) {}

Result<std::vector<WorkerStatus>> Controller::workers() {
  std::vector<WorkerStatus> found;
  const auto channel_of = [](std::string_view worker) {
    return wire::bus_channel(wire::create_client_function(worker));
  };
  const std::vector<std::string> listening = TRY(bus_.channels(channel_of("*")));
  for (bus::WorkerEntry& worker : TRY(bus::workers(bus_))) {
    WorkerStatus status;
    status.alive =
        std::find(listening.begin(), listening.end(), channel_of(worker.name)) != listening.end();
    status.clients = TRY(bus::client_ids(bus_, worker.name)).size();
    status.heartbeat = TRY(heartbeat_of(bus_, worker.name));
    status.name = std::move(worker.name);
    status.labels = std::move(worker.labels);
    found.push_back(std::move(status));
  }
  return found;
}

Result<Discovery> Controller::discover(Duration timeout) {
  std::set<std::string> registered;
  Mailbox mailbox({}, [&](const std::string&, const std::string& message) {
    const auto event = wire::decode_register_worker_event(message);
    if (event.ok()) registered.insert(event->name);
  });
  TRY(mailbox.open(bus_, {wire::event_channel(wire::RegisterWorkerEvent::kType)}));
  TRY(bus::forget_workers(bus_));
  Discovery discovery;
  discovery.told = TRY(bus_.publish(wire::event_channel(wire::RegisterWorkerCommand::kType),
                                    wire::encode(wire::RegisterWorkerCommand{})));
  const Time deadline = clock_.now() + timeout;
  while (registered.size() < discovery.told) {
    const Time now = clock_.now();
    if (now >= deadline) break;
    mailbox.wait(deadline - now);
  }
  discovery.registered.assign(registered.begin(), registered.end());
  return discovery;
}

Result<Pinged> Controller::ping() {
  auto answers = bus::call_all(bus_, wire::kPing, "[]", kWorkersAnswerWithin);
  Pinged pinged;
  if (!answers.ok() && answers.error().code == ErrorCode::kNotFound) return pinged;
  for (Result<std::string>& answer : TRY(std::move(answers))) {
    auto name = answer.ok() ? wire::decode_text(*answer) : std::move(answer);
    if (name.ok())
      pinged.workers.push_back(std::move(*name));
    else
      pinged.failures.push_back(std::move(name).error());
  }
  std::sort(pinged.workers.begin(), pinged.workers.end());
  return pinged;
}

Result<std::uint64_t> Controller::start_tracing() {
  return bus_.publish(wire::event_channel(wire::StartTracingCommand::kType),
                      wire::encode(wire::StartTracingCommand{}));
}

Result<std::uint64_t> Controller::stop_tracing() {
  return bus_.publish(wire::event_channel(wire::PauseTracingCommand::kType),
                      wire::encode(wire::PauseTracingCommand{}));
}

Result<std::vector<wire::ClientDescription>> Controller::clients() {
  std::vector<wire::ClientDescription> clients;
  for (const std::string& id : TRY(bus::all_client_ids(bus_))) {
    const auto text = TRY(bus::client_description(bus_, id));
    if (!text) continue;  // closed a moment ago
    auto client = wire::decode_client_description(*text);
    if (client.ok()) clients.push_back(std::move(*client));
  }
  return clients;
}

Result<ClientGroup> Controller::group(const std::vector<std::string>& ids) {
  std::vector<wire::ClientDescription> clients = TRY(this->clients());
  if (ids.empty()) return ClientGroup(*this, std::move(clients));
  std::vector<wire::ClientDescription> chosen;
  for (const std::string& id : ids) {
    const auto found = std::find_if(clients.begin(), clients.end(),
                                    [&](const auto& client) { return client.client_id == id; });
    if (found == clients.end())
      return Error{ErrorCode::kNotFound,
                   fmt::format("there is no client '{}'", id),
                   bus_.where(),
                   {},
                   fmt::format("there are {}", clients.size())};
    chosen.push_back(*found);
  }
  return ClientGroup(*this, std::move(chosen));
}

Result<ClientInfos> Controller::info(const std::vector<std::string>& ids) {
  ClientInfos infos;
  const std::set<std::string> wanted(ids.begin(), ids.end());
  std::map<std::string, wire::ClientInfo> found;
  auto answers = bus::call_all(bus_, wire::kClientInfo, "[]", kWorkersAnswerWithin);
  if (!answers.ok() && answers.error().code != ErrorCode::kNotFound) return answers.error();
  if (answers.ok()) {
    for (const Result<std::string>& answer : *answers) {
      if (!answer.ok()) continue;  // a foreign listener, or a client that is then missing
      auto told = infos_of(*answer);
      if (!told.ok()) continue;
      for (wire::ClientInfo& info : *told) {
        std::string id = info.description.client_id;
        if (wanted.contains(id)) found.insert_or_assign(std::move(id), std::move(info));
      }
    }
  }
  for (const std::string& id : wanted) {
    if (!found.contains(id)) infos.missing.push_back(id);
  }
  for (auto& [id, info] : found) infos.clients.push_back(std::move(info));
  return infos;
}

// The clients that each worker runs, of those that may take some of these.
Result<std::map<std::string, std::uint64_t>> Controller::matching_workers(
    const wire::ClientConfig& config, const std::set<std::string>& without) {
  const wire::Labels wanted = TRY(wire::decode_labels(config.worker_labels));
  std::vector<bus::WorkerEntry> workers = TRY(bus::workers(bus_));
  std::erase_if(workers,
                [&](const bus::WorkerEntry& worker) { return without.contains(worker.name); });
  std::map<std::string, std::uint64_t> matching;
  for (const bus::WorkerEntry& worker : workers) {
    if (labels_match(wanted, worker.labels))
      matching[worker.name] = TRY(bus::client_ids(bus_, worker.name)).size();
  }
  if (!matching.empty()) return matching;
  if (workers.empty())
    return Error{ErrorCode::kNotFound, "can't spawn clients", bus_.where(), "there are no workers",
                 "start some, or discover those that are running"};
  return Error{ErrorCode::kNotFound,
               fmt::format("no workers match the labels {}", config.worker_labels), bus_.where(),
               labels_text(workers), "leave labels out, or start a worker that has them"};
}

Result<ClientGroup> Controller::spawn(const wire::ClientConfig& config, std::uint64_t num,
                                      const std::set<std::string>& without) {
  TRY(check(config, num));
  return spawn_at(config, place_clients(num, TRY(matching_workers(config, without))));
}

Result<ClientGroup> Controller::spawn_on_each(const wire::ClientConfig& config, std::uint64_t most,
                                              const std::set<std::string>& without) {
  TRY(check(config, most));
  std::map<std::string, std::uint64_t> places;
  for (const auto& [worker, running] : TRY(matching_workers(config, without))) {
    if (places.size() < most) places[worker] = 1;
  }
  return spawn_at(config, places);
}

Result<ClientGroup> Controller::spawn_at(const wire::ClientConfig& config,
                                         const std::map<std::string, std::uint64_t>& places) {
  std::vector<Placed> placed;
  for (const auto& [worker, share] : places) placed.push_back({worker, share, {}});
  create_all(bus_, config, placed);
  std::vector<wire::ClientDescription> clients;
  std::optional<Error> failure;
  for (Placed& one : placed) {
    if (one.made.ok())
      std::move(one.made->begin(), one.made->end(), std::back_inserter(clients));
    else if (!failure)
      failure = one.made.error();
  }
  ClientGroup group(*this, std::move(clients));
  if (!failure) {
    auto listening = wait_until_listening(group.clients());
    if (listening.ok()) return group;
    failure = listening.error();
  }
  static_cast<void>(group.close());  // what stays is less than what failed
  return *failure;
}

// Clients of an old worker listen only some time after it has answered: what was sent to them
// before would be lost. They answer a call when they do.
Result<void> Controller::wait_until_listening(const std::vector<wire::ClientDescription>& clients) {
  std::map<std::string, bool> old_worker;
  std::vector<std::string> ids;
  for (const wire::ClientDescription& client : clients) {
    if (!old_worker.contains(client.worker))
      old_worker[client.worker] = !TRY(heartbeat_of(bus_, client.worker));
    if (old_worker[client.worker]) ids.push_back(client.client_id);
  }
  if (ids.empty()) return {};
  const Time deadline =
      clock_.now() + kCreateWithin + kCreateEach * static_cast<std::int64_t>(ids.size());
  while (true) {
    const ClientInfos infos = TRY(info(ids));
    if (infos.missing.empty()) return {};
    if (clock_.now() >= deadline)
      return Error{
          ErrorCode::kUnavailable,
          fmt::format("{} of {} new clients don't answer", infos.missing.size(), clients.size()),
          bus_.where(), fmt::format("no word from {}", name_some(infos.missing)),
          "see the worker's log"};
    net::pause_thread(kListenLook);
  }
}

Result<void> Controller::event(std::string_view name, std::string_view value) {
  wire::Event event;
  event.at = wall_clock_.wall(clock_.now());
  event.name = name;
  event.value = value;
  std::string line;
  wire::append_event_line(line, event);
  TRY(bus_.publish(bus::kEvents, line));
  return {};
}

Result<std::optional<ClockOffset>> Controller::measure_clock(std::string_view worker) {
  return fleet::measure_clock(bus_, worker, wall_clock_);
}

}  // namespace galileo::fleet
