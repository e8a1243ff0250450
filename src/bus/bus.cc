#include "bus/bus.h"

#include "bus/bus_options.h"
#include "bus/in_process.h"
#include "bus/redis.h"

namespace galileo::bus {
namespace {

Change change_of(Change::Kind kind, std::string key, std::vector<std::string> values = {}) {
  Change change;
  change.kind = kind;
  change.key = std::move(key);
  change.values = std::move(values);
  return change;
}

}  // namespace

Change remove_key(std::string key) {
  return change_of(Change::Kind::kRemove, std::move(key));
}

Change set_text(std::string key, std::string text, Duration expiry) {
  Change change = change_of(Change::Kind::kSetText, std::move(key), {std::move(text)});
  change.expiry = expiry;
  return change;
}

Change set_add(std::string key, std::vector<std::string> members) {
  return change_of(Change::Kind::kSetAdd, std::move(key), std::move(members));
}

Change set_remove(std::string key, std::vector<std::string> members) {
  return change_of(Change::Kind::kSetRemove, std::move(key), std::move(members));
}

Change hash_set(std::string key, const std::map<std::string, std::string>& fields) {
  std::vector<std::string> values;
  for (const auto& [field, value] : fields) {
    values.push_back(field);
    values.push_back(value);
  }
  return change_of(Change::Kind::kHashSet, std::move(key), std::move(values));
}

Change hash_remove(std::string key, std::vector<std::string> fields) {
  return change_of(Change::Kind::kHashRemove, std::move(key), std::move(fields));
}

Change list_push_left(std::string key, std::vector<std::string> values) {
  return change_of(Change::Kind::kListPushLeft, std::move(key), std::move(values));
}

Change list_push_right(std::string key, std::vector<std::string> values) {
  return change_of(Change::Kind::kListPushRight, std::move(key), std::move(values));
}

Change list_remove(std::string key, std::string element) {
  return change_of(Change::Kind::kListRemove, std::move(key), {std::move(element)});
}

Change list_keep_last(std::string key, std::uint64_t count) {
  if (count == 0) return remove_key(std::move(key));
  return change_of(Change::Kind::kListTrim, std::move(key), {"-" + std::to_string(count), "-1"});
}

Change list_move(std::string key, std::string to) {
  return change_of(Change::Kind::kListMove, std::move(key), {std::move(to)});
}

Change expire(std::string key, Duration after) {
  Change change = change_of(Change::Kind::kExpire, std::move(key));
  change.expiry = after;
  return change;
}

Change publish_in(std::string channel, std::string message) {
  return change_of(Change::Kind::kPublish, std::move(channel), {std::move(message)});
}

bool does_nothing(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kSetAdd:
    case Change::Kind::kSetRemove:
    case Change::Kind::kHashSet:
    case Change::Kind::kHashRemove:
    case Change::Kind::kListPushLeft:
    case Change::Kind::kListPushRight:
      return change.values.empty();
    default:
      return false;
  }
}

Result<std::unique_ptr<Bus>> connect(const BusOptions& options) {
  const BusPlace place = TRY(place_of(options));
  if (place.kind == BusPlace::Kind::kInProcess) return make_in_process();
  return connect_redis(place, options);
}

}  // namespace galileo::bus
