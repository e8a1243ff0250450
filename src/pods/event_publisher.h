// The adapter's end at the bus: publishes its events in their order, each once (outbox.h), and
// keeps `labels` and `allocatable` of each node in telemd.info:<node>, where a telemd that starts
// or ends wipes them out, and who served an application when, for who comes to listen later. Works
// at a desk of its own: a bus that is slow or away holds no watch up.
//
// Who listens reconnects after a loss, too. So after one what waits is held back for a moment,
// where somebody had been listening before: published earlier it would reach nobody.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "bus/bus.h"
#include "net/desk.h"
#include "pods/cluster_events.h"
#include "pods/outbox.h"

namespace galileo::pods {

// Where it can't be known whether a batch went out before the connection broke, a number beside it
// tells; where the server has forgotten that too, it goes out again, behind an event that says so.
// A server that takes no changes (full, read-only) still passes messages on: then events go out
// without their number.
struct EventPublisherOptions {
  std::string mark_key;        // this process's own
  std::string alive_key = {};  // there while it lives; empty: none
  std::size_t waiting_bytes_max = std::size_t{16} << 20;
};

class EventPublisher {
 public:
  // `bus` outlives it, and tells nobody else when it is lost and there again.
  EventPublisher(bus::Bus& bus, EventPublisherOptions options);
  // Publishes what waits, as far as the bus takes it at once.
  ~EventPublisher();

  // From the owner's thread; neither waits. Lines of docs/wire/bus.md, "Events". Beyond
  // waiting_bytes_max the oldest go, and an event says how many.
  void put(std::vector<std::string> lines);
  void set_node(const std::string& node, const std::optional<NodeFields>& fields);
  // "<event> <its value>" of a pod that is there; none: it has gone.
  void set_pod(const std::string& uid, const std::optional<std::string>& event);

  // Any thread.
  std::uint64_t published() const { return published_.load(); }
  std::uint64_t waiting() const {
    return put_.load() + made_.load() - published_.load() - dropped_.load();
  }
  std::uint64_t dropped() const { return dropped_.load(); }
  std::uint64_t unsure() const { return unsure_.load(); }
  std::uint64_t nodes_written() const { return nodes_written_.load(); }

 private:
  // All of it at the desk.
  Time on_tick(Time now);
  bool publish(Time now);
  bool resolve();
  bool publish_batch();
  bool is_held(Time now);
  void say_alive();
  void look_after_nodes();
  void write(const std::string& node, const NodeFields& fields);
  void look_after_pods();
  void on_connected(bool connected);

  bus::Bus& bus_;
  const EventPublisherOptions options_;
  Outbox outbox_;
  std::map<std::string, NodeFields> nodes_;
  std::map<std::string, std::string> pods_;  // by uid
  Time looked_at_{};
  bool has_mark_ = false;
  bool had_listeners_ = false;
  std::optional<Time> back_since_;
  RelaxedCounter put_;   // the owner's
  RelaxedCounter made_;  // lines that the outbox says itself
  RelaxedCounter published_;
  RelaxedCounter dropped_;
  RelaxedCounter unsure_;
  RelaxedCounter nodes_written_;
  net::Desk desk_;
};

}  // namespace galileo::pods
