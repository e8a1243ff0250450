#include "service/queue.h"

#include <fmt/format.h>

#include <algorithm>

#include "bus/keys.h"
#include "service/submission.h"
#include "store/experiment_id.h"
#include "wire/json.h"
#include "wire/worker_api.h"

namespace galileo::service {
namespace {

constexpr std::string_view kItemKey = "queued";
constexpr std::string_view kEndedKey = "ended";
// As long as a daemon may have taken an item of it without having looked at its row.
constexpr Duration kRemembered = std::chrono::hours{1};

Result<std::optional<std::string>> item_in_queue(bus::Bus& bus, const std::string& id) {
  for (std::string& item : TRY(bus.list(queue_key()))) {
    const auto queued = wire::decode_queued_experiment(item);
    if (queued.ok() && queued->experiment.id == id) return std::optional(std::move(item));
  }
  return std::nullopt;
}

// The object with one more member, in place of one of that name.
std::string with_member(const std::string& object, std::string_view name,
                        const std::string& value) {
  std::string text = "{";
  const auto read = wire::parse_json(object);
  for (std::size_t i = 0; read.ok() && i < read->keys.size(); ++i) {
    if (read->keys[i] == name) continue;
    text += fmt::format("{}: {}, ", wire::json_text(read->keys[i]), to_text(read->items[i]));
  }
  return fmt::format("{}{}: {}}}", text, wire::json_text(name), value);
}

// Both or none.
template <class F>
Result<bool> in_transaction(store::Store& store, F&& work) {
  TRY(store.begin());
  auto done = [&]() -> Result<bool> {
    const bool goes_on = TRY(work());
    if (goes_on) TRY(store.commit());
    return goes_on;
  }();
  if (!done.ok() || !*done) store.rollback();
  return done;
}

// The item, whose row is there, into the list. An answer that was lost is looked for; where nobody
// answers, the row is ended, so that an item that is there all the same isn't run.
Result<void> put(bus::Bus& bus, store::Store& store, const wire::Experiment& experiment,
                 const std::string& item, Wall now) {
  const auto put = bus.change({bus::list_push_left(queue_key(), {item})});
  if (put.ok()) return {};
  const auto there = item_in_queue(bus, experiment.id);
  if (there.ok() && *there) return {};
  const auto row = store.experiment(experiment.id);
  // It was there, and a daemon has it.
  if (row.ok() && *row && (*row)->status != wire::kQueued) return {};
  TRY(end_row(store, experiment, wire::kQueued,
              {wire::kFailed, "it couldn't be queued: " + put.error().to_text(), "queue"}, now));
  return put.error();
}

}  // namespace

std::string queue_key() {
  return wire::bus_channel(bus::kExperimentQueue);
}

Result<wire::Experiment> enqueue(bus::Bus& bus, store::Store& store, wire::QueuedExperiment queued,
                                 Wall now) {
  wire::Experiment& experiment = queued.experiment;
  experiment.id = TRY(store::new_experiment_id(now, &store));
  if (experiment.name.empty()) experiment.name = experiment.id;
  experiment.created = now;
  experiment.status = wire::kQueued;
  const std::string item = wire::encode(queued);
  TRY(in_transaction(store, [&]() -> Result<bool> {
    TRY(store.save_experiment(experiment));
    TRY(store.save_metadata(experiment.id,
                            fmt::format(R"({{"{}": {}}})", kItemKey, wire::json_text(item))));
    return true;
  }));
  TRY(put(bus, store, experiment, item, now));
  return experiment;
}

Result<bool> withdraw(bus::Bus& bus, const std::string& id) {
  const auto item = TRY(item_in_queue(bus, id));
  if (!item) return false;
  // By its whole value: a daemon that takes it at the same time has it, or we have.
  return TRY(bus.change({bus::list_remove(queue_key(), *item)})).at(0) > 0;
}

Result<bool> end_row(store::Store& store, const wire::Experiment& experiment, std::string_view from,
                     const EndedBy& why, Wall now) {
  wire::Experiment ended = experiment;
  ended.status = why.status;
  ended.end = now;
  const std::string note = fmt::format(
      R"({{"status": {}, "reason": {}, "by": {}, "at": {}}})", wire::json_text(why.status),
      wire::json_text(why.reason), wire::json_text(why.by), wire::json_real(to_unix_seconds(now)));
  return in_transaction(store, [&]() -> Result<bool> {
    if (!TRY(store.change_experiment(ended, std::string(from)))) return false;
    TRY(store.save_metadata(ended.id, with_member(TRY(store.metadata(ended.id)), kEndedKey, note)));
    return true;
  });
}

Result<Cancelled> cancel_queued(bus::Bus& bus, store::Store& store, const std::string& id,
                                const std::string& reason, const std::string& by, Wall now) {
  const auto row = TRY(store.experiment(id));
  if (!row) return Cancelled::kUnknown;
  if (row->status != wire::kQueued) return Cancelled::kNotQueued;
  if (!TRY(end_row(store, *row, wire::kQueued, {wire::kCancelled, reason, by}, now)))
    return Cancelled::kNotQueued;
  // Its row is what counts: an item that stays is dropped by whoever takes it.
  static_cast<void>(withdraw(bus, id).ok());
  return Cancelled::kCancelled;
}

// First what is remembered: who finds no row looks for that.
Result<void> forget(bus::Bus& bus, store::Store& store, const std::string& id) {
  TRY(bus.change({bus::set_text(bus::gone_key(id), "1", kRemembered)}));
  TRY(remove_submission(store, id));
  return store.remove(id);
}

Result<bool> is_forgotten(bus::Bus& bus, const std::string& id) {
  return TRY(bus.text(bus::gone_key(id))).has_value();
}

Result<std::vector<wire::Experiment>> waiting(bus::Bus& bus, store::Store& store) {
  std::vector<wire::Experiment> rows = TRY(store.experiments());
  std::erase_if(rows, [](const auto& row) { return row.status != wire::kQueued; });
  std::vector<wire::Experiment> next;
  std::vector<std::string> items = TRY(bus.list(queue_key()));
  std::reverse(items.begin(), items.end());
  for (const std::string& item : items) {
    const auto queued = wire::decode_queued_experiment(item);
    if (!queued.ok()) continue;
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const auto& one) { return one.id == queued->experiment.id; });
    if (row == rows.end()) continue;
    next.push_back(std::move(*row));
    rows.erase(row);
  }
  // A daemon has taken it a moment ago, or the list is to get it.
  next.insert(next.end(), rows.begin(), rows.end());
  return next;
}

Result<std::string> item_of(store::Store& store, const std::string& id) {
  const auto metadata = wire::parse_json(TRY(store.metadata(id)));
  if (!metadata.ok()) return std::string();
  const wire::Json* const item = find(*metadata, kItemKey);
  return item && item->kind == wire::Json::Kind::kText ? item->text : std::string();
}

}  // namespace galileo::service
