// Looks at the laboratory again and again, for those who follow it: which experiments wait, run and
// have just ended, by the database, and what runs tell of themselves, by the bus. At a desk of its
// own, since both may take their time; what it sees comes to the loop. A look that fails is tried
// again, and changes nothing of what is shown.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "net/desk.h"
#include "service/lab_view.h"
#include "store/store.h"

namespace galileo::service {

class LabWatch {
 public:
  using OpenStore = std::function<Result<std::unique_ptr<store::Store>>()>;
  struct Seen {
    std::map<std::string, std::string> experiments;  // JSON by id
    std::vector<std::string> removed;
  };
  struct Told {
    std::string type;  // "state", "point", "event"
    std::string experiment;
    std::string json;  // in one line
  };

  // Both are called on `loop`. The bus and the loop outlive it.
  LabWatch(net::Loop& loop, bus::Bus& bus, OpenStore open_store,
           std::function<void(Seen seen)> on_seen, std::function<void(Told told)> on_told);
  ~LabWatch();

  // Something has changed: look now, not in a second.
  void nudge();

 private:
  void look();
  Result<Seen> seen();

  net::Loop& loop_;
  bus::Bus& bus_;
  const OpenStore open_store_;
  const std::function<void(Seen)> on_seen_;
  const std::function<void(Told)> on_told_;
  std::unique_ptr<store::Store> store_;
  // Those that are over stay as they are.
  std::map<std::string, ExperimentView> over_;
  std::map<std::string, std::string> shown_;
  bool fails_ = false;
  std::unique_ptr<bus::Subscription> subscription_;
  net::Desk desk_;
};

}  // namespace galileo::service
