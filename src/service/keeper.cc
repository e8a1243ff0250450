#include "service/keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "base/text.h"
#include "bus/keys.h"
#include "service/queue.h"
#include "wire/json.h"
#include "wire/lease.h"
#include "wire/worker_api.h"

namespace galileo::service {
namespace {

// What is there of somebody else's: the text behind the pattern's star.
std::string name_in(const std::string& key, std::string_view pattern) {
  return key.substr(pattern.size() - 1);
}

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Under which claim a row runs, by its last checkpoint; 0: it doesn't say.
Result<std::uint64_t> claim_of(store::Store& store, const std::string& id) {
  const auto metadata = wire::parse_json(TRY(store.metadata(id)));
  if (!metadata.ok()) return 0;
  const wire::Json* const checkpoint = find(*metadata, "checkpoint");
  const wire::Json* const claim = checkpoint ? find(*checkpoint, "claim") : nullptr;
  return claim ? number_in(claim->text) : 0;
}

Result<wire::LeaseText> lease_of(bus::Bus& bus) {
  const auto text = TRY(bus.text(std::string(bus::kFleetLease)));
  if (!text) return wire::LeaseText{};
  const auto lease = wire::decode_lease(*text);
  return lease.ok() ? *lease : wire::LeaseText{};
}

bool names(const std::vector<std::vector<std::string>>& lists, const std::string& id) {
  return std::any_of(lists.begin(), lists.end(), [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const std::string& item) {
      const auto queued = wire::decode_queued_experiment(item);
      return queued.ok() && queued->experiment.id == id;
    });
  });
}

Result<void> close(bus::Bus& bus, const std::string& key) {
  const std::vector<std::string> ids = TRY(bus.set_members(key));
  for (const std::string& id : ids)
    TRY(bus.publish(wire::event_channel(wire::CloseClientCommand::kType),
                    encode(wire::CloseClientCommand{id})));
  TRY(bus.change({bus::remove_key(key)}));
  if (!ids.empty())
    log(LogLevel::kWarning, "clients of a run that is gone are closed",
        {{"clients", std::to_string(ids.size())}, {"claim", name_in(key, bus::kAllFleetClients)}});
  return {};
}

}  // namespace

Result<std::size_t> close_left_clients(bus::Bus& bus, std::uint64_t claim) {
  std::size_t closed = 0;
  for (const std::string& key : TRY(bus.keys(std::string(bus::kAllFleetClients)))) {
    if (number_in(name_in(key, bus::kAllFleetClients)) == claim) continue;
    TRY(close(bus, key));
    ++closed;
  }
  return closed;
}

Keeper::Keeper(bus::Bus& bus, std::string daemon, Duration every, ItemOf item_of)
    : bus_(bus), daemon_(std::move(daemon)), every_(every), item_of_(std::move(item_of)) {}

// Two at once would do nothing wrong, but twice.
Result<bool> Keeper::may_look() {
  const std::string key(bus::kKeeper);
  const bus::Change mine = bus::set_text(key, daemon_, 3 * every_);
  if (TRY(bus_.change_if({{key, daemon_}}, {mine}))) return true;
  wrong_.clear();
  return TRY(bus_.change_if({{key, std::nullopt}}, {mine})).has_value();
}

void Keeper::give_back() {
  static_cast<void>(bus_.change_if({{std::string(bus::kKeeper), daemon_}},
                                   {bus::remove_key(std::string(bus::kKeeper))})
                        .ok());
}

bool Keeper::again(const std::string& what) {
  wrong_.insert(what);
  return wrong_before_.contains(what);
}

Result<void> Keeper::look(store::Store& store, Wall now) {
  if (!TRY(may_look())) return {};
  wrong_before_ = std::exchange(wrong_, {});
  const std::vector<std::string> lists = TRY(bus_.keys(std::string(bus::kAllTaken)));
  TRY(return_items(store, lists));
  TRY(look_at_rows(store, lists, now));
  return close_clients();
}

Result<void> Keeper::return_items(store::Store& store, const std::vector<std::string>& lists) {
  for (const std::string& list : lists) {
    const std::string daemon = name_in(list, bus::kAllTaken);
    if (daemon == daemon_ || TRY(bus_.text(bus::daemon_key(daemon)))) continue;
    if (TRY(lease_of(bus_)).holder == daemon || !again(list)) continue;
    for (const std::string& item : TRY(bus_.list(list))) TRY(return_item(store, list, item));
  }
  return {};
}

Result<void> Keeper::return_item(store::Store& store, const std::string& list,
                                 const std::string& item) {
  const auto queued = wire::decode_queued_experiment(item);
  bool waits = item.find(wire::kPoison) != std::string::npos && !queued.ok();
  if (queued.ok()) {
    const auto row = TRY(store.experiment(queued->experiment.id));
    waits = row ? row->status == wire::kQueued : !TRY(is_forgotten(bus_, queued->experiment.id));
  }
  std::vector<bus::Change> changes{bus::list_remove(list, item)};
  if (waits) changes.push_back(bus::list_push_right(queue_key(), {item}));
  TRY(bus_.change_if({{std::string(bus::kKeeper), daemon_}}, changes));
  return {};
}

// The lists as they were at one moment, before the rows: what is taken meanwhile is in one of them.
Result<void> Keeper::look_at_rows(store::Store& store, const std::vector<std::string>& lists,
                                  Wall now) {
  std::vector<std::string> keys = lists;
  keys.push_back(queue_key());
  const auto items = TRY(bus_.lists(keys));
  for (const wire::Experiment& row : TRY(store.experiments())) {
    if (row.status == wire::kInProgress) TRY(look_at_running(store, row, now));
    if (row.status == wire::kQueued && !names(items, row.id)) TRY(look_at_waiting(store, row, now));
  }
  return {};
}

// Its lease is looked at after its row: a claim that is over then never comes again, but where the
// server has lost its memory, which the holder mends before the next look.
Result<void> Keeper::look_at_running(store::Store& store, const wire::Experiment& row, Wall now) {
  const std::uint64_t claim = TRY(claim_of(store, row.id));
  const wire::LeaseText lease = TRY(lease_of(bus_));
  if (claim > 0 ? lease.claim == claim : lease.claim > 0) return {};
  if (!again(row.id)) return {};
  const std::string reason = fmt::format(
      "whoever ran it is gone (claim {}): it was cut off, and isn't run again by itself", claim);
  if (TRY(end_row(store, row, wire::kInProgress, {wire::kFailed, reason, daemon_}, now)))
    log(LogLevel::kWarning, "an experiment whose daemon is gone has failed",
        {{"experiment", row.id}, {"claim", std::to_string(claim)}});
  return {};
}

Result<void> Keeper::look_at_waiting(store::Store& store, const wire::Experiment& row, Wall now) {
  if (!again(row.id)) return {};
  const std::string item = TRY(item_of_(store, row));
  if (item.empty()) {
    TRY(end_row(store, row, wire::kQueued,
                {wire::kFailed,
                 "its item is gone from the queue, and nothing else says what it was", daemon_},
                now));
    return {};
  }
  TRY(bus_.change_if({{std::string(bus::kKeeper), daemon_}},
                     {bus::list_push_left(queue_key(), {item})}));
  log(LogLevel::kWarning, "an experiment that waits is queued again", {{"experiment", row.id}});
  return {};
}

Result<void> Keeper::close_clients() {
  const std::uint64_t claim = TRY(lease_of(bus_)).claim;
  for (const std::string& key : TRY(bus_.keys(std::string(bus::kAllFleetClients)))) {
    if (number_in(name_in(key, bus::kAllFleetClients)) == claim || !again(key)) continue;
    TRY(close(bus_, key));
  }
  return {};
}

}  // namespace galileo::service
