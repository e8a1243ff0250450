// A laboratory as it is shown: experiments with what the bus and their submissions tell of them,
// daemons, and what runs now. All of it is made of the database and the bus each time; nothing is
// kept here, so that a server that was restarted tells the same. Blocking; at one desk.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/bus.h"
#include "store/store.h"

namespace galileo::service {

struct ExperimentView {
  wire::Experiment row;
  std::string state;   // "queued", "running", "interrupted", ... (docs/wire/rest_v1.md)
  std::string reason;  // why it ended as it did, or is interrupted; empty: none
  std::vector<std::string> tags;
  std::string rerun_of;
  std::string daemon;                // who runs it; empty: nobody
  std::optional<std::size_t> place;  // in the queue, from 1

  bool is_over() const;
  bool is_waiting() const { return state == "queued"; }
};

// What the bus tells of who runs what, at one moment.
struct BusView {
  std::string lease;                 // the lease's JSON; empty: nobody has the fleet
  std::vector<std::string> daemons;  // a JSON object each
  std::string leased;                // the experiment that the lease is for; empty: none
  std::string holder;

  static Result<BusView> read(bus::Bus& bus);
};

// The rows as they are shown, in their order. `details`: with what their submissions and metadata
// say, which is a look-up each.
Result<std::vector<ExperimentView>> views_of(bus::Bus& bus, store::Store& store,
                                             const std::vector<wire::Experiment>& rows,
                                             bool details);

// As the API shows it, in JSON.
std::string view_json(const ExperimentView& view);

// What an experiment does now, as its run last told it, as a JSON object: "state", and what it did
// before: "points", "points_10", "points_60", "events", which are empty without `past`.
Result<std::string> live_json(bus::Bus& bus, const std::string& id, bool past);

}  // namespace galileo::service
