#include "experiment/collector.h"

#include <cstring>
#include <unordered_map>

#include "base/counters.h"
#include "base/inbox.h"

namespace galileo::experiment {
namespace {

// How often the desk takes from the rings and writes: what a kill -9 can lose is what came since.
constexpr Duration kTick = std::chrono::milliseconds{20};

constexpr std::uint32_t kNoPlace = static_cast<std::uint32_t>(-1);

// What goes through a ring: this, then a name or a trace with its texts.
struct MessageHead {
  enum Kind : std::uint32_t { kName, kTrace } kind = kTrace;
  wire::NameId id = 0;             // of a name
  std::uint32_t headers_size = 0;  // of a trace
  std::uint32_t response_size = 0;
};
struct TraceMessage {
  MessageHead head;
  wire::Trace trace;
};

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// The place of a name that this loop's traces refer to, asked for once.
template <class Ask>
std::uint32_t place_of(std::vector<std::uint32_t>& places, wire::NameId id, Ask&& ask) {
  if (id >= places.size()) places.resize(id + 1, kNoPlace);
  if (places[id] == kNoPlace) places[id] = ask();
  return places[id];
}

}  // namespace

// A loop's end of the collector. put() and name() run on the loop, the rest at the desk.
class Collector::Ring final : public load::TraceSink {
 public:
  explicit Ring(std::size_t bytes) : ring(bytes) { ids_.emplace("", 0); }

  void put(const wire::Trace& trace) override {
    TraceMessage message;
    message.head = {MessageHead::kTrace, 0, static_cast<std::uint32_t>(trace.headers.size()),
                    static_cast<std::uint32_t>(trace.response.size())};
    message.trace = trace;
    if (!ring.push(bytes_of(message), trace.headers, trace.response)) lost.add(1);
  }

  wire::NameId name(std::string_view text) override {
    const auto known = ids_.find(std::string(text));
    if (known != ids_.end()) return known->second;
    const auto id = static_cast<wire::NameId>(ids_.size());
    ids_.emplace(text, id);
    const MessageHead head{MessageHead::kName, id, 0, 0};
    // Names come before any request does, when nothing fills the ring; thousands of clients may
    // still have to wait for the desk once.
    while (!ring.push(bytes_of(head), text)) net::pause_thread(std::chrono::milliseconds{1});
    return id;
  }

  MessageRing ring;
  RelaxedCounter lost;
  // At the desk: names by number, and their places in the summary's tables.
  wire::Names names;
  std::vector<std::uint32_t> service_places;
  std::vector<std::uint32_t> server_places;
  std::vector<std::uint32_t> phase_places;

 private:
  std::unordered_map<std::string, wire::NameId> ids_;
};

Collector::Collector(const Options& options, std::unique_ptr<store::SpoolWriter> spool)
    : spool_(std::move(spool)), summary_(options.start), telemetry_(options.start) {
  for (std::size_t i = 0; i < options.loops; ++i) {
    rings_.push_back(std::make_unique<Ring>(options.ring_bytes));
    spool_->name(static_cast<store::ProducerId>(i), 0, "");
  }
}

Collector::~Collector() {
  stop();
}

load::TraceSink& Collector::sink(std::size_t loop) {
  return *rings_[loop];
}

void Collector::start() {
  desk_ = std::make_unique<net::LoopThread>("collector");
  timer_ = std::make_unique<net::Timer>([this](Time) { tick(); });
  desk_->call([this] { desk_->loop().timers().set(*timer_, desk_->loop().clock().now() + kTick); });
}

void Collector::tick() {
  drain_rings();
  const auto flushed = spool_->flush();
  // A full disk may have room again later: what is buffered is tried again at the next tick.
  if (flushed.ok())
    spool_error_.reset();
  else
    spool_error_ = flushed.error();
  desk_->loop().timers().set(*timer_, desk_->loop().clock().now() + kTick);
}

void Collector::drain_rings() {
  for (std::size_t i = 0; i < rings_.size(); ++i)
    rings_[i]->ring.drain([this, i](std::string_view message) { take(i, message); });
}

void Collector::take(std::size_t loop, std::string_view message) {
  Ring& ring = *rings_[loop];
  const auto producer = static_cast<store::ProducerId>(loop);
  MessageHead head;
  std::memcpy(&head, message.data(), sizeof head);
  if (head.kind == MessageHead::kName) {
    const std::string_view text = message.substr(sizeof head);
    ring.names.set(head.id, std::string(text));
    spool_->name(producer, head.id, text);
    return;
  }
  TraceMessage taken;
  std::memcpy(static_cast<void*>(&taken), message.data(), sizeof taken);
  wire::Trace& trace = taken.trace;
  const std::string_view texts = message.substr(sizeof taken);
  trace.headers = texts.substr(0, head.headers_size);
  trace.response = texts.substr(head.headers_size, head.response_size);
  spool_->trace(producer, trace);
  const Summary::Places places{
      place_of(ring.service_places, trace.service,
               [&] { return summary_.service_place(ring.names.at(trace.service)); }),
      place_of(ring.server_places, trace.server,
               [&] { return summary_.server_place(ring.names.at(trace.server)); }),
      place_of(ring.phase_places, trace.phase,
               [&] { return summary_.phase_place(ring.names.at(trace.phase)); })};
  summary_.add(trace, places);
}

void Collector::put(const wire::Sample& sample) {
  desk_->loop().post([this, sample] {
    spool_->sample(sample);
    telemetry_.add(sample);
    if (sample.metric == "cpu") cpu_pct_ = sample.value;
  });
}

void Collector::put(const wire::Event& event) {
  desk_->loop().post([this, event] { spool_->event(event); });
}

Collector::Snapshot Collector::snapshot(Wall now) {
  Snapshot snapshot;
  desk_->call([&] {
    snapshot.live = summary_.live(now);
    snapshot.ledger = summary_.ledger();
    snapshot.cpu_pct = cpu_pct_;
    if (spool_error_) snapshot.spool_error = spool_error_->to_text();
  });
  return snapshot;
}

void Collector::stop() {
  if (!desk_) return;
  desk_->call([this] { desk_->loop().timers().cancel(*timer_); });
  desk_->join();
  timer_.reset();
  desk_.reset();
  drain_rings();
  const auto flushed = spool_->flush();
  spool_error_ = flushed.ok() ? std::nullopt : std::optional<Error>(flushed.error());
}

std::uint64_t Collector::traces_lost() const {
  std::uint64_t lost = spool_->traces_lost();
  for (const auto& ring : rings_) lost += ring->lost.load();
  return lost;
}

}  // namespace galileo::experiment
