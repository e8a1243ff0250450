#include "experiment/collector.h"

#include <utility>

#include "load/trace_ring.h"

namespace galileo::experiment {
namespace {

constexpr std::uint32_t kNoPlace = static_cast<std::uint32_t>(-1);

// The place of a name that this loop's traces refer to, asked for once.
template <class Ask>
std::uint32_t place_of(std::vector<std::uint32_t>& places, wire::NameId id, Ask&& ask) {
  if (id >= places.size()) places.resize(id + 1, kNoPlace);
  if (places[id] == kNoPlace) places[id] = ask();
  return places[id];
}

}  // namespace

// What the desk does with the traces of one producer, which share a table of names: it puts them
// into the spool, and to their places in the summary's tables.
class Collector::Producer {
 public:
  // `is_of_workers`: the traces' clients have the name of a worker before them.
  Producer(Collector& collector, store::ProducerId producer, bool is_of_workers = false)
      : collector_(collector), id_(producer), is_of_workers_(is_of_workers) {}

  void name(wire::NameId id, std::string_view text) { collector_.spool_.name(id_, id, text); }
  void trace(const wire::Trace& trace, const wire::Names& names) {
    collector_.spool_.trace(id_, trace);
    analysis::Summary& summary = collector_.summary_;
    summary.add(
        trace,
        {place_of(services_, trace.service,
                  [&] { return summary.service_place(names.at(trace.service)); }),
         place_of(servers_, trace.server,
                  [&] { return summary.server_place(names.at(trace.server)); }),
         place_of(phases_, trace.phase, [&] { return summary.phase_place(names.at(trace.phase)); }),
         trace.step == 0 ? 0
                         : place_of(steps_, trace.step,
                                    [&] { return summary.step_place(names.at(trace.step)); }),
         worker_of(trace, names), missed_check_of(trace, names)});
    if (collector_.joined_.wants(trace.headers)) join(trace, names);
    for (RunObserver* const observer : collector_.observers_) observer->on_trace(trace, names);
  }

 private:
  std::uint32_t worker_of(const wire::Trace& trace, const wire::Names& names) {
    if (!is_of_workers_) return analysis::Summary::Places::kNone;
    return place_of(workers_, trace.client, [&] {
      const std::string_view client = names.at(trace.client);
      return collector_.summary_.worker_place(client.substr(0, client.find(':')));
    });
  }
  std::uint32_t missed_check_of(const wire::Trace& trace, const wire::Names& names) {
    if (trace.failed_check == 0) return analysis::Summary::Places::kNone;
    return place_of(missed_checks_, trace.failed_check, [&] {
      return collector_.summary_.missed_check_place(names.at(trace.failed_check));
    });
  }
  void join(const wire::Trace& trace, const wire::Names& names) {
    collector_.joined_.add({names.at(trace.service), names.at(trace.server), trace.headers,
                            trace.created, trace.sent, trace.done,
                            wire::failure_group(trace.failure),
                            names.at(trace.phase) == analysis::Summary::kWarmup});
  }

  Collector& collector_;
  const store::ProducerId id_;
  const bool is_of_workers_;
  std::vector<std::uint32_t> services_;
  std::vector<std::uint32_t> servers_;
  std::vector<std::uint32_t> phases_;
  std::vector<std::uint32_t> steps_;
  std::vector<std::uint32_t> workers_;
  std::vector<std::uint32_t> missed_checks_;
};

// A loop of this process.
class Collector::Loop final : public load::TraceVisitor {
 public:
  Loop(Collector& collector, store::ProducerId producer, std::size_t ring_bytes)
      : ring(ring_bytes), producer_(collector, producer) {}
  void on_name(wire::NameId id, std::string_view name) override {
    names_.set(id, std::string(name));
    producer_.name(id, name);
  }
  void on_trace(const wire::Trace& trace) override { producer_.trace(trace, names_); }

  load::TraceRing ring;

 private:
  Producer producer_;
  wire::Names names_;
};

// What comes from other processes.
class Collector::Remote final : public store::SpoolVisitor {
 public:
  Remote(Collector& collector, store::ProducerId producer)
      : collector_(collector), producer_(collector, producer, true) {}
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    for (; names_told_ < names.size(); ++names_told_) {
      const auto id = static_cast<wire::NameId>(names_told_);
      producer_.name(id, names.at(id));
    }
    producer_.trace(trace, names);
  }
  void on_sample(const wire::Sample& sample) override {
    collector_.spool_.sample(sample);
    collector_.telemetry_.add(sample);
    collector_.joined_.add(sample);
  }
  void on_event(const wire::Event& event) override {
    collector_.spool_.event(event);
    collector_.joined_.add(event);
  }

 private:
  Collector& collector_;
  Producer producer_;
  std::size_t names_told_ = 0;
};

Collector::Collector(const Options& options, store::SpoolWriter& spool)
    : spool_(spool),
      summary_(options.start),
      telemetry_(options.start),
      on_spool_full_(options.on_spool_full),
      observers_(options.observers) {
  for (std::size_t i = 0; i < options.loops; ++i) {
    const auto producer = static_cast<store::ProducerId>(i);
    loops_.push_back(std::make_unique<Loop>(*this, producer, options.ring_bytes));
    spool_.name(producer, 0, "");
  }
}

Collector::~Collector() {
  stop();
}

load::TraceSink& Collector::sink(std::size_t loop) {
  return loops_[loop]->ring;
}

void Collector::start() {
  desk_.start("collector", [this](Time) { return tick(); }, net::RealClock().now() + pace_.wait());
}

Time Collector::tick() {
  pace_.took(drain_rings());
  const auto flushed = spool_.flush();
  // A full disk may have room again later: what is buffered is tried again at the next tick.
  if (flushed.ok())
    spool_error_.reset();
  else
    spool_error_ = flushed.error();
  if (spool_.is_full() && on_spool_full_) std::exchange(on_spool_full_, {})();
  return desk_.clock().now() + pace_.wait();
}

std::size_t Collector::drain_rings() {
  std::size_t taken = 0;
  for (const auto& loop : loops_) taken += loop->ring.drain(*loop);
  if (drain_remote_) drain_remote_(*remote_);
  for (RunObserver* const observer : observers_) observer->on_turn();
  return taken;
}

void Collector::attach(std::function<void(store::SpoolVisitor& to)> drain) {
  desk_.call([&] {
    if (!remote_)
      remote_ = std::make_unique<Remote>(*this, static_cast<store::ProducerId>(loops_.size()));
    drain_remote_ = std::move(drain);
  });
}

void Collector::at_desk(const std::function<void()>& task) {
  if (desk_.is_running())
    desk_.call(task);
  else
    task();
}

void Collector::put(std::vector<wire::Sample> samples) {
  desk_.post([this, samples = std::move(samples)] {
    for (const wire::Sample& sample : samples) {
      spool_.sample(sample);
      telemetry_.add(sample);
      joined_.add(sample);
      if (sample.metric == "cpu_busy") cpu_pct_ = sample.value;
    }
  });
}

void Collector::put(const wire::Event& event) {
  desk_.post([this, event] {
    spool_.event(event);
    joined_.add(event);
  });
}

void Collector::put(const wire::NodeInfo& info) {
  desk_.post([this, info] { joined_.add(info); });
}

void Collector::keep(const wire::NodeInfo& info) {
  desk_.post([this, info] {
    spool_.node_info(info);
    joined_.add(info);
  });
}

void Collector::put(const wire::Experiment& experiment, std::string metadata) {
  desk_.post([this, experiment, metadata = std::move(metadata)] {
    spool_.experiment(experiment, metadata);
  });
}

Collector::Snapshot Collector::snapshot(Wall now) {
  Snapshot snapshot;
  desk_.call([&] {
    snapshot.live = summary_.live(now);
    snapshot.ledger = summary_.ledger();
    snapshot.cpu_pct = cpu_pct_;
    if (spool_error_) snapshot.spool_error = spool_error_->to_text();
  });
  return snapshot;
}

void Collector::stop() {
  if (!desk_.is_running()) return;
  desk_.stop();
  drain_rings();
  const auto flushed = spool_.flush();
  spool_error_ = flushed.ok() ? std::nullopt : std::optional<Error>(flushed.error());
  // What is counted as lost from here on stays so.
  spool_.give_up_waiting();
}

std::uint64_t Collector::traces_lost() const {
  std::uint64_t lost = spool_.traces_lost();
  for (const auto& loop : loops_) lost += loop->ring.lost();
  return lost;
}

}  // namespace galileo::experiment
