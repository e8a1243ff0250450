#include "fleet/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <set>

#include "bus/keys.h"
#include "net/clock.h"
#include "net/loop.h"
#include "wire/event_line.h"
#include "wire/sample_line.h"
#include "wire/trace_fields.h"

namespace galileo::fleet {
namespace {

// Before each message in the ring.
struct MessageHead {
  std::uint32_t kind = 0;
  std::uint32_t channel_size = 0;
};

// The worker of "<worker>:<service>:<n>"; its name holds no colon (bus/directory.h).
std::string_view worker_of(std::string_view client) {
  return client.substr(0, client.find(':'));
}

// The second field of a line.
std::string_view client_of(std::string_view line) {
  const std::size_t comma = line.find(',');
  if (comma == std::string_view::npos) return {};
  line.remove_prefix(comma + 1);
  return line.substr(0, line.find(','));
}

// The pattern of all that a node tells, whatever letters its name is made of.
std::string telemetry_pattern(std::string_view node) {
  std::string pattern = "telem/";
  for (const char letter : node) {
    if (std::string_view("*?[]\\").find(letter) != std::string_view::npos) pattern += '\\';
    pattern += letter;
  }
  return pattern + "/*";
}

// What programs of the old family publish on all channels when they stop: it is nothing.
constexpr std::string_view kPoison = "__POISON__";

// A date on an event is its sender's, who is taken to have our zone.
std::int64_t local_seconds(std::tm clock) {
  return std::mktime(&clock);
}

}  // namespace

Intake::Intake(const Options& options) : options_(options), ring_(options.ring_bytes) {
  ids_.emplace("", 0);
}

Intake::~Intake() {
  close();
}

Result<void> Intake::open(bus::Bus& bus, const std::vector<std::string>& nodes) {
  const auto listener = [this](std::string_view channel, std::string_view message) {
    on_message(channel, message);
  };
  // Lines by a pattern: a worker that sees nobody listen to them by name sends batches only.
  std::vector<std::string> patterns{std::string(bus::kTracesPattern)};
  for (const std::string& node : std::set<std::string>(nodes.begin(), nodes.end()))
    patterns.push_back(telemetry_pattern(node));
  if (nodes.empty()) patterns.emplace_back(bus::kAllTelemetry);
  std::random_device device;
  mark_channel_ = bus::recorder_mark_channel(fmt::format("{:08x}{:08x}", device(), device()));
  subscription_ =
      TRY(bus.subscribe({std::string(bus::kTraceBatches), std::string(bus::kEvents), mark_channel_},
                        patterns, listener));
  bus_ = &bus;
  return {};
}

// What a connection is told comes in the order in which it was published: when a mark of ours is
// back, all from before is here.
bool Intake::catch_up(Duration timeout) {
  if (!bus_ || !bus_->connected()) return false;
  const net::RealClock clock;
  const Time end = clock.now() + timeout;
  ++marks_sent_;
  if (!bus_->publish(mark_channel_, std::to_string(marks_sent_)).ok()) return false;
  while (marks_heard_.load() < marks_sent_) {
    if (clock.now() > end || !bus_->connected()) return false;
    net::pause_thread(std::chrono::milliseconds{1});
  }
  return true;
}

void Intake::close() {
  bus_ = nullptr;
  subscription_.reset();
}

void Intake::on_message(std::string_view channel, std::string_view message) {
  if (channel == mark_channel_) return marks_heard_.add(1);
  if (message == kPoison) return;
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
  ++drains_;
  ring_.drain([&](std::string_view message) { take(message, to); });
  take_waiting(drains_ - std::min(drains_, options_.line_waits), to);
}

void Intake::finish(store::SpoolVisitor& to) {
  drain(to);
  take_waiting(drains_, to);
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
      const auto event = wire::parse_event_line(payload, &local_seconds);
      if (!event.ok()) return malformed(Kind::kEvent, event.error());
      ++counts_.events;
      return to.on_event(*event);
    }
  }
}

void Intake::take_batch(std::string_view bytes, store::SpoolVisitor& to) {
  auto batch = wire::decode_trace_batch(bytes);
  if (!batch.ok()) return malformed(Kind::kBatch, batch.error());
  std::vector<std::string_view> names;
  names.reserve(batch->names.size());
  for (wire::NameId id = 0; id < batch->names.size(); ++id) names.emplace_back(batch->names.at(id));
  if (!has_room_for(names, Kind::kBatch)) return;
  if (!batches_[batch->head.worker][batch->head.boot].add(batch->head.sequence)) {
    counts_.duplicates += batch->traces.size();
    return;
  }
  ++counts_.batches;
  std::vector<wire::NameId> ids;
  ids.reserve(names.size());
  for (const std::string_view name : names) ids.push_back(name_id(name));
  for (wire::Trace& trace : batch->traces) {
    wire::each_name(trace, [&](wire::NameId& id) { id = ids[id]; });
    // The same in a batch of another number: made anew, or a line that was taken before.
    if (!is_new(trace)) {
      ++counts_.duplicates;
      continue;
    }
    ++counts_.traces;
    to.on_trace(trace, names_);
  }
}

void Intake::take_line(std::string_view line, store::SpoolVisitor& to) {
  if (!batches_.empty() && batches_.contains(worker_of(client_of(line)))) {
    waiting_.push_back({drains_, std::string(line)});
    waiting_bytes_ += line.size();
    return;
  }
  const auto parsed = wire::parse_trace_line(line);
  if (!parsed.ok()) return malformed(Kind::kLine, parsed.error());
  hand_on(*parsed, false, to);
}

// Those that have waited since that drain or longer, and as many as are too many.
void Intake::take_waiting(std::uint64_t since_max, store::SpoolVisitor& to) {
  while (!waiting_.empty() &&
         (waiting_.front().since <= since_max || waiting_bytes_ > options_.waiting_bytes_max)) {
    const std::string line = std::move(waiting_.front().line);
    waiting_.pop_front();
    waiting_bytes_ -= line.size();
    const auto parsed = wire::parse_trace_line(line);
    if (parsed.ok())
      hand_on(*parsed, true, to);
    else
      malformed(Kind::kLine, parsed.error());
  }
}

void Intake::hand_on(const wire::TraceLine& line, bool waited, store::SpoolVisitor& to) {
  const wire::NamedTrace& named = line.trace;
  const wire::RequestId id = wire::split_request_id(named.request_id);
  const std::array<std::string_view, 4> names{named.client, id.prefix, named.service, named.server};
  if (!has_room_for(names, Kind::kLine)) return;
  wire::Trace trace;
  wire::copy_values(trace, named);
  trace.id_prefix = name_id(id.prefix);
  trace.number = id.number;
#define TRACE_NAME(member, ...) trace.member = name_id(named.member);
#define TRACE_HEADERS(member, ...) trace.member = named.member;
#define TRACE_RESPONSE(member, ...) trace.member = named.member;
#include "wire/trace_fields.def"
  trace.failure = wire::guess_failure(named);
  trace.empty_response = line.has_response && named.response.empty();
  if (!is_new(trace)) {
    if (!waited) ++counts_.duplicates;  // else its batch came, as expected
    return;
  }
  ++counts_.traces;
  to.on_trace(trace, names_);
}

// Two clients whose ids begin alike (they are drawn) are still two.
bool Intake::is_new(const wire::Trace& trace) {
  return numbers_[std::uint64_t{trace.client} << 32 | trace.id_prefix].add(trace.number);
}

bool Intake::has_room_for(std::span<const std::string_view> names, Kind kind) {
  if (names_.size() + names.size() <= options_.names_max) return true;
  if (std::all_of(names.begin(), names.end(),
                  [this](std::string_view name) { return ids_.find(name) != ids_.end(); }))
    return true;
  malformed(kind, Error{ErrorCode::kCorrupt,
                        "no more clients' traces can be taken",
                        {},
                        fmt::format("they have {} different names already", names_.size()),
                        "does a sender put something unique into each trace's client or service?"});
  return false;
}

wire::NameId Intake::name_id(std::string_view name) {
  if (name.empty()) return 0;
  const auto found = ids_.find(name);
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
  for (const auto& [client, numbers] : numbers_) counts.missing += numbers.missing();
  for (const auto& [worker, boots] : batches_) {
    for (const auto& [boot, numbers] : boots) counts.batches_missing += numbers.missing();
  }
  return counts;
}

bool Intake::has_batches(const std::string& worker, const std::string& boot,
                         std::uint64_t last) const {
  if (last == 0) return true;
  const auto boots = batches_.find(worker);
  if (boots == batches_.end()) return false;
  const auto numbers = boots->second.find(boot);
  return numbers != boots->second.end() && numbers->second.unbroken_to(last);
}

}  // namespace galileo::fleet
