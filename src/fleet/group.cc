#include "fleet/group.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "bus/directory.h"
#include "fleet/controller.h"
#include "fleet/heartbeat.h"
#include "load/distribution.h"

namespace galileo::fleet {
namespace {

constexpr Duration kCloseLook = std::chrono::milliseconds{10};
// An old client dies of no time at all between two requests, but not of this.
constexpr double kAlmostNothing = 1e-9;

Error usage(std::string what, std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, std::move(what), {}, std::move(why), std::move(hint)};
}

bool unpaced(const Interarrival& interarrival) {
  return interarrival.distribution == "constant" &&
         (interarrival.parameters.empty() || interarrival.parameters[0] == 0);
}

// As Python would write it: 50 and 0.05.
wire::Number number_of(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  return {value, std::trunc(value) == value && std::abs(value) < kExact};
}

std::string command_for(const std::string& id, std::optional<std::uint64_t> num,
                        const Interarrival& interarrival, bool old_worker) {
  wire::SetWorkloadCommand command;
  command.client_id = id;
  command.num = num;
  command.distribution = interarrival.distribution;
  std::vector<double> parameters = interarrival.parameters;
  if (unpaced(interarrival)) parameters.clear();
  if (unpaced(interarrival) && old_worker) parameters = {kAlmostNothing};
  if (!parameters.empty() && command.distribution != wire::kPrerecorded) {
    command.parameters.emplace();
    for (const double parameter : parameters) command.parameters->push_back(number_of(parameter));
  }
  return wire::encode(command);
}

template <class Command>
std::vector<std::string> commands_for(const std::vector<wire::ClientDescription>& clients) {
  std::vector<std::string> commands;
  commands.reserve(clients.size());
  for (const wire::ClientDescription& client : clients)
    commands.push_back(wire::encode(Command{client.client_id}));
  return commands;
}

// Those of these clients that their workers still have.
Result<std::vector<std::string>> still_there(bus::Bus& bus,
                                             const std::vector<wire::ClientDescription>& clients) {
  std::set<std::string> workers;
  for (const wire::ClientDescription& client : clients) workers.insert(client.worker);
  std::set<std::string> known;
  for (const std::string& worker : workers) {
    for (std::string& id : TRY(bus::client_ids(bus, worker))) known.insert(std::move(id));
  }
  std::vector<std::string> there;
  for (const wire::ClientDescription& client : clients) {
    if (known.contains(client.client_id)) there.push_back(client.client_id);
  }
  return there;
}

}  // namespace

Result<void> check(const Interarrival& interarrival) {
  const auto& [name, parameters] = interarrival;
  if (name == "prerecorded") return {};
  if (name != "constant") {
    TRY(load::make_distribution(name, parameters));
    return {};
  }
  if (parameters.size() > 1)
    return usage("can't use this inter-arrival",
                 fmt::format("constant has {} parameters", parameters.size()),
                 "give it one, the seconds between two requests, or none");
  if (!parameters.empty() && (!std::isfinite(parameters[0]) || parameters[0] < 0))
    return usage("can't use this inter-arrival",
                 fmt::format("{} s can't pass between two requests", parameters[0]),
                 "give 0 for as fast as possible, or more");
  return {};
}

std::vector<std::string> ClientGroup::ids() const {
  std::vector<std::string> ids;
  ids.reserve(clients_.size());
  for (const wire::ClientDescription& client : clients_) ids.push_back(client.client_id);
  return ids;
}

// All commands in one go; each must have reached somebody.
Result<void> ClientGroup::publish(std::string_view type, const std::vector<std::string>& commands) {
  if (commands.empty()) return {};
  const std::vector<std::string_view> messages(commands.begin(), commands.end());
  bus::Bus& bus = controller_->bus();
  const auto heard = TRY(bus.publish_all(wire::event_channel(type), messages));
  const auto unheard = std::count(heard.begin(), heard.end(), 0U);
  if (unheard == 0) return {};
  return Error{ErrorCode::kUnavailable,
               fmt::format("{} of {} commands reached nobody", unheard, heard.size()), bus.where(),
               "no worker or client listens", "are the workers running, and on this bus?"};
}

Result<std::unique_ptr<Wait>> ClientGroup::request(std::optional<std::uint64_t> num,
                                                   const Interarrival& interarrival) {
  TRY(check(interarrival));
  if (clients_.empty())
    return usage("can't send requests", "the group has no clients", "spawn some first");
  auto wait = TRY(Wait::open(controller_->bus(), clients_));
  std::vector<std::string> commands;
  commands.reserve(clients_.size());
  for (const wire::ClientDescription& client : clients_)
    commands.push_back(
        command_for(client.client_id, num, interarrival, !wait->has_heartbeat(client.worker)));
  TRY(publish(wire::SetWorkloadCommand::kType, commands));
  return wait;
}

Result<void> ClientGroup::rps(double rate) {
  if (!std::isfinite(rate) || rate < 0)
    return usage("can't set this rate", fmt::format("{} requests a second", rate),
                 "give 0 to pause, or more");
  if (rate == 0) return pause();
  std::vector<std::string> commands;
  commands.reserve(clients_.size());
  for (const wire::ClientDescription& client : clients_)
    commands.push_back(command_for(client.client_id, {}, {"constant", {1 / rate}}, false));
  return publish(wire::SetWorkloadCommand::kType, commands);
}

Result<void> ClientGroup::pause() {
  return publish(wire::StopWorkloadCommand::kType,
                 commands_for<wire::StopWorkloadCommand>(clients_));
}

Result<ClientInfos> ClientGroup::info() {
  return controller_->info(ids());
}

Result<ClientGroup> ClientGroup::add(std::uint64_t num) {
  const auto differs = [&](const wire::ClientDescription& client) {
    return client.config != clients_.front().config;
  };
  if (clients_.empty() || std::any_of(clients_.begin(), clients_.end(), differs))
    return usage("can't add clients to this group",
                 clients_.empty() ? "it is empty" : "its clients are of several kinds",
                 "spawn them, then merge the groups");
  ClientGroup added = TRY(controller_->spawn(clients_.front().config, num));
  clients_.insert(clients_.end(), added.clients_.begin(), added.clients_.end());
  return added;
}

Result<std::vector<std::string>> ClientGroup::close(std::optional<std::size_t> num,
                                                    Duration timeout) {
  const std::size_t count = std::min(num.value_or(clients_.size()), clients_.size());
  const auto first = clients_.end() - static_cast<std::ptrdiff_t>(count);
  const ClientGroup closing(*controller_, {first, clients_.end()});
  clients_.erase(first, clients_.end());
  bus::Bus& bus = controller_->bus();
  const auto commands = commands_for<wire::CloseClientCommand>(closing.clients_);
  // That nobody heard it is no fault by itself: the clients may be gone already.
  TRY(bus.publish_all(wire::event_channel(wire::CloseClientCommand::kType),
                      {commands.begin(), commands.end()}));
  const net::RealClock clock;
  const Time deadline = clock.now() + timeout;
  while (true) {
    const auto there = TRY(still_there(bus, closing.clients_));
    if (there.empty()) return closing.ids();
    if (clock.now() >= deadline)
      return Error{ErrorCode::kUnavailable,
                   fmt::format("{} of {} clients weren't closed", there.size(), count), bus.where(),
                   fmt::format("their workers still have {}", name_some(there)),
                   "if a worker has died, discover the workers anew"};
    net::pause_thread(kCloseLook);
  }
}

ClientGroup operator+(const ClientGroup& one, const ClientGroup& other) {
  ClientGroup both = one;
  std::set<std::string> known;
  for (const wire::ClientDescription& client : one.clients_) known.insert(client.client_id);
  for (const wire::ClientDescription& client : other.clients_) {
    if (known.insert(client.client_id).second) both.clients_.push_back(client);
  }
  return both;
}

}  // namespace galileo::fleet
