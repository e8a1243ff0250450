#include "fleet/intake.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>

#include "bus/keys.h"
#include "wire/event_line.h"
#include "wire/sample_line.h"
#include "wire/trace_line.h"

namespace galileo::fleet {
namespace {

// Before each message in the ring.
struct MessageHead {
  std::uint32_t kind = 0;
  std::uint32_t channel_size = 0;
};

// "<prefix>:<number>"; where it isn't of that form, the whole is the prefix and the number 0.
struct RequestId {
  std::string_view prefix;
  std::uint64_t number = 0;
};
RequestId split_request_id(std::string_view id) {
  const std::size_t colon = id.rfind(':');
  RequestId split{id, 0};
  if (colon == std::string_view::npos) return split;
  const char* end = id.data() + id.size();
  if (std::from_chars(id.data() + colon + 1, end, split.number).ptr != end) return {id, 0};
  split.prefix = id.substr(0, colon);
  return split;
}

// "<worker>:<service>:<n>": the worker, whose name may hold colons itself.
std::string_view worker_of(std::string_view client) {
  const std::size_t last = client.rfind(':');
  const std::size_t middle = last == std::string_view::npos || last == 0
                                 ? std::string_view::npos
                                 : client.rfind(':', last - 1);
  return middle == std::string_view::npos ? client : client.substr(0, middle);
}

std::string sender_key(std::string_view worker, std::string_view boot) {
  return fmt::format("{}\n{}", worker, boot);
}

}  // namespace

Intake::Intake(std::size_t ring_bytes) : ring_(ring_bytes) {
  ids_.emplace("", 0);
}

Intake::~Intake() {
  close();
}

Result<void> Intake::open(bus::Bus& bus, const std::vector<std::string>& nodes) {
  const auto listener = [this](std::string_view channel, std::string_view message) {
    on_message(channel, message);
  };
  std::vector<std::string> telemetry;
  for (const std::string& node : nodes) telemetry.push_back(fmt::format("telem/{}/*", node));
  if (nodes.empty()) telemetry.push_back(std::string(bus::kAllTelemetry));
  // Lines by a pattern: a worker that sees nobody listen to them by name sends batches only.
  telemetry.emplace_back(bus::kTracesPattern);
  subscriptions_.push_back(TRY(bus.subscribe(
      {std::string(bus::kTraceBatches), std::string(bus::kEvents)}, telemetry, listener)));
  return {};
}

void Intake::close() {
  subscriptions_.clear();
}

void Intake::on_message(std::string_view channel, std::string_view message) {
  MessageHead head;
  const Kind kind = channel == bus::kTraceBatches ? Kind::kBatch
                    : channel == bus::kTraces     ? Kind::kLine
                    : channel == bus::kEvents     ? Kind::kEvent
                                                  : Kind::kSample;
  head.kind = static_cast<std::uint32_t>(kind);
  const std::string_view topic = kind == Kind::kSample ? channel : std::string_view{};
  head.channel_size = static_cast<std::uint32_t>(topic.size());
  if (!ring_.push({reinterpret_cast<const char*>(&head), sizeof head}, topic, message))
    dropped_.add(1);
}

void Intake::drain(store::SpoolVisitor& to) {
  ring_.drain([&](std::string_view message) { take(message, to); });
}

void Intake::take(std::string_view message, store::SpoolVisitor& to) {
  MessageHead head;
  std::memcpy(&head, message.data(), sizeof head);
  const std::string_view channel = message.substr(sizeof head, head.channel_size);
  const std::string_view payload = message.substr(sizeof head + head.channel_size);
  switch (static_cast<Kind>(head.kind)) {
    case Kind::kBatch:
      return take_batch(payload, to);
    case Kind::kLine:
      return take_line(payload, to);
    case Kind::kSample: {
      const auto sample = wire::parse_sample_line(channel, payload);
      if (!sample.ok()) return malformed(Kind::kSample, sample.error());
      ++counts_.samples;
      return to.on_sample(*sample);
    }
    case Kind::kEvent: {
      const auto event = wire::parse_event_line(payload);
      if (!event.ok()) return malformed(Kind::kEvent, event.error());
      ++counts_.events;
      return to.on_event(*event);
    }
  }
}

void Intake::take_batch(std::string_view bytes, store::SpoolVisitor& to) {
  auto batch = wire::decode_trace_batch(bytes);
  if (!batch.ok()) return malformed(Kind::kBatch, batch.error());
  Sender& sender = senders_[sender_key(batch->head.worker, batch->head.boot)];
  sender.batches.add(batch->head.sequence);
  ++counts_.batches;
  std::vector<wire::NameId> ids(batch->names.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = intern(batch->names.at(static_cast<wire::NameId>(i)));
  for (wire::Trace& trace : batch->traces) {
    for (wire::NameId* id :
         {&trace.client, &trace.id_prefix, &trace.service, &trace.server, &trace.phase})
      *id = ids[*id];
    hand_on(trace, to);
  }
}

void Intake::take_line(std::string_view line, store::SpoolVisitor& to) {
  const auto parsed = wire::parse_trace_line(line);
  if (!parsed.ok()) return malformed(Kind::kLine, parsed.error());
  const wire::NamedTrace* const named = &parsed->trace;
  // A worker of ours may send lines to an old recorder beside the batches that we take.
  const std::string_view worker = worker_of(named->client);
  const auto sender = senders_.lower_bound(sender_key(worker, ""));
  if (sender != senders_.end() && sender->first.starts_with(fmt::format("{}\n", worker))) return;
  const RequestId id = split_request_id(named->request_id);
  wire::Trace trace;
  trace.client = intern(named->client);
  trace.id_prefix = intern(id.prefix);
  trace.service = intern(named->service);
  trace.server = intern(named->server);
  trace.number = id.number;
  trace.status = named->status;
  trace.failure = wire::guess_failure(*named);
  trace.created = named->created;
  trace.sent = named->sent;
  trace.done = named->done;
  trace.headers = named->headers;
  trace.response = named->response;
  hand_on(trace, to);
}

void Intake::hand_on(wire::Trace& trace, store::SpoolVisitor& to) {
  if (trace.number > 0 && !numbers_of(trace.id_prefix).add(trace.number)) {
    ++counts_.duplicates;
    return;
  }
  ++counts_.traces;
  to.on_trace(trace, names_);
}

NumberSet& Intake::numbers_of(wire::NameId id_prefix) {
  if (id_prefix >= numbers_.size()) numbers_.resize(id_prefix + 1);
  return numbers_[id_prefix];
}

wire::NameId Intake::intern(std::string_view name) {
  const auto found = ids_.find(std::string(name));
  if (found != ids_.end()) return found->second;
  const wire::NameId id = names_.add(std::string(name));
  ids_.emplace(name, id);
  return id;
}

void Intake::malformed(Kind kind, const Error& error) {
  ++counts_.malformed;
  const std::uint32_t bit = 1u << static_cast<std::uint32_t>(kind);
  if ((kinds_told_ & bit) != 0) return;
  kinds_told_ |= bit;
  troubles_.push_back(error);
}

IntakeCounts Intake::counts() const {
  IntakeCounts counts = counts_;
  counts.dropped = dropped_.load();
  for (const NumberSet& numbers : numbers_) counts.missing += numbers.missing();
  for (const auto& [key, sender] : senders_) counts.batches_missing += sender.batches.missing();
  return counts;
}

bool Intake::has_batches(const std::string& worker, const std::string& boot,
                         std::uint64_t last) const {
  // Batches from before the experiment have been nobody's business: what counts is an unbroken
  // stretch up to the last one.
  const auto sender = senders_.find(sender_key(worker, boot));
  if (sender == senders_.end()) return false;
  return sender->second.batches.missing() == 0 && sender->second.batches.last() >= last;
}

}  // namespace galileo::fleet
