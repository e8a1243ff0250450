#include "wire/trace_batch.h"

#include <fmt/format.h>

#include "wire/packed.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kMagic{"GALTRC\x01\0", 8};
constexpr std::uint8_t kResent = 1;
// Each name and each trace takes bytes of its own: a count beyond that is no count.
constexpr std::size_t kNameMin = 4;
constexpr std::size_t kTraceMin = sizeof(PackedTrace) + 4;

Error corrupt(std::string why) {
  return Error{ErrorCode::kCorrupt,
               "a batch of traces can't be read",
               {},
               std::move(why),
               "is its sender of the same version?"};
}

NameId highest_name(const Trace& trace) {
  NameId most = 0;
  each_name(trace, [&](NameId id) { most = std::max(most, id); });
  return most;
}

// Behind the traces, where any has such fields. False: they aren't whole.
bool take_fields_beside(Unpacker& unpacker, std::uint32_t names, std::vector<Trace>& traces) {
  if (unpacker.rest().empty()) return true;
  const auto count = unpacker.take<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && unpacker.ok(); ++i) {
    const auto trace = unpacker.take<std::uint32_t>();
    const auto number = unpacker.take<std::uint8_t>();
    const auto value = unpacker.take<std::int64_t>();
    if (!unpacker.ok() || trace >= traces.size()) return false;
    set_field_beside(traces[trace], number, value);
    if (highest_name(traces[trace]) > names) return false;
  }
  return unpacker.ok() && unpacker.rest().empty();
}

}  // namespace

TraceBatchWriter::Places& TraceBatchWriter::places_of(const Names& names) {
  for (Places& places : places_) {
    if (places.names == &names) return places;
  }
  places_.push_back({&names, {}});
  return places_.back();
}

NameId TraceBatchWriter::place(Places& places, NameId id) {
  if (id >= places.names->size()) return 0;
  if (id >= places.ids.size()) places.ids.resize(places.names->size(), -1);
  std::int64_t& place = places.ids[id];
  if (place < 0) {
    const std::string& name = places.names->at(id);
    place = name.empty() ? 0 : ++names_count_;
    if (!name.empty()) put_text(names_, name);
  }
  return static_cast<NameId>(place);
}

void TraceBatchWriter::add(const Trace& trace, const Names& names) {
  Places& places = places_of(names);
  Trace placed = trace;
  each_name(placed, [&](NameId& id) { id = place(places, id); });
  put(rows_, pack(placed));
  put(rows_, static_cast<std::uint32_t>(trace.response.size()));
  rows_.append(trace.headers).append(trace.response);
  each_field_beside(placed, [&](std::uint8_t number, std::int64_t value) {
    put(beside_, traces_);
    put(beside_, number);
    put(beside_, value);
    ++beside_count_;
  });
  ++traces_;
}

std::string TraceBatchWriter::take(const TraceBatchHead& head) {
  std::string message;
  message.reserve(128 + names_.size() + rows_.size() + beside_.size());
  message.append(kMagic);
  put(message, head.resent ? kResent : std::uint8_t{0});
  put(message, head.sequence);
  put_text(message, head.worker);
  put_text(message, head.boot);
  put(message, names_count_);
  message.append(names_);
  put(message, traces_);
  message.append(rows_);
  // Readers of the first version look at nothing behind the traces.
  if (beside_count_ > 0) put(message, beside_count_);
  message.append(beside_);
  names_.clear();
  rows_.clear();
  beside_.clear();
  names_count_ = traces_ = beside_count_ = 0;
  places_.clear();
  return message;
}

void mark_resent(std::string& message) {
  if (message.size() > kMagic.size()) message[kMagic.size()] = static_cast<char>(kResent);
}

Result<TraceBatch> decode_trace_batch(std::string_view message) {
  if (!message.starts_with(kMagic)) return corrupt("it doesn't begin as a batch of this version");
  Unpacker unpacker(message.substr(kMagic.size()));
  TraceBatch batch;
  batch.head.resent = (unpacker.take<std::uint8_t>() & kResent) != 0;
  batch.head.sequence = unpacker.take<std::uint64_t>();
  batch.head.worker = unpacker.take_text();
  batch.head.boot = unpacker.take_text();
  const auto names = unpacker.take<std::uint32_t>();
  if (!unpacker.ok() || names > unpacker.rest().size() / kNameMin) return corrupt("it is cut off");
  for (std::uint32_t i = 0; i < names; ++i) batch.names.add(std::string(unpacker.take_text()));
  const auto traces = unpacker.take<std::uint32_t>();
  if (!unpacker.ok() || traces > unpacker.rest().size() / kTraceMin)
    return corrupt("it is cut off");
  batch.traces.reserve(traces);
  for (std::uint32_t i = 0; i < traces; ++i) {
    const auto row = unpacker.take<PackedTrace>();
    const auto response_size = unpacker.take<std::uint32_t>();
    Trace trace = unpack(row);
    const NameId most = highest_name(trace);
    if (most > names) return corrupt(fmt::format("a trace names the name {} of {}", most, names));
    trace.headers = unpacker.take_bytes(row.headers_size);
    trace.response = unpacker.take_bytes(response_size);
    if (!unpacker.ok()) return corrupt("it is cut off");
    batch.traces.push_back(trace);
  }
  if (!take_fields_beside(unpacker, names, batch.traces)) return corrupt("it is cut off");
  return batch;
}

}  // namespace galileo::wire
