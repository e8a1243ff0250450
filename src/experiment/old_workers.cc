#include "experiment/old_workers.h"

#include <algorithm>

#include "wire/body_text.h"
#include "wire/worker_api.h"

namespace galileo::experiment {
namespace {

// For traces that are still on their way in the end.
constexpr Duration kArrival = std::chrono::seconds{3};

}  // namespace

OldWorkers::OldWorkers(bus::Bus& bus, net::Loop& control, std::function<void()> on_done,
                       std::function<void(const Error&)> on_trouble)
    : bus_(bus),
      control_(control),
      on_done_(std::move(on_done)),
      on_trouble_(std::move(on_trouble)),
      begin_timer_([this](Time) { begin(); }),
      end_timer_([this](Time) { end(); }) {}

std::string OldWorkers::done_channel() {
  return wire::event_channel(wire::WorkloadDoneEvent::kType);
}

// Those of ours aren't among the pending: their workers say that the last request is answered too.
void OldWorkers::take_done(std::string_view message) {
  if (auto event = wire::decode_workload_done_event(message); event.ok())
    control_.post([this, client = event->client_id] {
      if (pending_.erase(client) > 0) on_done_();
    });
}

void OldWorkers::order(std::vector<OldOrder> orders) {
  // Where all were done early, the last phase's end is still to come, and isn't this one's.
  control_.timers().cancel(begin_timer_);
  control_.timers().cancel(end_timer_);
  orders_ = std::move(orders);
  pending_.clear();
  for (const OldOrder& order : orders_) {
    pending_.insert(order.command.client_id);
    clients_.push_back(order.command.client_id);
  }
}

void OldWorkers::begin_at(Time start) {
  if (!orders_.empty()) control_.timers().set(begin_timer_, start);
}

void OldWorkers::begin() {
  std::vector<std::string> commands;
  Duration longest{0};
  for (const OldOrder& order : orders_) {
    commands.push_back(encode(order.command));
    if (order.duration) longest = std::max(longest, *order.duration);
  }
  const std::vector<std::string_view> views(commands.begin(), commands.end());
  if (const auto sent =
          bus_.publish_all(wire::event_channel(wire::SetWorkloadCommand::kType), views);
      !sent.ok())
    on_trouble_(sent.error());
  if (longest > Duration{0}) control_.timers().set(end_timer_, control_.clock().now() + longest);
}

// They know no durations: they are stopped, and say nothing to that.
void OldWorkers::end() {
  for (const OldOrder& order : orders_) {
    if (!order.duration) continue;
    static_cast<void>(bus_.publish(wire::event_channel(wire::StopWorkloadCommand::kType),
                                   encode(wire::StopWorkloadCommand{order.command.client_id}))
                          .ok());
    pending_.erase(order.command.client_id);
  }
  on_done_();
}

void OldWorkers::stop_sending() {
  control_.timers().cancel(begin_timer_);
  control_.timers().cancel(end_timer_);
  for (OldOrder& order : orders_) order.duration = Duration{0};
  end();
}

void OldWorkers::await_traces(fleet::Controller& controller, FleetAccounts& accounts,
                              const std::function<void()>& take) {
  if (clients_.empty()) return;
  if (const auto infos = controller.info(clients_); infos.ok()) {
    for (const wire::ClientInfo& info : infos->clients)
      accounts[info.description.worker].requests_told += info.requests;
  }
  const auto arrived = [&] {
    take();
    return std::all_of(accounts.begin(), accounts.end(), [](const auto& entry) {
      return entry.second.is_ours ||
             entry.second.received.traces_made >= entry.second.requests_told;
    });
  };
  for (const Time until = control_.clock().now() + kArrival;
       !arrived() && control_.clock().now() < until;)
    net::pause_thread(std::chrono::milliseconds{20});
}

wire::Trace as_of_ours(const wire::Trace& trace, const OldPhase& phase,
                       const load::Limits& limits) {
  wire::Trace placed = trace;
  if (placed.status >= 0)
    placed.failure =
        limits.fail_on.contains(placed.status) ? wire::Failure::status : wire::Failure::none;
  placed.phase = trace.created < phase.warm_until ? phase.warmup : phase.phase;
  const bool kept = !limits.keep_only_failed || placed.failure != wire::Failure::none;
  if (!kept || !limits.keep_headers) placed.headers = {};
  placed.response = wire::beginning(placed.response, kept ? limits.keep_response : 0);
  if (!kept || limits.keep_response == 0) placed.empty_response = false;
  return placed;
}

}  // namespace galileo::experiment
