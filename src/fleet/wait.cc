#include "fleet/wait.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "bus/keys.h"
#include "fleet/heartbeat.h"

namespace galileo::fleet {
namespace {

// With the 2.5 s that a heartbeat outlives its worker: a death is noticed within 3 s.
constexpr Duration kLookAtStopEvery = std::chrono::milliseconds{250};
// After the bus was away its keys may be old or empty: time for the workers to say that they live.
constexpr Duration kGrace = std::chrono::seconds{3};

const std::string& done_channel() {
  static const std::string channel = wire::event_channel(wire::WorkloadDoneEvent::kType);
  return channel;
}
const std::string& goodbye_channel() {
  static const std::string channel = wire::event_channel(wire::UnregisterWorkerEvent::kType);
  return channel;
}
const std::string& close_channel() {
  static const std::string channel = wire::event_channel(wire::CloseClientCommand::kType);
  return channel;
}

// Whom the message is about: a client or a worker, by its channel; nothing where it can't be read.
std::optional<std::string> subject_of(std::string_view channel, std::string_view message) {
  if (channel == done_channel()) {
    auto event = wire::decode_workload_done_event(message);
    if (event.ok()) return std::move(event->client_id);
  } else if (channel == goodbye_channel()) {
    auto event = wire::decode_unregister_worker_event(message);
    if (event.ok()) return std::move(event->name);
  } else {
    auto command = wire::decode_close_client_command(message);
    if (command.ok()) return std::move(command->client_id);
  }
  return std::nullopt;
}

}  // namespace

Wait::Wait(bus::Bus& bus)
    : bus_(bus),
      mailbox_([this](std::string_view channel,
                      std::string_view message) { return concerns(channel, message); },
               [this](const std::string& channel, const std::string& message) {
                 take(channel, message);
               }) {}

Wait::~Wait() = default;

Result<std::unique_ptr<Wait>> Wait::open(bus::Bus& bus,
                                         const std::vector<wire::ClientDescription>& clients) {
  std::unique_ptr<Wait> wait(new Wait(bus));
  for (const wire::ClientDescription& client : clients) {
    wait->clients_.emplace(client.client_id, client.worker);
    wait->workers_.emplace(client.worker, WatchedWorker{});
  }
  for (auto& [name, worker] : wait->workers_) {
    if (const auto heartbeat = TRY(heartbeat_of(bus, name))) worker.boot = heartbeat->boot;
  }
  TRY(wait->mailbox_.open(bus, {done_channel(), goodbye_channel(), close_channel()}));
  wait->next_look_ = wait->clock_.now() + kLookAtStopEvery;
  return wait;
}

// At the bus's desk: reads only what doesn't change any more.
bool Wait::concerns(std::string_view channel, std::string_view message) const {
  const auto subject = subject_of(channel, message);
  if (!subject) return false;
  return channel == goodbye_channel() ? workers_.contains(*subject) : clients_.contains(*subject);
}

void Wait::take(const std::string& channel, const std::string& message) {
  const std::string subject = subject_of(channel, message).value_or("");
  if (channel == done_channel()) {
    done_.insert(subject);
  } else if (channel == close_channel()) {
    closed_.insert(subject);
  } else {
    WatchedWorker& worker = workers_[subject];
    worker.left = true;
    worker.why = fmt::format("worker '{}' has left", subject);
  }
}

Result<void> Wait::wait(Duration timeout) {
  const Time deadline = clock_.now() + timeout;
  const bool told = told_;
  mailbox_.wait(Duration{0});
  if (told) look();  // a lost worker may be back
  while (!done()) {
    const bool some_lost = !lost().empty();
    if (some_lost && (!told || missing().empty())) {
      told_ = true;
      return lost_error();
    }
    const Time now = clock_.now();
    // Also where there is no time left: whoever asks again and again, with none, hears of it.
    if (now >= next_look_) {
      look();
      continue;
    }
    if (now >= deadline) return some_lost ? lost_error() : late_error(timeout);
    mailbox_.wait(std::min(deadline, next_look_) - now);
  }
  return {};
}

// Who of the workers lives. A bus that is away says nothing of them.
void Wait::look() {
  bool away = false;
  for (auto& [name, worker] : workers_) {
    if (worker.boot.empty() || worker.left) continue;
    const auto heartbeat = heartbeat_of(bus_, name);
    away = !heartbeat.ok();
    if (away) break;  // nor would it say of the others, each until its own deadline
    if (was_away_) continue;
    worker.why.clear();
    if (!*heartbeat) {
      worker.why = fmt::format("worker '{}' is gone: it has had no heartbeat for 2.5s", name);
    } else if ((*heartbeat)->boot != worker.boot) {
      worker.left = true;
      worker.why = fmt::format("worker '{}' was started anew", name);
    }
  }
  const bool back = was_away_ && !away;
  was_away_ = away;
  next_look_ = clock_.now() + (back ? kGrace : kLookAtStopEvery);
}

std::vector<std::string> Wait::missing() const {
  std::vector<std::string> missing;
  for (const auto& [id, worker] : clients_) {
    if (!done_.contains(id) && !closed_.contains(id) && workers_.at(worker).why.empty())
      missing.push_back(id);
  }
  return missing;
}

std::map<std::string, std::string> Wait::lost() const {
  std::map<std::string, std::string> lost;
  for (const auto& [id, worker] : clients_) {
    if (done_.contains(id)) continue;
    const std::string& why = workers_.at(worker).why;
    if (!why.empty())
      lost.emplace(id, why);
    else if (closed_.contains(id))
      lost.emplace(id, "it was closed");
  }
  return lost;
}

bool Wait::has_heartbeat(const std::string& worker) const {
  const auto found = workers_.find(worker);
  return found != workers_.end() && !found->second.boot.empty();
}

Error Wait::lost_error() const {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& [id, why] : lost()) by_reason[why].push_back(id);
  std::vector<std::string> reasons;
  std::size_t count = 0;
  for (const auto& [why, ids] : by_reason) {
    reasons.push_back(fmt::format("{} ({})", why, name_some(ids)));
    count += ids.size();
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("{} of {} clients won't end their workload", count, clients_.size()),
               bus_.where(), fmt::format("{}", fmt::join(reasons, "; ")),
               "see the worker's log; the other clients go on until they are paused or closed"};
}

Error Wait::late_error(Duration timeout) const {
  const auto ids = missing();
  return Error{
      ErrorCode::kInterrupted,
      fmt::format("{} of {} clients haven't ended their workload", ids.size(), clients_.size()),
      bus_.where(), fmt::format("no word from {} in {}", name_some(ids), format_duration(timeout)),
      "wait longer, or look at these clients and their workers"};
}

}  // namespace galileo::fleet
