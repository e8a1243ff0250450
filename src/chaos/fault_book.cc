#include "chaos/fault_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::chaos {
namespace {

std::uint64_t number_of(const wire::Json& json, std::string_view key) {
  const wire::Json* const value = wire::find(json, key);
  const auto number = value ? parse_integer(value->text) : std::nullopt;
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

std::string text_of(const wire::Json& json, std::string_view key) {
  const wire::Json* const value = wire::find(json, key);
  return value && value->kind == wire::Json::Kind::kText ? value->text : std::string();
}

}  // namespace

std::string to_text(const std::vector<Undo>& undos) {
  std::string text;
  for (const Undo& undo : undos) {
    std::string words;
    for (const std::string& word : undo.words)
      words += (words.empty() ? "" : ", ") + wire::json_text(word);
    text += fmt::format(
        "{{\"words\": [{}], \"address\": {}, \"network\": {}, \"group\": {}, \"start\": {}, "
        "\"id\": {}, \"of\": {}}}\n",
        words, wire::json_text(undo.address), undo.network, undo.group, undo.group_start,
        wire::json_text(undo.id), wire::json_text(undo.of));
  }
  return text;
}

std::vector<Undo> parse_undos(std::string_view text) {
  std::vector<Undo> undos;
  for (const std::string_view line : split(text, '\n')) {
    const auto json = wire::parse_json(line);
    if (!json.ok()) continue;
    Undo undo;
    if (const wire::Json* const words = wire::find(*json, "words")) {
      for (const wire::Json& word : words->items) undo.words.push_back(word.text);
    }
    undo.address = text_of(*json, "address");
    undo.id = text_of(*json, "id");
    undo.of = text_of(*json, "of");
    undo.network = number_of(*json, "network");
    undo.group = static_cast<std::int64_t>(number_of(*json, "group"));
    undo.group_start = number_of(*json, "start");
    if (!undo.words.empty() || undo.group > 1) undos.push_back(std::move(undo));
  }
  return undos;
}

Duration FaultBook::lease_of(const wire::FaultOrder& order) const {
  if (order.lease.count() > 0) return order.lease;
  return order.of.empty() ? Duration{0} : lease_;
}

Fault& FaultBook::add(wire::FaultOrder order, Undo undo, Time now) {
  auto fault = std::make_unique<Fault>();
  fault->started = now;
  if (order.lasts.count() > 0) fault->ends = now + order.lasts;
  if (const Duration lease = lease_of(order); lease.count() > 0) fault->lease_ends = now + lease;
  fault->undo = std::move(undo);
  fault->undo.id = order.id;
  fault->undo.of = order.of;
  fault->order = std::move(order);
  faults_.push_back(std::move(fault));
  return *faults_.back();
}

void FaultBook::remove(const Fault& fault) {
  std::erase_if(faults_, [&](const auto& one) { return one.get() == &fault; });
}

Fault* FaultBook::find(const wire::FaultOrder& order) {
  for (const auto& fault : faults_) {
    const wire::FaultOrder& one = fault->order;
    const bool is_it = order.id.empty()
                           ? one.name == order.name && one.words == order.words &&
                                 one.options == order.options && one.network == order.network
                           : one.id == order.id;
    if (is_it) return fault.get();
  }
  return nullptr;
}

Fault* FaultBook::find_undo(const std::vector<std::string>& words, const std::string& address) {
  for (const auto& fault : faults_) {
    if (fault->undo.words == words && fault->undo.address == address) return fault.get();
  }
  return nullptr;
}

std::vector<Fault*> FaultBook::of(std::string_view experiment) {
  std::vector<Fault*> found;
  for (Fault* fault : all()) {
    if (fault->order.of == experiment) found.push_back(fault);
  }
  return found;
}

std::vector<Fault*> FaultBook::all() {
  std::vector<Fault*> found;
  for (auto fault = faults_.rbegin(); fault != faults_.rend(); ++fault)
    found.push_back(fault->get());
  return found;
}

std::size_t FaultBook::renew(std::string_view experiment, Time now) {
  const std::vector<Fault*> found = of(experiment);
  for (Fault* fault : found) {
    if (fault->lease_ends != kNever) fault->lease_ends = now + lease_of(fault->order);
  }
  return found.size();
}

std::vector<std::pair<Fault*, std::string>> FaultBook::due(Time now) {
  std::vector<std::pair<Fault*, std::string>> due;
  for (Fault* fault : all()) {
    if (fault->ends <= now)
      due.emplace_back(fault, "its time is over");
    else if (fault->lease_ends <= now)
      due.emplace_back(fault, "its experiment has gone silent");
  }
  return due;
}

std::vector<Undo> FaultBook::undos() const {
  std::vector<Undo> undos;
  for (const auto& fault : faults_) undos.push_back(fault->undo);
  return undos;
}

}  // namespace galileo::chaos
